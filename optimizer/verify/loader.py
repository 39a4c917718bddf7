"""Finds shared libraries as the dynamic loaders of glibc and musl do, by what is in the image.

Source: ld.so(8), ldconfig(8), and musl's ldso/dynlink.c. glibc's loader does not read ld.so.conf: it reads the cache
that ldconfig made of it, so a library that was copied without running ldconfig is not found, here as there.
"""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from optimizer.verify.elf import Elf
from optimizer.verify.entry import Image

CACHE = "/etc/ld.so.cache"
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER, _CACHE_ENTRY = 48, 24
_MOST_CACHED = 100_000
_MUSL_DIRECTORIES = ("/lib", "/usr/local/lib", "/usr/lib")
_MUSL_LOADER = "/lib/ld-musl-"


class Missing(NamedTuple):
    """What the loader does not find, and the file that needs it."""

    path: str
    what: str
    """In words."""
    library: str
    """As the file names it; the loader by its path."""
    version: str = ""
    """Where the library is there, and has not this version."""


class _Search(NamedTuple):
    """Directories to look in, in order: before all else, and those that the libraries found inherit."""

    directories: tuple[str, ...]
    inherited: tuple[str, ...]


class Loader:
    """The dynamic loaders of one image. Files that need something are Elf in `Entry.found`."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._found: dict[tuple[str, int, int, bool, tuple[str, ...]], str | None] = {}

    def missing(self, path: str) -> tuple[Missing, ...]:
        """What is not found when the program or library at this path is loaded, with all that it needs in turn."""
        elf = self._elf(path)
        if elf is None or not elf.is_dynamic:
            return ()
        if elf.interpreter and not self._usable(elf.interpreter, elf):
            libc = "musl" if elf.interpreter.startswith(_MUSL_LOADER) else "glibc"
            other = ", where the libc is musl" if libc == "glibc" and self._has_musl else ""
            what = f"{libc}'s loader {elf.interpreter}, which is not in the image{other}"
            return (Missing(path, what, elf.interpreter),)
        musl = self._is_musl(elf)
        found: dict[Missing, None] = {}
        loaded = {elf.soname: path}
        waiting: list[tuple[str, Elf, tuple[str, ...]]] = [(path, elf, ())]
        while waiting:
            by, its, inherited = waiting.pop(0)
            search = self._search(by, its, inherited, musl)
            for needed in its.needed:
                if needed in loaded:
                    continue
                library = self._library(needed, its, musl, search.directories)
                other_elf = library and self._elf(library)
                if not library or not other_elf:
                    found[Missing(by, f"the shared library {needed}, which is not found", needed)] = None
                    continue
                loaded[needed] = loaded[other_elf.soname or needed] = library
                waiting.append((library, other_elf, search.inherited))
            found |= dict.fromkeys(self._versions(by, its, loaded))
        return tuple(found)

    def _versions(self, by: str, its: Elf, loaded: Mapping[str, str]) -> Iterator[Missing]:
        for library, version in its.requires:
            other = self._elf(loaded[library]) if library in loaded else None
            if other and other.provides and version not in other.provides:
                what = f"{version} of {library}, which {loaded[library]} has not: it is older, or another one"
                yield Missing(by, what, library, version)

    def _elf(self, path: str) -> Elf | None:
        entry = self._image.at(path)
        return entry.found if entry and isinstance(entry.found, Elf) else None

    def _usable(self, path: str, elf: Elf) -> bool:
        other = self._elf(path)
        return other is not None and (other.machine, other.bits) == (elf.machine, elf.bits)

    def _is_musl(self, elf: Elf) -> bool:
        """Which loader has to do with a file. Libraries do not name one: then their libc tells, or what there is."""
        if elf.interpreter:
            return elf.interpreter.startswith(_MUSL_LOADER)
        if "libc.so.6" in elf.needed:
            return False
        return any(needed.startswith("libc.musl-") for needed in elf.needed) or self._has_musl

    @cached_property
    def _has_musl(self) -> bool:
        return any(path.startswith(_MUSL_LOADER) for path in self._image.entries)

    def _search(self, by: str, its: Elf, inherited: tuple[str, ...], musl: bool) -> _Search:
        own = tuple(self._expanded(by, its.runpath if its.runpath else its.rpath))
        from_env = tuple(filter(None, self._image.config.env.get("LD_LIBRARY_PATH", "").split(":")))
        if musl:
            below = (*own, *inherited)
            return _Search((*from_env, *below), below)
        if its.runpath:
            return _Search((*from_env, *own), inherited)
        below = (*own, *inherited)
        return _Search((*below, *from_env), below)

    @staticmethod
    def _expanded(by: str, paths: tuple[str, ...]) -> Iterator[str]:
        origin = posixpath.dirname(by)
        for path in filter(None, paths):
            yield path.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)

    def _library(self, needed: str, its: Elf, musl: bool, directories: tuple[str, ...]) -> str | None:
        key = (needed, its.machine, its.bits, musl, directories)
        if key not in self._found:
            paths = [needed] if "/" in needed else self._candidates(needed, its, musl, directories)
            self._found[key] = next((path for path in paths if self._usable(path, its)), None)
        return self._found[key]

    def _candidates(self, needed: str, its: Elf, musl: bool, directories: tuple[str, ...]) -> Iterator[str]:
        for directory in directories:
            yield f"{directory}/{needed}"
        if not musl:
            yield from self._cache.get(needed, ())
        for directory in self._musl_directories if musl else self._trusted(its):
            yield f"{directory}/{needed}"

    def _trusted(self, its: Elf) -> Iterator[str]:
        """The directories that glibc's loader knows by itself: those of its libc, and those all have."""
        for directory in self._of_libc.get((its.machine, its.bits), ()):
            yield directory
            yield directory.removeprefix("/usr") if directory.startswith("/usr/") else f"/usr{directory}"
        yield from ("/lib", "/usr/lib")

    @cached_property
    def _of_libc(self) -> Mapping[tuple[int, int], list[str]]:
        found: dict[tuple[int, int], list[str]] = {}
        for path, entry in self._image.entries.items():
            if path.endswith("/libc.so.6") and path.startswith(("/lib", "/usr/lib")):
                elf = entry.found if isinstance(entry.found, Elf) else self._elf(path)
                if elf:
                    found.setdefault((elf.machine, elf.bits), []).append(posixpath.dirname(path))
        return found

    @cached_property
    def _musl_directories(self) -> tuple[str, ...]:
        for path, entry in self._image.entries.items():
            if path.startswith("/etc/ld-musl-") and path.endswith(".path") and isinstance(entry.found, bytes):
                return tuple(entry.found.decode("utf-8", "surrogateescape").replace("\n", ":").split(":"))
        return _MUSL_DIRECTORIES

    @cached_property
    def _cache(self) -> Mapping[str, list[str]]:
        entry = self._image.at(CACHE)
        content = entry.found if entry else None
        found: dict[str, list[str]] = {}
        if isinstance(content, bytes):
            for name, path in _cached(content):
                found.setdefault(name, []).append(path)
        return found


def _cached(content: bytes) -> Iterator[tuple[str, str]]:
    """Names and paths in ldconfig's cache (glibc, sysdeps/generic/dl-cache.h); none from where it is damaged."""
    base = content.find(_CACHE_MAGIC)
    if base < 0:
        return
    try:
        (count,) = struct.unpack_from("<I", content, base + len(_CACHE_MAGIC))
        order = "<" if count <= _MOST_CACHED else ">"
        (count,) = struct.unpack_from(f"{order}I", content, base + len(_CACHE_MAGIC))
        for number in range(min(count, _MOST_CACHED)):
            at = base + _CACHE_HEADER + number * _CACHE_ENTRY
            _, key, value = struct.unpack_from(f"{order}iII", content, at)
            name, path = (
                content[base + start : content.index(b"\0", base + start)].decode("utf-8", "surrogateescape")
                for start in (key, value)
            )
            yield name, path
    except (struct.error, ValueError):
        return
