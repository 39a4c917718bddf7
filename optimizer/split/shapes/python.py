"""Python: packages go into a virtual environment at one path in both stages, under the same interpreter.

Source: the documentation of venv, pip, poetry, pipenv, uv and pdm about where they install.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.images import parse_reference
from optimizer.independence import UNKNOWN
from optimizer.instructions import settings
from optimizer.language_packages import NEEDS, PREBUILT, PURE, WHEELS, requirement
from optimizer.split import bases, declared
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"pip", "poetry", "pipenv", "uv", "pdm"})
BASES = frozenset({"python"})
_TOOLS = frozenset({"poetry", "poetry-plugin-export", "pipenv", "uv", "pdm", "pip-tools"})
_PACKAGING = frozenset({"pip", "setuptools", "wheel"})
_MAKERS = frozenset({"virtualenv", "venv"})
_ELSEWHERE = ("--user", "--target", "-t", "--prefix", "--root")
_MANIFESTS = frozenset({
    "pyproject.toml", "poetry.lock", "poetry.lock*", "poetry.toml", "Pipfile", "Pipfile.lock", "uv.lock", "pdm.lock",
    "setup.py", "setup.cfg", ".python-version",
})  # fmt: skip
_HAS = frozenset({
    "bzip2-dev", "expat-dev", "gdbm-dev", "libc-dev", "libffi-dev", "libnsl-dev", "libtirpc-dev", "ncurses-dev",
    "openssl-dev", "python3-dev", "readline-dev", "sqlite-dev", "util-linux-dev", "xz-dev", "zlib-dev",
})  # fmt: skip
"""Source: the official image's Dockerfile for Alpine, which keeps what Python's own modules are linked with."""
_PLACES = ("site-packages", "dist-packages", "/usr/local/lib/python")
_EXPORTING = frozenset({"export", "requirements", "compile", "lock"})
_VALUED = frozenset({"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f",
                     "--find-links", "--trusted-host", "-e", "--editable", "--timeout", "--retries", "--progress-bar",
                     "--no-binary", "--only-binary", "--cache-dir", "--proxy", "--global-option", "--log"})  # fmt: skip


class _Install(NamedTuple):
    """A call that installs packages, and with what."""

    number: int
    call: Call
    tool: str


def find(view: View) -> Found | Refused | None:
    """What pip and the like install in the stage."""
    installs = [each for number, call in enumerate(view.calls) if (each := _install(number, call))]
    if not installs:
        return None
    first, last = installs[0].call.instruction, installs[-1].call.instruction
    if reason := _in_the_way(view, installs):
        return Refused(first, reason)
    placed = _placed(view, installs)
    if isinstance(placed, str):
        return Refused(first, placed)
    base = bases.slim(view.stage)
    names = set(_names(view, installs)) if base.slimmed else set()
    unknown = sorted(names - PURE - PREBUILT - set(WHEELS) - set(NEEDS))
    questions = (
        [Question(f"whether {', '.join(unknown[:5])} needs a library that {base.written} lacks")] if unknown else []
    )
    build = frozenset(
        number for number, call in enumerate(view.calls) if call.instruction.index <= last.index and _builds(call)
    )
    return Found(
        "python", last, placed.artifacts, base.written, build,
        manifests=_MANIFESTS | frozenset(_lists(view, installs)),
        prepare=placed.prepare, environment=placed.environment,
        needs=tuple(package for name in sorted(names) for package in NEEDS.get(name, "").split()),
        has=_HAS, builders=frozenset({"git"} if _fetches(view, installs) else ()),
        gone=(*declared.distributions(_tooling(installs)), *_exported(view)), questions=tuple(questions),
    )  # fmt: skip


def _install(number: int, call: Call) -> _Install | None:
    words = call.argv[1:]
    name = call.name
    if name == "python" and words[:2] == ("-m", "pip"):
        name, words = "pip", words[2:]
    operands = [word for word in words if not word.startswith("-")]
    sub = operands[0] if operands else ""
    if name == "pip" and sub == "install":
        return _Install(number, call, "pip")
    if name == "uv" and operands[:2] == ["pip", "install"]:
        return _Install(number, call, "uv pip")
    if (name, sub) in (("poetry", "install"), ("pipenv", "install"), ("pipenv", "sync"), ("uv", "sync"),
                       ("pdm", "install"), ("pdm", "sync")):  # fmt: skip
        return _Install(number, call, name)
    if name == "python" and words[:1] == ("setup.py",) and sub in ("setup.py",) and {"install", "develop"} & set(words):
        return _Install(number, call, "setup.py")
    return None


def _builds(call: Call) -> bool:
    """Whether a call works on the environment alone."""
    words = call.argv[1:]
    if call.name == "python":
        return words[:2] in (("-m", "pip"), ("-m", "venv"), ("-m", "virtualenv"), ("-m", "ensurepip")) or (
            words[:1] == ("setup.py",)
        )
    if call.name in (".", "source"):
        return bool(words) and words[0].endswith("/bin/activate")
    return call.name in PROGRAMS | _MAKERS and call.subcommand != "run"


def _operands(call: Call) -> list[str]:
    """What a pip install names, requirements files and options left out."""
    words = list(call.argv)
    behind = words[words.index("install") + 1 :] if "install" in words else []
    found: list[str] = []
    at = 0
    while at < len(behind):
        if behind[at] in _VALUED:
            at += 2
            continue
        if not behind[at].startswith("-"):
            found.append(behind[at])
        at += 1
    return found


def _plain(name: str) -> str:
    return re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0].lower().replace("_", "-")


def _is_tooling(each: _Install) -> bool:
    """Whether it installs nothing but the installers themselves."""
    named = {_plain(name) for name in _operands(each.call)}
    listed = each.call.has("-r", "--requirement")
    return each.tool == "pip" and not listed and bool(named & _TOOLS) and named <= _TOOLS | _PACKAGING


def _tooling(installs: Sequence[_Install]) -> Iterator[str]:
    """The installers that are installed."""
    yield from (_plain(name) for each in installs if _is_tooling(each) for name in _operands(each.call))


def _exported(view: View) -> Iterator[str]:
    """The lists of packages that an installer writes for another one."""
    for call in view.calls:
        if call.name in PROGRAMS and (_EXPORTING & set(call.operands)):
            redirects = [each.target.literal for each in call.command.redirects if each.op in (">", ">|")]
            for word in (call.option("-o", "--output", "--output-file"), *redirects):
                if word and (path := call.at(word)):
                    yield path


def _lists(view: View, installs: Sequence[_Install]) -> Iterator[str]:
    """The names of the files that the installs are given."""
    for each in installs:
        for word in each.call.argv:
            if word.endswith((".txt", ".in", ".toml", ".whl", ".cfg")):
                yield word.rpartition("/")[2]


def _in_the_way(view: View, installs: Sequence[_Install]) -> str | None:
    """Why the packages cannot go to another folder."""
    for each in installs:
        option = next((name for name in _ELSEWHERE if each.tool == "pip" and each.call.has(name)), None)
        if option is not None:
            return f"`pip install {option}` puts packages at a place of their own"
        if each.tool == "uv pip" and (each.call.has("--system") or "UV_SYSTEM_PYTHON" in each.call.environment):
            return "uv installs into the Python of the system"
        if UNKNOWN in " ".join(_operands(each.call)) and "." in " ".join(_operands(each.call)):
            return "what it installs cannot be told"
    for instruction in view.stage.instructions:
        if place := next((place for place in _PLACES if place in instruction.text), None):
            return f"line {instruction.line} names {place}, and the packages would go to another folder"
    for call in (*view.calls, *view.starts):
        program = call.argv[0] if call.argv else ""
        if (
            program.startswith("/usr/local/bin/")
            and view.path_in_context(program) is None
            and not _copied(view, program)
        ):
            return f"line {call.instruction.line} calls {program}, which would be in another folder"
        if call.name in _TOOLS and call.subcommand in ("run", "shell"):
            return f"line {call.instruction.line} runs the program with {call.name}"
    return None


def _copied(view: View, path: str) -> bool:
    return any(path in brought.zones for brought in view.brought.values())


class _Placed(NamedTuple):
    """Where the packages lie, and what has to be written so that they do."""

    artifacts: tuple[Artifact, ...]
    prepare: dict[int, tuple[str, ...]]
    environment: tuple[str, ...]


def _placed(view: View, installs: Sequence[_Install]) -> _Placed | str:
    own = dict.fromkeys(path for call in view.calls if (path := _made(call)))
    artifacts: list[Artifact] = []
    at: Instruction | None = None
    switched = False
    for each in installs:
        place = _own_place(view, each, tuple(own))
        if place is None and _is_tooling(each):
            continue
        if isinstance(place, _Problem):
            return place.reason
        if place is None:
            at = at or each.call.instruction
            switched |= each.tool not in ("pip", "setup.py")
        elif place not in [artifact.path for artifact in artifacts]:
            artifacts.append(Artifact(place, place, f"`{each.call.text}` installs into it"))
        for folder in _editable(each):
            if folder is None:
                return "where the project lies that it installs as editable is not known"
            artifacts.append(Artifact(folder, folder, f"`{each.call.text}` installs it as it lies there"))
    if at is None:
        return _Placed(tuple(artifacts), {}, ()) if artifacts else "it installs nothing but the installers"
    if own:
        return "packages are installed into a virtual environment and beside it"
    if (parse_reference(view.stage.base or "").tag or "").partition("-")[0].partition(".")[0] == "2":
        return "Python 2 makes no virtual environments by itself"
    path = next(path for path in ("/opt/venv", "/venv", "/opt/python-venv") if path not in view.model.document.text)
    line = f"ENV PATH={path}/bin:$PATH"
    lines = (f"RUN python -m venv {path}", *([f"ENV VIRTUAL_ENV={path}"] if switched else []), line)
    evidence = "pip installs into it, because its folder comes first in PATH"
    return _Placed((Artifact(path, path, evidence), *artifacts), {_before_copies(view, at): lines}, (line,))


def _before_copies(view: View, install: Instruction) -> int:
    """The number of the first COPY directly before an install: what comes before it stays when files change."""
    found = install.index
    for each in reversed([each for each in view.stage.instructions if each.index < install.index]):
        if each.keyword in ("COPY", "ADD"):
            found = each.index
        elif each.keyword not in ("WORKDIR", "LABEL", "EXPOSE", "MAINTAINER"):
            break
    return found


class _Problem(NamedTuple):
    reason: str


def _made(call: Call) -> str | None:
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


def _own_place(view: View, each: _Install, own: Sequence[str]) -> str | _Problem | None:
    """The virtual environment that an install goes to; None for the Python that is first in PATH."""
    environment = each.call.environment
    program = each.call.argv[0]
    for place in own:
        if program.startswith(f"{place}/bin/") or _is_first(view, each, f"{place}/bin"):
            return place
        if environment.get("VIRTUAL_ENV") == place or environment.get("UV_PROJECT_ENVIRONMENT") == place:
            return place
    if each.tool == "uv" and "UV_PROJECT_ENVIRONMENT" in environment:
        return environment["UV_PROJECT_ENVIRONMENT"] or _Problem("the environment of uv is not known")
    if each.tool in ("uv", "pdm"):
        return each.call.at(".venv") or _Problem(f"the directory of `{each.call.text}` is not known")
    if each.tool == "uv pip":
        return _Problem("uv pip has no virtual environment of this stage")
    if each.tool == "poetry" and not _is_set(view, each, "virtualenvs.create", "POETRY_VIRTUALENVS_CREATE", _NO):
        if _is_set(view, each, "virtualenvs.in-project", "POETRY_VIRTUALENVS_IN_PROJECT", _YES):
            return each.call.at(".venv") or _Problem(f"the directory of `{each.call.text}` is not known")
        return _Problem("poetry makes a virtual environment in a cache folder")
    if each.tool == "pipenv" and not each.call.has("--system"):
        if environment.get("PIPENV_VENV_IN_PROJECT"):
            return each.call.at(".venv") or _Problem(f"the directory of `{each.call.text}` is not known")
        return _Problem("pipenv makes a virtual environment in a cache folder")
    return None


def _is_first(view: View, each: _Install, folder: str) -> bool:
    """Whether PATH, as it is set last, begins with a folder."""
    before = [
        one for one in view.stage.instructions if one.keyword == "ENV" and one.index < each.call.instruction.index
    ]
    found = [setting.value or "" for one in before for setting in settings(one) if setting.name == "PATH"]
    if not found:
        return False
    first = found[-1].strip("\"'").partition(":")[0]
    return (view.stage.state(each.call.instruction).expand(first, each.call.instruction.escape) or "") == folder


_NO = ("false", "0")
_YES = ("true", "1")


def _is_set(view: View, each: _Install, setting: str, variable: str, values: tuple[str, ...]) -> bool:
    """Whether poetry is set up so, by a variable or by ``poetry config``."""
    if (each.call.environment.get(variable) or "").lower() in values:
        return True
    calls = (call for call in view.calls[: each.number] if call.name == "poetry" and call.subcommand == "config")
    return any(setting in call.argv and call.argv[-1].lower() in values for call in calls)


def _editable(each: _Install) -> Iterator[str | None]:
    for word in ("-e", "--editable"):
        if (path := each.call.option(word)) is not None and "://" not in path:
            yield each.call.at(path.partition("[")[0])
    if each.tool == "setup.py" and "develop" in each.call.argv:
        yield each.call.at(".")


def _fetches(view: View, installs: Sequence[_Install]) -> bool:
    """Whether pip calls git for a package, and no package is known that calls it later."""
    texts = [text for each in installs for word in each.call.argv if (text := view.text(each.call.at(word)))]
    fetches = any("git+" in text for text in (*texts, *(each.call.text for each in installs)))
    return fetches and not any("git" in NEEDS.get(name, "").split() for name in _names(view, installs))


def _names(view: View, installs: Sequence[_Install]) -> Iterator[str]:
    """The packages that the installs name, as far as they can be read."""
    for each in installs:
        for name in _operands(each.call):
            if (wanted := requirement(name)) is not None:
                yield wanted.name
        for word in each.call.argv:
            text = view.text(each.call.at(word)) if word.endswith((".txt", ".in")) else None
            for line in (text or "").splitlines():
                if (wanted := requirement(line.partition("#")[0])) is not None:
                    yield wanted.name
