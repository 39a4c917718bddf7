"""Where in a script a command stands, and where another one may be put behind it, in front of it, or taken out.

What is put in succeeds (a removal of caches) or fails the build (an update); either way the status that the next
command and the build see stays what it was. Source: POSIX.1-2024 2.9.3 (and-or lists) and 2.15 ``set -e``: errexit is
ignored for every command of an and-or chain but the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from optimizer import shell
from optimizer.joining import shell_of
from optimizer.packages.reading import PackageCommand, read
from optimizer.rewrite import Operator, ScriptEdit
from optimizer.runs import Run
from optimizer.shell import Compound, Expansion, Item, List, Pipeline, Script, Simple, parse
from optimizer.shell.builtins import called, set_options
from optimizer.shell.errexit import fires, indifferent

Holder = Literal["script", "group", "subshell", "branch", "condition", "loop", "function", "substitution"]


class Step(Struct, frozen=True):
    """An item of a list, and what holds the list."""

    list: List
    index: int
    holder: Holder

    @property
    def item(self) -> Item:
        return self.list.items[self.index]

    @property
    def next(self) -> Item | None:
        return self.list.items[self.index + 1] if self.index + 1 < len(self.list.items) else None

    @property
    def chained(self) -> bool:
        """Whether ``&&`` or ``||`` follows."""
        return self.next is not None and self.next.connector in ("&&", "||")

    def beside(self, other: Step) -> bool:
        """Whether both are items of the same list. The script may have been read twice, so places are compared."""
        return self.list.start == other.list.start and self.list.end == other.list.end

    @property
    def background(self) -> bool:
        """Whether its and-or chain is run in the background."""
        for item in self.list.items[self.index + 1 :]:
            if item.connector not in ("&&", "||"):
                return item.connector == "&"
        return self.list.terminator == "&"

    @property
    def conditional(self) -> bool:
        """Whether it may be left out although nothing failed: behind ``||``, or behind a test and ``&&``."""
        if self.item.connector == "||" or self.background:
            return True
        return any(item.pipeline.negated or _is_test(item.pipeline.commands[-1]) for item in self.chain_before())

    def chain_before(self) -> Iterator[Item]:
        """The items of the same and-or chain that stand before it, the nearest first."""
        for at in range(self.index, 0, -1):
            if self.list.items[at].connector not in ("&&", "||"):
                return
            yield self.list.items[at - 1]


_TESTS = frozenset({"[", "test", "grep", "egrep", "which", "command", "type", "dpkg", "hash", "false"})


def _is_test(command: shell.Command) -> bool:
    return command.name in _TESTS if isinstance(command, Simple) else command.kind in ("conditional", "arithmetic")


Steps = tuple[Step, ...]


class Placed(Struct, frozen=True):
    """A simple command, the steps that lead to it from the script's own list, and what it is as a package manager."""

    command: Simple
    steps: Steps
    call: PackageCommand | None

    @property
    def pipeline(self) -> Pipeline:
        return self.steps[-1].item.pipeline


class Reading(Struct, frozen=True):
    """A script with all its simple commands in the order of the text."""

    script: Script
    errexit: bool
    """Whether SHELL switches errexit on."""
    commands: tuple[Placed, ...]

    @property
    def calls(self) -> Iterator[tuple[Placed, PackageCommand]]:
        """The calls of package managers."""
        return ((each, each.call) for each in self.commands if each.call is not None)


def reading_of(run: Run) -> Reading | None:
    """The commands of a RUN; None where its script could not be read. Exec form is read as one command."""
    if run.form == "exec" and run.instruction.exec_form:
        quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in run.instruction.exec_form)
        return reading(quoted)
    return None if run.parsed is None else reading(run.text, run.shell)


@lru_cache(maxsize=512)
def reading(text: str, shell_words: tuple[str, ...] = ()) -> Reading | None:
    """Read a script; None where it could not be read."""
    script = parse(text)
    if isinstance(script, shell.Opaque):
        return None
    errexit = bool(shell_words) and "errexit" in shell_of(shell_words).options
    return Reading(script, errexit, tuple(_list(script.body, (), "script")))


