"""The page for people, made from the results alone, so that words and figures cannot drift apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_MARKS = {
    "untouched": "·",
    "same": "=",
    "differs": "✗",
    "refused": "⊘",
    "lost": "−",
    "not executed": "?",
    "gave up": "/",
}

_GOOD_AT = {
    "tally": """
        The widest of them: BuildKit's own checks, ShellCheck and its own rules in one program, a
        language server, a Docker CLI plugin, SARIF and GitHub output, switches per rule and per line,
        Compose and Bake files as entry points. It knows cache mounts and heredocs.""",
    "dockerfile-doctor": """
        Small and quick to start, nothing but Python, a score, SARIF, only the changed lines of a diff
        on request.""",
    "dockerfile-hardener": """
        Security first: it names the hardening rule behind each finding, keeps a backup and has a dry
        run.""",
    "docker-parfum": """
        Comes from research that measured what each smell costs in megabytes; most of the repairs that
        its authors sent to projects were merged.""",
    "dockerfmt": """
        A formatter, and honest about it: the shell inside RUN is formatted by a real shell parser. It
        does not claim to optimise, so changed files are its job, not a fault.""",
    "hadolint": """
        The reference for linting: ShellCheck for every RUN, the rule numbers everybody cites, ten
        output formats. It changes nothing, so it is in the speed table only.""",
}
"""Fair words. A figure stands in the tables, never here."""

_HOW = """\
## How it is measured

Each program is installed from its registry in the version above, in an environment of its own, and
rewrites every file in place in a folder of its own; then it runs once more over its own output. A file
on which a program gives up is put back and counted. Nothing is judged by dockopt's code: the judges are
moby's parser, the real shells, and a reading made for this.

- *Refused*: BuildKit took the input and refuses the output (its parser, or an instruction that does not
  exist).
- *Result differs*: traps only. Every RUN of input and output is executed in order in a scratch folder
  with dash or bash, until one fails; then the ONBUILD triggers and the start command. Compared are
  whether the build succeeds, all files with modes and contents (package caches left aside), what the
  RUNs print, what the container prints, and whether a mounted cache is emptied. Package managers are
  stand-ins that know what a Dockerfile can see of them: no install without lists, no build without
  development dependencies.
- *Lost*: compared as sets over the whole file, so that sorting, merging and formatting cost nothing.
  Comments whose text is nowhere in the output; packages no longer installed; names no longer declared
  (ARG, ENV, LABEL, EXPOSE, VOLUME, USER, WORKDIR, STOPSIGNAL, stages, triggers, sources of COPY); base
  images exchanged; archives that ADD unpacked; RUN bodies that neither dash nor bash can read although
  they could read the input's.
- *Not executed*: the output holds a command outside the list of what a trap may run.

A lost name can be meant: a tool may move a WORKDIR or drop a package on purpose. The columns count,
they do not accuse. No Dockerfile of the corpus or of the fixtures is ever executed.
"""


def page(results: Mapping[str, Any], speed_results: Mapping[str, Any]) -> str:
    """docs/peers.md."""
    rows = results["rows"]
    parts = [
        "# Beside other tools",
        "<!-- Written by `python -m bench.peers --write docs/peers.md`; change bench/, not this. -->",
        f"Measured {results['made']} with `python -m bench.peers` and `python -m bench.speed` on "
        f"{results['machine']}. The figures are in `bench/results/`; `bench/README.md` says how to make "
        "them again.",
        _tools(results),
        "## Traps",
        f"{len(results['traps'])} small Dockerfiles, each of harmless commands around one way in which a "
        "rewrite goes wrong. They are in `bench/traps/`; the last table of this page names them.",
        _traps(rows, results["control"]),
        _untouched(rows, "already_good"),
        *_sets(rows),
    ]
    if speed_results:
        parts += ["## Speed", speed(speed_results)]
    parts += [
        "## What each is good at",
        *(f"**{name}**: {' '.join(words.split())}" for name, words in _GOOD_AT.items()),
    ]
    parts += [_HOW.rstrip(), "## Every trap", _matrix(results)]
    return "\n\n".join(parts) + "\n"


def speed(results: Mapping[str, Any]) -> str:
    """The speed table, ratios against dockopt's check."""
    rows = results["rows"]
    ours = rows.get("dockopt fix --check")

    def line(name: str, row: Mapping[str, Any]) -> list[str]:
        ratio = f"{ours['files_per_second'] / row['files_per_second']:.1f}" if ours else ""
        return [
            f"`{name}`",
            f"{row['files']:,}",
            f"{row['files_per_second']:,.0f}",
            ratio,
            f"{row['cpu_ms_per_file']:.2f}",
            f"{row['memory'] / 2**20:.0f}",
            f"{row['cold_cpu_ms']:.0f}",
            f"{row['cold_wall_ms']:.0f}",
        ]

    head = (
        "",
        "files",
        "files/s",
        "dockopt is … times as fast",
        "CPU ms a file",
        "peak MiB",
        "cold start, CPU ms",
        "cold start, ms",
    )
    words = (
        f"{results['files']:,} Dockerfiles from the wild on {results['cores']} cores, medians of "
        f"{results['rounds']} runs in turn (a file that stops a program's whole run is left out of its "
        f"count); cold start on one file, medians of {results['starts']}. Made {results['made']} on "
        f"{results['machine']}."
    )
    return words + "\n\n" + _table(head, (line(name, row) for name, row in rows.items()))


