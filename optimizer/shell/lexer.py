"""The cursor in a script: position, comments, line ends and the heredocs that wait for theirs.

Source: POSIX.1-2024 "Shell Command Language" 2.3 (token recognition) and 2.7.4 (here-document), and what
dash and bash do beyond it. What the two read differently is refused or recorded as a `Dialect`.
"""

from __future__ import annotations

import re

from msgspec.structs import force_setattr

from optimizer.shell.ast import Comment, Dialect, Expansion, Heredoc, List, Redirect

MAX_DEPTH = 40  # no script for people nests so deep; keeps far from Python's recursion limit

_BLANKS = re.compile(r"(?:[ \t]+|\\\n)*")
_LINE = re.compile(r"[^\n]*")
_HEREDOC_TEXT = re.compile(r"[^$`\\]*")


class Refused(Exception):
    """The parser is not sure: the script becomes `Opaque` with this offset and reason."""

    def __init__(self, offset: int, reason: str) -> None:
        self.offset = offset
        self.reason = reason


class PendingHeredoc:
    """A heredoc whose body begins behind the next newline; it is handed to its redirection then."""

    __slots__ = ("delimiter", "quoted", "redirect")

    def __init__(self, redirect: Redirect, delimiter: str, quoted: bool) -> None:
        self.redirect = redirect
        self.delimiter = delimiter
        self.quoted = quoted


class Lexer:
    """The cursor. `end` may lie before the end of the text while a part of it (`…`, a heredoc) is read."""

    __slots__ = ("comments", "depth", "dialect", "end", "heredocs", "pending", "pos", "text")

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text = text
        self.pos = 0
        self.end = len(text)
        self.depth = depth
        self.comments: list[Comment] = []
        self.dialect: list[Dialect] = []
        self.heredocs: list[Heredoc] = []
        self.pending: list[PendingHeredoc] = []

    def commands(self, closing: str) -> List:
        """The list of a substitution up to `closing`, "" for `end`; the parser provides it."""
        raise NotImplementedError

    def dollar(self, parts: list[str | None], found: list[Expansion], context: str) -> None:
        """Read what begins with `$`; the expansions provide it."""
        raise NotImplementedError

    def backquoted(self, found: list[Expansion], context: str) -> None:
        """Read what begins with a back-quote; the expansions provide it."""
        raise NotImplementedError

    def peek(self) -> str:
        """The next character, "" at the end."""
        return self.text[self.pos] if self.pos < self.end else ""

    def refuse(self, reason: str, offset: int | None = None) -> Refused:
        """The exception to raise for what stands here."""
        return Refused(self.pos if offset is None else offset, reason)

    def deeper(self) -> None:
        """Enter one level of nesting; whoever calls it leaves it by counting `depth` down."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refuse(f"commands are nested more than {MAX_DEPTH} deep")

    def differs(self, kind: str, start: int, *, differs: bool = False, structure: bool = False) -> None:
        """Record a construct from `start` to here on which shells disagree."""
        self.dialect.append(Dialect(kind, start, self.pos, differs, structure))

    def blanks(self) -> None:
        """Skip blanks and line continuations, and the comment that may follow them."""
        text, pos = self.text, self.pos
        if pos < self.end and text[pos] in " \t\\":
            match = _BLANKS.match(text, pos, self.end)
            assert match
            self.pos = pos = match.end()
        if pos < self.end and text[pos] == "#":
            match = _LINE.match(text, pos, self.end)
            assert match
            self.pos = match.end()
            self.comments.append(Comment(pos, self.pos))

    def newlines(self) -> None:
        """Skip everything up to the next token: blanks, comments, newlines with the heredocs behind them."""
        self.blanks()
        while self.pos < self.end and self.text[self.pos] == "\n":
            self.pos += 1
            if self.pending:
                for heredoc in self.pending:
                    self._heredoc(heredoc)
                self.pending.clear()
            self.blanks()

    def no_pending(self, where: str) -> None:
        """Refuse a heredoc whose body would have to begin outside of what is read here."""
        if self.pending:
            raise self.refuse(f"a heredoc has no body before {where}", self.pending[0].redirect.start)

    def _heredoc(self, pending: PendingHeredoc) -> None:
        text, start = self.text, self.pos
        strip_tabs = pending.redirect.op == "<<-"
        at, joined = start, False
        while at < self.end:
            line_end = text.find("\n", at, self.end)
            line_end = self.end if line_end < 0 else line_end
            line = text[at:line_end]
            if (line.lstrip("\t") if strip_tabs else line) == pending.delimiter:
                if joined:
                    raise self.refuse("a line continuation reaches into the delimiter line of a heredoc", at)
                break
            # Only an unquoted heredoc has line continuations; an even number of backslashes is none.
            joined = not pending.quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
            at = line_end + 1
        else:
            reason = f"the heredoc {pending.delimiter!r} has no delimiter line"
            raise self.refuse(reason, pending.redirect.start)
        found = () if pending.quoted else self._heredoc_expansions(start, at)
        done = Heredoc(start, line_end, start, at, pending.delimiter, pending.quoted, strip_tabs, found)
        # The command with this redirection is complete by now: this fills the one field that had to wait.
        force_setattr(pending.redirect, "heredoc", done)
        self.heredocs.append(done)
        self.pos = min(line_end + 1, self.end)

    def _heredoc_expansions(self, start: int, stop: int) -> tuple[Expansion, ...]:
        outer, self.end, self.pos = self.end, stop, start
        waiting, self.pending = self.pending, []
        found: list[Expansion] = []
        while True:
            match = _HEREDOC_TEXT.match(self.text, self.pos, stop)
            assert match
            self.pos = match.end()
            char = self.peek()
            if not char:
                break
            if char == "\\":
                self.pos = min(self.pos + 2, stop)
            elif char == "$":
                self.dollar([], found, "heredoc")
            else:
                self.backquoted(found, "heredoc")
        self.end, self.pending = outer, waiting
        return tuple(found)
