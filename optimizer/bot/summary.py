"""What could be saved over a fleet of repositories, the most first: as JSON, and as a page that needs no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any, NamedTuple

import msgspec

from optimizer import __version__
from optimizer.bot.journal import Outcome
from optimizer.report.untrusted import printable

VERSION = 1


class Row(NamedTuple):
    """One repository in the ranking."""

    outcome: Outcome
    bytes: int | None
    """Saved in the compressed images, where builds have measured it."""
    seconds: float | None
    """Saved in one build of each measured kind."""

    @property
    def fixes(self) -> int:
        return sum(self.outcome.fixes.values())


class Summary(NamedTuple):
    """All that is told of a fleet."""

    rows: tuple[Row, ...]
    statuses: tuple[tuple[str, int], ...]
    transforms: tuple[tuple[str, int, int], ...]
    """By name: how many fixes, in how many repositories."""


def summary(outcomes: Iterable[Outcome]) -> Summary:
    """The last outcome of each repository, ranked: what was measured first, then by the number of fixes."""
    last = {outcome.project: outcome for outcome in outcomes}
    rows = [_row(outcome) for outcome in last.values()]
    rows.sort(key=lambda row: (-(row.bytes or 0), -(row.seconds or 0), -row.fixes, row.outcome.project))
    fixes: Counter[str] = Counter()
    repositories: Counter[str] = Counter()
    for outcome in last.values():
        fixes.update(outcome.fixes)
        repositories.update(outcome.fixes.keys())
    statuses = Counter(outcome.status for outcome in last.values())
    return Summary(
        tuple(rows),
        tuple(sorted(statuses.items(), key=lambda pair: (-pair[1], pair[0]))),
        tuple((name, count, repositories[name]) for name, count in fixes.most_common()),
    )


def _row(outcome: Outcome) -> Row:
    if not outcome.measured:
        return Row(outcome, None, None)
    saved = sum(each.before - each.after for each in outcome.measured)
    return Row(outcome, saved, sum(before - after for each in outcome.measured for _, before, after in each.times))


def as_json(found: Summary) -> str:
    """The summary for programs."""
    repositories: list[Any] = [
        {**msgspec.to_builtins(row.outcome), "saved_bytes": row.bytes, "saved_seconds": row.seconds}
        for row in found.rows
    ]
    transforms = [{"name": name, "fixes": fixes, "repositories": count} for name, fixes, count in found.transforms]
    document = {
        "version": VERSION,
        "dockopt": __version__,
        "statuses": dict(found.statuses),
        "transforms": transforms,
        "repositories": repositories,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n"


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>dockopt: what could be saved</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: #1f2328; background: #fff; }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; }}
th, td {{ text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #d1d9e0; vertical-align: top; }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
.failed {{ color: #b3261e; }}
@media (prefers-color-scheme: dark) {{ body {{ color: #e6edf3; background: #0d1117; }}
  th, td {{ border-color: #30363d; }} a {{ color: #79b8ff; }} .failed {{ color: #ff8a80; }} }}
</style>
<h1>What could be saved</h1>
<p>{intro}</p>
<table><thead><tr><th>#<th>Repository<th>Status<th class="number">Fixes<th class="number">Image<th class="number">Builds
<th>Request or reason</thead><tbody>
{rows}</tbody></table>
<h2>By transform</h2>
<table><thead><tr><th>Transform<th class="number">Fixes<th class="number">Repositories</thead><tbody>
{transforms}</tbody></table>
</html>
"""


def as_html(found: Summary) -> str:
    """The summary for people: one file."""
    counts = ", ".join(f"{count} {status}" for status, count in found.statuses)
    measured = sum(row.bytes or 0 for row in found.rows)
    intro = f"{len(found.rows)} repositories: {counts}." + f" {_size(measured)} measured in images." * bool(measured)
    rows = "".join(_html_row(number, row) for number, row in enumerate(found.rows, 1))
    transforms = "".join(
        f'<tr><td>{escape(name)}<td class="number">{fixes}<td class="number">{count}\n'
        for name, fixes, count in found.transforms
    )
    return _PAGE.format(intro=escape(intro), rows=rows, transforms=transforms)


def _html_row(number: int, row: Row) -> str:
    outcome = row.outcome
    links = " ".join(
        f'<a href="{escape(done.url)}">{escape(printable(done.branch))}</a>'
        for done in outcome.requests
        if done.url.startswith(("https://", "http://"))
    )
    image = _size(row.bytes) if row.bytes is not None else ""
    builds = f"{row.seconds:.1f} s" if row.seconds is not None else ""
    return (
        f'<tr><td class="number">{number}<td>{escape(printable(outcome.project))}'
        f'<td class="{outcome.status}">{outcome.status}<td class="number">{row.fixes}<td class="number">{image}'
        f'<td class="number">{builds}<td>{links} {escape(printable(outcome.message))}\n'
    )


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if abs(count) >= 1e9 else f"{count / 1e6:.1f} MB"
