"""Measured times of steps, from the log of a build."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from optimizer.document import Instruction
from optimizer.model import Stage
from optimizer.verify.progress import Progress, Step

_STEPS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
"""Instructions that are a step of the builder's, which numbers them in each stage."""


class TimingsError(Exception):
    """The log cannot be used; the message says why and how to make one."""


def read_timings(path: str) -> tuple[Step, ...]:
    """The steps of a build that ran, from the log that ``docker buildx build --progress=rawjson`` writes to stderr.

    :raises TimingsError: where there are none in it, or it cannot be read.
    """
    progress = Progress()
    try:
        with Path(path).open("rb") as file:
            for line in file:
                progress.feed(line)
        steps = tuple(step for step in progress.steps() if step.ran and not step.error)
    except OSError as error:
        raise TimingsError(f"{path}: it cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        steps = ()
    if not steps:
        raise TimingsError(
            f"{path}: no step of a build that ran is in it: make it with"
            f" `docker buildx build --no-cache --progress=rawjson . 2> {path}`"
        )
    return steps


def measured(stage: Stage, timings: Sequence[Step]) -> dict[int, float]:
    """Seconds by place in ``stage.instructions``, the median where there are several.

    A step belongs to the instruction with the same text. The builder puts variables in and shortens heredocs: such an
    instruction is found by its number, in a stage of as many steps. Stages go by the names that the builder gives them.
    """
    numbered = [place for place, each in enumerate(stage.instructions) if each.keyword in _STEPS]
    by_text = {_text(stage.instructions[place]): place for place in reversed(numbered)}
    found: dict[int, list[float]] = defaultdict(list)
    for step in timings:
        if not step.ran or step.error or not _is_of(stage, step):
            continue
        place = by_text.get(" ".join(step.instruction.split()))
        if place is None:
            place = _by_number(stage, numbered, step)
        if place is not None:
            found[place].append(step.seconds)
    return {place: median(seconds) for place, seconds in found.items()}


def _by_number(stage: Stage, numbered: Sequence[int], step: Step) -> int | None:
    base = step.total - len(numbered)  # a base image is a step, too; a stage that is built on is not, nor is scratch
    number = step.number - 1 - base
    if base not in (0, 1) or not 0 <= number < len(numbered):
        return None
    instruction = stage.instructions[numbered[number]]
    shown_otherwise = "$" in instruction.text or bool(instruction.heredocs)
    return numbered[number] if shown_otherwise and step.instruction.startswith(f"{instruction.keyword} ") else None


def _is_of(stage: Stage, step: Step) -> bool:
    """``build``, ``stage-1`` without a name, "" for the only stage; in front a platform, which has a slash."""
    name = step.stage.rpartition(" ")[2]
    if not name or "/" in name:
        return stage.index == 0
    return name.lower() == (stage.name or f"stage-{stage.index}")


def _text(instruction: Instruction) -> str:
    """An instruction as the builder names its step, but for blanks, variables and heredocs."""
    return " ".join(instruction.text.split())
