"""Kinds of files, and how often commits change them: what is assumed where a repository's own history says nothing.

The weights are judgement, not measurement: a real history always comes first. They are shares of the commits that
change something that the builder sees; what a project has not got is left out, and the rest weighs accordingly more.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

from msgspec import Struct


class Kind(Struct, frozen=True):
    """Files that change for the same reasons."""

    name: str
    names: tuple[str, ...]
    """Patterns of file names."""
    folders: tuple[str, ...] = ()
    """Names of folders: what lies below one is of this kind whatever its name."""


KINDS = (
    Kind("lock files", (
        "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb",
        "poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "Cargo.lock", "go.sum", "composer.lock", "Gemfile.lock",
        "packages.lock.json", "gradle.lockfile", "mix.lock",
    )),
    Kind("manifests", (
        "package.json", "requirements*.txt", "constraints*.txt", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile",
        "environment.yml", "go.mod", "Cargo.toml", "pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle",
        "settings.gradle.kts", "libs.versions.toml", "*.csproj", "*.fsproj", "*.sln", "Directory.Packages.props",
        "composer.json", "Gemfile", "*.gemspec", "CMakeLists.txt", "meson.build", "mix.exs", ".npmrc",
        "pnpm-workspace.yaml",
    ), ("requirements",)),
    Kind("container files", (
        "Dockerfile*", "*.Dockerfile", "Containerfile*", ".dockerignore", "*.dockerignore", "docker-compose*.yml",
        "docker-compose*.yaml", "compose*.yml", "compose*.yaml", "docker-bake.hcl",
    )),
    Kind("CI files", (
        ".gitlab-ci.yml", ".travis.yml", "Jenkinsfile", "azure-pipelines.yml", "bitbucket-pipelines.yml",
        "appveyor.yml",
    ), (".github", ".gitlab", ".circleci", ".ci")),
    Kind("tests", (
        "test_*.py", "*_test.py", "*_test.go", "*.test.*", "*.spec.*", "*_spec.rb", "conftest.py", "*Test.java",
    ), ("test", "tests", "spec", "__tests__", "testdata", "e2e")),
    Kind("documentation", (
        "*.md", "*.rst", "*.adoc", "LICENSE*", "NOTICE*", "AUTHORS*",
    ), ("doc", "docs")),
    Kind("settings of tools", (
        ".editorconfig", ".gitignore", ".gitattributes", ".eslint*", "eslint.config.*", ".prettier*", "tsconfig*.json",
        "tox.ini", ".flake8", ".pylintrc", ".pre-commit-config.yaml", "jest.config.*", "babel.config.*", "Makefile",
        ".nvmrc", ".python-version", ".tool-versions", "rust-toolchain*",
    ), (".vscode", ".idea")),
    Kind("assets", (
        "*.png", "*.jpg", "*.jpeg", "*.gif", "*.svg", "*.ico", "*.webp", "*.woff", "*.woff2", "*.ttf", "*.pdf", "*.mp4",
    ), ("static", "public", "assets", "images", "img", "fonts")),
)  # fmt: skip
"""The first that fits counts; a file of none is a source."""
SOURCES = "sources"


class Change(Struct, frozen=True):
    """A kind of commit: which kinds of files it changes together."""

    kinds: tuple[str, ...]
    weight: int
    together: bool
    """All such files of the project at once; else those of one folder, as often as the root of their number says."""
    reason: str


CHANGES = (
    Change((SOURCES,), 52, False, "most commits are about the program, a few files that lie together"),
    Change(("tests",), 8, False, "tests also change with sources, which are counted above"),
    Change((SOURCES, "tests"), 6, True, "a refactoring goes through the whole project"),
    Change(("documentation",), 9, False, "readme, changelog, pages"),
    Change(("lock files",), 6, False, "a bot raises versions"),
    Change(("manifests", "lock files"), 5, False, "a dependency is added or raised"),
    Change(("manifests", "lock files", SOURCES), 3, True, "a dependency is added together with what uses it"),
    Change(("CI files",), 4, True, "the pipeline"),
    Change(("assets",), 3, False, "pictures, fonts: seldom"),
    Change(("settings of tools",), 2, True, "linters, editors"),
    Change(("container files",), 2, True, "the Dockerfile, each of its instructions as often as any other"),
)


@lru_cache(maxsize=65536)
def kind_of(path: str) -> str:
    """The name of the kind that a path of the context is of."""
    *folders, name = path.split("/")
    for kind in KINDS:
        if any(folder in kind.folders for folder in folders) or any(fnmatchcase(name, each) for each in kind.names):
            return kind.name
    return SOURCES


def table() -> str:
    """The changes for the documentation, in Markdown."""
    rows = (
        f"| {' + '.join(each.kinds)} | {each.weight} % | {'all' if each.together else 'a folder'} | {each.reason} |\n"
        for each in CHANGES
    )
    return "| A commit changes | of commits | at once | |\n|---|---|---|---|\n" + "".join(rows)
