"""poetry, pipenv, pdm and uv."""

from __future__ import annotations

import pytest

from tests.manifests.memory import Project, ask, found, refused

POETRY = {
    "pyproject.toml": '[tool.poetry]\nname = "a"\n[tool.poetry.dependencies]\nflask = "*"\n',
    "poetry.lock": "",
}
PIPFILE = {"Pipfile": '[packages]\nflask = "*"\n', "Pipfile.lock": "{}"}
PDM = {"pyproject.toml": '[project]\nname = "a"\ndependencies = ["flask"]\n', "pdm.lock": ""}
UV = {
    "pyproject.toml": '[project]\nname = "a"\nversion = "1"\ndependencies = ["x"]\n[build-system]\n',
    "uv.lock": "",
}


def poetry(extra: str, **texts: str) -> Project:
    return {
        "pyproject.toml": POETRY["pyproject.toml"] + extra,
        "poetry.lock": "",
        "a/__init__.py": "",
        **texts,
    }


@pytest.mark.parametrize(
    ("command", "project"),
    [
        ("poetry install --no-root", POETRY),
        ("poetry install --no-root --only main -n --no-ansi --no-cache", POETRY),
        ("python -m poetry install --no-dev --no-root", POETRY),
        ("poetry sync --no-root", POETRY),
        ("poetry install", {**POETRY, "pyproject.toml": "[tool.poetry]\npackage-mode = false"}),
        ("poetry export -f requirements.txt --output /tmp/requirements.txt --without-hashes", POETRY),
        ("pipenv install --system --deploy", PIPFILE),
        ("pipenv install --deploy --ignore-pipfile --dev", PIPFILE),
        ("pipenv sync", PIPFILE),
        ("pdm sync --prod --no-self", PDM),
        ("pdm install --check --prod --no-editable --no-self", PDM),
        ("pdm install --frozen-lockfile", {**PDM, "pyproject.toml": "[tool.pdm]\ndistribution = false"}),
        ("uv sync --locked --no-install-project --no-dev", UV),
        ("uv sync --frozen", {**UV, "pyproject.toml": '[project]\nname = "a"\ndependencies = ["x"]'}),
        ("uv sync --frozen", {**UV, "pyproject.toml": UV["pyproject.toml"] + "[tool.uv]\npackage = false"}),
    ],
)
def test_an_install_without_the_project_moves(command: str, project: Project) -> None:
    answer = found(command, {**project, "a/__init__.py": "", "README.md": ""})
    assert answer.files == tuple(sorted(project))
    assert (answer.prefetch, answer.rewrites, answer.same_image, answer.proved) == ((), (), True, True)


@pytest.mark.parametrize(
    ("command", "project", "prefetch"),
    [
        ("poetry install", POETRY, "poetry install --no-root"),
        ("poetry -n install --only main", POETRY, "poetry -n install --only main --no-root"),
        ("pdm install --prod", PDM, "pdm install --prod --no-self"),
        ("uv sync", UV, "uv sync --no-install-project"),
        ("uv sync --locked --no-dev", UV, "uv sync --locked --no-dev --no-install-project"),
    ],
)
def test_the_project_itself_follows_after_the_copy(command: str, project: Project, prefetch: str) -> None:
    answer = found(command, {**project, "a/__init__.py": ""})
    assert [" ".join(words) for words in answer.prefetch] == [prefetch]
    assert answer.files == tuple(sorted(project))
    assert answer.same_image


@pytest.mark.parametrize(
    ("command", "project", "rewrites"),
    [
        ("pipenv install --system", PIPFILE, ("Pipfile.lock",)),
        ("pdm install --no-self", PDM, ("pdm.lock",)),
        ("uv sync --no-install-project", UV, ("uv.lock",)),
    ],
)
def test_a_lock_that_may_change(command: str, project: Project, rewrites: tuple[str, ...]) -> None:
    assert found(command, project).rewrites == rewrites


