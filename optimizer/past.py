"""What a project's past says about its next builds: the history of its files, and the times of a build's steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from optimizer.repository import may_be_in_one

if TYPE_CHECKING:
    from optimizer.history import History, NoHistory
    from optimizer.verify.progress import Step


class Past:
    """Read when it is first asked for, and once: git is not started for a file in which nothing could move."""

    def __init__(self, context: str | None, dockerfile: str | None, timings: str = "", newest: str = "HEAD") -> None:
        """
        :param context: the folder of the build context, if there is one.
        :param dockerfile: None where it does not come from a file.
        :param timings: a build's log in raw JSON.
        :param newest: the commit with which the history ends.
        """
        self._context = context
        self._dockerfile = dockerfile
        self._timings = timings
        self._newest = newest

    @property
    def at_hand(self) -> bool:
        """Whether the history is known without starting git."""
        return "history" in self.__dict__ or self.is_none

    @cached_property
    def is_none(self) -> bool:
        """Whether there is no history, as far as that is known without starting git."""
        return self._context is None or not may_be_in_one(self._context)

    @cached_property
    def history(self) -> History | NoHistory:
        from optimizer.history.change import NO_REPOSITORY, NoHistory

        if self._context is None:
            return NoHistory("there is no build context")
        if self.is_none:
            return NoHistory(NO_REPOSITORY)
        from optimizer.history.reading import Limits, read_history

        return read_history(self._context, self._dockerfile, Limits(newest=self._newest))

    @cached_property
    def timings(self) -> Sequence[Step]:
        """The measured steps.

        :raises TimingsError: where the log cannot be used.
        """
        if not self._timings:
            return ()
        from optimizer.cost.timings import read_timings

        return read_timings(self._timings)


class Known(Past):
    """A past that is given, for tests and for what is not in git."""

    def __init__(self, history: History | NoHistory, timings: Sequence[Step] = ()) -> None:
        self.__dict__.update(history=history, timings=timings, is_none=False)
