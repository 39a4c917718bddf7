"""The members of a tar stream, bounded and strict.

tarfile reads one header well, and does so here. Its own loop over an archive takes a damaged header in the middle for
the end, and reads extended headers of any size into memory: a comparison can have neither.
"""

from __future__ import annotations

import base64
import tarfile
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from optimizer.verify.entry import Entry, ImageError, Kind, Limits
from optimizer.verify.stream import Source

BLOCK = 512
_XATTR = "SCHILY.xattr."
_LIBARCHIVE_XATTR = "LIBARCHIVE.xattr."
_OF_THE_HOST = ("trusted.overlay.", "user.overlay.", "security.selinux")
"""Extended attributes that say where the image was built, not what is in it."""

_KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.CONTTYPE: Kind.FILE,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.CHRTYPE: Kind.CHARACTER_DEVICE,
    tarfile.BLKTYPE: Kind.BLOCK_DEVICE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.FIFOTYPE: Kind.FIFO,
}
_EXTENDED = frozenset(
    (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
)
"""Headers whose content says more about the entry that follows."""


class Member(NamedTuple):
    """One member, without its content. `same_as` is the path of the member whose file a hard link names."""

    path: str
    entry: Entry
    same_as: str = ""


def members(source: Source, limits: Limits) -> Iterator[Member]:
    """Read members one after another; of a file, what the caller did not read by then is left out.

    :raises ImageError: when the archive is cut off, damaged, hostile, or of a kind that no builder writes.
    """
    defaults: dict[str, bytes] = {}
    special: dict[str, bytes] = {}
    number = spent = 0
    while True:
        block = source.take(BLOCK)
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not any(block):
                return
            raise _damaged(source, str(error)) from None
        number += 1
        if number > limits.entries:
            raise ImageError(f"the image is refused: it has more than {limits.entries} entries")
        if header.type in _EXTENDED:
            spent += header.size
            if not 0 <= header.size <= limits.header or spent > limits.text:
                raise ImageError(f"the image is refused: it has a header of {header.size} bytes, or too many headers")
            content = source.take(header.size)
            source.skip(-header.size % BLOCK)
        match header.type:
            case tarfile.XHDTYPE | tarfile.SOLARIS_XHDTYPE:
                special |= _records(content, source)
            case tarfile.XGLTYPE:
                defaults |= _records(content, source)
            case tarfile.GNUTYPE_LONGNAME:
                special["path"] = content.rstrip(b"\0")
            case tarfile.GNUTYPE_LONGLINK:
                special["linkpath"] = content.rstrip(b"\0")
            case _:
                member = _member(header, defaults | special, source, limits)
                special = {}
                end = source.offset + member.entry.size
                padded = end + -member.entry.size % BLOCK
                yield member
                source.skip(padded - source.offset)


def _damaged(source: Source, reason: str) -> ImageError:
    return ImageError(f"the image's archive is damaged at byte {source.offset} ({reason}): export the image again")


def _records(content: bytes, source: Source) -> Iterator[tuple[str, bytes]]:
    """The records `length key=value` of an extended header (POSIX pax)."""
    at = 0
    while at < len(content) and content[at]:
        blank = content.find(b" ", at, at + 20)
        length = content[at:blank]
        end = at + int(length) if length.isdigit() else at
        key, equals, value = content[blank + 1 : end - 1].partition(b"=")
        if blank < 0 or not equals or content[end - 1 : end] != b"\n" or end > len(content):
            raise _damaged(source, "bad extended header")
        yield key.decode("utf-8", "surrogateescape"), value
        at = end


def _member(header: tarfile.TarInfo, records: Mapping[str, bytes], source: Source, limits: Limits) -> Member:
    def text(key: str, otherwise: str) -> str:
        return records[key].decode("utf-8", "surrogateescape") if records.get(key) else otherwise

    def number(key: str, otherwise: int) -> int:
        try:
            value = int(records[key]) if key in records else otherwise
        except ValueError:
            value = -1
        if not 0 <= value < 1 << 63:
            raise _damaged(source, f"bad {key}")
        return value

    name, link = text("path", header.name), text("linkpath", header.linkname)
    if any(key.startswith("GNU.sparse.") for key in records) or header.type == tarfile.GNUTYPE_SPARSE:
        raise ImageError(f"{name}: the image's archive holds a sparse file, which image builders do not write")
    kind = Kind.FILE if header.type == tarfile.LNKTYPE else _KINDS.get(header.type)
    if kind is None:
        raise ImageError(f"{name}: the image's archive holds an entry of the unknown type {header.type!r}")
    try:
        mtime = float(records.get("mtime", header.mtime))
    except ValueError:
        raise _damaged(source, "bad mtime") from None
    devices = (Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE)
    entry = Entry(
        kind,
        0o777 if kind is Kind.SYMLINK else header.mode & 0o7777,
        number("uid", header.uid),
        number("gid", header.gid),
        number("size", header.size) if header.type in tarfile.REGULAR_TYPES else 0,
        link=link if kind is Kind.SYMLINK else "",
        device=(header.devmajor, header.devminor) if kind in devices else (0, 0),
        xattrs=tuple(sorted(_xattrs(records))),
        mtime=mtime,
    )
    same_as = clean(link, limits) if header.type == tarfile.LNKTYPE else ""
    if same_as == "/":
        raise ImageError(f"{name}: a hard link to nothing")
    return Member(clean(name, limits), entry, same_as)


def _xattrs(records: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for key, value in records.items():
        if key.startswith(_XATTR):
            name = key.removeprefix(_XATTR)
        elif key.startswith(_LIBARCHIVE_XATTR):
            name = urllib.parse.unquote(key.removeprefix(_LIBARCHIVE_XATTR))
            value = base64.b64decode(value + b"==")
        else:
            continue
        if not name.startswith(_OF_THE_HOST):
            yield name, value


def clean(name: str, limits: Limits) -> str:
    """The absolute path that a name in an archive stands for: as builders read it, below `/` in any case.

    :raises ImageError: when it leads out of the image by `..`, or is no path at all.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name or len(name) > limits.path:
        shown = name if len(name) < 80 else f"{name[:80]}…"
        raise ImageError(f"the image is refused: {shown!r} is no path inside it")
    return "/" + "/".join(parts)
