"""Writes small ELF files, with what a dynamic loader reads and nothing else."""

from __future__ import annotations

import struct
from collections.abc import Iterable

X86_64, AARCH64 = 62, 183
_BASE = 0x400000


def elf(
    needed: Iterable[str] = (),
    *,
    interpreter: str = "",
    soname: str = "",
    rpath: str = "",
    runpath: str = "",
    requires: Iterable[tuple[str, str]] = (),
    provides: Iterable[str] = (),
    weak: Iterable[tuple[str, str]] = (),
    machine: int = X86_64,
    bits: int = 64,
    order: str = "<",
    padding: int = 0,
    kind: int = 3,
) -> bytes:
    """One ELF file. `padding` bytes lie between the header and all else."""
    strings = bytearray(b"\0")

    def text(value: str) -> int:
        at = len(strings)
        strings.extend(value.encode() + b"\0")
        return at

    word = "Q" if bits == 64 else "I"
    tags = [(1, text(name)) for name in needed]
    tags += [(tag, text(value)) for tag, value in ((14, soname), (15, rpath), (29, runpath)) if value]
    needs, defines = b"", b""
    wanted = [(library, version, 0) for library, version in requires] + [(*each, 2) for each in weak]
    for number, (library, version, flags) in enumerate(wanted):
        following = 32 if number + 1 < len(wanted) else 0
        needs += struct.pack(f"{order}HHIII", 1, 1, text(library), 16, following)
        needs += struct.pack(f"{order}IHHII", 0, flags, 2, text(version), 0)
    names = [soname, *provides] if provides else []
    for number, name in enumerate(names):
        following = 28 if number + 1 < len(names) else 0
        defines += struct.pack(f"{order}HHHHIII", 1, int(number == 0), number + 1, 1, 0, 20, following)
        defines += struct.pack(f"{order}II", text(name), 0)
    segments = 3 if interpreter else 2
    size = 56 if bits == 64 else 32
    head = 64 + segments * size
    at = head + padding
    content = bytearray()

    def place(data: bytes) -> int:
        offset = at + len(content)
        content.extend(data)
        return offset

    program = place(interpreter.encode() + b"\0") if interpreter else 0
    names_at = place(bytes(strings))
    if needs:
        tags += [(0x6FFFFFFE, _BASE + place(needs)), (0x6FFFFFFF, len(wanted))]
    if defines:
        tags += [(0x6FFFFFFC, _BASE + place(defines)), (0x6FFFFFFD, len(names))]
    tags += [(5, _BASE + names_at), (10, len(strings)), (0, 0)]
    section = b"".join(struct.pack(f"{order}{word}{word}", *tag) for tag in tags)
    dynamic = place(section)
    total = at + len(content)

    def segment(kind: int, offset: int, length: int) -> bytes:
        if bits == 64:
            return struct.pack(f"{order}IIQQQQQQ", kind, 4, offset, _BASE + offset, 0, length, length, 1)
        return struct.pack(f"{order}IIIIIIII", kind, offset, _BASE + offset, 0, length, length, 4, 1)

    headers = segment(1, 0, total) + segment(2, dynamic, len(section))
    if interpreter:
        headers += segment(3, program, len(interpreter) + 1)
    ident = b"\x7fELF" + bytes([bits // 32, "<>".index(order) + 1, 1]) + bytes(9)
    header = ident + struct.pack(
        f"{order}HHI{word}{word}{word}IHHHHHH", kind, machine, 1, 0, 64, 0, 0, 64, size, segments, 0, 0, 0
    )
    return header.ljust(64, b"\0") + headers + bytes(padding) + bytes(content)


def static(machine: int = X86_64) -> bytes:
    """A program that needs no loader."""
    content = bytearray(elf(machine=machine, kind=2))
    struct.pack_into("<H", content, 56, 1)  # its dynamic section is not among its segments
    return bytes(content)
