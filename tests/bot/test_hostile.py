"""Repositories that mean harm: nothing of theirs is run, and nothing outside the working copy is read or written."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from optimizer.bot import planning
from optimizer.bot.git import Access, Git, GitError, Identity, meaning
from optimizer.bot.planning import dockerfiles
from optimizer.bot.proving import leading_out
from optimizer.bot.secret import NoToken, Source, Token
from optimizer.bot.tree import Tree, cloned, last_of
from optimizer.tasks import Ask
from tests.bot.conftest import APP, FLASK, look
from tests.bot.forge import TOKEN, Answer, Forge, Project, Seen


@pytest.fixture
def project(gitlab: Forge) -> Project:
    return gitlab.add("group/app", APP)


@contextmanager
def copy(forge: Forge, *, whole: bool = False) -> Iterator[Tree]:
    with cloned(Access(f"{forge.url}/group/app.git", "oauth2", Token(TOKEN)), "main", Identity(), whole=whole) as tree:
        yield tree


def test_links_that_lead_out_lead_nowhere(gitlab: Forge, project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("FROM secret\n")
    project.commit({
        "inside@": "app.py", "absolute@": str(outside), "up@": "../../../../../../etc/passwd", "git@": ".git/config",
        "a/b/deep@": "../../app.py", "chain@": "absolute", "loop@": "loop", "folder@": "/etc", "here@": ".",
        "Dockerfile.evil@": str(outside), ".dockopt.toml@": str(outside),
    })  # fmt: skip
    with copy(gitlab) as tree:
        root = tree.root.resolve()
        assert (root / "inside").read_text() == (root / "a/b/deep").read_text() == "print()\n"
        for name in ("absolute", "up", "git", "chain", "folder", "Dockerfile.evil", ".dockopt.toml"):
            assert os.path.islink(root / name), name
            assert not os.path.exists(root / name), name
        assert len(tree.notes) == 6  # a link to a link is mended with it
    outcome = look(gitlab)
    assert outcome.status == "opened"
    assert outcome.files == 1
    assert outside.read_text() == "FROM secret\n"


def test_a_dockerfile_behind_a_link_is_rewritten_where_it_lies(gitlab: Forge) -> None:
    project = gitlab.add("group/app", {"Dockerfile@": "docker/prod.txt", "docker/prod.txt": FLASK})
    assert look(gitlab).status == "opened"
    assert project.git("diff", "--name-only", "main", "dockopt/all") == "docker/prod.txt"


def test_a_build_context_outside_of_the_repository_is_not_read(gitlab: Forge, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("x")
    (outside / ".dockerignore").write_text("[")
    compose = "services: {web: {build: {context: %s, dockerfile: %s, additional_contexts: {more: %s}}}}\n"
    project = gitlab.add("group/app", {"Dockerfile": FLASK})
    with copy(gitlab) as tree:
        (tree.root / "compose.yaml").write_text(compose % (outside, tree.root / "Dockerfile", outside))
        ((_, found),) = dockerfiles(tree, Ask(), [])
        assert found.context is None
        assert leading_out(found) == "more"
        (tree.root / "compose.yaml").write_text(
            "services: {web: {build: {context: ., additional_contexts: {more: .}}}}"
        )
        ((_, found),) = dockerfiles(tree, Ask(), [])
        assert found.context is not None
        assert leading_out(found) == ""
    project.commit({"compose.yaml": "services: {web: {build: {context: ../../../..}}}\n"})
    assert look(gitlab).status == "opened"


def test_what_attributes_say_is_not_done(gitlab: Forge, project: Project, tmp_path: Path) -> None:
    attributes = (
        "* filter=evil\n*.txt text eol=crlf ident working-tree-encoding=UTF-16\nDockerfile diff=evil merge=evil\n"
    )
    project.commit({
        ".gitattributes": attributes,
        ".gitconfig": f'[filter "evil"]\n\tsmudge = touch {tmp_path}/ran\n\trequired = true\n',
        "id.txt": "$Id$\n",
    })  # fmt: skip
    with copy(gitlab) as tree:
        assert (tree.root / "id.txt").read_bytes() == b"$Id$\n"
        assert (tree.root / "requirements.txt").read_bytes() == b"flask\n"
    assert look(gitlab).status == "opened"
    assert not (tmp_path / "ran").exists()
    assert project.git("diff", "--name-only", "main", "dockopt/all") == "Dockerfile"


def test_no_configuration_of_the_user_or_the_system_counts(
    gitlab: Forge, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    ran = tmp_path / "ran"
    for name in ("pre-push", "post-checkout", "reference-transaction", "post-index-change", "fsmonitor"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\nexit 1\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks}/fsmonitor\n\tsshCommand = false\n"
        f"[commit]\n\tgpgSign = true\n[alias]\n\tls-tree = !touch {ran}\n[credential]\n\thelper = !touch {ran}\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.hooksPath={hooks}'")
    assert look(gitlab).status == "opened"
    assert not ran.exists()


def test_a_netrc_in_the_repository_is_not_read(gitlab: Forge, project: Project) -> None:
    project.commit({".netrc": "machine 127.0.0.1 login evil password evil\n", ".config/git/config": "[x\n"})
    assert look(gitlab).status == "opened"


def test_submodules_and_large_files_are_not_fetched(gitlab: Forge, project: Project) -> None:
    project.commit({
        ".gitmodules": '[submodule "evil"]\n\tpath = evil\n\turl = ext::sh -c touch% /tmp/evil\n',
        "model.bin": b"\1" * (3 << 20),
        "lfs.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    })  # fmt: skip
    index = project.git("rev-parse", "main")
    project.git("update-index", "--add", "--cacheinfo", f"160000,{index},evil")
    project.point("main", project.git("write-tree"), "Submodule", index)
    with copy(gitlab) as tree:
        assert (tree.root / "evil").is_dir()
        assert list((tree.root / "evil").iterdir()) == []
        large = (tree.root / "model.bin").stat()
        assert large.st_size > 1 << 20
        assert large.st_blocks == 0
        assert (tree.root / "lfs.bin").read_text().startswith("version https://git-lfs")
        objects = subprocess.run(["du", "-sk", tree.root / ".git"], capture_output=True, text=True, check=True).stdout
        assert int(objects.split()[0]) < 1000
    assert look(gitlab).status == "opened"
    assert project.git("ls-tree", "dockopt/all", "evil").startswith("160000")
    with copy(gitlab, whole=True) as tree:
        assert (tree.root / "model.bin").stat().st_blocks * 512 >= 3 << 20


def test_a_repository_that_is_too_large_is_left_alone(
    gitlab: Forge, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from optimizer.bot import tree

    monkeypatch.setattr(tree, "MAX_PACK", 1 << 20)
    project.commit({f"noise{number}": os.urandom(900_000) for number in range(3)})
    assert look(gitlab).message == "it is larger than 1 MiB: left alone"
    monkeypatch.setattr(tree, "MAX_PACK", 1 << 30)
    monkeypatch.setattr(tree, "MAX_BYTES", 1 << 20)
    assert look(gitlab).message == "its files have more than 1 MiB: left alone"
    monkeypatch.setattr(tree, "MAX_ENTRIES", 3)
    assert look(gitlab).message == "it has more than 3 files: left alone"


def test_a_dockerfile_that_takes_for_ever_is_left_alone(gitlab: Forge, project: Project) -> None:
    endless = "FROM a\n" + "".join(f"RUN apt-get update\nRUN apt-get install -y p{number}\n" for number in range(3000))
    project.commit({"endless/Dockerfile": endless})
    outcome = look(gitlab)
    assert outcome.status == "opened"
    assert outcome.message == "endless/Dockerfile: it has 6,001 instructions, more than any real one: left alone"


def test_many_dockerfiles_that_take_long_are_left_alone(
    gitlab: Forge, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "PATIENCE", 0.0)
    assert look(gitlab).message == "its Dockerfiles take longer than 600 seconds: left alone"


@pytest.mark.parametrize("name", [".git", ".GIT", "..", ".", ".git. ", "git~1"])
def test_names_that_lead_elsewhere_are_left_out(gitlab: Forge, project: Project, name: str) -> None:
    blob = project.git("hash-object", "-w", "--stdin", data=b"[core]\n\tfsmonitor = touch /tmp/evil\n")
    inner = _tree(project, "100644", "config", blob)
    kept = project.git("rev-parse", "main:Dockerfile")
    project.point("main", _tree(project, "100644", "Dockerfile", kept, ("40000", name, inner)), "Evil", None)
    with copy(gitlab) as tree:
        assert [each for each in tree.notes if "not safe" in each]
        assert sorted(each.name for each in tree.root.iterdir()) == [".git", "Dockerfile"]
        assert "evil" not in (tree.root / ".git" / "config").read_text()


def _tree(project: Project, mode: str, name: str, blob: str, *more: tuple[str, str, str]) -> str:
    entries = [(mode, name, blob), *more]
    data = b"".join(f"{each[0]} {each[1]}\0".encode() + bytes.fromhex(each[2]) for each in entries)
    return project.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", data=data)


def test_two_entries_of_one_name_write_nothing_outside(gitlab: Forge, project: Project, tmp_path: Path) -> None:
    """First a link to a folder outside, then a folder of the same name with a file in it."""
    target = tmp_path / "target"
    target.mkdir()
    link = project.git("hash-object", "-w", "--stdin", data=str(target).encode())
    inner = _tree(project, "100644", "written", project.git("hash-object", "-w", "--stdin", data=b"evil"))
    kept = project.git("rev-parse", "main:Dockerfile")
    tree = _tree(project, "100644", "Dockerfile", kept, ("120000", "x", link), ("40000", "x", inner))
    project.point("main", tree, "Evil", None)
    with copy(gitlab):
        assert list(target.iterdir()) == []


def test_odd_names_are_no_trouble(gitlab: Forge, project: Project) -> None:
    names = [
        "-rf",
        "a b/Dockerfile",
        "new\\nline/Dockerfile",
        "semi;colon`$(id)`/Dockerfile",
        "ü/Dockerfile",
        ":(top)x",
    ]
    project.commit(dict.fromkeys(names, FLASK))
    assert look(gitlab).status == "opened"
    changed = project.git("-c", "core.quotePath=false", "diff", "--name-only", "main", "dockopt/all").splitlines()
    assert len(changed) == 5


def test_names_that_are_no_text_are_no_trouble(gitlab: Forge, project: Project) -> None:
    odd = os.fsdecode(b"odd-\xff")
    blob = project.git("hash-object", "-w", "--stdin", data=FLASK.encode())
    project.git("update-index", "-z", "--index-info", data=b"100644 " + blob.encode() + b"\todd-\xff/Dockerfile\0")
    head = project.point("main", project.git("write-tree"), "Odd", project.heads()["main"])
    project.git("update-ref", f"refs/heads/dockopt/{odd}", head)
    outcome = look(gitlab)
    assert (outcome.status, outcome.message) == ("opened", "")
    assert len(project.git("diff", "--name-only", "main", "dockopt/all").splitlines()) == 2
    assert "odd-\\xff/Dockerfile" in project.requests[1].text
    assert look(gitlab).status == "unchanged"


def test_very_many_branches_are_no_trouble(gitlab: Forge, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.bot.tree.MAX_BRANCHES", 3)
    for number in range(9):
        project.git("update-ref", f"refs/heads/dockopt/a{number}", project.heads()["main"])
    assert look(gitlab).status == "opened"
    assert look(gitlab).status == "unchanged"
    assert len(gitlab.seen) < 16


def test_a_dockerfile_can_put_nothing_into_a_request(gitlab: Forge) -> None:
    evil = (
        "FROM python:3.11\nRUN apt-get update\n"
        "RUN apt-get install -y curl '|</td><script>x</script>' '@all #1 !1 http://evil.example'\n"
        "WORKDIR /srv\nADD . /srv\n"
        "RUN pip install '<!-- dockopt: plan=00000000000000000000000000000000 -->' `x`\n"
    )
    project = gitlab.add("group/app", {"Dockerfile": evil, "a\x1b[31m/Dockerfile": FLASK, "@all/Dockerfile": FLASK})
    said: list[str] = []
    look(gitlab, tell=said.append, dry_run=True)
    assert look(gitlab).status == "opened"
    text = project.requests[1].text
    assert "<script>" not in text
    assert "\x1b" not in text
    assert text.count("<!-- dockopt:") == 1
    in_code = [piece for number, piece in enumerate(text.split("`")) if number % 2]
    assert all("@all" not in piece for number, piece in enumerate(text.split("`")) if number % 2 == 0)
    assert any("@all/Dockerfile" in piece for piece in in_code)
    assert "@all" not in project.git("log", "--format=%B", "main..dockopt/all")


@pytest.mark.parametrize("name", ["main", "a b", "x:y", "../up", "x.lock", "*", ""])
def test_settings_cannot_name_a_branch_that_is_none(gitlab: Forge, project: Project, name: str) -> None:
    project.commit({".dockopt.toml": f"[bot]\nbranch = '{name}'\n"})
    before = project.heads()
    assert look(gitlab).status == "failed"
    assert project.heads() == before


@pytest.mark.parametrize("name", ["a b", "main:refs/heads/x", "refs/merge-requests/1/head"])
def test_settings_cannot_name_a_target_that_is_none(gitlab: Forge, project: Project, name: str) -> None:
    project.commit({".dockopt.toml": f"[bot]\ntarget = '{name}'\n"})
    assert look(gitlab).status == "failed"
    assert gitlab.writes() == []


def test_a_redirection_is_not_followed(gitlab: Forge, project: Project) -> None:
    asked: list[str] = []

    def elsewhere(seen: Seen) -> Answer:
        asked.append(seen.path)
        return 302, b"", {"Location": f"{gitlab.url}/elsewhere.git/info/refs"}

    gitlab.git_faults.append(elsewhere)
    assert look(gitlab).status == "failed"
    assert not any("elsewhere" in path for path in asked)


class TestToken:
    def test_it_is_in_no_argument_url_or_file(self, gitlab: Forge, project: Project, tmp_path: Path) -> None:
        """What git gets is looked at from the outside, by a git that writes down how it was called."""
        log = tmp_path / "log"
        fake = tmp_path / "bin" / "git"
        fake.parent.mkdir()
        fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {log}\nPATH="$REAL_PATH" exec {_real_git()} "$@"\n')
        fake.chmod(0o755)
        path = os.environ["PATH"]
        os.environ["PATH"] = f"{fake.parent}:{path}"
        try:
            with copy(gitlab) as tree:
                files = [file for file in (tree.root / ".git").rglob("*") if file.is_file()]
                assert not [file for file in files if TOKEN.encode() in file.read_bytes()]
            assert look(gitlab).status == "opened"
        finally:
            os.environ["PATH"] = path
        assert "push" in log.read_text()
        assert TOKEN not in log.read_text()

    def test_it_does_not_show_itself(self) -> None:
        token = Token(TOKEN)
        assert TOKEN not in f"{token} {token!r} {Access('u', 'x', token)}"
        with pytest.raises(TypeError):
            __import__("pickle").dumps(token)

    def test_it_is_hidden_in_every_form_in_what_others_say(self) -> None:
        from base64 import b64encode

        basic = b64encode(f"oauth2:{TOKEN}".encode()).decode()
        assert Token(TOKEN).hide(f"a {TOKEN} b {basic} c https://u:{TOKEN}@h/\n") == "a *** b *** c https://***@h/"

    def test_a_file_goes_before_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKOPT_TOKEN", "environment")
        assert Source(("NOTHING", "DOCKOPT_TOKEN")).token().reveal() == "environment"
        (tmp_path / "token").write_text("file\n")
        assert Source(("DOCKOPT_TOKEN",), str(tmp_path / "token")).token().reveal() == "file"
        for wrong in ("", "two words", "line\nline"):
            (tmp_path / "token").write_text(wrong)
            with pytest.raises(NoToken):
                Source(("DOCKOPT_TOKEN",), str(tmp_path / "token")).token()


def _real_git() -> str:
    import shutil

    found = shutil.which("git")
    assert found
    return found


def test_git_speaks_with_nobody_but_the_forge(gitlab: Forge, project: Project, tmp_path: Path) -> None:
    git = Git(str(tmp_path), Access(f"{gitlab.url}/group/app.git", "oauth2", Token(TOKEN)), Identity(), 1 << 20)
    for address in ("ext::sh -c 'touch evil'", "file:///etc", "ssh://127.0.0.1/x", "git://127.0.0.1/x"):
        with pytest.raises(GitError):
            git.remote("ls-remote", address)
    with pytest.raises(GitError):
        git.local("ls-remote", git.access.url)
    assert git.remote("ls-remote", git.access.url)


def test_only_a_plans_last_commit_is_ours() -> None:
    def commit(author: str, committer: str, message: str) -> str:
        return f"tree 0\nauthor {author} 1 +0000\ncommitter {committer} 1 +0000\n\n{message}"

    ours = "merge_runs: x\n\nDockopt-Plan: 0123\nDockopt-Part: 2/2\n"
    assert last_of(commit("bot <b>", "bot <b>", ours)) == "0123"
    assert last_of(commit("bot <b>", "Ada <a>", ours)) == ""
    assert last_of(commit("bot <b>", "bot <b>", ours.replace("2/2", "1/2"))) == ""
    assert last_of(commit("bot <b>", "bot <b>", "Mine\n")) == ""
    assert last_of(commit("bot <b>", "bot <b>", ours + "\nmore\n")) == ""


def test_what_git_says_has_a_meaning() -> None:
    assert meaning("push", "remote: GitLab: You are not allowed to push\n ! [remote rejected] a -> b (x)", 1) == (
        "the branch is protected: let the bot push to it", False,
    )  # fmt: skip
    assert meaning("fetch", "fatal: unable to access 'https://h/': Could not resolve host: h", 1)[1]
    assert meaning("fetch", "fatal: bad thing\n", 1) == ("git fetch says: bad thing", False)
