"""Changes to the script of one RUN: as they are meant, and as they are laid out in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypedDict

from optimizer import shell
from optimizer.checks import command_texts
from optimizer.document import Document
from optimizer.fix import Edit, splice
from optimizer.packages.places import Placed, Reading, Step, Steps, behind, common, follows_one, in_front, removals
from optimizer.rewrite import ScriptEdit, after_command, before_command, in_file
from optimizer.runs import Run
from optimizer.shell import Word, parse


class RunEdits:
    """Collects the edits of one RUN. A method that returns a text has changed nothing and says why."""

    def __init__(self, document: Document, run: Run, reading: Reading) -> None:
        self.document = document
        self.run = run
        self.reading = reading
        self._edits: list[ScriptEdit] = []

    @property
    def changed(self) -> bool:
        return bool(self._edits)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits of the file."""
        return in_file(self.run, self._edits)

    @property
    def script(self) -> str:
        """The script as it is meant to become: without the line breaks that the file gets."""
        continuation = self.document.escape + self.document.newline if self.run.form == "shell" else ""
        texts = (each.text.replace(continuation, "") if continuation else each.text for each in self._edits)
        edits = (Edit(each.start, each.end, text) for each, text in zip(self._edits, texts, strict=True))
        return splice(self.run.text, edits)

    def append(self, places: Sequence[Placed], commands: Sequence[str]) -> str | None:
        """Put commands behind the last of some others, to run if they succeed.

        A command that needs more than ``rm`` goes only where one of the others has run for certain.
        """
        steps = common(places)
        # What a function does is done where it is called, not where it stands.
        in_function = any(step.holder == "function" for place in places for step in place.steps)
        spot = "it stands in a function" if in_function else behind(self.reading, steps)
        if isinstance(spot, str):
            return spot
        if not all(command.startswith("rm ") for command in commands) and not follows_one(steps, spot, places):
            return "it is installed under a condition, and where that does not hold the cleaning may fail"
        self._add(after_command(self.document, self.run, spot.at, commands, spot.operator))
        return None

    def prepend(self, steps: Steps, command: str) -> str | None:
        """Put a command in front of the item at the end of the steps, to have succeeded before it runs."""
        spot = in_front(self.reading, steps)
        if isinstance(spot, str):
            return spot
        self._add(before_command(self.document, self.run, spot.at, command, spot.operator))
        return None

    def insert(self, behind: Word, text: str) -> None:
        """Put a word behind another one."""
        self._add(ScriptEdit(behind.end, behind.end, f" {text}"))

    def before(self, word: Word, text: str) -> None:
        """Put a word in front of another one, on a line of its own if that one has its own."""
        place = self.run.place(word.start)
        before = self.run.place_after(self._end_before(word))
        gap = self.document.text[before:place]
        self._add(ScriptEdit(word.start, word.start, text + (gap if "#" not in gap else " ")))

    def _end_before(self, word: Word) -> int:
        text = self.run.text[: word.start]
        return len(text.rstrip(" \t"))

    def replace(self, start: int, end: int, text: str) -> None:
        """Put text in place of a word, or of a whole command."""
        self._add(ScriptEdit(start, end, text))

    def remove(self, steps: Iterable[Step]) -> str | None:
        """Take out items that are one simple command each."""
        edits: list[ScriptEdit] = []
        for step in steps:
            ways = removals(self.reading, step)
            if isinstance(ways, str):
                return ways
            free = [way for way in ways if not self._holds_comment(way) and not _meets(way, [*self._edits, *edits])]
            if not free:
                return "a comment or another change stands beside it"
            edits.append(min(free, key=self._lines))
        for edit in edits:
            self._add(edit)
        return None

    def _lines(self, edit: ScriptEdit) -> int:
        """The lines that an edit joins."""
        (place,) = in_file(self.run, [edit])
        return self.document.text.count("\n", place.start, place.end)

    def _holds_comment(self, edit: ScriptEdit) -> bool:
        (place,) = in_file(self.run, [edit])
        comments = [comment.start for comment in self.run.instruction.comments]
        inner = any(edit.start <= comment.start < edit.end for comment in self.reading.script.comments)
        return inner or any(place.start <= at < place.end for at in comments)

    def _add(self, edit: ScriptEdit) -> None:
        """Put an edit down; of two insertions at one place, the later one stands behind."""
        for at, other in enumerate(self._edits):
            if other.start == other.end == edit.start == edit.end:
                self._edits[at] = ScriptEdit(edit.start, edit.end, other.text + edit.text)
                return
        self._edits.append(edit)


def _meets(edit: ScriptEdit, others: Iterable[ScriptEdit]) -> bool:
    return any(edit.start < other.end and other.start < edit.end for other in others)


class Differences(TypedDict):
    """The arguments of Transform.fix by which a fix admits what it changes."""

    removes: list[str]
    adds: list[str]
    scripts: list[str]


def differences(changes: Iterable[RunEdits]) -> Differences:
    """What a fix has to admit: the commands whose number changes, and the scripts as they are meant to become.

    Of such a command all are named, before and after: which one of several equal ones is new has no meaning.
    """
    changes = [*changes]
    before = Counter(text for change in changes if change.run.parsed for text in command_texts(change.run.parsed))
    after: Counter[str] = Counter()
    for change in changes:
        script = parse(change.script)
        assert isinstance(script, shell.Script), change.script
        after.update(command_texts(script))
    different = [text for text in before | after if before[text] != after[text]]
    return {
        "removes": [text for text in different for _ in range(before[text])],
        "adds": [text for text in different for _ in range(after[text])],
        "scripts": [change.script for change in changes],
    }
