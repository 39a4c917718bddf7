"""The commands of dockopt: what can be said, and what of it goes together. The work is done elsewhere.

What only one command needs is imported in it: the start must stay fast. Annotations are not put off here, since typer
would compile and evaluate each of them twice, which takes three times as long.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, ClassVar, Literal, get_args

import typer

from optimizer.later import Group
from optimizer.registry import UnknownTransform
from optimizer.report.console import Console
from optimizer.report.reporter import Format, Reporter, Show, Wish
from optimizer.report.terminal import PLAIN, Style
from optimizer.runner import Plan, choose, results
from optimizer.source import MAX_SIZE, NO_DOCKERFILE, USAGE, Failure
from optimizer.tasks import Ask, Tasks, from_paths, from_stdin
from optimizer.verify import command as verifying


class Commands(Group):
    """The commands, those of other modules among them."""

    later: ClassVar = {
        "verify": "optimizer.verify.command",
        "config": "optimizer.config_command",
        "bot": "optimizer.bot.command",
    }


app = typer.Typer(
    name="dockopt",
    cls=Commands,
    help="Rewrites Dockerfiles so that the image is smaller and the next build faster.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Names = list[str] | None
Select = Annotated[Names, typer.Option("--select", metavar="NAMES", help="Only these, with what they only suggest.")]
Ignore = Annotated[Names, typer.Option("--ignore", metavar="NAMES", help="All transforms but these.")]
Enable = Annotated[Names, typer.Option("--enable", metavar="NAMES", help="Besides: those that must be named to run.")]
Suggested = Annotated[bool, typer.Option("--suggested", help="Also what is right for nearly everybody.")]
Context = Annotated[str, typer.Option(metavar="FOLDER", help="Build context [default: as Compose, Bake, CI say]")]
Target = Annotated[Names, typer.Option(metavar="STAGE", help="A stage that is built by name (repeatable).")]
Config = Annotated[str, typer.Option(metavar="FILE", help="Settings [default: .dockopt.toml, pyproject.toml]")]
Timings = Annotated[str, typer.Option(metavar="FILE", help="A build's log in raw JSON, for the times of its steps.")]
Formats = typer.Option(metavar="FORMAT", help=f"On standard output: diff, {', '.join(get_args(Format))}.")
Colour = Annotated[Literal["auto", "always", "never"], typer.Option("--color", help="auto: on a terminal.")]


@app.callback(invoke_without_command=True)
def dockopt(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Rewrite Dockerfiles so that the image is smaller and the next build faster."""
    if version:
        from optimizer import __version__

        typer.echo(f"dockopt {__version__}")
        raise typer.Exit


@app.command()
def fix(
    paths: Annotated[Names, typer.Argument(metavar="[PATHS]...", help="Dockerfiles, folders, or - for stdin.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show a unified diff (the default).")] = False,
    in_place: Annotated[bool, typer.Option("--in-place", "-w", help="Rewrite the files.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Status 1 if a file would change.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Status 1 if the diff is not empty.")] = False,
    interactive: Annotated[bool, typer.Option("--interactive", "-i", help="Review fix by fix, and rewrite.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Only what builds bear out, suggestions, too.")] = False,
    builder: verifying.Builder = "",
    platform: verifying.Platform = "",
    build_arg: verifying.Arguments = None,
    secret: verifying.Secrets = None,
    build_context: verifying.Contexts = None,
    network: verifying.Network = "",
    timeout: verifying.Timeout = verifying.TIMEOUT,
    smoke: verifying.Smoke = None,
    replay: verifying.Replay = 0,
    suggested: Suggested = False,
    select: Select = None,
    ignore: Ignore = None,
    enable: Enable = None,
    format: Annotated[Literal["diff", Format], Formats] = "diff",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Processes; 0: one a core, for many files.")] = 0,
    context: Context = "",
    target: Target = None,
    config: Config = "",
    timings: Timings = "",
    stdin_filename: Annotated[str, typer.Option(metavar="PATH", help="What the file on stdin is called.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what was left as it is, and why.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell errors only.")] = False,
    color: Colour = "auto",
    debug: Annotated[bool, typer.Option("--debug", help="Show where an internal error comes from.")] = False,
) -> None:
    """Show what to change in Dockerfiles, as a diff with the reasons, or rewrite them."""
    paths = paths or ["."]
    stdin = paths == ["-"]
    _refuse("-" in paths and not stdin, "- (standard input) cannot be mixed with other paths")
    _refuse(stdin and (in_place or interactive), "standard input cannot be rewritten in place")
    _refuse(bool(stdin_filename) and not stdin, "--stdin-filename goes with - (standard input)")
    _refuse(check and (in_place or interactive), "--check changes nothing: it goes without --in-place and -i")
    _refuse(interactive and verify, "-i asks people, --verify asks a builder: choose one of them")
    asked = (builder, platform, build_arg, secret, build_context, network, timeout != verifying.TIMEOUT, smoke, replay)
    _refuse(any(asked) and not verify, "what says how to build and to prove goes with --verify")
    _refuse(interactive and format != "diff", f"-i is for people, --format {format} for programs")
    _refuse(interactive and not (sys.stdin.isatty() and sys.stderr.isatty()), "-i asks: it needs a terminal")

    ask = _ask(select, ignore, suggested, context, target, config, enable, timings)
    found = from_stdin(sys.stdin.buffer.read(MAX_SIZE + 1), stdin_filename, ask) if stdin else from_paths(paths, ask)
    show: Show = (
        format if format != "diff"
        else "text" if stdin and not (diff or check)
        else "nothing" if interactive and not diff
        else "lines" if (in_place or check) and not diff
        else "diff"
    )  # fmt: skip
    writes = in_place or (interactive and not diff)
    console = Console(color, quiet=quiet)
    styles: dict[Show, Style] = {"diff": console.out_style, "json": PLAIN}
    plan = Plan(
        diff=styles.get(show),
        contents=writes or show in ("text", "html"),
        refusals=verbose or show in ("json", "html"),
        suggestions=not check or verbose or format != "diff",
        parents=show == "json",
        predicted=show == "json",
        places=show in ("sarif", "gitlab", "github", "junit"),
    )
    reporter = Reporter(Wish(show, writes, check or exit_code, quiet, verbose, debug), console, len(found.tasks))
    _tell_problems(found, reporter)
    if interactive:
        from optimizer.review import review

        reporter.show(review(found.tasks, plan, console))
    elif verify:
        from optimizer.verify.run import verified
        from optimizer.verify.verdict import Wish as VerifyWish

        build = verifying.options(platform, build_arg, secret, build_context, network, timeout)
        wish = VerifyWish((), tuple(smoke or ()), replay, "nothing")
        reporter.show(verified(found.tasks, plan, console, builder, build, wish))
    else:
        reporter.show(results(found.tasks, plan, jobs))
    raise typer.Exit(reporter.status)


