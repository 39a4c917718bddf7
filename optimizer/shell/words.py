"""Words: quotes, expansions and the characters that make a word mean more than it says.

Source: POSIX.1-2024 2.2 (quoting) and 2.3 (token recognition), rules 4 to 10.
"""

from __future__ import annotations

import re

from optimizer.shell.ast import Expansion, Word
from optimizer.shell.expansions import Expansions

_PLAIN = re.compile(r"[^ \t\n|&;<>()$`\\\"'*?\[{}~]+")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*\+?=", re.ASCII)

WORD_END = frozenset(" \t\n;&|()<>")


class Words(Expansions):
    """Reads one word from where the cursor stands; an empty one if no word begins there."""

    __slots__ = ()

    def word(self) -> Word:
        """Read a word. The caller has ruled out that a comment or an operator stands here."""
        start = self.pos
        match = _PLAIN.match(self.text, start, self.end)
        if match:
            self.pos = pos = match.end()
            if pos == self.end or self.text[pos] in " \t\n;&|)":
                return Word(start, pos, match.group(), match.group(), (), False)
        return self._word(start, [match.group()] if match else [])

    def _word(self, start: int, parts: list[str | None]) -> Word:
        """Go on with a word of which `parts` have been read."""
        text = self.text
        found: list[Expansion] = []
        quoted = False
        brackets = braces = -1
        while self.pos < self.end:
            pos, char = self.pos, text[self.pos]
            if char == "$":
                self.dollar(parts, found, "bare")
            elif char == '"':
                self.double_quoted(parts, found)
                quoted = True
            elif char == "'":
                close = text.find("'", pos + 1, self.end)
                if close < 0:
                    raise self.refuse("a quote is not closed")
                parts.append(text[pos + 1 : close])
                self.pos = close + 1
                quoted = True
            elif char == "\\":
                if pos + 1 == self.end:
                    raise self.refuse("the script ends in a backslash")
                if text[pos + 1] != "\n":
                    parts.append(text[pos + 1])
                    quoted = True
                self.pos += 2
            elif char == "`":
                parts.append(None)
                self.backquoted(found, "bare")
            elif char in "<>" and text.startswith("(", pos + 1, self.end):
                if pos > start:
                    raise self.refuse("a process substitution stands in the middle of a word")
                parts.append(None)
                found.append(self.process())
            elif char in WORD_END:
                break
            elif match := _PLAIN.match(text, pos, self.end):
                parts.append(match.group())
                self.pos = match.end()
            else:
                glob = char in "*?"
                if char == "[" and brackets < 0:
                    brackets = pos
                elif char == "{" and braces < 0:
                    braces = pos
                elif char == "~":
                    glob = pos == start or text[pos - 1] in "=:"
                parts.append(None if glob else char)
                self.pos += 1
        return self._finish(start, parts, found, quoted, brackets, braces)

    def _finish(
        self,
        start: int,
        parts: list[str | None],
        found: list[Expansion],
        quoted: bool,
        brackets: int,
        braces: int,
    ) -> Word:
        text = self.text[start : self.pos]
        certain = None not in parts
        if brackets >= 0 and "]" in self.text[brackets : self.pos]:
            certain = False
        if braces >= 0:
            inner = self.text[braces : self.text.rfind("}", braces, self.pos) + 1]
            if "," in inner or ".." in inner:
                certain = False
                self.differs("brace expansion", start, differs=True)
        literal = "".join(part or "" for part in parts) if certain else None
        return Word(start, self.pos, text, literal, tuple(found), quoted)

    def array(self, start: int) -> Word:
        """Read from the parenthesis of `name=(…)` on; the word begins at `start`."""
        opened = self.pos
        self.pos += 1
        found: list[Expansion] = []
        quoted = False
        self.newlines()
        while self.peek() != ")":
            word = self.word()
            if word.start == word.end:
                raise self.refuse("an array is not closed", opened)
            found += word.expansions
            quoted = quoted or word.quoted
            self.newlines()
        self.pos += 1
        self.differs("array", opened)
        return Word(start, self.pos, self.text[start : self.pos], None, tuple(found), quoted)

    def opens_array(self, word: str) -> bool:
        """Whether `word`, in front of the cursor, is `name=` or `name+=` and a parenthesis follows."""
        return self.peek() == "(" and _ASSIGNED.fullmatch(word) is not None
