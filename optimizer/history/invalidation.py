"""Which instructions of a stage a commit makes the builder execute again, by what they read themselves.

Numbers here are places in ``stage.instructions``, from 0. What follows an instruction in the file is executed again
because of it; that depends on the order, and is not counted here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from optimizer.context import BuildContext
from optimizer.copies import Copied, copied
from optimizer.history.change import Commit
from optimizer.instructions import settings
from optimizer.model import Model, Stage
from optimizer.wildcard import BadPattern, compiled

SILENT = frozenset(
    {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "STOPSIGNAL", "VOLUME"}
)
"""Instructions that only write the image's configuration: BuildKit's cache of later ones does not look at it."""


def invalidated(
    commit: Commit, stage: Stage, context: BuildContext | None, model: Model | None = None
) -> frozenset[int]:
    """The instructions whose own inputs a commit changed, as places in ``stage.instructions``; all for a new base.

    Inputs are an instruction's text, and what COPY, ADD and bind mounts read of the context behind .dockerignore:
    files that the commit removed count too. With the model, what is copied or mounted from another stage counts as
    changed where anything in that stage is executed again. That is the most it can be: the builder goes by the content
    of what is taken, and what was built again may be the same.
    """
    return Inputs(stage, context, model).changed(commit)


def invalidations(
    commits: Iterable[Commit], stage: Stage, context: BuildContext | None, model: Model | None = None
) -> tuple[tuple[float, frozenset[int]], ...]:
    """The weight of all commits that invalidate the same instructions, for each such set; by falling weight."""
    inputs = Inputs(stage, context, model)
    found: dict[frozenset[int], float] = defaultdict(float)
    for commit in commits:
        if changed := inputs.changed(commit):
            found[changed] += commit.weight
    return tuple(
        sorted(((weight, which) for which, weight in found.items()), key=lambda each: (-each[0], sorted(each[1])))
    )


class Inputs:
    """What the instructions of a stage read, prepared for many commits."""

    def __init__(
        self,
        stage: Stage,
        context: BuildContext | None,
        model: Model | None = None,
        shared: dict[int, Inputs] | None = None,
    ) -> None:
        """``shared`` holds those of other stages of the same Dockerfile, by number, so that each is made once."""
        shared = {} if shared is None else shared
        shared[stage.index] = self

        def of(other: Stage) -> Inputs:
            return shared.get(other.index) or Inputs(other, context, model, shared)

        self._known: dict[Commit, frozenset[int]] = {}
        self._taken: dict[frozenset[str], frozenset[int]] = {}
        self._stage = stage
        self._first = stage.origin.index + 1
        self._all = frozenset(range(len(stage.instructions)))
        self._excluded: dict[str, bool] = {}
        self._ignore = context.ignore if context is not None else None
        self._sources: dict[int, list[Callable[[str], bool]]] = defaultdict(list)
        for each in copied(stage):
            self._sources[each.instruction.index - self._first].append(_taker(each, context))
        self._parent = of(stage.parent) if stage.parent is not None else None
        self._stages: list[tuple[int, Inputs]] = []
        self._globals: dict[int, frozenset[int]] = {}
        if model is not None:
            self._stages = [
                (each.instruction.index - self._first, of(each.origin))
                for each in model.sources
                if each.stage is stage and each.origin is not None
            ]
            self._globals = dict(_globals(model, stage, self._all))

    def changed(self, commit: Commit) -> frozenset[int]:
        """The places of the instructions whose own inputs the commit changed."""
        if commit not in self._known:
            self._known[commit] = self._changed(commit)
        return self._known[commit]

    def _changed(self, commit: Commit) -> frozenset[int]:
        if self._first - 1 in commit.instructions or (self._parent is not None and self._parent.changed(commit)):
            return self._all
        found = {
            number - self._first
            for number in commit.instructions
            if number - self._first in self._all
            and self._stage.instructions[number - self._first].keyword not in SILENT
        }
        found.update(*(which for number, which in self._globals.items() if number in commit.instructions))
        found |= self._taking(commit.paths)
        found.update(place for place, inputs in self._stages if place not in found and inputs.changed(commit))
        return frozenset(found)

    def _taking(self, paths: frozenset[str]) -> frozenset[int]:
        """The places of the instructions that take one of the paths. Commits that are made up share their paths."""
        if paths not in self._taken:
            self._taken[paths] = frozenset(
                place
                for place, takers in self._sources.items()
                if any(not self._hides(path) for path in paths if any(takes(path) for takes in takers))
            )
        return self._taken[paths]

    def _hides(self, path: str) -> bool:
        if self._ignore is None:
            return False
        if path not in self._excluded:
            self._excluded[path] = self._ignore.excludes(path)
        return self._excluded[path]


def _globals(model: Model, stage: Stage, everything: frozenset[int]) -> Iterator[tuple[int, frozenset[int]]]:
    """What each ARG before the first FROM has a say in: the base, or the ARGs that take its value over."""
    for instruction in model.document.instructions[: model.stages[0].origin.index]:
        names = {each.name for each in settings(instruction)}
        if any(f"${name}" in stage.origin.args or f"${{{name}" in stage.origin.args for name in names):
            yield instruction.index, everything
            continue
        taken = {
            place
            for place, each in enumerate(stage.instructions)
            if each.keyword == "ARG" and names & {one.name for one in settings(each) if one.value is None}
        }
        if taken:
            yield instruction.index, frozenset(taken)


def _taker(source: Copied, context: BuildContext | None) -> Callable[[str], bool]:
    """Whether a source stands for a path of the context, whether that is there today or not.

    What the text cannot tell stands for every path. Where git has one entry for a whole folder, a submodule or a link
    that became one, the entry counts for what lies in it.
    """
    pattern = source.source
    if not pattern:
        return lambda path: True
    linked = frozenset(_linked(pattern, context)) if context is not None else frozenset()
    if not set(pattern) & set("*?[\\"):
        inside = f"{pattern}/"
        return lambda path: (
            path == pattern or path.startswith(inside) or inside.startswith(f"{path}/") or path in linked
        )
    try:
        matches = compiled(pattern).fullmatch
    except BadPattern:
        return lambda path: False  # the builder refuses it
    head = pattern[: min(pattern.index(each) for each in "*?[\\" if each in pattern)]
    return lambda path: path in linked or (path.startswith(head) and any(matches(path, 0, end) for end in _ends(path)))


def _ends(path: str) -> Iterator[int]:
    """Where the names of the folders above end, and the path itself."""
    at = path.find("/")
    while at >= 0:
        yield at
        at = path.find("/", at + 1)
    yield len(path)


def _linked(pattern: str, context: BuildContext) -> Iterator[str]:
    """The files that a source has by another name, through a link to their folder."""
    for match in context.glob(pattern):
        if context.is_dir(match) and not next(context.files(match), match).startswith(match):
            yield from context.files(match)
