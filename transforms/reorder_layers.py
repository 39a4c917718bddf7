"""The instructions of a stage stand in the order that is cheapest to rebuild."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from optimizer import suppression
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Options, Phase, Prediction, Proposal, Safety, Transform
from optimizer.model import Model, Stage
from optimizer.moving import rearranged, shown_instruction

if TYPE_CHECKING:
    from optimizer.effects import Tie
    from optimizer.history import History
    from optimizer.rebuild import Rebuild


class ReorderLayers(Transform):
    """Put the instructions of a stage into the order in which rebuilds take the least time.

    ## What it does
    Looks for the order of a stage's instructions in which the next builds are expected to take the least time, among
    all orders that cannot make a difference to the image. What is costly and changes rarely comes first; what that is,
    the commits of the repository say: how often each instruction and each copied file has changed, and which of them
    have changed together. Comments go along with their instructions.

    ## Why
    The builder executes an instruction again when something changed that it is made from, and every instruction behind
    it. So what changes often, or costs little, belongs at the end.

    ## Example
    ```dockerfile
    FROM debian:12-slim
    COPY site /srv/site
    RUN apt-get update && apt-get install -y --no-install-recommends nginx && rm -rf /var/lib/apt/lists/*
    CMD ["nginx", "-g", "daemon off;"]
    ```

    In the build context:
    ```text
    site/index.html
    ```

    ## Instead
    ```dockerfile
    FROM debian:12-slim
    RUN apt-get update && apt-get install -y --no-install-recommends nginx && rm -rf /var/lib/apt/lists/*
    COPY site /srv/site
    CMD ["nginx", "-g", "daemon off;"]
    ```

    ## When it refuses
    - one of the two reads what the other writes, both write to the same place, or one makes a folder that the other
      uses; a command that is not known may do anything, and nothing passes it;
    - a package list would be older than it is when something is installed with it;
    - there is no build context;
    - the expected saving is below half a second a commit, or below `min_saving` (5 % of the time of a rebuild, unless
      the settings say something else);
    - a comment switches it off for an instruction: that one stays between the same neighbours.

    ## Safety
    Safe where the build context shows what is copied: only instructions change places of which neither reads or writes
    what the other writes (section 4.1, section 4.2, section 4.3), and each setting keeps the value that counts
    (section 4.4), within one stage (section 4.5). Suggested where the build context is too large to be looked through.
    Whether an order is cheaper is an estimate: by the history or, without one, by what is usual for such files, and by
    the times of a build's log (`--timings`) or of such commands. `dockopt explain --cost` shows it. What a RUN fetches
    from the network is fetched again when the RUN is executed again, and that gets rarer.
    """

    name = "reorder_layers"
    summary = "the instructions of a stage stand in the order that is cheapest to rebuild"
    phase = Phase.ORDER

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            if not _may_move(stage):
                continue
            if context is None:
                reason = "without the build context, what is copied is not known"
                yield self.refuse(stage.origin, reason, "section 4.2")
            else:
                yield from self.reordered(model, stage, context, options)

    def reordered(self, model: Model, stage: Stage, context: BuildContext, options: Options) -> Iterator[Proposal]:
        from optimizer.rebuild import history_of, nothing_to_gain

        if reason := nothing_to_gain(model, stage, context, options):
            yield self.refuse(stage.origin, reason, "")
            return
        from optimizer.effects import effects, predecessors, ties
        from optimizer.rebuild import COSTLY

        found = [*ties(effects(model, stage, context)), *self.pinned(model, stage)]
        found += _fresh(stage, predecessors(len(stage.instructions), found))
        before = predecessors(len(stage.instructions), found)
        costly = [at for at, each in enumerate(stage.instructions) if each.keyword in COSTLY]
        if _is_chain(before, costly):
            yield from self.kept(stage, found)
            return
        from optimizer.history import loosened
        from optimizer.order import cheapest
        from optimizer.rebuild import LEAST, expected_of, rebuild_of, too_little

        history = history_of(model, context, options).of_files
        rebuild = rebuild_of(model, stage, context, options, history)
        to_come = rebuild_of(model, stage, context, options, loosened(history))
        best = cheapest(before, rebuild.seconds, _masks(to_come))
        now = rebuild.expected()
        saved = now - rebuild.expected(best.permutation)
        if list(best.permutation) == sorted(best.permutation) or saved <= 0:
            yield from self.kept(stage, found)
            return
        first = stage.instructions[next(at for at, item in enumerate(best.permutation) if at != item)]
        whole = expected_of(model, context, options) if saved >= LEAST and len(model.stages) > 1 else now
        predicted = Prediction(whole, whole - saved)
        if reason := too_little(predicted, options):
            yield self.refuse(first, f"another order {reason}", "")
            return
        low = next(at for at, item in enumerate(best.permutation) if at != item)
        high = max(at for at, item in enumerate(best.permutation) if at != item)
        taking = [source.instruction for source in model.sources if source.origin is not None]
        order = [stage.instructions[item] for item in best.permutation[low : high + 1]]
        yield self.fix(
            first,
            rearranged(model.document, order),
            f"{_why(rebuild, best.permutation, history, taking)}: "
            f"{saved:,.1f} s less a commit, of {whole:,.1f} s",
            f"{saved:,.1f} of {whole:,.1f} s a commit",
            order=order,
            safety=Safety.SUGGESTED if context.truncated else Safety.SAFE,
            predicted=predicted,
        )  # fmt: skip

    def pinned(self, model: Model, stage: Stage) -> Iterator[Tie]:
        """Ties to all others, for instructions that a comment keeps the transform off; and between equal ones."""
        from optimizer.effects import Tie

        places: dict[object, int] = {}
        for place, each in enumerate(stage.instructions):
            if each.reading in places:
                yield Tie(places[each.reading], place, "both are the same")
            places[each.reading] = place
            if suppression.covering(model.document, self, each):
                for other in range(len(stage.instructions)):
                    if other != place:
                        yield Tie(min(place, other), max(place, other), "a comment keeps it there")

    def kept(self, stage: Stage, found: Sequence[Tie]) -> Iterator[Proposal]:
        """Say of each RUN what keeps it behind the first COPY from the build context that it could pass otherwise."""
        told: set[int] = set()
        for tie in sorted(found, key=lambda tie: (tie.second, tie.first)):
            first, second = stage.instructions[tie.first], stage.instructions[tie.second]
            copies = first.keyword in ("COPY", "ADD") and first.flag("from") is None
            if second.keyword == "RUN" and copies and second.index not in told:
                told.add(second.index)
                yield self.refuse(second, f"it stays behind line {first.line}: {tie.reason}", "section 4.1")


def _may_move(stage: Stage) -> bool:
    """Whether, by a glance at the text, something costly stands behind what comes from the build context."""
    costly = [each for each in stage.instructions if each.keyword in ("RUN", "COPY", "ADD")]
    return any(each.keyword != "RUN" and each.flag("from") is None for each in costly[:-1])


def _fresh(stage: Stage, before: Sequence[int]) -> Iterator[Tie]:
    """Ties that keep lists of packages as new as they are for the installs that need them.

    What such an install has to follow stays in front of the RUN that fetches the lists, where it stands there: in
    between, it would run the install again with old lists.
    """
    if not any("update" in run.text for run in stage.runs):
        return
    from optimizer.effects import Tie
    from optimizer.packages.lists import events_of, leaves, needs
    from optimizer.packages.managers import APK, APT

    closed = _closed(before)
    for manager in (APT, APK):
        fetched: int | None = None
        for run in stage.runs:
            place = run.instruction.index - stage.origin.index - 1
            events = events_of(run, manager) or ()
            if fetched is not None and needs(events):
                for other in range(fetched):
                    if closed[place] >> other & 1:
                        reason = f"behind it, line {run.instruction.line} would be run again with old package lists"
                        yield Tie(other, fetched, reason)
            if (left := leaves(events)) != "as before":
                fetched = place if left == "there" else None


def _closed(before: Sequence[int]) -> list[int]:
    """All that has to stand before each instruction, directly or not."""
    closed: list[int] = []
    for mask in before:
        for item, others in enumerate(closed):
            if mask >> item & 1:
                mask |= others
        closed.append(mask)
    return closed


def _is_chain(before: Sequence[int], costly: Sequence[int]) -> bool:
    """Whether all that cost something are tied to one another in one order."""
    closed = _closed(before)
    return all(closed[later] >> earlier & 1 for earlier, later in pairwise(costly))


def _masks(rebuild: Rebuild) -> list[tuple[float, int]]:
    return [(weight, sum(1 << place for place in which)) for weight, which in rebuild.invalidations]


def _why(rebuild: Rebuild, permutation: Sequence[int], history: History, taking: Sequence[Instruction]) -> str:
    """The costliest instruction that comes before one that changes more often, as a clause.

    :param taking: what takes from another stage, by whose content the builder goes.
    """
    places = {item: at for at, item in enumerate(permutation)}
    pairs = [
        (early, late) for early in permutation for late in permutation if early < late and places[late] < places[early]
    ]
    seconds = rebuild.seconds
    early, late = max(pairs, key=lambda pair: rebuild.changed(pair[0]) * seconds[pair[1]])
    share = f"{rebuild.changed(early):.0%}".replace("%", " %")
    taken = rebuild.stage.instructions[early] in taking
    changes = f"may change in up to {share}" if taken else f"changes in {share}"
    commits = f"commits, as is assumed ({history.source})" if history.assumed else history.source
    passed, first = (shown_instruction(rebuild.stage.instructions[place]) for place in (early, late))
    return f"`{passed}` {changes} of {commits}, and `{first}` need not be executed again for it"
