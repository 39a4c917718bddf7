"""Verdicts as people read them: what was proved, a table of what it brings, and what is executed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.fix import Fix
from optimizer.report.terminal import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Style, at, repairs
from optimizer.report.untrusted import mask, printable, secrets
from optimizer.verify.measure import Measurement, Scenario, Size, Timing
from optimizer.verify.progress import Step
from optimizer.verify.verdict import Verdict

BAR = 24
"""Characters of the longest bar."""
TEXT = 56
"""Characters of an instruction that are shown."""
LEAST = 0.1
"""Seconds that are worth a line."""
_COLOURS = {"pass": GREEN, "fail": RED, "cannot be judged": YELLOW, "unchanged": DIM}


def show(verdict: Verdict, style: Style) -> str:
    """A verdict with all that belongs to it."""
    return "".join(f"{line}\n" for line in _lines(verdict, style))


def _lines(verdict: Verdict, style: Style) -> Iterator[str]:
    path, outcome = verdict.task.path, verdict.outcome
    hidden = secrets(outcome.before) if outcome else ()

    def clean(text: str) -> str:
        return printable(mask(text, hidden))

    message = f": {clean(verdict.message)}" if verdict.message else ""
    yield f"{style.paint(printable(path), BOLD)}: {style.paint(verdict.status, _COLOURS[verdict.status])}{message}"
    yield from (f"  {style.paint(clean(line), DIM)}" for line in verdict.lines)
    for fix in outcome.fixes if outcome else ():
        yield "  " + at(path, fix.line, _said("pass", GREEN, fix, hidden, style), style)
    for fix, differences, _ in verdict.failed:
        yield "  " + at(path, fix.line, _said("fail", RED, fix, hidden, style), style)
        yield from (f"      {clean(difference)}" for difference in differences)
    for note in verdict.notes:
        yield f"  note: {clean(note)}"
    if (found := verdict.predicted) and found["before"] - found["after"] >= LEAST:
        yield f"  a rebuild is expected to take {found['after']:.1f} s in place of {found['before']:.1f} s a commit"
    for measurement in verdict.measurements:
        yield ""
        yield from _measured(measurement, style)


def _said(word: str, colour: str, fix: Fix, hidden: tuple[str, ...], style: Style) -> str:
    mended = repairs([mask(each, hidden) for each in fix.repairs], style)
    return f"{style.paint(word, colour)}  {fix.transform}{mended}"


def _measured(measured: Measurement, style: Style) -> Iterator[str]:
    yield from _table(measured, style)
    yield from (f"  note: {printable(note)}" for note in measured.notes)
    for scenario in measured.scenarios:
        yield ""
        yield from picture(scenario, style)


def _table(measured: Measurement, style: Style) -> Iterator[str]:
    head = f"target {measured.target}" if measured.target else ""
    rows = [(head, "before", "after", "")]
    rows += (_size_row(name, measured.before, measured.after, field) for name, field in _SIZES)
    rows.append(("layers", str(measured.before.layers), str(measured.after.layers), ""))
    rows += (_time_row(each.name, each.before.median, each.after.median) for each in measured.scenarios)
    if measured.replay:
        rows.append(_time_row(measured.replay.name, measured.replay.before.total, measured.replay.after.total))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for number, row in enumerate(rows):
        name, *values = (printable(cell) for cell in row)
        cells = [f"{name:{widths[0]}}", *(f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True))]
        yield style.paint("  " + "  ".join(cells).rstrip(), *([CYAN] if number == 0 else []))


_SIZES = (("image, compressed", "compressed"), ("image, unpacked", "unpacked"))


def _size_row(name: str, before: Size, after: Size, field: str) -> tuple[str, str, str, str]:
    old, new = getattr(before, field), getattr(after, field)
    return name, _megabytes(old), _megabytes(new), _change(old, new)


def _time_row(name: str, before: float, after: float) -> tuple[str, str, str, str]:
    return name, f"{before:.1f} s", f"{after:.1f} s", _change(before, after)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _change(before: float, after: float) -> str:
    return f"{(after - before) / before:+.0%}" if before else ""


def picture(scenario: Scenario, style: Style) -> Iterator[str]:
    """The instructions of both builds one below the other: what was executed, how long, and what was cached."""
    yield style.paint(f"  {printable(scenario.name)}", CYAN)
    longest = max((step.seconds for side in (scenario.before, scenario.after) for step in side.steps), default=0.0)
    for word, timing in (("before", scenario.before), ("after", scenario.after)):
        yield f"    {word}, {timing.median:.1f} s" + _of(timing)
        yield from (_step(step, longest, style) for step in _in_order(timing.steps))


def _of(timing: Timing) -> str:
    number = len(timing.seconds)
    return f" (median of {number}: {', '.join(f'{each:.1f}' for each in timing.seconds)})" if number > 1 else ""


def _in_order(steps: Sequence[Step]) -> list[Step]:
    """The instructions as they stand in the file, stage by stage in the order in which these begin."""
    executed = [step for step in steps if step.instruction]
    stages = list(dict.fromkeys(step.stage for step in executed))
    return sorted(executed, key=lambda step: (stages.index(step.stage), step.number))


def _step(step: Step, longest: float, style: Style) -> str:
    text = printable(" ".join(step.instruction.split()))
    text = text if len(text) <= TEXT else text[: TEXT - 1] + "…"
    if not step.ran:
        return style.paint(f"      {text:{TEXT}}  ·", DIM)
    bar = "█" * max(1, round(BAR * step.seconds / longest)) if longest else "█"
    return f"      {text:{TEXT}}  {style.paint(bar, YELLOW)} {step.seconds:.1f} s"
