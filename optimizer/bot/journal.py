"""What came of each repository, a line of JSON each, in a file that is only ever appended to.

A run that was killed goes on from it. The last line may be torn then: what is no whole line counts as never written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from optimizer.bot.plan import Measured

Status = Literal[
    "opened", "updated", "unchanged", "closed", "commented", "declined",
    "nothing", "skipped", "postponed", "failed",
]  # fmt: skip
"""What happened, for one request or, the weightiest of them, for a repository.

opened, updated, closed: the bot did so with its own request. unchanged: it is open and as it should be. commented:
somebody else's commits are on the branch, so that a comment says what would be new. declined: a person has closed this
proposal. nothing: there is nothing to propose. skipped: the bot is not wanted, or there is nothing to work on.
postponed: a limit is reached; the next run goes on. failed: the message says why.
"""

WEIGHT: tuple[Status, ...] = (
    "failed", "postponed", "opened", "updated", "closed", "commented", "declined", "unchanged", "skipped", "nothing",
)  # fmt: skip
"""The statuses, the weightiest first."""


class Done(Struct, frozen=True, omit_defaults=True):
    """What became of one request."""

    branch: str
    status: Status
    url: str = ""
    plan: str = ""
    """The plan's hash."""
    message: str = ""


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of one repository."""

    project: str
    status: Status
    message: str = ""
    """One line; empty where the status says it all."""
    requests: tuple[Done, ...] = ()
    fixes: dict[str, int] = {}
    """How many by the transform's name, in all plans."""
    suggestions: int = 0
    files: int = 0
    """Dockerfiles that would change."""
    measured: tuple[Measured, ...] = ()
    at: float = 0.0
    """Seconds since 1970."""
    again: bool = False
    """Whether it is worth another try: the forge or the network was at fault."""
    dry: bool = False
    """Whether nothing was done, only said."""

    @property
    def final(self) -> bool:
        """Whether a run that goes on need not come back to it."""
        return not self.again and self.status != "postponed"

    @property
    def opened(self) -> int:
        """How many requests were opened."""
        return sum(done.status == "opened" for done in self.requests)


def weightiest(statuses: list[Status]) -> Status:
    """The one that stands for all; "nothing" for none."""
    return min(statuses, key=WEIGHT.index, default="nothing")


class Journal:
    """The file of a run's outcomes. Each line is on the disk before the next repository is looked at.

    :raises OSError: where it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        size = os.fstat(self._handle).st_size
        if size and os.pread(self._handle, 1, size - 1) != b"\n":
            os.write(self._handle, b"\n")  # ends a line that was torn, so that the next one is whole

    def add(self, outcome: Outcome) -> None:
        """Append an outcome for good."""
        line = msgspec.json.encode(outcome) + b"\n"
        while line:  # one call writes it all, but for a full disk
            line = line[os.write(self._handle, line) :]
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)


def read(path: str) -> Iterator[Outcome]:
    """The outcomes in a file in their order, without what is torn; none where there is no file."""
    try:
        with open(path, "rb") as file:
            for line in file:
                try:
                    yield msgspec.json.decode(line, type=Outcome)
                except msgspec.DecodeError:
                    continue
    except FileNotFoundError:
        return
