"""From a working copy to the plans of its requests: one commit a transform, each a whole rewrite by itself."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from optimizer import registry, runner
from optimizer.bot.plan import About, Commit, File, Measured, Plan
from optimizer.bot.secret import hidden
from optimizer.bot.tree import Tree
from optimizer.config import FILE, BotSettings
from optimizer.document import ParseError, parse
from optimizer.engine import Accept
from optimizer.fix import Transform
from optimizer.runner import Result, Task
from optimizer.source import Unreadable, decode, read
from optimizer.tasks import Ask, from_paths

ALL = "all"
"""The word behind the prefix in the name of the branch for all Dockerfiles."""
ONBOARDING = "onboarding"
"""The word behind the prefix in the name of the branch that lets the bot in."""
MOST_INSTRUCTIONS = 500
"""Instructions of the longest Dockerfile that is worked on; the corpus has none with more than 180. The time that it
takes grows faster than their number."""
PATIENCE = 600.0
"""Seconds for all Dockerfiles of a repository; builds do not count."""
_WANTED = runner.Plan(contents=True, refusals=True)
_SAFE = re.compile(r"[^A-Za-z0-9]+")


class TooLong(Exception):
    """The Dockerfiles of a repository take more time than there is."""


class Judgement(NamedTuple):
    """What builds say of one Dockerfile: which fixes may be applied, and what they bring."""

    task: Task | None = None
    """With the rules under which it was built."""
    accept: Accept | None = None
    measured: tuple[Measured, ...] = ()
    failure: str = ""
    """Why nothing may be said; nothing is proposed then."""


Judge = Callable[[Task], Judgement]


class Proposals(NamedTuple):
    """What there is to propose for a repository."""

    plans: tuple[Plan, ...] = ()
    problems: tuple[str, ...] = ()
    """What went wrong with files: the others are proposed all the same."""


def proposals(tree: Tree, ask: Ask, settings: BotSettings, judge: Judge | None = None) -> Proposals:
    """The plans for a repository, by the names of their branches.

    :raises TooLong: where they take more time than there is.
    """
    until = time.monotonic() + PATIENCE
    problems: list[str] = []
    tasks: dict[str, list[Task]] = {}
    for path, task in dockerfiles(tree, ask, problems):
        tasks.setdefault(branch(settings, path), []).append(task)
    plans = []
    for name in sorted(tasks):
        planner = _Planner(tree, settings, judge, until)
        if (plan := planner.plan(name, tasks[name])) is not None:
            plans.append(plan)
        problems += planner.problems
    return Proposals(tuple(plans), tuple(hidden(each) for each in problems))


def dockerfiles(tree: Tree, ask: Ask, problems: list[str]) -> Iterator[tuple[str, Task]]:
    """The Dockerfiles of a working copy, with their paths in the repository.

    Those with too many instructions are left alone. A build context that lies outside of it, as a Compose file may
    say, counts as none.

    :param problems: is told what is wrong with settings, and what is left alone.
    """
    found = from_paths([str(tree.root)], ask)
    problems += (tree.shown(str(each)) for each in found.settings)
    for task in found.tasks:
        path = tree.path(task.path)
        if path is None or path not in tree.entries:
            continue
        if (count := _instructions(task.path)) > MOST_INSTRUCTIONS:
            problems.append(f"{path}: it has {count:,} instructions, more than any real one: left alone")
        else:
            context = task.context if task.context is not None and tree.holds(task.context) else None
            yield path, task._replace(context=context)


def _instructions(path: str) -> int:
    """How many instructions a Dockerfile has; 0 for what cannot be read, which is told where it is worked on."""
    try:
        return len(parse(decode(read(path))).instructions)
    except (Unreadable, ParseError):
        return 0


def branch(settings: BotSettings, path: str) -> str:
    """The branch of the request for a Dockerfile."""
    folder = os.path.dirname(path)
    if settings.request_per == "repository":
        return f"{settings.branch}/{ALL}"
    word = _SAFE.sub("-", folder).strip("-")[:60] or "root"
    # Two folders may look the same as a word; "root" and what is all of one look like themselves.
    unlike = word != (folder or "root") or folder in ("root", ALL, ONBOARDING)
    return (
        f"{settings.branch}/{word}" + f"-{hashlib.sha256(folder.encode('utf-8', 'replace')).hexdigest()[:8]}" * unlike
    )


def onboarding(tree: Tree, settings: BotSettings) -> Plan | None:
    """The plan that lets the bot in when it is merged; None where the repository has said something already."""
    if settings.enabled is not None or FILE in tree.entries:
        return None
    text = "# Lets dockopt open requests that make builds of this repository's Dockerfiles smaller and faster.\n"
    file = File(FILE, None, f"{text}[bot]\nenabled = true\n".encode())
    return Plan(
        f"{settings.branch}/{ONBOARDING}",
        (Commit(f"{settings.title}Let dockopt propose changes to Dockerfiles", (file,)),),
        title=f"{settings.title}Let dockopt propose changes to Dockerfiles",
    )


class _Planner:
    def __init__(self, tree: Tree, settings: BotSettings, judge: Judge | None, until: float) -> None:
        self.tree = tree
        self.settings = settings
        self.judge = judge
        self.until = until
        self.judgements: dict[str, Judgement] = {}
        self.problems: list[str] = []

    def plan(self, name: str, tasks: Sequence[Task]) -> Plan | None:
        """The plan for some Dockerfiles; None where nothing is to change."""
        whole = list(self.results(self.judged(tasks)))
        for result in whole:
            if failure := result.failure:
                place = ":".join(str(each) for each in (result.task.path, failure.line, failure.column) if each)
                self.problems.append(f"{self.tree.shown(place)}: {self.tree.shown(failure.message)}")
        changing = [result for result in whole if result.failure is None and result.changed]
        commits = tuple(self.commits(changing))
        if not commits:
            return None
        abouts = tuple(self.about(result) for result in whole if result.failure is None)
        return Plan(name, commits, abouts, f"{self.settings.title}Make Docker builds smaller and faster")

    def judged(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks that builds can say something of, and with what these accept put down."""
        if self.judge is None:
            return list(tasks)
        kept = []
        for task in tasks:
            judgement = self.judgements[task.path] = self.judge(task)
            if judgement.failure:
                self.problems.append(f"{self.tree.shown(task.path)}: {self.tree.shown(judgement.failure)}")
            else:
                kept.append(judgement.task or task)
        return kept

    def results(self, tasks: Sequence[Task]) -> Iterator[Result]:
        if self.judge is not None:
            yield from (runner.process(task, _WANTED, self.judgements[task.path].accept) for task in tasks)
            return
        for result in runner.results(tasks, _WANTED, 1):
            if time.monotonic() > self.until:
                raise TooLong
            yield result

    def commits(self, changing: Sequence[Result]) -> Iterator[Commit]:
        """A commit a transform, in the order in which they run: each is the rewrite by all transforms up to it.

        So each is held against its own input by the same checks, and builds if the original does. A transform that
        can do nothing without a later one goes with that one.
        """
        used = {note.transform for result in changing for note in result.fixes}
        every = [each.name for each in registry.load()]
        steps = [each for each in registry.load() if each.name in used]
        last: dict[str, bytes | None] = {path: data for each in changing for path, data in self.changes(each).items()}
        files = {path: self.before(path) for path in last}
        waiting = []
        for number, transform in enumerate(steps, 1):
            waiting.append(transform)
            state = last
            if number < len(steps):
                left_out = tuple(set(every).difference(each.name for each in steps[:number]))
                tasks = [
                    result.task._replace(rules=result.task.rules._replace(ignore=left_out), overlay=())
                    for result in changing
                ]
                state = {path: self.before(path) for path in last}
                for result in self.results(tasks):
                    state.update((path, data) for path, data in self.changes(result).items() if path in last)
            changed = {path: data for path, data in state.items() if data is not None and data != files[path]}
            if not changed:
                continue
            files |= changed
            yield Commit(
                self.message(waiting),
                tuple(File(path, self.before(path), data) for path, data in sorted(changed.items())),
            )
            waiting = []

    def message(self, transforms: Sequence[Transform]) -> str:
        """Nothing of the repository stands in it: forges obey what they find in commits."""
        lines = [f"{each.name}: {each.summary}" for each in transforms]
        if len(lines) == 1:
            return f"{self.settings.title}{lines[0]}"
        names = ", ".join(each.name for each in transforms)
        return "\n".join([f"{self.settings.title}{names}", "", *(f"- {line}" for line in lines)])

    def changes(self, result: Result) -> dict[str, bytes]:
        """The files of a result by their paths in the repository; nothing is written that is none of its files."""
        paths = ((self.tree.path(change.path), change.after) for change in result.changes)
        return {path: after for path, after in paths if path is not None}

    def before(self, path: str) -> bytes | None:
        if path not in self.tree.entries:
            return None
        with open(self.tree.root / path, "rb") as file:
            return file.read()

    def about(self, result: Result) -> About:
        shown = self.tree.shown
        return About(
            self.tree.path(result.task.path) or "",
            tuple(note._replace(reason=shown(note.reason), saves=shown(note.saves)) for note in result.fixes),
            len(result.suggestions),
            tuple(each._replace(reason=shown(each.reason)) for each in result.refusals),
            self.judgements.get(result.task.path, Judgement()).measured,
        )
