"""The report for programs: one JSON object on standard output, as docs/json.md and docs/report.schema.json describe it.

Field names and their meaning stay within a version; fields may come on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct, to_builtins

from optimizer import __version__
from optimizer.runner import Note, Result

VERSION = 1


class Error(Struct, frozen=True):
    """What is wrong with a file."""

    line: int
    """From 1; 0 stands for the file as a whole."""
    column: int
    """From 1; 0 stands for the file as a whole."""
    message: str
    """What happened, and how to mend it."""


class Prediction(Struct, frozen=True):
    """Seconds that a rebuild is expected to take after a commit."""

    before: float
    """As the file is."""
    after: float
    """As it would be."""


class Fix(Struct, frozen=True):
    """One change, which is made, or would be with --suggested."""

    transform: str
    """The name by which it is switched."""
    safety: Literal["safe", "suggested"]
    """See docs/safety.md."""
    line: int
    """Of the file before, from 1."""
    reason: str
    """What is wrong with the text as it stands, and what the change does about it."""
    saves: str
    """What it is expected to save, in words; empty where it is a repair."""
    paths: tuple[str, ...]
    """Patterns of the files that the image loses or gains."""
    repairs: tuple[str, ...]
    """What --verify has added to it after a build, and why."""
    predicted: Prediction | None
    """What rebuilds are expected to take without and with it; null where that was not worked out."""


class Refusal(Struct, frozen=True):
    """Where a transform would have acted and did not."""

    transform: str
    """The name by which it is switched."""
    line: int
    """Of the file before, from 1."""
    reason: str
    """Why not; of a warning, what is wrong."""
    paragraph: str
    """Of docs/never.md: what keeps it from acting."""
    warning: bool
    """Whether the transform only reports, and this is what it has to say."""


class Done(Struct, frozen=True, tag_field="status"):
    """A file that was read."""

    path: str
    """As it was given, or found."""
    diff: str
    """Of the Dockerfile and of the files beside it that change with it."""
    fixes: tuple[Fix, ...]
    """What changes."""
    suggestions: tuple[Fix, ...]
    """What --suggested would change, too."""
    refusals: tuple[Refusal, ...]
    """Where a transform would have acted and did not, and warnings."""
    companions: tuple[str, ...]
    """Paths in the build context of the files beside the Dockerfile that change."""
    predicted: Prediction | None
    """Of all fixes together; null where it was not worked out."""
    parent_images: tuple[str, ...]
    """One a stage: an image, or the name of an earlier stage."""


class Changed(Done, frozen=True, tag="changed"):
    """A file that changes, or would."""


class Unchanged(Done, frozen=True, tag="unchanged"):
    """A file that stays as it is."""


class Failed(Struct, frozen=True, tag_field="status", tag="failed"):
    """A file that cannot be read."""

    path: str
    """As it was given, or found."""
    error: Error
    """What is wrong with it."""


class Report(Struct, frozen=True):
    """All files that were looked at."""

    version: Literal[1]
    """Of this format: within a version, fields keep their names and meaning, and new ones may come."""
    dockopt: str
    """The version of the program."""
    files: tuple[Changed | Unchanged | Failed, ...]
    """Sorted by path, whatever the order on the command line."""


PARTS = (Changed, Unchanged, Failed, Error, Fix, Refusal, Prediction)
"""What a report is made of."""


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a file: it is never held as a whole."""
    yield f'{{"version": {VERSION}, "dockopt": "{__version__}", "files": ['
    separator = "\n"
    for result in results:
        yield separator + json.dumps(to_builtins(_file(result)))
        separator = ",\n"
    yield "\n]}\n"


def _file(result: Result) -> Changed | Unchanged | Failed:
    path = result.task.path
    if result.failure:
        _, line, column, message, _ = result.failure
        return Failed(path, Error(line, column, message))
    return (Changed if result.changed else Unchanged)(
        path,
        result.diff,
        tuple(map(_fix, result.fixes)),
        tuple(map(_fix, result.suggestions)),
        tuple(Refusal(*refused) for refused in result.refusals),
        tuple(path for path, _ in result.companions),
        _prediction(result.predicted),
        result.parents,
    )


def _fix(note: Note) -> Fix:
    values: dict[str, Any] = note._asdict()
    return Fix(**{**values, "predicted": _prediction(note.predicted)})


def _prediction(found: Any) -> Prediction | None:
    return None if found is None else Prediction(**found)
