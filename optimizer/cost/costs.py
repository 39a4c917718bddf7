"""Seconds to execute each instruction of a stage again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from optimizer.context import BuildContext
from optimizer.copies import Copied, copied
from optimizer.cost import rates
from optimizer.cost.commands import Commands
from optimizer.document import Instruction
from optimizer.model import Stage
from optimizer.remember import remembered
from optimizer.runs import Run

if TYPE_CHECKING:
    from optimizer.verify.progress import Step


class Cost(Struct, frozen=True):
    """How long an instruction takes."""

    seconds: float
    source: str
    """How that is known, for reports: ``measured``, or ``assumed: pip install, 12 packages``."""


_NOTHING = Cost(0.0, "only configuration")


@remembered
def costs(stage: Stage, context: BuildContext | None, timings: Sequence[Step] = ()) -> tuple[Cost, ...]:
    """The cost of each of ``stage.instructions``: measured where ``timings`` have it, else assumed by its commands.

    :param timings: steps of one or more builds of this Dockerfile, or of a version of it (``read_timings``).
    """
    found: dict[int, float] = {}
    if timings:
        from optimizer.cost.timings import measured

        found = measured(stage, timings)
    runs = {run.instruction.index: run for run in stage.runs}
    taken = [source for each in stage.lineage for source in copied(each)]
    return tuple(
        Cost(found[place], "measured")
        if place in found
        else _assumed(stage, each, runs.get(each.index), taken, context)
        for place, each in enumerate(stage.instructions)
    )


def _assumed(
    stage: Stage, instruction: Instruction, run: Run | None, taken: Sequence[Copied], context: BuildContext | None
) -> Cost:
    if run is not None:
        commands = list(Commands(run, stage.state(instruction), taken, context).taken())
        dearest = max(commands, key=lambda each: each.seconds, default=None)
        seconds = rates.RUN_SECONDS + sum(each.seconds for each in commands)
        return Cost(seconds, f"assumed: {dearest.what}" if dearest is not None else "assumed")
    if instruction.keyword in ("COPY", "ADD"):
        return _copy(instruction, [each for each in taken if each.instruction is instruction], context)
    return Cost(rates.WORKDIR_SECONDS, "assumed") if instruction.keyword == "WORKDIR" else _NOTHING


def _copy(instruction: Instruction, sources: Sequence[Copied], context: BuildContext | None) -> Cost:
    seconds = rates.COPY_SECONDS
    if instruction.keyword == "ADD" and any("://" in word for word in instruction.words[:-1]):
        return Cost(seconds + rates.DOWNLOAD_SECONDS, "assumed: a download")
    if instruction.flag("from") is not None:
        return Cost(rates.COPY_FROM_SECONDS, "assumed: a copy from elsewhere")
    if context is None or not sources:
        return Cost(seconds, "assumed: a copy")
    files, size = _counted(context, tuple(each.source for each in sources))  # type: ignore[arg-type]  # by identity
    seconds += files * rates.COPY_FILE + size * rates.COPY_BYTES
    return Cost(seconds, f"assumed: {files:,} file{'' if files == 1 else 's'}, {size / 1e6:.1f} MB")


@lru_cache(maxsize=64)  # asked for again with each text that a Dockerfile is rewritten to
def _counted(context: BuildContext, sources: tuple[str | None, ...]) -> tuple[int, int]:
    """How many files the sources are, and how many bytes together."""
    files = size = 0
    for source in sources:
        for match in context.glob(source) if source is not None else ():
            for path in context.files(match) if context.is_dir(match) else (match,):
                files += 1
                size += context.size(path) or 0
    return files, size
