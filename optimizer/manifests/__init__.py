"""What an install command reads of the project: a reader an ecosystem, pure, and nothing is executed.

`needs(argv, files)` answers for one command of a RUN: which files must be copied before it, whether the
command itself may run before the sources are there, and what else it would take; or why not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from msgspec.structs import replace

from optimizer.manifests.base import (
    UNKNOWN,
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    Unsafe,
    ancestors,
    join,
)

__all__ = ["UNKNOWN", "Needs", "ProjectFiles", "Unsafe", "needs"]

_NOTHING: Mapping[str, str | None] = MappingProxyType({})
_VERSION = re.compile(r"(?<=[a-z])[0-9.]+\Z")

_READERS = {
    "pip": "pip",
    "uv": "uv",
    "poetry": "poetry",
    "pipenv": "pipenv",
    "pdm": "pdm",
    "npm": "npm",
    "yarn": "yarn",
    "yarnpkg": "yarn",
    "pnpm": "pnpm",
    "go": "go",
    "cargo": "cargo",
    "mvn": "maven",
    "mvnw": "maven",
    "gradle": "gradle",
    "gradlew": "gradle",
    "dotnet": "dotnet",
    "composer": "composer",
    "composer.phar": "composer",
    "bundle": "bundler",
    "bundler": "bundler",
}
_CHOOSERS = re.compile(r"(?<![a-z])(?:pyenv|rbenv|nodenv|goenv|jenv|phpenv|asdf|mise)(?![a-z])")
"""Programs in whose folders a command is a stand-in, for the version that a file in its directory or above names."""
_CHOICES = (
    *(".python-version", ".ruby-version", ".node-version", ".nvmrc", ".go-version", ".java-version", ".php-version"),
    *(".tool-versions", "mise.toml", ".mise.toml"),
)
_PYTHON_FLAGS = frozenset({"-I", "-u", "-B", "-E", "-s"})


def needs(
    argv: Sequence[str | None],
    files: ProjectFiles | None,
    environment: Mapping[str, str | None] = _NOTHING,
) -> Needs | Unsafe | None:
    """Tell what a command reads of the project; None where it is no install command that is known here.

    `argv` holds the words after expansion: None for a word (or words) of which nothing is known, and
    `UNKNOWN` inside a word for an unknown part of it. A word with `UNKNOWN` never comes back in a prefetch.
    `files` is what the working directory would hold; without it the answer is what the text alone suggests.
    `environment` holds the variables that are in force, the command's own assignments included; None for a
    value that is not known.
    """
    invocation = _invocation(argv, environment)
    if invocation is None:
        return None
    module = import_module(f"optimizer.manifests.{_READERS[_name(invocation.program[-1])]}")
    try:
        found = module.read(invocation, files)
        assert found is None or isinstance(found, Needs)
        return found if found is None or files is None else _checked(found, invocation, files)
    except RefusedError as refused:
        return Unsafe(str(refused))
    except RecursionError:
        return Unsafe("the manifests are nested too deeply")


def _checked(found: Needs, invocation: Invocation, files: ProjectFiles) -> Needs:
    for path in found.outputs:
        if files.is_dir(path) or files.is_file(path):
            raise RefusedError(
                f"{found.ecosystem} writes {path}, which is among the copied files: "
                "copied later, it would overwrite what was installed (exclude it in .dockerignore)"
            )
    for command in found.prefetch:
        if any(UNKNOWN in word for word in command):
            raise RefusedError("the additional command cannot be written: a word of the command is not known")
    program = Collector(files).at(invocation.program[-1])
    if "/" in invocation.program[-1] and files.is_file(program) and program not in found.files:
        raise RefusedError(f"the program {program} itself is among the copied files")
    return _with_choices(found, invocation, files)


def _with_choices(found: Needs, invocation: Invocation, files: ProjectFiles) -> Needs:
    """Add the files that choose the version of the program, where the environment has stand-ins for it."""
    texts = (*invocation.program, *invocation.environment, *invocation.environment.values())
    if not any(text and _CHOOSERS.search(text.lower()) for text in texts):
        return found
    folders = (".", *ancestors(files))
    choices = Collector(files).optional(*(join(folder, name) for folder in folders for name in _CHOICES))
    return replace(found, files=tuple(sorted({*found.files, *choices})))


def _invocation(argv: Sequence[str | None], environment: Mapping[str, str | None]) -> Invocation | None:
    """Split a command into program and arguments; None where no reader knows the program."""
    words = ["" if word is None else word for word in argv]
    program = words[:1]
    if program and _name(program[0]) in ("python", "php"):
        program += _interpreted(words)
    if not program or _name(program[-1]) not in _READERS:
        return None
    return Invocation(tuple(program), tuple(argv[len(program) :]), environment)


def _interpreted(words: list[str]) -> list[str]:
    """Return the words from an interpreter to the program that it runs (`-m pip`, `composer.phar`)."""
    if _name(words[0]) == "php":
        length = 1
        while length < len(words) and words[length].startswith("-d"):
            length += 2 if words[length] == "-d" else 1
        return words[1 : length + 1]
    length = next((n for n, word in enumerate(words[1:], 1) if word not in _PYTHON_FLAGS), len(words))
    return words[1 : length + 2] if words[length : length + 1] == ["-m"] and words[length + 1 :] else []


def _name(program: str) -> str:
    """Return the name of a program without its folder and version (`/usr/bin/pip3.9` is `pip`)."""
    return _VERSION.sub("", program.rpartition("/")[2])
