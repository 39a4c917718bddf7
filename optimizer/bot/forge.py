"""What a forge is asked for, and how it says no. gitlab.py and github.py speak with the real ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

Kind = Literal["gitlab", "github"]
State = Literal["open", "closed", "merged"]

TIMEOUT = 30.0
"""Seconds that a forge may take for an answer."""


class Project(NamedTuple):
    """A repository on a forge."""

    path: str
    """With its groups or its owner, as people write it."""
    url: str
    """For git, without any user."""
    default_branch: str = ""
    """"" while there is no commit."""
    archived: bool = False
    may_push: bool = True


class Request(NamedTuple):
    """A merge request, a pull request."""

    number: int
    url: str
    branch: str
    """Where it comes from."""
    state: State
    text: str
    author: str = ""
    commit: str = ""
    """The newest one."""


class Wanted(NamedTuple):
    """A request as it should be."""

    branch: str
    target: str
    title: str
    text: str
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    draft: bool = False


class Suggestion(NamedTuple):
    """A comment on lines of a request's file, with what should stand there instead."""

    path: str
    first: int
    last: int
    """Lines of the file as the request makes it, from 1 on."""
    reason: str
    """Markdown."""
    lines: str
    """With the end of the last line."""

    def block(self, what: str) -> str:
        """The comment; what says how the forge marks lines that it can put in by itself."""
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", self.lines)), default=0))
        return f"{self.reason}\n\n{fence}{what}\n{self.lines.rstrip(chr(10))}\n{fence}\n"


class Changed(NamedTuple):
    """A file that a request changes."""

    path: str
    patch: str
    """The hunks of its unified diff; "" where the forge does not tell them."""


class ForgeError(Exception):
    """The forge did not do it. The message is one line, says how to mend it, and holds no token.

    ``status`` is that of HTTP, 0 where there was no answer. ``again`` says whether it may at another time.
    """

    def __init__(self, status: int, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.again = again


class Forge(Protocol):
    """One forge, as one user of it sees it. Every method raises ForgeError."""

    kind: Kind
    noun: str
    """What it calls a request."""
    user: str
    """What git says besides the token."""

    def project(self, path: str) -> Project:
        """A repository by its path."""

    def projects(self, group: str, topic: str) -> Iterator[str]:
        """The paths of the repositories of a group with those below it, or of a topic; "" does not choose."""

    def requests(self, project: Project, branch: str) -> list[Request]:
        """The requests from a branch of the repository itself, in any state, the newest first."""

    def open(self, project: Project, wanted: Wanted) -> Request:
        """Open a request. One that is open already between the same branches is given back as it should be."""

    def update(self, project: Project, request: Request, wanted: Wanted) -> None:
        """Give a request a new title and text; what people have set besides stays."""

    def close(self, project: Project, request: Request, text: str) -> None:
        """Close a request, and give it a new text."""

    def comments(self, project: Project, request: Request) -> Iterator[str]:
        """The texts of a request's comments, those on lines among them."""

    def comment(self, project: Project, request: Request, text: str) -> None:
        """Write a comment."""

    def opened(self, project: Project) -> Iterator[Request]:
        """All requests that are open, the newest first."""

    def changed(self, project: Project, request: Request) -> Iterator[Changed]:
        """The files that a request changes."""

    def ref(self, request: Request) -> str:
        """The name under which git finds a request's newest commit."""

    def suggest(self, project: Project, request: Request, suggestions: list[Suggestion]) -> None:
        """Comment on lines of a request."""


def certificates() -> str | bool:
    """The file of the certificates that are trusted besides the usual ones, if there is one; TLS is always verified."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True


def reachable(ours: str, said: str) -> str:
    """The address of a repository at the forge that we were told, whatever the forge takes itself for.

    :param ours: the forge's own address.
    :param said: what the forge says of the repository's.
    """
    here, there = urlsplit(ours), urlsplit(said)
    base = here.path.rstrip("/")
    path = there.path if there.path.startswith(f"{base}/") else base + there.path
    return there._replace(scheme=here.scheme, netloc=here.netloc.rpartition("@")[2], path=path).geturl()
