"""The command run in this process, and small transforms for tests of what is around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from optimizer import commands, registry, runner
from optimizer.commands import app
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Companion, Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model

_choose = runner.choose.__wrapped__  # without its memory

Propose = Callable[[Transform, Instruction, BuildContext | None], Iterator[Proposal]]


class Done(NamedTuple):
    """What came of a command."""

    status: int
    out: str
    err: str


def dockopt(*arguments: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> Done:
    """Run the command in this process; no exception may escape it."""
    result = CliRunner().invoke(app, arguments, stdin, env=environment, prog_name="dockopt")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    decoded = (part.decode("utf-8", "surrogateescape") for part in (result.stdout_bytes, result.stderr_bytes))
    return Done(result.exit_code, *decoded)


def transform(propose: Propose, name: str = "probe", safety: Safety = Safety.SAFE) -> Transform:
    """A transform that asks ``propose`` about each instruction."""

    class Probe(Transform):
        """Put one word in place of another."""

        summary = "a probe"
        phase = Phase.INSTRUCTIONS

        def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
            for instruction in model.document.instructions:
                yield from propose(self, instruction, context)

    Probe.name, Probe.safety = name, safety
    return Probe()


def replacing(
    old: str, new: str, name: str = "probe", safety: Safety = Safety.SAFE, reason: str = "", saves: str = "time"
) -> Transform:
    """A transform that replaces the argument ``old`` of RUNs by ``new``."""

    def propose(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.keyword == "RUN" and at.args == old:
            start = at.offset(at.args_start)
            edit = Edit(start, start + len(old), new)
            why = reason or f"{new} is better than {old}"
            yield self.fix(at, [edit], why, saves, removes=[old], adds=[new], scripts=[new])

    return transform(propose, name, safety)


def ignoring(name: str) -> Transform:
    """A transform that puts what is copied into .dockerignore."""

    def propose(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        text = (context.read(".dockerignore") or "") if context else ""
        if at.keyword == "COPY" and at.words[0] not in text:
            companion = Companion(".dockerignore", f"{text}{at.words[0]}\n")
            yield self.fix(at, [], "leave it out", "", companions=[companion])

    return transform(propose, name)


def use(monkeypatch: pytest.MonkeyPatch, *transforms: Transform) -> None:
    """Let these be the transforms there are, until the test ends."""
    monkeypatch.setattr(registry, "load", lambda: transforms)
    for module in (runner, commands):
        monkeypatch.setattr(module, "choose", _choose)
