"""Reading the options of an install command: only what is known is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from msgspec import Struct

from optimizer.manifests.base import UNKNOWN, RefusedError


class Option(Struct, frozen=True):
    """One option by its canonical name, and the words that gave it (none where the environment did)."""

    name: str
    value: str
    words: tuple[str, ...] = ()


class Arguments(Struct, frozen=True):
    """A command line taken apart: its options in the order given, and the other words.

    An operand may end in an `UNKNOWN` part; a reader that takes it for a path does not find it.
    """

    options: tuple[Option, ...]
    operands: tuple[str, ...]

    def has(self, *names: str) -> bool:
        """Tell whether one of the flags is on; `--flag=false` and `--flag=0` turn it off."""
        return any(o.name in names and o.value not in ("false", "0") for o in self.options)

    def values(self, *names: str) -> list[str]:
        """Return the values of the options; raises RefusedError where one is not known."""
        found = [option.value for option in self.options if option.name in names]
        for value in found:
            if UNKNOWN in value:
                raise RefusedError(f"the value of {names[0]} is not known")
        return found

    def last(self, *names: str) -> str | None:
        """Return the value that counts, the last one."""
        values = self.values(*names)
        return values[-1] if values else None

    def refuse(self, *names: str) -> None:
        """Refuse options that name files or change what is read in a way that is not followed."""
        for option in self.options:
            if option.name in names:
                raise RefusedError(f"{option.name} changes what is read")

    def spelled(self, keep: Iterable[str]) -> tuple[str, ...]:
        """Return the words of the options to keep, as the command spells them."""
        wanted = frozenset(keep)
        return tuple(word for option in self.options if option.name in wanted for word in option.words)


class Grammar(Struct, frozen=True, dict=True):
    """The options of a command, as words separated by spaces; `-r|--requirement` are names of one option.

    `flags` take no value, `values` take one, and neither list needs to say more than that. `prefixes` carry
    their value in the same word (`-Dkey=value`). With `clusters`, `-qr file` is `-q -r file`. `colon` is the
    sign that may stand for `=` (MSBuild).
    """

    flags: str = ""
    values: str = ""
    prefixes: str = ""
    clusters: bool = False
    colon: str = ""

    @cached_property
    def names(self) -> dict[str, tuple[str, bool]]:
        """Map each name to its canonical name (the last of its group) and whether it takes a value."""
        return {
            name: (group.split("|")[-1], takes_value)
            for groups, takes_value in ((self.flags, False), (self.values, True))
            for group in groups.split()
            for name in group.split("|")
        }

    @cached_property
    def canonical(self) -> frozenset[str]:
        """Every option by its canonical name."""
        return frozenset(name for name, _ in self.names.values())

    def settings(self, environment: Mapping[str, str | None], prefix: str, harmless: str = "") -> list[Option]:
        """Return the options that the environment sets (`PIP_INDEX_URL` is `--index-url`).

        `harmless` names the variables that are no options and change nothing that is read.
        Raises RefusedError on any other variable with the prefix.
        """
        options = []
        for variable, value in environment.items():
            name = variable.upper()
            if not name.startswith(prefix) or name in harmless.split():
                continue
            option = "--" + name.removeprefix(prefix).lower().replace("_", "-")
            if option not in self.names:
                raise RefusedError(f"the variable {variable} may change what is read")
            options.append(Option(self.names[option][0], _setting(value)))
        return options

    def read(self, words: Iterable[str | None], settings: Iterable[Option] = ()) -> Arguments:
        """Take a command line apart; `settings` are options that the environment gives before it.

        Raises RefusedError on an option that is not known here (it might take a file), on a word that is not
        known at all, and on an option without its value.
        """
        options = list(settings)
        operands: list[str] = []
        queue = list(words)[::-1]
        while queue:
            word = _known(queue.pop())
            if word == "--":
                operands += map(_known, reversed(queue))
                break
            if not word.startswith("-") or word == "-":
                operands.append(_known(word))
                continue
            options.append(self._option(word, queue))
        return Arguments(tuple(options), tuple(operands))

    def _option(self, word: str, queue: list[str | None]) -> Option:
        name, separator, value = word.partition("=")
        if self.colon and self.colon in name:
            name, separator, value = word.partition(self.colon)
        if name in self.names:
            canonical, takes_value = self.names[name]
            if not takes_value or separator:
                return Option(canonical, value, (word,))
            value = _next(name, queue)
            return Option(canonical, value, (word, value))
        for prefix in self.prefixes.split():
            if word.startswith(prefix):
                return Option(prefix, word[len(prefix) :], (word,))
        if self.clusters and not word.startswith("--") and word[:2] in self.names:
            canonical, takes_value = self.names[word[:2]]
            if takes_value:
                return Option(canonical, word[2:], (word,))
            queue.append("-" + word[2:])
            return Option(canonical, "", (word[:2],))
        raise RefusedError(f"the option {name.replace(UNKNOWN, '…')} is not known here")


def _setting(value: str | None) -> str:
    if value is None:
        return UNKNOWN
    return "false" if value.lower() in ("0", "false", "no", "off", "n", "f", "") else value


def _next(name: str, queue: list[str | None]) -> str:
    if not queue:
        raise RefusedError(f"{name} lacks its value")
    value = queue.pop()
    if value is None:
        raise RefusedError(f"the value of {name} is not known")
    return value


def _known(word: str | None) -> str:
    """Return a word of which at least the beginning is known."""
    if word is None or word.startswith(UNKNOWN):
        raise RefusedError("a word of the command is not known")
    return word
