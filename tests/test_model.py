"""Stages, scopes and references as BuildKit works them out."""

from __future__ import annotations

import pytest

from optimizer.document import ParseError
from optimizer.lexer import SyntaxProblem, Unknown, expand
from optimizer.model import Model, read

BUILD = """\
ARG VERSION=3.12
ARG BASE=python:${VERSION}
FROM ${BASE}-slim AS Build
ENV A=1 B="x ${A} y"
WORKDIR /src
ARG C=c
WORKDIR sub
USER app
RUN --mount=type=bind,from=tools,source=/x,target=/y make
FROM build
COPY --from=0 /a /a
WORKDIR $B
FROM debian:bookworm AS test
FROM alpine AS last
COPY --from=BUILD /b /b
COPY --from=nginx:1 /c /c
COPY --from=Test /d /d
"""


@pytest.fixture
def model() -> Model:
    return read(BUILD)


def test_stages_and_what_they_are_built_on(model: Model) -> None:
    assert [(stage.name, stage.base, stage.pinned, stage.parent and stage.parent.name) for stage in model.stages] == [
        ("build", "python:3.12-slim", False, None),
        (None, "build", True, "build"),
        ("test", "debian:bookworm", True, None),
        ("last", "alpine", True, None),
    ]


def test_copies_name_stages_numbers_and_images(model: Model) -> None:
    assert [(source.name, source.origin and source.origin.index) for source in model.sources] == [
        ("tools", None), ("0", 0), ("BUILD", 0), ("nginx:1", None), ("Test", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(("targets", "ships"), [((), [True, True, False, True]), (("TEST",), [True, True, True, True])])
def test_what_ends_up_in_an_image(targets: tuple[str, ...], ships: list[bool]) -> None:
    """Stage 1 is not referred to, so it may be a target of its own, and it brings stage 0 along."""
    model = read(BUILD, targets)
    assert [model.ships(stage) for stage in model.stages] == ships


def test_a_builder_does_not_ship() -> None:
    model = read("FROM a AS b\nRUN x\nFROM b AS c\nFROM d\nCOPY --from=c / /\n")
    assert [model.ships(stage) for stage in model.stages] == [False, False, True]


def test_state_follows_the_instructions(model: Model) -> None:
    stage = model.stages[0]
    run = stage.runs[0]
    state = stage.state(run.instruction)
    assert (state.workdir, state.user, state.env) == ("/src/sub", "app", {"A": "1", "B": None, "C": None})
    assert run.mounts == ({"type": "bind", "from": "tools", "source": "/x", "target": "/y"},)


@pytest.mark.parametrize(
    ("base", "workdir"), [("python:3", "/"), ("golang", "/go"), ("docker.io/library/debian", "/"), ("me/x", None)]
)
def test_where_a_stage_begins(base: str, workdir: str | None) -> None:
    model = read(f"FROM {base}\nWORKDIR a\nRUN x\n")
    state = model.final.final_state
    assert state.workdir == (None if workdir is None else f"{workdir.rstrip('/')}/a")


def test_an_argument_from_outside_leaves_the_base_open() -> None:
    model = read("ARG TAG=3\nFROM python:$TAG\nRUN x\n")
    assert model.final.base == "python:3"
    assert model.final.final_state.user is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A", "aXbXc"), ("${A}b", "aXbXcb"), ("'$A'", "$A"), ('"$A"', "aXbXc"), ("\\$A", "$A"), ("$N.", "."),
        ("${N:-d}", "d"), ("${E:-d}", "d"), ("${E-d}", ""), ("${A:+s}", "s"), ("${E:+s}", ""), ("${E+s}", "s"),
        ("${N+s}", ""), ("${A:-${B}}", "aXbXc"), ("${N:-${B}}", "b"), ("${A#*X}", "bXc"), ("${A##*X}", "c"),
        ("${A%X*}", "aXb"), ("${A%%X*}", "a"), ("${A/X/-}", "a-bXc"), ("${A//X/-}", "a-b-c"), ("a${B}c$", "abc$"),
        ("${A#?}", "XbXc"), ("${A%\\c}", "aXbX"),
    ],
)  # fmt: skip
def test_expands_as_buildkit_does(text: str, value: str) -> None:
    assert expand(text, {"A": "aXbXc", "B": "b", "E": ""}) == value


@pytest.mark.parametrize("text", ["${", "${}", "${:x}", "${A:?}x${N:?gone}", "${A^}", "'", '"x', "${A:-x"])
def test_refuses_what_buildkit_refuses(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        expand(text, {"A": "a"})


def test_says_when_a_value_cannot_be_known() -> None:
    with pytest.raises(Unknown):
        expand("x$A", {"A": None})
    with pytest.raises(Unknown):
        expand("x$A", {}, unset_is_unknown=True)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("FROM a\n  FOO x\n", 2, "unknown instruction: FOO"),
        ("RUN x\nFROM a\n", 1, "before the first FROM"),
        ("ARG A\n", 1, "no build stage"),
        ("FROM a AS\n", 1, "one or three arguments"),
        ("FROM a AS 1\n", 1, "invalid name for a build stage"),
        ("FROM {{ image }}\n", 1, "FROM requires"),
        ("FROM {{image}}\n", 1, "template"),
        ("FROM a\nCOPY --form=b x y\n", 2, "no --form"),
        ("FROM a\nCOPY x\n", 2, "at least two"),
        ("FROM a\nSHELL bash\n", 2, "JSON form"),
        ("FROM a\nONBUILD FROM b\n", 2, "ONBUILD trigger"),
        ("FROM a\nENV a=b c\n", 2, "can't find ="),
        ("FROM a\nWORKDIR\n", 2, "at least one argument"),
    ],
)
def test_what_buildkit_refuses_is_refused_with_its_place(text: str, line: int, message: str) -> None:
    with pytest.raises(ParseError, match=message) as raised:
        read(text)
    assert raised.value.line == line


def test_words_stand_apart_by_any_number_of_blanks() -> None:
    model = read("FROM  a \\\n  as \t b\nCOPY  x   y\t/z\n")
    assert model.stages[0].name == "b"
    assert model.document.instructions[1].words == ("x", "y", "/z")
