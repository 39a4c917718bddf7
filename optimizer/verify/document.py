"""Verdicts for programs: one JSON object, which `report` describes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from optimizer import __version__
from optimizer.fix import Fix
from optimizer.report.untrusted import mask, secrets
from optimizer.verify.cause import Cause
from optimizer.verify.measure import Measurement, Scenario, Timing
from optimizer.verify.verdict import Verdict

VERSION = 1


def report(verdicts: Sequence[Verdict]) -> str:
    """The report.

    ::

        {"version": 1, "dockopt": "0.1.0", "files": [
          {"path": "Dockerfile",
           "status": "pass",                 # "fail", "unchanged" or "cannot be judged"
           "message": "", "lines": [],       # why it cannot be judged; the builder's own last lines
           "builder": "docker buildx, builder default (docker)",
           "fixes": [{"transform": "merge_runs", "line": 2, "verdict": "pass", "differences": [],
                      "causes": [],        # [{"kind": "missing_library", "library": "libpq.so.5", …}]
                      "repairs": []}],     # ["libpq5 is added: /app/x needs libpq.so.5"]
           "notes": [],
           "predicted": {"before": 31.4, "after": 8.2},   # seconds a commit, with the times of these builds
           "measurements": [                 # one a target that was built; "" is the last stage
             {"target": "", "before": {"layers": 9, "unpacked": 1, "compressed": 1}, "after": {…},   # bytes
              "scenarios": [{"name": "without cache", "before": {"seconds": [1.0], "median": 1.0, "steps": […]},
                             "after": {…}}],
              "replay": null, "notes": []}]}
        ]}
    """
    files = [_file(verdict) for verdict in verdicts]
    return json.dumps({"version": VERSION, "dockopt": __version__, "files": files}, indent=1) + "\n"


def _file(verdict: Verdict) -> dict[str, Any]:
    outcome = verdict.outcome
    hidden = secrets(outcome.before) if outcome else ()
    fixes = [_fix(fix, "pass", hidden) for fix in (outcome.fixes if outcome else ())]
    fixes += (_fix(fix, "fail", hidden, differences, causes) for fix, differences, causes in verdict.failed)
    return {
        "path": verdict.task.path,
        "status": verdict.status,
        "message": mask(verdict.message, hidden),
        "lines": [mask(line, hidden) for line in verdict.lines],
        "builder": verdict.builder,
        "fixes": fixes,
        "notes": [mask(note, hidden) for note in verdict.notes],
        "predicted": verdict.predicted,
        "measurements": [_measurement(each) for each in verdict.measurements],
    }


def _fix(
    fix: Fix, verdict: str, hidden: tuple[str, ...], differences: Sequence[str] = (), causes: Sequence[Cause] = ()
) -> dict[str, Any]:
    told = [{"kind": _kind(cause), **asdict(cause)} for cause in causes]
    return {
        "transform": fix.transform, "line": fix.line, "verdict": verdict,
        "differences": [mask(each, hidden) for each in differences], "causes": told,
        "repairs": [mask(each, hidden) for each in fix.repairs],
    }  # fmt: skip


def _kind(cause: Cause) -> str:
    """The name of the class, as words of a JSON document are written: ``missing_library``."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in type(cause).__name__)[1:]


def _measurement(measured: Measurement) -> dict[str, Any]:
    return {
        "target": measured.target,
        "before": measured.before._asdict(),
        "after": measured.after._asdict(),
        "scenarios": [_scenario(each) for each in measured.scenarios],
        "replay": _scenario(measured.replay) if measured.replay else None,
        "notes": list(measured.notes),
    }


def _scenario(scenario: Scenario) -> dict[str, Any]:
    return {"name": scenario.name, "before": _timing(scenario.before), "after": _timing(scenario.after)}


def _timing(timing: Timing) -> dict[str, Any]:
    steps = [
        {"instruction": step.instruction, "stage": step.stage, "seconds": step.seconds, "ran": step.ran}
        for step in timing.steps
        if step.instruction
    ]
    return {"seconds": list(timing.seconds), "median": timing.median, "steps": steps}
