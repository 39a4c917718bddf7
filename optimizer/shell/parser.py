"""The grammar: lists, pipelines and simple commands. Between two calls the cursor stands on a token.

Source: POSIX.1-2024 2.9 and 2.10. What only bash has is read as bash reads it and recorded as `Dialect`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from optimizer.shell.ast import (
    Assignment,
    Command,
    Compound,
    Connector,
    Dialect,
    Item,
    List,
    Opaque,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Terminator,
    Word,
)
from optimizer.shell.compound import CLOSING, RESERVED, Compounds
from optimizer.shell.lexer import PendingHeredoc, Refused

_ARGUMENT = re.compile(r"[ \t]+([^ \t\n|&;<>()$`\\\"'*?\[{}~#]+)(?=[ \t\n;|)&]|\Z)")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)(\+?)=", re.ASCII)
_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\[", re.ASCII)
_DESCRIPTOR = re.compile(r"(?:[0-9]+|\{[A-Za-z_]\w*\})(?=[<>])", re.ASCII)
_DUPLICATED = re.compile(r"[0-9]+-?|-|\$.*", re.DOTALL)
_REDIRECT = re.compile(r"<<<|<<-|<<|<>|<&|<|>>|>&|>\||>|&>>|&>")
_TIME_OPTION = re.compile(r"-p(?=[ \t\n])")
_SPLIT_OPERATOR = re.compile(r"(?:\\\n)+[&|;<>()-]")

_DECLARING = frozenset({"declare", "typeset", "local", "export", "readonly"})
_BASH_BUILTINS = frozenset({"source", "pushd", "popd", "dirs", "declare", "typeset", "shopt", "let"})
_BASH_BUILTINS |= {"mapfile", "readarray", "enable", "builtin", "disown", "caller", "compgen", "complete"}


class Parser(Compounds):
    """A recursive descent over the script. Raises `Refused`; `parse` turns that into `Opaque`."""

    __slots__ = ()

    def script(self) -> Script:
        """Read the whole text."""
        body = self.sequence(empty=True)
        if self.pos < self.end:
            raise self.refuse(f"{self.keyword() or self.peek()!r} is not expected here")
        self.no_pending("the end of the script")
        heredocs = tuple(self.heredocs)
        return Script(self.text, body, tuple(self.comments), tuple(self.dialect), heredocs)

    def commands(self, closing: str) -> List:
        """The list of a substitution, with the cursor left on `closing`."""
        body = self.sequence(empty=True)
        if self.peek() != closing:
            raise self.refuse("a command substitution is not closed, or does not parse")
        return body

    def closes(self) -> bool:
        """Whether what stands here can only end a list: the end, `)`, `;;` or a reserved word that closes."""
        if self.pos >= self.end:
            return True
        char = self.text[self.pos]
        if char == ";":
            return self.text.startswith((";;", ";&"), self.pos, self.end)
        return char == ")" or (char in "tefd}" and self.keyword() in CLOSING)

    def sequence(self, *, empty: bool = False) -> List:
        """Read pipelines and operators up to what closes the list."""
        self.newlines()
        start = operator_start = operator_end = self.pos
        connector: Connector = ""
        terminator: Terminator = ""
        items: list[Item] = []
        if empty and self.closes():
            return List(start, start, (), "", start, start)
        while True:
            pipeline = self.pipeline()
            items.append(Item(connector, pipeline, operator_start, operator_end))
            found = self._operator(pipeline.commands[-1])
            if not found:
                operator_start = operator_end = self.pos
                break
            operator_start, operator_end, self.pos = self.pos, self.pos + len(found), self.pos + len(found)
            if found == "\n":
                self.pos = operator_start
            elif _SPLIT_OPERATOR.match(self.text, self.pos, self.end):
                raise self.refuse("a line continuation stands between two operators")
            self.newlines()
            if found in ("&&", "||"):
                connector = found  # type: ignore[assignment]
            elif self.closes():
                terminator = found  # type: ignore[assignment]
                break
            else:
                connector = found  # type: ignore[assignment]
        end = operator_end if terminator in (";", "&") and terminator else items[-1].pipeline.end
        return List(start, end, tuple(items), terminator, operator_start, operator_end)

    def _operator(self, last: Command) -> str:
        """The operator behind a pipeline and its last command; "" where the list ends."""
        char = self.peek()
        if char in "\n" or (char == ";" and not self.text.startswith((";;", ";&"), self.pos, self.end)):
            return char
        if char == "&":
            return "&&" if self.text.startswith("&&", self.pos, self.end) else "&"
        if char == "|" and self.text.startswith("||", self.pos, self.end):
            return "||"
        if char in ";)":
            return ""
        # `fi done` needs no separator: the end of a compound command is one
        if isinstance(last, Compound) and last.kind != "function" and not last.redirects and self.closes():
            return ""
        raise self.refuse("the command cannot go on like this")

    def pipeline(self) -> Pipeline:
        """Read `[time] [!] command [| command]…` and the blanks behind it."""
        start, negated, timed = self.pos, False, False
        if self.peek() in "!t" and self.peek():
            timed = self._time()
            if self.peek() == "!" and self.keyword() == "!":
                negated = True
                self.pos += 1
                self.blanks()
        commands = [self.command()]
        self.blanks()
        while self.peek() == "|" and not self.text.startswith("||", self.pos, self.end):
            bar = self.pos
            self.pos += 2 if self.text.startswith("|&", bar, self.end) else 1
            if self.pos - bar == 2:
                self.differs("|&", bar)
            if _SPLIT_OPERATOR.match(self.text, self.pos, self.end):
                raise self.refuse("a line continuation stands between two operators")
            self.newlines()
            commands.append(self.command())
            self.blanks()
        if timed:
            self.differs("time", start, differs=True, structure=negated or type(commands[0]) is not Simple)
        return Pipeline(start, commands[-1].end, negated, timed, tuple(commands))

    def _time(self) -> bool:
        if self.keyword() != "time":
            return False
        self.pos += 4
        self.blanks()
        if _TIME_OPTION.match(self.text, self.pos, self.end):
            self.pos += 2
            self.blanks()
        return True

    def command(self) -> Command:
        """Read one command, simple or compound, with its redirections."""
        char = self.peek()
        if char == "(":
            return self.parenthesis()
        keyword = self.keyword() if char in "{[abcdefghijklmnopqrstuvwxyz!}]" else ""
        if keyword:
            return self.reserved(keyword)
        return self.simple()

    def simple(self) -> Command:
        """Read assignments, words and redirections, or a function definition."""
        text, start, end = self.text, self.pos, self.end
        assignments: list[Assignment] = []
        words: list[Word] = []
        redirects: list[Redirect] = []
        while True:
            while words and (match := _ARGUMENT.match(text, self.pos, end)):
                stop = match.end()
                argument = match.group(1)
                words.append(Word(match.start(1), stop, argument, argument, (), False))
                self.pos = stop
            last = self.pos
            self.blanks()
            char = text[self.pos] if self.pos < end else ""
            if char in "\n;|)":
                break
            if char in "<>&" or char in "0123456789{":
                redirect = self.redirect()
                if redirect:
                    redirects.append(redirect)
                    continue
                if char == "&":
                    break
            if char == "(":
                if len(words) == 1 and not assignments and not redirects and last == words[0].end:
                    return self.function(start, words[0])
                raise self.refuse("a parenthesis is not expected here")
            if not words and (match := _ASSIGNMENT.match(text, self.pos, end)):
                assignments.append(self._assignment(match))
            else:
                words.append(self._argument(words))
        if not (words or assignments or redirects):
            raise self.refuse("a command is expected here")
        name = words[0].literal if words else None
        if name in _BASH_BUILTINS:
            self.dialect.append(Dialect(str(name), words[0].start, words[0].end, True, False))
        return Simple(start, last, tuple(assignments), tuple(words), tuple(redirects))

    def _argument(self, words: list[Word]) -> Word:
        word = self.word()
        if self.peek() == "(" and words and words[0].literal in _DECLARING and self.opens_array(word.text):
            return self.array(word.start)
        if not words and _SUBSCRIPT.match(word.text):
            raise self.refuse("an element of an array may be assigned", word.start)
        if "\\\n" in word.text and (self.peek() in ("<", ">") or (not words and word.literal in RESERVED)):
            raise self.refuse("a line continuation splits a word of the grammar", word.start)
        return word

    def _assignment(self, match: re.Match[str]) -> Assignment:
        start, self.pos = self.pos, match.end()
        append = bool(match.group(2))
        if append:
            self.differs("+=", start, differs=True)
        value = self.array(self.pos) if self.peek() == "(" else self.word()
        return Assignment(start, self.pos, match.group(1), append, value)

    def redirect(self) -> Redirect | None:
        """Read a redirection if one stands here."""
        text, start = self.text, self.pos
        descriptor = _DESCRIPTOR.match(text, start, self.end)
        match = _REDIRECT.match(text, descriptor.end() if descriptor else start, self.end)
        if not match or (match.group() in ("<", ">") and text.startswith("(", match.end(), self.end)):
            return None
        op, fd = match.group(), descriptor.group() if descriptor else None
        self.pos = match.end()
        if _SPLIT_OPERATOR.match(text, self.pos, self.end):
            raise self.refuse("a line continuation stands between two operators")
        self.blanks()
        if _DESCRIPTOR.match(text, self.pos, self.end):
            raise self.refuse("a digit may be a redirection's target, or begin the next one")
        target = self.word()
        if target.start == target.end:
            raise self.refuse("a redirection has no target", start)
        if op[0] == "&":
            self.differs(op, start, differs=True, structure=True)
        elif op == "<<<" or (op == ">&" and not _DUPLICATED.fullmatch(target.text)):
            self.differs(op, start)
        if fd and fd[0] == "{":
            self.differs("{fd}", start, differs=True)
        redirect = Redirect(start, self.pos, fd, op, target, None)
        if op in ("<<", "<<-"):
            self.pending.append(PendingHeredoc(redirect, self._delimiter(target), target.quoted))
        return redirect

    def _delimiter(self, word: Word) -> str:
        delimiter = word.literal if word.quoted else word.text
        if delimiter is None or word.expansions or "\n" in word.text:
            raise self.refuse("the delimiter of a heredoc is not plain text", word.start)
        return delimiter


@lru_cache(maxsize=1024)  # the same scripts are read anew after every rewrite
def parse(text: str) -> Script | Opaque:
    """Read a script: a RUN body with its continuations joined, or a heredoc script.

    Never raises, and takes time in proportion to the length of the text.
    """
    if "\0" in text:
        return Opaque(text, text.index("\0"), "the script holds a NUL character")
    try:
        return Parser(text).script()
    except Refused as refused:
        return Opaque(text, refused.offset, f"the shell script is not understood: {refused.reason}")
