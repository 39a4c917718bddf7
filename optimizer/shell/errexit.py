"""Where `set -e` decides what runs.

The shell ignores errexit in every command of an and-or chain but the last, behind `!`, and in the conditions
of if, while and until; a failure that was ignored does not fire later, save at the end of a subshell. Source:
POSIX.1-2024 2.15 `set`. In a command substitution dash forgets to ignore it, bash does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.shell.ast import Command, Compound, Expansion, Item, List, Pipeline, Redirect, Script, Simple
from optimizer.shell.builtins import RELIABLE, called, is_path, set_options
from optimizer.shell.walk import walk


def head(script: Script) -> tuple[Item, ...]:
    """The `set` commands that a script begins with, as far as they only set options and cannot fail."""
    items = script.body.items
    behind = [*(item.connector for item in items[1:]), script.body.terminator]
    found: list[Item] = []
    for item, connector in zip(items, behind, strict=False):
        command = item.pipeline.commands[0]
        if len(item.pipeline.commands) > 1 or item.pipeline.negated or item.pipeline.timed:
            break
        if not isinstance(command, Simple) or command.name != "set" or connector in ("||", "&"):
            break
        options = set_options(command.words)
        if command.redirects or command.assignments or options.positional or not options.options:
            break
        if any(name not in RELIABLE for name, _ in options.options):
            break
        found.append(item)
    return tuple(found)


def head_options(script: Script) -> dict[str, bool]:
    """The options that hold behind the head of a script, as far as it sets them."""
    found: dict[str, bool] = {}
    for item in head(script):
        command = item.pipeline.commands[0]
        assert isinstance(command, Simple)
        found.update((name, on) for name, on in set_options(command.words).options if name)
    return found


def sets_errexit(script: Script) -> bool:
    """Whether the script may switch errexit on or off anywhere, be it in a subshell."""
    for command, _ in walk(script):
        words = called(command)
        if words and words[0].literal == "set":
            if any(name in ("errexit", None) for name, _ in set_options(words).options):
                return True
        elif words and words[0].literal == "shopt" and {"errexit", None} & {w.literal for w in words}:
            return True
    return False


def indifferent(items: Sequence[Item], *, to_option: bool) -> bool:
    """Whether the end of a script runs the same commands in a place where errexit is ignored.

    With `to_option`: whether it even runs the same with errexit off as with errexit on.
    """
    if any(item.connector not in ("&&", "||") for item in items[1:]):
        return False
    # errexit is ignored in all but the last of a chain already; only the option itself reaches inside. Behind
    # `!` it is ignored as well, but not in the substitutions there (bash), so that `!` is no excuse here
    judged = items if to_option else items[-1:]
    return all(_command(command, to_option) for item in judged for command in item.pipeline.commands)


def _command(command: Command, to_option: bool) -> bool:
    if not all(_expansion(expansion, to_option) for expansion in _expansions(command)):
        return False
    if isinstance(command, Simple):
        words = called(command)
        if not words or is_path(words[0]):
            return True
        # what a sourced file, eval or an unknown command does with a failure is not known
        return words[0].literal not in (".", "source", "eval", None)
    match command.kind:
        case "function" | "for" | "select" | "while" | "until":
            return False
        case "if" if not to_option:
            bodies = branches(command)
        case _:
            bodies = list(command.bodies)
    return all(indifferent(body.items, to_option=to_option) for body in bodies)


def branches(command: Compound) -> list[List]:
    """The bodies of an `if` that are not conditions: what stands behind each then, and behind else."""
    return [*command.bodies[1::2], *command.bodies[len(command.bodies) // 2 * 2 :]]


def _expansion(expansion: Expansion, to_option: bool) -> bool:
    if expansion.body and not indifferent(expansion.body.items, to_option=to_option):
        return False
    return all(_expansion(nested, to_option) for nested in expansion.nested)


def _expansions(command: Command) -> Iterator[Expansion]:
    if isinstance(command, Simple):
        for assignment in command.assignments:
            yield from assignment.value.expansions
    for word in command.words:
        yield from word.expansions
    for redirect in command.redirects:
        yield from _redirect_expansions(redirect)


def _redirect_expansions(redirect: Redirect) -> Iterator[Expansion]:
    yield from redirect.target.expansions
    if redirect.heredoc:
        yield from redirect.heredoc.expansions


def fires(items: Sequence[Item]) -> bool:
    """Whether, with errexit on, a list that ends with a status other than 0 has ended the shell by then."""
    if not items:
        return True
    last = items[-1]
    return last.connector not in ("&&", "||") and not last.pipeline.negated and _fires(last.pipeline)


def _fires(pipeline: Pipeline) -> bool:
    command = pipeline.commands[-1]
    if len(pipeline.commands) > 1 or isinstance(command, Simple) or command.kind == "subshell":
        return True
    return _compound_fires(command)


def _compound_fires(command: Compound) -> bool:
    match command.kind:
        case "if":
            bodies = branches(command)
        case "while" | "until":
            bodies = list(command.bodies[1:])
        case _:
            bodies = list(command.bodies)
    return all(fires(body.items) for body in bodies)
