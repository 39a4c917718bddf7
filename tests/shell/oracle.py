"""One plain form for the trees of shfmt and ours, to compare them by; and what dash and bash accept."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from optimizer.shell import Compound, Expansion, List, Redirect, Script, Simple, Word

SHFMT = str(Path(sysconfig.get_path("scripts")) / "shfmt")


class KnownWrong(Exception):
    """shfmt's tree has the fault described at `shfmt`."""


def shfmt(text: str) -> Any:
    """The plain form of a script as shfmt reads it. ASCII only: its offsets count bytes.

    None where it refuses, and where it is known to be wrong: it takes `f() { a; } && b` for a function that is
    all of `{ a; } && b`.
    """
    assert text.isascii()
    done = subprocess.run([SHFMT, "-ln", "bash", "--to-json"], input=text, capture_output=True, text=True)
    try:
        return None if done.returncode else _statements(text, json.loads(done.stdout).get("Stmts", []))
    except KnownWrong:
        return None


def plain(script: Script) -> Any:
    """The plain form of our tree."""
    return _list(script.body)


def accepted(shell: str, texts: Sequence[str], folder: Path) -> list[bool]:
    """Whether a shell, told only to read, takes each of the texts, without a warning."""
    lines = []
    for number, text in enumerate(texts):
        (folder / f"{number}").write_bytes(text.encode("utf-8", "surrogatepass"))
        lines.append(f"{shell} -n {number} 2>{number}.err; echo $? >{number}.status")
    subprocess.run(["dash", "-c", "\n".join(lines)], cwd=folder, check=True, timeout=120)
    return [
        (folder / f"{number}.status").read_text() == "0\n" and not (folder / f"{number}.err").read_bytes()
        for number in range(len(texts))
    ]


def _list(body: List) -> Any:
    items = [
        (
            {"": ";", "\n": ";"}.get(item.connector, item.connector),
            item.pipeline.negated,
            [_command(command) for command in item.pipeline.commands],
        )
        for item in body.items
    ]
    return items, body.terminator == "&"


def _command(command: Simple | Compound) -> Any:
    redirects = [(each.op, each.fd, each.target.text) for each in command.redirects]
    inside = [part for each in command.redirects for part in _redirect(each)]
    words = [part for word in command.words for part in _expansions(word.expansions)]
    if isinstance(command, Simple):
        assigned = [(each.name, each.value.text) for each in command.assignments]
        values = [part for each in command.assignments for part in _expansions(each.value.expansions)]
        return "simple", assigned, [word.text for word in command.words], redirects, values + words + inside
    return command.kind, [_list(body) for body in command.bodies], redirects, words + inside


def _redirect(redirect: Redirect) -> Iterator[Any]:
    yield from _expansions(redirect.target.expansions)
    if redirect.heredoc:
        yield from _expansions(redirect.heredoc.expansions)


def _expansions(expansions: Sequence[Expansion]) -> Iterator[Any]:
    for expansion in expansions:
        if expansion.body:
            yield _list(expansion.body)
        yield from _expansions(expansion.nested)


KINDS = {
    "Subshell": "subshell",
    "Block": "group",
    "IfClause": "if",
    "ForClause": "for",
    "CaseClause": "case",
    "FuncDecl": "function",
    "TestClause": "conditional",
    "ArithmCmd": "arithmetic",
}


def _statements(text: str, statements: list[Any]) -> Any:
    items: list[Any] = []
    connector = ";"
    for statement in statements:
        items += _and_or(text, statement, connector)
        connector = "&" if statement.get("Background") else ";"
    return items, connector == "&"


def _and_or(text: str, statement: Any, connector: str) -> list[Any]:
    command = statement.get("Cmd") or {}
    if command.get("Op") in ("&&", "||"):
        return _and_or(text, command["X"], connector) + _and_or(text, command["Y"], command["Op"])
    return [(connector, statement.get("Negated", False), _pipeline(text, statement))]


def _pipeline(text: str, statement: Any) -> list[Any]:
    command = statement.get("Cmd") or {}
    if command.get("Op") in ("|", "|&"):
        return _pipeline(text, command["X"]) + _pipeline(text, command["Y"])
    if command.get("Type") == "TimeClause":
        return _pipeline(text, command["Stmt"])
    return [_shfmt_command(text, command, statement.get("Redirs", []))]


def _shfmt_command(text: str, command: Any, redirs: list[Any]) -> Any:
    redirects = [(each["Op"], each.get("N", {}).get("Value"), _slice(text, each["Word"])) for each in redirs]
    inside = [part for each in redirs for part in _substitutions(text, [each["Word"], each.get("Hdoc")])]
    kind = command.get("Type", "CallExpr")
    if kind in ("CallExpr", "DeclClause"):
        assigned = [(each["Name"]["Value"], _value(text, each)) for each in command.get("Assigns", [])]
        words = [_slice(text, each) for each in command.get("Args", [])]
        if kind == "DeclClause":
            words.insert(0, command["Variant"]["Value"])
        found = [*_substitutions(text, command.get("Assigns")), *_substitutions(text, command.get("Args"))]
        return "simple", assigned, words, redirects, found + inside
    bodies = [_statements(text, each) for each in _bodies(command)]
    parts = [command.get("Loop"), command.get("Word"), command.get("X")]
    parts += [each.get("Patterns") for each in command.get("Items", []) if kind == "CaseClause"]
    if kind == "WhileClause":
        named = "until" if command.get("Until") else "while"
    else:
        named = "select" if command.get("Select") else KINDS[kind]
    return named, bodies, redirects, [*_substitutions(text, parts), *inside]


def _bodies(command: Any) -> Iterator[list[Any]]:
    match command["Type"]:
        case "IfClause":
            branch = command
            while branch:
                if "Cond" in branch:
                    yield branch["Cond"]
                yield branch["Then"]
                branch = branch.get("Else")
        case "CaseClause":
            yield from (item.get("Stmts", []) for item in command.get("Items", []))
        case "FuncDecl":
            if "Op" in command["Body"]["Cmd"]:
                raise KnownWrong
            yield [command["Body"]]
        case _:
            yield from (command[key] for key in ("Cond", "Do", "Stmts") if key in command)


def _value(text: str, assignment: Any) -> str:
    value = assignment.get("Value") or assignment.get("Array")
    return _slice(text, value) if value else ""


def _slice(text: str, node: Any) -> str:
    return text[node["Pos"]["Offset"] : node["End"]["Offset"]]


def _substitutions(text: str, node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for each in node:
            yield from _substitutions(text, each)
    elif isinstance(node, dict):
        if node.get("Type") in ("CmdSubst", "ProcSubst"):
            yield _statements(text, node.get("Stmts", []))
        else:
            for each in node.values():
                yield from _substitutions(text, each)


def words_of(script: Script) -> Iterator[Word]:
    """Every word of a script's own commands, for checks of single words."""
    for item in script.body.items:
        for command in item.pipeline.commands:
            yield from command.words
