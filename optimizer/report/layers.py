"""The layers of a Dockerfile, for a picture of it."""

from __future__ import annotations

from typing import NamedTuple

from optimizer.document import ParseError
from optimizer.model import read

MAKES_A_LAYER = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
"""Source: BuildKit; WORKDIR makes one where the directory is not there yet."""

_LONGEST = 60


class Layer(NamedTuple):
    """One instruction that makes a layer."""

    stage: int
    stage_name: str
    keyword: str
    rest: str
    """The beginning of what follows the keyword."""
    text: str
    """The whole instruction, in one line."""
    shipped: bool
    """Whether the layer is part of the image of the last stage."""


def layers(text: str) -> tuple[Layer, ...]:
    """The layers that a Dockerfile makes, in order; none where BuildKit refuses the text."""
    try:
        model = read(text)
    except ParseError:
        return ()
    shipped = {stage.index for stage in model.final.lineage}
    found: list[Layer] = []
    for stage in model.stages:
        name = f"FROM {' '.join(stage.origin.args.split())}"
        for each in stage.instructions:
            if each.keyword not in MAKES_A_LAYER:
                continue
            rest = " ".join(each.args.split())
            short = rest if len(rest) <= _LONGEST else rest[: _LONGEST - 1] + "…"
            found.append(
                Layer(stage.index, name, each.keyword, short, f"{each.keyword} {rest}", stage.index in shipped)
            )
    return tuple(found)
