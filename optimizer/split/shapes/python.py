"""Python: packages go into a virtual environment at one path in both stages, under the same interpreter.

Source: the documentation of venv, pip, poetry, pipenv, uv and pdm about where they install.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.images import parse_reference
from optimizer.independence import UNKNOWN
from optimizer.language_packages import NEEDS, PREBUILT, PURE, WHEELS, Requirement, system_packages
from optimizer.split import bases, declared
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.reads import running
from optimizer.split.shapes._environments import HOMES, Install, Problem, at_home, made, own_place
from optimizer.split.shapes._requirements import lists, named, operands, with_extras
from optimizer.split.system import is_system
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"pip", "poetry", "pipenv", "uv", "pdm", "flit"})
BASES = frozenset({"debian", "python", "ubuntu"})
_OF_SYSTEM = ("debian", "ubuntu")
"""Images whose Python is a package of the distribution, which may lack what makes virtual environments."""
_TOOLS = frozenset({"poetry", "poetry-plugin-export", "pipenv", "uv", "pdm", "pip-tools"})
_LARGE = frozenset({"poetry", "pipenv", "uv", "pdm"})
"""Those of them that are worth a stage: with all they need 35 to 82 MB (in an environment of Python 3.11)."""
_UV = frozenset({"uv", "uvx"})
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
_LOCAL = "/usr/local"
_EXPORTING = frozenset({"export", "requirements", "compile", "lock"})
_WORKON = ("/**/.local/share/virtualenvs",)
"""What pipenv makes at every call, also where no environment goes to it."""


_UNBUNDLED = ("ubuntu:12.04", "ubuntu:precise", "ubuntu:14.04", "ubuntu:trusty", "debian:7", "debian:wheezy",
              "debian:8", "debian:jessie")  # fmt: skip
"""Releases whose pip is packaged with what it needs (requests, six, …), which pip then does not install again.

