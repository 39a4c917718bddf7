"""`dockopt fix --verify` with real builds: what they bear out is written, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verify.conftest import Dockopt

GOOD_AND_BAD = """\
FROM debian:bookworm-slim AS packed
ADD file /file
RUN apt-get update && apt-get install -y brotli && rm -rf /var/lib/apt/lists/* && brotli /file

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y zip && rm -rf /var/lib/apt/lists/*
COPY --from=packed /file.br /
CMD ["unzip", "-v"]
"""


@pytest.mark.builds
def test_what_fails_is_left_out_and_suggestions_that_pass_are_applied(dockopt: Dockopt, tmp_path: Path) -> None:
    """Without its recommended packages zip comes without unzip."""
    ended = dockopt({"Dockerfile": GOOD_AND_BAD, "file": "text\n"}, "fix", "--verify", "--in-place")
    assert ended.returncode == 0, ended.stderr
    assert "Dockerfile:6  fail  no_install_recommends" in ended.stderr
    assert "CMD: unzip is not in the image" in ended.stderr
    assert (tmp_path / "Dockerfile").read_text() == GOOD_AND_BAD.replace("ADD", "COPY").replace(
        "install -y brotli", "install -y --no-install-recommends brotli"
    )


ASKS = """\
FROM debian:bookworm-slim AS made
ARG WORD OTHER
RUN --mount=type=secret,id=key test "$WORD-$OTHER" = "$(cat /run/secrets/key)"
RUN test "$(ls /sys/class/net)" = lo
COPY --from=more given /given
ADD file /file

FROM made
RUN test -e /never
"""
COMPOSE = """\
services:
  app:
    build:
      context: .
      args: {WORD: one, OTHER: three}
      additional_contexts:
        more: ./beside
"""


@pytest.mark.builds
@pytest.mark.parametrize("command", [["verify", "--no-measure", "--target", "made"], ["fix", "--verify"]])
def test_what_the_build_needs_reaches_the_builder(dockopt: Dockopt, tmp_path: Path, command: list[str]) -> None:
    """Build arguments and named contexts come from the Compose file, but for those that the command line gives."""
    text = ASKS if "--target" in command else ASKS.partition("\nFROM made\n")[0]
    files = {"Dockerfile": text, "compose.yaml": COMPOSE, "file": "text\n", "beside/given": "", "key": "one-two"}
    ended = dockopt(
        files, *command, "--secret", f"id=key,src={tmp_path}/key", "--build-arg", "OTHER=two", "--network", "none",
        "--ignore", "merge_runs,dockerignore",
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "copy_over_add" in ended.stdout + ended.stderr


@pytest.mark.builds
def test_a_named_context_that_is_no_place_has_to_be_said(dockopt: Dockopt, tmp_path: Path) -> None:
    text = "FROM debian:bookworm-slim\nADD file /file\nCOPY --from=more given /given\n"
    compose = COMPOSE.replace("./beside", "service:other")
    files = {"Dockerfile": text, "compose.yaml": compose, "file": "text\n", "beside/given": ""}
    ended = dockopt(files, "verify", "--no-measure")
    assert ended.returncode == 5
    assert "the named context more is service:other: say by --build-context more=…" in ended.stdout
    ended = dockopt(files, "verify", "--no-measure", "--build-context", f"more={tmp_path}/beside")
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("option", [["--builder", "docker"], ["--smoke", "true"], ["--timeout", "5"]])
def test_what_says_how_to_build_goes_with_verify(option: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "optimizer", "fix", *option, os.devnull], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "goes with --verify" in ended.stderr
