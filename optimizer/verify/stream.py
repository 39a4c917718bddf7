"""Bytes in order, read once: bounded, and never silently short."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

from optimizer.verify.entry import ImageError

CHUNK = 1 << 20


class Readable(Protocol):
    """What bytes come from: a file, a pipe, a socket's file."""

    def read(self, size: int, /) -> bytes:
        """At most size bytes; none at the end."""


def chunks(stream: Readable) -> Iterator[bytes]:
    """The bytes of a stream, in chunks."""
    while chunk := stream.read(CHUNK):
        yield chunk


class Source:
    """Chunks to be read in other portions. Whatever is more than `limit` bytes is refused."""

    def __init__(self, incoming: Iterator[bytes | memoryview], limit: int) -> None:
        self.offset = 0
        """Bytes that were read so far."""
        self._incoming = incoming
        self._limit = limit
        self._received = 0
        self._chunk = memoryview(b"")

    def _fill(self) -> bool:
        """Have at least one byte at hand, unless the end is reached."""
        while not self._chunk:
            chunk = next(self._incoming, None)
            if chunk is None:
                return False
            self._received += len(chunk)
            if self._received > self._limit:
                raise ImageError(f"the image is refused: it has more than {self._limit} bytes")
            self._chunk = memoryview(chunk)
        return True

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Exactly the next size bytes, in pieces that are only good until the next one.

        :raises ImageError: when the stream ends before.
        """
        while size:
            if not self._fill():
                raise ImageError(
                    f"the image's archive ends early, after {self.offset} bytes: the export was cut off, repeat it"
                )
            piece = self._chunk[:size]
            self._chunk = self._chunk[len(piece) :]
            size -= len(piece)
            self.offset += len(piece)
            yield piece

    def take(self, size: int) -> bytes:
        """Exactly the next size bytes, of which there should not be many.

        :raises ImageError: when the stream ends before.
        """
        return b"".join(self.pieces(size))

    def peek(self, size: int) -> bytes:
        """The next bytes, size of them if there are so many, without going on."""
        while len(self._chunk) < size:
            have = bytes(self._chunk)
            self._chunk = memoryview(b"")
            if not self._fill():
                self._chunk = memoryview(have)
                break
            self._chunk = memoryview(have + bytes(self._chunk))
        return bytes(self._chunk[:size])

    def skip(self, size: int) -> None:
        """Leave out the next size bytes."""
        for _ in self.pieces(size):
            pass

    def rest(self) -> Iterator[memoryview]:
        """All bytes up to the end, as they come."""
        while self._fill():
            piece, self._chunk = self._chunk, memoryview(b"")
            self.offset += len(piece)
            yield piece


def unpacked(source: Source, name: str) -> Iterator[bytes | memoryview]:
    """All bytes of the source in chunks, unpacked if they are packed by gzip or zstd.

    :raises ImageError: when they are damaged, or are packed in a way that this Python cannot read.
    """
    head = source.peek(4)
    if head[:2] == b"\x1f\x8b":
        return _gunzip(source, name)
    if head == b"\x28\xb5\x2f\xfd":
        return _unzstd(source, name)
    return source.rest()


def _gunzip(source: Source, name: str) -> Iterator[bytes]:
    unpacker = None
    try:
        for piece in source.rest():
            data: bytes | memoryview = piece
            while data:
                if unpacker is None:
                    data = bytes(data).lstrip(b"\0")  # as gzip does: padding between and after members
                    if not data:
                        break
                    unpacker = zlib.decompressobj(wbits=31)
                yield unpacker.decompress(data, CHUNK)
                data = unpacker.unconsumed_tail
                if unpacker.eof:
                    data, unpacker = unpacker.unused_data, None
    except zlib.error as error:
        raise ImageError(f"the layer {name} is damaged ({error}): export the image again") from None
    if unpacker is not None:
        raise ImageError(f"the layer {name} ends early: export the image again")


def _unzstd(source: Source, name: str) -> Iterator[bytes]:
    reader = zstd()
    if reader is None:
        raise ImageError(
            f"the layer {name} is packed with zstd, which Python reads from 3.14 on: "
            "use that, install backports.zstd, or build with compression=gzip"
        )
    unpacker = None
    try:
        for piece in source.rest():
            data = bytes(piece)
            while data or (unpacker is not None and not unpacker.needs_input):
                if unpacker is None:
                    unpacker = reader.ZstdDecompressor()
                yield unpacker.decompress(data, CHUNK)
                data = b""
                if unpacker.eof:
                    data, unpacker = unpacker.unused_data, None
    except reader.ZstdError as error:
        raise ImageError(f"the layer {name} is damaged ({error}): export the image again") from None
    if unpacker is not None:
        raise ImageError(f"the layer {name} ends early: export the image again")


def zstd() -> Any:
    """The module that reads zstd: Python's own from 3.14 on, or its backport; None without either."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
