"""Reads from an ELF file what a dynamic loader reads: what it needs, and where it looks for it.

Source: the System V ABI (ELF header, program headers, dynamic section) and the LSB on symbol versions. Every offset
and length comes from the file, so every access is checked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from optimizer.verify.entry import Pieces, Wanted

KEPT = 1 << 25
"""Bytes kept from the start of a large file, and from its end; of up to twice that, all is kept.

Linkers put names in front of the code, patchelf puts them at the end.
"""
_MAGIC = b"\x7fELF"
_MOST = 10_000
"""Entries of one table that are read; no linker writes that many."""


class _Type(IntEnum):
    EXECUTABLE = 2
    SHARED = 3


class _Segment(IntEnum):
    LOAD = 1
    DYNAMIC = 2
    INTERPRETER = 3


class _Tag(IntEnum):
    """Entries of the dynamic section."""

    NULL = 0
    NEEDED = 1
    STRTAB = 5
    STRSZ = 10
    SONAME = 14
    RPATH = 15
    RUNPATH = 29
    VERDEF = 0x6FFFFFFC
    VERDEFNUM = 0x6FFFFFFD
    VERNEED = 0x6FFFFFFE
    VERNEEDNUM = 0x6FFFFFFF


class ElfError(ValueError):
    """The file is no whole ELF file, or too large to have been kept; the message says which."""


class Elf(NamedTuple):
    """What a dynamic loader reads of one file."""

    machine: int
    bits: int
    interpreter: str = ""
    """The dynamic loader; "" for shared libraries and static programs."""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()
    soname: str = ""
    requires: tuple[tuple[str, str], ...] = ()
    """Symbol versions that are needed, each with its library: ("libc.so.6", "GLIBC_2.34"). Weak ones are left out."""
    provides: frozenset[str] = frozenset()
    """Symbol versions that this library defines."""

    @property
    def is_dynamic(self) -> bool:
        """Whether a loader has anything to do with it."""
        return bool(self.interpreter or self.needed)


class Unreadable(NamedTuple):
    """In place of an Elf: why it could not be read."""

    reason: str


def look(path: str, size: int, head: bytes) -> Wanted | None:
    """Ask for what is needed of a program or shared library; None for all other files, object files among them."""
    try:
        layout = _Layout.of(head)
    except ElfError:
        return None
    if layout.type not in (_Type.EXECUTABLE, _Type.SHARED):
        return None
    ranges = [range(size)] if size <= 2 * KEPT else [range(KEPT), range(size - KEPT, size)]
    try:
        segments = list(_segments(Pieces(size, [(0, head)]), layout))
    except ValueError:
        segments = []
    ranges += [
        range(segment.offset, min(segment.offset + segment.size, segment.offset + KEPT))
        for segment in segments
        if segment.type == _Segment.DYNAMIC
    ]
    return Wanted(tuple(ranges), read_or_reason)


def read_or_reason(pieces: Pieces) -> Elf | Unreadable:
    """What the file says, or why that cannot be told."""
    try:
        return read(pieces)
    except ElfError as error:
        return Unreadable(str(error))


def read(pieces: Pieces) -> Elf:
    """What the file says.

    :raises ElfError: when it is no ELF file, not whole, or the needed part of it is not there.
    """
    try:
        return _read(pieces)
    except (ValueError, struct.error) as error:
        raise ElfError(str(error)) from None


class _Layout(NamedTuple):
    """Of the ELF header: how numbers are written, and where the program headers are."""

    order: str
    bits: int
    type: int
    machine: int
    offset: int
    entry_size: int
    entries: int

    @classmethod
    def of(cls, head: bytes) -> _Layout:
        if len(head) < 64 or head[:4] != _MAGIC or head[4] not in (1, 2) or head[5] not in (1, 2):
            raise ElfError("no ELF file")
        bits = 32 * head[4]
        order = "<>"[head[5] - 1]
        kind, machine = struct.unpack_from(f"{order}HH", head, 16)
        offset = struct.unpack_from(f"{order}{'IQ'[bits == 64]}", head, 32 if bits == 64 else 28)[0]
        entry_size, count = struct.unpack_from(f"{order}HH", head, 54 if bits == 64 else 42)
        return cls(order, bits, kind, machine, offset, entry_size, count)


class _Header(NamedTuple):
    """One program header."""

    type: int
    offset: int
    address: int
    size: int


def _segments(pieces: Pieces, layout: _Layout) -> Iterator[_Header]:
    for number in range(layout.entries):
        at = layout.offset + number * layout.entry_size
        if layout.bits == 64:
            kind, _, offset, address, _, size = struct.unpack(f"{layout.order}IIQQQQ", pieces.at(at, 40))
        else:
            kind, offset, address, _, size = struct.unpack(f"{layout.order}IIIII", pieces.at(at, 20))
        yield _Header(kind, offset, address, size)


def _read(pieces: Pieces) -> Elf:
    layout = _Layout.of(pieces.at(0, min(64, pieces.size)))
    segments = list(_segments(pieces, layout))
    interpreter = ""
    tags: list[tuple[int, int]] = []
    for segment in segments:
        if segment.type == _Segment.INTERPRETER:
            interpreter = _text(pieces.at(segment.offset, min(segment.size, 4096)), 0)
        elif segment.type == _Segment.DYNAMIC:
            tags = list(_dynamic(pieces, layout, segment))
    single = dict(reversed(tags))
    if _Tag.STRTAB not in single:
        return Elf(layout.machine, layout.bits, interpreter)

    def place(address: int) -> int:
        """Where in the file is what the loader has at this address."""
        for segment in segments:
            if segment.type == _Segment.LOAD and segment.address <= address < segment.address + segment.size:
                return segment.offset + address - segment.address
        raise ElfError(f"nothing is at the address {address:#x}")

    strings = pieces.at(place(single[_Tag.STRTAB]), single.get(_Tag.STRSZ, 0))

    def paths(tag: _Tag) -> tuple[str, ...]:
        return tuple(_text(strings, single[tag]).split(":")) if tag in single else ()

    def table(tag: _Tag, count: _Tag) -> tuple[int, int] | None:
        return (place(single[tag]), min(single.get(count, 0), _MOST)) if tag in single else None

    needs, defines = table(_Tag.VERNEED, _Tag.VERNEEDNUM), table(_Tag.VERDEF, _Tag.VERDEFNUM)
    return Elf(
        layout.machine,
        layout.bits,
        interpreter,
        tuple(_text(strings, value) for tag, value in tags if tag == _Tag.NEEDED),
        paths(_Tag.RPATH),
        paths(_Tag.RUNPATH),
        _text(strings, single[_Tag.SONAME]) if _Tag.SONAME in single else "",
        tuple(_required(pieces, layout.order, strings, *needs)) if needs else (),
        frozenset(_defined(pieces, layout.order, strings, *defines)) if defines else frozenset(),
    )


def _dynamic(pieces: Pieces, layout: _Layout, segment: _Header) -> Iterator[tuple[int, int]]:
    size = layout.bits // 4
    for number in range(min(segment.size // size, _MOST)):
        entry = pieces.at(segment.offset + number * size, size)
        tag, value = struct.unpack(f"{layout.order}{'qQ' if layout.bits == 64 else 'iI'}", entry)
        if tag == _Tag.NULL:
            return
        yield tag, value


def _required(pieces: Pieces, order: str, strings: bytes, at: int, count: int) -> Iterator[tuple[str, str]]:
    for _ in range(count):
        _, versions, library, first, following = struct.unpack(f"{order}HHIII", pieces.at(at, 16))
        below = at + first
        for _ in range(min(versions, _MOST)):
            _, flags, _, name, further = struct.unpack(f"{order}IHHII", pieces.at(below, 16))
            if not flags & _WEAK:
                yield _text(strings, library), _text(strings, name)
            below += further
            if not further:
                break
        at += following
        if not following:
            break


def _defined(pieces: Pieces, order: str, strings: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        _, flags, _, _, _, first, following = struct.unpack(f"{order}HHHHIII", pieces.at(at, 20))
        name, _ = struct.unpack(f"{order}II", pieces.at(at + first, 8))
        if not flags & _BASE:
            yield _text(strings, name)
        at += following
        if not following:
            break


_BASE = 1
"""The flag of a definition that is the file's own name."""
_WEAK = 2
"""The flag of a version that may be missing."""


def _text(table: bytes, at: int) -> str:
    end = table.find(b"\0", at)
    if not 0 <= at <= end or end - at > 4096:
        raise ElfError("a name lies outside of its table")
    return table[at:end].decode("utf-8", "surrogateescape")
