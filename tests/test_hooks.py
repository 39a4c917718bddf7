"""The hooks for pre-commit, run by pre-commit in a repository of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BEFORE = "FROM debian:12\nADD app.py /app/\n"
AFTER = "FROM debian:12\nCOPY app.py /app/\n"


def git(folder: Path, *arguments: str) -> str:
    names = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **names}).stdout


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what this checkout has, as pre-commit would clone it."""
    folder = tmp_path_factory.mktemp("hooks")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        ours = name.startswith(("optimizer/", "transforms/")) or "/" not in name
        if ours and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    git(folder, "tag", "v1")
    return folder


def test_the_hooks_find_dockerfiles_and_rewrite_them(hooks: Path, tmp_path: Path) -> None:
    texts = {
        "Dockerfile": BEFORE, "web/api.Dockerfile": BEFORE, "Containerfile": AFTER, "Dockerfile.j2": BEFORE,
        "Dockerfile.dockerignore": "ADD\n", "docs/Dockerfile.md": BEFORE, "names with blanks/Dockerfile": BEFORE,
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "app.py").write_text("")
    (tmp_path / ".dockopt.toml").write_text('select = ["copy_over_add"]\n')
    (tmp_path / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: v1\n  hooks:\n  - id: dockopt-check\n  - id: dockopt\n"
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")

    def commit(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", "run", "--all-files", *arguments]
        environment = {**os.environ, "PRE_COMMIT_HOME": str(hooks.parent / "pre-commit")}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)

    first = commit("dockopt-check")
    if "Could not find a version" in first.stdout + first.stderr:
        pytest.skip("the package index cannot be reached")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "Dockerfile:2  copy_over_add" in first.stdout
    assert (tmp_path / "Dockerfile").read_text() == BEFORE
    second = commit("dockopt")
    assert second.returncode == 1
    assert "files were modified by this hook" in second.stdout
    changed = {"Dockerfile", "web/api.Dockerfile", "names with blanks/Dockerfile"}
    assert {name for name, text in texts.items() if (tmp_path / name).read_text() != text} == changed
    assert all((tmp_path / name).read_text() == AFTER for name in changed)
    third = commit()
    assert third.returncode == 0, third.stdout
