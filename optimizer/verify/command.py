"""The command ``dockopt verify``: what can be said. The work is done in run.py.

Annotations are not put off here, as in optimizer.commands.
"""

from typing import Annotated, Literal

import typer

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
    from optimizer.verify.run import judged
    from optimizer.verify.verdict import Wish

    console = Console(color, quiet=quiet)
    found = from_paths([path], _ask(select, ignore, suggested, context, target, config))
    reporter = Reporter(Shown(quiet=quiet), console, len(found.tasks))
    _tell_problems(found, reporter)
    options = Options(platform, tuple(build_arg or ()), tuple(secret or ()), network, timeout)
    wish = Wish(tuple(target or ()), tuple(smoke or ()), replay, "all" if measure else "nothing")
    raise typer.Exit(judged(found.tasks, builder, options, wish, reporter, as_json=format == "json"))
