"""Goes through the fixes of Dockerfiles one by one with the user, as ``git add -p`` goes through hunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.fix import Fix
from optimizer.report import terminal
from optimizer.report.console import Console
from optimizer.report.untrusted import secrets
from optimizer.runner import Plan, Result, Task, companion_change, note, process

HELP = """\
y  apply this fix
n  leave it out
a  apply this fix and all later ones of the same transform, in all files
d  leave this fix out, and all later ones of the same transform, in all files
u  undo: ask the last question of this file again
q  quit: leave this fix out, and all that come after it
?  this help"""


class _Undo(BaseException):
    """The last answer is taken back. No Exception: process() would take it for an internal error."""


def review(tasks: Sequence[Task], plan: Plan, console: Console) -> Iterator[Result]:
    """The results with the fixes that the user accepts, until the user has enough."""
    answers = _Answers(console)
    for task in tasks:
        yield answers.review(task, plan)
        if answers.enough:
            return


class _Answers:
    """What the user has said: ``given`` in this file, ``standing`` about all later fixes of a transform."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.enough = False
        self.standing: dict[str, bool] = {}
        self.given: list[str] = []

    def review(self, task: Task, plan: Plan) -> Result:
        """Ask about each fix; when an answer is taken back, those before it are given again unasked."""
        standing = self.standing
        self.given = []
        while True:
            self.standing = dict(standing)
            replay = iter(tuple(self.given))

            def accept(fix: Fix, before: str, after: str, replay: Iterator[str] = replay) -> bool:
                if self.enough:
                    return False
                if fix.transform not in self.standing:
                    answer = next(replay, "") or self.ask(task, fix, before, after)
                    self.enough = answer == "q"
                    if answer in "ad":
                        self.standing[fix.transform] = answer == "a"
                    return answer in "ya"
                return self.standing[fix.transform]

            try:
                return process(task, plan, accept)
            except _Undo:
                self.given.pop()

    def ask(self, task: Task, fix: Fix, before: str, after: str) -> str:
        """Show a fix and get an answer that decides about it."""
        style = self.console.err_style
        self.console.err(terminal.at(task.path, fix.line, terminal.fix(note(fix, secrets(before)), style), style))
        self.console.err(terminal.show_diff(task.path, before.encode(), after.encode(), style))
        for companion in fix.companions:
            change = companion_change(task, companion.path, companion.text)
            self.console.err(terminal.show_diff(change.path, change.before, change.after, style))
        while True:
            answer = self.console.ask(f"Apply {fix.transform}? [y,n,a,d,u,q,?] ").lower()
            if answer in ("y", "n", "a", "d", "q"):
                self.given.append(answer)
                return answer
            if answer == "u" and self.given:
                raise _Undo
            self.console.err("There is nothing to undo in this file." if answer == "u" else HELP)
