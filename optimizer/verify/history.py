"""Commits of the user's repository as build contexts: read object by object, so that nothing of theirs is run.

Git's own ways to write a tree run hooks and filters; here git only lists and prints objects.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from optimizer.history import git
from optimizer.verify.process import Process, run

PATIENCE = 120.0
"""Seconds that git has for one answer."""
RECENT = 200
"""Commits that are looked through for what changes often."""
_LINK, _SUBMODULE = "120000", "160000"


class HistoryError(Exception):
    """The history cannot be used; the message says why."""


class File(NamedTuple):
    """A file of a commit."""

    mode: str
    object: str


class History:
    """The commits of the repository that a folder belongs to.

    :raises HistoryError: where there is none.
    """

    def __init__(self, context: str) -> None:
        self.folder = os.path.realpath(context)
        self.prefix = self._ask("rev-parse", "--show-prefix").strip()
        """The folder's path in the repository: "" or ending in a slash."""

    def commits(self, number: int) -> tuple[str, ...]:
        """The last commits of the first-parent line, the oldest first; less where there are less."""
        return tuple(reversed(self._ask("rev-list", "--first-parent", f"--max-count={number}", "HEAD").split()))

    def changes(self) -> Counter[str]:
        """How many of the recent commits changed each file, by its path in the folder."""
        said = self._ask("log", f"--max-count={RECENT}", "--no-renames", "--name-only", "-z", "--format=", "--relative")
        return Counter(path.strip("\n") for path in said.split("\0") if path.strip("\n"))

    def files(self, commit: str) -> dict[str, File]:
        """The files of a commit below the folder.

        :raises HistoryError: where there is something that cannot be written safely.
        """
        found = {}
        for line in self._ask("ls-tree", "-r", "-z", commit).split("\0"):
            facts, _, path = line.partition("\t")
            if not path:
                continue
            mode, _, name = facts.split()
            if mode == _SUBMODULE:
                raise HistoryError(f"{commit[:10]} has a submodule ({path}): it is not in this repository")
            if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
                raise HistoryError(f"{commit[:10]} has a path that leads elsewhere: {path!r}")
            found[path] = File(mode, name)
        return found

    def contents(self, objects: list[str]) -> Iterator[bytes]:
        """The contents of objects, in their order."""
        with tempfile.TemporaryFile() as wanted:
            wanted.write("".join(f"{name}\n" for name in objects).encode())
            wanted.seek(0)
            command = [*git.COMMAND, "-C", self.folder, "cat-file", "--batch"]
            with Process(command, PATIENCE, env=git.environment(), stdin=wanted.fileno()) as process:
                for name in objects:
                    yield _object(process.output, name)

    def _ask(self, *words: str) -> str:
        try:
            ended = run([*git.COMMAND, "-C", self.folder, *words], PATIENCE, git.environment())
        except FileNotFoundError:
            raise HistoryError("git is not installed") from None
        if ended.status:
            raise HistoryError(f"git says: {ended.tail[-1] if ended.tail else 'nothing'}")
        return ended.output.decode("utf-8", "surrogateescape")


def _object(stream: IO[bytes], name: str) -> bytes:
    head = stream.readline().split()
    if len(head) != 3:
        raise HistoryError(f"the object {name} is not in this repository (a partial clone?)")
    size = int(head[2])
    data = stream.read(size)
    stream.read(1)
    if len(data) != size:
        raise HistoryError(f"git did not print the object {name} whole")
    return data


class Checkout:
    """A folder that holds one commit after the other; only what differs is written."""

    def __init__(self, history: History, folder: Path) -> None:
        self.history = history
        self.folder = folder
        self._files: dict[str, File] = {}

    def switch(self, commit: str) -> None:
        """Make the folder hold what the commit has.

        :raises HistoryError: where a symbolic link leads out of it, or an object is missing.
        """
        wanted = self.history.files(commit)
        for path in [path for path, file in self._files.items() if wanted.get(path) != file]:
            del self._files[path]
            (self.folder / path).unlink()
            self._prune((self.folder / path).parent)
        fresh = {path: file for path, file in wanted.items() if path not in self._files}
        contents = self.history.contents([file.object for file in fresh.values()])
        for (path, file), data in zip(fresh.items(), contents, strict=True):
            self._put(path, file, data)
            self._files[path] = file

    def _put(self, path: str, file: File, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        root = os.path.realpath(self.folder)
        if os.path.commonpath([root, os.path.realpath(target.parent)]) != root:
            raise HistoryError(f"{path} would be written outside of the context")
        if file.mode == _LINK:
            link = os.fsdecode(data)
            end = os.path.normpath(os.path.join(root, os.path.dirname(path), link))
            if os.path.isabs(link) or os.path.commonpath([root, end]) != root:
                raise HistoryError(f"the symbolic link {path} leads out of the context")
            os.symlink(link, target)
        else:
            target.write_bytes(data)
            target.chmod(0o755 if file.mode == "100755" else 0o644)

    def _prune(self, folder: Path) -> None:
        with suppress(OSError):
            while folder != self.folder:
                folder.rmdir()
                folder = folder.parent
