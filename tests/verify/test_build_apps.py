"""What the everyday rewrites bring to the applications in fixtures/apps: the same image, and smaller."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from optimizer.verify.measure import Measurement, Scenario
from tests.verify.apps import APPS, ROUNDS, SMOKE, TIMES, Proofs

FIXES = {
    "c": {"copy_over_add", "update_with_install", "merge_runs", "clean_package_caches"},
    "npm": {"update_with_install", "clean_package_caches", "manifests_first"},
    "pip": {"copy_over_add", "update_with_install", "clean_package_caches", "manifests_first"},
    "poetry": {"update_with_install", "merge_runs", "clean_package_caches"},
    "site": {"copy_over_add", "update_with_install"},
    "uv": {"clean_package_caches", "manifests_first"},
}


@pytest.mark.builds
@pytest.mark.parametrize("app", sorted(SMOKE))
def test_the_everyday_rewrites_are_borne_out(app: str, proofs: Proofs, savings: Callable[[list[str]], None]) -> None:
    dockerfile = (APPS / app / "Dockerfile").read_bytes()
    verdict, _, alarms, said = proofs[app]
    print(*said, sep="\n")
    assert verdict.status == "pass", verdict
    assert verdict.outcome is not None
    assert {fix.transform for fix in verdict.outcome.fixes} >= FIXES[app]
    assert (APPS / app / "Dockerfile").read_bytes() == dockerfile
    (measured,) = verdict.measurements
    assert measured.after.unpacked <= measured.before.unpacked
    savings([app, *row(measured)])
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
