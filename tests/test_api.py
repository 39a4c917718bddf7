"""The way in for other programs, as its documentation shows it."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import pytest

import optimizer
from optimizer import Outcome, ParseError, Safety, UnknownTransform, api, optimize

ROOT = Path(__file__).resolve().parent.parent


def test_examples_do_what_they_show() -> None:
    assert doctest.testmod(api).attempted > 2
    assert doctest.testmod(api).failed == 0
    seen = doctest.testfile(str(ROOT / "docs" / "api.md"), module_relative=False)
    assert seen.attempted > 8
    assert seen.failed == 0


def test_a_context_proves_more(tmp_path: Path) -> None:
    text = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n"
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "main.py").write_text("import flask\n")
    assert "manifests_first" not in [fix.transform for fix in optimize(text).fixes]
    outcome = optimize(text, context=tmp_path, ignore=["dockerignore"])
    assert isinstance(outcome, Outcome)
    assert "COPY requirements.txt" in outcome.after
    assert outcome.fixes[0].safety is Safety.SAFE
    assert not optimize(outcome.after, context=str(tmp_path), ignore=["dockerignore"]).changed


def test_wrong_arguments() -> None:
    with pytest.raises(ParseError):
        optimize("")
    with pytest.raises(UnknownTransform, match="did you mean merge_runs"):
        optimize("FROM scratch\n", ignore=["merge_run"])
    with pytest.raises(NotADirectoryError):
        optimize("FROM scratch\n", context="/no/such/folder")


def test_every_name_is_there_and_typed(tmp_path: Path) -> None:
    for name in optimizer.__all__:
        assert getattr(optimizer, name) is not None
        assert name in dir(optimizer)
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        optimizer.optimise  # type: ignore[attr-defined]  # noqa: B018
    (tmp_path / "use.py").write_text("from optimizer import optimize\nreveal_type(optimize('').fixes[0].line)\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(tmp_path / "use.py")]
    seen = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert 'Revealed type is "int"' in seen.stdout, seen.stdout


def test_the_names_cost_the_command_line_nothing() -> None:
    code = "import sys, optimizer; print(sorted(name for name in sys.modules if name.startswith('optimizer.')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "[]\n"
