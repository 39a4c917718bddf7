"""Many repositories: which of them are this run's, how many requests it may open, and who does the work."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import Any, NamedTuple

from optimizer.bot.journal import Outcome
from optimizer.bot.work import Job, Report, work

HOUR = 3600.0
LOST = "the process that worked on it was lost, more than once"
TRIES = 3
"""How often a repository is given to a process, if processes are lost with it."""


class Shard(NamedTuple):
    """The part of the repositories that this run works on: number from 1 to total."""

    number: int = 1
    total: int = 1

    def holds(self, path: str) -> bool:
        """Whether a repository is in this part; it is in exactly one, whatever others there are."""
        return int(hashlib.sha256(path.encode()).hexdigest(), 16) % self.total == self.number - 1


def shard(text: str) -> Shard:
    """Read ``i/n``.

    :raises ValueError: where it is something else.
    """
    number, _, total = text.partition("/")
    if not (number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total)):
        raise ValueError(f"{text!r} is no part like 1/8, the first of eight")
    return Shard(int(number), int(total))


def left(paths: Iterable[str], part: Shard, earlier: Iterable[Outcome]) -> list[str]:
    """The repositories of a part that earlier runs have not brought to an end; each once, in their order."""
    last = {outcome.project: outcome for outcome in earlier if not outcome.dry}
    done = {path for path, outcome in last.items() if outcome.final}
    return [path for path in dict.fromkeys(paths) if part.holds(path) and path not in done]


class Limits(NamedTuple):
    """How many requests may be opened; None for as many as there are."""

    run: int | None = None
    hour: int | None = None


class Budget:
    """The requests that may still be opened. What has been handed out counts until it comes back."""

    def __init__(self, limits: Limits, earlier: Iterable[Outcome], clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        self._opened = [outcome.at for outcome in earlier if not outcome.dry for _ in range(outcome.opened)]
        self._in_run = 0
        self.out = 0
        """Handed out, and not yet back."""

    @property
    def limited(self) -> bool:
        return self._limits != Limits()

    def free(self) -> int:
        """How many more may be handed out."""
        run, hour = self._limits
        now = self._clock()
        recent = sum(at > now - HOUR for at in self._opened)
        lefts = [] if run is None else [run - self._in_run]
        lefts += [] if hour is None else [hour - recent]
        return max(min(lefts, default=1_000_000) - self.out, 0)

    def back(self, granted: int, outcome: Outcome) -> None:
        """Take back what was handed out for a repository, less what it has opened, or would have in a dry run."""
        self.out -= granted
        self._in_run += outcome.opened
        self._opened += [self._clock()] * outcome.opened


class Serial(Executor):
    """Does at once what it is given, in this thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _Flight(NamedTuple):
    jobs: tuple[Job, ...]
    granted: int


def run(jobs: Sequence[Job], executor: Executor, budget: Budget, *, width: int = 1, batch: int = 1) -> Iterator[Report]:
    """Do the jobs, and give the reports as they come.

    Where an executor loses a batch with the process that had it, its jobs are done again, one by one.

    :param width: how many batches are under way at a time.
    :param batch: how many repositories are handed on together.
    """
    waiting = deque(tuple(jobs[at : at + batch]) for at in range(0, len(jobs), batch))
    flying: dict[Future[list[Report]], _Flight] = {}
    losses: dict[str, int] = {}
    while waiting or flying:
        while waiting and len(flying) < width:
            # With a limit each may open one: whoever wants more than is free now waits for those that are under way.
            wanted = len(waiting[0]) if budget.limited else 0
            granted = min(wanted, budget.free())
            if granted < wanted and flying:
                break
            batch_jobs = waiting.popleft()
            budget.out += granted
            if budget.limited:
                batch_jobs = tuple(
                    job._replace(how=job.how._replace(may_open=int(number < granted)))
                    for number, job in enumerate(batch_jobs)
                )
            flying[executor.submit(work, batch_jobs)] = _Flight(batch_jobs, granted)
        done, _ = wait(flying, return_when=FIRST_COMPLETED)
        for future in done:
            flight = flying.pop(future)
            yield from _landed(future, flight, budget, waiting, losses)


def _landed(
    future: Future[list[Report]],
    flight: _Flight,
    budget: Budget,
    waiting: deque[tuple[Job, ...]],
    losses: dict[str, int],
) -> Iterator[Report]:
    if future.exception() is None:
        for job, report in zip(flight.jobs, future.result(), strict=True):
            budget.back(min(job.how.may_open, 1) if budget.limited else 0, report.outcome)
            yield report
        return
    budget.out -= flight.granted
    for job in flight.jobs:
        losses[job.path] = losses.get(job.path, 0) + 1
        if losses[job.path] < TRIES:
            waiting.append((job,))
        else:
            yield Report(Outcome(job.path, "failed", LOST, at=time.time(), again=True))
