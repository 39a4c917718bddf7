"""What the bot proposes for a repository: files in commits, and a hash by which the same proposal is known again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from optimizer import diff
from optimizer.report.untrusted import mask, secrets
from optimizer.runner import Note, Refused

_MARKER = re.compile(r"<!-- dockopt: (plan|withdrawn)=([0-9a-f]{32}) -->")


class File(NamedTuple):
    """A file as a commit leaves it; the path is the repository's, with slashes."""

    path: str
    before: bytes | None
    """As it is before the whole plan; None for a new file."""
    after: bytes


class Commit(NamedTuple):
    """One step: every file that it changes, as it is afterwards."""

    message: str
    files: tuple[File, ...]


class About(NamedTuple):
    """What there is to say about one Dockerfile."""

    path: str
    fixes: tuple[Note, ...] = ()
    suggestions: int = 0
    """Of those that were not asked for."""
    refusals: tuple[Refused, ...] = ()
    measured: tuple[Measured, ...] = ()


class Measured(NamedTuple):
    """What builds of both versions have shown of one target; sizes in bytes, times in seconds."""

    target: str
    before: int
    after: int
    """Of the image, compressed."""
    times: tuple[tuple[str, float, float], ...] = ()
    """A reason to build, and how long it takes before and after."""


class Plan(NamedTuple):
    """Everything that one request proposes, built on one commit of its target."""

    branch: str
    commits: tuple[Commit, ...]
    abouts: tuple[About, ...] = ()
    title: str = ""

    @property
    def files(self) -> tuple[File, ...]:
        """The files that change, as the last commit leaves them, by path."""
        last = {file.path: file for commit in self.commits for file in commit.files}
        return tuple(last[path] for path in sorted(last))

    @property
    def hash(self) -> str:
        """32 hexadecimal digits. The same changes among the same lines have the same hash, wherever these stand.

        Lines elsewhere in the files, the split into commits and all texts do not count: a proposal that somebody has
        turned down stays the same one when a version is bumped at the other end of the file.
        """
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.path}\0".encode("utf-8", "surrogateescape"))
            for line in _changed_lines(file):
                digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]

    @property
    def diff(self) -> str:
        """All of it as one unified diff, to be shown: without credentials."""
        made = (diff.unified(file.path, _text(file.before), _text(file.after) or "") for file in self.files)
        hidden = (value for file in self.files for value in secrets(_text(file.before) or ""))
        return mask("".join(made), sorted(set(hidden), key=len, reverse=True))


def _changed_lines(file: File) -> Iterator[str]:
    """The hunks of a file's diff without their line numbers."""
    for hunk in diff.hunks(_text(file.before) or "", _text(file.after) or ""):
        yield "\0@@\0"
        for line in hunk.lines:
            yield f"{line.mark}{line.text}"


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "surrogateescape")


def marker(hash: str, *, withdrawn: bool = False) -> str:
    """The hidden line in a request's text that tells which plan it is for.

    :param withdrawn: whether the bot itself has closed the request.
    """
    return f"<!-- dockopt: {'withdrawn' if withdrawn else 'plan'}={hash} -->"


def marked(text: str) -> str | None:
    """The hash of the plan that a text is for; None where it is of no plan, or the bot took it back itself.

    The last marker counts: whatever stands before it could have come from a file.
    """
    found = _MARKER.findall(text)
    return found[-1][1] if found and found[-1][0] == "plan" else None


def withdrawn(text: str) -> str:
    """A request's text, said to be closed by the bot itself."""
    return _MARKER.sub(lambda found: marker(found[2], withdrawn=True), text)
