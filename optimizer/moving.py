"""Instructions in another order: the text that comes of it, with as little of it moved as can be.

Comment lines directly above an instruction go with it; blank lines stay, but for the one around a paragraph that
goes as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from optimizer.checks import instruction_text
from optimizer.document import Document, Instruction
from optimizer.fix import Edit


def rearranged(
    document: Document, order: Sequence[Instruction], moved: frozenset[int] | None = None
) -> tuple[Edit, ...]:
    """The edits that bring instructions which follow each other into an order.

    :param order: all of them, in the new order.
    :param moved: numbers of those that are taken out and put in again; without it, the fewest lines are moved.
    """
    kept = _heaviest_rising(order) if moved is None else {each.index for each in order} - moved
    edits: list[Edit] = []
    for each in order:
        if each.index not in kept:
            edits.append(taken_out(document, each))
    before = document.instructions[min(each.index for each in order) - 1]
    after: Sequence[Instruction] = [each for each in order if each.index in kept]
    for stays, group in groupby(order, lambda each: each.index in kept):
        some = list(group)
        if stays:
            before = some[-1]
            continue
        following = next((each for each in after if each.index > before.index), None)
        edits.append(_put_in(document, some, before, following))
    return tuple(edits)


def _heaviest_rising(order: Sequence[Instruction]) -> set[int]:
    """The instructions that stay: of the most lines together that are in their old order; at equal ones, later ones."""
    best: list[tuple[int, int | None]] = []
    for at, each in enumerate(order):
        weight, back = max(
            ((best[other][0], other) for other in range(at) if order[other].index < each.index), default=(0, None)
        )  # fmt: skip
        best.append((weight + each.end_line - each.line + 1 + len(each.comments), back))
    at_best: int | None = max(range(len(best)), key=lambda at: best[at][0]) if best else None
    kept: set[int] = set()
    while at_best is not None:
        kept.add(order[at_best].index)
        at_best = best[at_best][1]
    return kept


def _is_paragraph(document: Document, each: Instruction) -> bool:
    """Whether blank lines stand above and below it."""
    text, blank = document.text, document.newline
    below = text.startswith(blank, each.end) or not text[each.end :].strip()
    return text[: each.lead].endswith(blank * 2) and below


def taken_out(document: Document, each: Instruction) -> Edit:
    """The edit that takes an instruction out, with its comments and a blank line that would be one too many."""
    newline = document.newline
    if not _is_paragraph(document, each):
        return Edit(each.lead, each.end, "")
    if document.text.startswith(newline, each.end):
        return Edit(each.lead, each.end + len(newline), "")
    return Edit(each.lead - len(newline), each.end, "")


def _put_in(
    document: Document, some: Sequence[Instruction], before: Instruction, following: Instruction | None
) -> Edit:
    text, newline = document.text, document.newline
    block = "".join(lines_of(document, each) for each in some)
    apart = _is_paragraph(document, some[0]) and (following is None or text.startswith(newline, before.end))
    up = following is not None and some[0].index > following.index
    if up and not apart and following is not None:
        return Edit(following.lead, following.lead, block)
    if apart:
        block = newline + block
    if not text[before.start : before.end].endswith("\n"):  # the end of the file
        block = newline + block.removesuffix(newline)
    return Edit(before.end, before.end, block)


def lines_of(document: Document, each: Instruction) -> str:
    """The lines of an instruction with its comments, the last one with its end."""
    lines = document.text[each.lead : each.end]
    return lines if lines.endswith("\n") else lines + document.newline


def shown_instruction(instruction: Instruction) -> str:
    """An instruction as a reason names it."""
    text = instruction_text(instruction)
    return text if len(text) <= 60 else text[:59] + "…"
