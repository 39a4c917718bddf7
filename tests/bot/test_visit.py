"""One repository, visit after visit, on a forge with a state: by the real clients and real git."""

from __future__ import annotations

import pytest

from optimizer.bot.git import Access, Identity
from optimizer.bot.plan import marked
from optimizer.bot.secret import Token
from optimizer.bot.tree import cloned, last_of
from optimizer.history import History
from optimizer.history.reading import read_history
from tests.bot.conftest import APP, FLASK, look
from tests.bot.forge import TOKEN, Forge, Project

BETTER = """\
FROM python:3.11
RUN apt-get update && \\
    apt-get install -y curl && \\
    rm -rf /var/lib/apt/lists/*
WORKDIR /srv
COPY requirements.txt /srv/
RUN pip install --no-cache-dir -r requirements.txt
COPY . /srv
"""
BRANCH = "dockopt/all"


@pytest.fixture
def project(forge: Forge) -> Project:
    return forge.add("group/app", APP)


def commits(project: Project, branch: str = BRANCH) -> list[str]:
    return project.git("log", "--reverse", "--format=%s", f"main..{branch}").splitlines()


def person_commits(project: Project) -> str:
    return project.commit({"app.py": "print('mine')\n"}, BRANCH, "My own change")


def test_opens_one_request_with_a_commit_a_transform(forge: Forge, project: Project) -> None:
    before = project.heads()["main"]
    outcome = look(forge)
    assert outcome.status == "opened"
    assert outcome.fixes == {
        "copy_over_add": 1,
        "manifests_first": 1,
        "update_with_install": 1,
        "clean_package_caches": 2,
    }
    (request,) = project.requests.values()
    assert (request.source, request.target, request.state) == (BRANCH, "main", "open")
    assert outcome.requests[0].url.endswith(f"/{request.number}")
    assert [each.partition(":")[0] for each in commits(project)] == [
        "copy_over_add",
        "manifests_first",
        "update_with_install",
        "clean_package_caches",
    ]
    assert project.read(BRANCH, "Dockerfile") == BETTER.rstrip("\n")
    assert project.heads()["main"] == before
    assert "| `Dockerfile:2` | `clean_package_caches` | the layer keeps the package lists of apt" in request.text
    assert marked(request.text) == outcome.requests[0].plan


def test_each_commit_is_a_whole_rewrite(forge: Forge, project: Project) -> None:
    look(forge)
    texts = [project.git("show", f"{each}:Dockerfile") for each in project.git("rev-list", f"main..{BRANCH}").split()]
    for text in texts:
        assert text.startswith("FROM python:3.11\n")
        assert "apt-get install -y curl" in text
        assert "pip install" in text
        assert "/srv" in text
    assert len(set(texts)) == 4


def test_a_second_visit_does_nothing(forge: Forge, project: Project) -> None:
    look(forge)
    heads, writes = project.heads(), len(forge.writes())
    assert look(forge).status == "unchanged"
    assert (project.heads(), len(forge.writes())) == (heads, writes)


def test_a_change_elsewhere_does_not_disturb(forge: Forge, project: Project) -> None:
    look(forge)
    heads, writes = project.heads(), len(forge.writes())
    project.commit({"app.py": "print(2)\n"})
    assert look(forge).status == "unchanged"
    assert (project.heads()[BRANCH], len(forge.writes())) == (heads[BRANCH], writes)


def test_another_plan_updates_the_same_request(forge: Forge, project: Project) -> None:
    look(forge)
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    outcome = look(forge)
    (request,) = project.requests.values()
    assert outcome.status == "updated"
    assert marked(request.text) == outcome.requests[0].plan
    assert "wget" in project.read(BRANCH, "Dockerfile")
    assert project.git("merge-base", "main", BRANCH) == project.heads()["main"]
    assert look(forge).status == "unchanged"


def test_a_persons_commits_stay_and_a_comment_says_what_is_new(forge: Forge, project: Project) -> None:
    look(forge)
    theirs = person_commits(project)
    assert look(forge).status == "unchanged"
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    assert look(forge).status == "commented"
    (request,) = project.requests.values()
    assert project.heads()[BRANCH] == theirs
    assert "-RUN apt-get install -y wget" in request.comments[0]
    assert look(forge).status == "unchanged"
    assert len(request.comments) == 1


def test_a_commit_that_a_person_dropped_is_not_put_back(forge: Forge, project: Project) -> None:
    look(forge)
    project.git("update-ref", f"refs/heads/{BRANCH}", f"{BRANCH}~1")
    kept = project.heads()[BRANCH]
    assert last_of(project.git("cat-file", "commit", kept)) == ""
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    assert look(forge).status == "commented"
    assert project.heads()[BRANCH] == kept


def test_what_a_person_closed_is_not_opened_again(forge: Forge, project: Project) -> None:
    look(forge)
    project.requests[1].state = "closed"
    assert look(forge).status == "declined"
    project.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert look(forge).status == "declined"
    assert len(project.requests) == 1


