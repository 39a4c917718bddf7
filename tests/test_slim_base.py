from __future__ import annotations

import json

import pytest

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.engine import optimize
from optimizer.image_tools import BRINGS, BUILDING, COMMANDS, IMAGES, brought_by, package_of, slim_tag
from optimizer.images import parse_reference
from optimizer.language_packages import (
    NEEDS,
    PURE,
    WHEELS,
    cargo_lock,
    fits,
    node_lock,
    python_lock,
    python_need,
    requirement,
)

NAME = "slim_base"


@pytest.mark.parametrize(
    ("full", "slim"),
    [
        ("python", "slim"),
        ("python:latest", "slim"),
        ("python:3", "3-slim"),
        ("python:3.12", "3.12-slim"),
        ("python:3.12.4", "3.12.4-slim"),
        ("python:3.12-bookworm", "3.12-slim-bookworm"),
        ("python:bookworm", "slim-bookworm"),
        ("python:3.4", None),
        ("python:2.7", None),
        ("python:3.13-rc", None),
        ("python:3.12.0b1", None),
        ("python:3.12-slim", None),
        ("python:3.12-alpine3.20", None),
        ("python:3.12-windowsservercore-ltsc2022", None),
        ("python:3-onbuild", None),
        ("python:3.9-stretch", None),
        ("node", "slim"),
        ("node:20", "20-slim"),
        ("node:20.11.1-bullseye", "20.11.1-bullseye-slim"),
        ("node:lts", "lts-slim"),
        ("node:iron-bookworm", "iron-bookworm-slim"),
        ("node:lts-iron", None),
        ("node:0.12", None),
        ("node:chakracore-10", None),
        ("ruby:3.3", "3.3-slim"),
        ("ruby:3.3-bookworm", "3.3-slim-bookworm"),
        ("rust:1.80", "1.80-slim"),
        ("rust:1-bookworm", "1-slim-bookworm"),
        ("rust:1.24", None),
        ("perl:5.38-threaded", "5.38-slim-threaded"),
        ("perl:5.38-threaded-bookworm", "5.38-slim-threaded-bookworm"),
        ("perl:5.28", None),
        ("debian:bookworm", "bookworm-slim"),
        ("debian:12", "12-slim"),
        ("debian:12.5", "12.5-slim"),
        ("debian:9.2", None),
        ("debian:bookworm-20240110", "bookworm-20240110-slim"),
        ("debian:stretch-20170606", None),
        ("debian:bookworm-backports", None),
        ("debian:experimental", None),
        ("debian", None),
    ],
)
def test_the_slim_tag_follows_the_naming_of_the_image(full: str, slim: str | None) -> None:
    reference = parse_reference(full)
    assert slim_tag(IMAGES[reference.official or ""], reference.tag) == slim
    if slim is not None:
        assert slim_tag(IMAGES[reference.official or ""], slim) is None


def test_the_tables_name_the_same_packages() -> None:
    brought = {package for some in BRINGS.values() for package in some.split()}
    assert brought | BUILDING <= COMMANDS.keys()
    assert package_of("gcc-12") == package_of("x86_64-linux-gnu-gcc") == package_of("cc") == "gcc"
    assert package_of("pg_config") == "libpq-dev"
    assert package_of("gunicorn") is None
    assert {"make", "gcc", "patch"} <= brought_by("build-essential")
    assert "gcc" in brought_by("gcc-12")
    assert "curl" in brought_by("curl=7.88.1-10")
    assert not PURE & (NEEDS.keys() | WHEELS.keys())


@pytest.mark.parametrize(
    ("text", "minor", "need"),
    [
        ("Flask", 12, None),
        ("ruamel_yaml", 12, "ruamel-yaml needs"),
        ("zope.interface==5.0", None, None),
        ("numpy", None, None),
        ("numpy>=1.20", 12, None),
        ("numpy==1.26.4", 12, None),
        ("numpy==1.26.4", 13, "wheel for Python 3.13"),
        ("numpy==1.26.4", 8, None),
        ("numpy<2", 12, None),
        ("numpy>=1.22,<1.26", 12, "wheel for Python 3.12"),
        ("numpy==1.26.4", None, "which Python"),
        ("numpy==9", 15, "wheel for Python 3.15"),
        ("numpy ~= 1.26.0 ; python_version > '3.8'", 12, None),
        ("psycopg[binary]==3.1", 12, None),
        ("psycopg", 12, "libpq5"),
        ("uvicorn[standard]>=0.20", 12, None),
        ("celery[memcache]", 12, "celery[memcache]"),
        ("flask @ git+https://example.com/flask", 12, "built from"),
        ("mysqlclient", 12, "needs gcc"),
    ],
)
def test_python_packages(text: str, minor: int | None, need: str | None) -> None:
    found = requirement(text)
    assert found is not None
    said = python_need(found, minor, frozenset())
    assert said is None if need is None else said is not None and need in said


