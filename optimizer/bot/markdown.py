"""Text from repositories in Markdown: it is shown as it is, and neither the forge nor a reader's browser obeys it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optimizer.bot.secret import hidden
from optimizer.report.untrusted import printable

_SPECIAL = re.compile(r"[\\`*_\[\]()#+!|{}~>=^$-]")
_REFERENCE = re.compile(r"(?<=[@#!~%$&^])(?=[\w\"\[])|(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)
"""The middle of what forges make links or mentions of: @user, #1, !1, ~label, https://…, www.…"""
_APART = "<!-- -->"
_MOST = 300


def plain(text: str, most: int = _MOST) -> str:
    """A text in one line in which nothing means anything; what stands between back-ticks is shown as code."""
    text = hidden(text)
    if len(text) > most:
        text = text[: most - 1] + "…"
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # the last one begins what has no end
        pieces[-2:] = ["'".join(pieces[-2:])]
    return "".join(code(piece) if number % 2 else _prose(piece) for number, piece in enumerate(pieces))


def code(text: str) -> str:
    """A text in one line as code, also in the cell of a table."""
    text = hidden(text).replace("|", "\\|")
    if not text.strip():
        return ""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " * text.startswith("`") or " " * text.endswith("`")
    # Between table and code a back-slash before the bar goes, and any other stays.
    return f"{fence}{pad}{text}{pad}{fence}"


def _prose(text: str) -> str:
    marked = _REFERENCE.sub("\0", text).replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\g<0>", marked).replace("\0", _APART)


def block(text: str, language: str) -> str:
    """Lines as a block of code."""
    text = printable(text, "\n\t")
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text.rstrip()}\n{fence}\n"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A table; the cells are Markdown in one line each."""
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
