"""Whatever a manifest or a command holds, the answer is one of the three, and it names only what exists."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.manifests import UNKNOWN, Needs, Unsafe, needs, setup_py
from optimizer.manifests.base import RefusedError
from tests.manifests.memory import Memory

KEYS = (
    *("allow-plugins", "bench", "bin", "build-system", "config", "constraint", "dependencies", "dependency-groups"),
    *("dependenciesMeta", "dev-dependencies", "devDependencies", "dynamic", "example", "exclude", "extra"),
    *("find-links", "group", "index", "injected", "lib", "members", "name", "nodeLinker", "overrides", "package"),
    *("package-mode", "packageManager", "packages", "path", "patchedDependencies", "pdm", "plugins", "pnpm"),
    *("poetry", "prepare", "project", "replace", "repositories", "resolutions", "scripts", "sources", "target"),
    *("tool", "type", "url", "uv", "version", "workspace", "workspaces", "yarnPath"),
)
WORDS = [".", "..", "file:b", "link:../c", "packages/*", "**", "x", "composer-plugin", "path", "npm@1", "", "husky"]
VALUES = st.recursive(
    st.sampled_from(WORDS) | st.booleans() | st.integers(-9, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6)
TEXT = st.text(alphabet="abgo.\"'`$#{}()[]<>/\\:=@-*!,; \n\tefilnrs1\0\ufeff", max_size=80)

JSON = (
    "package.json",
    "composer.json",
    "composer.lock",
    "pnpm-workspace.yaml",
    ".yarnrc.yml",
    "packages/b/package.json",
)
TOML = ("pyproject.toml", "Pipfile", "Cargo.toml", "uv.toml", "packages/b/Cargo.toml", "packages/b/pyproject.toml")
PLAIN = (
    *("requirements.txt", "go.mod", "go.work", "Gemfile", ".bundle/config", ".npmrc", ".yarnrc", "yarn.lock"),
    *("pom.xml", "build.gradle", "settings.gradle", "App.csproj", "App.sln", "nuget.config", "setup.py"),
)
COMMANDS = (
    *("pip install -r requirements.txt", "pip install .", "uv sync", "uv pip install -r pyproject.toml"),
    *("poetry install", "pdm sync", "pipenv sync", "npm ci", "npm install", "yarn", "pnpm install", "pnpm fetch"),
    *("go mod download", "go build", "cargo build", "mvn package", "gradle build", "dotnet restore"),
    *("composer install", "bundle install"),
)


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def check(argv: list[str | None], project: dict[str, str]) -> None:
    view = Memory(project)
    answer = needs(argv, view)
    assert answer == needs(argv, view)
    if isinstance(answer, Unsafe):
        assert answer.reason
        return
    assert isinstance(answer, Needs)
    assert answer.evidence
    assert all(view.is_dir(path) if path.endswith("/") else view.is_file(path) for path in answer.files)
    assert not any(view.is_dir(path) or view.is_file(path) for path in answer.outputs)
    assert set(answer.rewrites) <= set(answer.files)
    assert not any(UNKNOWN in word for command in answer.prefetch for word in command)


@given(st.sampled_from(COMMANDS), st.dictionaries(st.sampled_from(JSON), TABLES), st.sampled_from(JSON))
def test_json_manifests(command: str, tables: dict[str, Any], missing: str) -> None:
    project = {path: json.dumps(tables.get(path, {})) for path in JSON if path != missing}
    check(list(command.split()), {**project, "package-lock.json": "{}", "pnpm-lock.yaml": "", "index.js": ""})


@given(st.sampled_from(COMMANDS), st.dictionaries(st.sampled_from(TOML), TABLES))
def test_toml_manifests(command: str, tables: dict[str, Any]) -> None:
    texts = {path: "".join(f"{key} = {toml(value)}\n" for key, value in tables.get(path, {}).items()) for path in TOML}
    check(list(command.split()), {**texts, "src/main.rs": "", "uv.lock": "", "pdm.lock": ""})


@given(st.sampled_from(COMMANDS), st.dictionaries(st.sampled_from(PLAIN), TEXT))
def test_other_manifests(command: str, texts: dict[str, str]) -> None:
    check(list(command.split()), texts)


@given(
    st.sampled_from(COMMANDS),
    st.lists(TEXT | st.none() | st.sampled_from(["-r", "--", "-C", "--prefix", "-p:", "-D", UNKNOWN]), max_size=4),
)
def test_any_words(command: str, words: list[str | None]) -> None:
    for view in (Memory({"requirements.txt": "", "package.json": "{}", "go.mod": "", "pom.xml": "<p/>"}), None):
        answer = needs([*command.split(), *words], view)
        assert answer is None or isinstance(answer, Needs | Unsafe)


@pytest.mark.parametrize(
    "text",
    [
        "x=" + "(" * 50_000 + ")" * 50_000,
        "x=" + "not " * 50_000 + "1",
        "if 1: pass\n" + "elif 1: pass\n" * 50_000,
        "x=" + "+".join(["1"] * 50_000),
        "x=a" + ".b" * 2_400,
        "x=" + "[" * 1_100 + "]" * 1_100,
        "x=" + '"a" ' * 50_000,
        "x=f'{" + "(" * 50_000 + ")" * 50_000 + "}'",
        "x = (",
        " x\n  y\n z",
    ],
)
def test_setup_py_that_would_end_the_process_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        setup_py.facts(text, "setup.py")
