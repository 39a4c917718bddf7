"""Review fix by fix, through a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

BEFORE = "FROM x\nADD a.txt /\nRUN one\nRUN two\nADD b.txt /\nADD c.txt /\n"
PROMPT = b"? [y,n,a,d,u,q,?] "
ONLY = ("--select", "copy_over_add,merge_runs", "--color", "never")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
    path = tmp_path / "Dockerfile"
    path.write_text(BEFORE)
    return path


def review(answers: Sequence[str], *arguments: str) -> tuple[int, list[str]]:
    """Run the command on a terminal; its status, and what it shows between the answers."""
    primary, secondary = pty.openpty()
    command = (sys.executable, "-m", "optimizer", "fix", "-i", *ONLY, *arguments)
    shown, left, piece = [b""], list(answers), b"x"
    with subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary, process_group=0) as process:
        os.close(secondary)
        while piece:
            assert select.select([primary], [], [], 30)[0], f"it waits after {shown[-1]!r}"
            try:
                piece = os.read(primary, 4096)
            except OSError:  # the other side is closed
                break
            shown[-1] += piece
            if shown[-1].endswith(PROMPT):
                answer = left.pop(0)
                if answer == "^C":
                    os.killpg(process.pid, signal.SIGINT)
                else:
                    os.write(primary, answer.encode() + b"\n" * (answer != "\x04"))
                shown.append(b"")
    os.close(primary)
    assert not left
    return process.returncode, [text.decode().replace("\r\n", "\n") for text in shown]


def copies(*names: str) -> str:
    """The file with COPY for these sources."""
    text = BEFORE
    for name in names:
        text = text.replace(f"ADD {name}.txt", f"COPY {name}.txt")
    return text


MERGED = ("RUN one\nRUN two\n", "RUN one && \\\n    two\n")


def test_each_question_shows_the_reason_and_the_change(file: Path) -> None:
    status, shown = review(["n", "y", "n", "n"])
    assert status == 0
    assert len(shown) == 5
    assert shown[1].startswith("n\nDockerfile:5  copy_over_add  ADD copies here ")
    assert "\n-ADD a.txt /\n+COPY a.txt /\n" in shown[0]
    assert "ADD b.txt" in shown[0]  # as context
    assert shown[0].endswith("Apply copy_over_add? [y,n,a,d,u,q,?] ")
    assert "\n-RUN one\n-RUN two\n+RUN one && \\\n+    two\n" in shown[3]
    assert shown[4] == "n\n1 file, 1 rewritten, 1 fix\n"
    assert file.read_text() == copies("b")


@pytest.mark.parametrize(
    ("answers", "after"),
    [
        (["y", "y", "y", "y"], copies("a", "b", "c").replace(*MERGED)),
        (["n", "n", "n", "y"], copies().replace(*MERGED)),
        (["a", "y"], copies("a", "b", "c").replace(*MERGED)),
        (["y", "d", "y"], copies("a").replace(*MERGED)),
        (["y", "q"], copies("a")),
        (["y", "\x04"], copies("a")),
        (["y", "?", "nonsense", "", "n", "y", "n"], copies("a", "c")),
        (["y", "u", "n", "n", "n", "n"], copies()),
        (["y", "y", "n", "u", "u", "n", "n", "y"], copies("a").replace(*MERGED)),
        (["a", "u", "d", "u", "n", "y", "n", "n"], copies("b")),
    ],
)
def test_the_answers_decide(file: Path, answers: list[str], after: str) -> None:
    assert review(answers)[0] == 0
    assert file.read_text() == after


def test_help_and_nothing_to_undo(file: Path) -> None:
    _, shown = review(["u", "?", "q"])
    assert "nothing to undo" in shown[1]
    assert "d  leave this fix out, and all later ones of the same transform" in shown[2]
    assert file.read_text() == BEFORE


def test_an_answer_for_all_holds_in_the_next_files_and_quitting_leaves_them_out(file: Path) -> None:
    for name in ("Dockerfile.a", "Dockerfile.b"):
        (file.parent / name).write_text(BEFORE)
    status, shown = review(["a", "n", "y", "q"])
    assert status == 0
    assert shown[-1].endswith("3 files, 3 rewritten, 10 fixes\n")
    assert file.read_text() == copies("a", "b", "c")
    assert (file.parent / "Dockerfile.a").read_text() == copies("a", "b", "c").replace(*MERGED)
    assert (file.parent / "Dockerfile.b").read_text() == copies("a", "b", "c")


def test_an_interrupt_changes_nothing(file: Path) -> None:
    status, shown = review(["y", "^C"])
    assert status == 130
    assert "Traceback" not in "".join(shown)
    assert file.read_text() == BEFORE


def test_a_review_can_end_in_a_diff(file: Path) -> None:
    status, shown = review(["y", "n", "n", "n"], "--diff")
    assert status == 0
    assert "\n-ADD a.txt /\n+COPY a.txt /\n" in shown[-1]
    assert "+COPY b.txt" not in shown[-1]
    assert file.read_text() == BEFORE