def test_what_a_person_closed_is_not_opened_again_for_a_change_elsewhere_in_the_file(forge: Forge) -> None:
    far = "".join(f"ENV V{number}=1\n" for number in range(9))
    project = forge.add(
        "group/app", {"Dockerfile": FLASK.replace("WORKDIR", f"{far}WORKDIR").replace("ADD", f"{far}ADD")}
    )
    assert look(forge).status == "opened"
    project.requests[1].state = "closed"
    project.commit({"Dockerfile": project.read("main", "Dockerfile").replace("V4=1", "V4=2") + "\n"})
    assert look(forge).status == "declined"


def test_what_a_person_closed_is_opened_again_when_it_is_something_else(forge: Forge, project: Project) -> None:
    look(forge)
    project.requests[1].state = "closed"
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    assert look(forge).status == "opened"
    assert [each.state for each in project.requests.values()] == ["closed", "open"]


def test_nothing_left_closes_the_own_request_and_takes_the_branch_away(forge: Forge, project: Project) -> None:
    look(forge)
    project.commit({"Dockerfile": BETTER})
    assert look(forge).status == "closed"
    assert project.requests[1].state == "closed"
    assert BRANCH not in project.heads()
    project.commit({"Dockerfile": FLASK})
    assert look(forge).status == "opened", "it was the bot that closed it, not a person"


def test_nothing_left_keeps_a_branch_with_a_persons_commits(forge: Forge, project: Project) -> None:
    look(forge)
    person_commits(project)
    project.commit({"Dockerfile": BETTER})
    assert look(forge).status == "unchanged"
    assert project.requests[1].state == "open"


def test_a_dockerfile_that_cannot_be_read_closes_nothing(forge: Forge, project: Project) -> None:
    look(forge)
    project.commit({"Dockerfile": "FRM python\n"})
    outcome = look(forge)
    assert outcome.message.startswith(("Dockerfile:1", "some Dockerfiles"))
    assert project.requests[1].state == "open"


def test_a_repository_without_anything_to_do(forge: Forge) -> None:
    forge.add("group/app", {"README.md": "x"})
    assert look(forge).status == "nothing"
    assert forge.writes() == []


def test_a_dry_run_says_everything_and_does_nothing(forge: Forge, project: Project) -> None:
    said: list[str] = []
    heads = project.heads()
    outcome = look(forge, tell=said.append, dry_run=True)
    assert (outcome.status, outcome.dry) == ("opened", True)
    assert (forge.writes(), project.heads()) == ([], heads)
    text = "\n".join(said)
    assert "would open a request on branch dockopt/all" in text
    assert "  manifests_first: dependencies are installed before the sources are copied\n" in text
    assert "-ADD . /srv\n" in text
    assert "### How to switch things off" in text


def test_the_settings_of_the_repository_count(forge: Forge, project: Project) -> None:
    settings = """\
        ignore = ["manifests_first"]
        [bot]
        branch = "bots/dockopt"
        title = "build: "
        labels = ["docker", "chore"]
        assignees = ["ada"]
        reviewers = ["grace", "nobody"]
        draft = true
    """
    project.commit({".dockopt.toml": settings})
    assert look(forge).status == "opened"
    (request,) = project.requests.values()
    assert request.source == "bots/dockopt/all"
    assert request.title.removeprefix("Draft: ") == "build: Make Docker builds smaller and faster"
    assert request.labels == ["docker", "chore"]
    assert request.draft
    assert "manifests_first" not in "".join(commits(project, request.source))
    assert commits(project, request.source)[0].startswith("build: copy_over_add: ")
    if forge.kind == "gitlab":
        assert (request.assignees, request.reviewers) == ([2], [3])
    else:
        assert (request.assignees, request.reviewers) == (["ada"], ["grace"])


def test_a_request_that_is_no_draft_any_more_stays_so(gitlab: Forge) -> None:
    project = gitlab.add("group/app", {**APP, ".dockopt.toml": "[bot]\ndraft = true\n"})
    look(gitlab)
    project.requests[1].title = project.requests[1].title.removeprefix("Draft: ")
    project.requests[1].draft = False
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")})
    assert look(gitlab).status == "updated"
    assert not project.requests[1].title.startswith("Draft: ")


def test_wrong_settings_are_told_with_their_place(forge: Forge, project: Project) -> None:
    project.commit({".dockopt.toml": "[bot]\nlabel = ['x']\n"})
    outcome = look(forge)
    assert outcome.status == "failed"
    assert outcome.message == ".dockopt.toml:2:1: bot.label: there is no such setting: did you mean labels?"


def test_a_request_a_directory(forge: Forge, project: Project) -> None:
    project.commit({
        ".dockopt.toml": "[bot]\nrequest_per = 'directory'\nmax_open = 2\n",
        "one/Dockerfile": FLASK, "one/requirements.txt": "x\n", "two words/Dockerfile": FLASK,
    })  # fmt: skip
    outcome = look(forge)
    assert [each.status for each in outcome.requests] == ["opened", "opened", "postponed"]
    assert outcome.status == "postponed"
    names = [each.source for each in project.requests.values()]
    assert names == ["dockopt/one", "dockopt/root"]
    assert project.git("diff", "--name-only", "main...dockopt/one") == "one/Dockerfile"
    project.requests[1].state = "merged"
    project.commit({"one/Dockerfile": project.read("dockopt/one", "one/Dockerfile")})
    assert look(forge).status == "opened"
    (third,) = [each for each in project.open() if each.number == 3]
    assert third.source.startswith("dockopt/two-words-")


