"""BuildKit's own little shell: words, quotes and ${variables} outside RUN, builder flags, and heredoc markers.

Source: BuildKit's frontend/dockerfile/shell/lex.go and parser (extractBuilderFlags, parseWords, ParseHeredoc). The
shell that runs a RUN is another one: optimizer.shell reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

SPECIAL = frozenset("@*#?-$!0")
_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]+)\Z")


class SyntaxProblem(Exception):
    """Text that BuildKit's lexer refuses; the message is a sentence for the user."""


class Unknown(Exception):
    """The value depends on a variable whose value cannot be known from the text. Carries its name."""


class Heredoc(Struct, frozen=True):
    """A heredoc marker as BuildKit reads it: ``3<<-"EOF"`` has fd 3, chomp, and does not expand."""

    name: str
    fd: int
    chomp: bool
    expand: bool


def split_flags(text: str, at: int, end: int, space: str) -> tuple[list[tuple[str, int, int]], int]:
    """The ``--flags`` in ``text[at:end]`` as (unquoted, start, end), and where the arguments begin.

    Source: extractBuilderFlags: a backslash escapes whatever the escape directive says, ``--`` alone ends the flags.
    """
    flags: list[tuple[str, int, int]] = []
    while True:
        while at < end and text[at] in space:
            at += 1
        if not text.startswith("--", at, end):
            return flags, at
        start, word, quote = at, [], ""
        while at < end:
            char = text[at]
            if (char == "\\" and not quote) or (char == "\\" and quote):
                at += 1
                if at < end:
                    word.append(text[at])
            elif quote:
                if char == quote:
                    quote = ""
                else:
                    word.append(char)
            elif char in space:
                break
            elif char in "'\"":
                quote = char
            else:
                word.append(char)
            at += 1
        at = min(at, end)
        if (flag := "".join(word)) == "--":
            return flags, at
        flags.append((flag, start, at))


@lru_cache(maxsize=1024)  # the same instructions are read anew after every rewrite
def split_words(text: str, escape: str, space: str) -> Sequence[tuple[str, int, int]]:
    """The words of ENV, ARG and LABEL with quotes and escapes left in them, as (word, start, end).

    Source: parseWords: quotes hold blanks together, the escape character takes the next character with it.
    """
    words: list[tuple[str, int, int]] = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in space:
            at += 1
        if at == end:
            return words
        start, quote, cut = at, "", False
        while at < end:
            char = text[at]
            if char == escape and quote != "'":
                cut = at + 1 == end
                at += 1
            elif quote:
                if char == quote:
                    quote = ""
            elif char in space:
                break
            elif char in "'\"":
                quote = char
            at += 1
        at = min(at, end)
        words.append((text[start : at - 1] if cut else text[start:at], start, at))


