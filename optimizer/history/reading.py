"""Reads the history of a build context from git, in one pass that looks at no file.

What is counted is the first-parent line of HEAD: what a branch held is one change when it is merged, as a build of
the main branch sees it, with all paths that the merge brought. Commits that touch neither the context nor the
Dockerfile rebuild nothing and are not counted. Renames are a removal and an addition, as they are to the builder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from optimizer.document import ParseError, parse
from optimizer.history import git
from optimizer.history.change import Commit, History, NoHistory, weighted
from optimizer.history.versions import changes
from optimizer.verify.process import Process, run


class Limits(Struct, frozen=True):
    """How much is read."""

    commits: int = 1_000
    """By the default half-life, all older ones together would weigh 3 %."""
    half_life: float = 200.0
    """Commits after which one counts half as much. By number and not by time: a pause in the work changes nothing."""
    versions: int = 200
    """Versions of the Dockerfile that are looked at."""
    seconds: float = 10.0
    """After which git is stopped; what it said until then, which is the newest, counts."""
    size: int = 64 << 20
    """Bytes of paths that are read of git."""
    newest: str = "HEAD"
    """The newest commit that counts."""


DEFAULT = Limits()
_CHUNK = 1 << 16
_LARGEST = 1 << 20
"""Bytes of the largest Dockerfile that is looked at."""


class _Unknown(Exception):
    """There is no history; the message says why."""


class _Place(NamedTuple):
    """Where a context lies in its repository."""

    folder: str
    """The context's real path."""
    prefix: str
    """Its path in the repository: "" or ending in a slash."""
    shallow: bool


class _Raw(NamedTuple):
    """A commit with its paths from the repository's root."""

    id: str
    paths: Sequence[str]


def read_history(context_root: str, dockerfile: str | None, limits: Limits = DEFAULT) -> History | NoHistory:
    """The history of a build context and of its Dockerfile, or why there is none.

    :param context_root: a folder: the repository's root, below it, a worktree, a submodule.
    :param dockerfile: a path; None where it does not come from a file. It may lie outside of the context. Where it lies
        outside of the repository too, or git has no text of it here, the history is that of the context alone, and
        ``source`` says so.
    """
    try:
        return _read(context_root, dockerfile, limits)
    except FileNotFoundError:
        return NoHistory("git is not installed")
    except OSError as error:
        return NoHistory(f"git cannot be run: {error.strerror}")
    except _Unknown as error:
        return NoHistory(str(error))


def _read(context_root: str, dockerfile: str | None, limits: Limits) -> History:
    if not os.path.isdir(context_root):
        raise _Unknown("the build context is not a folder")
    place = _place(context_root, limits)
    tracked = None if dockerfile is None else _in_repository(place, dockerfile)
    raw = list(_log(place, tracked, limits))
    if not raw:
        why = (
            "no commit with its parent: fetch more of it (git fetch --deepen=200)"
            if place.shallow
            else "no change of it"
        )
        raise _Unknown(f"the {'shallow clone' if place.shallow else 'history of the build context'} holds {why}")
    found = [
        Commit(each.id, weight, _below(place.prefix, each.paths))
        for each, weight in zip(raw, weighted(len(raw), limits.half_life), strict=True)
    ]
    number = "the last commit" if len(raw) == 1 else f"the last {len(raw):,} commits"
    history = History(
        tuple(found), place.shallow, number + (" (all that a shallow clone holds)" if place.shallow else "")
    )
    return _with_instructions(history, place, dockerfile, tracked, raw, limits)


def _ask(folder: str, words: Sequence[str], limits: Limits) -> str:
    ended = run([*git.COMMAND, "-C", folder, *words], limits.seconds, git.environment())
    if ended.status:
        raise _Unknown("git did not answer in time" if ended.timed_out else git.reason(ended.tail))
    return os.fsdecode(ended.output)


def _place(context_root: str, limits: Limits) -> _Place:
    folder = os.path.realpath(context_root)
    words = ("rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--show-prefix")
    inside, shallow, prefix = _ask(folder, words, limits).split("\n", 2)
    if inside != "true":
        raise _Unknown("the repository is bare: no files to build from")
    return _Place(folder, prefix.removesuffix("\n"), shallow == "true")


def _in_repository(place: _Place, dockerfile: str) -> str | None:
    """The Dockerfile's path from the repository's root; None where it lies outside."""
    top = f"{place.folder}/".removesuffix(place.prefix)
    path = os.path.relpath(
        os.path.join(os.path.realpath(os.path.dirname(dockerfile) or "."), os.path.basename(dockerfile)), top
    )
    return None if path == ".." or path.startswith("../") else path


