"""What the program is seen to call and to read when it runs: by CMD and the like, by scripts, by its own sources.

Python sources are read as trees, and only those that the start imports where that can be told; all others lexically.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optimizer import leftovers
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.independence import UNKNOWN
from optimizer.landing import inside
from optimizer.packages.commands import SHELLS
from optimizer.shell import Script, parse
from optimizer.split.plan import Question
from optimizer.split.view import INITS, Call, View, calls_of
from optimizer.system_needs import ENDINGS, MOST_SOURCES, SPAWNING

if TYPE_CHECKING:
    from optimizer.split.python_reads import Seen

_STARTING = re.compile(
    r"(?:spawn|exec|fork|run|call|popen|expect|output|system|command|processbuilder|process\.start)\w*\s*[(\[]+\s*"
    r"""["'`]([A-Za-z][\w+.-]*)(?=["'` ])""",
    re.IGNORECASE,
)
"""A call that starts a program, with the program's name: ``execFile('git', …)``, ``Command::new("git")``."""
_ENDINGS = ENDINGS | {"c", "cc", "cpp", "cs", "cxx", "go", "java", "kt"}
_STARTERS = (
    *SPAWNING, "os/exec", "ProcessBuilder", "getRuntime()", "Process.Start", "execv", "execl", "popen(", "posix_spawn",
)  # fmt: skip
"""What a source says that starts other programs."""
_READING = (
    "open(", "Path(", "join(", "CDLL", "LoadLibrary", "find_library", "directory=", "_folder=", "Loader(", "which(",
    "truetype(", "import sh", "from sh", "psutil", "_process",
)  # fmt: skip
"""What a Python file says, besides what starts programs, of which a tree tells more."""
ASIDE = frozenset({
    "test", "tests", "spec", "__tests__", "docs", "doc", "examples", "setup.py", "conftest.py", "noxfile.py",
    "fabfile.py",
})  # fmt: skip
"""Folders and files whose sources no image runs."""
_DEEPEST = 4
MOST_TREES = 300_000
"""Characters of Python that are read as trees: libcst takes about a second for 250,000."""
_SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve", "streamlit", "granian"})
"""Programs that are given a module to serve."""
_RUNNERS = frozenset({"pipenv", "poetry", "uv", "pdm"})
"""Programs that run another one in their environment: what stands behind ``run``."""
_MANAGING = {"compilemessages": "msgfmt", "makemessages": "xgettext"}
"""Commands of Django, and what they call. Source: django/core/management/commands."""
_PASSING = frozenset({"", "exec", "cd", "set", "export", "echo", "test", "[", "sleep", "wait", "true", ":"})
_OF_SYSTEM = ("/usr", "/opt", "/etc/mime.types", "/etc/fonts", "/etc/services", "/etc/protocols", "/etc/magic")
"""Where packages and the fuller base image put files that a program may read."""
_ALWAYS = frozenset({"/usr/bin/env", "/usr/bin", "/usr/local/bin", "/usr/sbin", "/usr/lib", "/usr/share/zoneinfo"})
_SHOWN = 3


class Called(NamedTuple):
    """A program that is called, and where that is seen."""

    name: str
    where: str
    at: Instruction


class Opened(NamedTuple):
    """A file or folder that is opened, as it is named, and where that is seen."""

    path: str
    where: str


class Reads(NamedTuple):
    """What is seen of a program."""

    called: tuple[Called, ...]
    opened: tuple[Opened, ...]
    questions: tuple[Question, ...]
    """What could not be read."""
    loaded: tuple[Opened, ...] = ()
    """Shared libraries that it loads by their names."""

    @property
    def of_system(self) -> tuple[Opened, ...]:
        """Files that it opens, of those that come with packages or with the base image."""
        return tuple(
            each for each in self.opened
            if each.path not in _ALWAYS and any(inside(posixpath.normpath(each.path), top) for top in _OF_SYSTEM)
        )  # fmt: skip


def running(view: View, late: Sequence[Call] = ()) -> list[tuple[Call, str]]:
    """What the image starts, and calls behind the build, with what the scripts of these call, and where each stands."""
    return [each for call in (*late, *view.starts) for each in _by(view, call, f"line {call.instruction.line}", 0)]


