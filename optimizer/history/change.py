"""A history as data: commits with what they changed, and how much each counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace


class Commit(Struct, frozen=True):
    """One change of the build context, the Dockerfile, or both."""

    id: str
    """The commit's name in git; of an assumed one what it stands for."""
    weight: float
    """Its share in what is expected of the next commit; over a history the weights add up to 1."""
    paths: frozenset[str]
    """The files that it changed, added or removed below the context's root, relative to it.

    A submodule, which git keeps as one entry, is one path.
    """
    instructions: frozenset[int] = frozenset()
    """Which of the instructions that the Dockerfile has today it changed, by Instruction.index.

    Empty where it changed none, and where that is not known.
    """


class History(Struct, frozen=True):
    """Commits that changed something, the newest first."""

    commits: tuple[Commit, ...]
    shallow: bool
    """Whether the clone ends before the repository's history does."""
    source: str
    """Where it comes from, for reports: "the last 412 commits"."""
    text: str | None = None
    """The Dockerfile that the commits' instructions are counted in; None where none was read."""
    assumed: bool = False
    """Whether the commits are made up."""

    @property
    def of_files(self) -> History:
        """Without what is assumed of the Dockerfile's own changes: on that alone, no line should move."""
        if not self.assumed:
            return self
        return replace(self, commits=tuple(each for each in self.commits if not each.instructions))


ALONE = 0.1
"""Share of a commit's weight that counts for its files one by one."""
FEW_FILES = 20
"""Files: a commit with more of them is a change of the whole project."""


def loosened(history: History) -> History:
    """The history as one of what is to come: files that have only changed together may change alone, too.

    Without that, what a handful of commits has happened to change together would count as tied for ever.
    """
    if history.assumed:
        return history
    kept: list[Commit] = []
    alone: dict[str, float] = defaultdict(float)
    for each in history.commits:
        if each.instructions or not 1 < len(each.paths) <= FEW_FILES:
            kept.append(each)
            continue
        kept.append(replace(each, weight=each.weight * (1 - ALONE)))
        for path in each.paths:
            alone[path] += each.weight * ALONE / len(each.paths)
    return replace(history, commits=(*kept, *(Commit(path, alone[path], frozenset({path})) for path in sorted(alone))))


NO_REPOSITORY = "the build context is in no git repository"


class NoHistory(Struct, frozen=True):
    """There is none to be had."""

    reason: str
    """Why, in one line."""


def weighted(count: int, half_life: float) -> Sequence[float]:
    """The weights of so many commits, the newest first: one ``half_life`` commits older counts half as much."""
    raw = [2.0 ** (-number / half_life) for number in range(count)]
    total = sum(raw)
    return [each / total for each in raw]
