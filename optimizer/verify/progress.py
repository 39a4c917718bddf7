"""What a build did, step by step, from the progress that BuildKit reports.

Source: ``--progress=rawjson`` of buildx writes each SolveStatus of BuildKit's client as a line of JSON.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Any, NamedTuple

from optimizer.verify.passing import last

LAST = 12
"""Lines of a step's output that are kept."""


_PLACE = re.compile(r"\[(?:(?P<stage>.+) )?(?P<number>\d+)/(?P<total>\d+)\] (?P<text>.*)", re.DOTALL)


class Step(NamedTuple):
    """One step of a build, mostly an instruction."""

    name: str
    """As the builder calls it: ``[build 2/5] RUN make``, ``[internal] load build context``, ``exporting to image``."""
    seconds: float
    cached: bool
    error: str = ""
    output: tuple[str, ...] = ()
    """The last lines that it wrote, and what tells of a fault of the network (`optimizer.verify.passing`)."""

    @property
    def instruction(self) -> str:
        """The instruction that it executes, or "" for what the builder does besides."""
        place = self._place
        return place["text"] if place else ""

    @property
    def stage(self) -> str:
        """The stage that it belongs to, as the builder calls it; "" where there is one only, or it is of none."""
        place = self._place
        return (place and place["stage"]) or ""

    @property
    def number(self) -> int:
        """Its place in the stage, from 1; 0 for what is no instruction."""
        place = self._place
        return int(place["number"]) if place else 0

    @property
    def total(self) -> int:
        """How many steps the stage has; 0 for what is no instruction."""
        place = self._place
        return int(place["total"]) if place else 0

    @property
    def _place(self) -> re.Match[str] | None:
        return _PLACE.fullmatch(self.name)

    @property
    def ran(self) -> bool:
        """Whether it is an instruction that was executed; FROM never is."""
        return bool(self.instruction) and not self.cached and not self.instruction.startswith("FROM ")


class Progress:
    """Collects the steps of a build from the lines of its progress."""

    def __init__(self) -> None:
        self._vertexes: dict[str, dict[str, Any]] = {}
        self._output: dict[str, list[str]] = {}

    def feed(self, line: bytes) -> bool:
        """Take in a line; False for one that is not progress."""
        if not line.startswith(b"{"):
            return False
        try:
            status = json.loads(line)
        except ValueError:
            return False
        for vertex in status.get("vertexes") or ():
            self._vertexes.setdefault(vertex["digest"], {}).update(vertex)
        for log in status.get("logs") or ():
            text = base64.b64decode(log.get("data") or "").decode("utf-8", "replace")
            said = self._output.get(log["vertex"], [])
            self._output[log["vertex"]] = last([*said, *text.splitlines()], LAST)
        return True

    def steps(self) -> tuple[Step, ...]:
        """The steps in the order in which they began."""
        begun = [each for each in self._vertexes.values() if each.get("started")]
        begun.sort(key=lambda each: _time(each["started"]))
        return tuple(
            Step(
                each.get("name", ""),
                max(0.0, _time(each.get("completed") or each["started"]) - _time(each["started"])),
                bool(each.get("cached")),
                each.get("error", ""),
                tuple(self._output.get(each["digest"], ())),
            )
            for each in begun
        )


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
