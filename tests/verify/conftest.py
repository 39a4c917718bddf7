from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from optimizer.verify.builder import Builder, BuilderError, Options, Source, find
from tests.verify.apps import Proofs, prove

Dockopt = Callable[..., "subprocess.CompletedProcess[str]"]
"""Writes files and runs a command on their folder."""
BUILT_ONCE = {"proofs": "app", "variants": "variant"}
"""Fixtures that keep what they have built, each with the parameter that says what that is."""
SAVINGS = "savings"
HEAD = ["application", "compressed", "unpacked", "layers", "without cache", "after a change", "after a change"]
PATIENCE = 1500
"""Seconds in which a builder has to come up that is said to be coming."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "builds: builds images, and is skipped where no builder answers")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What builds comes last: a builder may be coming up meanwhile. Tests of one image are run in a row."""
    for item in items:
        if image := _image(item):
            item.add_marker(pytest.mark.xdist_group(image))
    items.sort(key=lambda item: (item.get_closest_marker("builds") is not None, _image(item)))


def _image(item: pytest.Item) -> str:
    """What a test needs to be built that others need as well."""
    if not isinstance(item, pytest.Function):
        return ""
    return next((str(item.callspec.params[BUILT_ONCE[name]]) for name in BUILT_ONCE if name in item.fixturenames), "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = terminalreporter.getreports("passed")
    savings = [value for report in reports for name, value in report.user_properties if name == SAVINGS]
    if savings:
        terminalreporter.section("what the rewrites save")
        head = HEAD[: len(savings[0])]
        for cells in (head, ["---"] * len(head), *sorted(savings)):
            terminalreporter.write_line(f"| {' | '.join(cells)} |")


@pytest.fixture
def savings(record_property: Callable[[str, object], None]) -> Callable[[list[str]], None]:
    """Takes a row of a table that is printed below the results."""
    return partial(record_property, SAVINGS)


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
def proofs(chosen: str) -> Iterator[Proofs]:
    with closing(Proofs(partial(prove, chosen))) as latest:
        yield latest


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
