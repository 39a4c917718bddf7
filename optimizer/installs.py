"""How much of a RUN installs dependencies and needs nothing of the sources but manifests.

A RUN is read from its first command on, with the directory and the environment that each command has. It ends at the
first command that may read or change the sources; what stands before may run before they are copied.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optimizer.independence import (
    UNKNOWN,
    Surroundings,
    behind_wrappers,
    dependence,
    dependence_beside,
    feeds_known_script,
    shown_command,
    value,
)
from optimizer.landing import Folder, Landing, inside
from optimizer.model import State
from optimizer.packages.managers import BY_PROGRAM
from optimizer.packages.reading import program_name, read, unversioned
from optimizer.runs import Run
from optimizer.shell import Item, List, Opaque, Pipeline, Script, Simple, effects, parse, uses, walk

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.manifests import Needs

_BUILD_ONLY = frozenset({"CGO_ENABLED", "GOOS", "GOARCH", "GOARM"})
"""Variables that say how something is compiled, and nothing to what is run before it."""
_SOURCED = frozenset({"activate", "env", "nvm.sh", "sdkman-init.sh"})
"""Files that are sourced for their variables and functions."""
_REPEATED = frozenset({"cd", "set", "export"})
"""What may stand at the start of both parts of a RUN that is split."""
_GOPATH = "/go/src"
"""Where a Go project may do without go.mod."""
_CHANGERS = frozenset({"rm", "rmdir", "mv", "find", "chown", "chmod", "chgrp", "strip"})
_REMOVING = frozenset({
    "autoremove", "cache", "clean", "del", "erase", "prune", "purge", "remove", "store", "uninstall",
})  # fmt: skip
"""Subcommands of package managers that take something away again."""
_DOWNLOADS = frozenset({"go", "cargo", "maven", "gradle", "dotnet"})
"""Ecosystems that are prepared by filling a cache."""
_MOUNTS = frozenset({"cache", "secret", "ssh", "tmpfs"})


class Install(NamedTuple):
    """An install command with what it needs, and the directory that it runs in."""

    command: Simple
    needs: Needs
    workdir: str

    @property
    def makes(self) -> frozenset[str]:
        """The requirements that an export writes: names of packages, and paths that the export has looked at."""
        if self.needs.ecosystem != "poetry" or "export" not in self.command.argv:
            return frozenset()
        return frozenset(posixpath.normpath(posixpath.join(self.workdir, path)) for path in self.needs.outputs)

    @property
    def shown(self) -> str:
        return shown_command(self.command)


class Stop(NamedTuple):
    """Where the part ends that may run before the sources are copied, and why."""

    reason: str
    install: Install | None = None
    """An install that has to stay, and is prepared by its prefetch."""
    installs: bool = False
    """Whether the command is an install."""


class Lead(NamedTuple):
    """What of a RUN may run before the sources are copied."""

    installs: tuple[Install, ...]
    entered: tuple[str, ...]
    """Folders that the part goes to."""
    distribution: bool
    """Whether it installs packages of the distribution."""
    stop: Stop | None
    """None where the whole RUN may."""
    end: int = 0
    """Where the part ends in the script; 0 where it is empty or the whole."""
    rest: int = 0
    """Where the rest begins."""
    repeated: tuple[str, ...] = ()
    """The commands that the rest has to begin with again: ``cd sub``."""
    prefetch: tuple[str, ...] = ()
    """Commands that are added to the part."""
    changes: bool = False
    """Whether the rest may remove or change what the part leaves there."""
    problem: str = ""
    """Why the part cannot be told apart from the rest; "" where it can."""


def lead_of(
    run: Run,
    state: State,
    zones: Sequence[str],
    landings: Sequence[Landing],
    context: BuildContext | None,
    before: Sequence[Install] = (),
) -> Lead:
    """Read a RUN up to the first command that may depend on the zones; ``before`` is what is installed by then."""
    script = _script(run)
    if isinstance(script, str):
        return Lead((), (), False, Stop(script))
    if any(mount.get("type") not in _MOUNTS for mount in run.mounts):
        return Lead((), (), False, Stop("it mounts files"))
    cached = any(mount.get("type") == "cache" for mount in run.mounts)
    reader = _Reader(tuple(landings), context, tuple(before), cached)
    around = Surroundings(tuple(zones), state.workdir, state.env)
    items = script.body.items
    if script.body.terminator == "&" or any(item.connector == "&" for item in items):
        return Lead((), (), False, Stop("it runs commands in the background"))
    for index, item in enumerate(items):
        outcome = reader.pipeline(item.pipeline, around)
        if isinstance(outcome, Stop):
            return reader.lead(run, script, index, outcome)
        around = outcome
        reader.after.append(len(reader.installs))
    return Lead(tuple(reader.installs), tuple(reader.entered), reader.distribution, None)


def _script(run: Run) -> Script | str:
    """The script of a RUN, also of one in exec form, or why there is none."""
    if run.form != "exec":
        if isinstance(run.script, Opaque):
            return f"its script could not be read: {run.script.reason}"
        return run.script or "it has no script"
    words = run.instruction.exec_form or ()
    script = parse(" ".join("'" + word.replace("'", "'\\''") + "'" for word in words))
    return script if isinstance(script, Script) and words else "it has no script"


class _Reader:
    """Reads commands one after the other and gathers what they install."""

    def __init__(
        self, landings: tuple[Landing, ...], context: BuildContext | None, before: tuple[Install, ...], cached: bool
    ) -> None:
        self.landings = landings
        self.context = context
        self.before = before
        self.cached = cached
        self.installs: list[Install] = []
        self.entered: list[str] = []
        self.distribution = False
        self.after: list[int] = []
        """For each item of the script's own list, how many installs there are up to its end."""

    def body(self, body: List, around: Surroundings) -> Surroundings | Stop:
        if body.terminator == "&" or any(item.connector == "&" for item in body.items):
            return Stop("it runs commands in the background")
        for item in body.items:
            outcome = self.pipeline(item.pipeline, around)
            if isinstance(outcome, Stop):
                return Stop(outcome.reason, installs=outcome.installs)
            around = outcome
        return around

    def pipeline(self, pipeline: Pipeline, around: Surroundings) -> Surroundings | Stop:
        """What is in force behind it, or why it has to stay."""
        first = pipeline.commands[0]
        if len(pipeline.commands) > 1:
            if feeds_known_script(pipeline.commands, around):
                return around
            for command in pipeline.commands:
                reason = dependence(command, around) if isinstance(command, Simple) else "a script within the RUN"
                if reason:
                    return Stop(reason)
            return around
        if isinstance(first, Simple):
            return self.simple(first, around)
        if first.kind not in ("subshell", "group") or first.redirects:
            return Stop(f"a command of the kind `{first.kind}` may read the sources")
        outcome = self.body(first.bodies[0], around)
        return around if first.kind == "subshell" and isinstance(outcome, Surroundings) else outcome

    def simple(self, command: Simple, around: Surroundings) -> Surroundings | Stop:
        name = command.name
        if not command.words or name == "export":
            return self.assignment(command, around)
        if name == "cd":
            target = value(command.words[1], around.environment) if len(command.words) == 2 else None
            place = None if target is None or UNKNOWN in target or target == "-" else around.at(target)
            if place is None:
                return Stop("where its `cd` goes is not known")
            self.entered.append(place)
            return around.inside(place)
        if name in (".", "source"):
            path = value(command.words[1], around.environment) if len(command.words) == 2 else None
            if path is not None and "/" in path and path.rpartition("/")[2] in _SOURCED and self.is_apart(path, around):
                return around
            return Stop(f"`{shown_command(command)}` may be one of the sources")
        outcome = self.install(command, around)
        if isinstance(outcome, Install):
            self.installs.append(outcome)
            return around
        environment = _virtual_environment(command, around)
        if environment is not None and self.is_apart(environment, around):
            return around
        reason = outcome or dependence(command, around)
        if isinstance(reason, Stop):
            return reason
        if reason:
            return Stop(reason)
        call = read(command)
        self.distribution |= call is not None and call.writes
        return around

    def is_apart(self, path: str | None, around: Surroundings) -> bool:
        """Whether the sources have nothing at a path."""
        if not around.touches(path):
            return True
        if path is None or around.workdir is None or UNKNOWN in path or (around.at(path) or "/") in around.zones:
            return False
        if self.context is None:
            return True
        view = Folder(around.workdir, self.landings, self.context)
        return not view.is_file(path) and not view.is_dir(path)

    def assignment(self, command: Simple, around: Surroundings) -> Surroundings | Stop:
        if reason := dependence_beside(command, around):
            return Stop(reason)
        for assignment in command.assignments:
            around = around.having(assignment.name, value(assignment.value, around.environment))
        for word in command.words[1:]:
            text = value(word, around.environment)
            variable, _, content = (text or "").partition("=")
            if not variable.isidentifier():
                return Stop(f"`{shown_command(command)}` changes variables that are not known")
            if text and "=" in text:
                around = around.having(variable, None if UNKNOWN in content else content)
        return around

    def install(self, command: Simple, around: Surroundings) -> Install | Stop | None:
        """What an install needs; a Stop where it has to stay, None where it is none."""
        from optimizer.manifests import Needs, needs

        start = behind_wrappers(command)
        if start is None or program_name(command.words[start]) is None:
            return None
        environment = dict(around.environment)
        for assignment in command.assignments:
            environment[assignment.name] = value(assignment.value, around.environment)
        argv = [value(word, environment) for word in command.words[start:]]
        made = frozenset(path for each in (*self.before, *self.installs) for path in each.makes)
        folder = around.workdir
        view = Folder(folder, self.landings, self.context, made) if self.context and folder else None
        found = needs(argv, view, environment)
        if found is None:
            return None
        if around.workdir is None:
            return Stop("the directory that it runs in is not known", installs=True)
        if not isinstance(found, Needs):
            return Stop(found.reason, installs=True)
        if reason := dependence_beside(command, around):
            return Stop(reason, installs=True)
        if any(UNKNOWN in word for words in (*found.prefetch, found.files) for word in words):
            return Stop("a word of the command is not known", installs=True)
        if self.context is None and found.ecosystem == "go" and inside(around.workdir, _GOPATH):
            return Stop("there may be no go.mod, and there is no build context to look at", installs=True)
        install = Install(command, found, around.workdir)
        if found.prefetch:
            if self.cached and found.ecosystem in _DOWNLOADS:
                return Stop("the cache mount of its RUN keeps what is downloaded already", installs=True)
            prepared = any(_prepares(each, install) for each in (*self.before, *self.installs))
            reason = f"`{install.shown}` builds the sources"
            return Stop(reason) if prepared else Stop(reason, install, installs=True)
        return install

    def lead(self, run: Run, script: Script, index: int, stop: Stop) -> Lead:
        """What stands before the item at which the reading stopped, cut where both parts stay right."""
        items = script.body.items
        # A cut leaves no change of the shell's state behind that only one of the parts would see.
        useful = (at for at in range(index, 0, -1) if self.after[at - 1] or stop.install)
        cut = next((at for at in useful if _is_stateless(script, at)), 0)
        prefetch: tuple[str, ...] = ()
        installs = self.installs[: self.after[cut - 1]] if cut else [] if stop.install else self.installs
        if stop.install is not None:
            prefetch = (*(_text(script, item) for item in items[cut:index]), *_prefetch(stop.install))
            installs.append(stop.install)
        return Lead(
            tuple(installs), tuple(self.entered), self.distribution, stop,
            items[cut - 1].pipeline.end if cut else 0, items[cut].pipeline.start,
            tuple(_text(script, item) for item in items[: _repeated(script, cut)]),
            prefetch, any(_changes(each) for item in items[cut:] for each, _ in walk(item)),
            self.inseparable(run, script, cut, index, bool(prefetch)),
        )  # fmt: skip

    def inseparable(self, run: Run, script: Script, cut: int, index: int, prefetch: bool) -> str:
        """Why the part cannot be told apart from the rest; "" where it can, or where there is none."""
        if not cut and not prefetch:
            return "it stands behind a command that changes the shell" if self.installs else ""
        if not cut and index == 0:
            return ""
        if any(item.connector != "&&" for item in script.body.items[1:]):
            return "the RUN is more than a chain of &&"
        if run.form != "shell":
            return "a RUN with a heredoc keeps its own lines"
        if found := uses(script):
            return found[0].reason
        return ""