def seen(view: View, late: Sequence[Call]) -> Reads:
    """What the last part of the stage calls, the image when it starts, and the scripts and sources they run."""
    calls = [each for each in running(view, late) if UNKNOWN not in each[0].argv[0]]
    called = [Called(call.program, where, call.instruction) for call, where in calls]
    for call, where in calls:
        if call.name == "django-admin" or any(word.endswith("manage.py") for word in call.argv[:2]):
            called += (Called(name, where, call.instruction) for word in call.operands if (name := _MANAGING.get(word)))
    if view.context is None:
        return Reads(tuple(called), (), ())
    files = _sources(view, view.context)
    python = {path: text for path, (text, _) in files.items() if path.endswith(".py")}
    started = [call for call, _ in calls if call.instruction.keyword != "HEALTHCHECK"] if view.starts else []
    trees = _trees(python, _entries(view, started, python))
    opened: list[Opened] = []
    loaded: list[Opened] = []
    unread = [path for path, found in trees.items() if found.problem]
    computed = [path for path, found in trees.items() if found.computed]
    for path, (text, at) in files.items():
        found = trees.get(path)
        if path.endswith(".py") and found is None:
            continue  # it is not imported, or says nothing
        if found is None or found.problem:
            names = _STARTING.findall(text) if any(marker in text for marker in _STARTERS) else []
        else:
            names = [posixpath.basename(each) for each in found.starts]
            opened += (Opened(each, path) for each in found.opens)
            loaded += (Opened(each, path) for each in found.loads)
        called += (Called(name, path, at) for name in dict.fromkeys(names) if name)
    questions = [Question(f"what {_listed(unread)} reads and calls")] if unread else []
    questions += [Question(f"which program {_listed(computed)} starts: its name is computed")] if computed else []
    return Reads(tuple(called), tuple(opened), tuple(questions), tuple(loaded))


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more files" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _by(view: View, call: Call, where: str, depth: int) -> Iterator[tuple[Call, str]]:
    """A call and those of the scripts that it runs, each with where it is seen."""
    if not call.argv:
        return
    yield call, where
    if UNKNOWN in call.argv[0]:
        return
    if call.name in _RUNNERS and call.argv[1:2] == ("run",) and depth < _DEEPEST:
        yield from _by(view, call._replace(argv=call.argv[2:]), where, depth + 1)
    operands = (call.argv[0], *call.operands[:1]) if call.name in SHELLS else call.argv[:1]
    for word in operands:
        path = view.path_in_context(call.at(word)) if "/" in word or call.name in SHELLS else None
        script = _script(view, path) if path is not None else None
        if script is not None and depth < _DEEPEST:
            for inner in calls_of(call.instruction, script, call.workdir, call.environment):
                yield from _by(view, inner, path or where, depth + 1)


def is_script(view: View, path: str | None) -> bool:
    """Whether the build context has a script of the shell at a path of the image."""
    found = view.path_in_context(path)
    return found is not None and _script(view, found) is not None


def _script(view: View, path: str) -> Script | None:
    """A file of the context, where it is a script of the shell that can be read."""
    text = view.context.read(path) if view.context else None
    first = (text or "").partition("\n")[0]
    is_one = (first.startswith("#!") and "python" not in first) or path.endswith(".sh")
    script = parse(text) if text and is_one else None
    return script if isinstance(script, Script) else None


def _sources(view: View, context: BuildContext) -> Mapping[str, tuple[str, Instruction]]:
    """The sources that the stage copies, by their paths, each with the instruction that copies it."""
    found: dict[str, tuple[str, Instruction]] = {}
    for each in view.copied:
        for match in context.glob(each.source) if each.source is not None else ():
            for path in leftovers.rest(context, match) if context.is_dir(match) else (match,):
                if path in found or path.rpartition(".")[2] not in _ENDINGS or ASIDE & set(path.split("/")):
                    continue
                if len(found) == MOST_SOURCES:
                    return found
                found[path] = context.read(path) or "", each.instruction
    return found


def _scripts_of(view: View) -> Mapping[str, str]:
    """The module behind each command that the sources install. Source: PEP 621, Poetry's documentation."""
    import tomllib

    found: dict[str, str] = {}
    for each in view.copied:
        at = posixpath.join(each.source or "", "pyproject.toml")
        try:
            read = tomllib.loads((view.context.read(posixpath.normpath(at)) if view.context else None) or "")
        except (ValueError, RecursionError):
            continue
        for table in (read.get("project"), (read.get("tool") or {}).get("poetry")):
            scripts = table.get("scripts") if isinstance(table, dict) else None
            scripts = scripts if isinstance(scripts, dict) else {}
            found |= {name: to.partition(":")[0] for name, to in scripts.items() if isinstance(to, str)}
    return found


