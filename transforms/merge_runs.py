"""RUNs that follow each other become one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from optimizer import suppression
from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Transform
from optimizer.joining import JOINING, anew, join_runs, plan
from optimizer.model import Model, Stage
from optimizer.runs import Run

LONG = 10.0
"""Seconds: what takes less is run again without regret, and no history is read for it."""


class MergeRuns(Transform):
    r"""Join RUN instructions that follow each other into one.

    ## What it does
    Writes consecutive RUNs as one instruction, one command a line, with the author's indentation and the `&&` where the
    author has it. Comments between them stay where they are, on lines of their own.

    ## Why
    Each RUN is a layer. What a later RUN deletes stays in the layer below it and is shipped all the same; in one RUN it
    is gone. And layers are unpacked one after the other when an image is pulled.

    ## Example
    ```dockerfile
    FROM debian:bookworm-slim
    RUN curl -fsSLO https://example.com/tool.tgz
    # unpack
    RUN cd /opt && tar xzf /tool.tgz
    RUN rm /tool.tgz
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm-slim
    RUN curl -fsSLO https://example.com/tool.tgz && \
        # unpack
        ( cd /opt && tar xzf /tool.tgz ) && \
        rm /tool.tgz
    ```

    ## When it refuses
    - a script changes what the next one would see and cannot be put into a subshell: `set -e`, `trap`, a job in the
      background, `$?` at the start of the next; or the subshell would go around several lines;
    - a RUN starts a service, which ends with it: in one RUN it would go on;
    - a RUN changes what the next one finds anew: it replaces the shell (`ln -sf bash /bin/sh`), takes away the working
      directory, writes to `/etc/hosts` or `/etc/resolv.conf`, changes its own user, or has a tmpfs mounted;
    - a script could not be read, is in exec form, or has a heredoc;
    - SHELL, `--mount`, `--network` or `--security` differ, or another instruction stands between;
    - by the history of the repository, the text of a RUN changes so often that a long RUN before it would be run again
      for it (`min_saving` percent of the time of a rebuild, or more);
    - the stage is a builder from which only `COPY --from` takes files: its layers are not shipped, and apart they are
      cached apart (`merge_in_builder_stages` changes that).

    ## Safety
    Safe: each script runs as it ran, in the same order, and only after the success of the one before (section 2).
    """

    name = "merge_runs"
    summary = "RUNs that follow each other become one"
    phase = Phase.MERGE
    hadolint = ("DL3059",)

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            if not (model.ships(stage) or options.merge_in_builder_stages):
                continue
            for runs in _in_a_row(stage.runs):
                if len(runs) > 1:
                    yield from self.grouped(model, runs, _changing(model, stage, runs, context, options))

    def grouped(self, model: Model, runs: Sequence[Run], changing: Mapping[int, str]) -> Iterator[Proposal]:
        """The fixes for RUNs in a row: as few groups as their scripts allow, from the first on.

        :param changing: why a RUN, by its number, is better kept apart from those before it.
        """
        group: list[Run] = []
        for run in runs:
            if suppression.covering(model.document, self, run.instruction):
                yield from self.joined(model, group)
                group = []
                continue
            if group:
                reason = changing.get(run.instruction.index) or anew(model, group[-1]) or plan([*group, run])
                if not isinstance(reason, str):
                    group.append(run)
                    continue
                yield self.refuse(run.instruction, f"not joined with the RUN before it: {reason}", JOINING)
            yield from self.joined(model, group)
            group = [run]
        yield from self.joined(model, group)

    def joined(self, model: Model, group: list[Run]) -> Iterator[Proposal]:
        if len(group) > 1:
            fewer = len(group) - 1
            layers = (
                f"{len(group)} RUNs in a row make {len(group)} layers, and what one deletes stays in the one before"
            )
            yield join_runs(self, model, group, layers, f"{fewer} layer{'s' if fewer > 1 else ''}")


def _in_a_row(runs: tuple[Run, ...]) -> Iterator[list[Run]]:
    """The RUNs in groups between which another instruction stands."""
    for _, group in groupby(enumerate(runs), lambda pair: pair[1].instruction.index - pair[0]):
        yield [run for _, run in group]


def _changing(
    model: Model, stage: Stage, runs: Sequence[Run], context: BuildContext | None, options: Options
) -> Mapping[int, str]:
    """The RUNs, by number, that change so often that what stands before them in the row had better be kept."""
    past = options.past
    if past is None or context is None or past.is_none:
        return {}
    from optimizer.cost import costs

    places = [run.instruction.index - stage.origin.index - 1 for run in runs]
    if sum(costs(stage, context, past.timings)[place].seconds for place in places[:-1]) < LONG:
        return {}
    from optimizer.rebuild import expected_of, history_of, rebuild_of

    history = history_of(model, context, options)
    if history.assumed:
        return {}
    rebuild = rebuild_of(model, stage, context, options, history)
    enough = expected_of(model, context, options) * options.min_saving / 100
    found: dict[int, str] = {}
    before = 0.0
    for place in places:
        alone = sum(weight for weight, which in rebuild.invalidations if min(which, default=-1) == place)
        if before >= LONG and before * alone >= enough:
            share = f"{alone:.0%}".replace("%", " %")
            found[stage.instructions[place].index] = (
                f"it changed by itself in {share} of {history.source}, "
                f"and what stands before it would be run again, which takes {before:,.0f} s"
            )
            before = 0.0
        before += rebuild.seconds[place]
    return found
