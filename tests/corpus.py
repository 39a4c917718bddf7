"""The corpus: Dockerfiles from the wild and what they mean; it lies beside the checkout, never in it."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("DOCKOPT_CORPUS") or Path(__file__).resolve().parents[2] / "shared" / "corpus").absolute()

needs_corpus = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no corpus at {FOLDER} (DOCKOPT_CORPUS names another folder)"
)
"""Marks a test that reads the corpus."""


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One Dockerfile: where it came from, and its bytes. `data.decode()` fails where they are not UTF-8."""

    repo: str
    path: str
    sha256: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Structure:
    """How BuildKit's parser reads one Dockerfile: `error`, or the escape character and the instructions.

    An instruction is a mapping with keyword, line, end_line, text, json, args and, where they are there,
    flags, prev, sub, heredocs. `key` is the sha256 of the bytes, or the name of a syntax case.
    """

    key: str
    error: str | None
    escape: str
    instructions: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ShellBody:
    """One RUN body, whether `dash -n` and `bash -n` accept it, and its and-or list as shfmt parses it.

    `commands` is [[connector, [commands of the pipeline]], ...]; None where shfmt refuses or is known to
    be wrong.
    """

    dockerfile: str
    line: int
    body: str
    dash: bool
    bash: bool
    commands: list[Any] | None


def dockerfiles() -> Iterator[CorpusFile]:
    """Every Dockerfile, in the order of the file."""
    for row in _rows("dockerfiles.jsonl.gz"):
        data = row["text"].encode(row.get("encoding", "utf-8"))
        yield CorpusFile(row["repo"], row["path"], row["sha256"], data)


def structure() -> dict[str, Structure]:
    """The truth about each Dockerfile, by the sha256 of its bytes."""
    return {row["sha256"]: _structure(row["sha256"], row) for row in _rows("structure.jsonl.gz")}


def syntax() -> Iterator[tuple[bytes, Structure]]:
    """The hand-written corners of the syntax, each with its truth."""
    for row in _rows("syntax.jsonl"):
        yield base64.b64decode(row["bytes_base64"]), _structure(row["case"], row)


def shell_bodies() -> Iterator[ShellBody]:
    """The distinct shell bodies of all RUNs."""
    for row in _rows("shell.jsonl.gz"):
        yield ShellBody(row["dockerfile"], row["line"], row["body"], row["dash"], row["bash"], row["list"])


def _structure(key: str, row: dict[str, Any]) -> Structure:
    return Structure(key, row.get("error"), row.get("escape", "\\"), tuple(row.get("instructions", ())))


def _rows(name: str) -> Iterator[dict[str, Any]]:
    opener = gzip.open if name.endswith(".gz") else open
    with opener(FOLDER / name, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)
