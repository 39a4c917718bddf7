"""The applications in fixtures/apps, built as they are and as rewritten.

DOCKOPT_ROUNDS says how often each original is built once more and held against itself (1). DOCKOPT_MEASURE=all also
measures times, one application after the other, which takes some minutes each.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import Options, find
from optimizer.verify.measure import Measurement, Scenario
from optimizer.verify.verdict import Verdict, Verification, Wish

APPS = Path(__file__).parents[2] / "fixtures" / "apps"
ROUNDS = int(os.environ.get("DOCKOPT_ROUNDS", "1"))
TIMES = os.environ.get("DOCKOPT_MEASURE") == "all"

SMOKE = {
    "c": "checksums /etc/debian_version",
    "npm": "node src/check.js",
    "pip": "python -c \"import notes; print(notes.app.test_client().get('/health').text)\"",
    "poetry": "python -m feed_reader sample.xml",
    "site": "cat /usr/share/nginx/html/hours.html",
    "uv": "table-view ports.csv --json",
}
FIXES = {
    "c": {"copy_over_add", "update_with_install", "merge_runs", "clean_package_caches"},
    "npm": {"update_with_install", "clean_package_caches", "manifests_first"},
    "pip": {"copy_over_add", "update_with_install", "clean_package_caches", "manifests_first"},
    "poetry": {"update_with_install", "merge_runs", "clean_package_caches"},
    "site": {"copy_over_add", "update_with_install"},
    "uv": {"clean_package_caches", "manifests_first"},
}


class Proof(NamedTuple):
    """What came of one application."""

    verdict: Verdict
    alarms: tuple[tuple[str, ...], ...]
    """What was held against each further build of the original."""
    said: list[str]


def prove(app: str, chosen: str) -> Proof:
    dockerfile = APPS / app / "Dockerfile"
    text = dockerfile.read_text()
    said: list[str] = []
    with find(chosen, Options(timeout=1800)) as builder:
        smoke = () if builder.can_run() else (SMOKE[app],)
        wish = Wish(smoke=smoke, measure="all" if TIMES else "sizes")
        task = Task(str(dockerfile), str(dockerfile.parent))
        verification = Verification(task, text, builder, wish, said.append)
        verdict = verification.run()
        trials = verification.trials[0]
        alarms = []
        for number in range(ROUNDS if trials.before else 0):
            shot = trials.shoot(trials.source(text), f"itself, {number + 1} of {ROUNDS}", no_cache=True)
            alarms.append(trials.problems(optimize(text, []), "itself", shot).lines)
    return Proof(verdict, tuple(alarms), said)


@pytest.fixture(scope="module")
def proofs(chosen: str, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Proof]]]:
    """Two applications at a time: a build mostly waits, or has one core busy."""
    apps = [
        str(item.callspec.params["app"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path and hasattr(item, "callspec")
    ]
    with ThreadPoolExecutor(1 if TIMES else 2) as pool:
        yield {app: pool.submit(prove, app, chosen) for app in dict.fromkeys(apps)}


@pytest.mark.builds
@pytest.mark.parametrize("app", sorted(SMOKE))
def test_the_everyday_rewrites_are_borne_out(
    app: str, proofs: Mapping[str, Future[Proof]], savings: list[list[str]]
) -> None:
    dockerfile = (APPS / app / "Dockerfile").read_bytes()
    verdict, alarms, said = proofs[app].result()
    print(*said, sep="\n")
    assert verdict.status == "pass", verdict
    assert verdict.outcome is not None
    assert {fix.transform for fix in verdict.outcome.fixes} >= FIXES[app]
    assert (APPS / app / "Dockerfile").read_bytes() == dockerfile
    (measured,) = verdict.measurements
    assert measured.after.unpacked <= measured.before.unpacked
    savings.append([app, *row(measured)])
    assert alarms == ((),) * ROUNDS


def row(measured: Measurement) -> Iterator[str]:
    """The cells of the table that conftest prints."""
    before, after = measured.before, measured.after
    yield change(before.compressed, after.compressed, lambda size: f"{size / 1e6:.1f} MB")
    yield change(before.unpacked, after.unpacked, lambda size: f"{size / 1e6:.1f} MB")
    yield f"{before.layers} → {after.layers}"
    for number in range(3) if TIMES else ():
        yield time(measured.scenarios[number]) if number < len(measured.scenarios) else ""


def time(scenario: Scenario) -> str:
    name = "" if scenario.name == "without cache" else f"{scenario.name.removesuffix(' changed')}: "
    return name + change(scenario.before.median, scenario.after.median, lambda seconds: f"{seconds:.1f} s")


def change(before: float, after: float, show: Callable[[float], str]) -> str:
    return f"{show(before)} → {show(after)} ({(after - before) / before:+.0%})"
