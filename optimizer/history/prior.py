"""What is assumed of the next commit where there is no history: commits made up from the kinds of files there are."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import sqrt

from msgspec.structs import replace

from optimizer.context import BuildContext, MemoryContext
from optimizer.copies import copied
from optimizer.history.change import Commit, History
from optimizer.history.kinds import CHANGES, SOURCES, Change, kind_of
from optimizer.model import Model
from optimizer.remember import remembered

_SOME_SOURCE = "main.py"


def prior(model: Model, context: BuildContext | None, reason: str = "") -> History:
    """Assumed commits, each changing together what real ones do; the table is in kinds.py. Always the same.

    :param context: without one, the files are those that COPY names, and one source in each folder that it may mean.
    :param reason: why there is no history, for reports.
    """
    made_up = _of_files(MemoryContext(dict.fromkeys(_named(model), "")) if context is None else context)
    commits = [part for each in made_up for part in (_of_dockerfile(each, model) if each.id == _OURS else (each,))]
    total = sum(each.weight for each in commits)
    found = tuple(replace(each, weight=each.weight / total) for each in commits)
    source = f"{reason or 'no history'}: what changes is assumed by kinds of files"
    return History(found, False, source, model.document.text, assumed=True)


_OURS = "container files"


@remembered
def _of_files(context: BuildContext) -> tuple[Commit, ...]:
    """The commits to files of a build context, whatever the Dockerfile; weights are those of the table."""
    files: dict[str, list[str]] = defaultdict(list)
    for path in context.files():
        files[kind_of(path)].append(path)
    return tuple(commit for change in CHANGES for commit in _commits(change, files))


def _commits(change: Change, files: Mapping[str, list[str]]) -> Iterator[Commit]:
    """The commits that a kind of change stands for; none where there are no such files."""
    paths = [path for kind in change.kinds for path in files.get(kind, ())]
    name = " + ".join(change.kinds)
    if name == _OURS or (change.together and all(files.get(kind) for kind in change.kinds)):
        yield Commit(name, change.weight, frozenset(paths))
    elif not change.together and files.get(change.kinds[0]):
        folders: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            folders[posixpath.dirname(path)].append(path)
        total = sum(sqrt(len(some)) for some in folders.values())
        for folder, some in folders.items():
            where = f"{name} in {folder}" if folder else name
            yield Commit(where, change.weight * sqrt(len(some)) / total, frozenset(some))


def _of_dockerfile(commit: Commit, model: Model) -> Iterator[Commit]:
    """The commit once for each instruction that it may change."""
    count = len(model.document.instructions)
    for each in model.document.instructions:
        shown = f"{commit.id}: {each.keyword} in line {each.line}"
        yield Commit(shown, commit.weight / count, commit.paths, frozenset({each.index}))


def _named(model: Model) -> Iterable[str]:
    """Files that must be there by the Dockerfile's word."""
    for stage in model.stages:
        for each in copied(stage):
            if each.source is None:
                continue
            path = "".join(char for char in each.source if char not in "*?[]\\").strip("/")
            if kind_of(path) != SOURCES or posixpath.splitext(path)[1]:
                yield path
            else:
                yield posixpath.join(path, _SOME_SOURCE)
