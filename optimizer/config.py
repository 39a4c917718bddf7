"""The settings: `.dockopt.toml` or `[tool.dockopt]` in pyproject.toml, and over them the command line.

The nearest file counts, from the Dockerfile's folder up to the root of its repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

from optimizer.dockerignore import Ignore, parse
from optimizer.fix import MIN_SAVING
from optimizer.problem import Problem
from optimizer.repository import up_to_root
from optimizer.toml_places import key_places, line_and_column

FILE = ".dockopt.toml"
_PYPROJECT = "pyproject.toml"
DEFAULT, COMMAND_LINE = "default", "command line"
"""Where a setting comes from that no file gives."""
_WANTED = {
    tuple[str, ...]: "a list of texts",
    bool: "true or false",
    float: "a number",
    bool | None: "true or false",
    str: "a text",
    int: "a whole number",
}


class BotSettings(NamedTuple):
    """The table ``bot``: how `dockopt bot` is to behave here. What stands in the repository's root counts."""

    enabled: bool | None = None
    """False keeps the bot out; where it is told to ask first, True lets it in."""
    request_per: Literal["repository", "directory"] = "repository"
    """Whether there is one request for all Dockerfiles, or one for those of each directory."""
    branch: str = "dockopt"
    """What the names of the bot's branches begin with; `/` and a word follow."""
    target: str = ""
    """The branch that requests are for; none means the default branch."""
    title: str = ""
    """What titles and commit messages begin with, such as `chore(docker): `."""
    labels: tuple[str, ...] = ()
    """Of the requests."""
    assignees: tuple[str, ...] = ()
    """User names."""
    reviewers: tuple[str, ...] = ()
    """User names."""
    draft: bool = False
    """Open requests as drafts."""
    max_open: int = 5
    """The most requests of the bot that are open at a time."""


class Settings(NamedTuple):
    """The values of all settings; a field's name is its key."""

    select: tuple[str, ...] = ()
    """Names of the transforms to run; none means all."""
    ignore: tuple[str, ...] = ()
    """Names of transforms not to run."""
    suggested: bool = False
    """Apply suggestions, too."""
    enable: tuple[str, ...] = ()
    """Names of transforms to run besides: those that run only when they are named."""
    merge_in_builder_stages: bool = False
    """Merge RUNs also in stages from which only COPY --from takes files."""
    min_saving: float = MIN_SAVING
    """Percent of the expected time of a rebuild that a change of the order must save."""
    exclude: tuple[str, ...] = ()
    """Patterns, as in .dockerignore, of what a search passes over; from the settings file's folder on."""
    bot: BotSettings = BotSettings()


_DEFAULTS = Settings()


@dataclass(frozen=True)
class Config:
    """Settings, and where each comes from: DEFAULT, COMMAND_LINE, or path:line:column.

    Those of a table in a file are there too, such as ``bot.draft``.
    """

    settings: Settings = _DEFAULTS
    origins: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(Settings._fields, DEFAULT))
    path: Path | None = None
    """The file that was read."""
    problems: tuple[Problem, ...] = ()
    """What is wrong in the file; the settings concerned have their defaults."""

    def excludes(self, dockerfile: Path) -> bool:
        """Whether a search passes over this Dockerfile."""
        if self.path is None:
            return False
        folder = os.path.dirname(os.path.abspath(self.path))
        relative = os.path.relpath(dockerfile, folder).replace(os.sep, "/")
        return not relative.startswith("../") and self._excluded.excludes(relative)

    @cached_property
    def _excluded(self) -> Ignore:
        return parse("\n".join(self.settings.exclude))


def load(dockerfile: Path, transforms: Collection[str]) -> Config:
    """The settings for one Dockerfile, those of the nearest file; the defaults without one."""
    for folder in up_to_root(Path(os.path.abspath(dockerfile)).parent):
        for path in (folder / FILE, folder / _PYPROJECT):
            if os.path.isfile(path) and (config := read(path, transforms)) is not None:
                return config
    return Config()


def override(
    config: Config,
    *,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    suggested: bool = False,
    enable: tuple[str, ...] = (),
) -> Config:
    """The settings with what the command line gives in place of the file's; what is empty is not given."""
    given = {"select": select, "ignore": ignore, "suggested": suggested, "enable": enable}
    values: dict[str, Any] = {key: value for key, value in given.items() if value}
    origins = {**config.origins, **dict.fromkeys(values, COMMAND_LINE)}
    return replace(config, settings=config.settings._replace(**values), origins=origins)