def _list(node: List, above: Steps, holder: Holder) -> Iterator[Placed]:
    for index, item in enumerate(node.items):
        steps = (*above, Step(node, index, holder))
        for command in item.pipeline.commands:
            yield from _command(command, steps)


def _command(command: shell.Command, steps: Steps) -> Iterator[Placed]:
    if isinstance(command, Simple):
        yield Placed(command, steps, read(command))
        for assignment in command.assignments:
            yield from _expansions(assignment.value.expansions, steps)
    else:
        for body, holder in zip(command.bodies, _holders(command), strict=True):
            yield from _list(body, steps, holder)
    for word in command.words:
        yield from _expansions(word.expansions, steps)


def _expansions(expansions: Iterable[Expansion], steps: Steps) -> Iterator[Placed]:
    for expansion in expansions:
        if expansion.body:
            yield from _list(expansion.body, steps, "substitution")
        yield from _expansions(expansion.nested, steps)


def _holders(command: Compound) -> list[Holder]:
    count = len(command.bodies)
    match command.kind:
        case "if":
            return ["branch" if at % 2 or (at == count - 1 and count % 2) else "condition" for at in range(count)]
        case "group" | "subshell" | "function":
            return [command.kind] * count
        case "case":
            return ["branch"] * count
        case _:
            return ["loop"] * count


def common(places: Sequence[Placed], *, first: bool = False) -> Steps:
    """The steps to the innermost list that holds all of the places, up to the last (or first) item that holds one."""
    steps: list[Step] = []
    while True:
        depth = len(steps)
        here = [place.steps[depth] for place in places if len(place.steps) > depth]
        if len(here) < len(places) or not all(step.beside(here[0]) for step in here):
            return tuple(steps)
        ordered = sorted(here, key=lambda step: step.index)
        steps.append(ordered[0 if first else -1])
        if ordered[0].index != ordered[-1].index:
            return tuple(steps)


class Spot(Struct, frozen=True):
    """A place for new text in a script, and how it is tied to the command beside it."""

    at: int
    operator: Operator
    depth: int
    """Number of the step beside which it is."""


def behind(reading: Reading, steps: Steps) -> Spot | str:
    """Where a command goes that runs once the item at the end of ``steps`` has succeeded; or why there is no place."""
    depth = _outside(reading, steps)
    if isinstance(depth, str):
        return depth
    spot = _behind(reading, steps, depth)
    return _behind(reading, steps, 0) if isinstance(spot, str) and depth else spot


def _behind(reading: Reading, steps: Steps, depth: int) -> Spot | str:
    step = steps[depth]
    at = step.item.pipeline.end
    if step.chained or not _may_use_errexit(reading):
        return Spot(at, "&&", depth)
    # `it && command` switches errexit off for what is in it, `it; command` takes its exit status away.
    keeps_errexit = indifferent([step.item], to_option=False)
    if step.holder != "script" or step.next is None:
        if keeps_errexit:
            return Spot(at, "&&", depth)
        if step.holder == "script" and _errexit(reading, step.index) and fires([step.item]):
            return Spot(at, ";", depth)
        return "`set -e` would no longer end the script inside of it"
    errexit = _errexit(reading, step.index)
    inside = (place for place in reading.commands if place.steps[0].index == step.index)
    if errexit is None or (not keeps_errexit and any(_switches_errexit(each.command) is not False for each in inside)):
        return "whether `set -e` holds there is not certain"
    return Spot(at, ";" if errexit else "&&", depth)


def follows_one(steps: Steps, spot: Spot, places: Iterable[Placed]) -> bool:
    """Whether one of the commands ran for certain, in the same shell, where a script gets to a spot behind the steps.

    Then what the command needed is there for another one: the program, and sudo.
    """
    for place in places:
        here, deeper = place.steps[spot.depth], place.steps[spot.depth + 1 :]
        if any(step.conditional or step.holder != "group" for step in deeper):
            continue
        beside = here.index == steps[spot.depth].index and spot.operator == "&&" and here.item.connector != "||"
        alone = not any(here.chain_before()) and (here.next is None or here.next.connector != "||")
        if beside or (alone and not here.background):
            return True
    return False


