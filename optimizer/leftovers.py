"""What lies in a build context that an image has no use for, and how it is known for what it is.

Source: the tools' own documentation of what they write, and of the files that hold credentials.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from optimizer.context import BuildContext

MOST = 20_000
"""Entries that are looked at; a larger context is judged by what was seen until then."""


class Kind(StrEnum):
    """Why something need not be copied, as a reason says it."""

    HISTORY = "version history"
    CACHE = "caches"
    EDITOR = "editor and desktop files"
    CI = "files for CI and the builder"
    ENVIRONMENT = "a virtual environment"
    MODULES = "installed packages"
    OUTPUT = "build output"
    SECRET = "credentials"
    NOTES = "notebooks, documentation, charts"


HISTORY = frozenset({".git", ".hg", ".svn", ".bzr"})

_NAMES: dict[Kind, frozenset[str]] = {
    Kind.HISTORY: HISTORY,
    Kind.CACHE: frozenset({
        "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox", ".cache", ".hypothesis",
        ".ipynb_checkpoints", ".nyc_output", ".parcel-cache", ".turbo", ".sass-cache", ".eslintcache", ".gradle",
        ".coverage", "htmlcov",
    }),
    Kind.EDITOR: frozenset({".idea", ".vscode", ".vs", ".fleet", ".DS_Store", "Thumbs.db", "desktop.ini"}),
    Kind.CI: frozenset({
        ".github", ".gitlab", ".gitlab-ci.yml", ".circleci", ".buildkite", ".travis.yml", ".drone.yml", "appveyor.yml",
        ".appveyor.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml", "Jenkinsfile", ".dockerignore",
        ".pre-commit-config.yaml",
    }),
}  # fmt: skip
_BY_NAME = {name: kind for kind, names in _NAMES.items() for name in names}

_DATA = (
    "template", "skeleton", "scaffold", "boilerplate", "blueprint", "stub", "generator", "resource", "asset", "static",
)  # fmt: skip
"""How folders are called whose files the program itself may write out, or hand on: Dockerfiles and settings for CI."""
_COMPOSE = ("docker-compose", "compose.", "docker-bake")
_KEYS = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_LOGINS = frozenset({".pypirc", ".netrc", ".git-credentials", "terraform.tfstate"})
_LOGIN_FOLDERS = frozenset({".aws", ".ssh", ".kube", ".gnupg", ".azure"})
_MARKS_OF_LOGIN = ("_authToken", "_password", "npmAuthToken")
_SECRET_NAMES = ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE_KEY", "ACCESS_KEY")
_TEMPLATES = ("example", "sample", "template", "dist", "defaults", "tpl")
_NODE = "npm npx yarn pnpm bun ng vite webpack tsc next nuxt gulp grunt lerna nx turbo"


class Output(Struct, frozen=True):
    """A folder that a build writes: what stands beside it then, and the programs that write it."""

    manifest: str
    programs: frozenset[str]


def _output(manifest: str, programs: str) -> Output:
    return Output(manifest, frozenset(programs.split()))


OUTPUTS: dict[str, tuple[Output, ...]] = {
    "dist": (_output("package.json", _NODE), _output("pyproject.toml", "uv poetry hatch pdm")),
    "build": (
        _output("package.json", _NODE), _output("build.gradle*", "gradle gradlew"), _output("CMakeLists.txt", "cmake"),
    ),
    "out": (_output("package.json", _NODE),),
    ".next": (_output("package.json", _NODE),),
    ".nuxt": (_output("package.json", _NODE),),
    ".output": (_output("package.json", _NODE),),
    "target": (_output("Cargo.toml", "cargo"), _output("pom.xml", "mvn mvnw")),
    "vendor": (_output("composer.json", "composer"),),
    "bin": (_output("*.*proj", "dotnet"),),
    "obj": (_output("*.*proj", "dotnet"),),
    "coverage": (_output("package.json", _NODE),),
}  # fmt: skip
MODULES = _output("package.json", "npm yarn pnpm bun")
ENVIRONMENT = _output("*", "pip uv poetry pdm pipenv virtualenv")


class Leftover(Struct, frozen=True):
    """Something that need not be copied. makers: what would have to make it again in the image, where it is needed."""

    path: str
    kind: Kind
    pattern: str
    """The line for .dockerignore that hides it."""
    makers: frozenset[str] = frozenset()

    def hides(self, path: str) -> bool:
        """Whether the line hides another path: below this one or, with ``**/``, of the same name anywhere."""
        if not self.pattern.startswith("**/"):
            return path == self.path or path.startswith(f"{self.path}/")
        name = self.pattern[3:]
        return any(part == name or (name[0] == "*" and part.endswith(name[1:])) for part in path.split("/"))


def find(context: BuildContext, folder: str) -> Iterator[Leftover]:
    """The leftovers below a folder of the context; not what lies in a leftover."""
    return (leftover for _, leftover in _visit(context, folder) if leftover is not None)


def rest(context: BuildContext, folder: str) -> Iterator[str]:
    """The files below a folder that are no leftovers and lie in none."""
    return (path for path, leftover in _visit(context, folder) if leftover is None)


def _visit(context: BuildContext, folder: str) -> Iterator[tuple[str, Leftover | None]]:
    todo, seen = [folder], 0
    while todo and seen < MOST:
        at = todo.pop()
        for path in context.glob(f"{escaped(at)}/*" if at else "*"):
            seen += 1
            is_dir = context.is_dir(path)
            leftover = _judge(context, path, is_dir)
            if is_dir and leftover is None:
                todo.append(path)
            else:
                yield path, leftover


def escaped(path: str) -> str:
    """A path as a pattern that matches nothing else."""
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in path)


def _judge(context: BuildContext, path: str, is_dir: bool) -> Leftover | None:
    folder, name = posixpath.split(path)
    anywhere = f"**/{name}" if folder else name
    handed_on = any(part.lower().startswith(_DATA) for part in folder.split("/"))
    kind = _BY_NAME.get(name)
    if kind and not (handed_on and kind in (Kind.CI, Kind.EDITOR)):
        return Leftover(path, kind, f"**/{name}" if kind is Kind.CACHE and name.startswith("__") else anywhere)
    if is_dir:
        return _judge_folder(context, path, name)
    composes = name.startswith(_COMPOSE) and name.endswith((".yml", ".yaml", ".hcl", ".json"))
    if not handed_on and (composes or is_dockerfile(name) or name.endswith(".dockerignore")):
        return Leftover(path, Kind.CI, escaped(path))
    if _is_secret(context, path, name):
        return Leftover(path, Kind.SECRET, escaped(path))
    if name.endswith(".ipynb"):
        return Leftover(path, Kind.NOTES, "**/*.ipynb")
    return None


def _judge_folder(context: BuildContext, path: str, name: str) -> Leftover | None:
    parent = posixpath.dirname(path)
    if context.is_file(f"{path}/pyvenv.cfg"):
        return Leftover(path, Kind.ENVIRONMENT, escaped(path), ENVIRONMENT.programs)
    if name == "node_modules":
        return Leftover(path, Kind.MODULES, f"**/{name}" if parent else name, MODULES.programs)
    if name in _LOGIN_FOLDERS:
        return Leftover(path, Kind.SECRET, escaped(path))
    for output in OUTPUTS.get(name, ()):
        if context.glob(posixpath.join(escaped(parent), output.manifest)) and _is_git_ignored(context, path):
            return Leftover(path, Kind.OUTPUT, escaped(path), output.programs)
    if name in ("docs", "doc", "charts", "helm") and _is_prose_or_chart(context, path):
        return Leftover(path, Kind.NOTES, escaped(path))
    return None


def is_dockerfile(name: str) -> bool:
    """Whether a file is called as Dockerfiles are."""
    return name in ("Dockerfile", "Containerfile") or (
        name.startswith(("Dockerfile.", "Containerfile.")) or name.lower().endswith(".dockerfile")
    )


def _is_secret(context: BuildContext, path: str, name: str) -> bool:
    """Whether a file holds credentials, by its name and, where the name alone does not tell, its content."""
    if name in _KEYS or name in _LOGINS:
        return True
    if name in (".npmrc", ".yarnrc.yml"):
        return any(
            mark in line and "$" not in line
            for line in (context.read(path) or "").split("\n")
            for mark in _MARKS_OF_LOGIN
        )
    if name.endswith((".pem", ".key")):
        return "PRIVATE KEY-----" in (context.read(path) or "")
    if name == ".env" or (name.startswith(".env.") and not name.endswith(_TEMPLATES)):
        keys = (line.partition("=")[0].upper() for line in (context.read(path) or "").split("\n"))
        return _is_git_ignored(context, path) or any(mark in key for key in keys for mark in _SECRET_NAMES)
    return False


def _is_git_ignored(context: BuildContext, path: str) -> bool:
    """Whether a .gitignore above names the path plainly; a pattern that would have to be weighed does not count."""
    above = posixpath.dirname(path)
    while True:
        below = posixpath.relpath(path, above or ".")
        wanted = {below, f"/{below}", posixpath.basename(path), f"**/{posixpath.basename(path)}"}
        lines = [line.strip() for line in (context.read_on_disk(posixpath.join(above, ".gitignore")) or "").split("\n")]
        if any(line.startswith("!") and posixpath.basename(path) in line for line in lines):
            return False
        if any(line.rstrip("/") in wanted for line in lines if line):
            return True
        if not above:
            return False
        above = posixpath.dirname(above)


_PROSE = (".md", ".rst", ".txt", ".png", ".svg", ".jpg", ".gif", ".drawio", ".puml", ".mmd")


def _is_prose_or_chart(context: BuildContext, folder: str) -> bool:
    if context.is_file(f"{folder}/Chart.yaml") or context.glob(f"{escaped(folder)}/*/Chart.yaml"):
        return True
    files = list(context.files(folder))
    return bool(files) and all(path.endswith((*_PROSE, "/conf.py", "/Makefile", "/mkdocs.yml")) for path in files)
