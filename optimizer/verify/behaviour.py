"""Whether a program still does what it did: commands in containers of both images, without network and limited."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from optimizer.verify.builder import Builder, Built, CannotJudge, Limits, Ran
from optimizer.verify.cause import Cause, Problems, causes_in

if TYPE_CHECKING:
    from optimizer.verify.entry import Config

START = 60.0
"""Seconds that an image's own program has to become healthy."""
PROBE = Limits(seconds=30.0)


class Expected(NamedTuple):
    """What a command did in the image as it was."""

    command: str
    """As the user knows it."""
    status: int | None
    outputs: tuple[str, ...]
    """What it said in the two builds of the original: where they differ, output means nothing."""


class Behaviour:
    """The commands to compare, and what they did in two builds of the original.

    :raises CannotJudge: where a command given by the user already fails there.
    """

    def __init__(self, builder: Builder, smoke: Sequence[str], limits: Limits) -> None:
        self.builder = builder
        self.smoke = [(text, shlex.split(text)) for text in smoke]
        self.limits = limits
        self.notes: list[str] = []
        self._expected: list[Expected] = []
        self._healthy = False
        self._probe: list[str] = []

    def learn(self, first: Built, second: Built, config: Config) -> None:
        """See what the commands do in two builds of the original."""
        for text, words in self.smoke:
            one, two = (self.builder.once(built, words, self.limits) for built in (first, second))
            if one.status != 0:
                what = one.output if one.status is None else f"status {one.status}"
                message = f"--smoke {text!r} already fails before the rewrite ({what})"
                raise CannotJudge(message, one.output.splitlines()[-12:])
            self._expected.append(Expected(text, one.status, (one.output, two.output)))
        self._probe = _probe(config.healthcheck, config.shell)
        if self._probe:
            reason = self.builder.can_run()
            ran = None if reason else self._health(first)
            self._healthy = ran is not None and ran.status == 0
            if ran is not None and not self._healthy:
                reason = f"it does not succeed without network, even before the rewrite{_said(ran.output)}"
            if reason:
                self.notes.append(f"HEALTHCHECK was not run: {reason}")

    def problems(self, built: Built, told: Callable[[str], str] = str) -> Problems:
        """What the commands do otherwise in another image.

        :param told: makes of what they say what they would have said of files that lie elsewhere now.
        """
        return sum(self._others(built, told), Problems())

    def _others(self, built: Built, told: Callable[[str], str]) -> Iterator[Problems]:
        for (text, words), expected in zip(self.smoke, self._expected, strict=True):
            ran = self.builder.once(built, words, self.limits)
            if ran.status != expected.status:
                yield _failed(f"--smoke {text!r}", ran, expected)
            elif len(set(expected.outputs)) == 1 and told(ran.output) != expected.outputs[0]:
                line = f"--smoke {text!r}: other output{_said(ran.output)}"
                yield Problems((line,), _causes(f"--smoke {text!r}", ran, expected))
        if self._healthy:
            ran = self._health(built)
            if ran.status != 0:
                yield _failed("HEALTHCHECK", ran, Expected("HEALTHCHECK", 0, ()))

    def _health(self, built: Built) -> Ran:
        """What the health check says once it succeeds, or when the program has ended, or the time is over.

        It sees the network and the processes of the program, not the files that this has written.
        """
        try:
            container = self.builder.start(built, self.limits)
        except CannotJudge as error:
            return Ran(None, "\n".join((error.message, *error.lines)))
        end = monotonic() + START
        try:
            while True:
                ran = self.builder.beside(container, built, self._probe, PROBE)
                if ran.status == 0 or monotonic() >= end or not self.builder.runs(container):
                    return ran
                sleep(0.5)
        finally:
            self.builder.stop(container)


def _probe(healthcheck: Mapping[str, object], shell: Sequence[str]) -> list[str]:
    """The command of a HEALTHCHECK; none without one."""
    test = healthcheck.get("Test")
    words = [str(word) for word in test] if isinstance(test, (list, tuple)) else []
    if words[:1] == ["CMD"]:
        return words[1:]
    return [*(shell or ("/bin/sh", "-c")), *words[1:]] if words[:1] == ["CMD-SHELL"] else []


def _failed(what: str, ran: Ran, expected: Expected) -> Problems:
    line = f"{what}: status {_status(ran)} instead of {expected.status}{_said(ran.output)}"
    return Problems((line,), _causes(what, ran, expected))


def _causes(what: str, ran: Ran, expected: Expected) -> tuple[Cause, ...]:
    """What it says that is missing, and did not say in the image as it was."""
    said = {line for output in expected.outputs for line in output.splitlines()}
    return tuple(causes_in((line for line in ran.output.splitlines() if line not in said), what))


def _status(ran: Ran) -> str:
    return "none" if ran.status is None else str(ran.status)


def _said(output: str) -> str:
    lines = output.strip().splitlines()
    return f": {lines[-1]}" if lines else ""
