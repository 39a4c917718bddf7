"""Histories of real repositories, whatever state they are in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.history import History, NoHistory
from optimizer.history.reading import DEFAULT, Limits, read_history
from tests.repositories import change, git, repository


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return repository(tmp_path / "project")


def read(context: Path, dockerfile: Path | None = None, limits: Limits = DEFAULT) -> History:
    found = read_history(str(context), str(dockerfile or context / "Dockerfile"), limits)
    assert isinstance(found, History), found
    return found


def reason(context: Path) -> str:
    found = read_history(str(context), str(context / "Dockerfile"))
    assert isinstance(found, NoHistory), found
    assert "\n" not in found.reason
    return found.reason


def paths(history: History) -> list[set[str]]:
    return [set(each.paths) for each in history.commits]


def test_commits_come_newest_first_with_all_that_they_changed(project: Path) -> None:
    change(project, Dockerfile="FROM a\n", old="1")
    change(project, a_py="1", b_py="1")
    change(project)
    last = change(project, a_py="2", old=None)
    history = read(project)
    assert paths(history) == [{"a.py", "old"}, {"a.py", "b.py"}]
    assert history.commits[0].id == last
    assert history.source == "the last 2 commits"
    assert not history.shallow


def test_what_is_recent_weighs_more_and_all_weigh_one(project: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    for number in range(7):
        change(project, f=str(number))
    weights = [each.weight for each in read(project, limits=Limits(half_life=3.0)).commits]
    assert sum(weights) == pytest.approx(1)
    assert weights[0] == pytest.approx(2 * weights[3])
    assert weights == sorted(weights, reverse=True)


def test_a_merge_is_one_change_of_all_that_it_brought(project: Path) -> None:
    change(project, Dockerfile="FROM a\n", main="1")
    git(project, "checkout", "-qb", "side")
    change(project, x="1")
    change(project, y="1")
    git(project, "checkout", "-q", "main")
    change(project, main="2")
    git(project, "merge", "-q", "--no-ff", "-m", "merge", "side")
    assert paths(read(project)) == [{"x", "y"}, {"main"}]


def test_a_rename_is_a_removal_and_an_addition(project: Path) -> None:
    change(project, Dockerfile="FROM a\n", before="the same text\n" * 9)
    git(project, "mv", "before", "after")
    change(project)
    assert paths(read(project)) == [{"before", "after"}]


def test_a_context_below_the_root_counts_what_lies_in_it(project: Path) -> None:
    change(project, app__Dockerfile="FROM a\n", other="1", application="1")
    change(project, other="2", application="2")
    change(project, app__x="1", other="3")
    assert paths(read(project / "app")) == [{"x"}]


def test_a_dockerfile_outside_of_its_context_counts_too(project: Path) -> None:
    change(project, docker__Dockerfile="FROM a\nRUN b\n", app__x="1", other="1")
    change(project, docker__Dockerfile="FROM a\nRUN c\n", other="2")
    change(project, app__x="2")
    history = read(project / "app", project / "docker" / "Dockerfile")
    assert paths(history) == [{"x"}, set()]
    assert [set(each.instructions) for each in history.commits] == [set(), {1}]


def test_a_dockerfile_outside_of_the_repository_is_said_to_be(project: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    change(project, x="1")
    change(project, x="2")
    history = read(project, tmp_path / "Dockerfile")
    assert paths(history) == [{"x"}]
    assert "outside of the repository" in history.source


def test_names_are_taken_as_they_are(project: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    odd = [" x", "é\n/deadbeef", "\n/deadbeef", 'q"uote', ":(top)", "*"]
    for name in odd:
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("")
    change(project)
    assert paths(read(project)) == [set(odd)]


def test_the_name_of_a_context_is_no_pattern(project: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    (project / "*").mkdir()
    (project / "*" / "f").write_text("1")
    change(project)
    change(project, x__f="1")
    assert paths(read(project / "*", project / "Dockerfile")) == [{"f"}]


def test_a_limit_keeps_the_newest(project: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    for number in range(5):
        change(project, **{f"f{number}": "1"})
    assert paths(read(project, limits=Limits(commits=2))) == [{"f4"}, {"f3"}]
    (project / "many").mkdir()
    for number in range(3000):
        (project / "many" / f"{number:060}").write_text("")
    change(project)
    change(project, newest="1")
    assert paths(read(project, limits=Limits(size=1)))[0] == {"newest"}


def test_a_history_may_end_with_an_earlier_commit(project: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    for number in range(5):
        change(project, **{f"f{number}": "1"})
    assert paths(read(project, limits=Limits(newest="HEAD~2")))[0] == {"f2"}
    found = read_history(str(project), None, Limits(newest="HEAD~9"))
    assert isinstance(found, NoHistory)


def test_a_shallow_clone_works_with_what_is_there(project: Path, tmp_path: Path) -> None:
    for number in range(6):
        change(project, Dockerfile=f"FROM a\nRUN {number}\n", **{f"f{number}": "1"})
    git(tmp_path, "clone", "-q", "--depth=3", f"file://{project}", "three")
    history = read(tmp_path / "three")
    assert paths(history) == [{"Dockerfile", "f5"}, {"Dockerfile", "f4"}]  # of the third nobody knows what it changed
    assert [set(each.instructions) for each in history.commits] == [{1}, {1}]
    assert history.shallow
    assert history.source == "the last 2 commits (all that a shallow clone holds)"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{project}", "one")
    assert "--deepen" in reason(tmp_path / "one")


@pytest.mark.parametrize("known", [True, False], ids=["a git that knows GIT_NO_LAZY_FETCH", "an older git"])
def test_a_partial_clone_is_not_completed(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    from optimizer.history import git as asked

    if not known:
        settings = {name: value for name, value in asked.environment().items() if name != "GIT_NO_LAZY_FETCH"}
        monkeypatch.setattr(asked, "environment", lambda: settings)
    git(project, "config", "uploadpack.allowFilter", "true")
    for number in range(4):
        change(project, Dockerfile=f"FROM a\nRUN {number}\n", **{f"f{number}": "1"})
    clone = tmp_path / "partial"
    for what, name in (("blob:none", "partial"), ("tree:0", "treeless")):
        git(tmp_path, "clone", "-q", f"--filter={what}", f"file://{project}", name)
    lacking = git(clone, "rev-list", "--objects", "--missing=print", "HEAD")
    history = read(clone)
    assert paths(history) == [{"Dockerfile", f"f{number}"} for number in (3, 2, 1)]
    assert history.source == "the last 3 commits; 2 of 3 versions of the Dockerfile are not here"
    assert git(clone, "rev-list", "--objects", "--missing=print", "HEAD") == lacking
    assert "partial clone" in reason(tmp_path / "treeless")


def test_a_worktree_and_a_submodule_are_repositories(project: Path, tmp_path: Path) -> None:
    change(project, Dockerfile="FROM a\n")
    change(project, x="1")
    git(project, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert paths(read(tmp_path / "tree")) == [{"x"}]
    above = repository(tmp_path / "above")
    git(above, "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(project), "sub")
    change(above, Dockerfile="FROM a\n")
    assert paths(read(above / "sub")) == [{"x"}]
    change(above / "sub", y="1")
    change(above)
    assert paths(read(above)) == [{"sub"}]  # the submodule as a whole


def test_where_there_is_no_history_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no git repository" in reason(tmp_path)
    assert "not a folder" in reason(tmp_path / "none")
    empty = repository(tmp_path / "empty")
    assert "no commits yet" in reason(empty)
    change(empty, Dockerfile="FROM a\n")
    assert "no change" in reason(empty)
    git(tmp_path, "init", "-q", "--bare", "bare")
    assert "bare" in reason(tmp_path / "bare")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reason(empty) == "git is not installed"


def test_a_context_that_git_does_not_know_has_no_history(project: Path) -> None:
    change(project, x="1")
    change(project, x="2")
    (project / "new").mkdir()
    assert "no change" in reason(project / "new")


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_left_alone_and_the_way_out_is_told(project: Path) -> None:
    change(project, x="1")
    for folder in (project, project / ".git"):
        os.chown(folder, 12345, 12345)
    assert "safe.directory" in reason(project)


def test_what_a_hook_sets_does_not_lead_elsewhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project, Dockerfile="FROM a\n")
    change(project, here="1")
    other = repository(tmp_path / "other")
    change(other, x="1")
    change(other, there="1")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert paths(read(project)) == [{"here"}]


def test_git_that_hangs_is_stopped(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    assert isinstance(found := read_history(str(project), None, Limits(seconds=0.2)), NoHistory)
    assert "in time" in found.reason
