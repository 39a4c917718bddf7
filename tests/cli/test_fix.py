"""`dockopt fix`: what it prints, and what it does to files."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import AFTER, BEFORE, DIFF, ONLY
from tests.corpus import dockerfiles, needs_corpus
from tests.probes import dockopt, ignoring, use


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


@given(order=st.permutations(range(40)), jobs=st.sampled_from("012"), again=st.lists(st.integers(0, 39), max_size=5))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_paths_and_the_processes_change_nothing(
    folder: Path, order: list[int], jobs: str, again: list[int]
) -> None:
    paths = [f"{number}/Dockerfile" for number in order]
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(BEFORE if order[number] % 3 else AFTER)
    (folder / "7/Dockerfile").write_text("RUM x\n")
    mixed = [*paths, *(f"./{number}/Dockerfile" for number in again), "nowhere"]
    made = dockopt("fix", *ONLY, "-j", jobs, *mixed)
    assert made == dockopt("fix", *ONLY, "-j", "1", *sorted(set(paths)), "nowhere")
    assert made.out.count("+++ b/") == 25


def test_a_search_passes_over_what_the_settings_exclude(folder: Path) -> None:
    (folder / ".dockopt.toml").write_text('exclude = ["Docker*"]\n')
    assert dockopt("fix", *ONLY, "-q") == (0, "", "")
    assert dockopt("fix", *ONLY, "-q", "Dockerfile") == (0, DIFF, "")


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
