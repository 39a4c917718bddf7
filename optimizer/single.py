"""One fix of many, alone: what an editor offers at a line, and what a report holds beside a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from optimizer.diff import hunks, split_lines

if TYPE_CHECKING:
    from optimizer.engine import Outcome
    from optimizer.fix import Fix
    from optimizer.runner import Task


class Replacement(NamedTuple):
    """Whole lines of a file, and what comes in their place.

    Lines and columns count from 1; columns count UTF-16 code units, as SARIF and the Language Server Protocol do.
    """

    line: int
    """The first line; it is replaced from its first column on."""
    end_line: int
    end_column: int
    """Where the replaced text ends, exclusive: column 1 of the line below, or the end of a file without a newline."""
    text: str
    """With the line ends that it needs."""


def replacements(before: str, after: str) -> tuple[Replacement, ...]:
    """The changes that lead from one text to the other, disjoint and in order."""
    lines = split_lines(before)
    found: list[Replacement] = []
    for hunk in hunks(before, after, context=0):
        above, count = hunk.before
        text = "".join(line.text for line in hunk.lines if line.mark == "+")
        end_line, end_column = above + count + 1, 1
        if count and end_line > len(lines) and not lines[-1].endswith("\n"):
            end_line, end_column = len(lines), len(lines[-1].encode("utf-16-le", "surrogatepass")) // 2 + 1
        found.append(Replacement(above + 1, end_line, end_column, text))
    return tuple(found)


def alone(task: Task, text: str, fixes: tuple[Fix, ...]) -> tuple[tuple[Replacement, ...], ...]:
    """For each fix of a file what it replaces in the text as it stands, without the others.

    None where it builds on another fix, or changes a file beside the Dockerfile.
    """
    return tuple(() if fix.companions else replacements(text, _only(task, text, fix).after) for fix in fixes)


def _only(task: Task, text: str, fix: Fix) -> Outcome:
    from optimizer.runner import rewrite

    done = False

    def accept(proposed: Fix, before: str, after: str) -> bool:
        nonlocal done
        if done or (proposed.transform, proposed.line) != (fix.transform, fix.line):
            return False
        done = True
        return True

    rules = task.rules._replace(suggested=True)
    return rewrite(task._replace(rules=rules), text, accept, suggestions=False)
