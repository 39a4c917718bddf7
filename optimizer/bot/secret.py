"""The token: where it comes from, and that it goes nowhere but to the forge."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote

from optimizer.report.untrusted import HIDDEN, mask, printable


class NoToken(Exception):
    """There is no token; the message says where one is looked for."""


class Source(NamedTuple):
    """Where the token is found; unlike the token itself this may travel to other processes."""

    variables: tuple[str, ...] = ()
    """Environment variables, the first that is set counts."""
    file: str = ""
    """A file that holds nothing else; it goes before the variables."""

    def token(self) -> Token:
        """Read it.

        :raises NoToken: where there is none.
        """
        if self.file:
            try:
                with open(self.file, encoding="utf-8") as file:
                    found = file.read(4096).strip()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is no text"
                raise NoToken(f"{self.file}: the token cannot be read: {why}") from None
        else:
            found = next((value for name in self.variables if (value := os.environ.get(name, "").strip())), "")
        if not found or not found.isprintable() or " " in found:
            where = self.file or f"the environment ({', '.join(self.variables)})"
            raise NoToken(f"no token in {where}: make one that may read and write repositories, and put it there")
        return Token(found)


class Token:
    """A secret that does not show itself: neither by str() nor by repr(), nor when it is pickled."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the forge's client and for git's environment."""
        return self._value

    def __repr__(self) -> str:
        return f"Token({HIDDEN})"

    def __reduce__(self) -> str:
        raise TypeError("a token stays in its process")

    def hide(self, text: str) -> str:
        """A text from elsewhere without the token, in one printable line."""
        return hidden(text, self._forms())

    def _forms(self) -> Iterable[str]:
        from base64 import b64encode

        yield self._value
        yield quote(self._value, safe="")
        for user in ("oauth2", "x-access-token"):
            yield b64encode(f"{user}:{self._value}".encode()).decode()


def hidden(text: str, values: Iterable[str] = ()) -> str:
    """A text from elsewhere in one printable line, without these values and without passwords in URLs."""
    return printable(" ".join(mask(text, values).split()))
