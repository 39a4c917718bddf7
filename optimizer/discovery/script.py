"""`docker build` in a shell script that is neither run nor understood.

A command counts only when all that matters of it is literal and the folder that it runs in is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from optimizer.discovery.build import Build, Fields, build, literal, normal

_BUILDERS = (
    ("docker", "build"),
    ("docker", "buildx", "build"),
    ("docker", "image", "build"),
    ("docker", "builder", "build"),
    ("podman", "build"),
    ("buildah", "build"),
    ("buildah", "bud"),
)
_SWITCH = re.compile(r"-[Dq]|--(?:check|compress|debug|force-rm|load|no-cache|pull|push|quiet|rm|squash)(?:=.*)?")
_BEFORE_A_COMMAND = re.compile(r"sudo|time|exec|env|then|do|else|!|\w+=.*", re.DOTALL)
_OPERATOR = "();|&\n"


class Place(NamedTuple):
    """Where a script runs: the file that has it, and the folder, None once it is not known."""

    source: Path
    folder: Path | None

    def moved(self, to: str | None) -> Place:
        """The same after `cd`; None is a folder that is not known."""
        to = literal(to)
        if self.folder is None or not to or to.startswith(("-", "~")):
            return self._replace(folder=None)
        return self._replace(folder=normal(self.folder / to))


def mentions_builder(text: str) -> bool:
    """Whether it is worth reading the text."""
    return re.search(r"\b(?:docker|podman|buildah)\b", text) is not None


def script_builds(text: str, place: Place) -> Iterator[Build]:
    """The builds of a script, up to where its quotes are not understood."""
    outer: list[Place] = []
    for operator, words in _commands(text):
        for char in operator:
            if char == "(":
                outer.append(place)
            elif char == ")" and outer:
                place = outer.pop()
        while words and _BEFORE_A_COMMAND.fullmatch(words[0]):
            words = words[1:]
        if words[:1] in (["cd"], ["pushd"], ["popd"]):
            place = place.moved(words[1] if len(words) == 2 else None)
        for builder in _BUILDERS:
            if tuple(words[: len(builder)]) == builder and place.folder is not None:
                made = _build(words[len(builder) :], place.source, place.folder)
                if made is not None:
                    yield made


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The simple commands, each with the operators before it."""
    import shlex

    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE)  # shlex would take its quotes for quotes
    text = re.sub(r"\\\r?\n", " ", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_OPERATOR)
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    operator, words, comment = "", list[str](), False
    try:
        for token in lexer:
            if token.strip(_OPERATOR):
                comment = comment or token.startswith("#")
                words += [] if comment else [token]
            elif not comment or "\n" in token:
                yield operator, words
                operator, words, comment = token, [], False
    except ValueError:  # a quote that is not closed
        return
    yield operator, words


def _build(words: list[str], source: Path, folder: Path) -> Build | None:
    options: dict[str, list[str]] = {}
    operands: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if _SWITCH.fullmatch(word):
            continue
        if not word.startswith("-") or word == "-":
            operands.append(word)
            continue
        name, equals, value = word.partition("=")
        if not word.startswith("--") and len(word) > 2:
            name, value = word[:2], word[2:]
        elif not equals:
            if not rest:
                return None
            value = rest.pop(0)
        options.setdefault(name, []).append(value)
    if len(operands) != 1:
        return None
    files, targets = options.get("--file", []) + options.get("-f", []), options.get("--target", [])
    fields = Fields(
        operands[0],
        beside(folder, files[-1]) if files else None,
        targets[-1] if targets else None,
        options.get("--build-arg"),
        options.get("--build-context"),
    )
    return build(source, folder, fields)


def beside(folder: Path, file: str) -> str:
    """A Dockerfile as `--file` names it, from the working folder, where Fields has it from the context."""
    return str((folder / file).absolute()) if literal(file) else file
