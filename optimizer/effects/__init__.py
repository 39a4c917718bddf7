"""What each instruction of a stage reads and writes, and which of them have to keep their order (semantics 4)."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.effects import instructions as each_kind
from optimizer.effects.effect import Effects
from optimizer.effects.ground import BEFORE, Ground
from optimizer.effects.runs import run_effects
from optimizer.effects.ties import Tie, conflict, predecessors, ties
from optimizer.effects.zones import Made, Zone
from optimizer.instructions import settings
from optimizer.landing import Brought, brought
from optimizer.model import Model, Stage
from optimizer.remember import remembered

__all__ = ["Effects", "Made", "Tie", "Zone", "conflict", "effects", "predecessors", "ties"]


@remembered
def effects(model: Model, stage: Stage, context: BuildContext | None) -> tuple[Effects, ...]:
    """What the instructions of a stage read and write, in order; nothing is executed.

    Without a build context, less is known. ``model`` is the Dockerfile that the stage belongs to.
    """
    lineage = list(stage.lineage)[::-1]
    ground = Ground(context, lineage[0].image.family is not None)
    found = brought(stage, context)
    variables = frozenset(
        each.name
        for one in lineage
        for instruction in one.instructions
        if instruction.keyword in ("ENV", "ARG")
        for each in settings(instruction)
    )
    for one in lineage[:-1]:
        for instruction in one.instructions:
            _effects(one, instruction, ground, BEFORE, found, variables)
    return tuple(
        _effects(stage, instruction, ground, number, found, variables)
        for number, instruction in enumerate(stage.instructions)
    )


def _effects(
    stage: Stage,
    instruction: Instruction,
    ground: Ground,
    number: int,
    found: Mapping[int, Brought],
    variables: frozenset[str],
) -> Effects:
    needs = each_kind.named(instruction, variables)
    match instruction.keyword:
        case "RUN":
            return run_effects(stage, instruction, ground, number, needs, variables)
        case "COPY" | "ADD":
            return each_kind.copy(stage, instruction, found[instruction.index], ground, number, needs)
        case "WORKDIR":
            return each_kind.workdir(stage, instruction, ground, number, needs)
        case "VOLUME":
            return each_kind.volume(stage, instruction, ground, needs)
        case "ENV" | "ARG":
            return each_kind.environment(instruction, needs)
        case "LABEL":
            return each_kind.label(stage, instruction, needs)
        case _:
            return each_kind.setting(instruction, needs)
