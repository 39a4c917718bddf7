"""The text of one instruction: what separates its words, its keyword, flags and arguments, and the JSON form.

Source: BuildKit's parser (splitCommand, parseJSON, parseStringsWhitespaceDelimited).
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from optimizer.lexer import split_flags

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's unicode.IsSpace calls white space; str.strip() without arguments strips more."""

BLANK = "\t\v\f\r "
"""What separates the words of an instruction (BuildKit's reWhitespace)."""


class Flag(Struct, frozen=True):
    """A builder flag: ``--from=build`` has the name ``from`` and the value ``build``; ``--link`` has no value.

    start and end are offsets in the instruction's joined text. text is the flag as BuildKit reads it (unquoted).
    """

    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        return self.text[2:].partition("=")[0]

    @property
    def value(self) -> str | None:
        _, equals, value = self.text[2:].partition("=")
        return value if equals else None


_TO_SPACE = str.maketrans("\t\v\f\r", "    ")


def blank_split(text: str) -> tuple[str, ...]:
    """Split at runs of blanks (reWhitespace); an empty text gives no words."""
    return tuple(word for word in text.translate(_TO_SPACE).split(" ") if word)


def json_words(text: str) -> tuple[str, ...] | None:
    """The strings of a JSON array, or None where it is none (then the instruction is in shell form)."""
    import json

    def no_constant(_: str) -> None:
        raise ValueError

    try:
        value = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        return None
    return tuple(value)


Head = tuple[str, tuple[Flag, ...], str, int]


@lru_cache(maxsize=1024)  # the same instructions are read anew after every rewrite
def split_head(text: str) -> Head:
    """Keyword in capitals, flags, arguments, and the arguments' offset (BuildKit's splitCommand)."""
    start = len(text) - len(text.lstrip(SPACE))
    end = len(text.rstrip(SPACE))
    at = start
    while at < end and text[at] not in BLANK:
        at += 1
    keyword = text[start:at].upper()
    while at < end and text[at] in BLANK:
        at += 1
    flags: tuple[Flag, ...] = ()
    if text.startswith("--", at):
        found, at = split_flags(text, at, end, SPACE)
        flags = tuple(Flag(*flag) for flag in found)
    while at < end and text[at] in SPACE:
        at += 1
    return keyword, flags, text[at:end] if at < end else "", min(at, max(end, start))
