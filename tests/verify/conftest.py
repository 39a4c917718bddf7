from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from optimizer.verify.builder import Builder, CannotJudge, Options, find

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
        find(name, Options()).close()
    except CannotJudge as error:
        pytest.skip(f"no images can be built here: {error.message}")
    return name


@pytest.fixture
def builder(chosen: str) -> Iterator[Builder]:
    with find(chosen, Options(timeout=1800)) as found:
        yield found
