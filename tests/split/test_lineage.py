"""A last stage that is built on other stages of the file."""

from __future__ import annotations

import pytest

from optimizer.context import MemoryContext
from optimizer.engine import Outcome, optimize
from optimizer.model import read
from optimizer.split.lineage import joined
from transforms.multi_stage import MultiStage

GO = "FROM golang:1.22-bookworm AS builder\nWORKDIR /src\nCOPY . .\nRUN go build -o server .\n"
PIP = "RUN apt-get update && apt-get install -y gcc\nRUN pip install uwsgi\n"
FILES = {"main.go": "package main\n", "go.mod": "module a\n", "app.py": ""}


def run(text: str, targets: tuple[str, ...] = ()) -> Outcome:
    """The outcome with the suggestion applied."""
    return optimize(text, [MultiStage()], suggested={"multi_stage"}, context=MemoryContext(FILES), targets=targets)


def final(text: str) -> str:
    """The last stage of what comes of it; what stands before is as it was."""
    after = run(text).after
    before = text[: text.rindex("FROM ")]
    assert after.startswith(before)
    assert after != text
    return after[len(before) :]


@pytest.mark.parametrize("instruction", ["LABEL a=b", "EXPOSE 80", "ENV A=1", "VOLUME /data", "STOPSIGNAL SIGINT"])
def test_what_the_stages_before_say_of_the_image_is_said_again(instruction: str) -> None:
    assert f"\n{instruction}\n" in final(f'{GO}{instruction}\nFROM builder\nCMD ["./server"]\n')


def test_what_the_stages_before_start_is_started() -> None:
    assert final(f'{GO}ENTRYPOINT ["./server"]\nFROM builder AS web\nEXPOSE 80\n').endswith(
        'COPY --from=builder /src/server /src/server\nENTRYPOINT ["./server"]\nEXPOSE 80\n'
    )


@pytest.mark.parametrize("before", ['CMD ["bash"]', "CMD bash", 'ENTRYPOINT ["bash"]', "HEALTHCHECK CMD true"])
def test_what_a_later_stage_replaces_is_left_out(before: str) -> None:
    after = 'ENTRYPOINT ["./server"]\nHEALTHCHECK NONE\n'
    assert "bash" not in final(f"{GO}{before}\nFROM builder\n{after}")
    assert "true" not in final(f"{GO}{before}\nFROM builder\n{after}")


def test_a_last_line_without_an_end_stays_one() -> None:
    after = final(f'{GO}CMD ["./server"]\nFROM builder')
    assert after.startswith("FROM debian:bookworm-slim\n")
    assert after.endswith('CMD ["./server"]')


def test_the_platform_of_the_build_is_that_of_the_image() -> None:
    text = f'{GO.replace("FROM", "FROM --platform=linux/amd64")}FROM builder\nCMD ["./server"]\n'
    assert final(text).startswith("FROM --platform=linux/amd64 debian:bookworm-slim\n")


def test_a_build_that_ends_in_the_last_stage_gets_a_stage_there() -> None:
    build = "COPY . .\nRUN go build -o server .\nCMD ./server\n"
    text = f"FROM golang:1.22-bookworm AS base\nWORKDIR /src\n\nFROM base\n{build}"
    after = run(text).after
    assert [(stage.name, stage.base) for stage in read(after).stages] == [
        ("base", "golang:1.22-bookworm"), ("build", "base"), (None, "debian:bookworm-slim"),
    ]  # fmt: skip
    assert "WORKDIR /src\nCOPY --from=build /src/server /src/server\n" in after


@pytest.mark.parametrize(
    ("between", "targets", "reason"),
    [
        ("FROM base AS other\n", (), "the stage in line 4 builds on it"),
        ("FROM debian AS other\nCOPY --from=base /usr/local /usr/local\n", (), "line 5 takes files from it"),
        ("", ("base",), "it is built by its name"),
    ],
)
def test_a_stage_that_others_use_is_not_built_in_another_way(
    between: str, targets: tuple[str, ...], reason: str
) -> None:
    text = f'FROM python:3.12-slim-bookworm AS base\n{PIP}{between}FROM base\nCMD ["uwsgi"]\n'
    outcome = run(text, targets)
    assert outcome.after == text
    assert any(reason in each.reason for each in outcome.refusals), outcome.refusals


def test_of_two_stages_with_one_name_none_is_taken_from() -> None:
    text = f'{GO}FROM builder AS base\nFROM debian AS builder\nFROM base\nCMD ["./server"]\n'
    outcome = run(text)
    assert outcome.after == text
    assert any("another stage is called builder, too" in each.reason for each in outcome.refusals)


def test_states_go_on_from_stage_to_stage() -> None:
    model = read("FROM a AS x\nWORKDIR /a\nARG B=1\nFROM c\nFROM x\nWORKDIR b\nRUN true\n")
    stage = joined(model.final)
    assert stage.state(stage.instructions[-1]).workdir == "/a/b"
    assert "B" in stage.final_state.env
    assert stage.base == "a"
