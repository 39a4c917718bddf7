"""Where Python's installers put packages: the virtual environment that they are given, or one of their own.

Source: the documentation of venv, pip, poetry, pipenv, uv and pdm.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from optimizer.instructions import settings
from optimizer.split.view import Call, View

HOMES = {
    "pipenv": ("WORKON_HOME", ".local/share/virtualenvs"),
    "poetry": ("POETRY_VIRTUALENVS_PATH", ".cache/pypoetry/virtualenvs"),
}
"""Where they make their environments by themselves: a variable that says it, else a folder of the user's."""
_NO = ("false", "0")
_YES = ("true", "1")


class Install(NamedTuple):
    """A call that installs packages, and with what."""

    number: int
    call: Call
    tool: str


class Problem(NamedTuple):
    reason: str


def made(call: Call) -> str | None:
    """The virtual environment that a call makes."""
    words = call.argv[1:]
    if call.name == "python" and words[:2] in (("-m", "venv"), ("-m", "virtualenv")):
        words = words[2:]
    elif call.name == "uv" and words[:1] == ("venv",):
        words = words[1:] or (".venv",)
    elif call.name != "virtualenv":
        return None
    operands = [word for word in words if not word.startswith("-")]
    return call.at(operands[-1]) if operands else None


def own_place(view: View, each: Install, own: Sequence[str]) -> str | Problem | None:
    """The virtual environment that an install goes to; None for the Python that is first in PATH."""
    environment = each.call.environment
    program = each.call.argv[0]
    for place in own:
        if program.startswith(f"{place}/bin/") or _is_first(view, each, f"{place}/bin"):
            return place
        if environment.get("VIRTUAL_ENV") == place or environment.get("UV_PROJECT_ENVIRONMENT") == place:
            return place
    if each.tool == "uv" and "UV_PROJECT_ENVIRONMENT" in environment:
        return environment["UV_PROJECT_ENVIRONMENT"] or Problem("the environment of uv is not known")
    if each.tool in ("uv", "pdm"):
        return each.call.at(".venv") or Problem(f"the directory of `{each.call.text}` is not known")
    if each.tool == "uv pip":
        return Problem("uv pip has no virtual environment of this stage")
    if each.tool in HOMES and _makes_its_own(view, each):
        if _in_project(view, each):
            return each.call.at(".venv") or Problem(f"the directory of `{each.call.text}` is not known")
        return _home(view, each)
    return None


def _makes_its_own(view: View, each: Install) -> bool:
    """Whether poetry or pipenv makes a virtual environment, and does not use the Python that is first in PATH."""
    if each.tool == "poetry":
        return not _is_set(view, each, "virtualenvs.create", "POETRY_VIRTUALENVS_CREATE", _NO)
    return not each.call.has("--system")


def _in_project(view: View, each: Install) -> bool:
    if each.tool == "poetry":
        return _is_set(view, each, "virtualenvs.in-project", "POETRY_VIRTUALENVS_IN_PROJECT", _YES)
    return bool(each.call.environment.get("PIPENV_VENV_IN_PROJECT"))


def at_home(view: View, each: Install) -> bool:
    """Whether it makes an environment in a folder of the user's, named after the project's own folder."""
    own = tuple(path for call in view.calls if (path := made(call)))
    return not isinstance(place := own_place(view, each, own), Problem) and place == _home(view, each)


def _home(view: View, each: Install) -> str | Problem:
    """The folder of the user's environments: of root's, for no other user builds."""
    variable, folder = HOMES[each.tool]
    environment = each.call.environment
    if variable in environment:
        return environment[variable] or Problem(f"{variable} is not known")
    configured = any(call.name == each.tool and call.subcommand == "config" for call in view.calls[: each.number])
    another = any(one.keyword == "USER" for one in view.stage.instructions if one.index < each.call.instruction.index)
    if configured or another or {"POETRY_CACHE_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"} & environment.keys():
        return Problem(f"{each.tool} makes a virtual environment in a cache folder")
    return posixpath.join(environment.get("HOME") or "/root", folder)


def _is_first(view: View, each: Install, folder: str) -> bool:
    """Whether PATH, as it is set last, begins with a folder."""
    before = [
        one for one in view.stage.instructions if one.keyword == "ENV" and one.index < each.call.instruction.index
    ]
    found = [setting.value or "" for one in before for setting in settings(one) if setting.name == "PATH"]
    if not found:
        return False
    first = found[-1].strip("\"'").partition(":")[0]
    return (view.stage.state(each.call.instruction).expand(first, each.call.instruction.escape) or "") == folder


def _is_set(view: View, each: Install, setting: str, variable: str, values: tuple[str, ...]) -> bool:
    """Whether poetry is set up so, by a variable or by ``poetry config``."""
    if (each.call.environment.get(variable) or "").lower() in values:
        return True
    calls = (call for call in view.calls[: each.number] if call.name == "poetry" and call.subcommand == "config")
    return any(setting in call.argv and call.argv[-1].lower() in values for call in calls)
