"""Unified diffs that ``git apply`` and ``patch`` take, and which words of a line changed.

difflib compares; what it leaves to its caller is done here: only a line feed ends a line (most callers split
at form feeds and U+2028 too), a last line without one is marked, and file names are quoted as git quotes
them. Texts are decoded UTF-8, or anything decoded with ``surrogateescape``; whoever writes the diff encodes
it in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import NamedTuple

CONTEXT = 3
"""Lines of context on both sides of a change."""

NO_NEWLINE = "\\ No newline at end of file\n"

_WORD = re.compile(r"\w+|[^\w\s]")
_MAX_WORDS = 4000
"""Beyond so many words a changed block is not searched for the words that differ: it takes quadratic time."""

_MIN_LIKENESS = 0.3
"""Below this share of equal words two blocks have nothing to do with each other, and no word is marked."""


class Line(NamedTuple):
    """One line of a hunk."""

    mark: str
    """A blank, ``-`` or ``+``."""
    text: str
    """The line with its end, if it has one."""
    changed: tuple[tuple[int, int], ...] = ()
    """The pieces of text (offsets, end exclusive) that its counterpart does not have: see highlight()."""


class Hunk(NamedTuple):
    """A change with its context. ``before`` and ``after`` are (number of lines above it, number of lines)."""

    before: tuple[int, int]
    after: tuple[int, int]
    lines: tuple[Line, ...]

    @property
    def header(self) -> str:
        return f"@@ -{_range(*self.before)} +{_range(*self.after)} @@\n"


def unified(path: str, before: str | None, after: str) -> str:
    """The change of a file as a unified diff; "" where nothing changed. ``before`` is None for a new file."""
    found = list(hunks(before or "", after))
    return heading(path, new=before is None) + "".join(render(hunk) for hunk in found) if found else ""


def heading(path: str, *, new: bool = False) -> str:
    """The two lines that name the file, as git writes them."""
    name = path.lstrip("/")
    return f"--- {'/dev/null' if new else _quote('a/' + name)}\n+++ {_quote('b/' + name)}\n"


def render(hunk: Hunk) -> str:
    """A hunk in the unified format."""
    lines = (line.mark + line.text + ("" if line.text.endswith("\n") else "\n" + NO_NEWLINE) for line in hunk.lines)
    return hunk.header + "".join(lines)


def hunks(before: str, after: str, context: int = CONTEXT) -> Iterator[Hunk]:
    """The changes that lead from one text to the other."""
    old, new = split_lines(before), split_lines(after)
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines: list[Line] = []
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += (Line(" ", text) for text in old[old_start:old_end])
            else:
                lines += (Line("-", text) for text in old[old_start:old_end])
                lines += (Line("+", text) for text in new[new_start:new_end])
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        yield Hunk((old_start, old_end - old_start), (new_start, new_end - new_start), tuple(lines))


def split_lines(text: str) -> list[str]:
    """The lines of a text with their ends; only a line feed ends a line."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def highlight(hunk: Hunk) -> Hunk:
    """The hunk with the changed words of each pair of removed and added blocks marked."""
    lines: list[Line] = []
    blocks = [list(block) for _, block in groupby(hunk.lines, lambda line: line.mark)]
    for at, block in enumerate(blocks):
        mark = block[0].mark
        if mark == "-" and at + 1 < len(blocks) and blocks[at + 1][0].mark == "+":
            block, blocks[at + 1] = _compare(block, blocks[at + 1])
        lines += block
    return hunk._replace(lines=tuple(lines))


def _compare(old: list[Line], new: list[Line]) -> tuple[list[Line], list[Line]]:
    """Mark the words that only one of two blocks has."""
    old_words, new_words = _words(old), _words(new)
    if len(old_words) > _MAX_WORDS or len(new_words) > _MAX_WORDS:
        return old, new
    matcher = SequenceMatcher(
        None, [text for _, _, text in old_words], [text for _, _, text in new_words], autojunk=False
    )
    if matcher.ratio() < _MIN_LIKENESS:
        return old, new
    only_old: list[tuple[int, int, str]] = []
    only_new: list[tuple[int, int, str]] = []
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag != "equal":
            only_old += old_words[old_start:old_end]
            only_new += new_words[new_start:new_end]
    return _mark(old, only_old), _mark(new, only_new)


def _words(lines: Sequence[Line]) -> list[tuple[int, int, str]]:
    """(line, offset in the line, word) of each word; white space is none."""
    return [
        (number, match.start(), match.group())
        for number, line in enumerate(lines)
        for match in _WORD.finditer(line.text)
    ]


def _mark(lines: Sequence[Line], words: Sequence[tuple[int, int, str]]) -> list[Line]:
    """The lines with the words marked; words with nothing but white space between them are one piece."""
    pieces: list[list[tuple[int, int]]] = [[] for _ in lines]
    for number, start, word in words:
        line, end = pieces[number], start + len(word)
        if line and not lines[number].text[line[-1][1] : start].strip():
            start, _ = line.pop()
        line.append((start, end))
    return [line._replace(changed=tuple(found)) for line, found in zip(lines, pieces, strict=True)]


def _range(above: int, count: int) -> str:
    """A range of lines as diff writes it: the first line and how many; an empty one stands below its line."""
    if count == 1:
        return f"{above + 1}"
    return f"{above + 1 if count else above},{count}"


_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
}


def _quote(name: str) -> str:
    """A file name as git writes it: in C's quotes when it holds a control character, a quote or a backslash.

    A name with a blank gets a tab behind it, so that the tools know where it ends.
    """
    quoted = "".join(
        _ESCAPES.get(char) or (f"\\{ord(char):03o}" if char < " " or char == "\x7f" else char) for char in name
    )
    if quoted != name:
        return f'"{quoted}"'
    return name + "\t" if " " in name else name