def installs_in(run: Run, state: State) -> frozenset[str]:
    """The ecosystems of the installs of a RUN that read something of the project, as far as its text tells."""
    from optimizer.manifests import Needs, Unsafe, needs

    script = _script(run)
    if isinstance(script, str):
        return frozenset()
    kinds: set[str] = set()
    for command, _ in walk(script):
        start = behind_wrappers(command)
        argv = [] if start is None else [value(word, state.env) for word in command.words[start:]]
        found = needs(argv, None, state.env)
        if isinstance(found, Needs) and found.files:
            kinds.add(found.ecosystem)
        elif argv[:3] == ["cargo", "chef", "cook"]:
            kinds.add("cargo")
        elif isinstance(found, Unsafe):
            kinds.add("")
    return frozenset(kinds)


def _virtual_environment(command: Simple, around: Surroundings) -> str | None:
    """The folder in which a command makes a virtual environment of Python; None for any other command."""
    argv = [value(word, around.environment) for word in command.words]
    made = argv[1:] if argv[:1] == ["virtualenv"] else argv[3:] if argv[1:3] == ["-m", "venv"] else []
    return made[0] if len(made) == 1 and made[0] and made[0][0] != "-" and not command.redirects else None


def _prepares(done: Install, install: Install) -> bool:
    """Whether what was done before makes the prefetch of an install needless."""
    same = done.needs.ecosystem == install.needs.ecosystem and done.workdir == install.workdir
    return same and set(done.needs.files) >= set(install.needs.files)


