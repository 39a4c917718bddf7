"""The command ``dockopt verify``: what can be said. The work is done in run.py.

Annotations are not put off here, as in optimizer.commands.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from optimizer.verify.builder import Options

app = typer.Typer(rich_markup_mode=None, add_completion=False)

Names = list[str] | None
Builder = Annotated[str, typer.Option(metavar="NAME", help="docker, podman, buildah, or a builder of buildx.")]
Platform = Annotated[str, typer.Option(metavar="OS/ARCH", help="What to build for.")]
Arguments = Annotated[Names, typer.Option("--build-arg", metavar="NAME=VALUE", help="A build argument (repeatable).")]
Secrets = Annotated[Names, typer.Option("--secret", metavar="id=ID,src=FILE", help="A build secret (repeatable).")]
Contexts = Annotated[
    Names,
    typer.Option(
        "--build-context", metavar="NAME=PLACE", help="A named context (repeatable) [default: as Compose says]"
    ),
]
Network = Annotated[str, typer.Option(metavar="MODE", help="The network of the build's RUNs.")]
Timeout = Annotated[float, typer.Option(min=1, metavar="SECONDS", help="The longest that a build may take.")]
Smoke = Annotated[Names, typer.Option(metavar="COMMAND", help="Must do the same in both images (repeatable).")]
Replay = Annotated[int, typer.Option(min=0, metavar="N", help="Also time the builds of the last N commits.")]
TIMEOUT = 3600.0


def options(
    platform: str, build_arg: Names, secret: Names, build_context: Names, network: str, timeout: float
) -> "Options":
    """What the options above say of a build."""
    from optimizer.verify.builder import Options

    some = (tuple(names or ()) for names in (build_arg, secret, build_context))
    args, secrets, contexts = some
    return Options(platform, args, secrets, network, contexts, timeout)


@app.command()
def verify(
    path: Annotated[str, typer.Argument(metavar="[DOCKERFILE]", help="A Dockerfile, or a folder.")] = ".",
    builder: Builder = "",
    platform: Platform = "",
    build_arg: Arguments = None,
    secret: Secrets = None,
    build_context: Contexts = None,
    target: Annotated[Names, typer.Option(metavar="STAGE", help="Only this stage (repeatable).")] = None,
    network: Network = "",
    timeout: Timeout = TIMEOUT,
    smoke: Smoke = None,
    replay: Replay = 0,
    measure: Annotated[bool, typer.Option(help="Measure sizes and times, too (--replay is measured always).")] = True,
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
    from optimizer.verify.run import judged
    from optimizer.verify.verdict import Wish

    console = Console(color, quiet=quiet)
    found = from_paths([path], _ask(select, ignore, suggested, context, target, config))
    reporter = Reporter(Shown(quiet=quiet), console, len(found.tasks))
    _tell_problems(found, reporter)
    build = options(platform, build_arg, secret, build_context, network, timeout)
    wish = Wish(tuple(target or ()), tuple(smoke or ()), replay, "all" if measure else "nothing")
    raise typer.Exit(judged(found.tasks, builder, build, wish, reporter, as_json=format == "json"))
