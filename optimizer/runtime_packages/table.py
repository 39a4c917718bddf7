"""The data files: one line a package, sorted, searched without taking them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DISTRIBUTIONS = ("debian",)
"""Those that there is a file of."""


@dataclass(frozen=True, slots=True)
class Row:
    """One package or virtual name in one release."""

    name: str
    kind: str
    """D: for linking, B: for building, T: a tool that either may need, R: for running, V: stands for the one word."""
    words: tuple[str, ...]
    """``=package`` stands for it at run time, ``+package`` likewise by what stands for that, ``>package`` is pulled in,
    ``!soname`` and ``@command`` are in it (``@``: a command of its own name)."""

    def marked(self, sign: str) -> tuple[str, ...]:
        """The words with this sign, without it."""
        return tuple(word[1:] for word in self.words if word[0] == sign)


@cache
def _file(distribution: str) -> tuple[bytes, int]:
    """The text, and where its lines begin: at the end of the empty line after what is told of the file."""
    text = (Path(__file__).with_name("data") / f"{distribution}.txt").read_bytes()
    return text, text.index(b"\n\n") + 1


@cache
def heads(distribution: str) -> tuple[tuple[str, ...], ...]:
    """The releases in the file: number, version, codename, day of the index."""
    text, start = _file(distribution)
    lines = text[:start].decode().splitlines()[:-1]  # the last tells how the file was made
    return tuple(tuple(line.split(" ")[1:5]) for line in lines)


def _row(line: str, number: str) -> Row | None:
    name, kind, *words = line.split(" ")
    return Row(name, kind[0], tuple(words)) if number in (kind[1:] or number) else None


@cache
def row(distribution: str, number: str, name: str) -> Row | None:
    """The line of a package in the release with this number; None when it has no such package."""
    text, start = _file(distribution)
    key, low, high = f"{name} ".encode(), start, len(text) - 1
    while low < high:  # by halves, to the line end before the first line that does not sort before the name
        middle = text.rfind(b"\n", low, (low + high) // 2 + 1)
        end = text.find(b"\n", middle + 1)
        if text[middle + 1 : end] < key:
            low = end
        else:
            high = middle
    while text.startswith(key, low + 1):
        end = text.find(b"\n", low + 1)
        if found := _row(text[low + 1 : end].decode(), number):
            return found
        low = end
    return None


def holders(distribution: str, number: str, word: str) -> Iterator[str]:
    """The packages whose line has this word, in the release with this number."""
    text, place = _file(distribution)
    key = f" {word}".encode()
    while (place := text.find(key, place)) >= 0:
        place += len(key)
        if text[place : place + 1] in (b" ", b"\n"):
            line = text[text.rfind(b"\n", 0, place) + 1 : text.find(b"\n", place)]
            if found := _row(line.decode(), number):
                yield found.name
