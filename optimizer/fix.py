"""What a transform says: fixes with their edits and reasons, and refusals with theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from optimizer.document import Instruction

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.model import Model
    from optimizer.past import Past
    from optimizer.verify.cause import Cause


class Safety(StrEnum):
    """How sure a fix is (docs/safety.md)."""

    SAFE = "safe"
    """The image is the same but for the files that the fix declares it removes."""
    SUGGESTED = "suggested"
    """Right for nearly everybody, not provable from text and build context."""
    REPORT = "report"
    """Changes nothing: the transform says what is wrong, and only its author can know what was meant."""


class Phase(IntEnum):
    """When a transform runs: what decides where things stand goes before what polishes them."""

    INSTRUCTIONS = 1
    ORDER = 2
    REPAIR = 3
    MERGE = 4
    CLEAN = 5
    PACKAGES = 6
    BASE = 7
    CONTEXT = 8


class Edit(Struct, frozen=True):
    """Put text in place of the characters start to end (exclusive) of the file."""

    start: int
    end: int
    text: str


class Companion(Struct, frozen=True):
    """A file beside the Dockerfile to write whole: its path in the build context, and its text."""

    path: str
    text: str


class Prediction(Struct, frozen=True):
    """What a rebuild of the Dockerfile is expected to take after a commit, in seconds, before and after a fix."""

    before: float
    after: float


class Fix(Struct, frozen=True):
    """One change, applied whole or not at all, with everything it admits to changing.

    ``claims`` are the numbers of the instructions it may change; every other one must read the same afterwards.
    ``removes`` and ``adds`` are the commands (words joined by one blank) and instructions that it takes away or puts
    in; every other command of the claimed instructions must still be there, in its order. ``scripts`` are the RUN
    bodies that come of it, as they are meant, in any layout. The engine holds the result to all of that before anybody
    sees it. ``order`` are the numbers of claimed instructions that it only puts in another order, in the new one: they
    follow each other, before and after. ``paths`` are patterns of the files that the image loses or gains by it,
    as in .dockerignore: one with ``!`` in front is an exception to those before it.
    """

    transform: str
    safety: Safety
    line: int
    edits: tuple[Edit, ...]
    claims: frozenset[int]
    reason: str
    """A sentence for the user: what is wrong with the text as it stands, and what the change does about it."""
    saves: str
    """What it is expected to save, in words; "" where it is a repair."""
    removes: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    companions: tuple[Companion, ...] = ()
    order: tuple[int, ...] = ()
    predicted: Prediction | None = None
    repairs: tuple[str, ...] = ()
    """What lessons of builds have added to it and why, a sentence each."""


class Refusal(Struct, frozen=True):
    """Where a transform would have acted and did not, and why; paragraph is of docs/never.md."""

    transform: str
    line: int
    reason: str
    paragraph: str


Proposal = Fix | Refusal


class Lesson(Struct, frozen=True):
    """What a build has shown that the image lacks that came of a fix."""

    transform: str
    stage: int
    """The number of the stage, in the text for which the fix was proposed."""
    causes: tuple[Cause, ...]


MIN_SAVING = 5.0
"""Percent. Costs without a measurement are estimates: what is saved by less may be none of it."""


class Options(Struct, frozen=True):
    """What changes what a transform proposes: settings, and what builds have taught."""

    merge_in_builder_stages: bool = False
    """Merge RUNs also in stages from which only COPY --from takes files."""
    min_saving: float = MIN_SAVING
    """Percent of the expected time of a rebuild that a change of the order must save."""
    timings: str = ""
    """A build's log with the times of its steps, to take in place of estimates."""
    newest: str = "HEAD"
    """The commit with which the history ends: an earlier one, where a prediction is to be held against what came."""
    past: Past | None = None
    """What the history and measured times say; made where the files are, so it does not travel."""
    lessons: tuple[Lesson, ...] = ()
    """One a build, in order. A transform that heeds them says in `Fix.repairs` what it does about them."""

    def learnt(self, transform: str, stage: int) -> tuple[Cause, ...]:
        """What the transform's fix of a stage has lacked so far."""
        return tuple(
            cause
            for lesson in self.lessons
            if (lesson.transform, lesson.stage) == (transform, stage)
            for cause in lesson.causes
        )


class Transform(ABC):
    """One rewrite. Its module's name is the name by which users switch it; its docstring is its page in the docs."""

    name: ClassVar[str]
    summary: ClassVar[str]
    phase: ClassVar[Phase]
    safety: ClassVar[Safety] = Safety.SAFE
    """Of its surest fix: one that has only suggestions is asked once, at the end, unless suggestions are applied."""
    opt_in: ClassVar[bool] = False
    """Whether it runs only when it is named, by ``select`` or ``enable``: what is good for some and bad for others."""
    hadolint: ClassVar[tuple[str, ...]] = ()
    """The hadolint rules of the same matter: a comment that ignores one of them holds for this transform too."""

    @abstractmethod
    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        """Say what can be done. Pure: reads nothing but its arguments, changes nothing."""

    def fix(
        self,
        at: Instruction,
        edits: Iterable[Edit],
        reason: str,
        saves: str,
        *,
        claims: Iterable[Instruction] = (),
        removes: Iterable[str] = (),
        adds: Iterable[str] = (),
        paths: Iterable[str] = (),
        scripts: Iterable[str] = (),
        companions: Iterable[Companion] = (),
        order: Iterable[Instruction] = (),
        predicted: Prediction | None = None,
        repairs: Iterable[str] = (),
        safety: Safety | None = None,
    ) -> Fix:
        """Make a fix of this transform that claims ``at`` and the further instructions in claims and order."""
        moved = tuple(each.index for each in order)
        return Fix(
            self.name, safety or self.safety, at.line, tuple(edits),
            frozenset({at.index, *moved, *(claim.index for claim in claims)}), reason, saves,
            tuple(removes), tuple(adds), tuple(paths), tuple(scripts), tuple(companions), moved, predicted,
            tuple(repairs),
        )  # fmt: skip

    def refuse(self, at: Instruction, reason: str, paragraph: str) -> Refusal:
        """Make a refusal of this transform."""
        return Refusal(self.name, at.line, reason, paragraph)


def splice(text: str, edits: Iterable[Edit]) -> str:
    """The text with disjoint edits applied."""
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += (text[at : edit.start], edit.text)
        at = edit.end
    pieces.append(text[at:])
    return "".join(pieces)


def overlap(first: Iterable[Edit], second: Iterable[Edit]) -> bool:
    """Whether two sets of edits touch: two insertions at one place do, their order would be a guess."""
    return any(one.start <= two.end and two.start <= one.end for one in first for two in second)
