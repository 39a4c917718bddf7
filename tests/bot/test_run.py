"""The program `dockopt bot run`, in a process of its own, and everything that a forge can say to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.bot.journal import read
from tests.bot.conftest import APP, FLASK, client, look
from tests.bot.forge import TOKEN, Answer, Fault, Forge, Seen, serving

ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "DOCKOPT_TOKEN": TOKEN, "NO_PROXY": "127.0.0.1", **more}


def run(forge: Forge, *arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "bot", "run", "--forge", forge.kind, "--url", forge.url, *arguments],
        env=env or environment(), cwd=cwd, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert TOKEN not in done.stdout + done.stderr
    return done.returncode, done.stdout, done.stderr


def always(status: int, content: Any = None, **headers: str) -> Fault:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda seen: (status, content or {"message": f"{status}: go away"}, names)


def times(count: int, fault: Fault, method: str = "") -> Fault:
    """A fault for the first requests of a method."""
    left = [count]

    def faulty(seen: Seen) -> Answer | float | None:
        if left[0] and seen.method in (method, seen.method if not method else ""):
            left[0] -= 1
            return fault(seen)
        return None

    return faulty


def test_one_repository(forge: Forge) -> None:
    forge.add("group/app", APP)
    status, out, err = run(forge, "--project", "group/app")
    assert (status, err) == (0, "")
    assert out.startswith(f"group/app: opened  {forge.url}/group/app/")


def test_in_ci_it_works_on_its_own_repository(forge: Forge) -> None:
    forge.add("group/app", APP)
    own = (
        {"CI_SERVER_URL": forge.url, "CI_PROJECT_PATH": "group/app", "GITLAB_CI": "true"}
        if forge.kind == "gitlab"
        else {"GITHUB_SERVER_URL": forge.url, "GITHUB_REPOSITORY": "group/app", "GITHUB_ACTIONS": "true"}
    )
    done = subprocess.run(
        [sys.executable, "-m", "optimizer", "bot", "run"], env=environment(**own), capture_output=True, text=True,
        cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("group/app: opened")


def test_a_group_a_topic_and_a_list(forge: Forge, tmp_path: Path) -> None:
    for number in range(3):
        forge.add(f"group/app{number}", APP, topics=("docker",) if number else ())
    forge.add("other/app", APP)
    assert run(forge, "--group", "group", "--dry-run", "--per-run", "2")[2] == "3 repositories: 2 opened, 1 postponed\n"
    assert forge.writes() == []
    status, _, err = run(forge, "--group", "group", "--topic", "docker", "--per-run", "1")
    assert (status, err) == (0, "2 repositories: 1 opened, 1 postponed\n")
    (tmp_path / "repos").write_text(f"# these\nother/app\n{forge.url}/group/app0.git\n\nother/app\n")
    status, _, err = run(forge, "--repos", str(tmp_path / "repos"), "--jobs", "2")
    assert (status, err) == (0, "2 repositories: 2 opened\n")
    assert sum(len(each.open()) for each in forge.projects.values()) == 3


def test_the_token_comes_from_a_file(forge: Forge, tmp_path: Path) -> None:
    forge.add("group/app", APP)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    env = environment(DOCKOPT_TOKEN="wrong")
    status, _, _ = run(forge, "--project", "group/app", "--token-file", str(tmp_path / "token"), env=env)
    assert status == 0


USAGE = {
    "no token": (["--project", "a/b"], {"DOCKOPT_TOKEN": ""}, "no token in the environment (DOCKOPT_TOKEN, "),
    "no token file": (["--project", "a/b", "--token-file", "/nowhere"], {}, "/nowhere: the token cannot be read"),
    "no such group": (["--group", "nobody"], {}, "no such repository, group or request"),
    "no list": (["--repos", "/nowhere"], {}, "/nowhere: No such file"),
    "no repository": ([], {}, "name repositories by --project"),
    "a wrong shard": (["--project", "a/b", "--shard", "9/8"], {}, "'9/8' is no part like 1/8"),
    "resume without results": (["--project", "a/b", "--resume"], {}, "--resume goes with --results"),
    "a wrong author": (["--project", "a/b", "--author", "x"], {}, "--author is like"),
    "an unknown transform": (["--project", "a/b", "--ignore", "merge_run"], {}, "did you mean merge_runs"),
    "no scheduler": (["--project", "a/b", "--scheduler", "nothing://x"], {}, "no Dask scheduler answers"),
}


@pytest.mark.parametrize("case", USAGE)
def test_what_cannot_be_done_at_all(gitlab: Forge, case: str) -> None:
    arguments, variables, message = USAGE[case]
    status, out, err = run(gitlab, *arguments, env=environment(**variables))
    assert (status, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())


SAID: dict[str, tuple[Fault, str]] = {
    "401": (always(401), "the token is not accepted (401)"),
    "403": (always(403), "the token may not do this (403): 403: go away"),
    "404": (always(404), "no such repository, group or request, or the token does not see it (404)"),
    "500": (always(500), "the forge is in trouble (500)"),
    "503": (always(503, Retry_After="0"), "the forge is in trouble (503)"),
    "429": (always(429, Retry_After="0"), "the forge is asked too often (429)"),
    "429 for long": (always(429, Retry_After="3600"), "the forge is asked too often (429)"),
    "403 for a limit": (always(403, {"message": "API rate limit exceeded"}), "the forge is asked too often (403)"),
    "no json": (always(200, b"<html>"), "what answers there is no Git"),
}


@pytest.mark.parametrize("case", SAID)
def test_what_a_forge_may_say_is_one_line_and_the_others_go_on(
    forge: Forge, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault, message = SAID[case]
    forge.add("group/app", APP)
    forge.add("group/fine", APP)
    forge.faults.append(lambda seen: fault(seen) if "app" in seen.path else None)
    outcomes = [look(forge, path) for path in ("group/app", "group/fine")]
    assert [each.status for each in outcomes] == ["failed", "opened"]
    assert message in outcomes[0].message
    assert "\n" not in outcomes[0].message
    assert outcomes[0].again == (case[0] in "45" and case not in ("401", "403", "404"))
    assert "internal error" not in outcomes[0].message


def test_github_says_by_403_too_that_it_is_asked_too_often(tmp_path: Path) -> None:
    with serving("github", tmp_path) as forge:
        forge.add("group/app", APP)
        forge.faults.append(times(1, always(403, Retry_After="0"), "GET"))
        assert look(forge).status == "opened"
        forge.faults.append(always(403, Retry_After="3600"))
        outcome = look(forge)
        assert outcome.message == "the forge is asked too often (403): go on in 3600 seconds"
        assert outcome.again


def test_a_forge_that_takes_too_long(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    from optimizer.bot import github, gitlab, http

    for module in (github, gitlab):
        monkeypatch.setattr(module, "TIMEOUT", 1)
    monkeypatch.setattr(http, "TRIES", 0)
    forge.add("group/app", APP)
    forge.faults.append(lambda seen: 1.5)
    outcome = look(forge)
    assert (outcome.status, outcome.again) == ("failed", True)
    assert outcome.message == "the forge takes too long for an answer (timeout)"


def test_a_forge_that_is_not_there(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    forge.url = "http://127.0.0.1:9"
    outcome = look(forge)
    assert outcome.message == "the forge cannot be reached: is its address right?"


def test_a_wrong_token(forge: Forge) -> None:
    forge.add("group/app", APP)
    outcome = look(forge, token="wrong-Token_987654")
    assert outcome.message.startswith("the token is not accepted (401)")
    assert "wrong-Token" not in repr(outcome)


def test_it_asks_again_after_a_hiccup(forge: Forge) -> None:
    forge.add("group/app", APP)
    forge.faults += [times(2, always(502), "GET"), times(1, always(429, Retry_After="1"), "POST")]
    assert look(forge).status == "opened"
    assert len(forge.projects["group/app"].requests) == 1


@pytest.mark.parametrize("status", [500, 502])
def test_what_is_uncertain_is_not_done_twice(forge: Forge, status: int) -> None:
    """The forge opens the request and then fails to say so."""
    project = forge.add("group/app", APP)
    lost = [True]

    def losing(seen: Seen) -> Answer | None:
        if seen.method == "POST" and lost:
            lost.clear()
            forge.answer(seen, seen.path, TOKEN, "application/json", json.dumps(seen.body).encode())
            return status, {"message": "oh"}, {}
        return None

    forge.faults.append(losing)
    first = look(forge)
    assert (first.status, first.again) == ("failed", True)
    assert look(forge).status == "unchanged"
    assert len(project.requests) == 1


def test_a_conflict_is_another_run_that_was_faster(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    look(forge)
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    hidden = [True]

    def hiding(seen: Seen) -> Answer | None:
        """The first listing of requests comes from before the other run."""
        if seen.method == "GET" and seen.path.endswith(("/merge_requests", "/pulls")) and hidden:
            hidden.clear()
            return 200, [], {}
        return None

    forge.faults.append(hiding)
    assert look(forge).status == "opened"
    assert len(project.requests) == 1
    assert look(forge).status == "unchanged"


def test_what_the_forge_does_not_take_leaves_no_branch_behind(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    said = {"message": "Validation Failed", "errors": [{"message": "no requests here"}]}
    forge.faults.append(times(1, always(422, said), "POST"))
    outcome = look(forge)
    assert outcome.status == "failed"
    assert "(422)" in outcome.requests[0].message
    assert list(project.heads()) == ["main"]


def test_archived_empty_and_read_only_repositories(forge: Forge) -> None:
    forge.add("group/old", APP, archived=True)
    forge.add("group/empty")
    forge.add("group/read", APP, access=20)
    messages = {path: (look(forge, path).status, look(forge, path).message) for path in forge.projects}
    assert messages["group/old"] == ("skipped", "it is archived")
    assert messages["group/empty"][0] == "skipped"
    assert messages["group/empty"][1].startswith("it is empty")
    assert messages["group/read"][0] == "failed"
    assert "may not push" in messages["group/read"][1]


def test_a_protected_branch(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    hook = project.repository / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\necho 'GitLab: You are not allowed to push code to protected branches on this project.'\nexit 1\n"
    )
    hook.chmod(0o755)
    outcome = look(forge)
    assert outcome.status == "failed"
    assert outcome.message == "the branch is protected: let the bot push to it"
    assert project.requests == {}


def test_the_rules_of_a_server_are_told(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    hook = project.repository / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'Commit author must be \033[1ma member'\nexit 1\n")
    hook.chmod(0o755)
    assert look(forge).message == "the push is refused: Commit author must be \\x1b[1ma member"


@pytest.mark.parametrize(
    ("status", "message", "again"),
    [
        (403, "the forge refuses git (403): give the token the right to read this repository", False),
        (404, "no such repository, or the token does not see it (404)", False),
        (429, "the forge answers git with 429", True),
        (502, "the forge answers git with 502", True),
    ],
)
def test_what_git_is_told(forge: Forge, status: int, message: str, again: bool) -> None:
    forge.add("group/app", APP)
    forge.git_faults.append(always(status))
    outcome = look(forge)
    assert (outcome.status, outcome.message, outcome.again) == ("failed", message, again)


def test_a_branch_that_moves_meanwhile_is_not_overwritten(forge: Forge) -> None:
    project = forge.add("group/app", APP)
    look(forge)
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    moved: list[str] = []

    def moving(seen: Seen) -> None:
        if "git-receive-pack" in seen.query and not moved:
            moved.append(project.commit({"app.py": "mine"}, "dockopt/all", "Mine"))

    forge.git_faults.append(moving)
    outcome = look(forge)
    assert (outcome.status, outcome.again) == ("failed", True)
    assert outcome.message == "the branch was changed meanwhile"
    assert project.heads()["dockopt/all"] == moved[0]
    assert look(forge).status == "commented"


def test_results_are_written_down_and_resumed(gitlab: Forge, tmp_path: Path) -> None:
    paths = [f"group/app{number}" for number in range(4)]
    for path in paths:
        gitlab.add(path, APP)
    results = tmp_path / "results.jsonl"
    arguments = ["--group", "group", "--results", str(results), "--per-run", "2"]
    assert run(gitlab, *arguments)[0] == 0
    assert run(gitlab, *arguments, "--resume")[2] == "2 repositories: 2 opened\n"
    assert [(each.project, each.status) for each in read(str(results))] == [
        *((path, "opened") for path in paths[:2]),
        *((path, "postponed") for path in paths[2:]),
        *((path, "opened") for path in paths[2:]),
    ]
    assert run(gitlab, *arguments, "--resume") == (0, "", "")
    assert TOKEN not in results.read_text()


def test_more_repositories_than_fit_on_a_page(forge: Forge, tmp_path: Path) -> None:
    one = forge.add("group/app0", APP)
    for number in range(1, 130):
        forge.projects[f"group/app{number}"] = replace(one, id=number + 1, path=f"group/app{number}")
    found = list(client(forge).projects("group", ""))
    assert sorted(found) == sorted(forge.projects)
