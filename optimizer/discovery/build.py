"""One build as a file beside the Dockerfiles describes it, and how such files are read.

Only what stands there literally counts: a value with a variable in it is unknown, never guessed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from optimizer.problem import Problem

MAX_SIZE = 1 << 20
"""Bytes of the largest file that is read."""
COMPOSE_NAME = re.compile(r"(?:docker-)?compose(?:[.-][^/]+)?\.ya?ml")
"""What a Compose file is called: compose.yaml, docker-compose.override.yml, ..."""
BAKE_NAMES = ("docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")
"""What Bake reads by itself, in the order in which they override each other."""


class Build(NamedTuple):
    """A build of one Dockerfile. `target` is None for the last stage; see `target_known`."""

    source: Path
    dockerfile: Path
    context: Path
    target: str | None = None
    target_known: bool = True
    args: tuple[tuple[str, str], ...] = ()
    """Build arguments whose value is known."""
    contexts: tuple[tuple[str, str], ...] = ()
    """Named contexts (`--build-context`), as they are written."""


class Fields(NamedTuple):
    """The fields of a build, still as the file has them; None where there is none."""

    context: Any = None
    dockerfile: Any = None
    target: Any = None
    args: Any = None
    contexts: Any = None


def literal(value: Any) -> str | None:
    """The text, if it is one and has no variable in it."""
    return value if isinstance(value, str) and "$" not in value and "`" not in value else None


def build(source: Path, folder: Path, fields: Fields) -> Build | None:
    """The build, with its context relative to the folder and its Dockerfile relative to the context.

    None where they are not known, or not files of this machine.
    """
    context = literal("." if fields.context is None else fields.context)
    dockerfile = literal("Dockerfile" if fields.dockerfile is None else fields.dockerfile)
    if not context or not dockerfile or "://" in context or context.startswith("git@") or dockerfile == "-":
        return None
    place = normal(folder / context)
    target = literal(fields.target)
    return Build(
        source,
        normal(place / dockerfile),
        place,
        target or None,
        fields.target is None or target is not None,
        tuple(sorted(pairs(fields.args))),
        tuple(sorted(pairs(fields.contexts))),
    )


def pairs(value: Any) -> Iterable[tuple[str, str]]:
    """The names with a known value, of a mapping or of a list of `name=value`."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        texts = (item for item in value if isinstance(item, str) and "=" in item)
        items = ((name, each) for name, _, each in (text.partition("=") for text in texts))
    for name, each in items:
        known, text = literal(name), literal(each)
        if known is not None and text is not None:
            yield known, text


def normal(path: Path) -> Path:
    """The path without `..` and `.`, by its text."""
    return Path(os.path.normpath(path))


def read(path: Path) -> str | Problem:
    """The text of a small regular file in UTF-8."""
    shown = str(path)
    try:
        if not os.path.isfile(path) or path.stat().st_size > MAX_SIZE:
            return Problem(shown, 0, 0, "it is no regular file of at most 1 MiB, and was left out")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return Problem(shown, 0, 0, "it is not UTF-8, and was left out: save it as UTF-8")
    except OSError as error:
        return Problem(shown, 0, 0, f"it cannot be read ({error.strerror}), and was left out")


def read_yaml(path: Path, text: str) -> list[Any] | Problem:
    """The documents of a YAML file, every scalar as its text; tags do not count, `<<` is left to `get`."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        return list(yaml.load_all(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark, said = error.problem_mark, error.problem
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    except yaml.reader.ReaderError as error:
        line, column, said = 0, 0, error.reason
    except RecursionError:
        line, column, said = 0, 0, "nested too deeply"
    return Problem(str(path), line, column, f"not valid YAML ({said}), so the file was left out")


def get(mapping: Any, key: str) -> Any:
    """A value of a YAML mapping, its own or one merged in by `<<`; None without."""
    todo, seen = [mapping], set[int]()
    while todo:
        each = todo.pop(0)
        if isinstance(each, list):
            todo = each + todo
        elif isinstance(each, Mapping) and id(each) not in seen:
            if key in each:
                return each[key]
            seen.add(id(each))
            todo.insert(0, each.get("<<"))
    return None