def _log(place: _Place, tracked: str | None, limits: Limits) -> Iterator[_Raw]:
    """The commits that changed the context or the Dockerfile, the newest first."""
    words = (
        "log", "-z", "--format=/%H", "--name-only", "--first-parent", "--diff-merges=first-parent", "--no-renames",
        "--no-ext-diff", "--no-textconv", "--no-notes", "--no-decorate", "--no-mailmap",
        f"--max-count={limits.commits}", limits.newest, "--",
    )  # fmt: skip
    paths = [place.prefix] if place.prefix else []
    if paths and tracked is not None and not tracked.startswith(place.prefix):
        paths.append(tracked)
    top = f"{place.folder}/".removesuffix(place.prefix)
    with Process([*git.COMMAND, "-C", top, *words, *paths], limits.seconds, env=git.environment()) as process:
        yielded = False
        for each in _commits(_fields(process.output, limits.size)):
            yielded = True
            yield each
        if not yielded:
            ended = process.end()
            if ended.status:
                raise _Unknown("git did not answer in time" if ended.timed_out else git.reason(ended.tail))


def _fields(stream: IO[bytes], size: int) -> Iterator[str]:
    """What stands before each NUL, until the stream ends or so many bytes were read."""
    rest = b""
    while size > 0 and (chunk := stream.read(_CHUNK)):
        size -= len(chunk)
        *whole, rest = (rest + chunk).split(b"\0")
        yield from map(os.fsdecode, whole)


def _commits(fields: Iterator[str]) -> Iterator[_Raw]:
    """Commits from the output of log: ``/ID``, and behind a line end their paths. No path begins with a slash."""
    id, paths = "", list[str]()
    for field in fields:
        if field.startswith("/"):
            if paths:
                yield _Raw(id, paths)
            id, paths = field[1:], []
        else:
            paths.append(field if paths else field.removeprefix("\n"))
    if paths:
        yield _Raw(id, paths)


def _below(prefix: str, paths: Sequence[str]) -> frozenset[str]:
    return frozenset(path[len(prefix) :] for path in paths if path.startswith(prefix))


def _with_instructions(
    history: History, place: _Place, dockerfile: str | None, tracked: str | None, raw: Sequence[_Raw], limits: Limits
) -> History:
    """The history with what the commits changed in the Dockerfile."""

    def unknown(why: str) -> History:
        return replace(history, source=f"{history.source}; what they changed in the Dockerfile is not known: {why}")

    text = _today(dockerfile)
    if dockerfile is None or text is None:
        return unknown("it does not come from a file that can be read")
    if tracked is None:
        return unknown("it lies outside of the repository")
    try:
        today = parse(text)
    except ParseError:
        return unknown("it does not parse")
    numbers = [number for number, each in enumerate(raw) if tracked in each.paths][: limits.versions]
    history = replace(history, text=text)
    if not numbers:
        return history
    wanted = [raw[number].id for number in numbers] + [f"{raw[numbers[-1]].id}^"]
    texts = list(_texts(place, [f"{commit}:{tracked}" for commit in wanted], limits))
    missing = texts[:-1].count(None)
    if missing == len(numbers):
        return unknown("its versions are not in this clone")
    if missing:
        history = replace(
            history, source=f"{history.source}; {missing} of {len(numbers)} versions of the Dockerfile are not here"
        )
    commits = list(history.commits)
    for number, changed in zip(numbers, changes(today, texts)[1:], strict=True):
        commits[number] = replace(commits[number], instructions=changed)
    return replace(history, commits=tuple(commits))


def _today(dockerfile: str | None) -> str | None:
    if dockerfile is None or not os.path.isfile(dockerfile):
        return None
    try:
        with open(dockerfile, "rb") as file:
            return file.read(_LARGEST).decode("utf-8", "surrogateescape")
    except OSError:
        return None


def _texts(place: _Place, names: Sequence[str], limits: Limits) -> Iterator[str | None]:
    """The texts of objects, by one process; None for each that is not here. One is never fetched."""
    with tempfile.TemporaryFile() as wanted:
        wanted.write(b"".join(os.fsencode(name) + b"\n" for name in names))
        wanted.seek(0)
        command = [*git.COMMAND, "-C", place.folder, "cat-file", "--batch"]
        with Process(command, limits.seconds, env=git.environment(), stdin=wanted.fileno()) as process:
            for _ in names:
                yield _text(process.output)


def _text(stream: IO[bytes]) -> str | None:
    """The next answer of cat-file: ``ID TYPE SIZE``, and the content; or ``NAME missing``."""
    head = stream.readline().split()
    if len(head) != 3 or not head[2].isdigit():
        return None
    data = stream.read(int(head[2]))
    stream.read(1)
    return data.decode("utf-8", "surrogateescape") if head[1] == b"blob" and len(data) <= _LARGEST else None
