"""The command: what it prints where, what it does to files, and its exit statuses."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from optimizer import __version__, registry
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Proposal, Safety, Transform
from optimizer.report.console import Console
from tests.corpus import dockerfiles, needs_corpus
from tests.probes import dockopt, ignoring, replacing, transform, use

BEFORE = "FROM debian:12\nADD app.py /app/\nRUN make\n"
AFTER = BEFORE.replace("ADD", "COPY")
DIFF = """\
--- a/Dockerfile
+++ b/Dockerfile
@@ -1,3 +1,3 @@
 FROM debian:12
-ADD app.py /app/
+COPY app.py /app/
 RUN make
"""
ONLY = ("--select", "copy_over_add")
COMMAND = (sys.executable, "-m", "optimizer")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with one Dockerfile in it that copy_over_add changes."""
    (tmp_path / "Dockerfile").write_text(BEFORE)
    (tmp_path / "app.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parent.parent))
    return tmp_path


def test_a_diff_with_the_reasons(folder: Path) -> None:
    for arguments in ((), (".",), ("Dockerfile",), ("--diff", "Dockerfile", "./Dockerfile", ".")):
        status, out, err = dockopt("fix", *ONLY, *arguments)
        assert (status, out) == (0, DIFF)
        first, last = err.splitlines()
        assert re.fullmatch(r"Dockerfile:2  copy_over_add  ADD copies here .*", first)
        assert last == "1 file, 1 would change, 1 fix"
    assert (folder / "Dockerfile").read_text() == BEFORE


def test_rewriting_in_place(folder: Path) -> None:
    status, out, err = dockopt("fix", *ONLY, "-w")
    assert (status, err) == (0, "1 file, 1 rewritten, 1 fix\n")
    assert re.fullmatch(r"Dockerfile:2  copy_over_add  .*\n", out)
    assert (folder / "Dockerfile").read_text() == AFTER
    assert dockopt("fix", *ONLY, "--in-place") == (0, "", "1 file, 0 rewritten, 0 fixes\n")


def test_the_diff_of_what_is_rewritten(folder: Path) -> None:
    assert dockopt("fix", *ONLY, "-w", "--diff")[:2] == (0, DIFF)
    assert (folder / "Dockerfile").read_text() == AFTER


def test_checking(folder: Path) -> None:
    status, out, _ = dockopt("fix", *ONLY, "--check")
    assert status == 1
    assert out.startswith("Dockerfile:2  copy_over_add  ")
    assert dockopt("fix", *ONLY, "--check", "--diff")[:2] == (1, DIFF)
    assert dockopt("fix", *ONLY, "--check", "-q") == (1, "", "")
    assert dockopt("fix", *ONLY, "--exit-code")[:2] == (1, DIFF)
    (folder / "Dockerfile").write_text(AFTER)
    assert dockopt("fix", *ONLY, "--check", "-q") == (0, "", "")
    assert dockopt("fix", *ONLY, "--exit-code", "-q") == (0, "", "")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_standard_input_to_standard_output(folder: Path, end: str) -> None:
    before, after = (text.replace("\n", end).encode() for text in (BEFORE, AFTER))
    status, out, err = dockopt("fix", *ONLY, "-", stdin=before)
    assert (status, out) == (0, after.decode())
    assert err.startswith("<stdin>:2  copy_over_add")
    assert dockopt("fix", *ONLY, "-q", "-", stdin=after) == (0, after.decode(), "")
    assert dockopt("fix", *ONLY, "-q", "-", "--diff", "--stdin-filename", "Dockerfile", stdin=BEFORE.encode()) == (
        0,
        DIFF,
        "",
    )
    assert dockopt("fix", *ONLY, "-q", "--check", "-", stdin=before) == (1, "", "")
    assert dockopt("fix", "-", stdin=b"RUM x") == (
        4,
        "",
        "<stdin>:1:1: unknown instruction: RUM\n1 file, 0 would change, 0 fixes, 1 not read\n",
    )


def test_the_name_of_standard_input_gives_it_its_context_and_settings(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "tool").write_text("text")
    (folder / "sub" / ".dockopt.toml").write_text("ignore = []\n")
    text = b"FROM x\nADD tool /\n"
    here = ("fix", "-q", *ONLY, "-")
    assert dockopt(*here, stdin=text).out == text.decode()  # without a context tool may be an archive
    for more in (("--context", "sub"), ("--stdin-filename", "sub/Dockerfile"), ("--stdin-filename", "sub/new")):
        assert dockopt(*here, *more, stdin=text).out == "FROM x\nCOPY tool /\n"
    (folder / "sub" / ".dockopt.toml").write_text("ignored = []\n")
    status, out, err = dockopt(*here, "--stdin-filename", "sub/Dockerfile", stdin=text)
    assert (status, out) == (2, "")
    assert err.startswith("sub/.dockopt.toml:1:1: ignored: there is no such setting")


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


def test_an_internal_error_is_one_line_unless_debugging(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def crash(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        yield self.refuse(at, ["oh"][1], "")

    use(monkeypatch, transform(crash))
    status, out, err = dockopt("fix", "-q")
    assert (status, out) == (4, "")
    assert re.fullmatch(r"Dockerfile: internal error \(IndexError\).*--debug.*\n", err)
    assert '["oh"][1]' in dockopt("fix", "--debug").err


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
                    }
                ],
                "suggestions": [{**suggestion, "saves": "time", "paths": []}],
                "refusals": [],
                "companions": [],
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
                "parent_images": ["y", "one"],
            },
        ],
    }
    assert json.loads(dockopt("fix", "--format", "json", "nowhere").out)["files"] == []


