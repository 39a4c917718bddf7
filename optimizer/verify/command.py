"""``dockopt verify`` and ``dockopt fix --verify``: what can be said, and how it ends.

What the work itself takes is imported when it begins: the start must stay fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from optimizer.report.console import Console
    from optimizer.runner import Plan, Result, Task
    from optimizer.source import Failure
    from optimizer.verify.builder import Options
    from optimizer.verify.verdict import Verdict, Wish

FAILED = 5
"""The exit status where a fix is not borne out, or nothing can be said."""

Names = list[str] | None


def verify(
    path: Annotated[str, typer.Argument(metavar="[DOCKERFILE]", help="A Dockerfile, or a folder.")] = ".",
    builder: Annotated[str, typer.Option(metavar="NAME", help="docker, podman, buildah, or a builder of buildx.")] = "",
    platform: Annotated[str, typer.Option(metavar="OS/ARCH", help="What to build for.")] = "",
    build_arg: Annotated[Names, typer.Option(metavar="NAME=VALUE", help="A build argument (repeatable).")] = None,
    secret: Annotated[Names, typer.Option(metavar="id=ID,src=FILE", help="A build secret (repeatable).")] = None,
    target: Annotated[Names, typer.Option(metavar="STAGE", help="Only this stage (repeatable).")] = None,
    network: Annotated[str, typer.Option(metavar="MODE", help="The network of the build's RUNs.")] = "",
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="The longest that a build may take.")] = 3600,
    replay: Annotated[int, typer.Option(min=0, metavar="N", help="Also time the builds of the last N commits.")] = 0,
    smoke: Annotated[
        Names, typer.Option(metavar="COMMAND", help="Must do the same in both images (repeatable)")
    ] = None,
    measure: Annotated[bool, typer.Option(help="Measure sizes and times, too.")] = True,
    suggested: Annotated[bool, typer.Option("--suggested", help="Also what is right for nearly everybody.")] = False,
    select: Annotated[Names, typer.Option("--select", metavar="NAMES", help="Only these.")] = None,
    ignore: Annotated[Names, typer.Option("--ignore", metavar="NAMES", help="All transforms but these.")] = None,
    format: Annotated[Literal["text", "json"], typer.Option(help="The report on standard output.")] = "text",
    context: Annotated[str, typer.Option(metavar="FOLDER", help="Build context [default: as for fix]")] = "",
    config: Annotated[str, typer.Option(metavar="FILE", help="Settings [default: as for fix]")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell errors only.")] = False,
    color: Annotated[Literal["auto", "always", "never"], typer.Option("--color", help="auto: on a terminal.")] = "auto",
) -> None:
    """Prove by real builds that the rewritten Dockerfile makes the same image, and measure what it brings."""
    from optimizer.commands import _ask, _tell_problems
    from optimizer.report.console import Console
    from optimizer.report.reporter import Reporter
    from optimizer.report.reporter import Wish as Shown
    from optimizer.tasks import from_paths
    from optimizer.verify.builder import Options
    from optimizer.verify.interrupt import Interrupted, interruptible
    from optimizer.verify.verdict import Wish

    console = Console(color, quiet=quiet)
    found = from_paths([path], _ask(select, ignore, suggested, context, target, config))
    reporter = Reporter(Shown(quiet=quiet), console, len(found.tasks))
    _tell_problems(found, reporter)
    options = Options(platform, tuple(build_arg or ()), tuple(secret or ()), network, timeout)
    wish = Wish(tuple(target or ()), tuple(smoke or ()), replay, measure)
    verdicts: list[Verdict] = []
    try:
        with interruptible():
            for task in found.tasks:
                if failure := _unreadable(task):
                    reporter.fail(task.path, failure)
                    continue
                verdict = judge(task, builder, options, wish, console)
                verdicts.append(verdict)
                if format == "text":
                    _show(verdict, console)
    except Interrupted as interrupted:
        console.err("interrupted: nothing is left running, and no image behind")
        raise typer.Exit(interrupted.status) from None
    if format == "json":
        from optimizer.verify.document import report

        console.out(report(verdicts))
    wrong = any(verdict.status in ("fail", "cannot be judged") for verdict in verdicts)
    raise typer.Exit(max(reporter.status, FAILED if wrong else 0))


def verified(
    tasks: Sequence[Task], plan: Plan, console: Console, builder: str, options: Options, wish: Wish
) -> Iterator[Result]:
    """The results of ``fix`` with the fixes that builds bear out, suggested ones among them, and no others."""
    from optimizer.runner import Result, process
    from optimizer.source import Failure

    for task in tasks:
        if failure := _unreadable(task):
            yield Result(task, failure)
            continue
        task = task._replace(rules=task.rules._replace(suggested=True))
        verdict = judge(task, builder, options, wish._replace(measure=False), console)
        if verdict.status == "cannot be judged":
            for line in verdict.lines:
                console.err(f"  {line}")
            yield Result(task, Failure(FAILED, 0, 0, f"cannot be judged: {verdict.message}"))
            continue
        if verdict.failed:
            _show(verdict, console, to_err=True)
        yield process(task, plan, verdict.accept)


def judge(task: Task, builder: str, options: Options, wish: Wish, console: Console) -> Verdict:
    """Find the builder and verify one Dockerfile. Whatever goes wrong is in the verdict."""
    import os
    from dataclasses import replace

    from optimizer.verify.builder import BuilderError, find
    from optimizer.verify.verdict import Verdict, verify

    def tell(text: str) -> None:
        console.err(f"{task.path}: {text}")

    try:
        with find(builder, replace(options, args=_arguments(task, options.args))) as found:
            return verify(task, found, wish, tell)
    except BuilderError as error:
        return Verdict(task, "cannot be judged", error.message, error.lines)
    except OSError as error:
        where = f" ({os.fspath(error.filename)})" if error.filename else ""
        return Verdict(task, "cannot be judged", f"the system says: {error.strerror or error}{where}")


def _arguments(task: Task, given: tuple[str, ...]) -> tuple[str, ...]:
    """The build arguments that Compose, Bake and CI files give this Dockerfile, and those that the user gives."""
    from pathlib import Path

    from optimizer.discovery import discover

    names = {each.partition("=")[0] for each in given}
    found = discover([Path(task.path)]).found
    said = (f"{name}={value}" for each in found for name, value in each.args if name not in names)
    return (*said, *given)


def _unreadable(task: Task) -> Failure | None:
    """Why the Dockerfile cannot be rewritten at all."""
    from optimizer.runner import Plan, process

    return process(task, Plan()).failure


def _show(verdict: Verdict, console: Console, *, to_err: bool = False) -> None:
    from optimizer.verify.picture import show

    if to_err:
        console.err(show(verdict, console.err_style).rstrip("\n"))
    else:
        console.out(show(verdict, console.out_style))
