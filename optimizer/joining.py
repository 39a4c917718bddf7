"""Writes two or more RUNs as one, in the author's layout. Whether that is right is decided by optimizer.shell.join."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from optimizer import shell
from optimizer.anew import changed_underneath
from optimizer.checks import command_texts
from optimizer.document import Document, Span
from optimizer.fix import Edit, Fix, Refusal, Transform
from optimizer.model import Model
from optimizer.rewrite import Operator, Style, style_behind, style_of
from optimizer.runs import Run
from optimizer.services import left_running
from optimizer.shell import parse

MAX_SCRIPT = 100_000
"""Characters that a joined script may have: Linux takes no argument of more than 128 KiB (MAX_ARG_STRLEN)."""

JOINING = "section 2"


def obstacle(first: Run, second: Run) -> str | None:
    """Why two RUNs that follow each other cannot be one instruction, whatever their scripts say; None if they can."""
    for run in (first, second):
        if run.form == "exec":
            return "a RUN in exec form has no shell that could run both"
        if run.form == "heredoc":
            return "a RUN with a heredoc keeps its own lines"
        if not run.posix:
            return f"{run.shell_name} is not a shell of the Bourne family"
        if isinstance(run.script, shell.Opaque):
            return f"the script in line {run.instruction.line} could not be read: {run.script.reason}"
    if first.shell != second.shell:
        return "SHELL differs between them"
    if [flag.text for flag in first.instruction.flags] != [flag.text for flag in second.instruction.flags]:
        return "their flags (--mount, --network, --security) differ"
    if started := left_running(first):
        return f"`{started}` may leave a program running, which ends with that RUN as it is"
    return None


def anew(model: Model, run: Run) -> str | None:
    """What a RUN changes that the next one finds anew; None where that is nothing."""
    stage = model.stage_of(run.instruction)
    return changed_underneath(run, stage.state(run.instruction)) if stage is not None else None


def plan(runs: Sequence[Run]) -> shell.Plan | str:
    """How the scripts of the runs become one, or the reason why they cannot."""
    for first, second in pairwise(runs):
        if reason := obstacle(first, second):
            return reason
    scripts = _scripts(runs)
    if sum(len(script.text) for script in scripts) > MAX_SCRIPT:
        return "together they are longer than one argument of a command may be"
    found = shell.plan(scripts, shell=shell_of(runs[0].shell))
    if isinstance(found, shell.JoinRefusal):
        return found.reason.removeprefix("semantics 2: ")
    if found.multiline:
        return "they need line ends of their own"
    if found.parts[0].prefix.startswith("set "):
        return "a later one sets -e, which would have to hold in those before it too"
    for run, part in zip(runs, found.parts, strict=True):
        if part.wrap != "plain" and (lines := len(run.instruction.segments)) > 1:
            return f"the {lines} lines from line {run.instruction.line} on would go into brackets ({part.reason})"
    return found


def shell_of(argv: Sequence[str]) -> shell.Shell:
    """What SHELL's words say about the shell: its dialect, and the options that are on from the start.

    Source: POSIX sh and bash(1), invocation: ``-e``, ``-x`` and the like, ``-o name``, ``-l`` and ``-i``.
    """
    letters = {"e": "errexit", "x": "xtrace", "u": "nounset"}
    options: set[str] = set()
    startup = False
    words = iter(argv[1:])
    for word in words:
        if word.startswith("--"):
            startup |= word in ("--login", "--rcfile", "--init-file")
        elif word.startswith("-"):
            options |= {letters[letter] for letter in word if letter in letters}
            startup |= "l" in word or "i" in word
            if word.endswith("o"):
                options.add(next(words, ""))
    name = argv[0].rpartition("/")[2]
    return shell.Shell("bash" if name == "bash" else "sh", frozenset(options), startup)


def join_runs(transform: Transform, model: Model, runs: Sequence[Run], reason: str, saves: str) -> Fix | Refusal:
    """The fix that makes one RUN of several that follow each other, or the refusal with its reason."""
    found = next(filter(None, (anew(model, run) for run in runs[:-1])), None) or plan(runs)
    if isinstance(found, str):
        return transform.refuse(runs[-1].instruction, found, JOINING)
    style = style_of(model.document, *(run.instruction for run in runs))
    first, last = runs[0], runs[-1]
    edits = [_insert(first.place(found.parts[0].start), found.parts[0].prefix)]
    for index, (one, other) in enumerate(pairwise(runs)):
        before, after = found.parts[index], found.parts[index + 1]
        start, end = one.place_after(before.end), other.place(after.start)
        operator: Operator = "&&" if found.separators[index].strip() == "&&" else ";"
        beside = style_behind(model.document, one, operator, style)
        seam = beside.seam(operator, _comments(model.document, one, before.end, start, end))
        edits.append(Edit(start, end, before.suffix + seam + after.prefix))
    edits.append(_insert(last.place_after(found.parts[-1].end), found.parts[-1].suffix))
    for run, part in zip(runs, found.parts, strict=True):
        if part.wrap == "plain":
            edits += _one_command_a_line(run, style)
    joined = shell.render(_scripts(runs), found)
    return transform.fix(
        first.instruction, [edit for edit in edits if edit.end > edit.start or edit.text], reason, saves,
        claims=[run.instruction for run in runs], removes=_shared_options(runs, joined), scripts=[joined],
    )  # fmt: skip


def _shared_options(runs: Sequence[Run], joined: str) -> list[str]:
    """The ``set -e`` and the like that several scripts begin with, and the joined one only once."""
    before = Counter(text for run in runs if run.parsed for text in command_texts(run.parsed))
    script = parse(joined)
    if isinstance(script, shell.Opaque):
        return []
    after = Counter(command_texts(script))
    return [text for text in (before - after).elements() if text.startswith("set ")]


def _scripts(runs: Sequence[Run]) -> list[shell.Script]:
    return [run.parsed for run in runs if run.parsed is not None]


def _insert(at: int, text: str) -> Edit:
    return Edit(at, at, text)


def _comments(document: Document, run: Run, script_end: int, start: int, end: int) -> list[str]:
    """The comments in the text that the seam replaces: lines of their own, and what the shell sees as one."""
    seen = [each for each in (run.parsed.comments if run.parsed else ()) if each.start >= script_end]
    spans = [*document.comments, *(span for each in document.instructions for span in each.comments)]
    lines = [each for each in sorted(spans, key=_start) if start <= each.start < end]
    return [
        *(run.text[each.start : each.end].strip() for each in seen),
        *(document.text[each.start : each.end].strip() for each in lines),
    ]


def _start(span: Span) -> int:
    return span.start


def _one_command_a_line(run: Run, style: Style) -> list[Edit]:
    """Breaks a ``&&`` chain that stands on one line; a chain that the author has laid out stays as it is."""
    if run.parsed is None or len(run.instruction.segments) > 1:
        return []
    items = run.parsed.body.items
    if any(item.connector != "&&" for item in items[1:]):
        return []
    return [
        Edit(run.place_after(before.pipeline.end), run.place(item.pipeline.start), style.seam())
        for before, item in pairwise(items)
    ]
