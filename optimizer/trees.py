"""Trees of files that a build context is laid over: a folder, or texts by path. No rules are looked at here."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Mapping
from enum import Enum
from itertools import islice
from typing import Protocol

MAX_TEXT = 1 << 20
"""Bytes of the largest file that is read."""


class Kind(Enum):
    """What an entry of a folder is."""

    FILE = 1
    FOLDER = 2
    LINK = 3
    OTHER = 4


class Tree(Protocol):
    """A folder without any rules; paths are without links, but for the last name."""

    @property
    def truncated(self) -> bool: ...

    def kind(self, path: str) -> Kind | None: ...
    def entries(self, folder: str) -> Mapping[str, Kind]: ...
    def target(self, link: str) -> str: ...
    def data(self, path: str) -> bytes | None: ...
    def size(self, path: str) -> int | None: ...


class Disk:
    """A folder. Opens regular files only, and lists at most so many entries of folders."""

    def __init__(self, root: str, max_entries: int) -> None:
        self.truncated = False
        self._root = root
        self._left = max_entries
        self._listed: dict[str, Mapping[str, Kind]] = {}

    def _full(self, path: str) -> str:
        return os.path.join(self._root, path)

    def kind(self, path: str) -> Kind | None:
        try:
            mode = os.lstat(self._full(path)).st_mode
        except (OSError, ValueError):
            return None
        kinds = ((stat.S_ISREG, Kind.FILE), (stat.S_ISDIR, Kind.FOLDER), (stat.S_ISLNK, Kind.LINK))
        return next((kind for is_kind, kind in kinds if is_kind(mode)), Kind.OTHER)

    def entries(self, folder: str) -> Mapping[str, Kind]:
        if folder not in self._listed:
            self._listed[folder] = self._list(folder)
        return self._listed[folder]

    def _list(self, folder: str) -> Mapping[str, Kind]:
        try:
            with os.scandir(self._full(folder)) as entries:
                found = {entry.name: _kind(entry) for entry in islice(entries, self._left + 1)}
        except OSError:
            self.truncated = True
            return {}
        if len(found) > self._left:
            self.truncated = True
            return {}
        self._left -= len(found)
        return found

    def target(self, link: str) -> str:
        return os.readlink(self._full(link)).replace(os.sep, "/")

    def data(self, path: str) -> bytes | None:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        try:
            with open(os.open(self._full(path), flags), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_TEXT:
                    return None
                return file.read(MAX_TEXT)
        except OSError:
            return None

    def size(self, path: str) -> int | None:
        try:
            return os.lstat(self._full(path)).st_size
        except OSError:
            return None


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_symlink():
        return Kind.LINK
    if entry.is_dir(follow_symlinks=False):
        return Kind.FOLDER
    return Kind.FILE if entry.is_file(follow_symlinks=False) else Kind.OTHER


class Overlay:
    """Texts laid over a tree, or over nothing."""

    def __init__(self, base: Tree | None, files: Mapping[str, str]) -> None:
        self._base = base
        self._files = dict(files)
        self._folders: dict[str, dict[str, Kind]] = {"": {}}
        for path in files:
            kind = Kind.FILE
            while path:
                folder, name = posixpath.split(path)
                self._folders.setdefault(folder, {})[name] = kind
                path, kind = folder, Kind.FOLDER

    @property
    def truncated(self) -> bool:
        return self._base is not None and self._base.truncated

    def kind(self, path: str) -> Kind | None:
        if path in self._files:
            return Kind.FILE
        if path in self._folders:
            return Kind.FOLDER
        return self._base.kind(path) if self._base else None

    def entries(self, folder: str) -> Mapping[str, Kind]:
        below = self._base if self._base and self._base.kind(folder) is Kind.FOLDER else None
        return {**(below.entries(folder) if below else {}), **self._folders.get(folder, {})}

    def target(self, link: str) -> str:
        assert self._base is not None
        return self._base.target(link)

    def data(self, path: str) -> bytes | None:
        if path in self._files:
            return self._files[path].encode()
        return self._base.data(path) if self._base else None

    def size(self, path: str) -> int | None:
        if path in self._files:
            return len(self._files[path].encode())
        return self._base.size(path) if self._base else None
