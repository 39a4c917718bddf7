"""Where the keys of a TOML text stand, which tomllib does not tell."""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r'''
    (?P<blank>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<key>"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z0-9_-]+)
    |(?P<sign>.)
    ''',
    re.DOTALL | re.VERBOSE,
)


def key_places(text: str) -> dict[tuple[str, ...], int]:
    """The offset at which each key, as a path from the root, and each table is first written.

    The text has to be valid. Keys inside inline tables are not told apart from the key of the table.
    """
    places: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    parts: list[str] = []
    start = depth = 0
    in_value = False
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup, token[0]
        if kind == "newline" and depth == 0:
            parts, in_value = [], False
        elif in_value:
            if kind == "sign":
                depth += (value in "[{") - (value in "]}")
        elif kind == "key":
            start = start if parts else token.start()
            parts.append(value[1:-1] if value[0] in "\"'" else value)
        elif value in ("=", "]") and parts:
            above = () if value == "]" else table
            for length in range(1, len(parts) + 1):
                places.setdefault((*above, *parts[:length]), start)
            table = tuple(parts) if value == "]" else table
            parts, in_value = [], value == "="
    return places


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Both count from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