@pytest.mark.parametrize(
    ("command", "project", "files"),
    [
        (
            "poetry install --no-root",
            poetry(
                'lib = { path = "libs/lib", develop = true }',
                **{"libs/lib/pyproject.toml": "", "poetry.toml": ""},
            ),
            ("libs/lib/", "poetry.lock", "poetry.toml", "pyproject.toml"),
        ),
        (
            "poetry install --no-root",
            poetry('[tool.poetry.group.dev.dependencies]\nw = [{ path = "w.whl" }]', **{"w.whl": ""}),
            ("poetry.lock", "pyproject.toml", "w.whl"),
        ),
        (
            "poetry -C api install --no-root",
            {f"api/{path}": text for path, text in POETRY.items()},
            ("api/poetry.lock", "api/pyproject.toml"),
        ),
        (
            "pipenv sync",
            {**PIPFILE, "Pipfile": '[packages]\nlib = {path = "./lib", editable = true}', "lib/setup.py": ""},
            ("Pipfile", "Pipfile.lock", "lib/"),
        ),
        (
            "pdm sync --no-self",
            {
                "pyproject.toml": '[project]\ndependencies = ["lib @ file:///${PROJECT_ROOT}/lib"]',
                "pdm.lock": "",
                "lib/setup.py": "",
            },
            ("lib/", "pdm.lock", "pyproject.toml"),
        ),
        (
            "uv sync --frozen --no-install-workspace",
            {
                **UV,
                "pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\nexclude = ["packages/old"]',
                "packages/b/pyproject.toml": '[project]\nname = "b"',
                "packages/b/b.py": "",
                "packages/old/pyproject.toml": "",
                ".python-version": "3.12",
            },
            (".python-version", "packages/b/pyproject.toml", "pyproject.toml", "uv.lock"),
        ),
        (
            "uv sync --frozen --no-install-project",
            {
                **UV,
                "pyproject.toml": UV["pyproject.toml"] + '[tool.uv.sources]\nx = { path = "vendored/x" }',
                "vendored/x/x.py": "",
            },
            ("pyproject.toml", "uv.lock", "vendored/x/"),
        ),
    ],
)
def test_local_packages_come_along(command: str, project: Project, files: tuple[str, ...]) -> None:
    assert found(command, project).files == files


@pytest.mark.parametrize(
    ("command", "project", "reason"),
    [
        ("poetry install", {"poetry.lock": ""}, "pyproject.toml"),
        ("poetry install", poetry("", **{".venv/bin/python": ""}), "writes .venv"),
        ("poetry install --no-root", poetry('me = { path = "." }'), "the project itself"),
        ("poetry install --no-root", poetry('up = { path = "../up" }'), "../up"),
        ("poetry install --only-root", POETRY, "the project itself"),
        ("poetry install --no-root", poetry("[tool.poetry-dynamic-versioning]\nenable = true"), "repository"),
        ("poetry install --no-root --strange", POETRY, "--strange"),
        ("pipenv install", {"requirements.txt": ""}, "Pipfile"),
        ("pipenv install flask", PIPFILE, "changes the Pipfile"),
        ("pipenv install -r requirements.txt", PIPFILE, "--requirements"),
        (
            "pipenv sync",
            {"Pipfile": '[packages]\n"e1839a8" = {path = ".", editable = true}'},
            "the project itself",
        ),
        ("pipenv sync", {"Pipfile": "[packages"}, "not valid TOML"),
        ("pdm sync", {**PDM, "pyproject.toml": '[tool.pdm.scripts]\npost_install = "make"'}, "post_install"),
        ("pdm sync", {**PDM, "pyproject.toml": '[project]\ndynamic = ["dependencies"]'}, "dependencies"),
        ("pdm install --no-self -L other.lock", PDM, "--lockfile"),
        ("uv sync", {**UV, "pyproject.toml": '[project]\ndynamic = ["dependencies"]'}, "dependencies"),
        ("uv sync", {"pyproject.toml": '[project]\ndynamic = ["version"]\n[build-system]'}, "version"),
        ("uv sync --config-file x.toml", UV, "--config-file"),
        ("uv sync --script a.py", UV, "--script"),
        ("uv sync", {**UV, ".venv/pyvenv.cfg": ""}, "writes .venv"),
    ],
)
def test_what_reads_sources_is_refused(command: str, project: Project, reason: str) -> None:
    assert reason in refused(command, project)


