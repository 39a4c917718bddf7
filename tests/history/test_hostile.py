"""Nothing of a repository is run when its history is read: each thing that git could be made to run is tried."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from optimizer.history import History
from optimizer.history.reading import read_history
from tests.repositories import change, git, repository

SETTINGS = (
    "core.fsmonitor", "core.pager", "pager.log", "core.sshCommand", "core.askPass", "core.editor", "sequence.editor",
    "gpg.program", "gpg.ssh.program", "gpg.x509.program", "diff.external", "diff.evil.textconv", "diff.evil.command",
    "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "interactive.diffFilter", "credential.helper",
    "core.alternateRefsCommand", "remote.origin.uploadpack", "uploadpack.packObjectsHook", "core.gitProxy",
    "trailer.evil.command", "merge.evil.driver",
)  # fmt: skip
"""Settings whose value git runs."""
HOOKS = ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc", "fsmonitor-watchman")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    project = repository(tmp_path / "project")
    (project / ".gitattributes").write_text("* diff=evil filter=evil merge=evil\n")
    git(project, "config", "uploadpack.allowFilter", "true")
    for number in range(3):
        change(project, Dockerfile=f"FROM a\nRUN {number}\n", x=str(number))
    # A signature, so that there is something to check.
    plain = git(project, "cat-file", "commit", "HEAD")
    head, _, body = plain.partition("\n\n")
    signature = "-----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    signed = f"{head}\ngpgsig {signature}\n\n{body}"
    made = subprocess.run(
        ["git", "-C", str(project), "hash-object", "-t", "commit", "-w", "--stdin"],
        input=signed, capture_output=True, text=True, check=True,
    )  # fmt: skip
    git(project, "update-ref", "refs/heads/main", made.stdout.strip())
    git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{project}", "clone")
    clone = tmp_path / "clone"
    # From here on the repository is set up to be evil, and nothing may touch `canary`.
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\necho \"$0 $*\" >>'{tmp_path / 'canary'}'\n")
    evil.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in HOOKS:
        for folder in (hooks, clone / ".git" / "hooks"):
            folder.mkdir(exist_ok=True)
            (folder / hook).symlink_to(evil)
    included = tmp_path / "included"
    included.write_text(f"[core]\n\tfsmonitor = {evil}\n[gpg]\n\tprogram = {evil}\n[log]\n\tshowSignature = true\n")
    lines = [f"{name}={evil}" for name in SETTINGS]
    lines += [f"alias.{name}=!{evil}" for name in ("log", "rev-parse", "cat-file")]
    lines += [
        "log.showSignature=true", "log.follow=true", "log.diffMerges=remerge", "core.fsmonitorHookVersion=1",
        f"core.hooksPath={hooks}", f"remote.origin.url=ext::{evil} x", "protocol.ext.allow=always",
        f"include.path={included}", f"includeIf.gitdir:{clone}/.git.path={included}", "core.untrackedCache=true",
        "diff.renames=copies", "color.ui=always", "log.decorate=full", "log.mailmap=true", "format.pretty=raw",
    ]  # fmt: skip
    for line in lines:
        name, _, value = line.partition("=")
        git(clone, "config", "--add", name, value)
    return clone


def test_the_trap_works(hostile: Path, tmp_path: Path) -> None:
    for words in (("log",), ("status",), ("cat-file", "-p", "HEAD~1:x")):
        (tmp_path / "canary").unlink(missing_ok=True)
        subprocess.run(["git", "-C", str(hostile), *words], capture_output=True, check=False)
        assert (tmp_path / "canary").exists(), words


def test_nothing_of_the_repository_is_run(hostile: Path, tmp_path: Path) -> None:
    history = read_history(str(hostile), str(hostile / "Dockerfile"))
    assert not (tmp_path / "canary").exists(), (tmp_path / "canary").read_text()
    assert isinstance(history, History)
    assert [set(each.paths) for each in history.commits] == [{"Dockerfile", "x"}] * 2


def test_a_repository_that_is_the_configuration_of_another_folder(hostile: Path, tmp_path: Path) -> None:
    git(hostile, "config", "core.worktree", str(tmp_path))
    read_history(str(hostile), str(hostile / "Dockerfile"))
    assert not (tmp_path / "canary").exists()
