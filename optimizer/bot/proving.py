"""What builds say of a Dockerfile before anything is proposed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.bot.plan import Measured
from optimizer.bot.planning import Judge, Judgement

if TYPE_CHECKING:
    from optimizer.runner import Task
    from optimizer.verify.measure import Measurement


def judge(builder: str, timeout: float) -> Judge:
    """Asks a builder, by its name; suggested fixes are among those that it may bear out."""
    from optimizer.report.console import Console
    from optimizer.verify.builder import Options
    from optimizer.verify.run import _judge
    from optimizer.verify.verdict import Wish

    options = Options(timeout=timeout)

    def judged(task: Task) -> Judgement:
        task = task._replace(rules=task.rules._replace(suggested=True))
        verdict = _judge(task, builder, options, Wish(), Console("never", quiet=True))
        if verdict.status == "cannot be judged":
            return Judgement(failure=f"no build could bear out its fixes: {verdict.message}")
        return Judgement(verdict.task, verdict.accept, tuple(map(_measured, verdict.measurements)))

    return judged


def _measured(found: Measurement) -> Measured:
    times = tuple((each.name, each.before.median, each.after.median) for each in found.scenarios)
    return Measured(found.target, found.before.compressed, found.after.compressed, times)
