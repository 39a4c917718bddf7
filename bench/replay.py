"""What a rewrite does to the time of rebuilds: the last commits of real repositories, built before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import StatisticsError, correlation, mean, median
from typing import Any

from bench import projects
from bench.proving import explanation, link
from bench.proving import main as prove_all
from bench.table import _table
from optimizer import registry
from optimizer.fix import Phase

COMMITS = 30

_EQUIVALENT = {"pass": "yes", "fail": "no"}

_HOW = """\
## How it is measured

The repositories stand in `bench/projects.toml`, each with its commit, and with the rule by which it was chosen; what
fails stays in the table. Most that it changes were chosen because they copy their sources before they install, so the
figures are those of such Dockerfiles and not of any. At first sight it left three as they were (steamgifts-bot,
taak-cpp, thc-hydra); three general rules were taught to it then. Their last commits are built one after the other,
each with what the one before left in the builder's cache, by the Dockerfile of the newest commit as it is and as
rewritten; the two take turns and share no layer. The first commit fills the cache and does not count; one that cannot
be built is left out on both sides. It is 30 commits, and fewer of those that take long to build. Seconds are those of
the whole call, of which half a second to one goes by where nothing is executed; waiting for a slow package index
counts on the side that asks it, so the medians of single commits stand behind the totals. Up to four repositories were
built beside each other, and other builds: the seconds are those of a busy machine.

The predictions are out of sample: the rewrite, and what is predicted of it, go by the history up to the commit before
those that are built. The context is that of the newest commit. The change is predicted with assumed costs
([how](history.md#cost)), as `dockopt fix` does; the seconds with the times of builds without cache, as `dockopt verify`
does: those of the proof, or for rows that were measured before it kept them of three builds made for that.

*yes* means that `dockopt verify` finds the images at the newest commit equivalent, with the project's smoke commands.
A base image that the machine could not have was replaced before and after by the one that the list names.
"""


def page(results: Mapping[str, Any]) -> str:
    """The page for people."""
    rows: Mapping[str, Mapping[str, Any]] = results["rows"]
    changed = {name: row for name, row in rows.items() if replayed(row)}
    changes = [reduction(row) for row in changed.values()]
    tried = [row for row in rows.values() if row["status"] not in ("does not build", "cannot be judged")]
    judged = [row for row in tried if row["status"] in _EQUIVALENT]
    parts = [
        "# Rebuilds of the last commits",
        "<!-- Written by `python -m bench.replay --write`; change bench/, not this. -->",
        f"Measured {results['made']} with `python -m bench.replay` on {results['machine']}; "
        f"transforms: {', '.join(results['select'])}.",
        f"{len(rows)} repositories, of which {len(rows) - len(tried)} cannot be built as they are. "
        f"Of the others it changes {len(judged)}, and {sum(row['status'] == 'pass' for row in judged)} of these images "
        "are equivalent.",
    ]
    if changes:
        before, after = (sum(_total(row, side) for row in changed.values()) for side in ("before", "after"))
        halved = sum(each <= -0.5 for each in changes)
        parts.append(
            f"Time of the rebuilds of these: {before:,.0f} s before, {after:,.0f} s after; a repository's changes by "
            f"{mean(changes):+.1%} in the mean, {median(changes):+.1%} in the median. "
            f"{halved} of {len(changes)} are at least halved."
        )
        parts += _ranks(list(changed.values()))
    parts += projects.unseen("replay", rows)
    times = ("commits", "before, s", "after, s", "change", "predicted", "saved a commit, s", "predicted, s")
    head = ("", "kind", *times, "equivalent", "fixes", "why")
    parts += [_table(head, map(_line, rows, rows.values())), _HOW.rstrip()]
    return "\n\n".join(parts) + "\n"


def replayed(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The builds of a row's commits, if they were built."""
    return next((each["replay"] for each in row.get("measurements", ()) if each["replay"]), None)


def reduction(row: Mapping[str, Any]) -> float:
    """By how much the builds of all commits take longer, as a share of what they took."""
    return _total(row, "after") / _total(row, "before") - 1


def _total(row: Mapping[str, Any], side: str) -> float:
    return float(sum((replayed(row) or {})[side]["seconds"]))


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """The rank correlation of two series; ties share their mean rank.

    :raises StatisticsError: where it is not defined: fewer than two pairs, or all of a series the same.
    """
    return correlation(_ranked(first), _ranked(second))


def _ranked(values: Sequence[float]) -> list[float]:
    order = sorted(values)
    return [order.index(value) + (order.count(value) + 1) / 2 for value in values]


def _saved(row: Mapping[str, Any]) -> tuple[float, float | None]:
    """Seconds that a commit's build takes less: measured, and as predicted with the times of the builds."""
    number = len((replayed(row) or {})["before"]["seconds"])
    timed = row.get("timed")
    return (_total(row, "before") - _total(row, "after")) / number, timed and timed["before"] - timed["after"]


def _ranks(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How well what was predicted agrees in rank with what was measured."""
    shares = _rank((row["predicted"], reduction(row)) for row in rows)
    seconds = _rank(map(_saved, rows))
    if shares is not None:
        saved = "" if seconds is None else f", the seconds that a commit saves by {seconds:.2f}"
        yield f"Predicted and measured change agree in rank by {shares:.2f} (Spearman){saved}."


def _rank(pairs: Iterable[tuple[float | None, float | None]]) -> float | None:
    """Of the pairs that are whole."""
    whole = [(one, other) for one, other in pairs if one is not None and other is not None]
    try:
        return spearman(*map(list, zip(*whole, strict=True)))
    except (StatisticsError, TypeError):
        return None


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    figures: tuple[str, ...] = ("",) * 7
    if builds := replayed(row):
        left = sum("was left out" in note for each in row["measurements"] for note in each["notes"])
        counted = f"{len(builds['before']['seconds'])}" + (f" ({left} left out)" if left else "")
        sides = [f"{_total(row, side):,.0f} ({median(builds[side]['seconds']):,.1f})" for side in ("before", "after")]
        predicted = "" if row["predicted"] is None else f"{row['predicted']:+.1%}"
        saved = ("" if each is None else f"{each:.1f}" for each in _saved(row))
        figures = (counted, *sides, f"{reduction(row):+.1%}", predicted, *saved)
    equivalent = _EQUIVALENT.get(row["status"], row["status"])
    fixes = ", ".join(dict.fromkeys(each["transform"] for each in row.get("fixes", ())))
    return (link(name, row), row["ecosystem"], *figures, equivalent, fixes, explanation(row))


def main(arguments: Sequence[str] | None = None) -> None:
    ordering = tuple(each.name for each in registry.load() if each.phase is Phase.ORDER)
    prove_all("replay", __doc__, ordering, page, arguments, COMMITS)


if __name__ == "__main__":
    main()
