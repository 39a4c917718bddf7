"""What the next builds of a Dockerfile are expected to take, stage by stage: its history and its costs together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.cost import Cost, costs, expected
from optimizer.fix import Options, Prediction
from optimizer.history import History, NoHistory, aligned, invalidations, prior
from optimizer.model import Model, Stage
from optimizer.remember import remembered

COSTLY = frozenset({"RUN", "COPY", "ADD"})
"""Instructions that take time; the others only write settings down."""
LEAST = 0.5
"""Seconds a commit: for less than starting a container takes, no line should move."""
FEW = 10
"""Commits: from fewer of them, nothing is concluded."""


class Rebuild(NamedTuple):
    """The rebuilds of one stage. Places count ``stage.instructions`` from 0."""

    stage: Stage
    costs: tuple[Cost, ...]
    invalidations: tuple[tuple[float, frozenset[int]], ...]
    """The weight of all commits that change the same instructions, with their places."""

    @property
    def seconds(self) -> list[float]:
        """What each instruction takes."""
        pairs = zip(self.stage.instructions, self.costs, strict=True)
        return [cost.seconds if each.keyword in COSTLY else 0.0 for each, cost in pairs]

    def expected(self, order: Sequence[int] | None = None) -> float:
        """Seconds a commit, with the instructions in this order."""
        return expected(range(len(self.costs)) if order is None else order, self.seconds, self.invalidations)

    def most(self) -> float:
        """Seconds a commit that no order can save more than: whatever is changed itself is executed again."""
        least = sum(seconds * self.changed(place) for place, seconds in enumerate(self.seconds) if seconds)
        return self.expected() - least

    def changed(self, place: int) -> float:
        """The share of the commits that change what an instruction is made from."""
        return sum(weight for weight, which in self.invalidations if place in which)

    def executed(self) -> Iterator[float]:
        """For each instruction, the share of the commits after which it is executed again."""
        first = [(weight, min(which)) for weight, which in self.invalidations if which]
        for place in range(len(self.costs)):
            yield sum(weight for weight, since in first if since <= place)


@remembered
def history_of(model: Model, context: BuildContext | None, options: Options) -> History:
    """The history, its instructions counted in this text; what is assumed, where there is none or hardly any."""
    found = options.past.history if options.past is not None else NoHistory("no history was looked for")
    if isinstance(found, NoHistory):
        return prior(model, context, found.reason)
    if len(found.commits) < FEW:
        return prior(model, context, f"the history has only {len(found.commits)} commits")
    return aligned(found, model.document)


def rebuild_of(
    model: Model, stage: Stage, context: BuildContext | None, options: Options, history: History | None = None
) -> Rebuild:
    """The rebuilds of a stage."""
    history = history or history_of(model, context, options)
    timings = options.past.timings if options.past is not None else ()
    found = invalidations(history.commits, stage, context, model)
    return Rebuild(stage, costs(stage, context, timings), found)


def expected_of(model: Model, context: BuildContext | None, options: Options) -> float:
    """Seconds a commit for the whole Dockerfile."""
    history = history_of(model, context, options)
    return sum(rebuild_of(model, stage, context, options, history).expected() for stage in model.stages)


def prediction(before: Model, after: Model, context: BuildContext | None, options: Options) -> Prediction:
    """What a rebuild takes before and after a change."""
    return Prediction(expected_of(before, context, options), expected_of(after, context, options))


@remembered
def nothing_to_gain(model: Model, stage: Stage, context: BuildContext | None, options: Options) -> str | None:
    """Why no change of the order can be worth it, whatever may pass what; None where one might.

    Cheap beside finding out what may pass what, unless git has to be started: then it is not asked.
    """
    if options.past is not None and not options.past.at_hand:
        return None
    history = history_of(model, context, options).of_files
    if not (history.commits and any(invalidations(history.commits, each, context, model) for each in model.stages)):
        return "no commit is expected to change what it copies"  # without the costs, which take longer to find out
    if stage is not model.final:
        return None  # other stages may take from it
    rebuild = rebuild_of(model, stage, context, options, history)
    now = rebuild.expected()
    reason = too_little(Prediction(now, now - rebuild.most()), options)
    return f"the best of all orders {reason}" if reason else None


def too_little(predicted: Prediction, options: Options) -> str | None:
    """Why what is saved is not worth a change; None where it is."""
    saved, whole = predicted.before - predicted.after, predicted.before
    if saved >= LEAST and saved * 100 >= options.min_saving * whole:
        return None
    limit = f"{LEAST:g} s" if saved < LEAST else f"min_saving ({options.min_saving:g} %)"
    return f"would save {saved:,.1f} s of {whole:,.1f} s a commit, less than {limit}"
