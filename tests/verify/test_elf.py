from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.verify import elf as reader
from optimizer.verify.elf import Elf, ElfError, Unreadable, look, read
from optimizer.verify.entry import HEAD, Pieces
from tests.verify.elves import AARCH64, X86_64, elf, static

WHOLE = {
    "needed": ["libm.so.6", "libc.so.6"],
    "interpreter": "/lib64/ld-linux-x86-64.so.2",
    "soname": "libx.so.1",
    "rpath": "/a:$ORIGIN/b",
    "runpath": "/c",
    "requires": [("libc.so.6", "GLIBC_2.34"), ("libm.so.6", "GLIBC_2.29")],
    "provides": ["X_1", "X_2"],
    "weak": [("libc.so.6", "GLIBC_ABI_DT_RELR")],
}


def read_as_streamed(content: bytes) -> Elf | Unreadable | None:
    """As the readers of images do: only the ranges that were asked for are there."""
    wanted = look("/x", len(content), content[:HEAD])
    if wanted is None:
        return None
    found = wanted.read(Pieces(len(content), [(it.start, content[it.start : it.stop]) for it in wanted.ranges]))
    assert isinstance(found, Elf | Unreadable)
    return found


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_a_loader_reads_is_read(bits: int, order: str) -> None:
    found = read_as_streamed(elf(**WHOLE, bits=bits, order=order, machine=AARCH64))  # type: ignore[arg-type]
    assert found == Elf(
        AARCH64, bits, "/lib64/ld-linux-x86-64.so.2", ("libm.so.6", "libc.so.6"), ("/a", "$ORIGIN/b"), ("/c",),
        "libx.so.1",
        (("libc.so.6", "GLIBC_2.34"), ("libm.so.6", "GLIBC_2.29")), frozenset({"X_1", "X_2"}),
    )  # fmt: skip


def test_static_programs_need_no_loader() -> None:
    found = read_as_streamed(static())
    assert found == Elf(X86_64, 64)
    assert not found.is_dynamic


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"#!/bin/sh\n" * 20, elf(kind=1), elf(kind=4), b"\x7fELF\x03" + bytes(90)]
)
def test_other_files_are_left_alone(content: bytes) -> None:
    """Scripts, object files and core dumps among them."""
    assert read_as_streamed(content) is None


def test_large_files_are_read_without_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    """As patchelf leaves them, with the names at the end."""
    monkeypatch.setattr(reader, "KEPT", 2000)
    content = elf(**WHOLE, padding=10_000)  # type: ignore[arg-type]
    wanted = look("/x", len(content), content[:HEAD])
    assert wanted is not None
    assert sum(map(len, wanted.ranges)) < 5000
    assert read_as_streamed(content) == read(Pieces(len(content), [(0, content)]))
    middle = elf(**WHOLE) + bytes(10_000)  # type: ignore[arg-type]
    assert read_as_streamed(middle) == read(Pieces(len(middle), [(0, middle)]))


@given(st.integers(0, 800), st.binary(min_size=1, max_size=8), st.integers(0, 900))
def test_damage_is_found_or_harmless(at: int, damage: bytes, cut: int) -> None:
    content = elf(**WHOLE)  # type: ignore[arg-type]
    for damaged in (content[:at] + damage + content[at + len(damage) :], content[:cut]):
        found = read_as_streamed(damaged)
        assert found is None or isinstance(found, Elf | Unreadable)


def test_a_file_that_is_cut_off_says_so() -> None:
    content = elf(**WHOLE)[:300]  # type: ignore[arg-type]
    assert isinstance(read_as_streamed(content), Unreadable)
    with pytest.raises(ElfError, match="not in the file"):
        read(Pieces(len(content), [(0, content)]))


def _programs() -> list[Path]:
    """Programs and libraries of this machine."""
    library = Path(sysconfig.get_config_var("DESTSHARED") or "/nonexistent")
    programs = (Path(path) for name in ("sh", "env", "git") if (path := shutil.which(name)))
    found = {Path(os.path.realpath(path)) for path in (*library.glob("*.so"), *programs, Path(sys.executable))}
    return sorted(found)[:40]


@pytest.mark.skipif(shutil.which("readelf") is None, reason="readelf (binutils) is not installed")
@pytest.mark.parametrize("path", _programs(), ids=lambda path: path.name)
def test_real_files_are_read_as_readelf_reads_them(path: Path) -> None:
    found = read_as_streamed(path.read_bytes())
    command = ["readelf", "--wide", "--dynamic", "--segments", "--version-info", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout
    assert isinstance(found, Elf)
    assert list(found.needed) == re.findall(r"Shared library: \[(.*?)\]", said)
    assert [found.interpreter] * bool(found.interpreter) == re.findall(r"interpreter: (.*?)\]", said)
    assert [found.soname] * bool(found.soname) == re.findall(r"Library soname: \[(.*?)\]", said)
    assert [":".join(found.runpath)] * bool(found.runpath) == re.findall(r"Library runpath: \[(.*?)\]", said)
    needs = said.partition("Version needs section")[2]
    assert sorted(version for _, version in found.requires) == sorted(re.findall(r"Name: (\S+)  Flags: none", needs))
