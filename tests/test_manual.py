"""The manual page, and completion in the shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.generate import ROOT
from tests.probes import dockopt

PAGE = ROOT / "docs" / "dockopt.1"


def test_the_page_is_right_for_roff() -> None:
    if shutil.which("groff") is None:
        pytest.skip("groff is not there")
    seen = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", PAGE], capture_output=True, text=True, check=True
    )
    assert seen.stderr == ""
    assert "dockopt - smaller images" in seen.stdout
    for command in ("fix", "explain", "verify", "lsp"):
        help_text = dockopt(command, "--help")[1]
        options = {word.strip(",") for word in help_text.split() if word.startswith("--") and len(word) > 2}
        for option in options - {"--help"}:
            assert option in seen.stdout, (command, option)


@pytest.mark.parametrize(
    ("shell", "typed", "offered"),
    [
        ("bash", "dockopt fix --sel", "--select"),
        ("bash", "dockopt ex", "explain"),
        ("zsh", "dockopt fix --sel", "--select"),
        ("fish", "dockopt fix --sel", "--select"),
    ],
)
def test_completion(shell: str, typed: str, offered: str) -> None:
    """As the script does that `dockopt --show-completion` prints."""
    words = typed.split()
    environment = {
        **os.environ, "_DOCKOPT_COMPLETE": f"complete_{shell}", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    seen = subprocess.run(
        [sys.executable, "-m", "optimizer"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert offered in seen.stdout, seen.stderr


def test_the_scripts_for_shells_are_scripts(tmp_path: Path) -> None:
    script = dockopt("--show-completion", "bash")[1]
    assert "_dockopt_completion" in script or "_DOCKOPT_COMPLETE" in script
    (tmp_path / "script").write_text(script)
    subprocess.run(["bash", "-n", tmp_path / "script"], check=True)
