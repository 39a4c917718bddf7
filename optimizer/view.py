"""What a Dockerfile builds on and sets, as dockerfile-parse sees it: for reports, read only.

dockerfile-parse misreads heredocs, comments and blank lines in continuations, the escape character and
variables with a default. So it is given canonical text made from the model: one instruction a line, heredoc
bodies left out, images of FROM with their variables put in.
"""

from __future__ import annotations

from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.instructions import settings
from optimizer.model import Model


class StageView(NamedTuple):
    """What one stage builds on, and the names of what it sets itself."""

    image: str
    """The image or the earlier stage; a variable without a default is left in it as it is written."""
    environment: tuple[str, ...]
    labels: tuple[str, ...]


class View(NamedTuple):
    """The structure of a Dockerfile."""

    structure: tuple[tuple[str, str], ...]
    """Keyword and value (with the flags) of each instruction."""
    stages: tuple[StageView, ...]


def view(model: Model) -> View:
    """Read a Dockerfile with dockerfile-parse."""
    from io import BytesIO

    from dockerfile_parse import DockerfileParser
    from dockerfile_parse.constants import COMMENT_INSTRUCTION

    # without cache_content it splits lines at "\n" only
    parser = DockerfileParser(fileobj=BytesIO(canonical(model).encode()))
    structure = [(each["instruction"], each["value"]) for each in parser.structure]
    last = []
    for (keyword, _), context in zip(structure, parser.context_structure, strict=True):
        if keyword == "FROM":
            last.append(context)
        elif last:
            last[-1] = context
    stages = (
        StageView(image, tuple(context.envs), tuple(context.labels))
        for image, context in zip(parser.parent_images, last, strict=True)
    )
    return View(tuple(each for each in structure if each[0] != COMMENT_INSTRUCTION), tuple(stages))


def canonical(model: Model) -> str:
    """The Dockerfile with one instruction a line, in a form that dockerfile-parse reads as BuildKit does."""
    bases = {stage.origin.index: stage.base for stage in model.stages}
    lines = [
        " ".join((each.keyword, *(flag.text for flag in each.flags), _value(each, bases.get(each.index))))
        for each in model.document.instructions
    ]
    # Either character may end an instruction: it was escaped, or the other one is the escape character.
    escape = "`" if any(line.endswith("\\") for line in lines) else "\\"
    return "".join((f"# escape={escape}\n", *(f"{line}\n" for line in lines)))


def _value(instruction: Instruction, base: str | None) -> str:
    if instruction.keyword == "FROM":
        image, *name = instruction.words
        return " ".join(((base or image).replace("$", "\\$"), *name))
    if instruction.keyword == "ARG" and len(found := settings(instruction)) > 1:
        # dockerfile-parse takes several only when each of them has a value
        return " ".join(f"{each.name}={each.value or ''}" for each in found)
    return instruction.args
