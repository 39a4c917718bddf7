"""The applications in fixtures/apps, built and proved once for all tests.

DOCKOPT_ROUNDS says how often each original is built once more and held against itself (1). DOCKOPT_MEASURE=all also
measures times, which takes some minutes each: do not run tests beside one another then.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import Options, find
from optimizer.verify.trial import Trials
from optimizer.verify.verdict import Verdict, Verification, Wish

APPS = Path(__file__).parents[2] / "fixtures" / "apps"
ROUNDS = int(os.environ.get("DOCKOPT_ROUNDS", "1"))
TIMES = os.environ.get("DOCKOPT_MEASURE") == "all"
Kept = TypeVar("Kept")

SMOKE = {
    "c": "checksums /etc/debian_version",
    "npm": "node src/check.js",
    "pip": "python -c \"import notes; print(notes.app.test_client().get('/health').text)\"",
    "poetry": "python -m feed_reader sample.xml",
    "site": "cat /usr/share/nginx/html/hours.html",
    "uv": "table-view ports.csv --json",
}


class Proof(NamedTuple):
    """What came of one application."""

    verdict: Verdict
    trials: Trials
    alarms: tuple[tuple[str, ...], ...]
    """What was held against each further build of the original."""
    said: list[str]


class Latest(dict[str, Kept]):
    """What is built when it is first asked for, and removed when the next is: tests of one image come in a row."""

    def __init__(self, make: Callable[[str, ExitStack], Kept]) -> None:
        super().__init__()
        self.make, self.stack = make, ExitStack()

    def __missing__(self, name: str) -> Kept:
        self.close()
        self[name] = self.make(name, self.stack)
        return self[name]

    def close(self) -> None:
        self.clear()
        self.stack.close()


Proofs = Latest[Proof]
"""What came of the applications."""


def prove(chosen: str, app: str, stack: ExitStack) -> Proof:
    """Build an application, and put what the everyday rewrites make of it to the proof."""
    dockerfile = APPS / app / "Dockerfile"
    text = dockerfile.read_text()
    said: list[str] = []
    builder = stack.enter_context(find(chosen, Options(timeout=1800)))
    smoke = () if builder.can_run() else (SMOKE[app],)
    wish = Wish(smoke=smoke, measure="all" if TIMES else "sizes")
    verification = Verification(Task(str(dockerfile), str(dockerfile.parent)), text, builder, wish, said.append)
    verdict = verification.run()
    (trials,) = verification.trials
    alarms = []
    for number in range(ROUNDS if trials.before else 0):
        shot = trials.shoot(trials.source(text), f"itself, {number + 1} of {ROUNDS}", no_cache=True)
        alarms.append(trials.problems(optimize(text, []), "itself", shot).lines)
    return Proof(verdict, trials, tuple(alarms), said)
