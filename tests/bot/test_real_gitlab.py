"""The visits on a real GitLab: opt-in, by DOCKOPT_GITLAB_URL, DOCKOPT_GITLAB_TOKEN and DOCKOPT_GITLAB_GROUP.

The token's user must be able to make and delete projects in the group. Each test makes a project of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from optimizer.bot.gitlab import GitLab
from optimizer.bot.journal import Outcome
from optimizer.bot.secret import Token
from optimizer.bot.visit import How, visit
from tests.bot.conftest import APP, FLASK
from tests.bot.contract import FOLDER

URL, TOKEN, GROUP = (os.environ.get(f"DOCKOPT_GITLAB_{name}", "") for name in ("URL", "TOKEN", "GROUP"))
OFFICIAL = os.environ.get("DOCKOPT_GITLAB_OPENAPI", "")
real = pytest.mark.skipif(not (URL and TOKEN and GROUP), reason="DOCKOPT_GITLAB_URL, _TOKEN and _GROUP name no GitLab")


@pytest.fixture
def project() -> Iterator[Any]:
    import gitlab

    client = gitlab.Gitlab(URL, private_token=TOKEN)
    namespace = client.groups.get(GROUP).id
    made = client.projects.create({"name": f"dockopt-{time.time_ns()}", "namespace_id": namespace})
    try:
        commit(made, APP, "create")
        yield made
    finally:
        made.delete()


def commit(project: Any, files: dict[str, Any], action: str = "update", branch: str = "main") -> None:
    actions = [{"action": action, "file_path": path, "content": text} for path, text in files.items()]
    project.commits.create({"branch": branch, "commit_message": "Change", "actions": actions})


def look(project: Any) -> Outcome:
    return visit(GitLab(URL, Token(TOKEN)), Token(TOKEN), project.path_with_namespace, How())


@real
def test_open_unchanged_update_close(project: Any) -> None:
    assert [look(project).status for _ in range(2)] == ["opened", "unchanged"]
    commit(project, {"Dockerfile": FLASK.replace("curl", "wget")})
    assert look(project).status == "updated"
    (request,) = project.mergerequests.list(state="opened")
    better = project.files.get("Dockerfile", ref=request.source_branch).decode().decode()
    commit(project, {"Dockerfile": better})
    assert look(project).status == "closed"


@real
def test_a_persons_commit_stays(project: Any) -> None:
    look(project)
    commit(project, {"app.py": "print(2)\n"}, branch="dockopt/all")
    commit(project, {"Dockerfile": FLASK.replace("curl", "wget")})
    assert [look(project).status for _ in range(2)] == ["commented", "unchanged"]


@real
def test_closed_by_a_person(project: Any) -> None:
    look(project)
    (request,) = project.mergerequests.list(state="opened")
    request.state_event = "close"
    request.save()
    assert look(project).status == "declined"


@pytest.mark.skipif(not OFFICIAL, reason="DOCKOPT_GITLAB_OPENAPI names no description of GitLab's API")
def test_what_was_written_down_is_what_gitlab_says() -> None:
    """Every parameter and every field of a body is in GitLab's own openapi_v2.yaml, where that has the operation."""
    import yaml

    official = yaml.load(Path(OFFICIAL).read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    ours = json.loads((FOLDER / "gitlab.json").read_text())
    told = []
    for path, methods in ours["paths"].items():
        for method, operation in methods.items():
            theirs = official["paths"].get(f"/api/v4{path}", {}).get(method)
            if theirs is None:  # it tells nothing of notes and discussions
                continue
            told.append((method, path))
            named = {each["name"]: each for each in theirs["parameters"] if each["in"] != "body"}
            for each in operation["parameters"]:
                assert agree(each["schema"], named.get(each["name"])), f"{path}: {each['name']}"
            if body := operation.get("requestBody"):
                (given,) = (each["schema"]["$ref"] for each in theirs["parameters"] if each["in"] == "body")
                fields = official["definitions"][given.rpartition("/")[2]]["properties"]
                for name, schema in body["content"]["application/json"]["schema"]["properties"].items():
                    assert agree(schema, fields.get(name)), f"{path}: {name}"
    requests = "/projects/{id}/merge_requests"
    assert {("post", requests), ("put", f"{requests}/{{merge_request_iid}}"), ("get", "/projects")} <= set(told)


def agree(ours: dict[str, Any], theirs: dict[str, Any] | None) -> bool:
    """Whether GitLab knows it and takes values of that type; a list may always be one text with commas, too."""
    if theirs is None:
        return False
    allowed = [each.get("type") for each in ours.get("anyOf", [ours])]
    return theirs.get("type") in allowed and set(ours.get("enum", ())) <= set(theirs.get("enum", ours.get("enum", ())))
