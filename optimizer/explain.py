"""What transforms do, and why the lines of a Dockerfile are changed or left as they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer import registry
from optimizer.fix import Safety, Transform
from optimizer.report import terminal
from optimizer.report.terminal import BOLD, Style
from optimizer.report.untrusted import mask, printable, secrets
from optimizer.runner import Plan, Result, Task, process, targets
from optimizer.source import Failure, decode, read

if TYPE_CHECKING:
    from optimizer.model import Model, Stage

WIDTH = 100
"""Characters of an instruction that are shown."""


def overview() -> str:
    """The transforms, one a line."""
    found = registry.load()
    width = max((len(each.name) for each in found), default=0)
    lines = (f"{each.name:{width}}  {each.summary}{_mark(each)}\n" for each in found)
    return "".join(lines)


def _mark(transform: Transform) -> str:
    marks = [transform.safety.value] if transform.safety is not Safety.SAFE else []
    marks += ["only when named"] if transform.opt_in else []
    return f" ({', '.join(marks)})" if marks else ""


def transform(name: str) -> str:
    """The page of a transform: its docstring.

    :raises UnknownTransform: for a name that is no transform's.
    """
    from inspect import cleandoc

    found = registry.find(name)
    return f"{found.name}{_mark(found)}\n\n{cleandoc(found.__doc__ or found.summary)}\n"


def dockerfile(task: Task, style: Style) -> str | Failure:
    """What is done with each instruction of a Dockerfile and why, below what it is built from.

    Fixes are those that would be made now; lines are those of the file as it is.
    """
    result = process(task, Plan(refusals=True))
    if result.failure:
        return result.failure
    from optimizer import model

    text = decode(read(task.path))
    found = model.read(text, targets(task, text))
    lines = (*_head(task, found, style), "", *_instructions(result, found, secrets(text), style))
    return "".join(f"{line}\n" for line in lines)


def _head(task: Task, model: Model, style: Style) -> Iterator[str]:
    from optimizer.view import view

    yield style.paint(printable(task.path), BOLD)
    context = f"build context {printable(task.context)}" if task.context is not None else "no build context"
    yield f"  {context}"
    for stage, seen in zip(model.stages, view(model).stages, strict=True):
        name = f" {stage.name}" if stage.name else ""
        sets = [each for each in (("ENV", *seen.environment), ("LABEL", *seen.labels)) if len(each) > 1]
        facts = [f"FROM {seen.image}", _use(model, stage), *map(" ".join, sets)]
        yield f"  stage {stage.index}{name}: {printable('; '.join(facts))}"


def _use(model: Model, stage: Stage) -> str:
    if stage is model.final:
        return "the image"
    return "its layers are shipped" if model.ships(stage) else "a builder: only its files are copied"


def _instructions(result: Result, model: Model, hidden: tuple[str, ...], style: Style) -> Iterator[str]:
    notes = [(each.line, terminal.fix(each, style)) for each in result.fixes]
    notes += ((each.line, terminal.suggestion(each, style)) for each in result.suggestions)
    notes += ((each.line, terminal.refusal(each, style)) for each in result.refusals)
    starts = [each.line for each in model.document.instructions]
    about: dict[int, list[str]] = {}
    for line, note in notes:
        about.setdefault(max(bisect_right(starts, line) - 1, 0), []).append(note)
    width = len(str(starts[-1]))
    for instruction in model.document.instructions:
        text = printable(mask(" ".join(instruction.text.split()), hidden))
        yield f"{instruction.line:{width}}  {text if len(text) <= WIDTH else text[: WIDTH - 1] + '…'}"
        yield from (f"{'':{width}}    {note}" for note in about.get(instruction.index, ()))
