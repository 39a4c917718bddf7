"""What each instruction of a Dockerfile costs the next builds, before and after the rewrite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from optimizer import model
from optimizer.document import ParseError
from optimizer.rebuild import COSTLY, history_of, rebuild_of
from optimizer.report.terminal import BOLD, CYAN, DIM, GREEN, Style
from optimizer.report.untrusted import mask, printable, secrets
from optimizer.runner import Task, context_of, past, rewrite, targets
from optimizer.source import NOT_READ, Failure, Unreadable, decode, read

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.fix import Options
    from optimizer.history import History

VERSION = 1
_TEXT, _BAR = 47, 16
"""Columns of an instruction's text and of the longest bar: a line has 100 at most."""


class Row(NamedTuple):
    """One instruction. Shares are of all commits, by their weight."""

    line: int
    text: str
    changed: float
    """The share that changes what it is made from."""
    executed: float
    """The share after which it is executed again."""
    seconds: float
    source: str
    """How the seconds are known."""
    at_most: bool = False
    """Whether it may change less: it takes from a stage, and the builder goes by the content of what is taken."""

    @property
    def expected(self) -> float:
        """Seconds a commit."""
        return self.executed * self.seconds


class Table(NamedTuple):
    """One stage."""

    stage: int
    name: str
    rows: tuple[Row, ...]

    @property
    def seconds(self) -> float:
        """What all of it takes without a cache."""
        return sum(row.seconds for row in self.rows)

    @property
    def expected(self) -> float:
        return sum(row.expected for row in self.rows)


class Waterfall(NamedTuple):
    """A Dockerfile as it is, and as it would be rewritten."""

    path: str
    context: str | None
    history: str
    """Where the shares come from."""
    before: tuple[Table, ...]
    after: tuple[Table, ...]


def waterfall(task: Task) -> Waterfall | Failure:
    """Work out the tables for a Dockerfile."""
    try:
        text = decode(read(task.path))
        rewritten = rewrite(task, text, suggestions=False).after
        hidden = secrets(text)
        named = targets(task, text)
        before, after = model.read(text, named), model.read(rewritten, named)
    except Unreadable as error:
        return error.failure
    except ParseError as error:
        return Failure(NOT_READ, error.line, error.column, mask(error.message, ()))
    from msgspec.structs import replace

    context, options = context_of(task), replace(task.rules.options, past=past(task))
    history = history_of(before, context, options)
    tables = tuple(_tables(before, context, options, history, hidden))
    if rewritten == text:
        return Waterfall(task.path, task.context, history.source, tables, tables)
    later = history_of(after, context, options)
    changed = tuple(_tables(after, context, options, later, hidden))
    return Waterfall(task.path, task.context, history.source, tables, changed)


def _tables(
    found: model.Model, context: BuildContext | None, options: Options, history: History, hidden: Sequence[str]
) -> Iterator[Table]:
    taking = [source.instruction for source in found.sources if source.origin is not None]
    for stage in found.stages:
        rebuild = rebuild_of(found, stage, context, options, history)
        rows = [
            Row(
                each.line,
                mask(" ".join(each.text.split()), tuple(hidden)),
                rebuild.changed(place),
                executed,
                seconds,
                cost.source if each.keyword in COSTLY else "",
                each in taking and rebuild.changed(place) > 0,
            )
            for place, (each, executed, seconds, cost) in enumerate(
                zip(stage.instructions, rebuild.executed(), rebuild.seconds, rebuild.costs, strict=True)
            )
        ]
        head = " ".join(stage.origin.text.split())
        yield Table(stage.index, mask(head, tuple(hidden)), tuple(rows))


def shown(found: Waterfall, style: Style) -> str:
    """The tables for people: at most 100 columns."""
    sources = {row.source.partition(":")[0] for table in found.before for row in table.rows if row.source}
    context = f"build context {found.context}" if found.context is not None else "no build context"
    lines = [
        style.paint(printable(found.path), BOLD),
        printable(f"  {context}"),
        printable(f"  changes: {found.history}"),
        f"  costs: {' and '.join(sorted(sources, reverse=True)) or 'none'}",
        "",
    ]
    scale = max((row.expected for table in (*found.before, *found.after) for row in table.rows), default=0.0)
    lines += _shown(found.before, scale, style)
    before = sum(table.expected for table in found.before)
    if found.before == found.after:
        lines.append("nothing to change")
    else:
        after = sum(table.expected for table in found.after)
        lines += [style.paint("as it would be rewritten", BOLD), ""]
        lines += _shown(found.after, scale, style)
        less = f"{1 - after / before:.0%} less" if before and after < before else ""
        words = f"a rebuild: {before:,.1f} s a commit, {after:,.1f} s as rewritten"
        lines.append(style.paint(f"{words}{f' ({less})' if less else ''}".replace("%", " %"), GREEN if less else ""))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _shown(tables: Iterable[Table], scale: float, style: Style) -> Iterator[str]:
    for table in tables:
        head = _cut(f"stage {table.stage}: {table.name}", _TEXT + 6)
        yield style.paint(f"{head:{_TEXT + 6}} {'changes':>8} {'cost':>9} {'a commit':>9}", CYAN)
        for row in table.rows:
            bar = "█" * round(_BAR * row.expected / scale) if scale else ""
            figures = f"{_share(row.changed, at_most=row.at_most)} {_seconds(row.seconds)} {_seconds(row.expected)}"
            if not row.seconds:
                figures = _share(row.changed, at_most=row.at_most) if row.changed else ""
            line = f"{row.line:5} {_cut(row.text, _TEXT):{_TEXT}} {figures} {bar}"
            yield style.paint(line, DIM) if not row.seconds else line
        yield f"{'':5} {'in all':{_TEXT}} {'':>8} {_seconds(table.seconds)} {_seconds(table.expected)}"
        yield ""


def _cut(text: str, width: int) -> str:
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def _share(share: float, *, at_most: bool) -> str:
    return f"{'≤ ' * at_most + f'{share:.0%}'.replace('%', ' %'):>8}"


def _seconds(seconds: float) -> str:
    return f"{seconds:>7,.1f} s"


def report(found: Iterable[Waterfall | tuple[str, Failure]]) -> str:
    """The tables for programs (docs/json.md)."""
    from optimizer import __version__

    files: list[dict[str, Any]] = []
    for each in found:
        if isinstance(each, Waterfall):
            predicted = {"before": _total(each.before), "after": _total(each.after)}
            stages = {"before": [_stage(table) for table in each.before], "after": [_stage(one) for one in each.after]}
            files.append({"path": each.path, "history": each.history, "predicted": predicted, **stages})
        else:
            path, failure = each
            error = {"line": failure.line, "column": failure.column, "message": failure.message}
            files.append({"path": path, "error": error})
    return json.dumps({"version": VERSION, "dockopt": __version__, "files": files}, indent=1) + "\n"


def _total(tables: Iterable[Table]) -> float:
    return round(sum(table.expected for table in tables), 3)


def _stage(table: Table) -> dict[str, Any]:
    rows = [
        {
            **row._asdict(),
            **{key: round(getattr(row, key), 4) for key in ("changed", "executed", "seconds", "expected")},
        }
        for row in table.rows
    ]
    return {"stage": table.stage, "from": table.name, "expected": round(table.expected, 3), "instructions": rows}
