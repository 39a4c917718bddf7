"""A child process, and what it cost."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: exit status (None: stopped after its time), seconds, and its own words on stderr."""

    status: int | None
    wall: float
    cpu: float  # user and system, of the child and the children it waited for
    stderr: str


def run(
    command: Sequence[str],
    folder: Path,
    *,
    limit: float = 600.0,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Runs `command` in `folder`, its output thrown away; the whole process group ends at `limit` seconds."""
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        child = _start(command, folder, errors.fileno(), environment)
        stopped = threading.Event()
        timer = threading.Timer(limit, _stop, (child.pid, stopped))
        timer.start()
        try:
            _, code, usage = os.wait4(child.pid, 0)
        finally:
            timer.cancel()
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(code)
        errors.seek(0)
        words = errors.read().decode("utf-8", "replace")
    status = None if stopped.is_set() else child.returncode
    return Ended(status, wall, usage.ru_utime + usage.ru_stime, words)


def peak_memory(command: Sequence[str], folder: Path, *, every: float = 0.02) -> int:
    """The most bytes that a child and all its descendants held at one time.

    Proportional set size, so that pages shared by several processes count once; looked at every `every`
    seconds, since the kernel's own peak (ru_maxrss) is that of the largest single process.
    """
    child = _start(command, folder, subprocess.DEVNULL, None)
    peak = 0
    while child.poll() is None:
        peak = max(peak, sum(_proportional(pid) for pid in _tree(child.pid)))
        time.sleep(every)
    return peak


def _start(
    command: Sequence[str], folder: Path, stderr: int, environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        start_new_session=True,
    )


def _stop(pid: int, stopped: threading.Event) -> None:
    stopped.set()
    os.killpg(pid, signal.SIGKILL)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it ended while we looked
        return
    for child in children:
        yield from _tree(int(child))


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
