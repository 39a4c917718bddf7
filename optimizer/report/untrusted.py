"""Text from a Dockerfile is untrusted: how it may be shown, and what of it is not repeated."""

from __future__ import annotations

import re
from collections.abc import Iterable

from optimizer.document import Document, ParseError, parse

HIDDEN = "***"

_CREDENTIALS = (
    "PASSW",
    "PASSPHRASE",
    "PWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIAL",
)
"""What the name of an ARG or ENV holds, in capitals, when its value is likely a credential."""

_SHORTEST = 4
"""Shorter values are not masked: they would be found in half of all words."""

_USERINFO = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)")


def printable(text: str, keep: str = "") -> str:
    """The text with escapes for what a terminal would not show: controls, changes of direction."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 (surrogateescape)
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def secrets(text: str) -> tuple[str, ...]:
    """The values of ARG and ENV in a Dockerfile that are credentials by their name, the longest first."""
    capitals = text.upper()
    if not any(word in capitals for word in _CREDENTIALS):
        return ()
    try:
        document = parse(text)
    except ParseError:
        return ()
    return tuple(sorted(set(_values(document)), key=lambda value: (-len(value), value)))


def _values(document: Document) -> Iterable[str]:
    from optimizer.instructions import settings

    for instruction in document.instructions:
        instruction = instruction.sub or instruction
        if instruction.keyword not in ("ARG", "ENV"):
            continue
        try:
            found = settings(instruction)
        except ValueError:
            continue
        for setting in found:
            value = (setting.value or "").strip("\"'")
            name = setting.name.upper()
            if len(value) >= _SHORTEST and "$" not in value and any(word in name for word in _CREDENTIALS):
                yield value


def mask(text: str, values: Iterable[str]) -> str:
    """The text without the values, and without the user and password of a URL."""
    for value in values:
        text = text.replace(value, HIDDEN)
    return _USERINFO.sub(HIDDEN, text) if "@" in text else text