def test_a_member_of_a_project_above_is_refused() -> None:
    for command, manifest in (("uv sync", UV), ("poetry install --no-root", POETRY), ("pdm sync", PDM)):
        texts = {f"api/{path}": text for path, text in manifest.items()} | {"pyproject.toml": ""}
        assert "../pyproject.toml" in refused(command, texts, "/app/api")


def test_uv_trusts_the_lock_where_a_check_would_build() -> None:
    texts = {**UV, "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n[build-system]'}
    assert found("uv sync --locked", texts).prefetch == (("uv", "sync", "--no-install-project", "--frozen"),)
    assert "UV_LOCKED" in refused("uv sync", texts, "/app", UV_LOCKED="1")


@pytest.mark.parametrize(
    ("command", "environment", "texts"),
    [
        ("poetry install", {"POETRY_VIRTUALENVS_PATH": "/app/env"}, {**POETRY, "env/x": ""}),
        ("poetry install", {"POETRY_VIRTUALENVS_PATH": None}, POETRY),
        ("pipenv sync", {"PIPENV_PIPFILE": "../Pipfile"}, PIPFILE),
        ("uv sync", {"UV_PROJECT_ENVIRONMENT": "/app/env"}, {**UV, "env/x": ""}),
        ("uv sync", {"UV_CONFIG_FILE": "uv.toml"}, UV),
        ("pdm sync", {"PDM_LOCKFILE": "x.lock"}, PDM),
    ],
)
def test_the_environment_counts(command: str, environment: dict[str, str | None], texts: Project) -> None:
    refused(command, texts, "/app", **environment)


@pytest.mark.parametrize(
    ("command", "files", "prefetch"),
    [
        ("poetry install", ("pyproject.toml", "poetry.lock*"), ("poetry", "install", "--no-root")),
        ("poetry install --no-root", ("pyproject.toml", "poetry.lock*"), None),
        ("poetry export -o r.txt", ("pyproject.toml", "poetry.lock*"), None),
        ("pipenv install --system", ("Pipfile", "Pipfile.lock*"), None),
        ("pdm sync", ("pyproject.toml", "pdm.lock*"), ("pdm", "sync", "--no-self")),
        (
            "uv sync --frozen",
            ("pyproject.toml", "uv.lock*"),
            ("uv", "sync", "--frozen", "--no-install-project"),
        ),
    ],
)
def test_without_a_context(command: str, files: tuple[str, ...], prefetch: tuple[str, ...] | None) -> None:
    answer = found(command, None)
    assert (answer.files, answer.proved) == (files, False)
    assert answer.prefetch == ((prefetch,) if prefetch else ())


@pytest.mark.parametrize(
    "command",
    [
        "poetry config virtualenvs.create false",
        "poetry build",
        "uv venv",
        "uv run x",
        "pdm run x",
        "pipenv run x",
    ],
)
def test_other_commands_are_not_known(command: str) -> None:
    assert ask(command, {**POETRY, **PIPFILE}) is None


def test_poetry_reads_the_license_whatever_it_does() -> None:
    texts = {
        "pyproject.toml": '[project]\nname = "a"\nversion = "1"\nlicense = {file = "LICENSE"}\n',
        "poetry.lock": "",
    }
    assert "LICENSE" in found("poetry install --no-root", {**texts, "LICENSE": "MIT"}).files
    assert "LICENSE" in refused("poetry install --no-root", texts)
