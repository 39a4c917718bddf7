"""Verifies Dockerfiles for the commands: finds the builder, shows what came of it, and ends in good order."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from optimizer.discovery import Found, discover
from optimizer.report.console import Console
from optimizer.report.reporter import Reporter
from optimizer.runner import Plan, Result, Task, process
from optimizer.source import Failure
from optimizer.verify.builder import BuilderError, CannotJudge, Options, find
from optimizer.verify.document import report
from optimizer.verify.interrupt import Interrupted, interruptible
from optimizer.verify.picture import show
from optimizer.verify.verdict import Verdict, Wish, verify

_ADDRESSES = ("docker-image://", "oci-layout://", "https://", "http://", "git@", "ssh://")
FAILED = 5
"""The exit status where a fix is not borne out, or nothing can be said."""


def judged(
    tasks: Sequence[Task], builder: str, options: Options, wish: Wish, reporter: Reporter, *, as_json: bool
) -> int:
    """Verify Dockerfiles and show the verdicts; the exit status."""
    console = reporter.console
    verdicts: list[Verdict] = []
    try:
        with interruptible():
            for task in tasks:
                if failure := process(task, Plan()).failure:
                    reporter.fail(task.path, failure)
                    continue
                verdicts.append(_judge(task, builder, options, wish, console))
                if not as_json:
                    console.out(show(verdicts[-1], console.out_style))
    except Interrupted as interrupted:
        return _interrupted(interrupted, console)
    if as_json:
        console.out(report(verdicts))
    wrong = any(verdict.status in ("fail", "cannot be judged") for verdict in verdicts)
    return max(reporter.status, FAILED if wrong else 0)


def verified(
    tasks: Sequence[Task],
    plan: Plan,
    console: Console,
    builder: str,
    options: Options,
    wish: Wish,
) -> Iterator[Result]:
    """The results of ``fix`` with the fixes that builds bear out, suggested ones among them, and no others."""
    try:
        with interruptible():
            for task in tasks:
                yield _verified(task, plan, console, builder, options, wish)
    except Interrupted as interrupted:
        raise typer.Exit(_interrupted(interrupted, console)) from None


def _verified(task: Task, plan: Plan, console: Console, builder: str, options: Options, wish: Wish) -> Result:
    if failure := process(task, Plan()).failure:
        return Result(task, failure)
    task = task._replace(rules=task.rules._replace(suggested=True))
    verdict = _judge(task, builder, options, wish, console)
    if verdict.status == "cannot be judged":
        console.err(show(verdict, console.err_style).rstrip("\n"))
        return Result(task, Failure(FAILED, 0, 0, "left as it is: no build could bear out its fixes"))
    if verdict.failed or verdict.measurements:
        console.err(show(verdict, console.err_style).rstrip("\n"))
    return process(verdict.task, plan, verdict.accept)


def _interrupted(interrupted: Interrupted, console: Console) -> int:
    console.err("interrupted: nothing is left running, and no image behind")
    return interrupted.status


def _judge(task: Task, builder: str, options: Options, wish: Wish, console: Console) -> Verdict:
    """Find the builder and verify one Dockerfile. Whatever goes wrong is in the verdict."""
    try:
        with find(builder, _as_said(task, options)) as found:
            return verify(task, found, wish, lambda text: console.err(f"{task.path}: {text}"))
    except BuilderError as error:
        return Verdict(task, "cannot be judged", error.message, error.lines)
    except OSError as error:
        where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
        return Verdict(task, "cannot be judged", f"the system says: {error.strerror or error}{where}")
    except Exception as error:
        import traceback

        message = f"internal error ({type(error).__name__}): please report it with the file"
        return Verdict(task, "cannot be judged", message, tuple(traceback.format_exc().splitlines()))


def _as_said(task: Task, options: Options) -> Options:
    """The options, with what Compose, Bake and CI files say of this Dockerfile's build where the user says nothing.

    :raises CannotJudge: where they name a context that cannot be handed on.
    """
    args, contexts = ({each.partition("=")[0] for each in given} for given in (options.args, options.contexts))
    found = discover([Path(task.path)]).found
    return replace(
        options,
        args=(*(f"{name}={value}" for each in found for name, value in each.args if name not in args), *options.args),
        contexts=(*(_context(name, each) for each in found for name in _left(each, contexts)), *options.contexts),
    )


def _left(found: Found, given: Collection[str]) -> Iterator[str]:
    """The named contexts that the user does not give, each once."""
    yield from dict.fromkeys(name for name, _ in found.contexts if name not in given)


def _context(name: str, found: Found) -> str:
    """A named context, as the builder is told; folders are those of the file that names them."""
    values = {value for other, value in found.contexts if other == name}
    folders = {path.parent for path in found.sources}
    places = {
        value if value.startswith(_ADDRESSES) else str(folder / value)
        for value in values
        for folder in folders
        if value.startswith(_ADDRESSES) or os.path.isdir(folder / value)
    }
    if len(values) == len(places) == 1:
        return f"{name}={places.pop()}"
    said = ", ".join(sorted(values))
    raise CannotJudge(f"the named context {name} is {said}: say by --build-context {name}=… what to take for it")
