"""Real git repositories for tests, apart from the settings of whoever runs them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git(folder: Path, *words: str, **env: str) -> str:
    identity = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    command = ["git", "-C", str(folder), "-c", "init.defaultBranch=main", *words]
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, **env}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def commit(repository: Path) -> str:
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "change", "--allow-empty")
    return git(repository, "rev-parse", "HEAD").strip()


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    return folder


def change(repository: Path, **files: str | None) -> str:
    """A commit that writes files, or removes one for None; ``__`` in a name is a slash, ``_`` a dot."""
    for name, text in files.items():
        path = repository / name.replace("__", "/").replace("_", ".")
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return commit(repository)
