"""Measured times, from logs as BuildKit writes them."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from optimizer.cost import costs
from optimizer.cost.timings import TimingsError, read_timings
from optimizer.model import read
from optimizer.verify.progress import Step

TEXT = """\
ARG BASE=python
FROM $BASE AS build
ARG V=1
ENV A=b
WORKDIR /app
COPY --chown=1:1   x   ./x$V/
RUN echo $A && \\
    two
RUN <<EOF
echo one
echo two
EOF
FROM build
RUN last
CMD x
"""
STEPS = (
    Step("[internal] load build context", 9.0, False),
    Step("[build 1/5] FROM docker.io/library/python", 8.0, False),
    Step("[build 2/5] WORKDIR /app", 0.5, False),
    Step("[build 3/5] COPY --chown=1:1   x   ./x1/", 1.5, False),
    Step("[build 4/5] RUN echo b &&     two", 2.5, False),
    Step("[build 5/5] RUN <<EOF (echo one...)", 3.5, False),
    Step("[stage-1 1/1] RUN last", 4.5, False),
    Step("exporting to image", 7.0, False),
)


def seconds(text: str, stage: int, steps: tuple[Step, ...]) -> list[float | None]:
    found = costs(read(text).stages[stage], None, steps)
    return [each.seconds if each.source == "measured" else None for each in found]


def test_steps_are_found_again() -> None:
    assert seconds(TEXT, 0, STEPS) == [None, None, 0.5, 1.5, 2.5, 3.5]
    assert seconds(TEXT, 1, STEPS) == [4.5, None]


def test_a_platform_in_front_of_the_stage_does_not_matter() -> None:
    steps = tuple(each._replace(name=each.name.replace("[", "[linux/amd64 ", 1)) for each in STEPS)
    assert seconds(TEXT, 0, steps) == [None, None, 0.5, 1.5, 2.5, 3.5]
    assert seconds("FROM a\nRUN x\n", 0, (Step("[linux/amd64 2/2] RUN x", 1.0, False),)) == [1.0]


def test_a_log_of_another_version_counts_where_the_text_is_the_same() -> None:
    steps = (Step("[2/4] RUN a", 1.0, False), Step("[3/4] RUN b", 2.0, False), Step("[4/4] RUN c", 3.0, False))
    assert seconds("FROM x\nRUN c\nRUN new\nRUN b\nRUN more\n", 0, steps) == [3.0, None, 2.0, None]


def test_what_was_cached_or_failed_says_nothing() -> None:
    steps = (Step("[2/3] RUN a", 0.0, True), Step("[3/3] RUN b", 1.0, False, "exit code: 1"))
    assert seconds("FROM x\nRUN a\nRUN b\n", 0, steps) == [None, None]


def test_of_several_builds_the_median_counts() -> None:
    steps = tuple(Step("[2/2] RUN a", each, False) for each in (5.0, 1.0, 2.0))
    assert seconds("FROM x\nRUN a\n", 0, steps) == [2.0]


def _log(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_a_log_is_read(tmp_path: Path) -> None:
    vertex = {
        "digest": "sha256:a", "name": "[2/2] RUN a",
        "started": "2026-01-01T00:00:00.5Z", "completed": "2026-01-01T00:00:03.75Z",
    }  # fmt: skip
    output = {"vertex": "sha256:a", "data": base64.b64encode(b"out").decode()}
    path = _log(tmp_path / "log", "WARNING: x", json.dumps({"vertexes": [vertex], "logs": [output]}), "{broken")
    assert [(each.instruction, each.seconds) for each in read_timings(path)] == [("RUN a", 3.25)]


@pytest.mark.parametrize(
    "line",
    ["#1 [2/2] RUN a", "{}", '{"vertexes": [{}]}', '{"vertexes": 1}', '{"vertexes": [{"digest": "a", "started": 1}]}',
     '{"vertexes": [{"digest": "a", "name": "[2/x] RUN", "started": "2026-01-01T00:00:00Z"}]}',
     '{"logs": [{"vertex": 1, "data": 1}]}'],
)  # fmt: skip
def test_what_is_no_such_log_is_refused_with_the_way_to_make_one(tmp_path: Path, line: str) -> None:
    with pytest.raises(TimingsError, match="--progress=rawjson"):
        costs(read("FROM a\nRUN x\n").final, None, read_timings(_log(tmp_path / "log", line)))


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TimingsError, match="cannot be read"):
        read_timings(str(tmp_path / "none"))
