from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from optimizer.verify.builder import Builder, BuilderError, Options, Source, find
from tests.verify.apps import Proofs, proved

Dockopt = Callable[..., "subprocess.CompletedProcess[str]"]
"""Writes files and runs a command on their folder."""
SAVINGS = pytest.StashKey[list[list[str]]]()
HEAD = ["application", "compressed", "unpacked", "layers", "without cache", "after a change", "after a change"]
PATIENCE = 1500
"""Seconds in which a builder has to come up that is said to be coming."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "builds: builds images, and is skipped where no builder answers")
    config.stash[SAVINGS] = []


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What builds comes last: a builder may be coming up meanwhile."""
    items.sort(key=lambda item: item.get_closest_marker("builds") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if savings := config.stash[SAVINGS]:
        terminalreporter.section("what the rewrites save")
        head = HEAD[: len(savings[0])]
        for cells in (head, ["---"] * len(head), *sorted(savings)):
            terminalreporter.write_line(f"| {' | '.join(cells)} |")


@pytest.fixture
def savings(request: pytest.FixtureRequest) -> list[list[str]]:
    """The rows of a table that is printed below the results."""
    return request.config.stash[SAVINGS]


@pytest.fixture(scope="session")
def chosen() -> str:
    """The name of a builder that answers; the tests that need one are skipped without.

    DOCKOPT_BUILDER_READY names a file: it is there once the builder is up, and says why where it is not coming.
    """
    if ready := os.environ.get("DOCKOPT_BUILDER_READY"):
        end = time.monotonic() + PATIENCE
        while not Path(ready).exists() and time.monotonic() < end:
            time.sleep(1)
        if trouble := Path(ready).read_text().strip() if Path(ready).exists() else "it is not up yet":
            pytest.skip(f"no images can be built here: {trouble}")
    name = os.environ.get("DOCKOPT_BUILDER", "")
    try:
        with find(name, Options(timeout=300)) as found:
            found.build(Source("FROM debian:bookworm-slim\nRUN true\n", None))
    except BuilderError as error:
        last = "".join(f" ({line})" for line in error.lines[-1:])
        pytest.skip(f"no images can be built here: {error.message}{last}")
    return name


@pytest.fixture
def builder(chosen: str) -> Iterator[Builder]:
    with find(chosen, Options(timeout=1800)) as found:
        yield found


@pytest.fixture(scope="session")
def proofs(chosen: str, request: pytest.FixtureRequest) -> Iterator[Proofs]:
    """The applications that the selected tests are about, built and proved."""
    specs = (getattr(item, "callspec", None) for item in request.session.items if "proofs" in item.fixturenames)  # type: ignore[attr-defined]
    with proved([str(spec.params["app"]) for spec in specs if spec], chosen) as found:
        yield found


@pytest.fixture
def dockopt(chosen: str, tmp_path: Path) -> Dockopt:
    """Writes files and runs a command on their folder."""

    def run(files: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        command = [sys.executable, "-m", "optimizer", *words, *(["--builder", chosen] if chosen else []), str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    return run