def test_a_directory_that_is_gone_has_its_request_closed(forge: Forge, project: Project) -> None:
    project.commit({".dockopt.toml": "[bot]\nrequest_per = 'directory'\n", "one/Dockerfile": FLASK})
    look(forge)
    project.commit({"one/Dockerfile": None})
    outcome = look(forge)
    assert {each.branch: each.status for each in outcome.requests} == {
        "dockopt/one": "closed",
        "dockopt/root": "unchanged",
    }


def test_another_target_than_the_default_branch(forge: Forge, project: Project) -> None:
    project.commit({"Dockerfile": FLASK.replace("curl", "wget")}, "next")
    project.commit({".dockopt.toml": "[bot]\ntarget = 'next'\n"})
    assert look(forge).status == "opened"
    (request,) = project.requests.values()
    assert request.target == "next"
    assert "wget" in project.read(BRANCH, "Dockerfile")


def test_a_target_that_is_not_there(forge: Forge, project: Project) -> None:
    project.commit({".dockopt.toml": "[bot]\ntarget = 'next'\n"})
    assert look(forge).message == "it is empty, or has no branch that requests could be for"


def test_what_earlier_commits_changed_is_known_without_what_their_files_held(gitlab: Forge) -> None:
    project = gitlab.add("group/app", APP)
    held = []
    for number in range(4):
        project.commit({"app.py": f"print({number})\n"})
        held.append(project.git("rev-parse", "main:app.py"))
    access = Access(f"{gitlab.url}/group/app.git", "oauth2", Token(TOKEN))
    with cloned(access, "main", Identity(), history=3) as tree:
        history = read_history(str(tree.root), str(tree.root / "Dockerfile"))
        assert isinstance(history, History)
        assert [each.paths for each in history.commits] == [{"app.py"}] * 3
        objects = tree.git.local("rev-list", "--objects", "--missing=print", tree.commit).decode().split()
        assert [f"?{each}" in objects for each in held] == [True, True, True, False]
    assert look(gitlab, history=3).status == "opened"


def test_switched_off(forge: Forge, project: Project) -> None:
    project.commit({"pyproject.toml": "[tool.dockopt.bot]\nenabled = false\n"})
    outcome = look(forge)
    assert (outcome.status, outcome.message) == ("skipped", "switched off by its settings")


def test_opt_in_waits_to_be_let_in(forge: Forge, project: Project) -> None:
    assert look(forge, opt_in=True).status == "skipped"
    assert project.requests == {}
    assert look(forge, opt_in=True, onboard=True).status == "opened"
    assert look(forge, opt_in=True, onboard=True).status == "unchanged"
    (request,) = project.requests.values()
    assert (request.source, request.state) == ("dockopt/onboarding", "open")
    request.state = "merged"
    project.git("update-ref", "refs/heads/main", request.source)
    project.git("update-ref", "-d", "refs/heads/dockopt/onboarding")
    assert look(forge, opt_in=True, onboard=True).status == "opened"
    assert [each.source for each in project.open()] == [BRANCH]


def test_who_does_not_let_it_in_is_not_asked_again(forge: Forge, project: Project) -> None:
    look(forge, opt_in=True, onboard=True)
    project.requests[1].state = "closed"
    assert look(forge, opt_in=True, onboard=True).status == "declined"
    assert len(project.requests) == 1


def test_no_request_is_opened_past_the_limit(forge: Forge, project: Project) -> None:
    assert look(forge, may_open=0).status == "postponed"
    assert (forge.writes(), list(project.heads())) == ([], ["main"])


def test_files_beside_the_dockerfile_and_their_modes(forge: Forge, project: Project) -> None:
    from optimizer.tasks import Ask

    project.commit({".env": "PASSWORD=hunter22\n"})
    look(forge, ask=Ask(suggested=True))
    changed = project.git("diff", "--raw", "--abbrev=4", "main", BRANCH).splitlines()
    assert [(line.split()[1], line.split()[4], line.split()[5]) for line in changed] == [
        ("100644", "A", ".dockerignore"),
        ("100644", "M", "Dockerfile"),
    ]


def test_secrets_are_not_repeated(forge: Forge, project: Project) -> None:
    leaky = FLASK.replace(
        "WORKDIR", "ARG API_TOKEN=hunter22hunter22\nENV PIP_INDEX_URL=https://me:hunter22@pypi.example/\nWORKDIR"
    )
    project.commit({"Dockerfile": leaky})
    outcome = look(forge)
    assert "hunter22" not in project.requests[1].text
    assert "hunter22" not in repr(outcome)
    assert "hunter22" not in project.git("log", "--format=%B", f"main..{BRANCH}")
