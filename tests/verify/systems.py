"""Small systems to build images from: Debian and Alpine as far as a loader, a shell and a Python go."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

from optimizer.verify.entry import Image
from optimizer.verify.runtime import Finding, Looking, check
from tests.verify.elves import elf, static
from tests.verify.images import Files, Item, file, folder, image, program, symlink

GLIBC, MUSL = "/lib64/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1"
ARCH = "/usr/lib/x86_64-linux-gnu"
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n"
VERSIONS = ("GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.36")


def on_glibc(*needed: str, **more: Any) -> Item:
    return program(elf([*needed, "libc.so.6"], interpreter=GLIBC, **more))


def on_musl(*needed: str, **more: Any) -> Item:
    return program(elf([*needed, "libc.musl-x86_64.so.1"], interpreter=MUSL, **more))


def library(soname: str, *needed: str, **more: Any) -> Item:
    return file(elf([*needed, "libc.so.6"], soname=soname, **more))


def ldconfig(paths: Iterable[str]) -> Item:
    """What ldconfig writes: /etc/ld.so.cache."""
    found = sorted(paths)
    strings = bytearray()
    entries = []
    start = 48 + 24 * len(found)
    for path in found:
        at = start + len(strings)
        strings += path.encode() + b"\0"
        entries.append(struct.pack("<iIIIQ", 0x0303, at + path.rindex("/") + 1, at, 0, 0))
    header = b"glibc-ld.so.cache1.1" + struct.pack("<IIB3xI12x", len(found), len(strings), 2, 0)
    return file(header + b"".join(entries) + bytes(strings))


def debian(*cached: str, versions: Iterable[str] = VERSIONS) -> dict[str, Item]:
    """A Debian with merged /usr, a shell, env and the libraries named in ldconfig's cache."""
    return {
        "/usr/bin": folder(), "/bin": symlink("usr/bin"), "/lib": symlink("usr/lib"), "/lib64": symlink("usr/lib64"),
        "/usr/lib64/ld-linux-x86-64.so.2": symlink(f"{ARCH}/ld-linux-x86-64.so.2"),
        f"{ARCH}/ld-linux-x86-64.so.2": program(elf(soname="ld-linux-x86-64.so.2")),
        f"{ARCH}/libc.so.6": file(elf(["ld-linux-x86-64.so.2"], soname="libc.so.6", provides=versions)),
        "/etc/ld.so.cache": ldconfig([f"{ARCH}/libc.so.6", *cached]), "/etc/passwd": file(PASSWD),
        "/etc/group": file("root:x:0:\napp:x:1000:\n"), "/usr/bin/dash": on_glibc(), "/usr/bin/sh": symlink("dash"),
        "/usr/bin/env": on_glibc(),
    }  # fmt: skip


def alpine() -> dict[str, Item]:
    return {
        MUSL: program(elf(soname="libc.musl-x86_64.so.1")),
        "/lib/libc.musl-x86_64.so.1": symlink("ld-musl-x86_64.so.1"),
        "/bin/busybox": on_musl(), "/bin/sh": symlink("busybox"), "/usr/bin/env": symlink("/bin/busybox"),
        "/etc/passwd": file(PASSWD), "/etc/group": file("root:x:0:\napp:x:1000:\n"),
    }  # fmt: skip


def python(prefix: str = "/usr/local", version: str = "3.11") -> dict[str, Item]:
    library_of = f"{prefix}/lib/python{version}"
    return {
        f"{prefix}/bin/python{version}": on_glibc(), f"{prefix}/bin/python3": symlink(f"python{version}"),
        f"{prefix}/bin/python": symlink("python3"), f"{library_of}/os.py": file(),
        f"{library_of}/json/__init__.py": file(), f"{library_of}/site-packages": folder(),
    }  # fmt: skip


def site(name: str, prefix: str = "/usr/local", version: str = "3.11") -> dict[str, Item]:
    """A package, as pip installs it."""
    return {f"{prefix}/lib/python{version}/site-packages/{name}/__init__.py": file()}


def looked(files: Files, config: Mapping[str, Any] | None = None) -> Image:
    return image(files, config, look=Looking())


def findings(
    before: Files, after: Files, config: Any = None, then: Any = None, allowed: Iterable[str] = ()
) -> list[str]:
    found = check(looked(before, config), looked(after, config if then is None else then), allowed)
    assert all(isinstance(each, Finding) for each in found)
    return list(map(str, found))


def without(files: Files, *paths: str) -> dict[str, Item]:
    """The files without some, and what lies below them."""
    return {path: item for path, item in files.items() if not any(f"{path}/".startswith(f"{it}/") for it in paths)}


STATIC = program(static())
X = "/usr/local/lib/libx.so.1"
DEBIAN = {**debian(X), X: library("libx.so.1")}
"""A Debian with a library that ldconfig has seen."""
