"""The build context as the builder sees it: what .dockerignore hides does not exist.

Paths are relative to the context's root, with `/` between names; "" is the root. As in Docker, `..` stops
at the root, and a symbolic link is followed as if the root were `/`: none leads out of the context.
"""

from __future__ import annotations

import codecs
import os
import posixpath
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from optimizer.dockerignore import Ignore, parse
from optimizer.problem import Problem
from optimizer.trees import Disk, Kind, Overlay, Tree
from optimizer.wildcard import BadPattern, clean, compiled, has_wildcard

if TYPE_CHECKING:
    from pathlib import Path

MAX_ENTRIES = 200_000
"""Entries of folders that are listed before a context counts as truncated."""
_MAX_LINKS = 40
_IGNORE_FILE = ".dockerignore"


class BuildContext(Protocol):
    """What a transform may ask about the build context: pure look-ups."""

    @property
    def ignore(self) -> Ignore | None:
        """The rules in force; None without a .dockerignore."""

    @property
    def ignore_path(self) -> str | None:
        """Where the rules in force stand; begins with `..` when the Dockerfile lies outside the context."""

    @property
    def truncated(self) -> bool:
        """Whether folders were left out, too large or not readable: `files` and `glob` may lack something."""

    def is_file(self, path: str) -> bool:
        """Whether there is a regular file, or a link to one."""

    def is_dir(self, path: str) -> bool:
        """Whether there is a folder, or a link to one. A hidden one counts if it shows something in it."""

    def is_link(self, path: str) -> bool:
        """Whether the path itself is a symbolic link, wherever it leads."""

    def files(self, under: str = "") -> Iterator[str]:
        """The files and links below a folder, sorted. Those below a linked folder have their real names."""

    def glob(self, pattern: str) -> tuple[str, ...]:
        """What a source of COPY stands for: files, and folders as a whole. Empty where nothing matches.

        Source: BuildKit's fsutil: Go's filepath.Match on the path below the part without wildcards.
        """

    def read(self, path: str) -> str | None:
        """The text of a file; None where `is_file` says no, it is no text, or it is larger than 1 MiB.

        Text is UTF-8, or what its byte order mark says: so pip reads it, and editors on Windows write it.
        """

    def size(self, path: str) -> int | None:
        """The bytes of a file; None where `is_file` says no."""

    def on_disk(self, path: str) -> bool:
        """Whether something lies there, hidden by .dockerignore or not."""

    def names_on_disk(self, folder: str = "") -> tuple[str, ...]:
        """The names in a folder, hidden by .dockerignore or not, sorted."""

    def read_on_disk(self, path: str) -> str | None:
        """The text of a file, hidden or not, where it is UTF-8; that of `ignore_path` outside the context too."""

    def with_file(self, path: str, text: str) -> BuildContext:
        """The same context with one file written; a .dockerignore takes effect."""


