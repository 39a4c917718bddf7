"""Says of each fix whether a real build bears it out, and finds the fix at fault where the whole fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from optimizer.runner import predicted, rewrite
from optimizer.source import decode, read
from optimizer.verify.builder import Builder, BuilderError, BuildFailed, CannotJudge
from optimizer.verify.cause import Cause, Problems
from optimizer.verify.trial import Shot, Tell, Trials

if TYPE_CHECKING:
    from optimizer.engine import Accept, Outcome
    from optimizer.fix import Edit, Fix
    from optimizer.runner import Task
    from optimizer.verify.measure import Measurement
    from optimizer.verify.progress import Step

Status = Literal["pass", "fail", "unchanged", "cannot be judged"]

Measure = Literal["all", "sizes", "nothing"]
"""What is measured besides a replay; times take builds of their own."""

PATIENCE = 3
"""Fixes of one transform that fail until all its others are left out unasked."""
REPAIRS = 2
"""How often one fix is made anew after what its build has lacked."""


class Failed(NamedTuple):
    """A fix that a build does not bear out, and what it does to the image."""

    fix: Fix
    differences: tuple[str, ...]
    causes: tuple[Cause, ...] = ()
    """What is known of why: for what mends a rewrite."""


@dataclass(frozen=True)
class Verdict:
    """What came of one Dockerfile."""

    task: Task
    """With what builds have taught among its options."""
    status: Status
    message: str = ""
    """Why it cannot be judged."""
    lines: tuple[str, ...] = ()
    """The builder's own last lines."""
    builder: str = ""
    outcome: Outcome | None = None
    """The rewrite without the fixes that fail."""
    failed: tuple[Failed, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    timings: tuple[Step, ...] = ()
    """The steps of its builds without cache, each with what it took."""
    accept: Accept | None = field(default=None, compare=False)
    """Accepts what was borne out, and nothing else."""

    @property
    def predicted(self) -> Mapping[str, float] | None:
        """Seconds a commit that a rebuild takes by the history and the times of these builds, before and after."""
        outcome = self.outcome
        if outcome is None or outcome.after == outcome.before or not self.timings:
            return None
        return predicted(self.task, outcome, self.timings)


class Wish(NamedTuple):
    """What the user wants of a verification."""

    targets: tuple[str, ...] = ()
    """The stages to build; none: the last one, and those that are built by name."""
    smoke: tuple[str, ...] = ()
    replay: int = 0
    """Of so many last commits the builds are measured, whatever else is."""
    measure: Measure = "all"


class Made(NamedTuple):
    """A fix as it was made: its lines are those of the text before it, which others may have changed already."""

    fix: Fix
    before: str

    @property
    def key(self) -> Key:
        return key(self.fix, self.before)

    @property
    def place(self) -> Place:
        """The transform and the stage: of these there is one fix, whatever builds teach it."""
        from optimizer.model import read

        stages = [each.index for each in read(self.before).stages if each.origin.line <= self.fix.line]
        return self.fix.transform, max(stages, default=0)


Place = tuple[str, int]
Key = tuple[object, ...]


def key(fix: Fix, before: str) -> Key:
    """What makes a fix the same one in another run: what it does to which lines."""
    edits = tuple((_lines(before, edit), edit.text) for edit in fix.edits)
    return (fix.transform, fix.reason, edits, fix.companions)


def _lines(text: str, edit: Edit) -> str:
    end = text.find("\n", edit.end)
    return text[text.rfind("\n", 0, edit.start) + 1 : end if end >= 0 else len(text)]


def verify(task: Task, builder: Builder, wish: Wish, tell: Tell = lambda text: None) -> Verdict:
    """Build a Dockerfile as it is and as rewritten, compare, and measure. Whatever goes wrong is in the verdict."""
    try:
        text = decode(read(task.path) if task.data is None else task.data)
        return Verification(task, text, builder, wish, tell).run()
    except BuilderError as error:
        return Verdict(task, "cannot be judged", error.message, error.lines, builder.describe())


class Verification:
    """One Dockerfile put to the proof."""

    def __init__(self, task: Task, text: str, builder: Builder, wish: Wish, tell: Tell) -> None:
        self.task = task
        self.text = text
        self.builder = builder
        self.wish = wish
        self.tell = tell
        targets = wish.targets or ("", *(target for target in task.targets if task.targets_known))
        self.trials = [Trials(task, text, builder, target, wish.smoke, tell) for target in dict.fromkeys(targets)]
        if wish.smoke and (reason := builder.can_run()):
            raise CannotJudge(f"--smoke cannot be run: {reason}")
        self.denied: set[Key] = set()
        self.failures: Counter[str] = Counter()
        self.unmended: dict[Place, Problems] = {}
        """What spoke against fixes before they were made anew."""

    def run(self) -> Verdict:
        outcome = self.rewritten(self.accept)
        if not outcome.changed:
            return Verdict(self.task, "unchanged", builder=self.builder.describe(), outcome=outcome)
        problems = Problems()
        for trials in self.trials:
            problems += self.first(trials, outcome)
        failed: list[Failed] = []
        while problems:
            position, problems = self.culprit(outcome, problems)
            made = self.made()[position]
            repaired = self.learn(made, problems)
            if not repaired:
                failed.append(self.deny(made, outcome.fixes[position], problems))
            outcome = self.rewritten(self.accept)
            what = f"with {made.fix.transform} repaired" if repaired else "without what failed"
            problems = self.problems(outcome, what) if outcome.changed else Problems()
        notes = tuple(dict.fromkeys(note for trials in self.trials for note in trials.behaviour.notes))
        return Verdict(
            self.task,
            "fail" if failed else "pass",
            builder=self.builder.describe(),
            outcome=outcome,
            failed=tuple(failed),
            measurements=self.measured(outcome),
            notes=notes,
            timings=tuple(step for trials in self.trials for built in trials.uncached for step in built.steps),
            accept=self.accept,
        )

    def first(self, trials: Trials, outcome: Outcome) -> Problems:
        """Build the original twice and the rewrite once, all without cache and by turns."""
        trials.original()
        shot: Shot | BuildFailed
        try:
            shot = trials.shoot(trials.source(outcome.after, outcome.companions), "rewritten", no_cache=True)
            trials.after.append(shot.built)
        except BuildFailed as error:
            shot = error
        trials.original()
        return trials.problems(outcome, "rewritten", shot)

    def problems(self, outcome: Outcome, what: str) -> Problems:
        return sum((trials.problems(outcome, what) for trials in self.trials), Problems())

    def culprit(self, outcome: Outcome, problems: Problems) -> tuple[int, Problems]:
        """The fix with which the rewrite begins to fail, by bisection over the fixes in the order of their making."""
        good, bad = 0, len(outcome.fixes)
        while bad - good > 1:
            middle = (good + bad) // 2
            found = self.problems(self.rewritten(self.only(middle)), f"with {middle} of {len(outcome.fixes)} fixes")
            if found:
                bad, problems = middle, found
            else:
                good = middle
        return bad - 1, problems

    def rewritten(self, accept: Accept) -> Outcome:
        """The rewrite with the fixes that are accepted, in the order of their making."""
        return rewrite(self.task, self.text, accept)

    def accept(self, fix: Fix, before: str, after: str) -> bool:
        """Whether a fix may be made: it, and those like it, have not failed."""
        return key(fix, before) not in self.denied and self.failures[fix.transform] < PATIENCE

    def only(self, number: int) -> Accept:
        """Accept so many fixes, and none after them."""
        left = number

        def accept(fix: Fix, before: str, after: str) -> bool:
            nonlocal left
            accepted = left > 0 and self.accept(fix, before, after)
            left -= accepted
            return accepted

        return accept

    def made(self) -> list[Made]:
        """The fixes of the rewrite, in the order of their making."""
        made: list[Made] = []

        def note(fix: Fix, before: str, after: str) -> bool:
            accepted = self.accept(fix, before, after)
            if accepted:
                made.append(Made(fix, before))
            return accepted

        self.rewritten(note)
        return made

    def learn(self, wrong: Made, problems: Problems) -> bool:
        """Teach a transform what its fix has lacked; whether it makes another one of it, which was not tried yet."""
        from optimizer.fix import Lesson

        place, options = wrong.place, self.task.rules.options
        lessons = [each for each in options.lessons if (each.transform, each.stage) == place]
        known = {cause for lesson in lessons for cause in lesson.causes}
        fresh = tuple(cause for cause in problems.causes if cause not in known)
        if not fresh or len(lessons) >= REPAIRS:
            return False
        before = self.task
        options = replace(options, lessons=(*options.lessons, Lesson(*place, fresh)))
        self.task = before._replace(rules=before.rules._replace(options=options))
        if any(each.fix.repairs and each.place == place and each.key != wrong.key for each in self.made()):
            self.unmended.setdefault(place, problems)
            return True
        self.task = before
        return False

    def deny(self, wrong: Made, fix: Fix, problems: Problems) -> Failed:
        """Keep a fix out from now on, also as it was before it was made anew.

        :param fix: the same as the user knows it, with the lines of the original.
        """
        self.denied.add(wrong.key)
        self.failures[fix.transform] += 1
        first = self.unmended.get(wrong.place, Problems())
        lines = (*problems.lines, *(f"before the repair: {line}" for line in first.lines))
        return Failed(fix, tuple(dict.fromkeys(lines)), (first + problems).causes)

    def measured(self, outcome: Outcome) -> tuple[Measurement, ...]:
        """The measurements, a target each."""
        from optimizer.verify.measure import measure

        times, replay = self.wish.measure == "all", self.wish.replay
        if not outcome.changed or (self.wish.measure == "nothing" and not replay):
            return ()
        return tuple(measure(trials, outcome, times=times, replay=replay) for trials in self.trials)
