"""Applies transforms until nothing changes, and lets nothing through that a fix does not account for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Container, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from optimizer import checks, suppression
from optimizer.document import ParseError
from optimizer.fix import Companion, Fix, Options, Proposal, Refusal, Safety, Transform, overlap, splice
from optimizer.model import Model, read

if TYPE_CHECKING:
    from optimizer.context import BuildContext

MAX_STEPS = 100
"""How often fixes are applied at the most: a rewrite that finds more to do in its own output would never end."""

Accept = Callable[[Fix, str, str], bool]
"""Asked before a fix is applied, with the text before and after it; False keeps it out for good."""


class Outcome(Struct, frozen=True):
    """What came of one Dockerfile. Lines in fixes and refusals are lines of the text before."""

    before: str
    after: str
    fixes: tuple[Fix, ...]
    refusals: tuple[Refusal, ...]
    suggestions: tuple[Fix, ...]
    """Suggested fixes that were not asked for; their edits are for the text after."""
    companions: tuple[Companion, ...]
    """Files beside the Dockerfile as they should be written."""

    @property
    def changed(self) -> bool:
        return self.before != self.after or bool(self.companions)


def optimize(
    text: str,
    transforms: Sequence[Transform],
    *,
    suggested: Container[str] = (),
    context: BuildContext | None = None,
    targets: tuple[str, ...] = (),
    options: Options = Options(),  # noqa: B008 - frozen
    accept: Accept | None = None,
) -> Outcome:
    """Rewrite a Dockerfile with the given transforms until they find nothing more to do.

    :param suggested: names of the transforms whose suggested fixes are applied too.
    :param targets: stages that are built by name elsewhere (Compose, Bake, CI).
    :raises ParseError: where BuildKit refuses the text; nothing is rewritten then.
    """
    return _Run(text, transforms, suggested, context, targets, options, accept).outcome()


class _Undone(Exception):
    """Rewrites undo each other, or one goes on and on: there is no text at which they would stop."""


class _Run:
    """The state of one optimisation: the text so far, and where its instructions came from."""

    def __init__(
        self,
        text: str,
        transforms: Sequence[Transform],
        suggested: Container[str],
        context: BuildContext | None,
        targets: tuple[str, ...],
        options: Options,
        accept: Accept | None,
    ) -> None:
        self.original = text
        self.model = read(text, targets)
        changing = [each for each in transforms if each.safety is Safety.SAFE or each.name in suggested]
        self.telling = [each for each in transforms if each not in changing]
        """The transforms that will change nothing: what they have to say is about the text that comes of it."""
        ordered = sorted(changing, key=lambda each: (each.phase, each.name))
        self.phases = [list(group) for _, group in groupby(ordered, lambda each: each.phase)]
        self.suggested = suggested
        self.context = context
        self.targets = targets
        self.options = options
        self.accept = accept
        self.lines = [instruction.line for instruction in self.model.document.instructions]
        """For each instruction of the current text, the line of the original text it comes from."""
        self.fixes: list[Fix] = []
        self.refusals: dict[str, list[Refusal]] = {}
        self.suggestions: dict[str, list[Fix]] = {}
        self.dropped: dict[tuple[object, ...], Refusal] = {}
        self.companions: dict[str, Companion] = {}
        self.seen: set[tuple[str, ...]] = {(text,)}
        self.at_rest: set[Transform] = set()
        """The transforms that have no fix for the text as it is now: asked again they would say the same."""

    def outcome(self) -> Outcome:
        try:
            while self.go_through():
                pass
        except _Undone:
            names = ", ".join(sorted({fix.transform for fix in self.fixes}))
            reason = f"these rewrites find no end ({names}): nothing was changed, please report this file"
            return Outcome(self.original, self.original, (), (Refusal("engine", 1, reason, "section 9"),), (), ())
        self.proposals(self.telling)
        refusals = {*self.dropped.values(), *(each for some in self.refusals.values() for each in some)}
        return Outcome(
            self.original,
            self.model.document.text,
            tuple(self.fixes),
            tuple(sorted(refusals, key=lambda each: (each.line, each.transform, each.reason))),
            tuple(each for some in self.suggestions.values() for each in some),
            tuple(self.companions.values()),
        )

    def go_through(self) -> bool:
        """Settle every phase once; whether anything was applied."""
        changed = False
        for phase in self.phases:
            changed |= self.settle(phase)
        return changed

    def settle(self, phase: list[Transform]) -> bool:
        """Apply what a phase proposes until it has no more to say; whether anything was applied."""
        changed = False
        while fixes := self.proposals(phase):
            chosen: list[Fix] = []
            for fix in fixes:
                if not any(fix.claims & other.claims or overlap(fix.edits, other.edits) for other in chosen):
                    chosen.append(fix)
            if (self.accept is None and self.commit(chosen)) or any(self.commit([fix]) for fix in chosen):
                changed = True
        return changed

    def proposals(self, phase: list[Transform]) -> list[Fix]:
        """The fixes that the phase's transforms propose for the current text; refusals are put down on the way."""
        fixes: list[Fix] = []
        for transform in phase:
            if transform in self.at_rest:
                continue
            before = len(fixes)
            refusals = self.refusals[transform.name] = []
            suggestions = self.suggestions[transform.name] = []
            for proposal in transform.propose(self.model, self.context, self.options):
                if reason := suppression.ignored(self.model.document, transform, proposal):
                    refusals.append(Refusal(transform.name, self.origin(proposal), reason, ""))
                elif isinstance(proposal, Refusal):
                    refusals.append(replace(proposal, line=self.origin(proposal)))
                elif proposal.safety is Safety.SUGGESTED and transform.name not in self.suggested:
                    suggestions.append(replace(proposal, line=self.origin(proposal)))
                elif self.key(proposal) not in self.dropped:
                    fixes.append(proposal)
            if len(fixes) == before:
                self.at_rest.add(transform)
        return fixes

    def origin(self, proposal: Proposal) -> int:
        """The line in the original text that a proposal for the current text speaks of."""
        at = bisect_right([each.line for each in self.model.document.instructions], proposal.line) - 1
        return self.lines[max(at, 0)]

    def key(self, fix: Fix) -> tuple[object, ...]:
        """What makes two proposals the same one: the transform and the instructions as they stand."""
        instructions = self.model.document.instructions
        return (fix.transform, fix.reason, *(instructions[index].reading for index in sorted(fix.claims)))

    def commit(self, fixes: list[Fix]) -> bool:
        """Apply fixes if the result holds; a single one that does not hold, or is declined, is dropped for good."""
        text = splice(self.model.document.text, (edit for fix in fixes for edit in fix.edits))
        problem = None
        try:
            model = read(text, self.targets)
            problem = next(checks.problems(self.model, model, fixes), None)
        except ParseError as error:
            problem = f"the result would not be read: {error.message}"
        if problem is None and self.accept and not self.accept(fixes[0], self.model.document.text, text):
            problem = "declined"
        if problem is not None:
            if len(fixes) == 1:
                reason = problem if problem == "declined" else f"dropped by the check of the result: {problem}"
                self.dropped[self.key(fixes[0])] = Refusal(
                    fixes[0].transform, self.origin(fixes[0]), reason, "section 9"
                )
            return False
        self.advance(model, fixes)
        return True

    def advance(self, model: Model, fixes: list[Fix]) -> None:
        """Make the rewritten text the current one."""
        edits = sorted((edit for fix in fixes for edit in fix.edits), key=lambda edit: (edit.start, edit.end))
        move = checks.mover(edits)
        instructions = self.model.document.instructions
        claimed = {index for fix in fixes for index in fix.claims}
        origins = {move(each.start): self.lines[each.index] for each in instructions if each.index not in claimed}
        self.fixes += (replace(fix, line=self.origin(fix)) for fix in fixes)
        moved: dict[object, list[int]] = {}
        for index in sorted(claimed, reverse=True):
            moved.setdefault(instructions[index].reading, []).append(self.lines[index])
        starts = [move(each.start) for each in instructions]
        lines: list[int] = []
        for instruction in model.document.instructions:
            before = self.lines[max(bisect_right(starts, instruction.start) - 1, 0)]
            if instruction.start not in origins and (same := moved.get(instruction.reading)):
                before = same.pop()
            lines.append(origins.get(instruction.start, before))
        self.lines = lines
        self.model = model
        self.at_rest.clear()
        for companion in (companion for fix in fixes for companion in fix.companions):
            self.companions[companion.path] = companion
            if self.context is not None:
                self.context = self.context.with_file(companion.path, companion.text)
        state = (model.document.text, *(each.text for each in self.companions.values()))
        if state in self.seen or len(self.seen) > MAX_STEPS:
            raise _Undone
        self.seen.add(state)