Source: the dependencies of their python3-pip; later ones have python-pip-whl.
"""
_PYTHON_2 = ("python-pip", "python-dev", "python-setuptools", "python2")
"""Packages of distributions that have Python 2."""


def find(view: View) -> Found | Refused | None:
    """What pip and the like install in the stage."""
    installs = [each for number, call in enumerate(view.calls) if (each := _install(number, with_extras(call)))]
    if not installs:
        return None
    first, last = installs[0].call.instruction, installs[-1].call.instruction
    if reason := _in_the_way(view, installs):
        return Refused(first, reason)
    if _is_of_system(view) and any(
        name.startswith(_PYTHON_2) for call in view.calls if is_system(call) for name in call.operands
    ):
        return Refused(first, "packages are installed beside those of the distribution's Python 2")
    if (view.stage.base or "").startswith(_UNBUNDLED):
        return Refused(first, f"pip of {view.stage.base} comes with packages that it does not install again")
    placed = _placed(view, installs)
    if isinstance(placed, str):
        return Refused(first, placed)
    runners = _runners(view, installs)
    repeated = _repeated(view, installs, runners)
    if isinstance(repeated, Refused):
        return repeated
    copied = _copied_tools(view) - runners.keys()
    base = bases.slim(view.stage)
    wanted = _wanted(view, installs) if base.slimmed else {}
    names = {each.name for each in wanted}
    unknown = sorted(names - PURE - PREBUILT - set(WHEELS) - set(NEEDS))
    questions = (
        [Question(f"whether {', '.join(unknown[:5])} needs a library that {base.written} lacks")] if unknown else []
    )
    if any(each.path == _LOCAL for each in placed.artifacts):
        questions.append(Question("whether a package imports distutils or setuptools, which come with pip"))
    build = frozenset(
        number for number, call in enumerate(view.calls)
        if call.instruction.index <= last.index and _builds(call) and number not in repeated
    )  # fmt: skip
    tooling = [each for each in installs if _is_tooling(each) and each.number not in repeated]
    return Found(
        "python", last, placed.artifacts, base.written, build,
        manifests=copied | (frozenset() if runners else _MANIFESTS.union(*(lists(each.call) for each in installs))),
        prepare=placed.prepare, environment=placed.environment,
        needs=tuple(package for each in wanted for package in system_packages(each)), repeated=repeated,
        packages=tuple(sorted(_LARGE.intersection((*_named(tooling), *copied)))),
        brings=("python3",) if _is_of_system(view) else (),
        has=frozenset() if _is_of_system(view) else _HAS,
        builders=frozenset({"git"} if _fetches(view, installs) else ()),
        gone=(*declared.distributions(_named(tooling)), *_exported(view), *_workon(view, installs)),
        questions=tuple(questions),
    )  # fmt: skip


def _is_of_system(view: View) -> bool:
    return parse_reference(view.stage.base or "").official in _OF_SYSTEM


def _install(number: int, call: Call) -> Install | None:
    words = call.argv[1:]
    name = call.name
    if name == "python" and words[:2] == ("-m", "pip"):
        name, words = "pip", words[2:]
    operands = [word for word in words if not word.startswith("-")]
    sub = operands[0] if operands else ""
    if name == "pip" and sub == "install":
        return Install(number, call, "pip")
    if name == "uv" and operands[:2] == ["pip", "install"]:
        return Install(number, call, "uv pip")
    if (name, sub) in (("poetry", "install"), ("pipenv", "install"), ("pipenv", "sync"), ("uv", "sync"),
                       ("pdm", "install"), ("pdm", "sync"), ("flit", "install")):  # fmt: skip
        return Install(number, call, name)
    if name == "python" and words[:1] == ("setup.py",) and sub in ("setup.py",) and {"install", "develop"} & set(words):
        return Install(number, call, "setup.py")
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


def _plain(name: str) -> str:
    return re.split(r"[\[<>=!~; ]", name, maxsplit=1)[0].lower().replace("_", "-")


def _is_tooling(each: Install) -> bool:
    """Whether it installs nothing but the installers themselves."""
    named = {_plain(name) for name in operands(each.call)}
    listed = each.call.has("-r", "--requirement")
    return each.tool == "pip" and not listed and bool(named & _TOOLS) and named <= _TOOLS | _PACKAGING


def _named(installs: Sequence[Install]) -> Iterator[str]:
    """What they name, without versions."""
    yield from (_plain(name) for each in installs for name in operands(each.call))


def _runners(view: View, installs: Sequence[Install]) -> dict[str, Instruction]:
    """The installers that are called behind the build, too, or that alone find its environment, and where."""
    last = installs[-1].call.instruction
    late = [call for call in view.calls if call.instruction.index > last.index]
    called = (("uv" if call.name in _UV else call.name, call.instruction) for call, _ in running(view, late))
    runners = {tool: at for tool, at in called if tool in _TOOLS}
    for each in installs:
        if each.tool in HOMES and at_home(view, each):
            runners.setdefault(each.tool, each.call.instruction)
    return runners


def _repeated(view: View, installs: Sequence[Install], runners: Mapping[str, Instruction]) -> frozenset[int] | Refused:
    """The installs of those; one that is copied comes to the final stage by its COPY."""
    found: set[int] = set()
    for tool, at in runners.items():
        numbers = {each.number for each in installs if _is_tooling(each) and tool in _named([each])}
        if not numbers and tool not in _copied_tools(view):
            return Refused(at, f"{tool} runs the program, and where it comes from is not known")
        found |= numbers
    return frozenset(found)


def _copied_tools(view: View) -> frozenset[str]:
    """The programs of uv, where they are copied from another image, as its documentation has it."""
    copies = (each for each in view.stage.instructions if each.keyword == "COPY" and each.flag("from") is not None)
    names = ([posixpath.basename(word) for word in each.words[:-1]] for each in copies)
    return frozenset(name for each in names if _UV.issuperset(each) for name in each)


def _workon(view: View, installs: Sequence[Install]) -> tuple[str, ...]:
    """The folder for environments that pipenv leaves empty."""
    used = [each for each in installs if each.tool == "pipenv"]
    return _WORKON if used and not any(at_home(view, each) for each in used) else ()


def _exported(view: View) -> Iterator[str]:
    """The lists of packages that an installer writes for another one."""
    for call in view.calls:
        if call.name in PROGRAMS and (_EXPORTING & set(call.operands)):
            redirects = [each.target.literal for each in call.command.redirects if each.op in (">", ">|")]
            for word in (call.option("-o", "--output", "--output-file"), *redirects):
                if word and (path := call.at(word)):
                    yield path


def _in_the_way(view: View, installs: Sequence[Install]) -> str | None:
    """Why the packages cannot go to another folder."""
    for each in installs:
        option = next((name for name in _ELSEWHERE if each.tool == "pip" and each.call.has(name)), None)
        if option is not None:
            return f"`pip install {option}` puts packages at a place of their own"
        if each.tool == "uv pip" and (each.call.has("--system") or "UV_SYSTEM_PYTHON" in each.call.environment):
            return "uv installs into the Python of the system"
        if UNKNOWN in " ".join(operands(each.call)) and "." in " ".join(operands(each.call)):
            return "what it installs cannot be told"
    if _is_of_system(view):
        return None  # they stay where they are
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
    return None


def _copied(view: View, path: str) -> bool:
    return any(path in brought.zones for brought in view.brought.values())


class _Placed(NamedTuple):
    """Where the packages lie, and what has to be written so that they do."""

    artifacts: tuple[Artifact, ...]
    prepare: dict[int, tuple[str, ...]]
    environment: tuple[str, ...]


def _placed(view: View, installs: Sequence[Install]) -> _Placed | str:
    own = dict.fromkeys(path for call in view.calls if (path := made(call)))
    artifacts: list[Artifact] = []
    at: Instruction | None = None
    switched = False
    for each in installs:
        place = own_place(view, each, tuple(own))
        if place is None and _is_tooling(each):
            continue
        if isinstance(place, Problem):
            return place.reason
        if place is None:
            at = at or each.call.instruction
            switched |= each.tool not in ("pip", "setup.py", "flit")
        elif place not in [artifact.path for artifact in artifacts]:
            artifacts.append(Artifact(place, place, f"`{each.call.text}` installs into it"))
        for folder in _editable(each):
            if folder is None:
                return "where the project lies that it installs as editable is not known"
            artifacts.append(Artifact(folder, folder, f"`{each.call.text}` installs it as it lies there"))
    if at is None:
        return _Placed(tuple(artifacts), {}, ()) if artifacts else "it installs nothing but the installers"
    if _is_of_system(view):
        return _beside_the_system(view, installs, artifacts)
    if own:
        return "packages are installed into a virtual environment and beside it"
    if (parse_reference(view.stage.base or "").tag or "").partition("-")[0].partition(".")[0] == "2":
        return "Python 2 makes no virtual environments by itself"
    path = next(path for path in ("/opt/venv", "/venv", "/opt/python-venv") if path not in view.model.document.text)
    line = f"ENV PATH={path}/bin:$PATH"
    lines = (f"RUN python -m venv {path}", *([f"ENV VIRTUAL_ENV={path}"] if switched else []), line)
    evidence = "pip installs into it, because its folder comes first in PATH"
    return _Placed((Artifact(path, path, evidence), *artifacts), {_before_copies(view, at): lines}, (line,))


def _beside_the_system(view: View, installs: Sequence[Install], artifacts: Sequence[Artifact]) -> _Placed | str:
    """Where Debian's pip puts packages: below /usr/local, in which the distribution itself has nothing.

    Source: Debian's Python policy, 2.5 "Module Path".
    """
    tool = next((each.tool for each in installs if each.tool not in ("pip", "setup.py")), None)
    if tool is not None:
        return f"{tool} installs into the Python of {view.stage.base}, beside the packages of the distribution"
    if any(
        each.keyword == "USER" for each in view.stage.instructions if each.index < installs[-1].call.instruction.index
    ):
        return "pip installs into the home of another user"
    own = Artifact(_LOCAL, _LOCAL, f"pip installs into it, beside the packages of {view.stage.base}")
    return _Placed((own, *artifacts), {}, ())


def _before_copies(view: View, install: Instruction) -> int:
    """The number of the first COPY directly before an install: what comes before it stays when files change."""
    found = install.index
    for each in reversed([each for each in view.stage.instructions if each.index < install.index]):
        if each.keyword in ("COPY", "ADD"):
            found = each.index
        elif each.keyword not in ("WORKDIR", "LABEL", "EXPOSE", "MAINTAINER"):
            break
    return found


def _editable(each: Install) -> Iterator[str | None]:
    for word in ("-e", "--editable"):
        if (path := each.call.option(word)) is not None and "://" not in path:
            yield each.call.at(path.partition("[")[0])
    if each.tool == "setup.py" and "develop" in each.call.argv:
        yield each.call.at(".")


def _fetches(view: View, installs: Sequence[Install]) -> bool:
    """Whether pip calls git for a package, and no package is known that calls it later."""
    texts = [text for each in installs for word in each.call.argv if (text := view.text(each.call.at(word)))]
    fetches = any("git+" in text for text in (*texts, *(each.call.text for each in installs)))
    return fetches and not any("git" in system_packages(one) for one in _wanted(view, installs))


def _wanted(view: View, installs: Sequence[Install]) -> dict[Requirement, None]:
    """The packages that the installs name, as far as they can be read, by name."""
    return dict.fromkeys(sorted((one for each in installs for one in named(view, each.call)), key=lambda one: one.name))
