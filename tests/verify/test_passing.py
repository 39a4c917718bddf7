"""A build that a fault of the network ended is done again, and no fix is blamed for it."""

from __future__ import annotations

import pytest

from optimizer.verify import builder as builders
from optimizer.verify.builder import BuildFailed, Source
from optimizer.verify.passing import last, may_pass
from tests.verify.fake import FakeBuilder

APT = "E: Failed to fetch http://deb.debian.org/x.deb  Temporary failure resolving 'deb.debian.org'"
EMPTY_LISTS = ("W: Some index files failed to download. They have been ignored.", "E: Unable to locate package brotli")
NPM = "npm error code EAI_AGAIN"
PIP = "WARNING: Retrying after connection broken by 'ReadTimeoutError(\"HTTPSConnectionPool(host='x', port=443)\")'"


@pytest.mark.parametrize("lines", [(APT,), EMPTY_LISTS, (NPM,), (PIP, "ERROR: No matching distribution found for x")])
def test_what_package_managers_say_of_a_network_that_is_away(lines: tuple[str, ...]) -> None:
    assert may_pass(lines)


@pytest.mark.parametrize(
    "line",
    [
        "E: Unable to locate package brotli",
        "npm error code E404",
        "ERROR: No matching distribution found for flask==99",
        "sh: 1: cc: not found",
        "",
    ],
)
def test_what_is_wrong_with_a_dockerfile_stays_wrong(line: str) -> None:
    assert not may_pass((line,))


def test_what_tells_of_it_is_kept_of_all_that_a_step_says() -> None:
    fault = "Err:6 http://deb.debian.org Packages  Could not connect to deb.debian.org:80, connection timed out"
    said: list[str] = []
    for line in ("Get:1", fault, EMPTY_LISTS[0], *(f"Unpacking {number}" for number in range(99)), "E: held packages"):
        said = last([*said, line], 3)
    assert said == [fault, "Unpacking 97", "Unpacking 98", "E: held packages"]
    assert may_pass(said)
    assert last(["a", "b", "c", "d"], 3) == ["b", "c", "d"]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builders, "PAUSE", 0)


def test_a_build_is_done_again_when_the_network_was_away() -> None:
    ends = iter([APT, {"a": b"a"}])
    with FakeBuilder(lambda text: next(ends)) as builder:  # type: ignore[arg-type, return-value]
        built = builder.build(Source("FROM x\n", None))
        assert builder.images[built.image] == {"a": b"a"}


def test_it_is_done_again_once() -> None:
    with FakeBuilder(lambda text: APT) as builder:
        with pytest.raises(BuildFailed):
            builder.build(Source("FROM x\n", None))
        assert len(builder.built) == 2


def test_what_fails_for_another_reason_is_not_done_again() -> None:
    with FakeBuilder(lambda text: "cc: not found") as builder:
        with pytest.raises(BuildFailed):
            builder.build(Source("FROM x\n", None))
        assert len(builder.built) == 1
