"""Splits that lack something which only a build shows: they are repaired, and then they pass."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import Builder
from optimizer.verify.cause import MissingProgram, Origin
from optimizer.verify.trial import Trials
from tests.verify.conftest import Dockopt

DOCKERFILE = """\
FROM debian:bookworm
RUN apt-get update && apt-get install -y --no-install-recommends tcc libc6-dev make curl && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN curl --silent --show-error file:///src/Makefile && make install
CMD ["fetcher"]
"""
MAKEFILE = """\
install: fetcher.c
	tcc -o /usr/local/bin/fetcher fetcher.c
	mkdir -p /usr/share/fetcher/names && echo first >/usr/share/fetcher/names/list
"""
CODE = """\
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
int main(void) {
    struct stat found;
"""
LIBRARY = 'if (!dlopen("libcurl.so.4", RTLD_NOW)) return fprintf(stderr, "%s\\n", dlerror()), 1;'
DATA = 'if (!fopen("/usr/share/fetcher/names/list", "r")) return perror("/usr/share/fetcher/names/list"), 2;'
TOOL = 'if (system("cu" "rl --version >/dev/null")) return 3;'
HEADERS = 'if (stat("/usr/include/stdio.h", &found)) return 4;'


def project(*needs: str) -> Mapping[str, str]:
    """A program that needs something when it runs, which nobody can tell from the Dockerfile."""
    code = "\n    ".join([CODE.rstrip("\n"), *needs, 'puts("all is there");', "return 0;"]) + "\n}\n"
    return {"Dockerfile": DOCKERFILE, "Makefile": MAKEFILE, "fetcher.c": code}


@pytest.mark.builds
def test_a_split_is_repaired_twice_and_written(dockopt: Dockopt, tmp_path: Path) -> None:
    """The first build shows that a folder and a library are missing, the second one that a tool is."""
    words = ("--format", "json", "--select", "multi_stage", "--smoke", "fetcher")
    ended = dockopt(project(LIBRARY, DATA, TOOL), "fix", "--verify", "--in-place", *words)
    assert ended.returncode == 0, ended.stderr
    ((fix,),) = (file["fixes"] for file in json.loads(ended.stdout)["files"])
    assert fix["repairs"] == [
        "libcurl4 is added: a program needs libcurl.so.4",
        "curl is added: --smoke 'fetcher' calls curl",
        "/usr/share/fetcher is taken along: the image did not work without it",
    ]
    final = (tmp_path / "Dockerfile").read_text().partition("\n\n")[2]
    assert " libcurl4 curl " in final
    assert "\nCOPY --from=build /usr/share/fetcher /usr/share/fetcher\n" in final
    assert "tcc" not in final


@pytest.mark.builds
def test_what_cannot_be_repaired_is_left_out_with_its_reason(dockopt: Dockopt) -> None:
    words = ("--format", "json", "--no-measure", "--suggested", "--select", "multi_stage", "--smoke", "fetcher")
    ended = dockopt(project(DATA, HEADERS), "verify", *words)
    assert ended.returncode == 5, ended.stderr
    ((fix,),) = (file["fixes"] for file in json.loads(ended.stdout)["files"])
    assert fix["verdict"] == "fail"
    assert fix["differences"][0] == "--smoke 'fetcher': status 4 instead of 0"
    assert any(line.startswith("before the repair: lost: /usr/share/fetcher: ") for line in fix["differences"])
    assert fix["repairs"] == ["/usr/share/fetcher is taken along: the image did not work without it"]
    assert fix["causes"][0]["kind"] == "missing_path"
    assert {cause["origin"]["path"] for cause in fix["causes"]} == {"/usr/share/fetcher"}


@pytest.mark.builds
def test_a_build_that_fails_says_why(builder: Builder, tmp_path: Path) -> None:
    text = "FROM debian:bookworm\nRUN apt-get update && apt-get install -y --no-install-recommends file\n"
    task = Task(str(tmp_path / "Dockerfile"), str(tmp_path))
    trials = Trials(task, text, builder, "", (), lambda text: None)
    trials.original()
    trials.original()
    after = f"{text.replace('bookworm', 'bookworm AS build')}\nFROM debian:bookworm-slim\nRUN file --version\n"
    problems = trials.problems(optimize(after, []), "split")
    (cause,) = problems.causes
    assert cause == MissingProgram("file", "the build")
    assert cause.origin == Origin("/usr/bin/file", "/usr/bin/file", "file")