def _tools(results: Mapping[str, Any]) -> str:
    lines = [[name, row["version"], row["kind"], f"`{row['command']}`"] for name, row in results["rows"].items()]
    lines += [[name, "could not be had", "", reason] for name, reason in results["missing"].items()]
    return _table(("", "version", "fixes", "command"), lines)


def _traps(rows: Mapping[str, Any], control: Mapping[str, list[str]]) -> str:
    def line(name: str, verdicts: Mapping[str, list[str]], second: str) -> list[str]:
        found = Counter(verdict for verdict, _ in verdicts.values())
        kinds = ("differs", "refused", "lost", "not executed", "gave up", "same", "untouched")
        return [
            name,
            *(str(found[kind]) for kind in kinds[:3]),
            second,
            *(str(found[kind]) for kind in kinds[3:]),
        ]

    head = (
        "",
        "result differs",
        "refused",
        "something lost",
        "second run changes",
        "not executed",
        "gave up",
        "changed, same result",
        "untouched",
    )
    lines = [
        line(
            name,
            row["traps"]["verdicts"],
            str(row["traps"]["second_run"] + row["traps"]["second_run_refused"]),
        )
        for name, row in rows.items()
        if "traps" in row
    ]
    lines.append(line("*control: joins every RUN with `&&`*", control, ""))
    return _table(head, lines)


def _untouched(rows: Mapping[str, Any], trap: str) -> str:
    names = [
        name for name, row in rows.items() if row.get("traps", {}).get("verdicts", {}).get(trap) == ["untouched", ""]
    ]
    return f"The file with nothing to improve, `{trap}`, is left as it is by {', '.join(names) or 'none of them'}."


def _sets(rows: Mapping[str, Any]) -> Iterator[str]:
    titles = {
        "corpus": "Dockerfiles from the wild that BuildKit takes; a slow program gets every fourth. Experts' are those "
        "of repositories that publish images. So many of the files have each fault:",
        "fixtures": "The inputs of this project's own fixtures. So many of them have each fault:",
    }
    columns = {
        "changed": "changed (no fault)",
        "refused": "refused",
        "second_run": "second run changes",
        "second_run_refused": "fails on its own output",
        "gave_up": "gave up",
        "changed_invalid": "changed what BuildKit refuses",
        "comments": "lost comments",
        "packages": "lost packages",
        "instructions": "lost names",
        "bases": "other base",
        "archives": "archive not unpacked",
        "scripts": "shell cannot read",
        "experts_changed": "experts' changed",
        "experts_refused": "experts' refused",
    }
    for name, words in titles.items():
        found = {tool: row[name] for tool, row in rows.items() if name in row}
        if not found:
            continue
        shown = {key: head for key, head in columns.items() if name == "corpus" or not key.startswith("experts")}
        yield f"## {name.capitalize()}"
        yield words
        yield _table(
            ("", "files", *shown.values()),
            ([tool, f"{row['taken']:,}", *(_share(row, key) for key in shown)] for tool, row in found.items()),
        )


def _share(row: Mapping[str, Any], key: str) -> str:
    if key == "changed_invalid":
        return f"{row[key]} of {row['files'] - row['taken']}"
    whole = row["experts" if key.startswith("experts") else "taken"]
    return f"{row[key]:,} ({100 * row[key] / whole:.1f}%)" if row[key] else "0"


def _matrix(results: Mapping[str, Any]) -> str:
    columns = {name: row["traps"]["verdicts"] for name, row in results["rows"].items() if "traps" in row}
    columns["control"] = results["control"]
    lines = (
        [
            f"`{trap}`",
            words.replace("|", "\\|"),
            *(_MARKS[verdicts[trap][0]] for verdicts in columns.values()),
        ]
        for trap, words in results["traps"].items()
    )
    legend = ", ".join(f"{mark} {name}" for name, mark in _MARKS.items())
    return legend + "\n\n" + _table(("trap", "what it is about", *columns), lines)


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    cells = [list(head), *map(list, lines)]
    rule = ["---:" if _number(column) else "---" for column in zip(*cells[1:], strict=True)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (cells[0], rule, *cells[1:]))


def _number(column: Iterable[str]) -> bool:
    return all(cell[:1].isdigit() or not cell for cell in column)
