"""What a RUN reads and writes: its commands, one after the other, with the directory and variables of each."""

from __future__ import annotations

from optimizer.document import Instruction
from optimizer.effects.effect import DIRECTORY, EVERY_VARIABLE, PACKAGES, PROGRAMS, SHELL, USER, Effects
from optimizer.effects.ground import Ground
from optimizer.effects.zones import EVERYTHING
from optimizer.model import Stage


def run_effects(stage: Stage, instruction: Instruction, ground: Ground, number: int, needs: frozenset[str]) -> Effects:
    """The effects of a RUN."""
    return barrier(instruction, ground, "its commands are not known", needs)


def barrier(instruction: Instruction, ground: Ground, reason: str, needs: frozenset[str]) -> Effects:
    """A RUN that may do anything."""
    ground.written((EVERYTHING,))
    return Effects(
        instruction=instruction,
        reads=(EVERYTHING,),
        writes=(EVERYTHING,),
        needs=needs | {EVERY_VARIABLE, USER, DIRECTORY, SHELL, PROGRAMS, PACKAGES},
        sets=frozenset({PROGRAMS, PACKAGES}),
        context=None if instruction.flag("mount") is not None else (),
        network=True,
        barrier=reason,
    )
