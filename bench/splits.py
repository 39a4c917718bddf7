"""How many real single-stage images become smaller two-stage ones that work, proved by builds of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, median
from typing import Any

from bench.proving import explanation, link
from bench.proving import main as prove_all
from bench.table import _table

SELECT = ("multi_stage",)

_HEAD = ("", "ecosystem", "before, MB", "after, MB", "change", "verdict", "why")

_HOW = """\
## How it is measured

The projects stand in `bench/projects.toml`, each with its commit, chosen by the rule there before the rewrite was
tuned; what fails stays in the table. Each is built twice as it is and once as rewritten, without cache. *pass* means
that `dockopt verify` finds the same behaviour: every program and shared library that the image starts with is
found, the application imports, and the smoke commands end as they did before. Sizes are those of the unpacked layers.
A base image that the machine could not have was replaced before and after by the one that the list names; files that
a rewrite cannot touch (the base image) count on both sides.
"""


def page(results: Mapping[str, Any]) -> str:
    """The page for people."""
    rows: Mapping[str, Mapping[str, Any]] = results["rows"]
    built = {name: row for name, row in rows.items() if row["status"] != "does not build"}
    working = {name: row for name, row in built.items() if row["status"] == "pass"}
    parts = [
        "# One stage becomes two",
        "<!-- Written by `python -m bench.splits --write`; change bench/, not this. -->",
        f"Measured {results['made']} with `python -m bench.splits` on {results['machine']}.",
        f"{len(rows)} projects, {len(built)} of which build as they are. {_share(len(working), len(built))}",
        _sizes(working.values()),
        _table(
            ("", "ecosystem", "before, MB", "after, MB", "change", "verdict", "why"), map(_line, rows, rows.values())
        ),
        _HOW.rstrip(),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def change(row: Mapping[str, Any]) -> float:
    """By how much the image grows, as a share of what it was."""
    measured = row["measurements"][0]
    return float(measured["after"]["unpacked"] / measured["before"]["unpacked"] - 1)


def _share(some: int, whole: int) -> str:
    return f"{some} ({100 * some / whole:.1f}%) give a smaller image that works." if whole else ""


def _sizes(working: Iterable[Mapping[str, Any]]) -> str:
    changes = [change(row) for row in working]
    if not changes:
        return ""
    return f"Size of those that work: mean {mean(changes):+.1%}, median {median(changes):+.1%}."


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    sizes = ("", "", "")
    if row.get("measurements"):
        before, after = (f"{row['measurements'][0][side]['unpacked'] / 1e6:,.0f}" for side in ("before", "after"))
        sizes = (before, after, f"{change(row):+.1%}")
    return (link(name, row), row["ecosystem"], *sizes, row["status"], explanation(row))


def main(arguments: Sequence[str] | None = None) -> None:
    prove_all("splits", __doc__, SELECT, page, arguments)


if __name__ == "__main__":
    main()
