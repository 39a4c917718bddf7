"""A Dask cluster on this machine: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from optimizer.bot.journal import read
from tests.bot.forge import Forge
from tests.bot.test_run import ROOT, environment

PATHS = [f"fleet/app{number:02}" for number in range(40)]


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    env = environment(DASK_DISTRIBUTED__WORKER__DAEMON="false")
    program = [sys.executable, "-m", "dask"]
    processes = [
        subprocess.Popen([*program, "scheduler", "--host", address, "--no-dashboard"], env=env, **quiet)  # type: ignore[call-overload]
    ]
    try:
        for number in range(2):
            worker = [
                *program,
                "worker",
                address,
                "--no-nanny",
                "--no-dashboard",
                "--nthreads",
                "1",
                "--host",
                "127.0.0.1",
            ]
            worker += ["--name", f"w{number}", "--local-directory", str(folder / f"w{number}")]
            processes.append(subprocess.Popen(worker, env=env, **quiet))  # type: ignore[call-overload]
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture
def fleet(gitlab: Forge) -> Forge:
    for path in PATHS:
        gitlab.add(path, {"Dockerfile": "FROM alpine:3.20\nADD app.py /srv/\n", "app.py": "x\n"})
    return gitlab


def test_all_results_arrive_though_a_worker_is_killed(fleet: Forge, tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    with cluster(tmp_path) as (address, workers):
        command = [
            sys.executable, "-m", "optimizer", "bot", "run", "--forge", "gitlab", "--url", fleet.url,
            "--group", "fleet", "--scheduler", address, "--results", str(results),
        ]  # fmt: skip
        run = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 90
        while sum(bool(each.requests) for each in fleet.projects.values()) < 10:
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        workers[0].kill()
        out, err = run.communicate(timeout=120)
    assert run.returncode == 0, (out, err)
    outcomes = list(read(str(results)))
    assert sorted(outcome.project for outcome in outcomes) == PATHS
    assert {outcome.status for outcome in outcomes} <= {"opened", "unchanged"}
    assert [len(project.requests) for project in fleet.projects.values()] == [1] * len(PATHS)
