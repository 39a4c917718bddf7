"""Cleaning that stands inside a cache mount: it empties the cache that the mount is there for (semantics 3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.document import Document
from optimizer.packages import caches
from optimizer.packages.editing import RunEdits
from optimizer.packages.managers import APK, APT, Flag, Manager
from optimizer.packages.places import Placed, Reading
from optimizer.packages.reading import PackageCommand, program_name, unwrap
from optimizer.runs import Run

_KEEPING = frozenset({"prune", "verify", "list", "ls", "info", "dir", "size"})
"""What `npm cache`, `uv cache` and the like do that leaves in the cache what the next build takes from it."""


def without_cleaning(document: Document, run: Run, reading: Reading, home: str | None) -> tuple[RunEdits, list[str]]:
    """The edits that take the cleaning out of a RUN with cache mounts, and why some of it stays."""
    edits = RunEdits(document, run, reading)
    if run.form == "exec" or not run.editable:
        found = any(True for _ in _cleaning(run, reading, home))
        return edits, ["a RUN in this form has no script to take the cleaning out of"] if found else []
    kept: list[str] = []
    for place, manager in _cleaning(run, reading, home):
        if reason := edits.remove([place.steps[-1]]):
            kept.append(f"the cleaning of {manager.name} empties the cache mount, but stays: {reason}")
    for _, call in reading.calls:
        flag = call.manager.cleaning
        if not isinstance(flag, Flag) or not call.has(flag.text) or not _held(run, call.manager.directories, home):
            continue
        if call.manager is APK and caches.covered(run, caches.APK_ARCHIVES, home, ("cache",)):
            at = [word.literal for word in call.words].index(flag.text)
            edits.replace(call.words[at].start, call.words[at].end, "--update-cache")
            continue
        if call.manager is APK:
            kept.append("apk add --no-cache makes no use of the cache mount, but fetches the index")
            continue
        at = [word.literal for word in call.words].index(flag.text)
        edits.replace(call.words[at - 1].end, call.words[at].end, "")
    return edits, kept


def _cleaning(run: Run, reading: Reading, home: str | None) -> Iterator[tuple[Placed, Manager]]:
    """The commands that clean a mounted cache and nothing else."""
    for place in reading.commands:
        call = place.call
        if call is None:
            words = place.command.words[unwrap(place.command.words) :]
            manager = caches.empties(run, words, home) if words and program_name(words[0]) == "rm" else None
        elif call.action == "clean" and not caches.is_dry_run(call) and not _keeps(call):
            directories = (caches.APT_ARCHIVES,) if call.manager is APT else call.manager.directories
            manager = call.manager if _held(run, directories, home) else None
        else:
            manager = None
        if manager is not None:
            yield place, manager


def _keeps(call: PackageCommand) -> bool:
    verb = call.words[call.subcommand + 1 : call.subcommand + 2]
    return call.words[call.subcommand].literal == "cache" and bool(verb) and verb[0].literal in _KEEPING


def _held(run: Run, directories: tuple[str, ...], home: str | None) -> bool:
    return any(caches.covered(run, each, home, ("cache",)) for each in directories)