def test_the_report_is_as_documented(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "json.md").read_text()
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


def test_a_reader_that_goes_away_ends_it_quietly(folder: Path) -> None:
    for number in range(300):
        (folder / f"{number}.Dockerfile").write_text(BEFORE)
    command = (*COMMAND, "fix", *ONLY, "-q", "-j1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"--- a/0.Dockerfile\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_cleanly(folder: Path, jobs: str, how: signal.Signals) -> None:
    for number in range(3000):
        (folder / f"{number}.Dockerfile").write_text(BEFORE)
    process = subprocess.Popen(
        (*COMMAND, "fix", *ONLY, "-w", "-j", jobs), stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
    )
    assert process.stdout is not None
    process.stdout.readline()  # it has begun to write
    process.send_signal(how)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (128 + how, b"")
    with pytest.raises(ProcessLookupError):  # none is left of those that it started
        os.killpg(process.pid, signal.SIGKILL)
    texts = {path.read_text() for path in folder.iterdir() if path.name != "app.py"}
    assert texts == {BEFORE, AFTER}


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


def test_what_lies_beside_a_file_from_standard_input_is_left(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    use(monkeypatch, ignoring("probe"))
    text = b"FROM x\nCOPY app.py /\n"
    status, out, err = dockopt("fix", "-", "--context", ".", stdin=text)
    assert (status, out) == (0, text.decode())
    assert "\n.dockerignore: left as it is" in f"\n{err}"
    (folder / "Dockerfile").write_bytes(text)
    assert "+++ b/.dockerignore\n@@ -0,0 +1 @@\n+app.py\n" in dockopt("fix").out
    assert dockopt("fix", "-w").status == 0
    assert (folder / ".dockerignore").read_text() == "app.py\n"


def test_the_mode_of_a_script_and_its_link_stay(folder: Path) -> None:
    (folder / "Dockerfile").chmod(0o755)
    (folder / "link").symlink_to("Dockerfile")
    assert dockopt("fix", *ONLY, "-w", "link").out.startswith("link:2  ")
    assert (folder / "link").is_symlink()
    assert (folder / "Dockerfile").read_text() == AFTER
    assert stat.S_IMODE((folder / "Dockerfile").stat().st_mode) == 0o755


def test_explaining_transforms() -> None:
    status, out, err = dockopt("explain")
    assert (status, err) == (0, "")
    assert {line.split()[0] for line in out.splitlines()} == {each.name for each in registry.load()}
    page = dockopt("explain", "copy_over_add").out
    assert page.startswith("copy_over_add\n\nWrite COPY where ADD does nothing but copy.\n\n## What it does\n")
    assert "suggested" in dockopt("explain", "dockerignore").out.splitlines()[0]


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


@needs_corpus
@pytest.mark.parametrize("apply", [("git", "apply"), ("patch", "-p1", "--silent", "--no-backup-if-mismatch")])
def test_the_diff_of_real_files_does_what_rewriting_does(folder: Path, apply: tuple[str, ...]) -> None:
    (folder / "Dockerfile").unlink()
    for number, file in enumerate(islice(dockerfiles(), 0, None, 40)):
        for way in ("diff", "write"):
            place = folder / way / f"{number:03}"
            place.mkdir(parents=True)
            (place / "Dockerfile").write_bytes(file.data)
    os.chdir("diff")
    diff = dockopt("fix", "-q", "--suggested").out
    assert diff.count("\n+++ b/") > 40
    subprocess.run(apply, input=diff.encode("utf-8", "surrogateescape"), check=True)
    os.chdir("../write")
    dockopt("fix", "-q", "--suggested", "-w")
    for path in sorted((folder / "write").rglob("*")):
        other = folder / "diff" / path.relative_to(folder / "write")
        assert path.is_dir() or path.read_bytes() == other.read_bytes()
    assert dockopt("fix", "-q", "--suggested", ".").out == ""


def test_the_command_as_it_is_installed(folder: Path) -> None:
    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run((*COMMAND, *arguments), capture_output=True, text=True, env={**os.environ, **environment})

    assert run("--version").stdout == f"dockopt {__version__}\n"
    assert run("fix", *ONLY, "-q").stdout == DIFF
    assert run("fix", "--check", *ONLY, "-q").returncode == 1
    assert run("--help").stdout.startswith("Usage: dockopt ")
    assert "_DOCKOPT_COMPLETE=complete_bash" in run(_DOCKOPT_COMPLETE="source_bash").stdout
    assert run("fix", "--wrong").stderr.startswith("Usage: dockopt fix ")


def test_one_file_loads_nothing_that_it_does_not_need(folder: Path) -> None:
    done = subprocess.run(
        (sys.executable, "-X", "importtime", "-m", "optimizer", "fix", "Dockerfile"), capture_output=True, text=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "optimizer.engine" in loaded
    heavy = "asyncio concurrent dockerfile_parse hcl2 json libcst logging multiprocessing rich tempfile tomllib yaml"
    assert loaded.isdisjoint(heavy.split())
