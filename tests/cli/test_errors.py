"""What is wrong with files, settings and arguments: one line each, and the right exit status."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Proposal, Transform
from tests.cli.conftest import AFTER, BEFORE, DIFF, ONLY
from tests.probes import dockopt, transform, use

BAD: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "binary": (lambda path: path.write_bytes(b"FROM x\n\0"), 4, ":2:1: a NUL byte"),
    "no UTF-8": (lambda path: path.write_bytes(b"FROM x\n# caf\xe9\n"), 4, ":2:6: the byte 0xe9 is not UTF-8"),
    "UTF-16": (lambda path: path.write_bytes("FROM x".encode("utf-16")), 4, ":1:1: it is UTF-16"),
    "syntax": (lambda path: path.write_text("FROM x\nCOPY y\n"), 4, ":2:1: COPY requires at least two arguments"),
    "long line": (lambda path: path.write_text(f"FROM x\nRUN {'y' * 10**5}"), 4, ":2:1: a line of more than 65535"),
    "huge line": (lambda path: path.write_text(f"FROM x\nRUN {'y' * 10**7}"), 4, ": it is larger than 4 MiB"),
    "empty": (lambda path: path.write_text(""), 4, ":1:1: no instructions in this file"),
    "pipe": (os.mkfifo, 3, ": it is neither a file nor a folder"),
    "device": (lambda path: path.symlink_to("/dev/zero"), 3, ": it is neither a file nor a folder"),
    "dangling": (lambda path: path.symlink_to("nowhere"), 3, ": the link leads nowhere"),
    "missing": (lambda path: None, 3, ": no such file or folder"),
    "folder": (lambda path: path.mkdir(), 3, ": no Dockerfile in this folder"),
}


@pytest.mark.parametrize(("make", "status", "said"), BAD.values(), ids=BAD)
def test_bad_input_gets_one_line_and_the_others_go_on(
    folder: Path, make: Callable[[Path], object], status: int, said: str
) -> None:
    bad = folder / "Dockerfile.bad"
    make(bad)
    got, _, err = dockopt("fix", *ONLY, "-w", "-q", "Dockerfile.bad", "Dockerfile")
    assert got == status
    assert err.startswith(f"Dockerfile.bad{said}")
    assert err.count("\n") == 1
    assert (folder / "Dockerfile").read_text() == AFTER
    assert not bad.is_file() or bad.stat().st_size != len(AFTER)


def test_a_folder_named_dockerfile_is_passed_over(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    (folder / "Dockerfile").mkdir()
    assert dockopt("fix", ".") == (3, "", ".: no Dockerfile in this folder: name the file if it is called otherwise\n")


def test_a_file_without_the_right_to_read_it(folder: Path) -> None:
    (folder / "Dockerfile.other").write_text(BEFORE)
    dockopt("fix", *ONLY)  # loads what another user could not load
    (folder / "Dockerfile").chmod(0)
    root = not os.geteuid()
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    if root:
        os.seteuid(65534)
    try:
        status, out, err = dockopt("fix", *ONLY, "-q")
    finally:
        if root:
            os.seteuid(0)
    assert (status, err) == (3, "Dockerfile: it cannot be read: Permission denied\n")
    assert out == DIFF.replace("Dockerfile", "Dockerfile.other")


def test_a_file_that_is_read_only(folder: Path) -> None:
    (folder / "Dockerfile").chmod(0o444)
    (folder / "Dockerfile.other").write_text(BEFORE)
    status, _, err = dockopt("fix", *ONLY, "-w", "-q")
    assert (status, err) == (2, "Dockerfile: it is read-only: make it writable (chmod u+w) and run again\n")
    assert (folder / "Dockerfile").read_text() == BEFORE
    assert (folder / "Dockerfile.other").read_text() == AFTER


def test_broken_settings_stop_the_files_they_are_for(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "Dockerfile").write_text(BEFORE)
    (folder / "sub" / ".dockopt.toml").write_text('# mine\nselect = ["copy_over_ad"]\n')
    status, out, err = dockopt("fix", *ONLY, "-q")
    assert (status, out) == (2, DIFF)
    assert err == "sub/.dockopt.toml:2:11: select: no transform is called 'copy_over_ad': did you mean copy_over_add?\n"
    assert dockopt("fix", "-q", "--config", "no.toml", "Dockerfile")[0] == 2


def test_settings_are_for_what_the_command_line_does_not_say(folder: Path) -> None:
    (folder / ".dockopt.toml").write_text('ignore = ["copy_over_add"]\n')
    assert dockopt("fix", *ONLY, "-q") == (0, "", "")
    assert dockopt("fix", "--ignore", "merge_runs", *ONLY, "-q") == (0, DIFF, "")
    (folder / "other.toml").write_text('select = ["merge_runs"]\n')
    assert dockopt("fix", "--config", "other.toml", "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fix", "--select", "copy_over_ad"), "did you mean copy_over_add?"),
        (("fix", "--ignore", "copy_over_add,nothing"), "no transform is called 'nothing'"),
        (("fix", "-", "Dockerfile"), "standard input"),
        (("fix", "-", "-w"), "standard input"),
        (("fix", "--check", "-w"), "--check"),
        (("fix", "-i"), "terminal"),
        (("fix", "--stdin-filename", "x"), "standard input"),
        (("fix", "--context", "nowhere"), "nowhere: no such folder"),
        (("fix", "-j", "-1"), "--jobs"),
        (("fix", "--format", "xml"), "'xml' is not one of 'diff', 'json'"),
        (("fix", "--nothing"), "No such option"),
        (("explain", "merge_run"), "did you mean merge_runs?"),
        (("mend",), "No such command"),
    ],
)
def test_wrong_usage(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = dockopt(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert (folder / "Dockerfile").read_text() == BEFORE


def test_an_internal_error_is_one_line_unless_debugging(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def crash(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        yield self.refuse(at, ["oh"][1], "")

    use(monkeypatch, transform(crash))
    status, out, err = dockopt("fix", "-q")
    assert (status, out) == (4, "")
    assert re.fullmatch(r"Dockerfile: internal error \(IndexError\).*--debug.*\n", err)
    assert '["oh"][1]' in dockopt("fix", "--debug").err
