"""Measured builds whose times are known beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.engine import Outcome
from optimizer.runner import Task
from optimizer.verify.builder import Builder
from optimizer.verify.measure import Measurement, measure
from optimizer.verify.trial import Trials
from tests.repositories import commit, git
from tests.verify.test_measure import write

BEFORE = "FROM debian:bookworm-slim\nCOPY . /app\nRUN sleep 3 && cat /app/package.json\n"
AFTER = "FROM debian:bookworm-slim\nCOPY package.json /app/\nRUN sleep 3 && cat /app/package.json\nCOPY . /app\n"


def measured(builder: Builder, context: Path, replay: int) -> Measurement:
    write(context, Dockerfile=BEFORE)
    trials = Trials(Task(str(context / "Dockerfile"), str(context)), BEFORE, builder, "", (), print)
    outcome = Outcome(BEFORE, AFTER, (), (), (), ())
    trials.original()
    trials.after.append(trials.shoot(trials.source(AFTER), "after", no_cache=True).built)
    trials.original()
    return measure(trials, outcome, replay=replay)


@pytest.mark.builds
def test_what_a_better_order_brings(builder: Builder, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    write(tmp_path, main_py="first", package_json="{}")
    commit(tmp_path)
    for number in range(3):
        write(tmp_path, main_py=str(number), package_json="{}" if number < 2 else '{"a": 1}')
        commit(tmp_path)
    found = measured(builder, tmp_path, replay=3)
    cold, source, manifest = found.scenarios
    assert [each.name for each in found.scenarios] == ["without cache", "main.py changed", "package.json changed"]
    assert min(*cold.before.seconds, *cold.after.seconds, *manifest.after.seconds, *source.before.seconds) > 3
    assert source.after.median < 3 < source.before.median
    assert [step.instruction.split()[0] for step in source.after.steps if step.ran] == ["COPY"]
    assert [step.instruction.split()[0] for step in source.before.steps if step.ran] == ["COPY", "RUN"]
    assert found.replay is not None
    assert [seconds > 3 for seconds in found.replay.before.seconds] == [True, True, True]
    assert [seconds > 3 for seconds in found.replay.after.seconds] == [False, False, True]
    assert (found.before.layers, found.after.layers) == (3, 4)
    assert found.before.compressed < found.before.unpacked
    assert found.notes == ()
    assert git(tmp_path, "status", "--porcelain").split() == ["??", "Dockerfile"]
    assert (tmp_path / "main.py").read_text() == "2"
