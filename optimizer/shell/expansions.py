"""Everything that begins with `$` or a back-quote, and process substitution.

Source: POSIX.1-2024 2.6 (word expansions) and 2.2.3; the forms that only bash has are recorded as `Dialect`.
The context is "bare", "double" (in double quotes or in arithmetic) or "heredoc".
"""

from __future__ import annotations

import re

from optimizer.shell.ast import Dialect, Expansion
from optimizer.shell.lexer import Lexer, Refused

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NAME_OR_SPECIAL = re.compile(r"[A-Za-z_]\w*|[0-9]+|[@*?$-]", re.ASCII)
_NAME_OR_ALL = re.compile(r"[A-Za-z_]\w*|[0-9]+|[@*]", re.ASCII)
_ANSI_C = re.compile(r"'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_BACKQUOTED = re.compile(r"`([^`\\]*(?:\\.[^`\\]*)*)`", re.DOTALL)
_POSIX_OPERATOR = re.compile(r":?[-=?+]|##?|%%?")
_BASH_OPERATOR = re.compile(r"//?[#%]?|\^\^?|,,?|@[A-Za-z](?=\})|:")
_SUBSCRIPT = re.compile(r"\[(?:[@*]|[\w $+-]+)\]", re.ASCII)
_OPERAND_TEXT = re.compile(r"[^}$`\\\"'<>]*")
_ARITHMETIC_TEXT = re.compile(r"[^()$`\\\"']*")
_PLAIN_SINGLE_QUOTED = re.compile(r"'[\w ./:,+%=@-]*'", re.ASCII)
_DOUBLE_TEXT = re.compile(r'[^"$`\\]*')

_SPECIAL = frozenset("@*#?-$!0123456789")


class Expansions(Lexer):
    """Reads expansions; needs the parser for the commands inside of them."""

    __slots__ = ()

    def dollar(self, parts: list[str | None], found: list[Expansion], context: str) -> None:
        """Read from `$` on: an expansion goes to `found` and a None to `parts`, a lone `$` to `parts`."""
        text, start = self.text, self.pos
        self.pos += 1
        char = self.peek()
        parts.append(None)
        if char == "(":
            arithmetic = text.startswith("((", self.pos, self.end)
            found.append(self._arithmetic(start) if arithmetic else self.substitution(start, "command"))
        elif char == "{":
            found.append(self._parameter(start, context))
        elif name := _NAME.match(text, self.pos, self.end):
            self.pos = name.end()
            found.append(Expansion(start, self.pos, "parameter", name.group(), "", None, ()))
        elif char in _SPECIAL and char:
            self.pos += 1
            found.append(Expansion(start, self.pos, "parameter", char, "", None, ()))
        elif char == "'" and context == "bare":
            quoted = _ANSI_C.match(text, self.pos, self.end)
            if not quoted:
                raise self.refuse("a quote is not closed", start)
            self.pos = quoted.end()
            # sh reads a dollar and a plain quoted string, which ends at the first quote, escaped or not
            self.differs("$'", start, differs=True, structure="\\'" in quoted.group())
        elif char == '"' and context == "bare":
            self.dialect.append(Dialect('$"', start, start + 1, True, False))
        elif char == "[":
            raise self.refuse("$[ is arithmetic in bash and text in sh", start)
        elif char == "\\" and text.startswith("\\\n", self.pos, self.end):
            raise self.refuse("a line continuation stands behind a dollar", start)
        else:
            parts[-1] = "$"

    def backquoted(self, found: list[Expansion], context: str) -> None:
        """Read `…`. With backslashes in it the commands are another text: they are checked, not kept."""
        start = self.pos
        match = _BACKQUOTED.match(self.text, start, self.end)
        if not match:
            raise self.refuse("a back-quote is not closed")
        inner, body = match.group(1), None
        self.deeper()
        if "\\" in inner:
            self._check_escaped(start, match.end(), inner, context)
        else:
            outer, self.end, self.pos = self.end, match.end(1), start + 1
            pending, self.pending = self.pending, []
            body = self.commands("")
            self.no_pending("the closing back-quote")
            self.end, self.pending = outer, pending
        self.depth -= 1
        self.pos = match.end()
        found.append(Expansion(start, self.pos, "command", None, "", body, ()))

    def _check_escaped(self, start: int, end: int, inner: str, context: str) -> None:
        escaped = r'\\([$`\\"])' if context == "double" else r"\\([$`\\])"
        check = type(self)(re.sub(escaped, r"\1", inner), self.depth)
        try:
            check.commands("")
            check.no_pending("the closing back-quote")
        except Refused as refused:
            raise self.refuse(refused.reason, start) from None
        if check.heredocs:
            raise self.refuse("a heredoc stands in back-quotes with backslashes", start)
        self.dialect += [Dialect(one.kind, start, end, one.differs, one.structure) for one in check.dialect]

    def substitution(self, start: int, kind: str) -> Expansion:
        """Read from the parenthesis of `$(`, `<(` or `>(` to the one that closes it."""
        self.pos += 1
        self.deeper()
        pending, self.pending = self.pending, []
        body = self.commands(")")
        self.no_pending("the closing parenthesis")
        if pending and "\n" in self.text[start : self.pos]:
            raise self.refuse("a substitution of several lines stands between a heredoc and its body", start)
        self.pending = pending
        self.pos += 1
        self.depth -= 1
        return Expansion(start, self.pos, "process" if kind == "process" else "command", None, "", body, ())

    def process(self) -> Expansion:
        """Read `<(…)` or `>(…)`."""
        start = self.pos
        self.pos += 1
        expansion = self.substitution(start, "process")
        self.differs("process substitution", start)
        return expansion

    def _arithmetic(self, start: int) -> Expansion:
        self.pos += 2
        nested = self.arithmetic("$((")
        return Expansion(start, self.pos, "arithmetic", None, "", None, nested)

    def arithmetic(self, opening: str) -> tuple[Expansion, ...]:
        """Read behind `((` up to and with the `))` that closes it; the expansions in it."""
        start, level = self.pos, 0
        found: list[Expansion] = []
        self.deeper()
        while True:
            match = _ARITHMETIC_TEXT.match(self.text, self.pos, self.end)
            assert match
            self.pos = match.end()
            char = self.peek()
            if char == "(":
                level += 1
                self.pos += 1
            elif char == ")" and level:
                level -= 1
                self.pos += 1
            elif char == ")" and self.text.startswith("))", self.pos, self.end):
                self.pos += 2
                self.depth -= 1
                return tuple(found)
            elif char == "$":
                self.dollar([], found, "double")
            elif char == "`":
                self.backquoted(found, "double")
            elif char == ")":
                raise self.refuse(f"{opening} may be arithmetic or a subshell; a space decides it", start)
            elif char:
                raise self.refuse("a quote or a backslash stands in arithmetic")
            else:
                raise self.refuse(f"{opening} is not closed", start)

    def _parameter(self, start: int, context: str) -> Expansion:
        text = self.text
        self.pos += 1
        prefix = self.peek() if self.peek() in "#!" else ""
        if prefix and text.startswith("}", self.pos + 1, self.end):
            name, prefix = prefix, ""
            self.pos += 1
        else:
            self.pos += len(prefix)
            match = (_NAME_OR_SPECIAL if not prefix else _NAME_OR_ALL).match(text, self.pos, self.end)
            if not match:
                raise self.refuse("${ does not begin an expansion that is known", start)
            name = match.group()
            self.pos = match.end()
        bash = prefix == "!"
        operator = prefix
        if subscript := _SUBSCRIPT.match(text, self.pos, self.end):
            self.pos = subscript.end()
            operator += "["
            bash = True
        nested: list[Expansion] = []
        if self.peek() != "}":
            match = None if prefix == "#" else _POSIX_OPERATOR.match(text, self.pos, self.end)
            if not match and prefix != "#":
                match = _BASH_OPERATOR.match(text, self.pos, self.end)
                bash = True
            if not match:
                raise self.refuse("${ does not begin an expansion that is known", start)
            self.pos = match.end()
            operator += match.group()
            self._operand(start, context, match.group(), nested)
        self.pos += 1
        if bash:
            self.differs("${}", start)
        return Expansion(start, self.pos, "parameter", name, operator, None, tuple(nested))

    def _operand(self, start: int, context: str, operator: str, found: list[Expansion]) -> None:
        self.deeper()
        while True:
            match = _OPERAND_TEXT.match(self.text, self.pos, self.end)
            assert match
            self.pos = match.end()
            char = self.peek()
            if char == "}":
                self.depth -= 1
                return
            if char == "\\":
                self.pos = min(self.pos + 2, self.end)
            elif char == "$":
                self.dollar([], found, context)
            elif char == "`":
                self.backquoted(found, context)
            elif char == '"' and context != "heredoc":
                opened = self.pos
                self.double_quoted([], found)
                if context == "double" and "}" in self.text[opened : self.pos]:
                    raise self.refuse("a brace stands in quotes inside of quotes: shells disagree", opened)
            elif char == "'" and context != "heredoc":
                self._single_quoted_operand(context, operator)
            elif char in "<>" and char and not self.text.startswith("(", self.pos + 1, self.end):
                self.pos += 1
            else:
                raise self.refuse("${ is not closed, or holds what shells disagree on", start)

    def _single_quoted_operand(self, context: str, operator: str) -> None:
        # In double quotes, "${x:-'}'}" is text to some shells and a quoted brace to others.
        if context == "double" and operator[-1] not in "#%":
            match = _PLAIN_SINGLE_QUOTED.match(self.text, self.pos, self.end)
            close = match.end() - 1 if match else -1
        else:
            close = self.text.find("'", self.pos + 1, self.end)
        if close < 0:
            raise self.refuse("a quote in ${…} is not closed, or shells disagree on it")
        self.pos = close + 1

    def double_quoted(self, parts: list[str | None], found: list[Expansion]) -> None:
        """Read from a double quote to the one that closes it."""
        text, start = self.text, self.pos
        self.pos += 1
        while True:
            match = _DOUBLE_TEXT.match(text, self.pos, self.end)
            assert match
            if match.end() > self.pos:
                parts.append(match.group())
                self.pos = match.end()
            char = self.peek()
            if char == '"':
                self.pos += 1
                return
            if char == "$":
                self.dollar(parts, found, "double")
            elif char == "`":
                parts.append(None)
                self.backquoted(found, "double")
            elif char == "\\" and self.pos + 1 < self.end:
                escaped = text[self.pos + 1]
                # a backslash stays unless it is before one of these; before a newline both go
                parts.append("" if escaped == "\n" else escaped if escaped in '$`"\\' else "\\" + escaped)
                self.pos += 2
            else:
                raise self.refuse("a quote is not closed", start)
