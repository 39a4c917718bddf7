"""Commands in containers of real images: what the program did, it must still do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from optimizer.engine import Outcome
from optimizer.runner import Task
from optimizer.verify import behaviour
from optimizer.verify.builder import Builder, CannotJudge, Limits
from optimizer.verify.trial import Trials

BASE = "FROM debian:bookworm-slim\n"
LIMITS = Limits(seconds=5.0, output=10_000)

Differences = Callable[..., list[str]]


@pytest.fixture
def differences(builder: Builder) -> Differences:
    """Builds two texts and says what commands do otherwise, and what is noted."""
    if reason := builder.can_run():
        pytest.skip(reason)

    def find(before: str, after: str, *smoke: str) -> list[str]:
        trials = Trials(Task("Dockerfile"), BASE + before, builder, "", smoke, print, LIMITS)
        trials.original()
        trials.original()
        shot = trials.shoot(trials.source(BASE + after), "after", no_cache=True)
        outcome = Outcome(BASE + before, BASE + after, (), (), (), ())
        found = trials.problems(outcome, "after", shot)
        return [each for each in found.lines if each.startswith(("--smoke", "HEALTHCHECK: "))] + trials.behaviour.notes

    return find


@pytest.mark.builds
@pytest.mark.parametrize(
    ("before", "after", "smoke", "found"),
    [
        ("RUN echo 1 >/a", "RUN echo 1 >/a", "cat /a", []),
        ("RUN echo 1 >/a", "RUN echo 2 >/a", "cat /a", ["--smoke 'cat /a': other output: 2"]),
        ("RUN echo 1 >/a", "RUN true", "test -e /a", ["--smoke 'test -e /a': status 1 instead of 0"]),
        ("RUN date +%N >/a", "RUN date +%N >/a", "cat /a", []),
        ("ENV A=1", "ENV A=2", "printenv A", ["--smoke 'printenv A': other output: 2"]),
        ("RUN true", "RUN rm /bin/cat", "cat /etc/hostname", ["--smoke 'cat /etc/hostname': status 127 instead of 0"]),
    ],
)
def test_a_smoke_command_does_the_same(
    differences: Differences, before: str, after: str, smoke: str, found: list[str]
) -> None:
    told = differences(before, after, smoke)
    assert len(told) == len(found)
    assert all(one.startswith(two) for one, two in zip(told, found, strict=True)), told


@pytest.mark.builds
@pytest.mark.parametrize(
    ("smoke", "why"),
    [
        ("sleep 60", "no end within 5 s"),
        ("yes", "more than 10000 bytes of output"),
        ("sh -c 'echo why; exit 7'", "status 7"),
        ("bash -c ': </dev/tcp/127.0.0.1/80'", "status 1"),
        ("sh -c 'ls /sys/class/net | grep -v lo'", "status 1"),
    ],
)
def test_a_smoke_command_is_confined(differences: Differences, smoke: str, why: str) -> None:
    with pytest.raises(CannotJudge) as raised:
        differences("RUN true", "RUN true", smoke)
    assert f"already fails before the rewrite ({why})" in raised.value.message


@pytest.mark.builds
def test_a_health_check_must_still_succeed(differences: Differences, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviour, "START", 4.0)
    probe = "HEALTHCHECK CMD grep -q {} /proc/[0-9]*/cmdline || {{ echo down; exit 3; }}\nCMD sleep 1; exec sleep {}\n"
    up, down = probe.format("[8]765", 8765), probe.format("[8]765", 1234)
    assert differences(up, up) == []
    assert differences(up, down) == ["HEALTHCHECK: status 3 instead of 0: down"]
    assert differences(down, down) == [
        "HEALTHCHECK was not run: it does not succeed without network, even before the rewrite: down"
    ]
