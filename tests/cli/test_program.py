"""The program as a process: signals, pipes, the start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from optimizer import __version__
from tests.cli.conftest import AFTER, BEFORE, COMMAND, DIFF, ONLY


def test_a_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    for number in range(300):
        (folder / f"{number}.Dockerfile").write_text(BEFORE)
    command = (*COMMAND, "fix", *ONLY, "-q", "-j1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"--- a/0.Dockerfile\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_cleanly(folder: Path, jobs: str, how: signal.Signals) -> None:
    for number in range(3000):
        (folder / f"{number}.Dockerfile").write_text(BEFORE)
    process = subprocess.Popen(
        (*COMMAND, "fix", *ONLY, "-w", "-j", jobs), stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    assert process.stdout is not None
    process.stdout.readline()  # it has begun to write
    process.send_signal(how)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (128 + how, b"")
    with pytest.raises(ProcessLookupError):  # none is left of those that it started
        os.killpg(process.pid, signal.SIGKILL)
    texts = {path.read_text() for path in folder.iterdir() if path.name != "app.py"}
    assert texts == {BEFORE, AFTER}


def test_the_command_as_it_is_installed(folder: Path) -> None:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run((*COMMAND, *arguments), capture_output=True, text=True, env={**os.environ, **environment})

    assert run("--version").stdout == f"dockopt {__version__}\n"
    assert run("fix", *ONLY, "-q").stdout == DIFF
    assert run("fix", "--check", *ONLY, "-q").returncode == 1
    assert run("--help").stdout.startswith("Usage: dockopt ")
    assert "_DOCKOPT_COMPLETE=complete_bash" in run(_DOCKOPT_COMPLETE="source_bash").stdout
    assert run("fix", "--wrong").stderr.startswith("Usage: dockopt fix ")


def test_one_file_loads_nothing_that_it_does_not_need(folder: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-X", "importtime", "-m", "optimizer", "fix", "Dockerfile"), capture_output=True, text=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "optimizer.engine" in loaded
    heavy = "asyncio concurrent dockerfile_parse hcl2 json libcst logging multiprocessing rich tempfile tomllib yaml"
    assert loaded.isdisjoint(heavy.split())
