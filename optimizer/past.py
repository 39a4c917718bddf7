"""What a project's past says about its next builds: the history of its files, and the times of a build's steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimizer.history import History, NoHistory
    from optimizer.verify.progress import Step


class Past:
    """Read when it is first asked for, and once: git is not started for a file in which nothing could move."""

    def __init__(self, context: str | None, dockerfile: str | None, timings: str = "") -> None:
        """
        :param context: the folder of the build context, if there is one.
        :param dockerfile: None where it does not come from a file.
        :param timings: a build's log in raw JSON.
        """
        self._context = context
        self._dockerfile = dockerfile
        self._timings = timings

    @cached_property
    def history(self) -> History | NoHistory:
        from optimizer.history import NoHistory
        from optimizer.history.reading import read_history

        if self._context is None:
            return NoHistory("there is no build context")
        return read_history(self._context, self._dockerfile)

    @cached_property
    def timings(self) -> Sequence[Step]:
        """The measured steps.

        :raises TimingsError: where the log cannot be used.
        """
        from optimizer.cost.timings import read_timings

        return read_timings(self._timings) if self._timings else ()


class Known(Past):
    """A past that is given, for tests and for what is not in git."""

    def __init__(self, history: History | NoHistory, timings: Sequence[Step] = ()) -> None:
        self.__dict__.update(history=history, timings=timings)
