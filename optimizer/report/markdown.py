"""Text from repositories in Markdown, such as editors show."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"[\\*_\[\]()#+!|{}~>=^$<&-]")
"""Characters that mean something in Markdown: every one of them may stand behind a back-slash."""


def escaped(text: str) -> str:
    """A text in one line in which nothing means anything; what stands between back-ticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # the last one begins what has no end
        pieces[-2:] = ["'".join(pieces[-2:])]
    return "".join(
        f"`{piece}`" if number % 2 and piece else _SPECIAL.sub(r"\\\g<0>", piece) for number, piece in enumerate(pieces)
    )
