"""The report for programs: one JSON object on standard output. docs/json.md describes it.

Field names and their meaning stay within a version; fields may come on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from optimizer import __version__
from optimizer.runner import Result

VERSION = 1


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a file: it is never held as a whole."""
    yield f'{{"version": {VERSION}, "dockopt": "{__version__}", "files": ['
    separator = "\n"
    for result in results:
        yield separator + json.dumps(_file(result))
        separator = ",\n"
    yield "\n]}\n"


def _file(result: Result) -> dict[str, Any]:
    path = result.task.path
    if result.failure:
        _, line, column, message, _ = result.failure
        return {
            "path": path,
            "status": "failed",
            "error": {"line": line, "column": column, "message": message},
        }
    return {
        "path": path,
        "status": "changed" if result.changed else "unchanged",
        "diff": result.diff,
        "fixes": [note._asdict() for note in result.fixes],
        "suggestions": [note._asdict() for note in result.suggestions],
        "refusals": [refused._asdict() for refused in result.refusals],
        "companions": [path for path, _ in result.companions],
        "predicted": result.predicted,
        "parent_images": list(result.parents),
    }
