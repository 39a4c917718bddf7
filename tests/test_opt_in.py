"""Transforms that run only when they are named."""

from __future__ import annotations

from optimizer import registry
from optimizer.runner import Plan, Rules, Task, process

TEXT = b"FROM python:3.12-slim\nRUN pip install flask\n"


def names(**choice: object) -> set[str]:
    return {each.name for each in registry.choose(**choice).transforms}  # type: ignore[arg-type]


def test_all_means_all_but_those_that_have_to_be_named() -> None:
    assert "cache_mounts" not in names() | names(suggested=True)
    assert names(enable=["cache_mounts"]) == {*names(), "cache_mounts"}
    assert names(select=["cache_mounts"]) == {"cache_mounts"}
    assert names(select=["merge_runs"], enable=["cache_mounts"]) == {"cache_mounts", "merge_runs"}
    assert "cache_mounts" not in names(enable=["cache_mounts"], ignore=["cache_mounts"])


def test_what_is_named_is_applied_and_goes_before_the_cleaning() -> None:
    result = process(Task("Dockerfile", data=TEXT, rules=Rules(enable=("cache_mounts",))), Plan(contents=True))
    assert [note.transform for note in result.fixes] == ["cache_mounts"]
    assert b"--mount=type=cache,target=/root/.cache/pip pip install flask" in result.changes[0].after
    assert b"--no-cache-dir" in process(Task("Dockerfile", data=TEXT), Plan(contents=True)).changes[0].after
