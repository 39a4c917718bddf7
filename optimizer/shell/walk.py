"""Every node of a script with where it runs: in the shell itself or in a child of it, always or perhaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from optimizer.shell.ast import (
    Command,
    Compound,
    Expansion,
    Item,
    List,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Word,
)

Node = Script | List | Item | Pipeline | Command | Word | Expansion


class Where(NamedTuple):
    """How a node runs, seen from the node that the walk began with.

    Behind `&&` nothing is conditional: it runs where everything before it succeeded. Conditional is what
    may be left out although all went well: behind `||`, in a branch, a loop, a function, in `${x:-…}`.
    """

    subshell: bool = False  # in ( ), $( ), <( ), a pipeline of several commands or the background
    conditional: bool = False
    background: bool = False
    loop: bool = False
    function: str | None = None  # the function whose body holds it


Place = tuple[Compound | Expansion | List | Simple, Where]


def walk(node: Node) -> Sequence[tuple[Simple, Where]]:
    """Every simple command below `node` in the order of the text, a command before those in its words."""
    return _commands_of(node) if isinstance(node, Script) else _simple(traverse(node))


def traverse(node: Node) -> Sequence[Place]:
    """Every list, command and expansion below `node`, each before what it holds."""
    return _places_of(node) if isinstance(node, Script) else _places(node)


@lru_cache(maxsize=1024)  # as many as parse() keeps
def _places_of(script: Script) -> Sequence[Place]:
    return _places(script)


@lru_cache(maxsize=1024)
def _commands_of(script: Script) -> Sequence[tuple[Simple, Where]]:
    return _simple(_places_of(script))


def _places(node: Node) -> Sequence[Place]:
    places: list[Place] = []
    _node(node, Where(), places)
    return places


def _simple(places: Sequence[Place]) -> Sequence[tuple[Simple, Where]]:
    return [(found, where) for found, where in places if isinstance(found, Simple)]


def _node(node: Node, where: Where, places: list[Place]) -> None:
    match node:
        case Script():
            _list(node.body, where, places)
        case List():
            _list(node, where, places)
        case Item():
            _pipeline(node.pipeline, where, places)
        case Pipeline():
            _pipeline(node, where, places)
        case Simple() | Compound():
            _command(node, where, places)
        case Word():
            _expansions(node.expansions, where, places)
        case Expansion():
            _expansions((node,), where, places)


def _list(node: List, where: Where, places: list[Place]) -> None:
    places.append((node, where))
    if len(node.items) == 1 and node.terminator != "&":
        _pipeline(node.items[0].pipeline, where, places)
        return
    for item, background in zip(node.items, backgrounds(node), strict=True):
        inner = where
        if item.connector == "||" or background:
            inner = where._replace(
                conditional=where.conditional or item.connector == "||",
                background=where.background or background,
                subshell=where.subshell or background,
            )
        _pipeline(item.pipeline, inner, places)


def backgrounds(node: List) -> list[bool]:
    """For each item of a list, whether its and-or chain ends in `&`."""
    found: list[bool] = []
    behind: str = node.terminator
    running = False
    for item in reversed(node.items):
        if behind not in ("&&", "||"):
            running = behind == "&"
        found.append(running)
        behind = item.connector
    return found[::-1]


def _pipeline(node: Pipeline, where: Where, places: list[Place]) -> None:
    if len(node.commands) > 1 and not where.subshell:
        where = where._replace(subshell=True)
    for command in node.commands:
        _command(command, where, places)


def _command(node: Command, where: Where, places: list[Place]) -> None:
    places.append((node, where))
    if isinstance(node, Simple):
        for assignment in node.assignments:
            if assignment.value.expansions:
                _expansions(assignment.value.expansions, where, places)
        _words(node.words, where, places)
        _redirects(node.redirects, where, places)
        return
    _words(node.words, where, places)
    perhaps = where._replace(conditional=True)
    match node.kind:
        case "subshell":
            inner = [where._replace(subshell=True)]
        case "if":
            inner = [where, *[perhaps] * (len(node.bodies) - 1)]
        case "while" | "until":
            inner = [where._replace(loop=True), perhaps._replace(loop=True)]
        case "for" | "select":
            inner = [perhaps._replace(loop=True)]
        case "case":
            inner = [perhaps] * len(node.bodies)
        case "function":
            inner = [perhaps._replace(function=node.name, loop=False)]
        case _:
            inner = [where] * len(node.bodies)
    for body, place in zip(node.bodies, inner, strict=True):
        _list(body, place, places)
    _redirects(node.redirects, where, places)


def _words(words: Iterable[Word], where: Where, places: list[Place]) -> None:
    for word in words:
        if word.expansions:
            _expansions(word.expansions, where, places)


def _redirects(redirects: Iterable[Redirect], where: Where, places: list[Place]) -> None:
    for redirect in redirects:
        _expansions(redirect.target.expansions, where, places)
        if redirect.heredoc:
            _expansions(redirect.heredoc.expansions, where, places)


def _expansions(expansions: Iterable[Expansion], where: Where, places: list[Place]) -> None:
    for expansion in expansions:
        places.append((expansion, where))
        if expansion.body:
            _list(expansion.body, where._replace(subshell=True), places)
        if expansion.nested:
            inner = where._replace(conditional=True) if expansion.kind == "parameter" else where
            _expansions(expansion.nested, inner, places)
