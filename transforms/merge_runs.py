"""RUNs that follow each other become one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from optimizer import suppression
from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Transform
from optimizer.joining import JOINING, join_runs, plan
from optimizer.model import Model
from optimizer.runs import Run


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
    - a script could not be read, is in exec form, or has a heredoc;
    - SHELL, `--mount`, `--network` or `--security` differ, or another instruction stands between;
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
                yield from self.grouped(model, runs)

    def grouped(self, model: Model, runs: list[Run]) -> Iterator[Proposal]:
        """The fixes for RUNs in a row: as few groups as their scripts allow, from the first on."""
        group: list[Run] = []
        for run in runs:
            if suppression.covering(model.document, self, run.instruction):
                yield from self.joined(model, group)
                group = []
                continue
            if group:
                reason = plan([*group, run])
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