@app.command()
def explain(
    name: Annotated[str, typer.Argument(metavar="[NAME|PATH]", help="A transform, or a Dockerfile.")] = "",
    cost: Annotated[bool, typer.Option("--cost", help="What each instruction costs the next builds.")] = False,
    format: Annotated[Literal["text", "json"], typer.Option(help="How --cost is shown.")] = "text",
    timings: Timings = "",
    suggested: Suggested = False,
    select: Select = None,
    ignore: Ignore = None,
    enable: Enable = None,
    context: Context = "",
    target: Target = None,
    config: Config = "",
    color: Colour = "auto",
) -> None:
    """Tell what a transform does, or why each line of a Dockerfile is changed or left as it is."""
    from optimizer import explain as explaining

    console = Console(color)
    _refuse((format == "json" or bool(timings)) and not cost, "--format and --timings go with --cost")
    _refuse(cost and not name, "--cost is about a Dockerfile: name it")
    if not name:
        console.out(explaining.overview())
        return
    ask = _ask(select, ignore, suggested, context, target, config, enable, timings)
    is_path = os.path.exists(name) or os.sep in name or "." in name or not name.islower()  # as no transform is called
    if not cost and not is_path:
        with _usage_errors():
            console.out(explaining.transform(name))
        return
    found = from_paths([name], ask)
    reporter = Reporter(Wish(), console, len(found.tasks))
    _tell_problems(found, reporter)
    if cost:
        from optimizer import waterfall

        drawn = [(task.path, waterfall.waterfall(task)) for task in found.tasks]
        for path, each in drawn:
            if isinstance(each, Failure):
                reporter.fail(path, each)
            elif format == "text":
                console.out(waterfall.shown(each, console.out_style))
        if format == "json":
            console.out(waterfall.report((path, one) if isinstance(one, Failure) else one for path, one in drawn))
        raise typer.Exit(reporter.status)
    for task in found.tasks:
        explained = explaining.dockerfile(task, console.out_style)
        if isinstance(explained, Failure):
            reporter.fail(task.path, explained)
        else:
            console.out(explained)
    raise typer.Exit(reporter.status)


@app.command()
def lsp() -> None:
    """Serve an editor: findings and what mends them, over standard input and output."""
    try:
        from optimizer.lsp.server import serve
    except ModuleNotFoundError as error:
        typer.echo(f"the language server needs {error.name}: pip install 'dockopt[lsp]'", err=True)
        raise typer.Exit(USAGE) from None
    serve()


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise typer.BadParameter(message)


def _ask(
    select: Names,
    ignore: Names,
    suggested: bool,
    context: str,
    target: Names,
    config: str,
    enable: Names = None,
    timings: str = "",
) -> Ask:
    _refuse(bool(context) and not os.path.isdir(context), f"--context {context}: no such folder")
    ask = Ask(_names(select), _names(ignore), suggested, context, tuple(target or ()), config, _names(enable), timings)
    if timings:
        from optimizer.cost.timings import TimingsError, read_timings

        try:
            read_timings(timings)
        except (OSError, TimingsError) as error:
            raise typer.BadParameter(f"--timings {timings}: {error}") from None
    with _usage_errors():
        choose(ask.select, ask.ignore, ask.suggested, ask.enable)
    return ask


def _names(values: Names) -> tuple[str, ...]:
    """The names of a repeatable option, each of whose values may be a list with commas."""
    return tuple(name.strip() for value in values or () for name in value.split(",") if name.strip())


@contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except UnknownTransform as error:
        raise typer.BadParameter(str(error)) from None


def _tell_problems(found: Tasks, reporter: Reporter) -> None:
    for status, problems in ((NO_DOCKERFILE, found.missing), (USAGE, found.settings)):
        for path, line, column, message in problems:
            reporter.fail(path, Failure(status, line, column, message))
    for problem in found.notes:
        reporter.note(problem)
