"""The lists of packages (of apt, the index of apk): which RUN writes them, needs them, removes them, along a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from optimizer.document import Instruction
from optimizer.model import Model, Stage
from optimizer.packages.commands import (
    HARMLESS_URLS,
    SHELLS,
    UPDATING_URLS,
    handed,
    is_known,
)
from optimizer.packages.managers import APK, APT, Manager
from optimizer.packages.places import Placed, Reading, reading, reading_of
from optimizer.packages.reading import program_name, unwrap
from optimizer.runs import Run
from optimizer.shell import Compound, Simple

Kind = Literal["update", "use", "clean", "may update", "unknown"]

_REMOVERS = frozenset({"rm", "find", "unlink", "truncate", "cd"})
FRESH = {"apt": ("-U", "--update"), "apk": ("-U", "--update", "--update-cache", "--no-cache")}
"""Options by which an install fetches the lists itself."""
DIST_CLEAN = ("distclean", "dist-clean")
"""Subcommands of apt that remove the lists too (apt 2.9.4 and later)."""
_CLEANED = {
    "apt": frozenset({"/var/lib/apt/lists", "/var/lib/apt/lists/*", "/var/lib/apt", "/var/lib/apt/*"}),
    "apk": frozenset({"/var/cache/apk", "/var/cache/apk/*", "/var/cache", "/var/cache/*"}),
}  # fmt: skip


class Event(Struct, frozen=True):
    """What a command means for the lists."""

    kind: Kind
    place: Placed
    certain: bool = True
    """For an update: whether it takes place where the script gets that far. For a clean: whether all of them go."""
    inner: Event | None = None
    """What it stands for in a script that is given to a shell as text."""

    @property
    def shown(self) -> str:
        """The command as a reason may quote it."""
        if self.inner is not None:
            return self.inner.shown
        commands = self.place.pipeline.commands if len(self.place.command.words) < 3 else (self.place.command,)
        words = (each.words[:3] for each in commands if isinstance(each, Simple))
        text = " | ".join(" ".join((word.literal or word.text) for word in some) for some in words)
        text = " ".join(text.split())
        return text if len(text) <= 50 else f"{text[:49]}…"


def events_of(run: Run, manager: Manager) -> tuple[Event, ...] | None:
    """What a RUN does to the lists of the layer, in its order; None where its script cannot be read."""
    mounts = (mount.get("target", "").rstrip("/") for mount in run.mounts if mount["type"] in ("cache", "tmpfs"))
    if any(f"{manager.directories[0]}/".startswith(f"{target}/") for target in mounts):
        return ()
    found = reading_of(run)
    if found is None:
        return None
    return _events(found.script.text, run.shell if run.form != "exec" else (), manager.name)


@lru_cache(maxsize=512)
def _events(text: str, shell_words: tuple[str, ...], manager: str) -> tuple[Event, ...]:
    found = reading(text, shell_words)
    if found is None:
        return ()
    return tuple(_judge(found, APT if manager == "apt" else APK))


def _judge(found: Reading, manager: Manager) -> Iterator[Event]:
    functions = {
        command.name
        for place in found.commands
        for step in place.steps
        for command in step.item.pipeline.commands
        if isinstance(command, Compound) and command.kind == "function"
    }
    for place in found.commands:
        command = place.command
        if not command.words:
            continue
        if place.call is not None and place.call.manager is manager:
            yield from _call(place, manager)
        elif _removes(command, manager):
            yield Event("clean", place, any(word.text in _CLEANED[manager.name] for word in command.words))
        elif place.call is None and command.name not in functions:
            yield from _other(place, manager)


def _call(place: Placed, manager: Manager) -> Iterator[Event]:
    call = place.call
    assert call is not None
    if call.action == "update" or (call.fetches and call.has(*FRESH[manager.name])):
        if not call.has("--no-cache"):
            yield Event("update", place, _is_certain(place))
    elif call.fetches or (call.action == "look" and not call.has("--installed", "-I")):
        yield Event("use", place)
    elif call.action == "clean" and call.words[call.subcommand].literal in DIST_CLEAN:
        yield Event("clean", place)


def _is_certain(place: Placed) -> bool:
    """Whether the command runs in every script that gets past it without a failure."""
    return all(step.holder in ("script", "group", "subshell") and not step.conditional for step in place.steps)


def _removes(command: Simple, manager: Manager) -> bool:
    start = unwrap(command.words)
    if start < len(command.words) and program_name(command.words[start]) not in _REMOVERS:
        return False
    return any(mark in word.text for word in command.words for mark in (*manager.directories, *manager.marks))


def _other(place: Placed, manager: Manager) -> Iterator[Event]:
    """A command that is no call of the manager: harmless, or a script of which nothing is known."""
    command = place.command
    start = unwrap(command.words)
    name = program_name(command.words[start]) if start < len(command.words) else ""
    if name in ("add-apt-repository", "apt-add-repository"):
        yield Event("may update", place, False)
    elif name in SHELLS:
        yield from _script(place, manager)
    elif name == "apt-cache":
        yield Event("use", place)
    elif not is_known(command.words):
        yield Event("unknown", place)


def _script(place: Placed, manager: Manager) -> Iterator[Event]:
    """A shell that is handed a script: as text, as a file, or through a pipe."""
    kind, inner = handed(place.command)
    alone = len(place.pipeline.commands) == 1 and not place.command.redirects
    if kind == "known" or (kind == "input" and alone):
        return
    if kind == "text" and (found := reading(inner)) is not None:
        events = tuple(_judge(found, manager))
        yield from (Event(event.kind, place, inner=event) for event in needs(events))
        for event in events:
            if event.kind in ("update", "clean"):
                yield Event(event.kind, place, event.certain and _is_certain(place))
        return
    text = _text(place)
    if any(url in text for url in UPDATING_URLS):
        yield Event("update", place, _is_certain(place))
    elif not any(url in text for url in HARMLESS_URLS):
        yield Event("unknown", place)


def _text(place: Placed) -> str:
    """The commands of the pipeline as text."""
    parts: list[str] = []
    for command in place.pipeline.commands:
        if isinstance(command, Simple):
            parts += (word.text for word in command.words)
            parts += (redirect.target.text for redirect in command.redirects)
    return " ".join(parts)


def needs(events: Sequence[Event]) -> list[Event]:
    """The uses and unknown commands that no update in the same script stands before for certain."""
    updates: list[Event] = []
    missing: list[Event] = []
    for event in events:
        if event.kind == "update":
            updates.append(event)
        elif event.kind == "clean":
            updates.clear()
        elif event.kind in ("use", "unknown") and not any(_precedes(update, event) for update in updates):
            missing.append(event)
    return missing


def _precedes(update: Event, event: Event) -> bool:
    """Whether the update ran where the event is reached: for certain, or because both hang on the same condition."""
    if update.certain:
        return True
    first, second = update.place.steps, event.place.steps
    step = first[-1]
    if len(second) < len(first) or not step.beside(second[len(first) - 1]):
        return False
    if step.item.connector == "||" or step.background:
        return False
    if not step.conditional:
        return True
    between = step.list.items[step.index + 1 : second[len(first) - 1].index + 1]
    return all(item.connector == "&&" for item in between)


def leaves(events: Sequence[Event]) -> Literal["there", "gone", "unknown", "as before"]:
    """What a script leaves of the lists."""
    state: Literal["there", "gone", "unknown", "as before"] = "as before"
    for event in events:
        if event.kind == "update":
            state = "there" if event.certain else "unknown"
        elif event.kind == "clean":
            state = "gone" if event.certain else "unknown"
        elif event.kind in ("unknown", "may update") and state != "there":
            state = "unknown"
    return state


class Need(Struct, frozen=True):
    """A RUN that finds no lists unless another one leaves them there, and its commands that need them."""

    run: Run
    events: tuple[Event, ...]
    """Empty where the script cannot be read."""

    @property
    def unknown(self) -> str | None:
        """Why nobody can tell what the RUN needs, or None where all is known."""
        if not self.events:
            return f"the script of line {self.run.instruction.line} cannot be read: it may install packages"
        for event in self.events:
            if event.kind == "unknown":
                return f"line {self.run.instruction.line} runs `{event.shown}`, which may install packages"
        return None


def relying(model: Model, stage: Stage, run: Run, manager: Manager) -> list[Need | str]:
    """What relies on the lists that ``run`` leaves: RUNs behind it, in stages built on it too; a text is no RUN."""
    found: list[Need | str] = []
    _follow(model, stage, run.instruction.index, manager, found)
    return found


def _follow(model: Model, stage: Stage, after: int, manager: Manager, found: list[Need | str]) -> None:
    runs = {run.instruction.index: run for run in stage.runs}
    for instruction in stage.instructions:
        if instruction.index <= after:
            continue
        run = runs.get(instruction.index)
        if run is None:
            if reason := _elsewhere(instruction, manager):
                found.append(reason)
            continue
        events = events_of(run, manager)
        if events is None:
            found.append(Need(run, ()))
            continue
        if lacking := needs(events):
            found.append(Need(run, tuple(lacking)))
        if leaves(events) in ("there", "gone"):
            return
    for child in model.stages:
        if child.parent is stage:
            _follow(model, child, child.origin.index, manager, found)


def _elsewhere(instruction: Instruction, manager: Manager) -> str | None:
    """Why an instruction that is no RUN of this build may need the lists."""
    keyword, program = instruction.keyword, "apt" if manager is APT else "apk"
    if keyword == "ONBUILD" and instruction.sub and instruction.sub.keyword == "RUN":
        return f"the ONBUILD trigger in line {instruction.line} may need the lists in a child build"
    if keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK") and program in instruction.args:
        return f"{keyword} in line {instruction.line} calls {program} in the running container"
    return None


def missing(stage: Stage, manager: Manager) -> Iterator[tuple[Need, str]]:
    """The installs that find no lists for certain, and why: the image begins without them, or a RUN removed them."""
    installs = (run for run in stage.runs if "install" in run.text)
    candidates = (run for run in installs if any(name in run.text for name in manager.programs))
    if not any(needs(events_of(run, manager) or ()) for run in candidates):
        return
    chain = [*stage.lineage][::-1]
    why = _official(chain[0]) if manager is APT else None
    for each in chain:
        runs = {run.instruction.index: run for run in each.runs}
        for instruction in each.instructions:
            run = runs.get(instruction.index)
            if run is None:
                if instruction.keyword in ("COPY", "ADD") and _may_bring(instruction, manager):
                    why = None
                continue
            events = events_of(run, manager)
            if events is None:
                why = None
                continue
            lacking = needs(events)
            before = events[: events.index(lacking[0])] if lacking and lacking[0].kind == "use" else events
            if why and each is stage and len(before) < len(events) and all(event.kind == "clean" for event in before):
                yield Need(run, tuple(lacking)), why
            match leaves(events):
                case "gone":
                    why = f"line {run.instruction.line} removes the lists"
                case "there" | "unknown":
                    why = None


def _official(stage: Stage) -> str | None:
    if stage.base is not None and stage.image.family in ("debian", "ubuntu"):
        return f"{stage.base} comes without package lists"
    return None


def _may_bring(instruction: Instruction, manager: Manager) -> bool:
    """Whether a COPY or ADD may put files where the lists are."""
    words = instruction.words
    target = words[-1].rstrip("/") if words else "$"
    return "$" in target or any(f"{folder}/".startswith(f"{target}/") for folder in manager.directories)
