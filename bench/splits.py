"""How many real single-stage images become smaller two-stage ones that work, proved by builds of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from statistics import mean, median
from typing import Any

from bench import projects
from bench.proving import explanation, link
from bench.proving import main as prove_all
from bench.table import _table

SELECT = ("multi_stage",)

Rows = Mapping[str, Mapping[str, Any]]

VERDICTS = {
    "working": "the image works as it is",
    "repaired": "the image works, after builds had shown what it lacked",
    "refused": "there is no rewrite, and this is why",
    "nothing to gain": "there is no rewrite, for a stage of its own would leave nothing behind; it counts as tried",
    "failed": "the image does not work; the Dockerfile stays as it was",
    "crashed": "a fault in dockopt",
    "cannot be judged": "the original does not build, or does not do what its smoke commands ask for",
    "does not build": "the original did not build when it was chosen, and was not tried again",
}

UNTRIED = ("does not build", "cannot be judged")
"""The verdicts that say nothing of a rewrite."""

_HEAD = ("", "kind", "base", "before, MB", "after, MB", "change", "verdict", "why")

_HOW = """\
## How it is measured

The projects stand in `bench/projects.toml`, each with its commit, with the rule by which each series was chosen; what
fails stays in the table. Each is built twice as it is and once as rewritten, without cache, as `dockopt fix
--suggested --select multi_stage --verify` does with the project's smoke commands. *working* and *repaired* mean that it
finds the same behaviour: every program and shared library that the image starts with is found, the application
imports, and the smoke commands end as they did before. Sizes are those of the unpacked layers. A base image that the
machine could not have was replaced before and after by the one that the list names; files that a rewrite cannot touch
(the base image) count on both sides.
"""


def page(results: Mapping[str, Any]) -> str:
    """The page for people: a section each series, in the order of projects.toml."""
    rows: Rows = results["rows"]
    parts = [
        "# One stage becomes two",
        "<!-- Written by `python -m bench.splits --write`; change bench/, not this. -->",
        f"Measured {results['made']} with `python -m bench.splits` on {results['machine']}.",
    ]
    for name, about in projects.listed().series.items():
        found = {each: row for each, row in rows.items() if row["series"] == name}
        if found:
            unseen = projects.unseen("splits", rows, name)
            parts += [f"## The series *{name}*", about.strip(), totals(found.values()), *unseen, _rows(found)]
    seen = {verdict(row) for row in rows.values()}
    meant = (f"- *{word}*: {words}" for word, words in VERDICTS.items() if word in seen)
    return "\n\n".join([*parts, _HOW + "\n" + "\n".join(meant)]) + "\n"


def verdict(row: Mapping[str, Any]) -> str:
    """What came of a project, in one of the words of `VERDICTS`."""
    status: str = row["status"]
    if status == "pass":
        return "repaired" if any(fix["repairs"] for fix in row["fixes"]) else "working"
    if status == "unchanged":
        return "refused" if row["refusals"] else "nothing to gain"
    return {"fail": "failed"}.get(status, status)


def works(row: Mapping[str, Any]) -> bool:
    """Whether there is a rewrite whose image does what the original does."""
    return bool(row["status"] == "pass")


def change(row: Mapping[str, Any]) -> float:
    """By how much the image grows, as a share of what it was."""
    measured = row["measurements"][0]
    return float(measured["after"]["unpacked"] / measured["before"]["unpacked"] - 1)


def totals(rows: Collection[Mapping[str, Any]]) -> str:
    """How many of them work, what came of the others, and how much smaller those that work are."""
    counts = Counter(map(verdict, rows))
    told = ", ".join(f"{word} {counts[word]}" for word in VERDICTS if counts[word])
    lines = [f"{len(rows)} projects: {told}."]
    if tried := sum(number for word, number in counts.items() if word not in UNTRIED):
        working = sum(map(works, rows))
        share = f"{working} of {tried} that could be tried ({working / tried:.1%})"
        lines.append(f"{share} become a two-stage image that works.")
    if changes := [change(row) for row in rows if works(row)]:
        lines.append(f"Size of those that work: mean {mean(changes):+.1%}, median {median(changes):+.1%}.")
    return " ".join(lines)


def _rows(rows: Rows) -> str:
    return _table(_HEAD, map(_line, rows, rows.values()))


def _line(name: str, row: Mapping[str, Any]) -> Sequence[str]:
    sizes = (f"{row['size'] / 1e6:,.0f}" if row.get("size") else "", "", "")
    if works(row):
        before, after = (f"{row['measurements'][0][side]['unpacked'] / 1e6:,.0f}" for side in ("before", "after"))
        sizes = (before, after, f"{change(row):+.1%}")
    return (link(name, row), row["ecosystem"], row.get("base", ""), *sizes, verdict(row), explanation(row))


def main(arguments: Sequence[str] | None = None) -> None:
    prove_all("splits", __doc__, SELECT, page, arguments)


if __name__ == "__main__":
    main()
