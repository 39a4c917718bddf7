"""What builds say of a Dockerfile before anything is proposed for it."""

from __future__ import annotations

import os
from pathlib import Path
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
        if name := leading_out(task):
            return Judgement(failure=f"the named context {name} lies outside of the repository: not built")
        task = task._replace(rules=task.rules._replace(suggested=True))
        verdict = _judge(task, builder, options, Wish(), Console("never", quiet=True))
        if verdict.status == "cannot be judged":
            return Judgement(failure=f"no build could bear out its fixes: {verdict.message}")
        return Judgement(verdict.task, verdict.accept, tuple(map(_measured, verdict.measurements)))

    return judged


def leading_out(task: Task) -> str:
    """The named context of a Dockerfile's build that is a folder outside of its repository; "" where there is none.

    It would be handed to the commands of somebody else's Dockerfile.
    """
    from optimizer.discovery import discover
    from optimizer.repository import up_to_root

    root = os.path.realpath(up_to_root(Path(os.path.abspath(task.path)).parent)[-1])
    for found in discover([Path(task.path)]).found:
        for name, value in found.contexts:
            for source in found.sources:
                place = os.path.realpath(source.parent / value)
                if os.path.exists(place) and os.path.commonpath([root, place]) != root:
                    return name
    return ""


def _measured(found: Measurement) -> Measured:
    times = tuple((each.name, each.before.median, each.after.median) for each in found.scenarios)
    return Measured(found.target, found.before.compressed, found.after.compressed, times)
