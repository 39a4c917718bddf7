"""What is copied twice is in the image twice."""

from __future__ import annotations

import pytest

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.engine import Outcome, optimize

SHIPPED = "FROM debian:12-slim\nCOPY . /srv\nRUN tar -xzf /srv/data/cities.tar.gz -C /opt\n"
BUILT = SHIPPED.replace("12-slim", "12-slim AS build") + "FROM scratch\nCOPY --from=build /opt /opt\n"


def narrowed(text: str, size: int) -> Outcome:
    context = MemoryContext({"data/cities.tar.gz": "x" * size, "main.py": "", "lib/other.py": "", "more/x.py": ""})
    return optimize(text, registry.choose(select=["narrow_copy"]).transforms, context=context)


@pytest.mark.parametrize(
    ("text", "size", "moves"), [(SHIPPED, 900_000, 1), (SHIPPED, 1_100_000, 0), (BUILT, 1_100_000, 1)]
)
def test_what_is_large_is_shipped_once(text: str, size: int, moves: int) -> None:
    outcome = narrowed(text, size)
    assert len(outcome.fixes) == moves, outcome.refusals
    assert moves or "would be in the image twice (1.1 MB)" in outcome.refusals[0].reason
