"""Suggestions on other people's requests."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.bot.reviewing import added
from tests.bot.conftest import APP, FLASK, look
from tests.bot.forge import Forge, Project, Request

FINE = 'FROM alpine:3.20\nWORKDIR /srv\nCOPY app.py /srv/\nCMD ["python", "app.py"]\n'
THEIRS = 'FROM alpine:3.20\nWORKDIR /srv\nADD app.py /srv/\nCMD ["python", "app.py"]\n'


@pytest.fixture
def project(forge: Forge) -> Project:
    project = forge.add("group/app", {"Dockerfile": FINE, "app.py": "x\n"})
    project.commit({"Dockerfile": THEIRS}, "topic")
    head = project.heads()["topic"]
    main = project.heads()["main"]
    project.git(
        "update-ref", "refs/heads/topic", project.git("commit-tree", f"{head}^{{tree}}", "-p", main, "-m", "Theirs")
    )
    project.requests[1] = Request(1, "topic", "main", "My change", "please", author="ada")
    for ref in ("refs/merge-requests/1/head", "refs/pull/1/head"):
        project.git("update-ref", ref, project.heads()["topic"])
    return project


def comment(forge: Forge, project: Project) -> tuple[Any, str]:
    (found,) = project.requests[1].suggestions
    line = found["position"]["new_line"] if forge.kind == "gitlab" else found["line"]
    return line, found["body"]


def test_the_lines_of_a_request_get_a_suggestion(forge: Forge, project: Project) -> None:
    assert look(forge, review=True).status == "nothing"
    line, body = comment(forge, project)
    assert line == 3
    fence = "```suggestion:-0+0\n" if forge.kind == "gitlab" else "```suggestion\n"
    assert f"{fence}COPY app.py /srv/\n```\n" in body
    assert "(`copy_over_add`)" in body


def test_it_is_said_once(forge: Forge, project: Project) -> None:
    look(forge, review=True)
    look(forge, review=True)
    assert len(project.requests[1].suggestions) == 1


def test_a_dry_run_only_says_it(forge: Forge, project: Project) -> None:
    said: list[str] = []
    look(forge, review=True, dry_run=True, tell=said.append)
    assert project.requests[1].suggestions == []
    assert "would comment on Dockerfile:3" in "\n".join(said)


def test_nothing_is_said_of_lines_that_were_there_before(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    project.commit({"Dockerfile": FLASK + 'CMD ["python"]\n'}, "topic")
    project.requests[1] = Request(1, "topic", "main", "My change", "please", author="ada")
    for ref in ("refs/merge-requests/1/head", "refs/pull/1/head"):
        project.git("update-ref", ref, project.heads()["topic"])
    look(forge, review=True)
    assert project.requests[1].suggestions == []


def test_which_lines_a_patch_writes() -> None:
    assert list(added("@@ -1,3 +1,4 @@\n FROM a\n-RUN b\n+RUN c\n+RUN d\n CMD e\n@@ -9 +10 @@\n-x\n+y\n")) == [2, 3, 10]
