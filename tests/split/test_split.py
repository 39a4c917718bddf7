"""What becomes of the author's instructions when a stage becomes two. The shapes have fixtures of their own."""

from __future__ import annotations

import pytest

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.engine import optimize
from optimizer.model import read
from optimizer.split.view import View

APT = "RUN apt-get update && apt-get install -y"
START = 'CMD ["python", "app.py"]\n'


def split(text: str, files: dict[str, str] | None = None, targets: tuple[str, ...] = ()) -> str:
    """The text with the suggestion applied."""
    transform = registry.find("multi_stage")
    context = None if files is None else MemoryContext(files)
    return optimize(text, [transform], suggested={transform.name}, context=context, targets=targets).after


def final(text: str) -> list[str]:
    return split(text).split("\n\nFROM ")[1].split("\n")


@pytest.mark.parametrize(
    "instruction",
    ["ENV A=1", "SHELL [\"/bin/bash\", \"-c\"]", "EXPOSE 80", "STOPSIGNAL SIGINT", "LABEL a=b", "VOLUME /data",
     "WORKDIR /srv", "RUN useradd app", "RUN mkdir -p /data", "COPY nginx.conf /etc/nginx/"],
)  # fmt: skip
def test_what_the_image_needs_of_the_build_part_is_in_the_final_stage(instruction: str) -> None:
    assert instruction in final(
        f"FROM python:3.12-slim-bookworm\n{instruction}\n{APT} gcc\nRUN pip install uwsgi\n{START}"
    )


@pytest.mark.parametrize(
    ("argument", "used", "there"),
    [("ARG A=1", "ENV B=$A", True), ("ARG A=1", "LABEL b=${A}", True), ("ARG A=1", "ENV B=1", False)],
)
def test_an_argument_is_declared_again_where_it_is_used(argument: str, used: str, there: bool) -> None:
    text = f"FROM python:3.12-slim-bookworm\n{argument}\n{APT} gcc\nRUN pip install uwsgi\n{used}\n{START}"
    assert (argument in final(text)) == there


@pytest.mark.parametrize(
    ("package", "command", "stays"),
    [("git", "git clone https://example.com/a /tmp/a", False), ("git", "true", True), ("tzdata", "true", True),
     ("make", "true", False)],
)  # fmt: skip
def test_tools_that_only_the_build_calls_are_left_behind(package: str, command: str, stays: bool) -> None:
    run = f"RUN {command} && gcc -o /opt/a a.c"
    text = f'FROM debian:bookworm-slim\n{APT} gcc {package}\nWORKDIR /src\nCOPY a.c .\n{run}\nCMD ["/opt/a"]\n'
    assert any(line.startswith("RUN") and package in line for line in final(text)) == stays


@pytest.mark.parametrize("called", ["RUN git --version", "HEALTHCHECK CMD git --version", "ENTRYPOINT git log"])
def test_a_tool_that_is_called_later_stays(called: str) -> None:
    text = f"FROM python:3.12-slim-bookworm\n{APT} gcc git\nRUN git clone x && pip install uwsgi\n{called}\n{START}"
    assert split(text) == text or any("git" in line for line in final(text) if "install" in line)


def test_a_tool_that_the_sources_start_comes_to_the_slim_image() -> None:
    text = f"FROM python:3.12-bookworm\nWORKDIR /app\nRUN pip install uwsgi\nCOPY . .\n{START}"
    after = split(text, {"app.py": 'import subprocess\nsubprocess.run(["curl", "x"])\n'})
    assert "apt-get install -y --no-install-recommends curl" in after


def test_packages_that_the_build_takes_away_again_are_not_installed() -> None:
    run = "apk add --no-cache -t .build gcc libffi-dev && pip install cffi && apk del .build"
    text = f"FROM python:3.12-alpine\nRUN {run}\n{START}"
    assert split(text) == text


def test_the_last_stage_keeps_its_name_and_the_builder_takes_a_free_one() -> None:
    text = f"FROM debian AS build\nFROM python:3.12-slim-bookworm AS Web\n{APT} gcc\nRUN pip install uwsgi\n{START}"
    names = [stage.name for stage in read(split(text)).stages]
    assert names == ["build", "builder", "web"]


@pytest.mark.parametrize(
    ("copy", "first"),
    [("COPY entrypoint.sh /srv/", True), ("COPY apt.conf /etc/apt/apt.conf.d/", False), ("COPY $X /srv/", True),
     ("COPY a $X", False)],
)  # fmt: skip
def test_packages_are_installed_in_front_of_files_that_they_do_not_need(copy: str, first: bool) -> None:
    lines = final(f"FROM python:3.12-slim-bookworm\n{copy}\n{APT} gcc libpq5\nRUN pip install uwsgi\n{START}")
    at = next(number for number, line in enumerate(lines) if "libpq5" in line)
    assert (at < lines.index(copy)) == first


@pytest.mark.parametrize(
    ("run", "seen"),
    [
        ("cd a && make", ["/a"]), ("(cd a; true) && make", ["/"]), ("{ cd /b; } && make", ["/b"]),
        ("cd $X && make", [None]),
        ("sh -c 'cd c && make'", ["/c"]), ("if true; then cd d; fi; make", ["/"]),
    ],
)  # fmt: skip
def test_commands_are_seen_with_their_directory(run: str, seen: list[str | None]) -> None:
    model = read(f"FROM debian\nRUN {run}\n")
    assert [call.workdir for call in View(model, model.final, None).calls if call.name == "make"] == seen
