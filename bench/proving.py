"""Puts projects to the proof: fetches each, rewrites its Dockerfile, and keeps what ``dockopt verify`` says of it."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import projects, tools
from bench.projects import Project, Unobtainable
from optimizer.model import read as parsed
from optimizer.runner import note, predicted
from optimizer.source import decode, read
from optimizer.tasks import Ask, from_paths
from optimizer.verify.builder import BuilderError, Options, find
from optimizer.verify.document import report
from optimizer.verify.verdict import Verdict, Wish, verify

TIMEOUT = 1800.0
"""Seconds that one build may take."""

Row = dict[str, Any]


def prove(project: Project, place: Path, select: tuple[str, ...], replay: int) -> Row:
    """What builds of a project before and after say.

    :param replay: how many of its last commits are built, too.
    """
    path = str(place / project.dockerfile)
    before = f"HEAD~{replay}"  # what is expected of the commits that are replayed must not know them
    tasks = from_paths([path], Ask(select, suggested=True, context=str(place), newest=before)).tasks
    wish = Wish(smoke=project.smoke, replay=replay, measure="sizes")
    try:
        with find("", Options(args=project.args, timeout=TIMEOUT)) as builder:
            verdict = verify(tasks[0], builder, wish, lambda text: _progress(f"{project.name}: {text}"))
    except BuilderError as error:
        verdict = Verdict(tasks[0], "cannot be judged", error.message, error.lines)
    return {"base": base(decode(read(path)))} | kept(verdict, select)


def base(text: str) -> str:
    """The base image that the last stage goes back to, as the file names it; "" where only its ARG would tell."""
    *_, first = parsed(text).final.lineage
    return first.base or ""


def kept(verdict: Verdict, select: tuple[str, ...]) -> Row:
    """A verdict as it is kept: what programs get to see of it, and why the rewrite is what it is."""
    row: Row = json.loads(report([verdict]))["files"][0]
    del row["path"], row["builder"]
    outcome = verdict.outcome
    fixes = outcome.fixes if outcome else ()
    refusals = outcome.refusals if outcome else ()
    notes = [note(fix, ())._asdict() for fix in fixes]
    row["reasons"] = [each["reason"] for each in notes]
    row["timed"] = row.pop("predicted")  # seconds, by the times of the builds; what follows is by assumed ones
    expected = predicted(verdict.task, outcome) if outcome and outcome.after != outcome.before else None
    row["predicted"] = expected["after"] / expected["before"] - 1 if expected and expected["before"] else None
    row["refusals"] = [each.reason for each in refusals if not select or each.transform in select]
    for measured in row["measurements"]:
        if measured["replay"]:
            for side in ("before", "after"):
                del measured["replay"][side]["steps"]  # of the last commit only
    return row


def explanation(row: Mapping[str, Any]) -> str:
    """Why a project's row is what it is, in one sentence that a table of Markdown can hold."""
    fixes = row.get("fixes", ())
    differences = [words for fix in fixes for words in fix["differences"]]
    lines = [f"{row['message']}: {line}" if row["message"] else line for line in row.get("lines", ())[-1:]]
    repairs = ["; ".join(fix["repairs"]) for fix in fixes]
    found = [*differences, *lines, row["message"], *repairs, *row.get("reasons", ()), *row.get("refusals", ())]
    told = next((words for words in found if words), "nothing to change")
    return " ".join(told.replace("|", "\\|").replace("<", "&lt;").split())


def link(name: str, row: Mapping[str, Any]) -> str:
    """A project as the first cell of its line in a table."""
    return f"[{name}]({row['url']}/tree/{row['commit']})"


def main(
    bench: str,
    about: str | None,
    default: tuple[str, ...],
    page: Callable[[Mapping[str, Any]], str],
    arguments: Sequence[str] | None,
    commits: int = 0,
) -> None:
    """The command line of a bench: completes its results a project at a time, and writes its page."""
    results_file = Path(__file__).parent / "results" / f"{bench}.json"
    parser = argparse.ArgumentParser(prog=f"python -m bench.{bench}", description=about)
    parser.add_argument("--only", default="", help="only projects with this in their name")
    parser.add_argument("--series", default="", choices=list(projects.listed().series), help="only this one")
    parser.add_argument("--missing", action="store_true", help="only projects that have no result yet")
    parser.add_argument("--select", default=",".join(default), help="these transforms (%(default)s)")
    parser.add_argument("--mirror", type=Path, help="a folder of clones, OWNER+NAME, in place of the public addresses")
    parser.add_argument("--work", type=Path, help="a folder for the checkouts, kept (a temporary one)")
    parser.add_argument("--results", type=Path, default=results_file, help="the JSON to complete (%(default)s)")
    parser.add_argument("--render", action="store_true", help="measure nothing, only write the page")
    parser.add_argument("--write", type=Path, help="write the page for people")
    if commits:
        parser.add_argument("--commits", type=int, default=commits, help="how many of the last ones (%(default)s)")
    options = parser.parse_args(arguments)
    results = json.loads(options.results.read_text()) if options.results.exists() else {"rows": {}}
    if options.render and not results["rows"]:
        parser.error(f"{options.results}: there are no results to write a page from; leave --render out to measure")
    select = tuple(filter(None, options.select.split(",")))
    known = results["rows"] if options.missing else {}
    chosen = [each for each in projects.load(bench, options.only, options.series) if each.name not in known]
    with ExitStack() as stack:
        work = options.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dockopt-bench-")))
        for project in [] if options.render else chosen:
            row = _measured(project, options.mirror, work, select, vars(options).get("commits", 0))
            results["rows"][project.name] = row
            results |= {"made": datetime.date.today().isoformat(), "machine": tools.machine(), "select": select}
            results["rows"] = {
                each.name: results["rows"][each.name] for each in projects.load(bench) if each.name in results["rows"]
            }
            options.results.parent.mkdir(exist_ok=True)
            options.results.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
            _progress(f"{project.name}: {row['status']}: {explanation(row)}")
    text = page(results)
    if options.write:
        options.write.write_text(text)
    else:
        print(text)


def _measured(project: Project, mirror: Path | None, work: Path, select: tuple[str, ...], commits: int) -> Row:
    facts: Row = {"url": project.url, "commit": project.commit, "ecosystem": project.ecosystem}
    facts |= {"series": project.series, "stand_ins": project.stand_ins, "size": project.size}
    if project.reason:
        return facts | {"status": "does not build", "message": project.reason}
    try:
        place = projects.checkout(project, mirror, work)
        projects.stand_in(project)
        return facts | prove(project, place, select, commits)
    except Unobtainable as error:
        return facts | {"status": "cannot be judged", "message": str(error)}
    except Exception as error:  # a fault of ours is a result as well, and the other projects go on
        traceback.print_exc()
        return facts | {"status": "crashed", "message": f"{type(error).__name__}: {error}"}


def _progress(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