def _is_stateless(script: Script, cut: int) -> bool:
    """Whether the first items change nothing in the shell but by commands that both parts can begin with."""
    items = script.body.items
    behind = items[_repeated(script, cut)].pipeline.start
    return all(change.start < behind for change in effects(script) if change.start < items[cut].pipeline.start)


def _repeated(script: Script, cut: int) -> int:
    """How many items the script begins with that may be written twice; they stand before the cut."""
    count = 0
    for item in script.body.items[:cut]:
        command = _simple(item)
        if command is None or command.name not in _REPEATED or command.redirects:
            break
        count += 1
    return min(count, cut - 1) if cut else 0


def _changes(command: Simple) -> bool:
    start = behind_wrappers(command)
    name = None if start is None else program_name(command.words[start])
    if start is None or name is None:
        return False
    return name in _CHANGERS or (
        any(word.text in _REMOVING for word in command.words[start + 1 :]) and unversioned(name) in BY_PROGRAM
    )


def _text(script: Script, item: Item) -> str:
    return " ".join(script.text[item.pipeline.start : item.pipeline.end].split())


def _simple(item: Item) -> Simple | None:
    commands = item.pipeline.commands
    plain = len(commands) == 1 and not item.pipeline.negated and not item.pipeline.timed
    return commands[0] if plain and isinstance(commands[0], Simple) else None


def _prefetch(install: Install) -> Iterator[str]:
    """The commands that run in addition before the sources are there, as a shell is given them."""
    import shlex

    command = install.command
    start = behind_wrappers(command) or 0
    front = [f"{each.name}={each.value.text}" for each in command.assignments if each.name not in _BUILD_ONLY]
    front += (word.text for word in command.words[:start])
    for words in install.needs.prefetch:
        yield " ".join([*front, *map(shlex.quote, words)])
