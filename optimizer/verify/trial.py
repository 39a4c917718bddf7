"""One Dockerfile put to the proof: built, read, and held against the original."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from optimizer.verify.behaviour import Behaviour
from optimizer.verify.builder import Builder, BuildFailed, Built, CannotJudge, Limits, Source
from optimizer.verify.cause import Problems, causes_in
from optimizer.verify.entry import Config, Image
from optimizer.verify.judge import Bases, Judge, moved
from optimizer.verify.origin import Origins

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.engine import Outcome
    from optimizer.fix import Companion
    from optimizer.model import Model
    from optimizer.runner import Task

Tell = Callable[[str], None]


class Shot(NamedTuple):
    """An image that was built, and what was read of it."""

    built: Built
    image: Image


@dataclass
class Trials:
    """What builds texts of one Dockerfile for one stage, and says how their images differ from the original's.

    :raises CannotJudge: from every method, where no judgement is possible.
    """

    task: Task
    text: str
    builder: Builder
    target: str
    smoke: Sequence[str]
    tell: Tell
    limits: Limits = Limits()  # noqa: RUF009 - a tuple
    before: list[Shot] = field(default_factory=list)
    """The original, built twice without cache."""
    after: list[Built] = field(default_factory=list)
    """The rewritten file, built without cache."""
    _read: dict[str, Image] = field(default_factory=dict)
    """The base images that were read, by name."""

    @property
    def uncached(self) -> tuple[Built, ...]:
        """The builds without cache."""
        return (*(shot.built for shot in self.before), *self.after)

    @cached_property
    def context(self) -> BuildContext | None:
        from optimizer.context import DirectoryContext
        from optimizer.runner import STDIN

        if self.task.context is None:
            return None
        return DirectoryContext(self.task.context, None if self.task.path == STDIN else self.task.path)

    def source(self, text: str, companions: Sequence[Companion] = ()) -> Source:
        """What is to be built: a text, with files beside it as a rewrite would have them."""
        context = self.context
        if context is None:
            return Source(text, None, target=self.target)
        for companion in companions:
            if os.path.basename(companion.path).endswith(".dockerignore"):
                context = context.with_file(companion.path, companion.text)
        rules = None if context.ignore_path is None else context.read_on_disk(context.ignore_path)
        return Source(text, self.task.context, rules, self.target)

    def shoot(self, source: Source, what: str, *, no_cache: bool) -> Shot:
        """Build an image and read it at once: with some builders the next build takes its place."""
        self.tell(f"{what}: building")
        built = self.builder.build(source, no_cache=no_cache)
        self.tell(f"{what}: reading the image, built in {built.seconds:.1f} s")
        with self.builder.export(built) as stream:
            return Shot(built, self.judge.read(stream))

    @cached_property
    def judge(self) -> Judge:
        return Judge()

    def original(self) -> None:
        """Build the original for the first time, or again for its noise."""
        number = len(self.before) + 1
        try:
            self.before.append(self.shoot(self.source(self.text), f"as it is ({number} of 2)", no_cache=True))
        except BuildFailed as error:
            often = "already fails before any rewrite" if number == 1 else "does not succeed each time"
            raise CannotJudge(f"the build {often}", error.lines) from None

    @cached_property
    def behaviour(self) -> Behaviour:
        behaviour = Behaviour(self.builder, self.smoke, self.limits)
        first, second = self.before
        behaviour.learn(first.built, second.built, first.image.config)
        return behaviour

    def problems(self, outcome: Outcome, what: str, shot: Shot | BuildFailed | None = None) -> Problems:
        """How the image of a rewrite differs from the original's, in ways that its fixes do not declare."""
        if shot is None:
            try:
                shot = self.shoot(self.source(outcome.after, outcome.companions), what, no_cache=False)
            except BuildFailed as error:
                shot = error
        if isinstance(shot, BuildFailed):
            said = tuple(f"{shot.message}: {line}" for line in shot.lines[-1:]) or (shot.message,)
            return Problems(said, tuple(self.origins.known(causes_in(shot.lines, "the build"), None)))
        first, second = self.before
        bases = self._bases(outcome)
        seen = self.judge.problems(first.image, second.image, shot.image, outcome, bases)
        told = moved(first.image, shot.image, outcome).told if bases else str
        seen += self.behaviour.problems(shot.built, told)
        return Problems(seen.lines, tuple(self.origins.known(seen.causes, shot.image)))

    @cached_property
    def origins(self) -> Origins:
        return Origins(self.before[0].image)

    def _bases(self, outcome: Outcome) -> Bases | None:
        """What is in the base images before and after, where the rewrite has another one or stages of its own."""
        from optimizer.model import read

        before, after = read(outcome.before), read(outcome.after)
        old, new = _lineage(before, self.target), _lineage(after, self.target)
        if old == new and len(before.stages) == len(after.stages):
            return None
        return Bases(self._base(old[-1]), self._base(new[-1]))

    def _base(self, name: str | None) -> Image:
        """A base image; an empty one where its name is not known."""
        if name is None or name == "scratch":
            return Image(Config(), {})
        if name not in self._read:
            shot = self.shoot(Source(f"FROM {name}\n", None), f"the base image {name}", no_cache=False)
            self._read[name] = shot.image
        return self._read[name]


def _lineage(model: Model, target: str) -> list[str | None]:
    """The bases of a target and of the stages that it builds on."""
    stage = (model.find_stage(target, len(model.stages)) if target else None) or model.final
    return [each.base for each in stage.lineage]