def in_front(reading: Reading, steps: Steps) -> Spot | str:
    """Where a command goes that must have succeeded before the item at the end of ``steps`` runs; or why not."""
    depth = _outside(reading, steps)
    if isinstance(depth, str):
        return depth
    step = steps[depth]
    at = step.item.pipeline.start
    if step.item.connector == "||":
        return "it runs only if another command fails"
    if step.holder != "script" or all(item.connector in ("", "&&") for item in step.list.items):
        return Spot(at, "&&", depth)
    errexit = _errexit(reading, step.index)
    if errexit is False:
        return Spot(at, "&&", depth)
    if errexit is None or step.item.connector == "&&":
        return "whether `set -e` would end the script there is not certain"
    return Spot(at, ";", depth)


def removals(reading: Reading, step: Step) -> list[ScriptEdit] | str:
    """The ways to take the item out of its list, or why each would change what the others do."""
    before, pipeline, after = step.item.connector, step.item.pipeline, step.next
    if len(pipeline.commands) > 1 or pipeline.negated or step.background:
        return "it is part of a pipeline, negated, or in the background"
    if before == "||" or (after is not None and after.connector == "||"):
        return "it is tied to another command by ||"
    ways: list[ScriptEdit] = []
    # Behind `a && it; b` stands `a; b` afterwards, where a failure of `a` counts under errexit.
    ends_chain = after is not None and not step.chained
    errexit = _errexit(reading, step.index) if step.holder == "script" else None
    if (before == "&&" and not (ends_chain and errexit is not False)) or (before and after is None and errexit):
        ways.append(ScriptEdit(step.list.items[step.index - 1].pipeline.end, pipeline.end, ""))
    if after is not None and (after.connector == "&&" or before != "&&"):
        ways.append(ScriptEdit(pipeline.start, after.pipeline.start, ""))
    if not ways and ends_chain:
        return "`set -e` would then count for the command before it"
    return ways or "its exit status is that of the RUN"


def _outside(reading: Reading, steps: Steps) -> int | str:
    """Number of the innermost step beside which something new runs once, and where errexit is understood."""
    depth = len(steps) - 1
    for at, step in enumerate(steps):
        if step.holder == "function":
            return "it stands in a function"
        if step.holder == "substitution":
            return "it stands in a command substitution"
        if step.background:
            return "it runs in the background"
        if step.holder in ("loop", "condition"):
            depth = min(depth, at - 1)
    if _ends_early(steps[: depth + 1]) and _may_use_errexit(reading):
        depth = 0
    if steps[depth].item.pipeline.negated:
        return "its exit status is negated"
    return depth


def _ends_early(steps: Steps) -> bool:
    """Whether it matters that errexit ends the script where the item fails: something follows that would run."""
    for step in reversed(steps):
        if step.chained:
            return False  # errexit is ignored in all but the last of a chain, and in whatever they hold
        if step.next is not None:
            return True
    return False


def _may_use_errexit(reading: Reading) -> bool:
    return reading.errexit or any(_switches_errexit(each.command) is not False for each in reading.commands)


def _switches_errexit(command: Simple) -> bool | None:
    """True where the command touches errexit, None where it may."""
    words = called(command)
    name = words[0].literal if words else None
    if name in (".", "source", "eval"):
        return None
    if name not in ("set", "shopt"):
        return False
    if name == "shopt":
        return None if any(word.literal in ("errexit", None) for word in words[1:]) else False
    options = [option for option, _ in set_options(words).options]
    return None if None in options else "errexit" in options


def _errexit(reading: Reading, index: int) -> bool | None:
    """Whether errexit is on when item ``index`` of the script's own list begins; None where that is not certain."""
    state: bool | None = reading.errexit
    for place in reading.commands:
        step = place.steps[0]
        touched = _switches_errexit(place.command)
        if step.index >= index or touched is False:
            continue
        certain = len(place.steps) == 1 and len(place.pipeline.commands) == 1 and not step.background
        plain = all(_is_set(item) for item in step.chain_before()) and step.item.connector != "||"
        if touched is None or not certain or not plain:
            return None
        state = next(on for name, on in reversed(set_options(called(place.command)).options) if name == "errexit")
    return state


def _is_set(item: Item) -> bool:
    command = item.pipeline.commands[0]
    return isinstance(command, Simple) and command.name == "set"