def _entries(view: View, calls: Iterable[Call], python: Mapping[str, str]) -> frozenset[str] | None:
    """The files that are started; None where that cannot be told, and any file may be one."""
    index = _index(python)
    scripts = _scripts_of(view)
    found: set[str] = set()
    for call in calls:
        if call.name in {*_PASSING, *SHELLS, *INITS, *_RUNNERS}:
            continue
        program = view.path_in_context(call.at(call.argv[0])) if "/" in call.argv[0] else None
        if program is not None and program not in python and _script(view, program):
            continue  # what it runs is among the calls
        words = [word for word in call.argv[1:] if UNKNOWN not in word]
        by_name = True
        if program in python:
            words, by_name = [call.argv[0]], False
        elif call.argv[0] in scripts:
            words = [scripts[call.argv[0]]]
        elif call.name == "python" and "-m" in words[:-1]:
            module = words[words.index("-m") + 1]
            words = [module] if module not in _SERVERS else words[words.index("-m") + 2 :]
        elif call.name in ("python", "streamlit"):
            words = [word for word in words if not word.startswith("-") and word != "run"][:1]
            by_name = False
        elif call.name not in _SERVERS:
            return None
        modules = [word.partition(":")[0] for word in words if by_name and not word.endswith(".py")]
        named = {path for module in modules for path in _modules(index, module)}
        files = {path for word in words if (path := view.path_in_context(call.at(word))) in python and path}
        if not (named if by_name else files):
            return None
        found |= named | files
    return frozenset(found) or None


def _index(paths: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The files by every name by which they may be imported: that depends on where Python looks first."""
    found: dict[str, tuple[str, ...]] = {}
    for path in paths:
        parts = path.removesuffix(".py").split("/")
        if parts[-1] in ("__init__", "__main__"):
            parts.pop()
        for at in range(len(parts)):
            name = ".".join(parts[at:])
            found[name] = (*found.get(name, ()), path)
    return found


def _modules(index: Mapping[str, tuple[str, ...]], name: str) -> Iterator[str]:
    """The files that importing a module runs: its own and those of the packages around it."""
    parts = name.split(".")
    for end in range(len(parts)):
        yield from index.get(".".join(parts[: end + 1]), ())


def _trees(python: Mapping[str, str], entries: frozenset[str] | None) -> Mapping[str, Seen]:
    """What the files show that the entries import; all of them, where that cannot be told."""
    if entries is not None:
        found = _imported(python, entries)
        if found is not None:
            return found
    left = MOST_TREES
    trees: dict[str, Seen] = {}
    for path, text in python.items():
        if any(mark in text for mark in (*_STARTERS, *_READING)):
            left -= len(text)
            trees[path] = _look(text) if left >= 0 else _too_much()
    return trees


def _imported(python: Mapping[str, str], entries: Iterable[str]) -> Mapping[str, Seen] | None:
    """The files that are imported, from the entries on; None where modules are imported by computed names."""
    index = _index(python)
    left = MOST_TREES
    trees: dict[str, Seen] = {}
    waiting = sorted(entries)
    while waiting:
        path = waiting.pop()
        if path in trees:
            continue
        left -= len(python[path])
        found = trees[path] = _look(python[path]) if left >= 0 else _too_much()
        if found.dynamic or found.problem:
            return None
        for name in found.imports:
            waiting += _relative(python, path, name) if name.startswith(".") else _modules(index, name)
    return trees


def _relative(python: Mapping[str, str], path: str, name: str) -> Iterator[str]:
    """The files that a relative import may mean."""
    module = name.lstrip(".")
    folder = posixpath.dirname(path)
    for _ in range(len(name) - len(module) - 1):
        folder = posixpath.dirname(folder)
    parts = module.split(".") if module else []
    for end in range(len(parts) + 1):
        place = posixpath.join(folder, *parts[:end])
        yield from (each for each in (f"{place}.py", f"{place}/__init__.py") if each in python)


def _look(text: str) -> Seen:
    from optimizer.split.python_reads import look

    return look(text)


def _too_much() -> Seen:
    from optimizer.split.python_reads import Seen

    return Seen(problem="is left out: there is too much to read")
