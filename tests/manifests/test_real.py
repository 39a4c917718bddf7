"""The claims held against the tools themselves: both orders end with the same files, in the same place.

Each case runs the install over the whole project, and again as `needs` says: over the named files alone, then
the sources, then what had to wait. A tool that is missing, or a registry out of reach, skips its cases.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.manifests.memory import found

pytestmark = pytest.mark.network

_VOLATILE = ("__pycache__", ".yarn-integrity", ".modules.yaml", ".pnpm-workspace-state", "uv_cache.json", "RECORD")
_UNREACHABLE = (
    "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "Could not resolve host", "ConnectionError",
    "dns error", "Could not transfer artifact", "Max retries exceeded", "Failed to fetch", "failed to download",
    "No matching distribution found for pip", "Temporary failure in name resolution",
)  # fmt: skip


def package(**fields: object) -> str:
    return json.dumps({"name": "a", "version": "1.0.0", "private": True, **fields})


def write(root: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def copy(source: Path, root: Path, paths: tuple[str, ...]) -> None:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            shutil.copytree(source / path, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source / path, target)


def run(words: tuple[str, ...], root: Path) -> None:
    environment = {**os.environ, "POETRY_VIRTUALENVS_IN_PROJECT": "1", "PIPENV_VENV_IN_PROJECT": "1"}
    environment.pop("VIRTUAL_ENV", None)
    done = subprocess.run(words, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    output = done.stdout + done.stderr
    if done.returncode and any(sign in output for sign in _UNREACHABLE):
        pytest.skip(f"{words[0]}: no registry within reach")
    assert done.returncode == 0, output[-2000:]


def snapshot(root: Path) -> dict[str, str]:
    files = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if any(part in name for part in _VOLATILE):
            continue
        if path.is_symlink():
            files[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return files


def compare(command: str, texts: Mapping[str, str], tmp_path: Path, prepare: str = "") -> None:
    words = tuple(command.split())
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    source, root = tmp_path / "source", tmp_path / "app"
    write(source, texts)
    if prepare:
        run(tuple(prepare.split()), source)
        for made in ("node_modules", ".venv", ".yarn"):
            for folder in sorted(source.rglob(made)):
                shutil.rmtree(folder, ignore_errors=True)
    project = {
        path.relative_to(source).as_posix(): path.read_text(errors="replace")
        for path in source.rglob("*")
        if path.is_file()
    }
    shutil.copytree(source, root)
    run(words, root)
    expected = snapshot(root)
    shutil.rmtree(root)
    root.mkdir()
    answer = found(command, project)
    copy(source, root, answer.files)
    for step in answer.prefetch or (words,):
        run(step, root)
    shutil.copytree(source, root, dirs_exist_ok=True)
    if answer.prefetch:
        run(words, root)
    actual = snapshot(root)
    differences = {name for name in expected.keys() | actual.keys() if expected.get(name) != actual.get(name)}
    assert differences <= set(answer.rewrites)


NODE = {
    "package.json": package(dependencies={"is-number": "7.0.0", "linked": "file:linked"}, workspaces=["packages/*"]),
    "packages/b/package.json": package(name="b", bin={"b-cli": "cli.js"}, dependencies={"is-odd": "3.0.1"}),
    "packages/b/cli.js": "#!/usr/bin/env node\n",
    "packages/b/index.js": "module.exports = 1\n",
    "linked/package.json": package(name="linked", bin="run.js"),
    "linked/run.js": "#!/usr/bin/env node\n",
    "index.js": "",
}
PLAIN = {"package.json": package(dependencies={"is-odd": "3.0.1"}), "index.js": "", "src/a.js": ""}
BERRY = "nodeLinker: node-modules\nenableTelemetry: false\n"
SCRIPTED = {**PLAIN, "package.json": package(dependencies={"is-odd": "3.0.1"}, scripts={"prepare": "cat index.js"})}


@pytest.mark.parametrize(
    ("command", "texts", "prepare"),
    [
        ("npm ci --no-audit --no-fund", NODE, "npm install --package-lock-only"),
        ("npm install --no-audit --no-fund", PLAIN, ""),
        ("npm install --no-audit --no-fund", PLAIN, "npm install --package-lock-only"),
        ("yarn install --frozen-lockfile", PLAIN, "yarn install"),
        (
            "yarn install --frozen-lockfile",
            {**NODE, "package.json": package(workspaces=["packages/*"])},
            "yarn install",
        ),
        ("yarn install --immutable", {**PLAIN, ".yarnrc.yml": BERRY}, "yarn install"),
        (
            "yarn install --immutable",
            {**NODE, "package.json": package(workspaces=["packages/*"]), ".yarnrc.yml": BERRY},
            "yarn install",
        ),
        ("yarn install --immutable", {**PLAIN, ".yarnrc.yml": "enableTelemetry: false\n"}, "yarn install"),
        ("pnpm install --frozen-lockfile", PLAIN, "pnpm install --lockfile-only"),
        ("pnpm install --frozen-lockfile", SCRIPTED, "pnpm install --lockfile-only"),
        (
            "pnpm install --frozen-lockfile",
            {**NODE, "package.json": package(), "pnpm-workspace.yaml": "packages:\n  - packages/*\n"},
            "pnpm install --lockfile-only",
        ),
    ],
)
def test_javascript(command: str, texts: Mapping[str, str], prepare: str, tmp_path: Path) -> None:
    if command.startswith("yarn") and shutil.which("yarn"):
        version = subprocess.run(["yarn", "--version"], capture_output=True, text=True, cwd=tmp_path).stdout
        if version.startswith("1.") == (".yarnrc.yml" in texts):
            pytest.skip(f"the case is for another yarn than {version.strip()}")
    compare(command, texts, tmp_path, prepare)


BACKEND = '[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n'
PROJECT = (
    '[project]\nname = "a"\nreadme = "README.md"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n'
    'dependencies = ["six==1.17.0"]\n'
)
ALONE = PROJECT.replace('"six==1.17.0"', "")
SOURCES = {"a/__init__.py": "", "README.md": "# a\n"}


@pytest.mark.parametrize(
    ("command", "texts", "prepare"),
    [
        (
            "python -m pip install -q --no-compile --target=lib -r requirements.txt",
            {"requirements.txt": "-r base.txt\n-c pins.txt\n", "base.txt": "six\n", "pins.txt": "six==1.17.0\n"},
            "",
        ),
        ("poetry install -q", {"pyproject.toml": ALONE + BACKEND, **SOURCES}, "poetry lock -q"),
        (
            "poetry install -q --no-root",
            {"pyproject.toml": ALONE + "[tool.poetry]\npackage-mode = false\n" + BACKEND, **SOURCES},
            "poetry lock -q",
        ),
        ("pdm install -q", {"pyproject.toml": PROJECT + BACKEND, **SOURCES}, "pdm lock -q"),
        ("uv sync -q --locked", {"pyproject.toml": PROJECT + BACKEND, **SOURCES}, "uv lock -q"),
        (
            "uv sync -q --locked",
            {
                "pyproject.toml": PROJECT.replace('version = "0.1.0"', 'dynamic = ["version"]')
                + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
                + '[tool.hatch.version]\npath = "a/__init__.py"\n',
                **SOURCES,
                "a/__init__.py": '__version__ = "1.2.3"\n',
            },
            "uv lock -q",
        ),
        ("uv sync -q --frozen", {"pyproject.toml": PROJECT, **SOURCES}, "uv lock -q"),
        (
            "uv sync -q --all-packages",
            {
                "pyproject.toml": PROJECT + '[tool.uv.workspace]\nmembers = ["packages/*"]\n',
                "packages/b/pyproject.toml": PROJECT.replace('"a"', '"b"') + BACKEND,
                "packages/b/b/__init__.py": "",
                "packages/b/README.md": "",
                **SOURCES,
            },
            "uv lock -q",
        ),
        (
            "pipenv install --deploy",
            {"Pipfile": '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n'
             '[packages]\nsix = "==1.17.0"\n', **SOURCES},
            "pipenv lock",
        ),
    ],
)  # fmt: skip
def test_python(command: str, texts: Mapping[str, str], prepare: str, tmp_path: Path) -> None:
    compare(command, texts, tmp_path, prepare)


CRATE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\n'


def test_cargo_takes_the_stand_ins_for_targets(tmp_path: Path) -> None:
    texts = {
        "Cargo.toml": CRATE.format("a")
        + 'build = "build.rs"\n[dependencies]\nb = { path = "crates/b" }\n[[bench]]\nname = "fast"\n',
        "build.rs": "fn main() {}",
        "src/main.rs": "fn main() { b::f(); }",
        "benches/fast.rs": "fn main() {}",
        "crates/b/Cargo.toml": CRATE.format("b") + "[lib]\n",
        "crates/b/src/lib.rs": "pub fn f() {}",
    }
    # rustup's cargo is there without a toolchain, too, and then runs nothing
    if shutil.which("cargo") is None or subprocess.run(["cargo", "--version"], capture_output=True).returncode:
        pytest.skip("cargo is not installed")
    write(tmp_path / "source", texts)
    answer = found("cargo build", texts)
    root = tmp_path / "app"
    copy(tmp_path / "source", root, answer.files)
    for step in answer.prefetch:
        run(step, root)
    shutil.copytree(tmp_path / "source", root, dirs_exist_ok=True)
    run(("cargo", "build", "--offline", "--quiet"), root)


def test_maven_reads_the_poms_alone(tmp_path: Path) -> None:
    pom = (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>{}<groupId>g</groupId>'
        "<artifactId>{}</artifactId><version>1</version>{}</project>"
    )
    texts = {
        "pom.xml": pom.format("", "a", "<packaging>pom</packaging><modules><module>b</module></modules>"),
        "b/pom.xml": pom.format(
            "<parent><groupId>g</groupId><artifactId>a</artifactId><version>1</version></parent>", "b", ""
        ),
        "b/src/main/java/B.java": "class B {}",
    }
    if shutil.which("mvn") is None:
        pytest.skip("mvn is not installed")
    write(tmp_path / "source", texts)
    answer = found("mvn -B -q compile", texts)
    root = tmp_path / "app"
    copy(tmp_path / "source", root, answer.files)
    for step in answer.prefetch:
        run(step, root)
    assert snapshot(root).keys() == {"pom.xml", "b/pom.xml"}
