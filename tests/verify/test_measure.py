"""What is measured, and on what: contexts and commits are copied without running anything of theirs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.dockerignore import parse
from optimizer.report.terminal import PLAIN
from optimizer.verify import scratch
from optimizer.verify.history import Checkout, History, HistoryError
from optimizer.verify.measure import Scenario, Timing, apart
from optimizer.verify.picture import picture
from optimizer.verify.progress import Progress, Step
from optimizer.verify.touched import candidates
from tests.repositories import commit, git
from tests.repositories import repository as new_repository


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return new_repository(tmp_path / "repository")


def tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return {
        str(path.relative_to(folder)): f"-> {os.readlink(path)}" if path.is_symlink() else path.read_text()
        for path in files
    }


def test_the_copy_of_a_context_has_what_the_builder_sees(tmp_path: Path) -> None:
    context = tmp_path / "from"
    write(context, app_py="a", junk__big_bin="b", junk__keep_txt="c", seen_log="d")
    (context / "empty").mkdir()
    (context / "link").symlink_to("/etc/passwd")
    (context / "app.py").chmod(0o750)
    rules = [parse("junk\n!junk/keep.txt\n*.log"), parse("*.py\njunk\nempty")]
    copy = scratch.copy(str(context), rules, tmp_path)
    assert tree(copy) == {
        "app.py": "a", "junk/keep.txt": "c", "seen.log": "d", "link": "-> /etc/passwd",
    }  # fmt: skip
    assert (copy / "empty").is_dir()
    assert (copy / "app.py").stat().st_mode & 0o777 == 0o750


def test_a_touched_file_says_the_same_and_is_new_each_time(tmp_path: Path) -> None:
    context = tmp_path / "from"
    write(context, app_py="print(1)\n")
    (context / "app.py").chmod(0o755)
    copy = scratch.copy(str(context), [parse("")], tmp_path)
    seen = set()
    for _ in range(20):
        scratch.touch(copy / "app.py")
        seen.add((copy / "app.py").read_text())
    assert len(seen) == 20
    assert {text.split() == ["print(1)"] for text in seen} == {True}
    assert (copy / "app.py").stat().st_mode & 0o777 == 0o755
    assert (context / "app.py").read_text() == "print(1)\n"
    assert [path.name for path in copy.iterdir()] == ["app.py"]


def test_a_context_that_is_too_large_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "from", a="x" * 100, b="x" * 100)
    monkeypatch.setattr(scratch, "MAX_BYTES", 150)
    with pytest.raises(scratch.TooLarge):
        scratch.copy(str(tmp_path / "from"), [parse("")], tmp_path)


def test_commits_are_written_one_after_the_other(repository: Path, tmp_path: Path) -> None:
    write(repository, app__a_py="1", app__sub__b_py="1", other="1")
    first = commit(repository)
    write(repository, app__a_py="2")
    (repository / "app/sub/b.py").unlink()
    (repository / "app/sub").rmdir()
    (repository / "app/sub").symlink_to("a.py")
    (repository / "app/a.py").chmod(0o755)
    second = commit(repository)
    history = History(str(repository / "app"))
    assert history.prefix == "app/"
    assert history.commits(5) == (first, second)
    assert history.commits(1) == (second,)
    checkout = Checkout(history, tmp_path / "context")
    for _ in range(2):
        checkout.switch(first)
        assert tree(tmp_path / "context") == {"a.py": "1", "sub/b.py": "1"}
        checkout.switch(second)
        assert tree(tmp_path / "context") == {"a.py": "2", "sub": "-> a.py"}
        assert os.access(tmp_path / "context/a.py", os.X_OK)


def test_nothing_of_the_repository_is_run(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    write(repository, _gitattributes="* filter=evil text eol=crlf ident\n", a="$Id$\n")
    commit(repository)
    for name in ("smudge", "clean", "process"):
        git(repository, "config", f"filter.evil.{name}", f"touch {ran}; cat")
    git(repository, "config", "core.fsmonitor", f"touch {ran}")
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        hook = repository / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    history = History(str(repository))
    history.changes()
    Checkout(history, tmp_path / "context").switch(history.commits(1)[0])
    assert (tmp_path / "context/a").read_bytes() == b"$Id$\n"
    assert not ran.exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_a_link_out_of_the_context_is_refused(repository: Path, tmp_path: Path, target: str) -> None:
    (repository / "sub").mkdir()
    (repository / "link").symlink_to(target)
    history = History(str(repository))
    with pytest.raises(HistoryError, match="leads out of the context"):
        Checkout(history, tmp_path / "context").switch(commit(repository))


def test_a_submodule_is_refused(repository: Path, tmp_path: Path) -> None:
    write(repository, a="1")
    head = commit(repository)
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{head},module")
    git(repository, "commit", "-qm", "module")
    history = History(str(repository))
    with pytest.raises(HistoryError, match="submodule"):
        Checkout(history, tmp_path / "context").switch(history.commits(1)[0])


def test_a_folder_without_history_says_so(tmp_path: Path) -> None:
    with pytest.raises(HistoryError):
        History(str(tmp_path))


def test_what_changes_most_is_changed_first(repository: Path) -> None:
    write(repository, main_py="", often_py="", package_json="", web__package_json="", README_md="", hidden_py="")
    commit(repository)
    for number in range(3):
        write(repository, often_py=str(number), web__package_json=str(number), hidden_py=f"{number}{number}")
        commit(repository)
    sources, manifests = candidates(str(repository), [parse("hidden.py")])
    assert list(sources) == ["often.py", "main.py", "README.md"]
    assert list(manifests) == ["web/package.json", "package.json"]


def test_builds_are_kept_apart_by_an_argument_in_each_stage() -> None:
    text = "ARG V=1\nFROM a:$V AS one\nRUN x\nFROM one\nCOPY --from=one /a /a\nFROM b"
    assert apart(text, "n") == (
        "ARG V=1\nFROM a:$V AS one\nARG DOCKOPT_VERIFY=n\nRUN x\n"
        "FROM one\nARG DOCKOPT_VERIFY=n\nCOPY --from=one /a /a\nFROM b\nARG DOCKOPT_VERIFY=n\n"
    )


PROGRESS = rb"""
{"vertexes":[{"digest":"b","name":"[2/2] RUN make"},{"digest":"a","name":"[internal] load build context"}]}
{"vertexes":[{"digest":"a","started":"2024-01-01T00:00:00.5Z"}]}
{"vertexes":[{"digest":"a","name":"[internal] load build context","completed":"2024-01-01T00:00:00.75Z"}]}
{"vertexes":[{"digest":"b","name":"[2/2] RUN make","started":"2024-01-01T00:00:01.000000001Z"}]}
{"logs":[{"vertex":"b","stream":1,"data":"b25lCnR3bwo="}]}
{"vertexes":[{"digest":"b","name":"[2/2] RUN make","completed":"2024-01-01T00:00:03.25Z","error":"exit code: 2"}]}
"""


def test_steps_come_from_the_progress_of_a_build() -> None:
    progress = Progress()
    assert all(progress.feed(line) for line in PROGRESS.strip().split(b"\n"))
    assert not progress.feed(b"ERROR: failed to solve\n")
    assert not progress.feed(b"{ no json\n")
    context, make = progress.steps()
    assert context == Step("[internal] load build context", 0.25, False)
    assert make == Step("[2/2] RUN make", 2.25, False, "exit code: 2", ("one", "two"))
    assert (context.instruction, make.instruction, make.stage, make.number) == ("", "RUN make", "", 2)
    assert make.ran
    assert not make._replace(cached=True).ran


def test_the_picture_shows_what_runs_again() -> None:
    before = (
        Step("[internal] load build context", 9.0, False),
        Step("[run 2/2] COPY --from=build /a /a", 0.1, False),
        Step("[build 1/3] FROM base", 0.0, False),
        Step("[build 3/3] RUN make \x1b[31m", 8.0, False),
        Step("[build 2/3] COPY . .", 4.0, False),
    )
    after = (Step("[1/2] FROM base", 0.0, True), Step("[2/2] RUN make", 5.0, True))
    shown = list(picture(Scenario("a.py changed", Timing((9.0, 8.0, 4.0), before), Timing((1.0,), after)), PLAIN))
    assert [line.split("  ")[-1].strip() if "█" in line or "·" in line else line for line in shown] == [
        "  a.py changed",
        "    before, 8.0 s (median of 3: 9.0, 8.0, 4.0)",
        "█ 0.1 s",
        "·",
        "███████████ 4.0 s",
        "█████████████████████ 8.0 s",
        "    after, 1.0 s",
        "·",
        "·",
    ]
    assert "\x1b" not in "".join(shown)
