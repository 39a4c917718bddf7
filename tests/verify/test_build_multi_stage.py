"""Splits as `multi_stage` makes them: each passes as it is, and fails with one thing in it put wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from optimizer import registry
from optimizer.engine import optimize
from optimizer.runner import Task
from optimizer.verify.builder import BuildFailed, Options, find
from optimizer.verify.cause import Problems
from optimizer.verify.trial import Trials
from tests.verify.apps import APPS, SMOKE, Latest, Proofs

TYPESCRIPT = {
    "Dockerfile": """\
FROM node:20-slim
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /app
COPY . .
RUN npm install
RUN npm run build
CMD ["node", "dist/main.js"]
""",
    "package.json": '{"name": "times", "dependencies": {"ms": "2.1.3"}, "scripts": {"build": "tsc"},\n'
    ' "devDependencies": {"typescript": "5.4.5", "@types/ms": "0.7.34", "@types/node": "20.12.7"}}\n',
    "tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "src", "esModuleInterop": true}}\n',
    "src/main.ts": 'import ms from "ms";\nconsole.log(ms("2 days"));\n',
}
"""An application of which the build needs more packages than the program."""


PROVED = ("c", "pip", "poetry", "uv")
"""Applications that are split as they are; other tests have built them already."""


class Variant(NamedTuple):
    """An application, with what the build alone needs put in, so that there is something to leave behind."""

    app: str
    text: str = ""
    instead: str = ""
    smoke: str = ""


VARIANTS = {
    "npm": Variant("npm", "install -y dumb-init", "install -y dumb-init make"),
    "flask": Variant(
        "flask", "FROM python:3.11\n", "FROM python:3.11-slim\nRUN apt-get update && apt-get install -y gcc\n"
        "COPY links.py /etc/links.conf\nENV LINKS=/tmp\n", "python -c 'import links; print(links.app)'",
    ),
    "uv, copied": Variant(
        "uv",
        "\nENV UV_SYSTEM_CERTS=1\nENV UV_PYTHON_DOWNLOADS=never\nRUN pip install uv==0.13.9\n",
        " AS uv\nRUN pip install uv==0.13.9\nFROM python:3.11-slim\nENV UV_SYSTEM_CERTS=1\n"
        "ENV UV_PYTHON_DOWNLOADS=never\nCOPY --from=uv /usr/local/bin/uv /usr/local/bin/uvx /bin/\n",
    ),
    "pipenv": Variant("pipenv", smoke="python -m score"),
    "yarn": Variant("yarn", smoke="node dist/main.js"),
    "pnpm": Variant("pnpm", smoke="node dist/main.js"),
    "go": Variant("go"),
    "rust": Variant("rust", smoke="./target/release/lines /etc/passwd"),
    "cmake": Variant("cmake", smoke="adler /etc/passwd"),
    "autotools": Variant("autotools", smoke="hello"),
    "typescript": Variant("", smoke="node dist/main.js"),
    "user": Variant(
        "", "WORKDIR /app\nCOPY . .\n", "RUN mkdir /app && chown node:node /app\nUSER node\nWORKDIR /app\n"
        "COPY --chown=node:node . .\n", "node dist/main.js",
    ),
    "debian": Variant(
        "pip", "FROM python:3.11-slim\n", "FROM debian:bookworm\nENV PIP_BREAK_SYSTEM_PACKAGES=1\n"
        "RUN apt-get update && apt-get install -y --no-install-recommends python3-dev python3-pip\n",
        SMOKE["pip"].replace("python", "python3"),
    ),
}  # fmt: skip


class Wrong(NamedTuple):
    """One thing put wrong in the final stage of a split, and what has to be said of it."""

    variant: str
    text: str
    instead: str
    says: str


VENV = "COPY --from=build /opt/venv /opt/venv\n"
SITE = "/opt/venv/lib/python3.11/site-packages"
OLD_SITE = "/usr/local/lib/python3.11/site-packages"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
LOCAL = "COPY --from=build /usr/local /usr/local\n"
MODULES = "COPY --from=build /app/node_modules /app/node_modules\n"
WRONG = {
    "a data file is lost": Wrong("pip", "ADD . /app\n", "COPY notes.py /app/\n", "lost: /app/requirements.txt"),
    "a data file of a package is lost": Wrong(
        "pip", VENV, f"{VENV}RUN rm {SITE}/flask/py.typed\n", f"lost: {OLD_SITE}/flask/py.typed"
    ),
    "a package is lost": Wrong(
        "pip", VENV, f"{VENV}RUN rm -r {SITE}/itsdangerous*\n", f"lost: {OLD_SITE}/itsdangerous"
    ),
    "a variable is another": Wrong("pip", "localhost/notes", "localhost/other", "changed: ENV DATABASE_URL"),
    "the certificates are lost": Wrong("pip", VENV, f"{VENV}RUN rm {BUNDLE}\n", f"{BUNDLE} is gone, and "),
    "the packages have another owner": Wrong("pip", VENV, VENV.replace("/opt", "--chown=33 /opt", 1), "owner"),
    "a program may not be executed": Wrong(
        "pip", VENV, f"{VENV}RUN chmod 644 /opt/venv/bin/gunicorn\n", "CMD: gunicorn is not in the image"
    ),
    "a module has another mode": Wrong(
        "pip", VENV, f"{VENV}RUN chmod 600 {SITE}/flask/app.py\n", f"{OLD_SITE}/flask/app.py: mode 0644, now 0600"
    ),
    "PATH lacks the environment": Wrong(
        "pip", "ENV PATH=/opt/venv/bin:$PATH\n", "", "CMD: gunicorn is not in the image"
    ),
    "PATH has something else": Wrong(
        "pip", "ENV PATH=/opt/venv/bin:$PATH\n", "ENV PATH=/opt/venv/bin:/own:$PATH\n", "changed: ENV PATH"
    ),
    "CMD is another": Wrong("pip", "0.0.0.0:8000", "0.0.0.0:80", "changed: CMD"),
    "a library is lost": Wrong("pip", " libpq5 ", " tzdata ", "libpq.so.5"),
    "a setting is lost": Wrong("flask", "COPY links.py /etc/links.conf\n", "", "lost: /etc/links.conf"),
    "a setting is another": Wrong(
        "flask", "COPY links.py /etc/links.conf\n", "COPY requirements.txt /etc/links.conf\n",
        "changed: /etc/links.conf: content",
    ),
    "what the health check calls is lost": Wrong("flask", "install -y curl", "install -y tzdata", "HEALTHCHECK: curl"),
    "a label is lost": Wrong("flask", "LABEL ", "ENV ", "lost: LABEL org.opencontainers.image.title"),
    "a module that another one needs is lost": Wrong(
        "npm", MODULES, f"{MODULES}RUN rm -r node_modules/depd\n", "lost: /app/node_modules/depd"
    ),
    "a package beside Debian's is lost": Wrong(
        "debian", LOCAL, f"{LOCAL}RUN rm -r /usr/local/lib/python3.11/dist-packages/itsdangerous*\n",
        "lost: /usr/local/lib/python3.11/dist-packages/itsdangerous",
    ),
    "ENTRYPOINT is lost": Wrong("npm", 'ENTRYPOINT ["dumb-init", "--"]\n', "", "lost: ENTRYPOINT"),
    "the program of go is lost": Wrong(
        "go", "COPY --from=build /usr/local/bin/lines /usr/local/bin/lines\n", "COPY go.mod /\n", "ENTRYPOINT: "
    ),
    "a package of production is lost with pnpm": Wrong(
        "pnpm", "COPY --from=build /app /app\n", "COPY --from=build /app /app\nRUN rm -r node_modules/ms\n",
        "lost: /app/node_modules/ms",
    ),
    "what is installed beside the program is lost": Wrong(
        "autotools", "RUN ldconfig\n", "RUN ldconfig && rm -r /usr/local/share/hello\n", "lost: /usr/local/share/hello"
    ),
    "a module of production is taken out": Wrong(
        "typescript", "COPY --from=build /app /app\n", "COPY --from=build /app /app\nRUN rm -r node_modules/ms\n",
        "lost: /app/node_modules/ms",
    ),
    "a source is lost": Wrong(
        "typescript", "COPY --from=build /app /app\n", "COPY --from=build /app /app\nRUN rm tsconfig.json\n",
        "lost: /app/tsconfig.json",
    ),
    "the user is another": Wrong("uv", "USER nobody\n", "", "lost: USER: nobody"),
    "what another user has built is root's": Wrong("user", "--chown=node:node ", "--chown=0:0 ", "owner"),
    "the program is lost": Wrong(
        "c", "RUN ldconfig\n", "RUN ldconfig && rm /usr/local/bin/checksums\n", "ENTRYPOINT: checksums is not in the"
    ),
    "the program has another owner": Wrong(
        "c", "RUN ldconfig\n", "RUN ldconfig && chown 33 /usr/local/bin/checksums\n",
        "changed: /usr/local/bin/checksums: owner 0:0, now 33:0",
    ),
}  # fmt: skip


def build(chosen: str, factory: pytest.TempPathFactory, name: str, stack: ExitStack) -> Trials:
    """Build the original of a variant twice."""
    app, text, instead, smoke = VARIANTS[name]
    folder = APPS / app if app else write(factory.mktemp("app"))
    original = (folder / "Dockerfile").read_text()
    assert text in original
    original = original.replace(text, instead, 1) if text else original
    builder = stack.enter_context(find(chosen, Options(timeout=1800)))
    command = smoke or SMOKE.get(app)
    commands = () if builder.can_run() or not command else (command,)
    trials = Trials(Task(str(folder / "Dockerfile"), str(folder)), original, builder, "", commands, lambda text: None)
    trials.original()
    trials.original()
    return trials


def write(folder: Path) -> Path:
    for name, text in TYPESCRIPT.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(scope="session")
def variants(chosen: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Latest[Trials]]:
    with closing(Latest(partial(build, chosen, tmp_path_factory))) as latest:
        yield latest


def problems(trials: Trials, wrong: Wrong | None = None) -> Problems:
    """What is found in the image of the split that is made of an original, with one thing put wrong."""
    outcome = optimize(trials.text, [registry.find("multi_stage")], suggested={"multi_stage"}, context=trials.context)
    assert outcome.changed
    build, start, final = outcome.after.rpartition("\nFROM ")
    if wrong:
        assert wrong.text in final
        outcome = replace(outcome, after=f"{build}{start}{final.replace(wrong.text, wrong.instead, 1)}")
    try:
        shot = trials.shoot(trials.source(outcome.after), "split", no_cache=False)
    except BuildFailed as error:
        pytest.fail(f"{error.message}: {error.lines}\n{outcome.after}")
    return trials.problems(outcome, "split", shot)


def of(*names: str) -> list[str]:
    """The wrong splits of some applications, those of one in a row."""
    return sorted((name for name in WRONG if WRONG[name].variant in names), key=lambda name: WRONG[name].variant)


@pytest.mark.builds
@pytest.mark.parametrize("app", PROVED)
def test_a_split_works_and_passes(app: str, proofs: Proofs) -> None:
    assert problems(proofs[app].trials) == Problems()


@pytest.mark.builds
@pytest.mark.parametrize(("app", "name"), [(WRONG[name].variant, name) for name in of(*PROVED)], ids=of(*PROVED))
def test_a_wrong_split_fails(app: str, name: str, proofs: Proofs) -> None:
    found = problems(proofs[app].trials, WRONG[name])
    assert any(WRONG[name].says in line for line in found.lines), found


@pytest.mark.builds
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_split_of_a_variant_works_and_passes(variant: str, variants: Latest[Trials]) -> None:
    assert problems(variants[variant]) == Problems()


@pytest.mark.builds
@pytest.mark.parametrize(
    ("variant", "name"), [(WRONG[name].variant, name) for name in of(*VARIANTS)], ids=of(*VARIANTS)
)
def test_a_wrong_split_of_a_variant_fails(variant: str, name: str, variants: Latest[Trials]) -> None:
    found = problems(variants[variant], WRONG[name])
    assert any(WRONG[name].says in line for line in found.lines), found
