"""The work on repositories as it travels to other threads or other machines: data, and one function.

The token does not travel, only where it is found: each process reads it in its own surroundings.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from optimizer.bot.forge import Forge, Kind
from optimizer.bot.journal import Outcome
from optimizer.bot.secret import NoToken, Source, Token
from optimizer.bot.visit import How, visit

if TYPE_CHECKING:
    from optimizer.bot.planning import Judge

TRIES = 4
"""How often a repository is tried where the forge is at fault."""
PAUSE = 1.0
"""Seconds before the second try, at the most; twice as many before the third, and so on."""
LONGEST = 60.0
"""Seconds between two tries at the most."""
_VARIABLES: Mapping[Kind, tuple[str, ...]] = {
    "gitlab": ("DOCKOPT_TOKEN", "GITLAB_TOKEN"),
    "github": ("DOCKOPT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
}
_PUBLIC: Mapping[Kind, str] = {"gitlab": "https://gitlab.com", "github": "https://github.com"}


class Where(NamedTuple):
    """A forge, and where the token for it is found."""

    kind: Kind
    url: str
    source: Source


class Proof(NamedTuple):
    """What is proved by builds before it is proposed."""

    builder: str = ""
    timeout: float = 3600.0


class Job(NamedTuple):
    """One repository to visit."""

    where: Where
    path: str
    how: How = How()
    proof: Proof | None = None


class Report(NamedTuple):
    """What came of a job, and what there is to say about it."""

    outcome: Outcome
    said: tuple[str, ...] = ()


def place(variables: Mapping[str, str], forge: str, url: str, token_file: str) -> Where:
    """The forge that is meant: what the command line says goes before what CI says of itself.

    :param variables: the environment.
    """
    in_github = bool(variables.get("GITHUB_ACTIONS"))
    host = urlsplit(url).hostname or ""
    kind: Kind = (
        "github" if forge == "github" or (not forge and ("github" in host or (in_github and not url))) else "gitlab"
    )
    own = variables.get("GITHUB_SERVER_URL" if kind == "github" else "CI_SERVER_URL", "")
    found = (url or own or _PUBLIC[kind]).rstrip("/")
    return Where(kind, found, Source(_VARIABLES[kind], token_file))


def own_project(variables: Mapping[str, str], kind: Kind) -> str:
    """The repository whose CI this is; "" outside of CI."""
    return variables.get("GITHUB_REPOSITORY" if kind == "github" else "CI_PROJECT_PATH", "")


def listed(text: str, url: str) -> list[str]:
    """The repositories in a file: a path or an address a line, # begins a comment; each once, in their order."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    paths = (re.sub(r"\.git$", "", line.removeprefix(url)).strip("/") for line in lines if line)
    return list(dict.fromkeys(paths))


_clients = threading.local()


def connected(where: Where) -> Forge:
    """The client for a forge, one a thread: they are not made to be shared.

    :raises NoToken: where there is no token.
    """
    made: dict[Where, Forge] = vars(_clients).setdefault("made", {})
    if where not in made:
        made[where] = _connect(where, where.source.token())
    return made[where]


def _connect(where: Where, token: Token) -> Forge:
    if where.kind == "github":
        from optimizer.bot.github import GitHub

        return GitHub(where.url, token)
    from optimizer.bot.gitlab import GitLab

    return GitLab(where.url, token)


def work(jobs: Sequence[Job]) -> list[Report]:
    """Visit repositories, one after the other; each again where the forge was at fault. Whatever goes wrong is told."""
    return [_patiently(job) for job in jobs]


def _patiently(job: Job) -> Report:
    from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

    retrying = Retrying(
        retry=retry_if_result(lambda report: report.outcome.again),
        stop=stop_after_attempt(TRIES),
        wait=wait_random_exponential(multiplier=PAUSE, max=LONGEST),
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    report: Report = retrying(_once, job)
    return report


def _once(job: Job) -> Report:
    said: list[str] = []
    try:
        forge = connected(job.where)
        outcome = visit(forge, job.where.source.token(), job.path, job.how, said.append, _judge(job.proof))
    except NoToken as error:
        outcome = Outcome(job.path, "failed", str(error))
    return Report(outcome, tuple(said))


def _judge(proof: Proof | None) -> Judge | None:
    if proof is None:
        return None
    from optimizer.bot.proving import judge

    return judge(proof.builder, proof.timeout)
