"""The report for programs: one JSON object on standard output. docs/json.md describes it.

Field names and their meaning stay within a version; fields may come on top.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from optimizer import __version__
from optimizer.runner import Note, Result

VERSION = 1


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a file, so that it never has to be held as a whole.

    ::

        {"version": 1, "dockopt": "0.1.0", "files": [
          {"path": "Dockerfile",
           "status": "changed",           # or "unchanged", or "failed": then error is there and nothing else
           "error": {"line": 3, "column": 1, "message": "…"},                     # 0: the file as a whole
           "diff": "--- a/Dockerfile…",   # of the Dockerfile and of the files beside it
           "fixes": [{"transform": "merge_runs", "safety": "safe", "line": 2, "reason": "…", "saves": "…",
                      "paths": ["/var/lib/apt/lists"]}],  # what leaves the image
           "suggestions": […],            # like fixes; not applied
           "refusals": [{"transform": "merge_runs", "line": 9, "reason": "…", "paragraph": "section 2"}],
           "companions": [".dockerignore"],               # the files beside it, in the build context
           "parent_images": ["python:3.12", "build"]}     # one a stage: an image, or an earlier stage
        ]}
    """
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
        "fixes": [_note(note) for note in result.fixes],
        "suggestions": [_note(note) for note in result.suggestions],
        "refusals": [refused._asdict() for refused in result.refusals],
        "companions": [path for path, _ in result.companions],
        "parent_images": list(result.parents),
    }


def _note(note: Note) -> dict[str, Any]:
    return note._asdict()
