"""The control: a fixer that joins every two neighbouring RUNs with `&&` and looks at nothing.

It is what the traps are made to catch. A trap for joining that it survives catches nothing.
"""

from __future__ import annotations

import itertools

from bench import buildkit


def join_blindly(data: bytes) -> bytes:
    """The text with each run of RUN lines glued into one instruction."""
    lines = data.decode().split("\n")
    instructions = buildkit.read(data).instructions
    for before, each in reversed(list(itertools.pairwise(instructions))):
        if before.keyword == each.keyword == "RUN":
            body = lines[each.line - 1].lstrip()[len("RUN") :].strip()
            lines[each.line - 1 : each.line] = [f"    {body}"]
            lines[before.end_line - 1] = lines[before.end_line - 1].rstrip() + " && \\"
    return "\n".join(lines).encode()
