"""What the program is seen to call when it runs: by CMD and the like, by scripts, and by its own sources."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from optimizer import leftovers
from optimizer.document import Instruction
from optimizer.independence import UNKNOWN
from optimizer.packages.commands import SHELLS
from optimizer.shell import Script, parse
from optimizer.split.view import Call, View, calls_of
from optimizer.system_needs import ENDINGS, MOST_SOURCES, SPAWNING

_STARTING = re.compile(
    r"(?:spawn|exec|fork|run|call|popen|output|system|command|expect)\w*\s*[(\[]+\s*"
    r"""["'`]([A-Za-z][\w+.-]*)(?=["'` ])""",
    re.IGNORECASE,
)
"""A call that starts a program, with the program's name: ``subprocess.run(["git", …])``, ``execFile('git', …)``."""
_ASIDE = frozenset({"test", "tests", "spec", "__tests__", "docs", "doc", "examples"})
"""Folders whose sources no image runs."""
_DEEPEST = 4


class Called(NamedTuple):
    """A program that is called, and where that is seen."""

    name: str
    where: str
    at: Instruction


def called(view: View, late: tuple[Call, ...]) -> Iterator[Called]:
    """What the last part of the stage calls, the image when it starts, and the scripts and sources they run."""
    for call in (*late, *view.starts):
        yield from _by(view, call, f"line {call.instruction.line}", 0)
    yield from _by_sources(view)


def _by(view: View, call: Call, where: str, depth: int) -> Iterator[Called]:
    if not call.argv or UNKNOWN in call.argv[0]:
        return
    yield Called(call.program, where, call.instruction)
    operands = (call.argv[0], *call.operands[:1]) if call.name in SHELLS else call.argv[:1]
    for word in operands:
        path = view.path_in_context(call.at(word)) if "/" in word or call.name in SHELLS else None
        text = view.context.read(path) if path and view.context else None
        script = parse(text) if text and (text.startswith("#!") or word.endswith(".sh")) else None
        if isinstance(script, Script) and depth < _DEEPEST and "python" not in (text or "").partition("\n")[0]:
            for inner in calls_of(call.instruction, script, call.workdir, call.environment):
                yield from _by(view, inner, path or where, depth + 1)


def _by_sources(view: View) -> Iterator[Called]:
    """The programs that sources start which the stage copies."""
    if view.context is None:
        return
    left = MOST_SOURCES
    for each in view.copied:
        for match in view.context.glob(each.source) if each.source is not None else ():
            for path in leftovers.rest(view.context, match) if view.context.is_dir(match) else (match,):
                if path.rpartition(".")[2] not in ENDINGS or _ASIDE & set(path.split("/")):
                    continue
                left -= 1
                if left < 0:
                    return
                text = view.context.read(path) or ""
                if any(marker in text for marker in SPAWNING):
                    for name in dict.fromkeys(_STARTING.findall(text)):
                        yield Called(name, posixpath.normpath(path), each.instruction)