class Lexer:
    """One word or line, read character by character as BuildKit's shellWord does.

    env maps a name to its value, or to None when it is set to something that cannot be known.
    """

    def __init__(
        self,
        text: str,
        env: Mapping[str, str | None],
        *,
        escape: str = "\\",
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        keep_unset: bool = False,
        unset_is_unknown: bool = False,
    ) -> None:
        self.text = text
        self.env = env
        self.escape = escape
        self.raw_quotes = raw_quotes
        self.raw_escapes = raw_escapes
        self.keep_unset = keep_unset
        self.unset_is_unknown = unset_is_unknown
        self.at = 0

    def until(self, stop: str, raw_escapes: bool | None = None) -> tuple[str, list[str]]:
        """Read to the stop character ("": to the end): the text, and the words it falls into."""
        before = self.raw_escapes
        if raw_escapes:
            self.raw_escapes = True
        try:
            return self._until(stop)
        finally:
            self.raw_escapes = before

    def _until(self, stop: str) -> tuple[str, list[str]]:
        text = self.text
        result: list[str] = []
        words: list[str] = []
        word: list[str] = []

        def split(piece: str) -> None:
            for char in piece:
                if not char.isspace():
                    word.append(char)
                elif word:
                    words.append("".join(word))
                    word.clear()

        while self.at < len(text):
            char = text[self.at]
            if stop and char == stop:
                self.at += 1
                break
            if char == "$":
                piece = self.dollar()
                split(piece)
            elif char == "'":
                piece = self.single()
                word.append(piece)
            elif char == '"':
                piece = self.double()
                word.append(piece)
            elif char == self.escape:
                self.at += 1
                piece = char if self.raw_escapes else ""
                if self.at < len(text):
                    piece += text[self.at]
                    self.at += 1
                word.append(piece)
            else:
                self.at += 1
                piece = char
                split(piece)
            result.append(piece)
        else:
            if stop:
                raise SyntaxProblem(f"unexpected end while looking for the matching {stop}")
        if last := "".join(word):
            words.append(last)
        return "".join(result), words

    def single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise SyntaxProblem("a single quote is opened and not closed: add the closing '")
        start, self.at = self.at, end + 1
        return self.text[start : end + 1] if self.raw_quotes else self.text[start + 1 : end]

    def double(self) -> str:
        text = self.text
        result = ['"'] if self.raw_quotes else []
        self.at += 1
        while self.at < len(text):
            char = text[self.at]
            if char == "$":
                result.append(self.dollar())
                continue
            self.at += 1
            if char == '"':
                if self.raw_quotes:
                    result.append(char)
                return "".join(result)
            if char == self.escape:
                if self.raw_escapes:
                    result.append(char)
                if self.at == len(text):
                    continue
                if text[self.at] in ('"', "$", self.escape):
                    char = text[self.at]
                    self.at += 1
            result.append(char)
        raise SyntaxProblem('a double quote is opened and not closed: add the closing "')

    def name(self) -> str:
        text, start = self.text, self.at
        if start < len(text) and text[start].isdigit():
            while self.at < len(text) and text[self.at].isdigit():
                self.at += 1
        elif start < len(text) and text[start] in SPECIAL:
            self.at += 1
        else:
            while self.at < len(text) and (text[self.at].isalnum() or text[self.at] == "_"):
                self.at += 1
        return text[start : self.at]

    def value(self, name: str) -> tuple[str, bool]:
        """(value, is set)."""
        if name not in self.env:
            if self.unset_is_unknown:
                raise Unknown(name)
            return "", False
        if (value := self.env[name]) is None:
            raise Unknown(name)
        return value, True

    def dollar(self) -> str:
        text, start = self.text, self.at
        self.at += 1
        if not text.startswith("{", self.at):
            if not (name := self.name()):
                return "$"
            value, is_set = self.value(name)
            return value if is_set or not self.keep_unset else text[start : self.at]
        self.at += 1
        if self.at == len(text):
            raise SyntaxProblem("a variable's ${ is not closed: add the closing }")
        if text[self.at] in "{}:":
            raise SyntaxProblem("bad substitution: a variable's name must follow ${")
        name = self.name()
        modifier = text[self.at : self.at + 1]
        self.at += 1
        if modifier == "}":
            value, is_set = self.value(name)
            return value if is_set or not self.keep_unset else text[start : self.at]
        null_is_unset = modifier == ":"
        if null_is_unset:
            modifier = text[self.at : self.at + 1]
            self.at += 1
        if modifier == "/" and not null_is_unset:
            return self.replace(name, start)
        if modifier not in ("+", "-", "?", "#", "%") or not modifier:
            raise SyntaxProblem(f"${{{name}{modifier}…}}: unsupported modifier")
        word, _ = self.until("}", raw_escapes=modifier in "#%")
        return self.modify(name, modifier, null_is_unset, word, start)

    def modify(self, name: str, modifier: str, null_is_unset: bool, word: str, start: int) -> str:
        value, is_set = self.value(name)
        if self.keep_unset and not is_set:
            return self.text[start : self.at]
        there = is_set and not (null_is_unset and value == "")
        if modifier == "-":
            return value if there else word
        if modifier == "+":
            return word if there else ""
        if modifier == "?":
            if not there:
                raise SyntaxProblem(f"{name}: {word or 'is not allowed to be unset'}")
            return value
        greedy = word.startswith(modifier)
        pattern = pattern_to_regex(word[1:] if greedy else word, greedy)
        if modifier == "#":
            found = re.compile(pattern, re.DOTALL).match(value)
            return value[found.end() :] if found else value
        for at in range(len(value) + 1) if greedy else range(len(value), -1, -1):
            if re.compile(pattern + r"\Z", re.DOTALL).match(value, at):
                return value[:at]
        return value

    def replace(self, name: str, start: int) -> str:
        every = self.text.startswith("/", self.at)
        self.at += every
        pattern, _ = self.until("/", raw_escapes=True)
        replacement, _ = self.until("}", raw_escapes=True)
        value, is_set = self.value(name)
        if self.keep_unset and not is_set:
            return self.text[start : self.at]
        regex = re.compile(pattern_to_regex(pattern, True), re.DOTALL)
        return regex.sub(lambda _: replacement, value, count=0 if every else 1)


