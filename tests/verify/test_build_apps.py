"""The applications in fixtures/apps, built as they are and as rewritten.

DOCKOPT_ROUNDS says how often each original is built once more and held against itself (1).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import Builder
from optimizer.verify.verdict import Verification, Wish

APPS = Path(__file__).parents[2] / "fixtures" / "apps"
ROUNDS = int(os.environ.get("DOCKOPT_ROUNDS", "1"))

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
    "npm": {"update_with_install", "clean_package_caches"},
    "pip": {"copy_over_add", "update_with_install", "clean_package_caches"},
    "poetry": {"update_with_install", "merge_runs", "clean_package_caches"},
    "site": {"copy_over_add", "update_with_install"},
    "uv": {"clean_package_caches"},
}


@pytest.mark.builds
@pytest.mark.parametrize("app", sorted(SMOKE))
def test_the_everyday_rewrites_are_borne_out(app: str, builder: Builder, savings: list[str]) -> None:
    dockerfile = APPS / app / "Dockerfile"
    text = dockerfile.read_text()
    task = Task(str(dockerfile), str(dockerfile.parent))
    smoke = () if builder.can_run() else (SMOKE[app],)
    verification = Verification(task, text, builder, Wish(smoke=smoke, measure="sizes"), print)
    verdict = verification.run()
    assert verdict.status == "pass", verdict
    assert verdict.outcome is not None
    assert {fix.transform for fix in verdict.outcome.fixes} >= FIXES[app]
    assert dockerfile.read_text() == text
    before, after = verdict.measurements[0].before, verdict.measurements[0].after
    assert after.unpacked <= before.unpacked
    savings.append(
        f"{app:7} {before.unpacked / 1e6:6.1f} MB -> {after.unpacked / 1e6:6.1f} MB, compressed "
        f"{before.compressed / 1e6:6.1f} MB -> {after.compressed / 1e6:6.1f} MB, "
        f"{before.layers:2} layers -> {after.layers:2}"
    )

    (trials,) = verification.trials
    itself = optimize(text, [])
    for number in range(ROUNDS):
        shot = trials.shoot(trials.source(text), f"itself, {number + 1} of {ROUNDS}", no_cache=True)
        assert trials.problems(itself, "itself", shot) == []
