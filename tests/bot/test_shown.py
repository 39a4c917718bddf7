"""The commands that the page of the bot shows are commands: their options are there and take what is given."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from optimizer.commands import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bot.md"
SHOWN = [line for line in PAGE.read_text().splitlines() if line.startswith("dockopt bot ")]


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_shown_is_one(line: str) -> None:
    words = [word for word in shlex.split(line, comments=True)[1:] if word != "…"]
    group: Any = typer.main.get_command(app)
    while words and getattr(group, "commands", None):
        group = group.commands[words.pop(0)]
    context = group.make_context("dockopt", words)
    assert not context.args


def test_there_are_some() -> None:
    assert len(SHOWN) >= 7
    assert any("--dry-run" in line for line in SHOWN)
