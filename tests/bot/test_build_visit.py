"""With --verify: a visit that proposes only what real builds bear out, and says what they have measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.bot.proving import judge
from optimizer.bot.secret import Token
from optimizer.bot.visit import How, visit
from optimizer.verify.builder import Options, Source, find
from tests.bot.conftest import client, look
from tests.bot.forge import TOKEN, Forge
from tests.verify.conftest import chosen
from tests.verify.test_build_fix import GOOD_AND_BAD

__all__ = ["chosen"]


@pytest.mark.builds
def test_only_what_builds_bear_out_is_proposed_with_its_figures(gitlab: Forge, chosen: str) -> None:
    project = gitlab.add("group/app", {"Dockerfile": GOOD_AND_BAD, "file": "text\n"})
    token = Token(TOKEN)
    outcome = visit(client(gitlab), token, "group/app", How(), judge=judge(chosen, 600))
    assert (outcome.status, outcome.message) == ("opened", "")
    assert project.read("dockopt/all", "Dockerfile") == GOOD_AND_BAD.replace("ADD", "COPY").replace(
        "install -y brotli", "install -y --no-install-recommends brotli"
    ).rstrip("\n")
    text = project.requests[1].text
    assert "### Measured by real builds of both versions" in text
    assert "| `Dockerfile` | image, compressed | " in text
    assert "build: without cache" in text
    # some bytes more or less: what a build writes with its times does not compress the same twice
    assert outcome.measured[0].after < 1.001 * outcome.measured[0].before
    assert visit(client(gitlab), token, "group/app", How(), judge=judge(chosen, 600)).status == "unchanged"


@pytest.mark.builds
def test_each_commit_builds(gitlab: Forge, chosen: str, tmp_path: Path) -> None:
    before = GOOD_AND_BAD.replace(
        "RUN apt-get update && apt-get install -y zip", "RUN apt-get update\nRUN apt-get install -y zip"
    )
    project = gitlab.add("group/app", {"Dockerfile": before, "file": "text\n"})
    assert look(gitlab).status == "opened"
    context = tmp_path / "context"
    context.mkdir()
    (context / "file").write_text("text\n")
    commits = project.git("rev-list", "--reverse", "main..dockopt/all").split()
    assert len(commits) == 2
    with find(chosen, Options(timeout=600)) as builder:
        for commit in commits:
            builder.build(Source(project.git("show", f"{commit}:Dockerfile") + "\n", str(context)))
