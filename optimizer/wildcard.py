"""Go's `filepath.Match` patterns: the syntax that COPY's sources and .dockerignore share.

Source: the documentation of Go's path/filepath, as it behaves outside Windows.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple


class BadPattern(ValueError):
    """The pattern cannot be used; the message says why."""


class Wild(Enum):
    """What matches more than one text."""

    STAR = "*"
    """Any run of characters but `/`."""
    ANY = "?"
    """One character but `/`."""
    FOLDERS = "**"
    """Only in .dockerignore: any folders, or nothing."""


class Char(NamedTuple):
    """One character that stands for itself, with a backslash before it or not."""

    text: str
    escaped: bool = False


class CharClass(NamedTuple):
    """`[a-z]` or `[^a-z]`; as in Go, it matches `/` too where the ranges say so."""

    negated: bool
    ranges: tuple[tuple[Char, Char], ...]
    source: str


Token = Wild | Char | CharClass

_CLASS_CHAR = re.compile(r"\\([\s\S])|([^\\\]-])")


def clean(path: str) -> str:
    """Go's `path.Clean`: the shortest name of the same path; `.` for the empty one."""
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def has_wildcard(pattern: str) -> bool:
    """Whether the pattern can match more than one path."""
    return re.search(r"(?:^|[^\\])(?:\\\\)*[*?[]", pattern) is not None


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over a whole path, for `fullmatch`. Raises BadPattern.

    Go gives a `*` the shortest text after which the next tokens match, and never comes back to it: so does
    an atomic group. The last `*` takes what is left.
    """
    *middle, last = runs(tokens(pattern))
    return re.compile("".join(f"(?>{source(run)})" for run in middle) + source(last))


def tokens(pattern: str) -> tuple[Token, ...]:
    """The pattern's tokens. Raises BadPattern where Go's Match returns ErrBadPattern."""
    found: list[Token] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            token, at = _char_class(pattern, at)
            found.append(token)
            continue
        if char == "\\":
            at += 1
            if at == len(pattern):
                raise BadPattern("a backslash at the end escapes nothing")
            found.append(Char(pattern[at], escaped=True))
        else:
            found.append(Wild(char) if char in "*?" else Char(char))
        at += 1
    return tuple(found)


def _char_class(pattern: str, start: int) -> tuple[CharClass, int]:
    at = start + 1
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[tuple[Char, Char]] = []
    while not (ranges and pattern.startswith("]", at)):
        low, at = _class_char(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_char(pattern, at + 1)
        ranges.append((low, high))
    at += 1
    return CharClass(negated, tuple(ranges), pattern[start:at]), at


def _class_char(pattern: str, at: int) -> tuple[Char, int]:
    found = _CLASS_CHAR.match(pattern, at)
    if found is None:
        raise BadPattern("a [ is not closed, or ] or - inside it needs a backslash")
    return Char(found[1] or found[2], escaped=found[1] is not None), found.end()


def runs(found: Iterable[Token]) -> list[list[Token]]:
    """The tokens in runs, each but the first beginning with `*` or `**`, and holding no other."""
    cut: list[list[Token]] = [[]]
    for token in found:
        if token in (Wild.STAR, Wild.FOLDERS):
            cut.append([])
        cut[-1].append(token)
    return cut


def source(run: Iterable[Token]) -> str:
    """What the tokens match, as a regular expression."""
    return "".join(map(_regex, run))


def _regex(token: Token) -> str:
    match token:
        case Wild.FOLDERS:
            return "(?:.*/)?"
        case Wild.STAR:
            return "[^/]*?"
        case Wild.ANY:
            return "[^/]"
        case Char(text):
            return re.escape(text)
        case CharClass(negated, ranges):
            # A range that runs backwards ([z-a]) holds nothing; to Python it would be an error.
            held = [f"{re.escape(a.text)}-{re.escape(b.text)}" for a, b in ranges if a.text <= b.text]
            nothing, anything = "(?!)", r"[\s\S]"
            if not held:
                return anything if negated else nothing
            return f"[{'^' if negated else ''}{''.join(held)}]"