def test_what_apt_brought_is_not_missing() -> None:
    wanted = requirement("mysqlclient")
    assert wanted is not None
    assert python_need(wanted, 12, frozenset({"gcc", "pkg-config"})) == "mysqlclient needs default-libmysqlclient-dev"
    assert python_need(wanted, 12, frozenset(NEEDS["mysqlclient"].split())) is None


@pytest.mark.parametrize("text", ["git+https://example.com/a", "./a", "a/b", "https://example.com/a.whl", "-e .", ""])
def test_what_is_no_requirement(text: str) -> None:
    assert requirement(text) is None


@pytest.mark.parametrize(
    ("wheel", "served"),
    [
        ("a-1-py3-none-any.whl", True),
        ("a-1-py2.py3-none-any.whl", True),
        ("a-1-py2-none-any.whl", False),
        ("a-1-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", True),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp313-cp313t-manylinux_2_17_x86_64.whl", False),
        ("a-1-cp312-cp312-musllinux_1_1_x86_64.whl", False),
        ("a-1-cp312-cp312-macosx_11_0_arm64.whl", False),
        ("a-1-cp37-abi3-manylinux2014_x86_64.whl", True),
        ("a-1-cp313-abi3-manylinux2014_x86_64.whl", False),
        ("a-1-1-py3-none-manylinux2014_x86_64.whl", True),
        ("a-1.tar.gz", False),
    ],
)
def test_wheels(wheel: str, served: bool) -> None:
    assert fits(wheel, 12) is served


LOCK = """
[[package]]
name = "strange"
version = "1"
files = [{{file = "strange-1.tar.gz", hash = ""}}, {{file = "{wheel}", hash = ""}}]
{source}
"""


@pytest.mark.parametrize(
    ("wheel", "source", "needs"),
    [
        ("strange-1-py3-none-any.whl", "", []),
        ("strange-1-cp39-cp39-manylinux1_x86_64.whl", "", ["strange has no wheel for this Python in the lock file"]),
        ("strange-1-py3-none-any.whl", '[package.source]\ntype = "git"', ["strange is built from its sources"]),
        ("x", '[package.source]\nvirtual = "."', []),
    ],
)
def test_python_locks(wheel: str, source: str, needs: list[str]) -> None:
    assert list(python_lock(LOCK.format(wheel=wheel, source=source), 12, frozenset())) == needs


def test_locks_that_cannot_be_read() -> None:
    assert list(python_lock("a = [", 12, frozenset())) == ["the lock file cannot be read"]
    assert len(list(node_lock("package-lock.json", '{"lockfileVersion": 1}'))) == 1
    assert len(list(cargo_lock("="))) == 1


@pytest.mark.parametrize(
    ("name", "text", "compiled"),
    [
        ("package-lock.json", json.dumps({"packages": {"": {"hasInstallScript": True}, "node_modules/a": {}}}), False),
        ("package-lock.json", json.dumps({"packages": {"node_modules/a": {"hasInstallScript": True}}}), True),
        ("package-lock.json", json.dumps({"packages": {"node_modules/a": {"resolved": "git+ssh://git@b/c"}}}), True),
        ("yarn.lock", '# yarn\n"@a/b@^1":\n  version "1"\n  resolved "https://r/@a/b"\n', False),
        ("yarn.lock", "nan@^2:\n  version 2\n", True),
        ("yarn.lock", '"@mapbox/node-pre-gyp@npm:^1":\n', True),
        ("pnpm-lock.yaml", "packages:\n  '@a/b@1.0.0':\n    resolution: {}\n", False),
        ("pnpm-lock.yaml", "packages:\n  node-addon-api@7.0.0:\n", True),
    ],
)
def test_javascript_locks(name: str, text: str, compiled: bool) -> None:
    assert bool(list(node_lock(name, text))) is compiled


def test_cargo_locks() -> None:
    lock = '[[package]]\nname = "{}"\nversion = "1"\n'
    assert list(cargo_lock(lock.format("serde") + lock.format("linux-raw-sys"))) == []
    assert len(list(cargo_lock(lock.format("openssl-sys")))) == 1


def reason(text: str, files: dict[str, str] | None = None) -> str:
    """Why python:3.12 stays; "" where it becomes slim."""
    context = None if files is None else MemoryContext(files)
    outcome = optimize(f"FROM python:3.12\n{text}\n", [registry.find(NAME)], suggested={NAME}, context=context)
    assert outcome.after.startswith("FROM python:3.12-slim\n") is not bool(outcome.refusals)
    return outcome.refusals[0].reason.partition("line ")[2] if outcome.refusals else ""


