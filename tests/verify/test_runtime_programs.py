from __future__ import annotations

from typing import Any

import pytest

from optimizer.verify.programs import Script, first_line, started
from tests.verify.images import file, folder, image, program
from tests.verify.systems import (
    debian,
    findings,
    looked,
    on_glibc,
    without,
)

SCRIPT = "#!/usr/bin/env node\n"
NODE = {"/usr/local/bin/node": on_glibc()}
CLI = {"/app/cli.js": program(SCRIPT), "/app/data.json": file("{}"), "/app/main.js": file("x")}


@pytest.mark.parametrize(
    ("config", "lost", "expected"),
    [
        ({"Entrypoint": ["node"], "Cmd": ["main.js"]}, "/usr/local/bin/node", ["ENTRYPOINT: node is not in the image"]),
        ({"Entrypoint": ["node"], "Cmd": ["main.js"]}, "/app/main.js", ["CMD: main.js is not in the image"]),
        (
            {"Cmd": ["/app/cli.js"]},
            "/usr/local/bin/node",
            ["CMD: /app/cli.js is run by node, which is not in the image"],
        ),
        ({"Cmd": ["./cli.js"]}, "/usr/bin/env", ["CMD: ./cli.js is run by /usr/bin/env, which is not in the image"]),
        (
            {"Cmd": ["/bin/sh", "-c", "cd /app && exec node main.js"]},
            "/usr/local/bin/node",
            ["CMD: node is not in the image"],
        ),
        ({"Cmd": ["/bin/sh", "-c", "node $MAIN"]}, "/usr/bin/dash", ["CMD: /bin/sh is not in the image"]),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "node x || exit 1"]}},
            "/usr/local/bin/node",
            ["HEALTHCHECK: node is not in the image"],
        ),
        (
            {"Healthcheck": {"Test": ["CMD", "/app/cli.js"]}},
            "/app/cli.js",
            ["HEALTHCHECK: /app/cli.js is not in the image"],
        ),
        ({"Healthcheck": {"Test": ["NONE"]}}, "/usr/local/bin/node", []),
        ({"Cmd": ["main.js"], "Env": ["PATH=/nowhere"]}, "/app/main.js", ["CMD: main.js is not in the image"]),
        ({"Cmd": ["/bin/sh", "-c", "'"]}, "/usr/local/bin/node", []),  # no script that can be read
        ({"Cmd": ["never"]}, "/usr/local/bin/node", []),  # never was there
    ],
)
def test_what_the_image_starts_is_there(config: dict[str, Any], lost: str, expected: list[str]) -> None:
    before = {**debian(), **NODE, **CLI}
    found = findings(before, without(before, lost), {"WorkingDir": "/app", **config})
    # the shell's own loss breaks more than the command
    assert [it for it in found if not it.startswith("/")] == expected


def test_what_is_started_has_to_be_executable() -> None:
    before = {**debian(), "/app/run": program("#!/bin/sh\n")}
    after = {**before, "/app/run": file("#!/bin/sh\n")}
    assert findings(before, after, {"Cmd": ["/app/run"]}) == ["CMD: /app/run may not be executed"]


def test_scripts_on_path_keep_their_interpreter() -> None:
    before = {**debian(), **NODE, "/usr/local/bin/tool": program(SCRIPT), "/opt/x/tool": program(SCRIPT)}
    assert findings(before, without(before, "/usr/local/bin/node")) == [
        "/usr/local/bin/tool is run by node, which is not in the image"
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"#!/bin/sh\n", Script("/bin/sh")),
        (b"#! /bin/sh -e  \n", Script("/bin/sh", "-e")),
        (b"#!/usr/bin/env -S node --x\r\n", Script("/usr/bin/env", "-S node --x")),
        (b"#!/bin/sh", Script("/bin/sh")),
        (b"#!\n", None),
        (b"#/bin/sh\n", None),
        (b"", None),
    ],
)
def test_first_lines(line: bytes, expected: Script | None) -> None:
    assert first_line(line) == expected


def test_the_program_behind_env_is_the_one_that_reads() -> None:
    assert Script("/usr/bin/env", "-S node --x").program == "node"
    assert Script("/usr/bin/env", "").program == "/usr/bin/env"


def test_a_ring_of_interpreters_ends() -> None:
    ring = {"/app/a": program("#!/app/b\n"), "/app/b": program("#!/app/a\n")}
    assert findings(ring, ring, {"Cmd": ["/app/a"]}) == []


def test_words_that_start_something() -> None:
    config = image(
        {}, {"Entrypoint": ["tini", "--"], "Cmd": ["bash", "-lc", "exec env A=1 gunicorn -w 2 'app:x' | tee log"]}
    ).config
    assert [(word.field, word.text) for word in started(config)] == [
        ("ENTRYPOINT", "tini"), ("CMD", "bash"), ("CMD", "gunicorn"), ("CMD", "2"), ("CMD", "app:x"), ("CMD", "tee"),
        ("CMD", "log"),
    ]  # fmt: skip


def test_programs_are_looked_up_in_the_working_directory() -> None:
    files = {**debian(), "/app/bin/run": program("#!/bin/sh\n"), "/app": folder()}
    assert findings(files, without(files, "/app/bin/run"), {"Cmd": ["bin/run"], "WorkingDir": "/app"}) == [
        "CMD: bin/run is not in the image"
    ]
    assert looked(files).at("/app/bin/run") is not None
