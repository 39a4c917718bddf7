"""Instructions in another order: the text that comes of it, with as little of it moved as can be.

Comment lines directly above an instruction go with it. Blank lines stay, but for those inside of what moves as a whole
and for the one around a paragraph that does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from optimizer.checks import instruction_text
from optimizer.document import Document, Instruction
from optimizer.fix import Edit


class Block(NamedTuple):
    """Instructions that follow each other and move together."""

    first: Instruction
    last: Instruction

    @property
    def lead(self) -> int:
        return self.first.lead

    @property
    def end(self) -> int:
        return self.last.end


def rearranged(
    document: Document, order: Sequence[Instruction], moved: frozenset[int] | None = None
) -> tuple[Edit, ...]:
    """The edits that bring instructions which follow each other into an order.

    :param order: all of them, in the new order.
    :param moved: numbers of those that are taken out and put in again; without it, the fewest lines are moved.
    """
    kept = _heaviest_rising(document, order) if moved is None else {each.index for each in order} - moved
    away = sorted((each for each in order if each.index not in kept), key=lambda each: each.index)
    edits = [taken_out(document, block) for block in _blocks(document, away)]
    before = document.instructions[min(each.index for each in order) - 1]
    for stays, group in groupby(order, lambda each: each.index in kept):
        some = list(group)
        if stays:
            before = some[-1]
            continue
        blocks = list(_blocks(document, some))
        following = next((each for each in order if each.index in kept and each.index > before.index), None)
        edits.append(_put_in(document, blocks, before, following))
    return tuple(edits)


def _heaviest_rising(document: Document, order: Sequence[Instruction]) -> set[int]:
    """The instructions that stay: of the most lines together that are in their old order."""
    best: list[tuple[int, int | None]] = []
    for at, each in enumerate(order):
        weight, back = max(
            ((best[other][0], other) for other in range(at) if order[other].index < each.index), default=(0, None)
        )  # fmt: skip
        best.append((weight + lines_of(document, Block(each, each)).count("\n"), back))
    at_best: int | None = max(range(len(best)), key=lambda at: best[at][0]) if best else None
    kept: set[int] = set()
    while at_best is not None:
        kept.add(order[at_best].index)
        at_best = best[at_best][1]
    return kept


def _blocks(document: Document, some: Sequence[Instruction]) -> Iterator[Block]:
    """The instructions, those together that follow each other in the file too."""
    if not some:
        return
    first = last = some[0]
    for each in some[1:]:
        if each.index != last.index + 1 or document.text[last.end : each.lead].strip():
            yield Block(first, last)
            first = each
        last = each
    yield Block(first, last)


def _is_paragraph(document: Document, block: Block) -> bool:
    """Whether blank lines stand above and below it."""
    text, blank = document.text, document.newline
    below = text.startswith(blank, block.end) or not text[block.end :].strip()
    return text[: block.lead].endswith(blank * 2) and below


def taken_out(document: Document, block: Block) -> Edit:
    """The edit that takes instructions out, with their comments and a blank line that would be one too many."""
    newline = document.newline
    if not _is_paragraph(document, block):
        return Edit(block.lead, block.end, "")
    if document.text.startswith(newline, block.end):
        return Edit(block.lead, block.end + len(newline), "")
    return Edit(block.lead - len(newline), block.end, "")


def _put_in(document: Document, blocks: Sequence[Block], before: Instruction, following: Instruction | None) -> Edit:
    text, newline = document.text, document.newline
    lines = "".join(lines_of(document, block) for block in blocks)
    apart = _is_paragraph(document, blocks[0]) and (following is None or text.startswith(newline, before.end))
    if not apart and following is not None and blocks[0].first.index > following.index:
        return Edit(following.lead, following.lead, lines)
    if apart:
        lines = newline + lines
    if not text[before.start : before.end].endswith("\n"):  # the end of the file
        lines = newline + lines.removesuffix(newline)
    return Edit(before.end, before.end, lines)


def lines_of(document: Document, block: Block) -> str:
    """The lines of instructions with their comments, the last one with its end."""
    lines = document.text[block.lead : block.end]
    return lines if lines.endswith("\n") else lines + document.newline


def shown_instruction(instruction: Instruction) -> str:
    """An instruction as a reason names it."""
    text = " ".join(instruction_text(instruction).split())
    return text if len(text) <= 60 else text[:59] + "…"