END = '\nCMD ["python", "-m", "http.server"]'


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ("true", ""),
        ("sudo -E env A=b unzip x.zip", "2 calls unzip"),
        ("apt-get update && apt-get install -y unzip && unzip x.zip", ""),
        ("unzip x.zip && apt-get install -y unzip", "2 calls unzip"),
        ("for f in *; do xz -d $f; done", "2 calls xz"),
        ("echo $(git rev-parse HEAD)", "2 calls git"),
        ("bash -ec 'wget x'", "2 calls wget"),
        ("find . -name '*.gz' -exec file {} +", "2 calls file"),
        ("ls | xargs -n 1 file", "2 calls file"),
        ("apt-get install -y make gcc && make", "2 calls make"),
        ("/usr/bin/python3 x.py", "2 names /usr/bin/python"),
        ("python3 -m venv /v && /v/bin/pip list", ""),
        ("python3 -m venv /venv && /venv/bin/pip install flask", ""),
        ("python -c 'import subprocess; subprocess.run([\"git\"])'", "2 runs code that starts git"),
        ("$TOOL x", "2 calls $TOOL"),
        ("curl -fsSL https://example.com/x | sh", "2 calls curl"),
        ("./configure", "2 calls configure"),
        ("apt-key add x", "2 calls apt-key"),
        ("apt-get install -y default-jre-headless", "2 installs default-jre-headless"),
        ("ls /usr/lib/x86_64-linux-gnu", "2 names /usr/lib/"),
        ("python -m pip install --no-cache-dir 'flask>=2' && pip3 install gunicorn", ""),
        ("pip install ./x", "2 what the project in ./x needs"),
        ("pip install strange", "2 it is not known here"),
        ("pip install -r requirements.txt", "2 requirements.txt cannot be looked into"),
        ("poetry install", "2 poetry.lock cannot be looked into"),
        ("if", "2 cannot be read"),
    ],
)
def test_commands(run: str, said: str) -> None:
    found = reason(f"RUN {run}{END}")
    assert found.startswith(said) if said else not found


PYPROJECT = '[project]\nname = "a"\ndependencies = ["flask"{}]\n[build-system]\nrequires = ["setuptools"{}]\n'


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pyproject.toml": PYPROJECT.format("", "")}, ""),
        ({"pyproject.toml": PYPROJECT.format(', "uwsgi"', "")}, "4 uwsgi needs gcc"),
        ({"pyproject.toml": PYPROJECT.format("", ', "setuptools-scm"')}, "4 setuptools-scm needs git"),
        ({"pyproject.toml": PYPROJECT.format("", ""), "setup.py": ""}, "4 what the project in . needs"),
        ({}, "4 what the project in . needs"),
    ],
)
def test_projects(files: dict[str, str], said: str) -> None:
    found = reason(f"WORKDIR /a\nCOPY . .\nRUN pip install .{END}", {"a.py": "", **files})
    assert found.startswith(said) if said else not found


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"run.sh": '#!/bin/sh\nexec "$@"\n'}, ""),
        (
            {"run.sh": "#!/bin/bash\n. ./lib.sh\nmain\n", "lib.sh": "main() { ps; }\n"},
            "4 runs run.sh, which runs lib.sh, which calls ps",
        ),
        ({"run.sh": "ssh x\n"}, "4 runs run.sh, which calls ssh"),
        ({"run.sh": "#!/usr/bin/env python3\nimport os\n"}, ""),
        ({"run.sh": "a\0", "x.py": ""}, "4 runs run.sh"),
        ({"x.py": ""}, "4 runs ./run.sh, which is not in the build context"),
    ],
)
def test_scripts(files: dict[str, str], said: str) -> None:
    found = reason('WORKDIR /a\nCOPY . .\nENTRYPOINT ["./run.sh"]', files)
    assert found.startswith(said) if said else not found


def test_the_tag_alone_is_written() -> None:
    text = "FROM  --platform=$BUILDPLATFORM \\\n  docker.io/library/python:3.12 \\\n  as  build  # x\n"
    text = text.replace("  # x", "") + 'CMD ["flask"]\n'
    outcome = optimize(text, [registry.find(NAME)], suggested={NAME})
    assert outcome.after == text.replace("python:3.12", "python:3.12-slim")
    assert (
        optimize('FROM node\nCMD ["x"]', [registry.find(NAME)], suggested={NAME}).after == 'FROM node:slim\nCMD ["x"]'
    )


def test_more_sources_than_anybody_looks_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimizer.system_needs.MOST_SOURCES", 2)
    assert reason(f"COPY . /a{END}", {"a.py": "", "b.py": "", "c.txt": ""}) == ""
    assert "more than 2 source files" in reason(f"COPY . /a{END}", {"a.py": "", "b.py": "", "c.py": ""})
