"""What the readers of all ecosystems share: the answer types, the view of the project, and paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Protocol

from msgspec import Struct

PARAGRAPH = "semantics 5"
UNKNOWN = "\0"
"""Stands inside a word for a part whose value is not known (a variable that nothing sets)."""


class ProjectFiles(Protocol):
    """The working directory of a command as the delayed COPY would have filled it.

    Paths are POSIX paths relative to the working directory; `../x` may leave the view. What is not part of
    the view is not found; the view never raises.
    """

    @property
    def workdir(self) -> str | None:
        """The absolute path of the working directory in the image, or None where it is not known."""

    def read(self, path: str) -> str | None:
        """Return the text of a file, or None where it is missing or no text."""

    def is_file(self, path: str) -> bool:
        """Tell whether the path is a file of the view."""

    def is_dir(self, path: str) -> bool:
        """Tell whether the path is a directory of the view, its top included."""

    def files(self, under: str = "") -> Iterator[str]:
        """Yield the path of every file below a directory, written as `under` is."""


class Needs(Struct, frozen=True):
    """Everything that an install command reads of the sources.

    `files` must be in place before the command runs; a path that ends in `/` is a whole directory. Without a
    build context they are COPY patterns (`poetry.lock*`) and `proved` is false.

    `prefetch` is empty where the very command may run before the sources are copied. Otherwise it holds
    commands that need only `files` and run *in addition* before the COPY, in this order; the original command
    stays after it.

    `outputs` are the paths written below the working directory; none of them is in the view. `rewrites` are
    project files that the command may change, and that a later COPY puts back as they were; `same_image`
    speaks of everything else in the final file system, including caches outside the working directory.
    """

    ecosystem: str
    files: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    prefetch: tuple[tuple[str, ...], ...] = ()
    outputs: tuple[str, ...] = ()
    rewrites: tuple[str, ...] = ()
    same_image: bool = True
    proved: bool = True


class Unsafe(Struct, frozen=True):
    """The command may read what cannot be copied first, and why."""

    reason: str
    paragraph: str = PARAGRAPH


class RefusedError(Exception):
    """Carries the reason of a refusal out of a reader; `needs` turns it into an `Unsafe`."""


class Invocation(Struct, frozen=True):
    """One command: the words that name the program (`python3 -m pip`), its arguments, its environment."""

    program: tuple[str, ...]
    arguments: tuple[str | None, ...]
    environment: Mapping[str, str | None]

    def word(self, index: int) -> str | None:
        """Return an argument, or None where it is missing or unknown."""
        return self.arguments[index] if index < len(self.arguments) else None


class Collector:
    """Gathers files and evidence while a reader follows a project; refuses what it cannot see."""

    def __init__(self, view: ProjectFiles) -> None:
        self.view = view
        self.found: dict[str, None] = {}
        self.outputs: dict[str, None] = {}
        self.evidence: list[str] = []

    def at(self, path: str) -> str:
        """Return a path as seen from the working directory; an absolute one stays so if that is not known."""
        if not path.startswith("/") or self.view.workdir is None:
            return normal(path)
        from posixpath import relpath

        return relpath(path, self.view.workdir)

    def require(self, path: str, named_by: str) -> str:
        """Add a file that must exist; `named_by` says who asks for it.

        Raises RefusedError where the view lacks it.
        """
        path = self.at(path)
        if not self.view.is_file(path):
            raise RefusedError(f"{named_by} needs {path}, which is not among the copied files")
        self.found[path] = None
        return path

    def optional(self, *paths: str) -> list[str]:
        """Add those of the files that exist, and return them."""
        there = [path for path in map(self.at, paths) if self.view.is_file(path)]
        self.found.update(dict.fromkeys(there))
        return there

    def directory(self, path: str, named_by: str) -> None:
        """Add a whole directory, which must be a part of the project and not the project itself."""
        path = self.at(path)
        if not self.view.is_dir(path):
            raise RefusedError(f"{named_by} needs the directory {path}, which is not among the copied files")
        if is_self_or_parent(path):
            raise RefusedError(f"{named_by} names {path}, which holds the sources themselves")
        self.found[path + "/"] = None

    def text(self, path: str, named_by: str) -> str:
        """Add a file that must exist and return its text."""
        path = self.require(path, named_by)
        text = self.view.read(path)
        if text is None:
            raise RefusedError(f"{path} is no text")
        return text

    def writes(self, *paths: str) -> None:
        """Record what the command writes."""
        self.outputs.update(dict.fromkeys(map(self.at, paths)))

    def note(self, sentence: str) -> None:
        """Add one sentence of evidence, once."""
        if sentence not in self.evidence:
            self.evidence.append(sentence)

    def paths(self) -> tuple[str, ...]:
        """Return the gathered files; what lies in a gathered directory is not named again."""
        folders = tuple(path for path in self.found if path.endswith("/"))
        kept = (p for p in self.found if not any(p.startswith(folder) and p != folder for folder in folders))
        return tuple(sorted(kept))


def normal(path: str) -> str:
    """Return the path without `.`, doubled slashes and inner `..`; the working directory itself is `.`."""
    kept: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == ".." and kept and kept[-1] != "..":
            kept.pop()
        else:
            kept.append(part)
    return ("/" if path.startswith("/") else "") + "/".join(kept) or "."


def join(directory: str, path: str) -> str:
    """Return `path` as seen from the working directory, where `directory` is what it is relative to."""
    return normal(path if path.startswith("/") or directory in ("", ".") else f"{directory}/{path}")


def parent(path: str) -> str:
    """Return the directory of a file."""
    return path.rpartition("/")[0] or ("/" if path.startswith("/") else ".")


def is_self_or_parent(path: str) -> bool:
    """Tell whether a relative path is the working directory or one above it."""
    return all(part in ("..", ".") for part in normal(path).split("/"))


def ancestors(view: ProjectFiles, directory: str = ".") -> Iterator[str]:
    """Yield the directories above `directory` that belong to the view, nearest first."""
    above = join(directory, "..")
    while view.is_dir(above) and above != directory:
        yield above
        directory, above = above, join(above, "..")


def refuse_above(view: ProjectFiles, directory: str, names: Iterable[str], tool: str) -> None:
    """Refuse where a tool that looks upwards would find its project in a directory above."""
    for above in ancestors(view, directory):
        for name in names:
            if view.is_file(join(above, name)):
                raise RefusedError(f"{tool} looks upwards and finds {join(above, name)}")


_DEEP = "(?:[^/]+/)*"


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    for part in normal(pattern).split("/"):
        if part == "**":
            if parts[-1:] != [_DEEP]:
                parts.append(_DEEP)
            continue
        text = "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in part)
        parts.append(text + "/")
    return re.compile("".join(parts) + r"\Z")


def match(pattern: str, path: str) -> bool:
    """Tell whether a workspace pattern (`*`, `?` and `**` as a whole part) takes the path.

    Raises RefusedError on a pattern with braces, classes or extended groups.
    """
    if any(char in pattern for char in "{}[]()!+@"):
        raise RefusedError(f"the pattern {pattern} is more than *, ** and ?")
    return _glob(pattern).match(normal(path) + "/") is not None


def workspace(view: ProjectFiles, base: str, patterns: Iterable[str], manifest: str) -> list[str]:
    """Return the manifests of the workspace members that the patterns name, below `base`.

    A pattern that starts with `!` takes members out again (npm, yarn and pnpm read them so).
    """
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    for pattern in (*wanted, *unwanted):
        if normal(pattern).startswith(".."):
            raise RefusedError(f"the workspace pattern {pattern} leaves the project")
    members = []
    for path in sorted(view.files(base)):
        directory, _, name = path.rpartition("/")
        if name != manifest or "node_modules/" in path:
            continue
        member = normal((directory if base in ("", ".") else directory[len(base) :]).lstrip("/"))
        if any(match(p, member) for p in wanted) and not any(match(p, member) for p in unwanted):
            members.append(join(directory or ".", manifest))
    return members


def json_object(text: str, path: str) -> dict[str, Any]:
    """Parse a JSON manifest; raises RefusedError where it is not an object."""
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise RefusedError(f"{path} does not hold a JSON object")
    return value


def toml_table(text: str, path: str) -> dict[str, Any]:
    """Parse a TOML manifest; raises RefusedError where it is not valid."""
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{path} is not valid TOML: {error}") from error


def yaml_object(text: str, path: str) -> dict[str, Any]:
    """Parse a YAML manifest; raises RefusedError where it is not a mapping."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RefusedError(f"{path} is not valid YAML") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"{path} does not hold a mapping")
    return value


def table(value: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping at a chain of keys, empty where it is missing or no mapping."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def entries(value: Any) -> list[dict[str, Any]]:
    """Return the mappings of a list, or nothing where it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def strings(value: Any) -> list[str]:
    """Return the strings of a list, or nothing where it is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
