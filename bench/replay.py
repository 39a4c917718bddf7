"""What a rewrite does to the time of rebuilds: the last commits of real repositories, built before and after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import StatisticsError, correlation, mean, median
from typing import Any

from bench.proving import explanation, link
from bench.proving import main as prove_all
from bench.table import _table
from optimizer import registry
from optimizer.fix import Phase

COMMITS = 30

_HOW = """\
## How it is measured

The repositories stand in `bench/projects.toml`, each with its commit. Their last commits are built one after the other,
each with what the one before left in the builder's cache, by the Dockerfile of the newest commit as it is and as
rewritten; the two take turns and share no layer. The first commit fills the cache and does not count; one that cannot
be built is left out on both sides. *pass* means that `dockopt verify` finds the images at the newest commit equivalent.
"""


def page(results: Mapping[str, Any]) -> str:
    """The page for people."""
    rows: Mapping[str, Mapping[str, Any]] = results["rows"]
    changed = {name: row for name, row in rows.items() if replayed(row)}
    changes = [reduction(row) for row in changed.values()]
    built = [row for row in rows.values() if row["status"] != "does not build"]
    judged = [row for row in built if row["status"] in ("pass", "fail")]
    parts = [
        "# Rebuilds of the last commits",
        "<!-- Written by `python -m bench.replay --write`; change bench/, not this. -->",
        f"Measured {results['made']} with `python -m bench.replay` on {results['machine']}; "
        f"transforms: {', '.join(results['select'])}.",
        f"{len(rows)} repositories, {len(built)} of which build as they are. It changes {len(judged)} of them; "
        f"{sum(row['status'] == 'pass' for row in judged)} of the images are equivalent in all that it changes.",
    ]
    if changes:
        parts.append(
            f"Rebuild time: mean {mean(changes):+.1%}, median {median(changes):+.1%}; "
            f"{sum(each <= -0.5 for each in changes)} of {len(changes)} at least halved. {_ranks(changed.values())}"
        )
    head = ("", "ecosystem", "commits", "before, s", "after, s", "change", "predicted", "verdict", "why")
    parts += [_table(head, map(_line, rows, rows.values())), _HOW.rstrip()]
    return "\n\n".join(parts) + "\n"


def replayed(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The builds of a row's commits, if they were built."""
    return next((each["replay"] for each in row.get("measurements", ()) if each["replay"]), None)


def reduction(row: Mapping[str, Any]) -> float:
    """By how much the builds of all commits take longer, as a share of what they took."""
    builds = replayed(row) or {}
    before, after = (sum(builds[side]["seconds"]) for side in ("before", "after"))
    return float(after / before - 1)


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """The rank correlation of two series; ties share their mean rank.

    :raises StatisticsError: where it is not defined: fewer than two pairs, or all of a series the same.
    """
    return correlation(_ranked(first), _ranked(second))


def _ranked(values: Sequence[float]) -> list[float]:
    order = sorted(values)
    return [order.index(value) + (order.count(value) + 1) / 2 for value in values]


def _ranks(rows: Iterable[Mapping[str, Any]]) -> str:
    pairs = [(row["predicted"], reduction(row)) for row in rows if row["predicted"] is not None]
    try:
        found = spearman(*map(list, zip(*pairs, strict=True)))
    except (StatisticsError, TypeError):
        return ""
    return f"Predicted and measured change agree in rank by {found:.2f} (Spearman)."


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    figures: tuple[str, ...] = ("", "", "", "")
    if builds := replayed(row):
        totals = (f"{sum(builds[side]['seconds']):,.0f}" for side in ("before", "after"))
        figures = (str(len(builds["before"]["seconds"])), *totals, f"{reduction(row):+.1%}")
    predicted = "" if row.get("predicted") is None else f"{row['predicted']:+.1%}"
    return (link(name, row), row["ecosystem"], *figures, predicted, row["status"], explanation(row))


def main(arguments: Sequence[str] | None = None) -> None:
    ordering = tuple(each.name for each in registry.load() if each.phase is Phase.ORDER)
    prove_all("replay", __doc__, ordering, page, arguments, COMMITS)


if __name__ == "__main__":
    main()