def _encoding(data: bytes) -> str:
    """The encoding that a byte order mark tells of. That of UTF-32 begins as that of UTF-16."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


class _Context:
    """A BuildContext over a tree, with the rules from the first of `ignore_paths` that is there."""

    def __init__(self, tree: Tree, ignore_paths: tuple[str, ...], shown_root: str = "") -> None:
        self._tree = tree
        self._ignore_paths = ignore_paths
        self._shown_root = shown_root

    @property
    def truncated(self) -> bool:
        return self._tree.truncated

    @cached_property
    def ignore_path(self) -> str | None:
        return next((path for path in self._ignore_paths if self._ignore_file(path) is not None), None)

    @cached_property
    def ignore(self) -> Ignore | None:
        if self.ignore_path is None:
            return None
        shown = posixpath.normpath(posixpath.join(self._shown_root, self.ignore_path))
        data = self._tree.data(self._ignore_file(self.ignore_path) or "")
        if data is None:
            return Ignore(problems=(Problem(shown, 0, 0, "it cannot be read: make it a plain file"),))
        return parse(data.decode("utf-8", "surrogateescape"), shown)

    def _ignore_file(self, path: str) -> str | None:
        """Where the file really lies; that of a Dockerfile outside the context lies outside, too."""
        if path.startswith("../"):
            return path if self._tree.kind(path) else None
        return self._resolve(path)

    @cached_property
    def _rules(self) -> Ignore:
        return self.ignore or Ignore()

    def is_file(self, path: str) -> bool:
        return self._visible(path, Kind.FILE) is not None

    def is_dir(self, path: str) -> bool:
        return self._visible(path, Kind.FOLDER) is not None

    def is_link(self, path: str) -> bool:
        folder = self._resolve(posixpath.dirname(path))
        name = posixpath.basename(path)
        return folder is not None and self._tree.kind(posixpath.join(folder, name)) is Kind.LINK

    def files(self, under: str = "") -> Iterator[str]:
        folder = self._visible(under, Kind.FOLDER)
        if folder is None:
            return
        for path, kind, excluded in self._walk(folder):
            if kind in (Kind.FILE, Kind.LINK) and not excluded:
                yield path

    def glob(self, pattern: str) -> tuple[str, ...]:
        parts = clean(f"/{pattern}").strip("/").split("/")
        first = next((number for number, part in enumerate(parts) if has_wildcard(part)), len(parts))
        head, tail = "/".join(parts[:first]), "/".join(parts[first:])
        if not tail:
            return (head,) if self.is_file(head) or self.is_dir(head) else ()
        folder = self._visible(head, Kind.FOLDER)
        try:
            matches = compiled(tail).fullmatch
        except BadPattern:
            return ()
        if folder is None:
            return ()
        below = len(folder) + bool(folder)
        deepest = tail.count("/") if "[" not in tail else None  # only a class can match a slash

        def enter(path: str) -> bool:
            return not matches(path, below) and (deepest is None or path.count("/", below) < deepest)

        return tuple(
            path
            for path, kind, excluded in self._walk(folder, enter)
            if matches(path, below) and (not excluded or self._shows_something(path))
        )

    def read(self, path: str) -> str | None:
        return self._text(self._visible(path, Kind.FILE), marked=True)

    def size(self, path: str) -> int | None:
        real = self._visible(path, Kind.FILE)
        return None if real is None else self._tree.size(real)

    def on_disk(self, path: str) -> bool:
        return self._resolve(path) is not None

    def names_on_disk(self, folder: str = "") -> tuple[str, ...]:
        real = self._resolve(folder)
        if real is None or (real and self._tree.kind(real) is not Kind.FOLDER):
            return ()
        return tuple(sorted(self._tree.entries(real)))

    def read_on_disk(self, path: str) -> str | None:
        return self._text(self._ignore_file(path) if path == self.ignore_path else self._resolve(path))

    def _text(self, real: str | None, *, marked: bool = False) -> str | None:
        data = self._tree.data(real) if real is not None else None
        if data is None:
            return None
        try:
            return data.decode(_encoding(data) if marked else "utf-8")
        except UnicodeDecodeError:
            return None

    def with_file(self, path: str, text: str) -> BuildContext:
        return _Context(Overlay(self._tree, {path: text}), self._ignore_paths, self._shown_root)

    def _visible(self, path: str, kind: Kind) -> str | None:
        """The real path, when it is of this kind and the builder gets it and each link on the way."""
        real = self._resolve(path, lambda link: not self._rules.excludes(link))
        if real is None or self._tree.kind(real) is not kind:
            return None
        if self._rules.excludes(real) and not (kind is Kind.FOLDER and self._shows_something(real)):
            return None
        return real

    def _shows_something(self, folder: str) -> bool:
        return any(not excluded for _, _, excluded in self._walk(folder))

    def _resolve(self, path: str, may_follow: Callable[[str], bool] = lambda link: True) -> str | None:
        """The path without links; None where nothing lies there."""
        todo = deque(clean(f"/{path}").split("/"))
        at, links = "", 0
        while todo:
            name = todo.popleft()
            if name in ("", "."):
                continue
            here = posixpath.dirname(at) if name == ".." else posixpath.join(at, name)
            kind = self._tree.kind(here)
            if kind is None:
                return None
            if kind is not Kind.LINK:
                at = here
                continue
            links += 1
            if links > _MAX_LINKS or not may_follow(here):
                return None
            target = self._tree.target(here)
            at = "" if target.startswith("/") else at
            todo.extendleft(reversed(target.split("/")))
        return at

    def _walk(
        self, folder: str, enter: Callable[[str], bool] = lambda folder: True
    ) -> Iterator[tuple[str, Kind, bool]]:
        """What lies below a folder, in the order of the paths: path, kind, and whether it is hidden.

        Of what is hidden, only the folders come that may have something visible in them.
        """
        stack = [self._steps(folder, self._rules.verdict(folder).matched)]
        while stack:
            for path, kind, excluded, matched in stack[-1]:
                if kind is not Kind.FOLDER:
                    if not excluded:
                        yield path, kind, excluded
                    continue
                if excluded and not self._rules.may_reach_into(path):
                    continue
                yield path, kind, excluded
                if enter(path):
                    stack.append(self._steps(path, matched))
                    break
            else:
                stack.pop()

    def _steps(self, folder: str, above: int) -> Iterator[tuple[str, Kind, bool, int]]:
        entries = self._tree.entries(folder)
        for name in sorted(entries, key=lambda name: name + "/" * (entries[name] is Kind.FOLDER)):
            path = f"{folder}/{name}" if folder else name
            verdict = self._rules.step(path, above)
            yield path, entries[name], verdict.excluded, verdict.matched


class DirectoryContext(_Context):
    """A folder as build context. Reads on demand; opens regular files only.

    Without `dockerfile` only the .dockerignore in the root counts; with it, `<dockerfile>.dockerignore`
    beside it comes first.
    """

    def __init__(self, root: Path | str, dockerfile: Path | str | None = None, max_entries: int = MAX_ENTRIES) -> None:
        names = [_IGNORE_FILE]
        if dockerfile is not None:
            names.insert(0, os.path.relpath(f"{os.fspath(dockerfile)}.dockerignore", root).replace(os.sep, "/"))
        super().__init__(Disk(os.path.realpath(root), max_entries), tuple(names), os.fspath(root))


class MemoryContext(_Context):
    """A build context of texts by path."""

    def __init__(self, files: Mapping[str, str], dockerfile: str = "Dockerfile") -> None:
        super().__init__(Overlay(None, files), (f"{dockerfile}.dockerignore", _IGNORE_FILE))
