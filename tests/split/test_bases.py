"""The image that the final stage begins with."""

from __future__ import annotations

import pytest

from optimizer.model import read
from optimizer.split import bases


@pytest.mark.parametrize(
    ("base", "plain"),
    [
        ("gcc", "debian:trixie-slim"), ("gcc:latest", "debian:trixie-slim"), ("gcc:15", "debian:trixie-slim"),
        ("gcc:14.2", "debian:bookworm-slim"), ("gcc:13-bullseye", "debian:bullseye-slim"), ("gcc:13-weird", None),
        ("golang:1.22", "debian:bookworm-slim"), ("golang:latest", "debian:trixie-slim"), ("python:3.12", None),
    ],
)  # fmt: skip
def test_a_compilers_image_stands_on_a_release_of_its_distribution(base: str, plain: str | None) -> None:
    assert bases.below(read(f"FROM {base}\n").final, static=False) == plain


@pytest.mark.parametrize(
    ("base", "full"),
    [("node:20", True), ("node", True), ("node:16-stretch", True), ("node:20-slim", False),
     ("node:20-alpine3.20", False),
     ("debian:12", True), ("ubuntu:22.04", False), (None, False)],
)  # fmt: skip
def test_which_images_have_more_than_their_slim_variants(base: str | None, full: bool) -> None:
    assert bases.is_full(base) == full