def read(path: Path, transforms: Collection[str]) -> Config | None:
    """The settings of one file; None for a pyproject.toml that has none. `transforms` are the names known."""
    import tomllib

    shown = os.path.relpath(path)
    table_name = ("tool", "dockopt") if path.name == _PYPROJECT else ()
    try:
        text = path.read_bytes().decode()
        table: Any = tomllib.loads(text)
    except OSError as error:
        return Config(path=path, problems=(Problem(shown, 0, 0, f"it cannot be read: {error.strerror}"),))
    except UnicodeDecodeError:
        return Config(path=path, problems=(Problem(shown, 0, 0, "it is not UTF-8: save it as UTF-8"),))
    except tomllib.TOMLDecodeError as error:
        of_another = table_name and "dockopt" not in text
        return None if of_another else Config(path=path, problems=(_not_toml(shown, text, str(error)),))
    for key in table_name:
        table = table.get(key) if isinstance(table, dict) else None
    if table is None:
        return None
    return _Reader(path, text, table_name, transforms).config(table)


def _not_toml(shown: str, text: str, message: str) -> Problem:
    said, _, place = message.partition(" (at ")
    found = re.match(r"line (\d+), column (\d+)", place)
    line, column = (int(found[1]), int(found[2])) if found else line_and_column(text, len(text))
    return Problem(shown, line, column, f"not valid TOML: {said}")


class _Reader:
    def __init__(self, path: Path, text: str, table_name: tuple[str, ...], transforms: Collection[str]) -> None:
        self.path = path
        self.shown = os.path.relpath(path)
        self.text = text
        self.table_name = table_name
        self.transforms = transforms
        self.places = {(): 0, **key_places(text)}

    def config(self, table: Any) -> Config:
        if not isinstance(table, dict):
            return Config(path=self.path, problems=(self.problem((), "it should be a table"),))
        values, problems = self.values(table, Settings)
        given: list[tuple[str, ...]] = [(key,) for key in values]
        given += ((key, inner) for key in values if isinstance(table[key], dict) for inner in table[key])
        origins = {**Config().origins, **{".".join(path): self.place(path) for path in given}}
        return Config(Settings(**values), origins, self.path, tuple(problems))

    def values(
        self, table: dict[str, Any], of: type, above: tuple[str, ...] = ()
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The settings of a table that are right, and what is wrong with the others.

        :param above: the keys of the tables that it lies in, within the settings.
        """
        types = get_type_hints(of)
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        for key, value in table.items():
            path = (*above, key)
            kind: Any = types.get(key)
            if isinstance(value, dict) and hasattr(kind, "_fields"):
                inner, wrong = self.values(value, kind, path)
                values[key] = kind(**inner)
            elif not (wrong := list(self.wrong(path, value, types))):
                values[key] = tuple(value) if isinstance(value, list) else value
            problems += wrong
        return values, problems

    def wrong(self, path: tuple[str, ...], value: Any, types: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with one setting."""
        import msgspec

        key = path[-1]
        if key not in types:
            yield self.problem(path, f"there is no such setting{_hint(key, types)}")
            return
        try:
            msgspec.convert(value, types[key])
        except msgspec.ValidationError:
            yield self.problem(path, f"it should be {_wanted(types[key])}, and is {_shown(value)}")
            return
        if key in ("select", "ignore", "enable"):
            for name in value:
                if name not in self.transforms:
                    message = f"no transform is called {name!r}{_hint(name, self.transforms)}"
                    yield self.problem(path, message, name)
        if key == "exclude":
            for pattern in value:
                for problem in parse(pattern).problems:
                    yield self.problem(path, f"{pattern!r} is no pattern: {problem.message}", pattern)

    def problem(self, path: tuple[str, ...], message: str, element: str = "") -> Problem:
        line, column = line_and_column(self.text, self.offset(path, element))
        return Problem(self.shown, line, column, f"{'.'.join(path or self.table_name)}: {message}")

    def place(self, path: tuple[str, ...]) -> str:
        line, column = line_and_column(self.text, self.offset(path))
        return f"{self.shown}:{line}:{column}"

    def offset(self, path: tuple[str, ...], element: str = "") -> int:
        """Where the key stands, or its table if it is written inline; or an element of its list."""
        path = (*self.table_name, *path)
        at = next(self.places[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.places)
        quoted = re.compile(f"[\"']{re.escape(element)}[\"']").search(self.text, at) if element else None
        return quoted.start() if quoted else at


def _wanted(kind: Any) -> str:
    """What the value of a setting should be, in words."""
    if hasattr(kind, "_fields"):
        return "a table"
    return _WANTED.get(kind) or " or ".join(sorted(map(_shown, get_args(kind))))


def _hint(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = sorted(known)
    near = get_close_matches(name, names, 1)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(names)}"


def _shown(value: Any) -> str:
    import json

    return json.dumps(value, default=str, ensure_ascii=False)
