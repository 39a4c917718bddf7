"""The image in which dockopt itself is delivered: rewritten by dockopt, built, verified, and used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT


def test_dockopt_has_nothing_to_say_about_its_own_dockerfile() -> None:
    command = [sys.executable, "-m", "optimizer", "fix", "--check", "--suggested", "Dockerfile"]
    seen = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert seen.returncode == 0, seen.stdout + seen.stderr


@pytest.mark.builds
def test_the_image_works(chosen: str, tmp_path: Path) -> None:
    """A worse Dockerfile becomes this one, the images of both are the same, and the program runs in it."""
    smoke = (
        "dockopt --version",
        "printf 'FROM debian:12\\nADD a.py /a/\\n' | dockopt fix --quiet - | grep -q ^COPY",
        "dockopt bot run --help",
        "git --version",
    )
    worse = (ROOT / "Dockerfile").read_text().replace(" && \\\n    rm -rf /var/lib/apt/lists/*", "")
    assert worse != (ROOT / "Dockerfile").read_text()
    (tmp_path / "Dockerfile").write_text(worse)
    command = [sys.executable, "-m", "optimizer", "verify", "--no-measure", "--context", str(ROOT)]
    command += ["--builder", chosen] if chosen else []
    for each in smoke:
        command += ["--smoke", each]
    seen = subprocess.run([*command, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "pass" in seen.stdout + seen.stderr
