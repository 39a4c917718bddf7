"""What the history of a real repository does to the order of instructions, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from optimizer import registry
from optimizer.document import parse
from optimizer.fix import Options
from optimizer.history.versions import followed
from optimizer.past import Past
from optimizer.runner import Plan, Result, Rules, Task, process
from optimizer.waterfall import Waterfall, waterfall

TEXT = "FROM debian:12-slim\nCOPY site /srv/site\nADD https://example.com/data /srv/data\n"
MOVED = "FROM debian:12-slim\nADD https://example.com/data /srv/data\nCOPY site /srv/site\n"
RULES = Rules(select=("reorder_layers",))


def git(folder: Path, *words: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def fill(folder: Path, commits: int = 20) -> Path:
    """Make a context of a site; with commits, each of which changes it."""
    (folder / "site").mkdir(parents=True)
    (folder / "Dockerfile").write_text(TEXT)
    for number in range(commits):
        if not number:
            git(folder, "init", "-q", ".")
        (folder / "site/page").write_text(str(number))
        git(folder, "add", ".")
        git(folder, "commit", "-qm", str(number))
    return folder


def fixed(folder: Path, dockerfile: Path | None = None, **options: Any) -> Result:
    task = Task(str(dockerfile or folder / "Dockerfile"), str(folder), rules=RULES, **options)
    return process(task, Plan(contents=True, refusals=True))


def history(folder: Path, dockerfile: Path | None = None) -> str:
    found = waterfall(Task(str(dockerfile or folder / "Dockerfile"), str(folder), rules=RULES))
    assert isinstance(found, Waterfall)
    return found.history


def test_what_an_earlier_commit_could_know_is_all_that_counts(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    rules = Rules(select=RULES.select, options=Options(newest="HEAD~5"))
    (note,) = process(Task(str(folder / "Dockerfile"), str(folder), rules=rules), Plan()).fixes
    assert "of the last 14 commits" in note.reason


def test_what_changes_in_each_commit_comes_last(tmp_path: Path) -> None:
    result = fixed(fill(tmp_path))
    assert result.changes[0].after.decode() == MOVED
    (note,) = result.fixes
    assert "`COPY site /srv/site` changes in 100 % of the last 19 commits" in note.reason
    assert "`ADD https://example.com/data /srv/data` need not be executed again for it" in note.reason
    assert note.predicted is not None
    assert note.predicted["before"] > 2 * note.predicted["after"]
    assert fixed(tmp_path, data=MOVED.encode()).fixes == ()


def test_nothing_moves_for_less_than_is_asked_for(tmp_path: Path) -> None:
    folder = fill(tmp_path)
    rules = RULES._replace(options=type(RULES.options)(min_saving=99))
    result = process(Task(str(folder / "Dockerfile"), str(folder), rules=rules), Plan(refusals=True))
    assert result.fixes == ()
    assert "less than min_saving (99 %)" in result.refusals[0].reason


@pytest.mark.parametrize("commits", [0, 5])
def test_without_a_history_it_is_assumed(tmp_path: Path, commits: int) -> None:
    folder = fill(tmp_path, commits)
    why = "only 4 commits" if commits else "in no git repository"
    assert why in history(folder)
    assert "is assumed by kinds of files" in history(folder)
    assert fixed(folder).failure is None


def test_a_shallow_clone_says_so(tmp_path: Path) -> None:
    fill(tmp_path / "whole")
    git(tmp_path, "clone", "-q", "--depth=15", f"file://{tmp_path}/whole", "part")
    assert "all that a shallow clone holds" in history(tmp_path / "part")
    assert fixed(tmp_path / "part").changes[0].after.decode() == MOVED
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{tmp_path}/whole", "one")
    assert "shallow clone" in history(tmp_path / "one")
    assert "is assumed" in history(tmp_path / "one")


def test_a_partial_clone_fetches_nothing(tmp_path: Path) -> None:
    fill(tmp_path / "whole")
    git(tmp_path / "whole", "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{tmp_path}/whole", "part")
    os.rename(tmp_path / "whole", tmp_path / "gone")
    assert "the last 19 commits" in history(tmp_path / "part")
    assert fixed(tmp_path / "part").changes[0].after.decode() == MOVED


def test_a_submodule_changes_as_one(tmp_path: Path) -> None:
    fill(tmp_path / "inner", 2)
    outer = fill(tmp_path / "outer", 1)
    git(outer, "submodule", "add", f"{tmp_path}/inner", "part")
    (outer / "Dockerfile").write_text(TEXT.replace("COPY site /srv/site", "COPY part/site /srv/site"))
    for number in range(15):
        (tmp_path / "inner/site/page").write_text(f"new {number}")
        git(tmp_path / "inner", "commit", "-qam", str(number))
        git(outer / "part", "pull", "-q")
        git(outer, "add", ".")
        git(outer, "commit", "-qm", str(number))
    result = fixed(outer)
    assert "`COPY part/site /srv/site` changes in" in result.fixes[0].reason


def test_a_dockerfile_outside_of_the_context(tmp_path: Path) -> None:
    folder = fill(tmp_path / "context")
    outside = tmp_path / "Dockerfile.outside"
    outside.write_text(TEXT)
    assert "lies outside of the repository" in history(folder, outside)
    assert fixed(folder, outside).changes[0].after.decode() == MOVED
    (tmp_path / "context/docker").mkdir()
    inside = folder / "docker/Dockerfile"
    inside.write_text(TEXT)
    assert fixed(folder, inside).changes[0].after.decode() == MOVED


def test_without_a_context_nothing_moves() -> None:
    result = process(Task("Dockerfile", data=TEXT.encode(), rules=RULES), Plan(refusals=True))
    assert result.fixes == ()
    assert "without the build context" in result.refusals[0].reason


def test_git_is_not_started_where_nothing_could_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fill(tmp_path)

    def started(self: Past) -> None:
        raise AssertionError("git was started")

    monkeypatch.setattr(Past, "history", property(started))
    (folder / "data").mkdir()
    (folder / "data/file").write_text("")
    for text in (
        "FROM debian:12-slim\nRUN make\n",
        "FROM debian:12-slim\nCOPY . .\nRUN ./build.sh\nCMD x\n",
        "FROM debian:12-slim\nCOPY site /srv\nCOPY data /srv\n",
    ):
        (folder / "Dockerfile").write_text(text)
        task = Task(str(folder / "Dockerfile"), str(folder))
        assert process(task, Plan(refusals=True)).failure is None


def test_the_transforms_are_there() -> None:
    assert {"reorder_layers", "late_arguments"} <= {each.name for each in registry.load()}


def test_an_instruction_keeps_its_history_wherever_it_goes() -> None:
    old = parse("FROM a\nRUN useradd app\nRUN make\nCOPY x /x\nCOPY y /y\n").instructions
    new = parse(
        "FROM a\nCOPY y /y\nRUN --mount=type=cache,target=/c useradd app && make\nCOPY x /x\nRUN ls\n"
    ).instructions
    assert followed(old, new) == {0: 0, 1: 2, 2: 2, 3: 3, 4: 1}
