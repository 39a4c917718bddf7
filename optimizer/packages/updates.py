"""Gives a RUN its own fresh lists of packages, in the words that the author uses elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.model import Model
from optimizer.packages.editing import RunEdits
from optimizer.packages.lists import Need
from optimizer.packages.managers import APK, APT, Manager
from optimizer.packages.places import common, reading_of
from optimizer.packages.reading import PackageCommand
from optimizer.runs import Run


def own_lists(model: Model, need: Need, manager: Manager) -> RunEdits | str:
    """The edits by which a RUN relies on no lists of an earlier one, or why they cannot be made."""
    run = need.run
    reading = reading_of(run)
    if need.unknown:
        return need.unknown
    if reading is None or not run.editable:
        return f"the install in line {run.instruction.line} cannot be given an update: its RUN has no script to change"
    edits = RunEdits(model.document, run, reading)
    if any(event.place.call is None or not event.place.call.fetches for event in need.events):
        return f"line {run.instruction.line} looks for packages in another way than by installing them"
    if manager is APK:
        for event in need.events:
            assert event.place.call is not None
            edits.insert(event.place.call.words[event.place.call.subcommand], "--no-cache")
        return edits
    places = [event.place for event in need.events]
    call = places[0].call
    assert call is not None
    reason = edits.prepend(common(places, first=True), update_text(model, run, call))
    if reason is not None:
        return f"the install in line {run.instruction.line} cannot be given an update: {reason}"
    return edits


def update_text(model: Model, run: Run, call: PackageCommand) -> str:
    """``apt-get update`` for this install: its sudo, and the program and options of the author's nearest update."""
    program = call.program_text
    updates = [update for update in _updates(model) if update[1].program_text == program] or [*_updates(model)]
    words = f"{program} update"
    if updates and program != "aptitude":
        _, nearest = min(updates, key=lambda update: abs(update[0] - run.instruction.index))
        words = " ".join(word.text for word in nearest.words[nearest.program :])
    return f"{call.runner} {words}".strip()


def _updates(model: Model) -> Iterator[tuple[int, PackageCommand]]:
    """The updates that stand in the document, each with the number of its instruction."""
    for stage in model.stages:
        for run in stage.runs:
            if "update" not in run.text or (reading := reading_of(run)) is None:
                continue
            for _, call in reading.calls:
                literal = all(word.literal is not None for word in call.words[call.program :])
                if call.manager is APT and call.action == "update" and literal:
                    yield run.instruction.index, call
