from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from optimizer.verify.builder import Builder, BuilderError, Options, Source, find

SAVINGS = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "builds: builds images, and is skipped where no builder answers")
    config.stash[SAVINGS] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if savings := config.stash[SAVINGS]:
        terminalreporter.section("what the rewrites save")
        for line in savings:
            terminalreporter.write_line(line)


@pytest.fixture
def savings(request: pytest.FixtureRequest) -> list[str]:
    """Lines to print below the results."""
    return request.config.stash[SAVINGS]


@pytest.fixture(scope="session")
def chosen() -> str:
    """The name of a builder that answers; the tests that need one are skipped without."""
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
