"""Runs the client of a builder, so that nothing of it stays behind however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import IO, NamedTuple, Self

from optimizer.verify.interrupt import shielded

GRACE = 5.0
"""Seconds that a process has to end after it was asked to, before it is killed."""
TAIL = 40
"""Lines of the end of what a process says that are kept."""


class Ended(NamedTuple):
    """How a process ended. status is negative where a signal ended it, as in subprocess."""

    status: int
    output: bytes
    tail: tuple[str, ...]
    """The last lines that it wrote to standard error."""
    seconds: float
    timed_out: bool


class Process:
    """A program in a session of its own, to be used with ``with``: what is left of it then is killed as a group.

    ``line`` gets each line of standard error as it comes (in another thread). Lines that it answers with True are
    not kept in the tail. Ctrl-C in the terminal does not reach the program: it is ended from here. ``env`` is laid over
    the environment of this process; None takes a variable away.
    """

    def __init__(
        self,
        argv: Sequence[str],
        timeout: float,
        line: Callable[[bytes], bool] = lambda line: False,
        env: Mapping[str, str | None] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self._started = monotonic()
        self._process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={name: value for name, value in {**os.environ, **(env or {})}.items() if value is not None},
        )
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._line = line
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._expired = False
        self._timer = threading.Timer(timeout, self._expire)
        self._timer.daemon = True
        self._timer.start()

    @property
    def output(self) -> IO[bytes]:
        """Its standard output, to be read to the end before ``end``."""
        assert self._process.stdout is not None
        return self._process.stdout

    def end(self) -> Ended:
        """Wait for its end; standard output that was not read is in the answer."""
        output = self.output.read()
        status = self._process.wait()
        self._listener.join(GRACE)
        return Ended(status, output, tuple(self._tail), monotonic() - self._started, self._expired)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with shielded():
            self._timer.cancel()
            self._stop()
            self._listener.join(GRACE)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for raw in self._process.stderr:
            if not self._line(raw):
                self._tail.append(raw.decode("utf-8", "replace").rstrip())

    def _expire(self) -> None:
        self._expired = True
        self._stop()

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._signal(signal.SIGKILL)  # the group may have members that outlive its leader
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)


def run(argv: Sequence[str], timeout: float, env: Mapping[str, str | None] | None = None) -> Ended:
    """Run a program to its end.

    :raises OSError: where it cannot be started.
    """
    with Process(argv, timeout, env=env) as process:
        return process.end()
