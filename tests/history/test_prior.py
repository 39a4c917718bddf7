"""What is assumed where there is no history."""

from __future__ import annotations

import pytest

from optimizer.context import MemoryContext
from optimizer.history import Commit, invalidated, prior
from optimizer.history.kinds import CHANGES, KINDS, SOURCES, kind_of
from optimizer.model import Model, read

TEXT = "FROM node\nWORKDIR /app\nCOPY package.json package-lock.json ./\nRUN npm ci\nCOPY . .\n"
FILES = (
    "package.json",
    "package-lock.json",
    "src/a.js",
    "src/b.js",
    "lib/c.js",
    "README.md",
    ".github/x.yml",
    "Dockerfile",
)


def weight(model: Model, commits: tuple[Commit, ...], place: int, context: MemoryContext | None) -> float:
    return sum(each.weight for each in commits if place in invalidated(each, model.final, context, model))


@pytest.mark.parametrize("context", [MemoryContext(dict.fromkeys(FILES, "")), None, MemoryContext({})])
def test_weights_add_up(context: MemoryContext | None) -> None:
    commits = prior(read(TEXT), context).commits
    assert sum(each.weight for each in commits) == pytest.approx(1)
    assert all(each.weight > 0 for each in commits)


@pytest.mark.parametrize("context", [MemoryContext(dict.fromkeys(FILES, "")), None])
def test_sources_change_more_often_than_manifests(context: MemoryContext | None) -> None:
    model = read(TEXT)
    commits = prior(model, context).commits
    copy, install, sources = (weight(model, commits, place, context) for place in (1, 2, 3))
    assert sources > 3 * copy > 3 * install > 0


def test_a_lock_file_changes_with_its_manifest() -> None:
    commits = prior(read(TEXT), MemoryContext(dict.fromkeys(FILES, ""))).commits
    assert all("package-lock.json" in each.paths for each in commits if "package.json" in each.paths)


def test_folders_change_apart() -> None:
    commits = prior(read(TEXT), MemoryContext(dict.fromkeys(FILES, ""))).commits
    assert {"src/a.js", "src/b.js"} in [set(each.paths) for each in commits]
    assert {"lib/c.js"} in [set(each.paths) for each in commits]


def test_what_the_builder_does_not_get_changes_nothing() -> None:
    context = MemoryContext({**dict.fromkeys(FILES, ""), ".dockerignore": "*.md\n"})
    assert not any("README.md" in each.paths for each in prior(read(TEXT), context).commits)


def test_each_instruction_may_change() -> None:
    model = read(TEXT)
    commits = prior(model, None).commits
    assert {number for each in commits for number in each.instructions} == set(range(len(model.document.instructions)))


def test_the_reason_is_in_the_source() -> None:
    assert prior(read(TEXT), None, "git is not installed").source.startswith("git is not installed")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("package-lock.json", "lock files"),
        ("web/package.json", "manifests"),
        ("requirements/dev.txt", "manifests"),
        ("docs/conf.py", "documentation"),
        ("tests/data/x.png", "tests"),
        ("app/test_x.py", "tests"),
        (".github/workflows/x.yml", "CI files"),
        ("Dockerfile", "container files"),
        ("static/app.js", "assets"),
        ("src/main.py", SOURCES),
        ("x", SOURCES),
    ],
)
def test_kinds(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_the_table_is_whole() -> None:
    names = {each.name for each in KINDS} | {SOURCES}
    assert {name for each in CHANGES for name in each.kinds} == names
    assert sum(each.weight for each in CHANGES) == 100
