"""What a rewrite brings: sizes, and the time of builds after a change, before and after by turns."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from optimizer.dockerignore import parse
from optimizer.verify import scratch
from optimizer.verify.builder import BuildFailed, Built, Source
from optimizer.verify.history import Checkout, History, HistoryError
from optimizer.verify.progress import Step
from optimizer.verify.touched import candidates

if TYPE_CHECKING:
    from optimizer.engine import Outcome
    from optimizer.verify.trial import Shot, Trials

ROUNDS = 3
"""Builds of each side after a change; the median counts."""
LONG = 30.0
"""Seconds from which one build of each side will do."""
PULLED = 0.5
"""Seconds from which a FROM counts as a download, which has nothing to do with the Dockerfile."""
_GZIP = 16 + zlib.MAX_WBITS


class Size(NamedTuple):
    """The size of an image, in bytes."""

    layers: int
    unpacked: int
    compressed: int
    """As a registry keeps it: each layer by gzip, at the level that docker push uses."""


class Timing(NamedTuple):
    """Builds of one side, in seconds, and what the last of them did."""

    seconds: tuple[float, ...]
    steps: tuple[Step, ...]

    @property
    def median(self) -> float:
        return median(self.seconds)

    @property
    def total(self) -> float:
        return sum(self.seconds)


class Scenario(NamedTuple):
    """A reason to build, and how long it takes before and after the rewrite."""

    name: str
    before: Timing
    after: Timing


@dataclass(frozen=True)
class Measurement:
    """What was measured of one target."""

    target: str
    before: Size
    after: Size
    scenarios: tuple[Scenario, ...]
    replay: Scenario | None = None
    """The builds of the last commits, one after the other."""
    notes: tuple[str, ...] = ()


def measure(trials: Trials, outcome: Outcome, *, times: bool = True, replay: int = 0) -> Measurement:
    """Measure the original against a rewrite that has passed.

    :param times: also how long builds take, which takes builds.
    :param replay: how many of the last commits are built.
    """
    meter = _Meter(trials, outcome)
    scenarios = [meter.cold()] if times else []
    replayed = None
    if trials.task.context is not None:
        scenarios += meter.after_changes() if times else ()
        replayed = meter.replay(replay) if replay else None
    before, after = meter.sizes()
    return Measurement(trials.target, before, after, tuple(scenarios), replayed, tuple(meter.notes))


class _Meter:
    def __init__(self, trials: Trials, outcome: Outcome) -> None:
        self.trials = trials
        self.builder = trials.builder
        self.sources = (trials.source(trials.text), trials.source(outcome.after, outcome.companions))
        self.notes: list[str] = []
        self.packed: dict[str, int] = {}

    def cold(self) -> Scenario:
        """Builds without cache: those that were made for the comparison, and one more."""
        self.trials.tell("cold build of the rewritten file")
        again = self.builder.build(self.sources[1], no_cache=True)
        before = [shot.built for shot in self.trials.before]
        after = [*(built for built in self.trials.after if built.source == self.sources[1]), again]
        return Scenario("without cache", _cold(before), _cold(after))

    def sizes(self) -> tuple[Size, Size]:
        """The sizes of the image before and after."""
        self.trials.tell("sizes")
        after = self.trials.shoot(self.sources[1], "rewritten", no_cache=False)
        return self._size(self.trials.before[-1]), self._size(after)

    def _size(self, shot: Shot) -> Size:
        layers = shot.image.layers
        plain = {layer.name for layer in layers if layer.stored == layer.unpacked} - self.packed.keys()
        if plain:
            with self.builder.export(shot.built) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    if member.name in plain and (content := archive.extractfile(member)):
                        self.packed[member.name] = _compressed(iter(lambda: content.read(1 << 20), b""))
        compressed = sum(self.packed.get(layer.name, layer.stored) for layer in layers)
        return Size(len(layers), sum(layer.unpacked for layer in layers), compressed)

    def after_changes(self) -> Iterator[Scenario]:
        """Builds after a change of one source file, and of one manifest; with all else in the cache."""
        rules = [parse(source.ignore or "") for source in self.sources]
        assert self.trials.task.context is not None
        with self.builder.temporary() as folder:
            try:
                context = scratch.copy(self.trials.task.context, rules, Path(folder))
            except (OSError, scratch.TooLarge) as error:
                self.notes.append(f"builds after a change were not measured: {error}")
                return
            sources = tuple(replace(each, context=str(context)) for each in self.sources)
            for source in sources:
                self.builder.build(source)
            for paths in candidates(self.trials.task.context, rules):
                for path in paths:
                    scenario = self._after_change_of(context / path, f"{path} changed", sources)
                    if scenario is not None:
                        yield scenario
                        break

    def _after_change_of(self, path: Path, name: str, sources: tuple[Source, ...]) -> Scenario | None:
        """Builds of both sides after changes of a file; None where it plays no part in the image."""
        self.trials.tell(name)

        def change(side: int) -> Source:
            scratch.touch(path)
            return sources[side]

        try:
            before, after = self._by_turns(change, ROUNDS)
        except BuildFailed as error:
            self.notes.append(f"{name}: {error.message} then, so this was not measured")
            return None
        return Scenario(name, before, after) if any(step.ran for step in before.steps) else None

    def _by_turns(self, prepare: Callable[[int], Source], rounds: int) -> tuple[Timing, Timing]:
        built: tuple[list[Built], list[Built]] = ([], [])
        for number in range(rounds):
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                built[side].append(self.builder.build(prepare(side)))
            if max(each[-1].seconds for each in built) > LONG or not any(step.ran for step in built[0][-1].steps):
                break
        before, after = (Timing(tuple(each.seconds for each in some), some[-1].steps) for some in built)
        return before, after

    def replay(self, number: int) -> Scenario | None:
        """Builds of the last commits, one after the other, each with what the one before left in the cache."""
        assert self.trials.task.context is not None
        try:
            history = History(self.trials.task.context)
            commits = history.commits(number + 1)
        except HistoryError as error:
            self.notes.append(f"no commits were replayed: {error}")
            return None
        with self.builder.temporary() as folder:
            return self._replay(Checkout(history, Path(folder)), commits)

    def _replay(self, checkout: Checkout, commits: Iterable[str]) -> Scenario | None:
        # The sides must not find each other's layers: a build argument that nothing reads keeps them apart.
        sources = [
            replace(
                source, dockerfile=apart(source.dockerfile, f"{self.builder.name}-{side}"), context=str(checkout.folder)
            )
            for side, source in enumerate(self.sources)
        ]
        built: list[tuple[Built, Built]] = []
        for number, commit in enumerate(commits):
            self.trials.tell(f"replaying {commit[:10]}")
            order = (0, 1) if number % 2 == 0 else (1, 0)
            try:
                checkout.switch(commit)
                found = {side: self.builder.build(sources[side]) for side in order}
            except (HistoryError, BuildFailed) as error:
                self.notes.append(f"commit {commit[:10]} was left out: {error}")
                continue
            built.append((found[0], found[1]))
        counted = built[1:]  # the first one fills the cache
        if not counted:
            self.notes.append("no commits were replayed: there are too few that can be built")
            return None
        before, after = (
            Timing(tuple(pair[side].seconds for pair in counted), counted[-1][side].steps) for side in (0, 1)
        )
        return Scenario(f"the last {len(counted)} commits", before, after)


def apart(text: str, value: str) -> str:
    """The Dockerfile with a build argument at the head of each stage: with another value, its RUNs share no cache."""
    from optimizer.fix import Edit, splice
    from optimizer.model import read

    edits = []
    for stage in read(text).stages:
        start = "" if text[: stage.origin.end].endswith("\n") else "\n"
        edits.append(Edit(stage.origin.end, stage.origin.end, f"{start}ARG DOCKOPT_VERIFY={value}\n"))
    return splice(text, edits)


def _cold(built: list[Built]) -> Timing:
    """The times of builds without cache, without those that had to download their base image first."""
    here = [each for each in built if not any(_downloads(step) for step in each.steps)] or built[-1:]
    return Timing(tuple(each.seconds for each in here), here[-1].steps)


def _downloads(step: Step) -> bool:
    return step.instruction.startswith("FROM ") and step.seconds > PULLED


def _compressed(pieces: Iterable[bytes]) -> int:
    packer = zlib.compressobj(wbits=_GZIP)
    return sum(len(packer.compress(piece)) for piece in pieces) + len(packer.flush())
