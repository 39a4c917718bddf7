"""What languages share whose build leaves one program: where the build ends, what it works on, what starts."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.independence import UNKNOWN
from optimizer.landing import inside, touch
from optimizer.packages.commands import SHELLS
from optimizer.split import reads
from optimizer.split.kinds import NEUTRAL, SETUP
from optimizer.split.plan import Artifact, Question, Refused
from optimizer.split.system import is_system
from optimizer.split.view import INITS, Call, View, runs_anything, shortened

_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_DATA = frozenset({
    "assets", "conf", "config", "configs", "data", "i18n", "locale", "locales", "migrations", "public", "resources",
    "static", "templates", "tmpl", "translations", "ui", "views", "web", "www",
})  # fmt: skip
"""Folders beside sources that programs often read when they run."""

_QUOTED = re.compile(r"""["'`](?:file://)?(?:\./|/)?([\w.+-]+)(?=["'`/*])""")
"""The first name of a path that a source has in quotes."""
_OPENING = ('Dir("', 'Open("', 'ReadFile("', 'ReadDir("', 'Glob("', 'Static("', 'ParseFiles("')
"""How Go sources read from the disk; from what is embedded they read in other words."""


_MODULE = ("pom.xml", "build.gradle", "build.gradle.kts", "Cargo.toml", "go.mod")
"""What makes a folder a part of the build, whatever it is called."""


class Build(NamedTuple):
    """The build of a stage."""

    last: Instruction
    numbers: frozenset[int]
    """The calls that belong to it, by their numbers in the view."""
    sources: tuple[str, ...]
    """The folders that it works on."""


def build_of(view: View, first: Callable[[Call], bool], own: Sequence[str] = ()) -> Build | Refused | None:
    """The build whose calls ``first`` knows; ``own`` are folders of the language that a build may write to."""
    if not any(first(call) for call in view.calls):
        return None
    last = [each for each in view.stage.runs if _is_build(view.of(each.instruction), first)][-1].instruction
    sources = tuple(dict.fromkeys(_sources(view, last, first)))
    if any(folder == "/" for folder in sources):
        return Refused(last, "it builds in the root of the file system")
    allowed = (*sources, *own, "/tmp", "/root", "/dev", "/var/tmp")
    wanted = {path for call in view.starts for path in _started_paths(call)}
    numbers = set()
    for number, call in enumerate(view.calls):
        if call.instruction.index > last.index or is_system(call) or call.name in SETUP | NEUTRAL:
            continue
        outside = next((path for path in _absolute(call) if not any(inside(path, folder) for folder in allowed)), None)
        if outside is not None and not first(call) and not wanted.intersection(_placed_by(call)):
            return Refused(call.instruction, f"`{call.text[:60]}` may write to {outside}")
        numbers.add(number)
    return Build(last, frozenset(numbers), sources)


_PLACING = frozenset({"cp", "install", "mv"})


def _placed_by(call: Call) -> Iterator[str]:
    """Where a file may come to lie that a command copies or moves, whether it is given a name or a folder."""
    if call.name not in _PLACING or len(call.operands) < 2:
        return
    *sources, last = call.operands
    target = call.at(last)
    if target is not None:
        yield target
        yield from (posixpath.join(target, posixpath.basename(source)) for source in sources)


def _started_paths(call: Call) -> Iterator[str]:
    """The files that a start names; a bare name is looked for in PATH."""
    for number, word in enumerate(call.argv):
        if number == 0 and "/" not in word:
            yield from (f"{folder}/{word}" for folder in _PATH)
        elif (path := call.at(word)) is not None:
            yield path


def placed(view: View) -> Artifact | None:
    """The program that the image starts, where a command copies or moves it from what is built."""
    start = started(view)
    if start is None or start.name in INTERPRETERS:
        return None
    paths = [start.path] if start.path else [f"{folder}/{start.name}" for folder in _PATH]
    for call in reversed(view.calls):
        for path in _placed_by(call):
            if path in paths:
                return Artifact(path, path, f"`{call.text}` puts it there")
    return None


def _is_build(calls: Sequence[Call], first: Callable[[Call], bool]) -> bool:
    """Whether a RUN builds, or takes away what the build leaves."""
    for call in calls:
        if first(call) or (not is_system(call) and call.name not in NEUTRAL | SETUP):
            return True
        if is_system(call) and call.subcommand in ("remove", "purge", "autoremove", "del"):
            return True
    return any(call.name == "rm" for call in calls) and not any(is_system(call) for call in calls)


def _sources(view: View, last: Instruction, first: Callable[[Call], bool]) -> Iterator[str]:
    for brought in view.brought.values():
        if brought.instruction.index < last.index and brought.broad:
            yield from brought.zones
    for call in view.calls:
        if first(call) and call.workdir not in (None, "/"):
            yield call.workdir or ""
    for call in view.calls:
        if call.name == "git" and call.subcommand == "clone":
            folder = (
                call.operands[2]
                if len(call.operands) > 2
                else posixpath.basename(call.operands[-1]).removesuffix(".git")
            )
            yield call.at(folder) or ""


def _absolute(call: Call) -> Iterator[str]:
    for word in call.argv[1:]:
        for text in (word, word.partition("=")[2]):
            if text.startswith("/") and UNKNOWN not in text:
                yield posixpath.normpath(text)


class Started(NamedTuple):
    """The program that the image starts."""

    call: Call
    path: str | None
    """Where it lies, as far as its name tells; a bare name is looked for in PATH."""

    @property
    def name(self) -> str:
        return posixpath.basename(self.call.argv[0])


def started(view: View) -> Started | None:
    """What ENTRYPOINT, else CMD, starts; None where that is a shell's script, or not known."""
    for keyword in ("ENTRYPOINT", "CMD"):
        calls = [call for call in view.starts if call.instruction.keyword == keyword]
        if not calls:
            continue
        call = next((each for each in calls if each.name not in ("exec", "cd", "export", *INITS, *SHELLS)), None)
        if call is None or not call.argv or UNKNOWN in call.argv[0]:
            return None
        return Started(call, call.at(call.argv[0]) if "/" in call.argv[0] else None)
    return None


INTERPRETERS = frozenset({
    "python", "python2", "python3", "node", "nodejs", "perl", "ruby", "java", "php", "npm", "supervisord", "nginx",
    "tail", "sleep", "env",
})  # fmt: skip
"""Programs that an image starts and that no build of its own makes."""


def program(view: View, build: Build, folders: Sequence[str], evidence: str) -> Artifact | None:
    """The artifact that the start names: a path below the sources or the folders, or a name found in one of these."""
    if (found := placed(view)) is not None:
        return found
    start = started(view)
    if start is None or start.name in INTERPRETERS:
        return None
    if start.path is None:
        return Artifact(f"{folders[0]}/{start.name}", f"{_PATH[0]}/{start.name}", evidence) if folders else None
    if posixpath.splitext(start.path)[1] or _is_text(view, start.path):
        return None  # it is copied, and not built
    if any(inside(start.path, folder) for folder in (*build.sources, *folders)):
        return Artifact(start.path, start.path, evidence)
    return None


def _is_text(view: View, path: str) -> bool:
    """Whether the build context has a text of that path; a program that was built before is built anew, or serves."""
    found = view.path_in_context(path)
    return found is not None and (view.context is None or view.context.read(found) is not None)


class Scripted(NamedTuple):
    """What the image starts by a shell: programs of the build, and what these and the shell need of the sources."""

    programs: tuple[Artifact, ...]
    others: tuple[Artifact, ...]
    sources: tuple[str, ...]
    """The folders of the sources that only the build needs."""

    @property
    def artifacts(self) -> Iterator[Artifact]:
        """All of it; what takes over a folder takes over what lies in it."""
        for each in (*self.programs, *self.others):
            if not any(inside(each.path, other.path) for other in self.others if other is not each):
                yield each


def by_scripts(view: View, build: Build) -> Scripted | Refused | None:
    """What the image starts by a shell; None where it starts with no shell, or nothing of the sources."""
    starts = [call for call in view.starts if call.instruction.keyword != "HEALTHCHECK" and call.argv]
    if not any(call.name in SHELLS or reads.is_script(view, call.at(call.argv[0])) for call in starts):
        return None
    programs: dict[str, Artifact] = {}
    others: dict[str, Artifact] = {}
    sources = list(build.sources)
    for call, where in reads.running(view):
        if call.instruction.keyword == "HEALTHCHECK":
            continue
        path = call.at(call.argv[0]) if "/" in call.argv[0] else None
        if call.name in SHELLS:
            if not runs_anything(call):
                continue
            path = call.at(call.subcommand) if call.operands else None
        ours = path is not None and any(inside(path, folder) for folder in build.sources)
        if path is not None and reads.is_script(view, path):
            if ours:
                others[path] = Artifact(path, path, f"{where} starts it")
        elif path is not None and ours and call.name not in SHELLS and not _is_text(view, path):
            programs[path] = Artifact(path, path, f"{where} starts it")
        elif call.name in SHELLS or _is_computed(call) or (path is not None and _is_text(view, path)):
            return Refused(call.instruction, f"what `{shortened(call.text)}` starts cannot be told")
        elif call.name not in NEUTRAL | SETUP:
            read = [each for each in _named(call) if view.path_in_context(each)]
            for folder in [folder for folder in sources if any(inside(each, folder) for each in read)]:
                sources.remove(folder)
                others[folder] = Artifact(folder, folder, f"`{shortened(call.text)}` may read more of it")
    return Scripted(tuple(programs.values()), tuple(others.values()), tuple(sources)) if programs else None


def _is_computed(call: Call) -> bool:
    """Whether the program's folder is not known, or the program."""
    name = call.argv[0]
    return UNKNOWN in name or ("/" not in name and all(word.literal != name for word in call.command.words))


def _named(call: Call) -> Iterator[str]:
    """The paths that the arguments of a command may be."""
    for word in call.argv[1:]:
        for text in (word, word.partition("=")[2]):
            if text and (path := call.at(text)) is not None:
                yield path


def data(
    view: View, build: Build, endings: tuple[str, ...], artifacts: Sequence[Artifact]
) -> tuple[list[Artifact], list[Question]]:
    """Files beside the sources that the program is seen to read, and folders of which that cannot be told."""
    found: list[Artifact] = []
    questions: list[Question] = []
    context = view.context
    if context is None:
        return found, questions
    for path in dict.fromkeys(path for call in view.starts for path in _named(call)):
        ours = any(inside(path, folder) and path != folder for folder in build.sources)
        if ours and view.path_in_context(path) is not None and not any(touch(path, each.path) for each in artifacts):
            found.append(Artifact(path, path, "the image starts with it"))
    for brought in view.brought.values():
        for landing in brought.landings if brought.instruction.index < build.last.index else ():
            if not landing.folder:
                continue
            sources = [path for path in context.files(landing.source) if path.endswith(endings) and not _is_test(path)]
            texts = {path: context.read(path) or "" for path in sources}
            names = {name for text in texts.values() for name in _QUOTED.findall(text)}
            compiled_in = {path for each, text in texts.items() for path in _embedded(each, text)}
            prefix = f"{landing.source}/" if landing.source else ""
            tops = dict.fromkeys(path[len(prefix) :].partition("/")[0] for path in context.files(landing.source))
            for top in tops:
                path = posixpath.join(landing.target, top)
                if (
                    top.endswith(endings)
                    or top.startswith(".")
                    or any(touch(path, each.path) for each in (*artifacts, *found))
                ):
                    continue
                embedded = any(touch(f"/{prefix}{top}", f"/{each}") for each in compiled_in)
                if embedded and not any(mark + top in text for text in texts.values() for mark in _OPENING):
                    continue  # it is in the program
                if top in names and not (context.is_dir(prefix + top) and _is_code(view, prefix + top, endings)):
                    found.append(Artifact(path, path, "the sources name it"))
                elif top in _DATA and not any(context.is_file(f"{prefix}{top}/{each}") for each in _MODULE):
                    questions.append(Question(f"whether {path} is read at run time", path))
    return found, questions


def _is_test(path: str) -> bool:
    return path.endswith("_test.go") or not {"test", "tests", "testdata"}.isdisjoint(path.split("/"))


def _embedded(path: str, text: str) -> Iterator[str]:
    """What a Go file has the compiler put into the program. Source: the documentation of Go's package embed."""
    for line in text.splitlines() if "//go:embed " in text else ():
        if line.startswith("//go:embed "):
            for word in line.split()[1:]:
                whole = posixpath.join(posixpath.dirname(path), word.strip('"`').removeprefix("all:"))
                yield posixpath.normpath(whole.partition("*")[0])


def _is_code(view: View, folder: str, endings: tuple[str, ...]) -> bool:
    """Whether a folder holds sources more than anything else."""
    files = [path.endswith(endings) for path in view.context.files(folder)] if view.context else []
    return sum(files) * 2 >= len(files)
