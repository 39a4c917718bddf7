"""What is shown, to people and to programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import ANY

import pytest

from optimizer import __version__, registry
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Proposal, Safety, Transform
from optimizer.report.console import Console
from tests.cli.conftest import BEFORE, COMMAND, DIFF, ONLY
from tests.probes import dockopt, replacing, transform, use


def test_what_is_left_as_it_is_and_suggested_is_told_when_asked(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM x\nRUN a\nRUN b\nRUN c\n")

    def refuse(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.args == "c":
            yield self.refuse(at, "not \x1b[31msure", "section 2")

    def warn(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.args == "c":
            yield self.refuse(at, "it fails", "section 1")

    use(
        monkeypatch,
        replacing("a", "A"),
        replacing("b", "B", "maybe", Safety.SUGGESTED, saves="3 MB"),
        transform(refuse, "careful"),
        transform(warn, "reporter", Safety.REPORT),
    )
    told = "Dockerfile:2  probe  A is better than a  (saves time)\n", "Dockerfile:4  reporter  it fails\n"
    closing = "1 file, 1 would change, 1 fix, 1 warning; --suggested shows 1 more\n"
    assert dockopt("fix").err == "".join((*told, closing))
    verbose = dockopt("fix", "-v").err
    assert set(verbose.splitlines(True)) == {
        *told,
        closing,
        "Dockerfile:3  maybe (suggested)  B is better than b  (saves 3 MB)\n",
        "Dockerfile:4  careful  left as it is: not \\x1b[31msure  (docs/never.md, section 2)\n",
    }
    assert (
        "3  RUN b\n     maybe (suggested)  B is better than b  (saves 3 MB)\n4  RUN c\n"
        in dockopt("explain", "Dockerfile").out
    )
    assert dockopt("fix", "--suggested", "-w").out.count("Dockerfile:") == 3
    assert (folder / "Dockerfile").read_text() == "FROM x\nRUN A\nRUN B\nRUN c\n"


def test_the_report_for_programs(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM python:3\nARG KEY_TOKEN=s3cr3t\nRUN a\nRUN b\n")
    (folder / "Dockerfile.bad").write_text("FROM x\nRUM y\n")
    (folder / "Dockerfile.same").write_text("FROM y AS one\nFROM one\n")
    use(monkeypatch, replacing("a", "A", reason="see s3cr3t"), replacing("b", "B", "maybe", Safety.SUGGESTED))
    status, out, err = dockopt("fix", "--format", "json")
    assert status == 4
    assert err == "Dockerfile.bad:2:1: unknown instruction: RUM\n"
    suggestion = {"transform": "maybe", "safety": "suggested", "line": 4, "reason": "B is better than b"}
    assert json.loads(out) == {
        "version": 1,
        "dockopt": __version__,
        "files": [
            {
                "path": "Dockerfile",
                "status": "changed",
                "diff": dockopt("fix", "Dockerfile").out,
                "fixes": [
                    {
                        "transform": "probe",
                        "safety": "safe",
                        "line": 3,
                        "reason": "see ***",
                        "saves": "time",
                        "paths": [],
                        "repairs": [],
                        "predicted": None,
                    }
                ],
                "suggestions": [{**suggestion, "saves": "time", "paths": [], "repairs": [], "predicted": None}],
                "refusals": [],
                "companions": [],
                "predicted": {"before": ANY, "after": ANY},
                "parent_images": ["python:3"],
            },
            {
                "path": "Dockerfile.bad",
                "status": "failed",
                "error": {"line": 2, "column": 1, "message": "unknown instruction: RUM"},
            },
            {
                "path": "Dockerfile.same",
                "status": "unchanged",
                "diff": "",
                "fixes": [],
                "suggestions": [],
                "refusals": [],
                "companions": [],
                "predicted": None,
                "parent_images": ["y", "one"],
            },
        ],
    }
    assert json.loads(dockopt("fix", "--format", "json", "nowhere").out)["files"] == []


def test_the_report_is_as_documented(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "json.md").read_text()
    example = json.loads(page.partition("```json\n")[2].partition("```")[0])
    (folder / "Dockerfile").write_text("FROM x\nRUN a\nRUN b\n")
    (folder / "Dockerfile.bad").write_text("RUM y\n")

    def refuse(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.args == "b":
            yield self.refuse(at, "no", "section 2")

    use(monkeypatch, replacing("a", "A"), transform(refuse))
    made = json.loads(dockopt("fix", "--format", "json").out)

    def keys(value: object) -> object:
        if isinstance(value, dict):
            return {key: keys(each) for key, each in value.items()}
        return [keys(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else None

    assert keys(made) == keys(example)


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours(folder: Path, arguments: tuple[str, ...], environment: dict[str, str], coloured: bool) -> None:
    _, out, err = dockopt("fix", *ONLY, *arguments, environment={"NO_COLOR": "", "FORCE_COLOR": "", **environment})
    assert ("\x1b[" in out, "\x1b[" in err) == (coloured, coloured)
    assert re.sub(r"\x1b\[[0-9;]*m", "", out) == DIFF
    if coloured:
        assert "\x1b[31m-\x1b[0m\x1b[31;7mADD\x1b[0m\x1b[31m app.py /app/\x1b[0m\n" in out


def on_a_terminal(*arguments: str) -> str:
    """What a terminal gets from the command."""
    import pty

    primary, secondary = pty.openpty()
    process = subprocess.Popen((*COMMAND, *arguments), stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = b""
    try:
        while piece := os.read(primary, 65536):
            shown += piece
    except OSError:  # the other side is closed
        pass
    os.close(primary)
    process.wait()
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_no_control_characters_of_a_file(folder: Path) -> None:
    name = "Dockerfile.\x1b]0;x\x07"
    (folder / "Dockerfile").rename(name)
    Path(name).write_text(f"{BEFORE}ADD \x1b[2Jx.tar /\n# \u202e\r\n", newline="")
    shown = on_a_terminal("fix", *ONLY, "-v", "--color", "never")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "+COPY app.py /app/" in shown
    assert " ADD \\x1b[2Jx.tar /\n # \\u202e\r\n" in shown
    assert "Dockerfile.\\x1b]0;x\\x07:4  copy_over_add  left as it is: ADD unpacks \\x1b[2Jx.tar" in shown
    assert "ADD \x1b[2Jx.tar /\n # \u202e\r\n" in dockopt("fix", *ONLY).out


def test_progress_is_for_terminals_and_patience(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("optimizer.report.console.PATIENCE", 0.02)
    for terminal in (False, True):
        with open(os.dup(2), "w") as stderr:
            monkeypatch.setattr(stderr, "isatty", [lambda: False, lambda: True][terminal])
            monkeypatch.setattr(sys, "stderr", stderr)
            console = Console("never")
            console.progress(1, 9)
            time.sleep(0.03)
            console.progress(2, 9)
            console.progress(3, 9)
            console.err("done")
        shown = b"\r\x1b[K2 of 9 files\r\x1b[Kdone\n" if terminal else b"done\n"
        assert capfdbinary.readouterr().err == shown


def test_explaining_transforms() -> None:
    status, out, err = dockopt("explain")
    assert (status, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} == {each.name for each in registry.load()}
    page = dockopt("explain", "copy_over_add").out
    assert page.startswith("copy_over_add\n\nWrite COPY where ADD does nothing but copy.\n\n## What it does\n")
    assert "suggested" in dockopt("explain", "dockerignore").out.splitlines()[0]


def test_explaining_a_dockerfile_that_is_not_there(folder: Path) -> None:
    for name in ("Containerfile", "web.dockerfile", "web/dockerfile"):
        status, out, err = dockopt("explain", name)
        assert (status, out, err) == (3, "", f"{name}: no such file or folder: check the spelling\n")


def test_explaining_a_dockerfile(folder: Path) -> None:
    (folder / "Dockerfile").write_text(
        "FROM golang:1 AS build\nENV A_TOKEN=s3cr3t\nADD x.tar /\nFROM build\nADD app.py \\\n  /s3cr3t\nLABEL b=c\n"
    )
    assert dockopt("explain", *ONLY, "Dockerfile") == (
        0,
        """\
Dockerfile
  build context .
  stage 0 build: FROM golang:1; its layers are shipped; ENV A_TOKEN
  stage 1: FROM build; the image; LABEL b

1  FROM golang:1 AS build
2  ENV A_TOKEN=***
3  ADD x.tar /
     copy_over_add  left as it is: ADD unpacks x.tar if it is a tar archive  (docs/never.md, section 1)
4  FROM build
5  ADD app.py /***
     copy_over_add  ADD copies here and nothing else: COPY says so, and unpacks or downloads nothing by surprise
7  LABEL b=c
""",
        "",
    )
    (folder / "Dockerfile").write_text("FROM x\nRUM y\n")
    assert dockopt("explain", "Dockerfile") == (4, "", "Dockerfile:2:1: unknown instruction: RUM\n")
    assert dockopt("explain", "./nowhere")[0] == 3