def pattern_to_regex(pattern: str, greedy: bool) -> str:
    """A shell pattern of ``*``, ``?`` and escapes as a regular expression (BuildKit's convertShellPatternToRegex)."""
    many = ".*" if greedy else ".*?"
    regex, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            regex.append(many)
        elif char == "?":
            regex.append(".")
        elif char == "\\":
            at += 1
            if at == len(pattern):
                raise SyntaxProblem("a pattern ends in an escape character: write it twice")
            regex.append(re.escape(pattern[at]))
        else:
            regex.append(re.escape(char))
        at += 1
    return "".join(regex)


def expand(text: str, env: Mapping[str, str | None], escape: str = "\\", *, unset_is_unknown: bool = False) -> str:
    """The text with its variables put in and its quotes taken off, as BuildKit does for FROM, COPY, ENV and the like.

    :param env: values by name; None for a variable that is set to something unknown.
    :param unset_is_unknown: a name that is not in env may still be set (by a base image that cannot be seen).
    :raises Unknown: when the result depends on an unknown value.
    :raises SyntaxProblem: when BuildKit would refuse it.
    """
    if "$" not in text and "'" not in text and '"' not in text and escape not in text:
        return text
    return Lexer(text, env, escape=escape, unset_is_unknown=unset_is_unknown).until("")[0]


def expand_words(text: str, env: Mapping[str, str | None], escape: str = "\\") -> list[str]:
    """Like expand, and split into words at blanks that are not quoted (EXPOSE, heredoc markers)."""
    return Lexer(text, env, escape=escape).until("")[1]


def heredocs_in(line: str) -> tuple[Heredoc, ...]:
    """The heredoc markers of a joined instruction line, in order.

    :raises SyntaxProblem: when a marker's own quoting is broken.
    """
    try:
        words = Lexer(line, {}, raw_quotes=True, raw_escapes=True, keep_unset=True).until("")[1]
    except SyntaxProblem:
        return ()
    return tuple(heredoc for word in words if "<<" in word and (heredoc := parse_heredoc(word)))


def parse_heredoc(word: str) -> Heredoc | None:
    """``<<EOF``, ``3<<-'EOF'`` … or None when the word is no heredoc marker.

    :raises SyntaxProblem: when the name's quoting is broken.
    """
    found = _HEREDOC.match(word)
    if not found:
        return None
    fd, chomp, rest = found.groups()
    names = Lexer(rest, {}, keep_unset=True).until("")[1]
    raw = Lexer(rest, {}, raw_quotes=True, raw_escapes=True, keep_unset=True).until("")[1]
    if len(names) != 1 or len(raw) != 1:
        return None
    return Heredoc(names[0], int(fd or 0), chomp == "-", names == raw)
