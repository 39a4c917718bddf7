from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.bot import forge as forges
from optimizer.bot import github, http
from optimizer.bot.github import GitHub
from optimizer.bot.gitlab import GitLab
from optimizer.bot.journal import Outcome
from optimizer.bot.secret import Token
from optimizer.bot.visit import How, visit
from tests.bot.forge import TOKEN, Forge, serving

FLASK = """\
FROM python:3.11
RUN apt-get update
RUN apt-get install -y curl
WORKDIR /srv
ADD . /srv
RUN pip install -r requirements.txt
"""
APP: dict[str, bytes | str | None] = {"Dockerfile": FLASK, "requirements.txt": "flask\n", "app.py": "print()\n"}

Visit = Callable[..., Outcome]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "builds: builds images, and is skipped where no builder answers")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked again is asked again soon, and of nobody but this machine."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(github, "PACE", (0.001, 0.001))
    monkeypatch.setattr(http, "PAUSE", 0.001)


@pytest.fixture(params=["gitlab", "github"])
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forge]:
    with serving(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[Forge]:
    with serving("gitlab", tmp_path) as found:
        yield found


def client(forge: Forge, token: str = TOKEN) -> forges.Forge:
    return (GitLab if forge.kind == "gitlab" else GitHub)(forge.url, Token(token))


def look(forge: Forge, path: str = "group/app", token: str = TOKEN, tell: Any = None, **how: Any) -> Outcome:
    """One visit of the bot, with a client of its own, as a new process would have it."""
    return visit(client(forge, token), Token(token), path, How(**how), tell or (lambda line: None))
