"""Measured times of steps, from a build's log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from optimizer.verify.progress import Progress, Step


class TimingsError(Exception):
    """The log cannot be used; the message says why and how to make one."""


def read_timings(path: str) -> Sequence[Step]:
    """The steps in a log of ``docker buildx build --progress=rawjson``, which goes to standard error.

    :raises TimingsError: where there is none in it.
    """
    progress = Progress()
    with Path(path).open("rb") as file:
        for line in file:
            progress.feed(line)
    return progress.steps()
