"""The commands ``dockopt bot …``: what can be said. The work is done elsewhere.

Annotations are not put off here, as in optimizer.commands; what only a command needs is imported in it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from optimizer.bot.fleet import Budget
    from optimizer.bot.git import Identity
    from optimizer.bot.journal import Journal, Outcome
    from optimizer.bot.work import Job, Report, Where

SOME_FAILED = 6
"""The exit status where some repositories could not be worked on; the others were."""

app = typer.Typer(
    name="bot",
    help="Merge requests on GitLab, pull requests on GitHub.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Names = list[str] | None


@app.command()
def run(
    project: Annotated[
        Names,
        typer.Option("--project", metavar="PATH", help="A repository (repeatable) [default: the one of this CI]."),
    ] = None,
    group: Annotated[str, typer.Option(metavar="PATH", help="All repositories of a group or an owner.")] = "",
    topic: Annotated[str, typer.Option(metavar="TOPIC", help="Those with this topic.")] = "",
    repos: Annotated[str, typer.Option(metavar="FILE", help="Those in a file, a path or an address a line.")] = "",
    forge: Annotated[Literal["gitlab", "github"] | None, typer.Option(help="[default: as CI and --url say]")] = None,
    url: Annotated[str, typer.Option(metavar="URL", help="The forge's address [default: as CI says].")] = "",
    token_file: Annotated[
        str, typer.Option(metavar="FILE", help="The token [default: $DOCKOPT_TOKEN, $GITLAB_TOKEN, $GITHUB_TOKEN].")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, all of it.")] = False,
    suggested: Annotated[bool, typer.Option("--suggested", help="Also what is right for nearly everybody.")] = False,
    select: Annotated[Names, typer.Option("--select", metavar="NAMES", help="Only these transforms.")] = None,
    ignore: Annotated[Names, typer.Option("--ignore", metavar="NAMES", help="All transforms but these.")] = None,
    enable: Annotated[
        Names, typer.Option("--enable", metavar="NAMES", help="Besides: those that must be named.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Only what builds bear out, measured.")] = False,
    builder: Annotated[str, typer.Option(metavar="NAME", help="docker, podman, buildah, or a builder of buildx.")] = "",
    timeout: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="The longest that a build may take.")] = 3600,
    history: Annotated[int, typer.Option(min=0, metavar="N", help="So many commits say what changes often.")] = 200,
    opt_in: Annotated[bool, typer.Option("--opt-in", help="Only where settings say enabled = true.")] = False,
    onboard: Annotated[bool, typer.Option("--onboard", help="With --opt-in: ask the others by a request.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Comment on other people's requests, too.")] = False,
    per_run: Annotated[int | None, typer.Option(min=0, metavar="N", help="Open no more requests than that.")] = None,
    per_hour: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Nor in an hour, over runs with --results.")
    ] = None,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Only this part of the repositories.")] = "1/1",
    results: Annotated[str, typer.Option(metavar="FILE", help="Add what comes of each to this file (JSONL).")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what --results says is done.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Repositories at a time.")] = 1,
    scheduler: Annotated[str, typer.Option(metavar="ADDRESS", help="Work on the Dask cluster of this scheduler.")] = "",
    author: Annotated[
        str, typer.Option(metavar="'NAME <EMAIL>'", help="Whose name commits are in.")
    ] = "dockopt <dockopt@localhost>",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell failures only.")] = False,
) -> None:
    """Open merge requests, or bring those that are open up to date."""
    from optimizer.bot.fleet import Budget, Limits
    from optimizer.bot.journal import read
    from optimizer.bot.visit import How
    from optimizer.bot.work import Job, Proof, place
    from optimizer.commands import _ask

    _refuse(onboard and not opt_in, "--onboard goes with --opt-in")
    _refuse(resume and not results, "--resume goes with --results, which says what is done")
    _refuse(bool(builder) and not verify, "--builder goes with --verify")
    _refuse(bool(scheduler) and jobs > 1, "--scheduler says where to work, --jobs is for this machine: choose one")
    with _told():
        where = place(os.environ, forge or "", url, token_file)
        ask = _ask(select, ignore, suggested, "", None, "", enable)
        how = How(ask, opt_in, onboard, dry_run, _identity(author), history, review)
        earlier = list(read(results)) if results else []
        paths = _chosen(where, project or [], group, topic, repos, shard, earlier if resume else [])
        proof = Proof(builder, timeout) if verify else None
        limits = Limits(per_run, per_hour)
        made = [Job(where, path, how, proof) for path in paths]
        raise typer.Exit(_carry_out(made, Budget(limits, earlier), results, jobs, scheduler, quiet=quiet))


@app.command()
def report(
    results: Annotated[list[str], typer.Argument(metavar="FILE...", help="What runs wrote by --results.")],
    format: Annotated[Literal["html", "json"], typer.Option(help="A page for people, or for programs.")] = "html",
) -> None:
    """Show what could be saved over all repositories, the most first."""
    from optimizer.bot.journal import read
    from optimizer.bot.summary import as_html, as_json, summary
    from optimizer.report.console import Console

    for path in results:
        _refuse(not os.path.isfile(path), f"{path}: no such file")
    found = summary(outcome for path in results for outcome in read(path))
    Console("never").out(as_html(found) if format == "html" else as_json(found))


def _refuse(wrong: bool, message: str) -> None:
    if wrong:
        raise typer.BadParameter(message)


@contextmanager
def _told() -> Iterator[None]:
    """Ends with one line where the run as a whole cannot be."""
    from optimizer.report.untrusted import printable

    try:
        from optimizer.bot.cluster import NoCluster
        from optimizer.bot.forge import ForgeError
        from optimizer.bot.secret import NoToken

        expected = (NoToken, ForgeError, NoCluster)
    except ModuleNotFoundError as error:
        _end(f"{error.name} is not installed: pip install 'dockopt[bot]'")
    try:
        yield
    except expected as error:
        _end(str(error))
    except ModuleNotFoundError as error:
        _end(f"{error.name} is not installed: pip install 'dockopt[bot]'")
    except OSError as error:
        _end(f"{printable(str(error.filename or ''))}: {error.strerror}")


def _end(message: str) -> None:
    typer.echo(f"dockopt bot: {message}", err=True)
    raise typer.Exit(2)


def _identity(author: str) -> "Identity":
    from email.utils import parseaddr

    from optimizer.bot.git import Identity

    name, email = parseaddr(author)
    _refuse(not (name and "@" in email and (name + email).isprintable()), "--author is like 'Name <name@example.com>'")
    return Identity(name, email)


def _chosen(
    where: "Where", projects: list[str], group: str, topic: str, repos: str, part: str, earlier: "list[Outcome]"
) -> list[str]:
    """The repositories of this run."""
    from optimizer.bot.fleet import left, shard
    from optimizer.bot.work import connected, listed, own_project

    try:
        chosen = shard(part)
    except ValueError as error:
        raise typer.BadParameter(f"--shard: {error}") from None
    where.source.token()  # says at once where there is none
    paths = list(projects)
    if repos:
        with open(repos, encoding="utf-8") as file:
            paths += listed(file.read(), where.url)
    if group or topic:
        paths += connected(where).projects(group, topic)
    if not (projects or repos or group or topic):
        own = own_project(os.environ, where.kind)
        _refuse(not own, "name repositories by --project, --group, --topic or --repos: this is no CI job")
        paths = [own]
    return left(paths, chosen, earlier)


def _carry_out(jobs: "list[Job]", budget: "Budget", results: str, threads: int, scheduler: str, *, quiet: bool) -> int:
    """Do the jobs and tell what comes of them; the exit status."""
    from concurrent.futures import ThreadPoolExecutor

    from optimizer.bot.cluster import BATCH, cluster
    from optimizer.bot.fleet import Serial
    from optimizer.bot.fleet import run as carry_out
    from optimizer.bot.journal import Journal

    journal = Journal(results) if results else None
    counts: dict[str, int] = {}
    try:
        if scheduler:
            with cluster(scheduler) as (executor, width):
                reports = carry_out(jobs, executor, budget, width=width, batch=BATCH)
                _tell(reports, journal, counts, quiet=quiet)
        else:
            with Serial() if threads == 1 else ThreadPoolExecutor(threads) as executor:
                _tell(carry_out(jobs, executor, budget, width=threads), journal, counts, quiet=quiet)
    finally:
        if journal is not None:
            journal.close()
    if not quiet and len(jobs) > 1:
        told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        typer.echo(f"{len(jobs)} repositories: {told}", err=True)
    return SOME_FAILED if "failed" in counts else 0


def _tell(reports: "Iterator[Report]", journal: "Journal | None", counts: dict[str, int], *, quiet: bool) -> None:
    """Write each outcome down, and say it in a line; a dry run says all before it."""
    from optimizer.report.console import Console
    from optimizer.report.untrusted import printable

    console = Console("never", quiet=quiet)
    for outcome, said in reports:
        if journal is not None:
            journal.add(outcome)
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        if said:
            console.out("".join(f"{_lines(text)}\n" for text in said))
        urls = " ".join(done.url for done in outcome.requests if done.url)
        parts = [outcome.status, urls, outcome.message]
        line = printable(f"{outcome.project}: {'  '.join(filter(None, parts))}")
        if outcome.status == "failed":
            console.err(line)
        elif not quiet:
            console.out(f"{line}\n")
    sys.stdout.flush()


def _lines(text: str) -> str:
    from optimizer.report.untrusted import printable

    return "\n".join(printable(line, "\t") for line in text.split("\n"))
