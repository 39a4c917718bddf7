"""What a split declares that the image loses: as the proof by a build reads it."""

from __future__ import annotations

import pytest

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.engine import optimize
from optimizer.verify.patterns import Patterns, with_folders

APT = "RUN apt-get update && apt-get install -y"
GO = (
    "FROM golang:1.22-bookworm\nWORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /src/server .\n"
    'CMD ["/src/server"]\n',
    {"go.mod": "module a\n", "main.go": "package main\n", "templates/a.html": "", "README.md": ""},
)
PIP = (
    f"FROM python:3.12-slim-bookworm\n{APT} gcc g++=4:12 libpq-dev\nRUN pip install poetry uwsgi\nWORKDIR /app\n"
    'COPY . .\nRUN pip install -r requirements.txt\nCMD ["python", "app.py"]\n',
    {"app.py": "", "requirements.txt": "psycopg2\n"},
)
POETRY = (
    f"FROM python:3.12-slim-bookworm\n{APT} gcc\nRUN pip install poetry poetry-plugin-export\nWORKDIR /app\nCOPY . .\n"
    'RUN poetry export -o list.txt\nRUN pip install -r list.txt\nCMD ["python", "app.py"]\n',
    {"app.py": "", "pyproject.toml": ""},
)
PIPENV = (
    "FROM python:3.12-bookworm\nRUN pip install pipenv\nWORKDIR /app\nCOPY Pipfile Pipfile.lock ./\nRUN pipenv sync\n"
    'COPY . .\nCMD ["pipenv", "run", "python", "app.py"]\n',
    {"app.py": "", "Pipfile": "", "Pipfile.lock": "{}"},
)
PIPENV_SYSTEM = (
    PIPENV[0].replace("pipenv sync", "pipenv sync --system").replace('"pipenv", "run", ', ""),
    PIPENV[1],
)
NODE = (
    f"FROM node:20-bookworm-slim\n{APT} make\nRUN npm install -g typescript@5\nWORKDIR /app\nCOPY . .\nRUN npm ci\n"
    'RUN npm run build\nCMD ["node", "a.js"]\n',
    {"package.json": '{"devDependencies": {"eslint": "1", "@types/x": "1"}, "scripts": {"build": "tsc"}}'},
)
SITE = "/usr/local/lib/python3.12/site-packages"


@pytest.mark.parametrize(
    ("source", "gone", "stays"),
    [
        (GO, ["/src/main.go", "/src/README.md", "/go/pkg/mod/x", "/root/.cache/go-build/x", "/tmp/x"],
         ["/src/server", "/src/templates/a.html", "/usr/bin/x", "/etc/x", "/go/bin/x", "/root/.config/own", "/home/x",
          "/root/.cache/own", "/opt/x", "/srv/x"]),
        (PIP, ["/opt/venv/bin/python", "/var/lib/dpkg/info/gcc.list", "/var/lib/dpkg/info/g++.list",
               "/var/lib/dpkg/info/libpq-dev:amd64.list", "/lib/apk/db/installed/gcc", "/root/.cache/pip/x"],
         ["/app/app.py", "/app/requirements.txt", f"{SITE}/x", "/var/lib/dpkg/info/libpq5.list", "/usr/share/doc/x",
          "/var/lib/dpkg/info/gcc-12.list", "/opt/own"]),
        (POETRY, [f"{SITE}/poetry-2.0.dist-info/RECORD", f"{SITE}/poetry_plugin_export-1.dist-info", "/app/list.txt"],
         [f"{SITE}/poetry_core-1.dist-info", f"{SITE}/poetry/x.py", "/app/pyproject.toml"]),
        (PIPENV, ["/root/.cache/virtualenv/wheel/x", "/root/.cache/pipenv/x"],
         ["/root/.local/share/virtualenvs/app-x/lib/x.py", "/root/.local/share/x", "/app/Pipfile", "/app/app.py",
          f"{SITE}/pipenv-1.dist-info/RECORD"]),
        (PIPENV_SYSTEM, ["/root/.local/share/virtualenvs", f"{SITE}/pipenv-1.dist-info/RECORD"],
         ["/root/.local/share/x", "/root/.local/bin/x"]),
        (NODE, ["/app/node_modules/eslint/a.js", "/app/node_modules/@types/x/a.js", "/root/.npm/x",
                "/usr/local/lib/node_modules/typescript/x.js"],
         ["/app/node_modules/a/a.js", "/app/node_modules/@types/y/a.js", "/app/a.js",
          "/usr/local/lib/node_modules/npm/x"]),
    ],
    ids=["go", "pip", "poetry", "pipenv", "pipenv-system", "node"],
)  # fmt: skip
def test_a_split_declares_what_it_leaves_behind(
    source: tuple[str, dict[str, str]], gone: list[str], stays: list[str]
) -> None:
    transform = registry.find("multi_stage")
    outcome = optimize(source[0], [transform], suggested={transform.name}, context=MemoryContext(source[1]))
    (fix,) = outcome.fixes
    patterns = Patterns(with_folders(fix.paths))
    assert [path for path in gone if not patterns.covers(path)] == []
    assert [path for path in stays if patterns.covers(path)] == []
