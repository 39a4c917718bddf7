"""The corpus: every body that is not called opaque is read as shfmt reads it, at the offsets where it stands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from functools import cache

from optimizer.shell import (
    Compound,
    Expansion,
    Heredoc,
    Item,
    List,
    Opaque,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Word,
    parse,
)
from tests.corpus import ShellBody, needs_corpus, shell_bodies

pytestmark = needs_corpus

KINDS = {
    "subshell": "(",
    "group": "{",
    "function": "func",
    "conditional": "[[",
    "arithmetic": "((",
    "until": "while",
}

# Why a body that bash accepts may be opaque all the same, and in how many bodies of the corpus that is so.
EXPLAINED = {
    "(( may be arithmetic or a subshell; a space decides it": 2,  # bash and sh guess differently
}


@cache
def bodies() -> list[tuple[ShellBody, Script | Opaque]]:
    rows = list(shell_bodies())
    begin = time.process_time()
    read = [parse(row.body) for row in rows]
    spent = time.process_time() - begin
    print(f"\n{len(rows)} bodies, {spent / len(rows) * 1000:.3f} ms CPU each")
    return list(zip(rows, read, strict=True))


def commands(script: Script) -> list[object]:
    return [
        [
            {"": ";", "\n": ";"}.get(item.connector, item.connector),
            [
                ["cmd", [word.text for word in one.words], len(one.assignments), len(one.redirects)]
                if isinstance(one, Simple)
                else [KINDS.get(one.kind, one.kind)]
                for one in item.pipeline.commands
            ],
        ]
        for item in script.body.items
    ]


def test_top_level_lists_are_those_of_shfmt() -> None:
    compared = [(row, read) for row, read in bodies() if row.commands and isinstance(read, Script)]
    print(f"{len(compared)} lists compared with shfmt")
    different = [row.body for row, read in compared if commands(read) != row.commands]
    assert different == []
    assert len(compared) > 12_900


def test_nothing_is_accepted_that_both_shells_refuse() -> None:
    refused = [(row, read) for row, read in bodies() if not (row.bash or row.dash)]
    assert refused
    assert [row.body for row, read in refused if isinstance(read, Script)] == []


def test_what_bash_accepts_is_opaque_only_for_the_reasons_explained() -> None:
    accepted = [read for row, read in bodies() if row.bash]
    reasons = Counter(read.reason.partition(": ")[2] for read in accepted if isinstance(read, Opaque))
    print(f"{sum(reasons.values())} of {len(accepted)} that bash accepts are opaque: {dict(reasons)}")
    assert reasons == EXPLAINED
    assert sum(reasons.values()) <= 0.005 * len(accepted)


def test_every_node_lies_where_it_says() -> None:
    for _, read in bodies():
        if isinstance(read, Script):
            check_spans(read)


def check_spans(script: Script) -> None:
    text = script.text
    _check_list(script.body, 0, len(text), text)
    for comment in script.comments:
        assert text[comment.start] == "#"
        assert "\n" not in text[comment.start : comment.end]
    for heredoc in script.heredocs:
        assert text[heredoc.content_end : heredoc.end].lstrip("\t") == heredoc.delimiter


Node = Simple | Compound | Word | Redirect | Pipeline | List | Expansion


def _inside(nodes: list[Node], start: int, end: int) -> None:
    """The nodes lie in order, one behind the other, between start and end."""
    for node in nodes:
        assert start <= node.start <= node.end <= end
        start = node.end


def _check_list(body: List, start: int, end: int, text: str) -> None:
    _inside([body], start, end)
    at = body.start
    for item in body.items:
        _check_item(item, at, body.end, text)
        at = item.pipeline.end
    assert text[body.terminator_start : body.terminator_end] == body.terminator
    if body.terminator:
        assert at <= body.terminator_start


def _check_item(item: Item, at: int, end: int, text: str) -> None:
    assert text[item.operator_start : item.operator_end] == item.connector
    assert at <= item.operator_start <= item.operator_end <= item.pipeline.start
    commands = list(item.pipeline.commands)
    _inside([item.pipeline], at, end)
    _inside([*commands], item.pipeline.start, item.pipeline.end)
    assert commands[-1].end == item.pipeline.end
    for command in commands:
        _check_command(command, text)


def _check_command(command: Simple | Compound, text: str) -> None:
    parts: list[Node] = [*command.words, *command.redirects]
    if isinstance(command, Simple):
        for assignment in command.assignments:
            parts.append(assignment.value)
            name = text[assignment.start : assignment.value.start]
            assert name == assignment.name + ("+=" if assignment.append else "=")
    elif command.kind == "function":
        assert command.name is not None
        assert command.name in text[command.start : command.bodies[0].start]
    if not isinstance(command, Compound) or command.kind != "case":  # patterns and bodies of a case alternate
        parts += command.bodies if isinstance(command, Compound) else ()
    _inside(sorted(parts, key=lambda node: (node.start, node.end)), command.start, command.end)
    for body in command.bodies if isinstance(command, Compound) else ():
        _check_list(body, command.start, command.end, text)
    for word in _words(command):
        assert text[word.start : word.end] == word.text
        _check_expansions(word.expansions, word.start, word.end, text)
    for redirect in command.redirects:
        assert text[redirect.start : redirect.end].startswith((redirect.fd or "") + redirect.op)
        if redirect.heredoc:
            _check_heredoc(redirect.heredoc, redirect.end, text)


def _check_heredoc(heredoc: Heredoc, end: int, text: str) -> None:
    assert end < heredoc.start == heredoc.content_start <= heredoc.content_end <= heredoc.end
    _check_expansions(heredoc.expansions, heredoc.content_start, heredoc.content_end, text)


def _words(command: Simple | Compound) -> Iterator[Word]:
    if isinstance(command, Simple):
        yield from (assignment.value for assignment in command.assignments)
    yield from command.words
    yield from (redirect.target for redirect in command.redirects)


def _check_expansions(expansions: tuple[Expansion, ...], start: int, end: int, text: str) -> None:
    _inside([*expansions], start, end)
    for expansion in expansions:
        assert text[expansion.start] in "$`<>"
        assert expansion.name is None or expansion.name in text[expansion.start : expansion.end]
        if expansion.body:
            _check_list(expansion.body, expansion.start + 1, expansion.end - 1, text)
        _check_expansions(expansion.nested, expansion.start, expansion.end, text)
