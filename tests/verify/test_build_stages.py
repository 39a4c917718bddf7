"""Files of several stages that are made better: built for real, and held against what they were."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from optimizer import registry
from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import Options, find
from optimizer.verify.cause import Problems
from optimizer.verify.trial import Trials

PACKAGE = """\
{"name": "times", "dependencies": {"ms": "2.1.3"}, "scripts": {"build": "tsc"},
 "devDependencies": {"typescript": "5.4.5", "@types/ms": "0.7.34", "@types/node": "20.12.7"}}
"""
NODE = {
    "package.json": PACKAGE,
    "tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "src", "esModuleInterop": true}}\n',
    "src/main.ts": 'import ms from "ms";\nconsole.log(ms("2 days"));\n',
}
C = {"hello.c": '#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n'}


class Case(NamedTuple):
    """A Dockerfile, what makes it better, and a line that comes of it."""

    transform: str
    text: str
    files: dict[str, str]
    made: str
    smoke: str


CASES = {
    "the last stage builds on another one, and builds itself": Case(
        "multi_stage",
        "FROM node:20-slim AS base\n"
        "WORKDIR /app\n"
        "FROM base AS packages\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends make g++ python3\n"
        "COPY package.json ./\n"
        "RUN npm install\n"
        "FROM packages\n"
        "COPY . .\n"
        "RUN npm run build\n"
        "USER node\n"
        'CMD ["node", "dist/main.js"]\n',
        NODE,
        "COPY --from=build /app /app",
        "node dist/main.js",
    ),
    "the last stage builds on the stage of the build": Case(
        "multi_stage",
        "FROM node:20-slim AS build\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev\n"
        "WORKDIR /app\n"
        "COPY . .\n"
        "RUN npm install && npm run build\n"
        "FROM build\n"
        "ENV NODE_ENV=production\n"
        'CMD ["node", "dist/main.js"]\n',
        NODE,
        "COPY --from=build /app /app",
        "node dist/main.js",
    ),
    "packages for development go over with the tree": Case(
        "copy_from_tree",
        "FROM node:20-slim AS build\n"
        "WORKDIR /app\n"
        "COPY . .\n"
        "RUN npm install && npm run build\n"
        "FROM node:20-slim\n"
        "WORKDIR /app\n"
        "COPY --from=build /app .\n"
        'CMD ["node", "dist/main.js"]\n',
        NODE,
        "RUN npm prune --omit=dev",
        "node dist/main.js",
    ),
    "nothing of a stage is used": Case(
        "unused_stage",
        'FROM node:20-slim\nRUN false\nFROM python:3.11-slim\nCOPY . /srv\nCMD ["python", "--version"]\n',
        C,
        "FROM python:3.11-slim",
        "python --version",
    ),
}


@pytest.mark.builds
@pytest.mark.parametrize("name", CASES)
def test_the_image_works_as_before(name: str, chosen: str, tmp_path: Path) -> None:
    case = CASES[name]
    for path, text in {**case.files, "Dockerfile": case.text}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    with find(chosen, Options(timeout=1800)) as builder:
        smoke = () if builder.can_run() else (case.smoke,)
        task = Task(str(tmp_path / "Dockerfile"), str(tmp_path))
        trials = Trials(task, case.text, builder, "", smoke, lambda text: None)
        transform = registry.find(case.transform)
        outcome = optimize(case.text, [transform], suggested={case.transform}, context=trials.context)
        assert case.made in outcome.after.split("\n")
        assert outcome.after != case.text
        trials.original()
        trials.original()
        shot = trials.shoot(trials.source(outcome.after), "rewritten", no_cache=False)
        assert trials.problems(outcome, "rewritten", shot) == Problems()
