"""A report for reviewers: one HTML file that needs no network, with the diffs, the reasons and the layers.

Everything that comes from a Dockerfile is escaped by the template. The page works without its script, which only
switches the view and moves from change to change by keyboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache
from importlib.resources import files
from itertools import groupby, product, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from optimizer import __version__
from optimizer.diff import Hunk, Line, highlight, hunks
from optimizer.report.layers import Layer, layers
from optimizer.report.untrusted import printable
from optimizer.runner import Change, Result

if TYPE_CHECKING:
    from jinja2 import Template


class Cell(NamedTuple):
    """One line of one side of a diff."""

    number: int
    """From 1 on; 0 for a place without a line."""
    mark: str
    pieces: tuple[tuple[str, bool], ...]
    """The text in pieces, and which of them the other side has not."""
    ended: bool
    """Whether a newline ends the line."""


_MOST_PAIRS = 2_500
"""Of so many pairs of lines in a change at the most it is asked how alike they are."""
_LEAST_ALIKE = 0.4
_NOTHING = Cell(0, "", (), True)


class Block(NamedTuple):
    """A hunk of a diff, ready for both ways to show it."""

    header: str
    unified: tuple[tuple[int, int, Cell], ...]
    """Each line with its number before and after."""
    beside: tuple[tuple[Cell, Cell], ...]


class Diff(NamedTuple):
    """What becomes of one file."""

    path: str
    new: bool
    blocks: tuple[Block, ...]


class Picture(NamedTuple):
    """The layers of a Dockerfile, before or after."""

    title: str
    layers: tuple[Layer, ...]


def report(results: Iterable[Result]) -> Iterator[str]:
    """The page in pieces: it is never held as a whole."""
    yield from _template().generate(
        results=results, version=__version__, css=_static("report.css"), js=_static("report.js"), diffs=diffs,
        pictures=pictures,
    )  # fmt: skip


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["printable"] = lambda text: printable(text, "\t")
    return environment.from_string(_static("report.html"))


def _static(name: str) -> str:
    return files("optimizer.report").joinpath("static", name).read_text("utf-8")


def pictures(result: Result) -> tuple[Picture, ...]:
    """The layers before and after; none where the Dockerfile stays as it is."""
    change = next((each for each in result.changes if each.path == result.task.path and each.before is not None), None)
    if change is None:
        return ()
    before, after = layers(_decoded(change.before)), layers(_decoded(change.after))
    return Picture("Before", before), Picture("After", after)


def diffs(result: Result) -> tuple[Diff, ...]:
    """The changes of the Dockerfile and of the files beside it."""
    return tuple(_diff(change) for change in result.changes)


def _diff(change: Change) -> Diff:
    found = hunks(_decoded(change.before), _decoded(change.after))
    return Diff(change.path, change.before is None, tuple(_block(highlight(hunk)) for hunk in found))


def _decoded(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")


def _block(hunk: Hunk) -> Block:
    old, new = hunk.before[0], hunk.after[0]
    unified: list[tuple[int, int, Cell]] = []
    for line in hunk.lines:
        old, new = old + (line.mark != "+"), new + (line.mark != "-")
        gone, come = line.mark == "-", line.mark == "+"
        unified.append((0 if come else old, 0 if gone else new, _cell(line, new if come else old)))
    beside: list[tuple[Cell, Cell]] = []
    for same, lines in groupby(unified, lambda each: each[2].mark == ""):
        if same:
            beside += ((cell, cell._replace(number=number)) for _, number, cell in lines)
            continue
        changed = [cell for _, _, cell in lines]
        beside += _paired(*([cell for cell in changed if cell.mark == mark] for mark in "-+"))
    return Block(hunk.header.strip(), tuple(unified), tuple(beside))


def _paired(gone: Sequence[Cell], come: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """Lines that are alike side by side, in their order: so that as much as possible is alike."""
    if not gone or not come or len(gone) * len(come) > _MOST_PAIRS:
        yield from zip_longest(gone, come, fillvalue=_NOTHING)
        return
    alike = [[_likeness(one, two) for two in come] for one in gone]
    best = [[0.0] * (len(come) + 1) for _ in range(len(gone) + 1)]
    for i, j in product(reversed(range(len(gone))), reversed(range(len(come)))):
        best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + alike[i][j])
    left: list[Cell] = []
    right: list[Cell] = []
    i = j = 0
    while i < len(gone) and j < len(come):
        if alike[i][j] and best[i][j] == best[i + 1][j + 1] + alike[i][j]:
            yield from zip_longest(left, right, fillvalue=_NOTHING)
            left, right = [], []
            yield gone[i], come[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            left.append(gone[i])
            i += 1
        else:
            right.append(come[j])
            j += 1
    yield from zip_longest([*left, *gone[i:]], [*right, *come[j:]], fillvalue=_NOTHING)


def _likeness(one: Cell, two: Cell) -> float:
    """How much of two lines is the same, from 0 to 1; 0 for what has little in common."""
    ratio = SequenceMatcher(None, _words(one), _words(two), autojunk=False).ratio()
    return ratio if ratio > _LEAST_ALIKE else 0.0


def _words(cell: Cell) -> list[str]:
    return "".join(text for text, _ in cell.pieces).split()


def _cell(line: Line, number: int) -> Cell:
    body = line.text.removesuffix("\n").removesuffix("\r")
    pieces: list[tuple[str, bool]] = []
    done = 0
    for start, end in line.changed:
        pieces += ((body[done:start], False), (body[start:end], True))
        done = end
    pieces.append((body[done:], False))
    return Cell(number, line.mark.strip(), tuple(piece for piece in pieces if piece[0]), line.text.endswith("\n"))
