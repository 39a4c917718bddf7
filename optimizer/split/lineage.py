"""A stage with the stages that it is built on, read as the one image that comes of them.

Source: BuildKit's dockerfile2llb: a stage begins with the file system and the configuration of the stage that FROM
names, its build arguments included; an ENTRYPOINT drops the CMD of the stages before.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from optimizer.document import Instruction
from optimizer.model import Model, Stage

_REPLACED = {"CMD": ("CMD", "ENTRYPOINT"), "ENTRYPOINT": ("ENTRYPOINT",), "HEALTHCHECK": ("HEALTHCHECK",)}
"""What a stage behind takes the place of, and by which instructions."""


def joined(stage: Stage) -> Stage:
    """The stage with all instructions of those that it is built on, on the image that the first of them begins with."""
    if stage.parent is None:
        return stage
    chain = list(stage.lineage)[::-1]
    return replace(stage, origin=chain[0].origin, instructions=tuple(_in_force(chain)), base=chain[0].base,
                   pinned=chain[0].pinned, parent=None)  # fmt: skip


def _in_force(chain: list[Stage]) -> Iterator[Instruction]:
    """The instructions in order, without what an image starts that a later stage replaces."""
    for at, stage in enumerate(chain):
        behind = {each.keyword for later in chain[at + 1 :] for each in later.instructions}
        yield from (each for each in stage.instructions if not behind.intersection(_REPLACED.get(each.keyword, ())))


def others(model: Model, stage: Stage, final: Stage) -> str | None:
    """Who uses a stage besides the final one and those between the two, as a reason names it; None for nobody."""
    if stage.name in {target.lower() for target in model.targets} or str(stage.index) in model.targets:
        return "it is built by its name, too"
    family = set(map(id, final.lineage))
    for other in model.descendants(stage):
        if id(other) not in family:
            return f"the stage in line {other.origin.line} builds on it, too"
    for source in model.sources:
        if source.origin is stage and source.stage is not final:
            return f"line {source.instruction.line} takes files from it, too"
    return None
