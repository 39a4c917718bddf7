"""Faults of a network that pass: a build that ended with one says nothing about its Dockerfile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

PAUSE = 5.0
"""Seconds before such a build is done again."""

SIGNS = (
    # getaddrinfo(3): EAI_AGAIN, as it is, and as apt, curl, git, npm and Go's resolver say it
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "Could not resolve host",
    "EAI_AGAIN",
    "server misbehaving",
    # apt-get update ends with 0 where it reached nobody, and the install after it finds no package
    "Some index files failed to download",
    "Could not connect to",
    # connect(2) and what lies above it
    "Connection reset by peer",
    "Connection timed out",
    "ECONNRESET",
    "ETIMEDOUT",
    "ReadTimeoutError",
    "TLS handshake timeout",
    "i/o timeout",
    # HTTP, RFC 9110: 429, 502, 503 and 504 ask to come again later
    "429 Too Many Requests",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
)
"""What programs say of one."""


def may_pass(lines: Iterable[str]) -> bool:
    """True if the last lines of a build tell of a fault that may be gone the next time."""
    said = "\n".join(lines).lower()
    return any(sign.lower() in said for sign in SIGNS)


def last(said: Sequence[str], most: int) -> list[str]:
    """The last lines of what a step says, and of those before them the first that tells of such a fault.

    apt goes on without the lists that it could not fetch, and ends only when it has said what it lacks then.
    """
    before = said[:-most]
    telling = next(([line] for line in before if may_pass((line,))), [])
    return [*telling, *said[-most:]]
