"""How new text is laid out: in the author's own style, and mapped from the script back to the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from optimizer.document import Document, Instruction
from optimizer.fix import Edit
from optimizer.runs import Run
from optimizer.words import BLANK

Operator = Literal["&&", ";"]
WIDTH = 100
"""Columns that a one-line RUN may have before what is added to it goes on a line of its own."""


class Style(Struct, frozen=True):
    """How the author breaks a RUN over lines."""

    indent: str
    """What stands before a command on a line of its own."""
    leading: bool
    """True where ``&&`` begins a line, False where it ends one."""
    escape: str
    newline: str
    gap: str = " "
    """What stands before the escape character at the end of a line."""

    def seam(self, operator: Operator = "&&", comments: Sequence[str] = ()) -> str:
        """What stands between two commands on two lines, with comment lines between them."""
        lines = "".join(f"{self.indent}{comment}{self.newline}" for comment in comments)
        if operator == ";":
            return f";{self.gap}{self.escape}{self.newline}{lines}{self.indent}"
        if self.leading:
            return f"{self.gap}{self.escape}{self.newline}{lines}{self.indent}&& "
        return f" &&{self.gap}{self.escape}{self.newline}{lines}{self.indent}"


def style_of(document: Document, *near: Instruction) -> Style:
    """The style of the instructions named, else of the other RUNs, else four spaces and ``&&`` at the end."""
    indents: list[Counter[str]] = []
    leading = tight = 0
    for some in (near, document.instructions):
        found = Counter[str]()
        for instruction in some:
            if instruction.keyword != "RUN" or len(instruction.segments) == 1:
                continue
            lines = [instruction.text[at : at + length] for at, _, length in instruction.segments]
            for before, line in pairwise(lines):
                starts, ends = line.lstrip(BLANK).startswith("&&"), before.rstrip(BLANK).endswith("&&")
                leading += starts - ends
                if starts or ends or before.rstrip(BLANK).endswith(";"):
                    tight += -1 if before[-1:] in BLANK else 1
                indent = line[: len(line) - len(line.lstrip(BLANK))]
                if starts or ends:
                    found[indent] += 100
                else:
                    found[_of_commands(indent)] += 1
        indents.append(found)
        if leading:
            break
    counts = next((each for each in indents if each), Counter({"    ": 1}))
    indent, gap = counts.most_common(1)[0][0] or "    ", "" if tight > 0 else " "
    return Style(indent, leading > 0, document.escape, document.newline, gap)


def style_behind(document: Document, run: Run, operator: Operator, style: Style) -> Style:
    """The style for what comes behind a script: where ``;`` stands between its commands, it begins as the last one."""
    for item in reversed(run.parsed.body.items[1:] if run.parsed and operator == ";" else ()):
        at = run.place(item.pipeline.start)
        before = document.text[document.text.rfind("\n", 0, at) + 1 : at]
        if not before.strip(BLANK):
            return replace(style, indent=before)
    return style


def _of_commands(indent: str) -> str:
    """The indentation for commands where only words have one: they may stand under the word above."""
    if len(indent.expandtabs(8)) <= 8:
        return indent
    return "\t" if indent.startswith("\t") else "    "


class ScriptEdit(Struct, frozen=True):
    """Put text in place of the characters start to end of a run's script."""

    start: int
    end: int
    text: str


def in_file(run: Run, edits: Iterable[ScriptEdit]) -> tuple[Edit, ...]:
    """Script edits as edits of the file. An insertion goes right behind the character before it."""
    return tuple(Edit(*_place(run, edit), edit.text) for edit in edits)


def _place(run: Run, edit: ScriptEdit) -> tuple[int, int]:
    if edit.end > edit.start:
        return run.place(edit.start), run.place_after(edit.end)
    at = run.place_after(edit.start) if edit.start else run.place(0)
    return at, at


def after_command(
    document: Document, run: Run, at: int, commands: Sequence[str], operator: Operator = "&&"
) -> ScriptEdit:
    """Add ``&& command`` behind the character ``at - 1`` of the script, on lines of their own where the author does so.

    In a heredoc ``;`` is a new line, and ``&&`` stays on the line of the command before.
    """
    seam = " && " if operator == "&&" else "; "
    if run.form == "heredoc":
        if operator == ";":
            seam = _line_break(document, run, at)
    else:
        length = len(run.instruction.text) + sum(len(seam) + len(command) for command in commands)
        if len(run.instruction.segments) > 1 or length > WIDTH:
            seam = style_behind(document, run, operator, style_of(document, run.instruction)).seam(operator)
    return ScriptEdit(at, at, "".join(seam + command for command in commands))


def before_command(document: Document, run: Run, at: int, command: str, operator: Operator = "&&") -> ScriptEdit:
    """Add ``command &&`` in front of the character ``at`` of the script, on its own line where the author does so.

    In front of the first command it stands in the first line, as in ``RUN apt-get update && apt-get install``.
    """
    seam = " && " if operator == "&&" else "; "
    if run.form == "heredoc":
        if operator == ";":
            seam = _line_break(document, run, at)
    elif at > 0 and one_command_a_line(run.instruction):
        seam = style_of(document, run.instruction).seam(operator)
    return ScriptEdit(at, at, command + seam)


def one_command_a_line(instruction: Instruction) -> bool:
    """Whether the author breaks this instruction at ``&&`` or ``;``, and not only between words."""
    lines = [instruction.text[at : at + length].strip(BLANK) for at, _, length in instruction.segments]
    breaks = pairwise(lines)
    return any(before.endswith(("&&", ";")) or after.startswith("&&") for before, after in breaks)


def _line_break(document: Document, run: Run, at: int) -> str:
    """A line end and the indentation of the heredoc's line in which the character ``at - 1`` stands."""
    start = run.text.rfind("\n", 0, at) + 1
    line = run.text[start:]
    return document.newline + line[: len(line) - len(line.lstrip(BLANK))]
