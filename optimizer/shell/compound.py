"""Compound commands and function definitions.

Source: POSIX.1-2024 2.9.4 and 2.9.5; `[[ ]]`, `(( ))`, `select` and `function` as bash has them.
"""

from __future__ import annotations

import re

from optimizer.shell.ast import (
    Command,
    Compound,
    CompoundKind,
    Expansion,
    Item,
    List,
    Pipeline,
    Redirect,
    Word,
)
from optimizer.shell.words import Words

CLOSING = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", "}"})
RESERVED = CLOSING | {"if", "for", "while", "until", "case", "in", "select", "function", "time", "coproc"}
RESERVED |= {"{", "!", "[[", "]]"}
SPECIAL_BUILTINS = frozenset({"break", ":", "continue", ".", "eval", "exec", "exit", "export", "readonly"})
SPECIAL_BUILTINS |= {"return", "set", "shift", "times", "trap", "unset", "source"}

_WORD_ENDS = r"(?=[ \t\n;&|()]|[<>](?!\()|\Z)"  # `do<(a)` is one word to bash
_KEYWORD = re.compile(r"(?:[a-z]+|\[\[|\]\]|[{}!])" + _WORD_ENDS)
_NAME = re.compile(r"[A-Za-z_]\w*" + _WORD_ENDS, re.ASCII)
_BASH_NAME = re.compile(r"[A-Za-z_][\w.-]*" + _WORD_ENDS, re.ASCII)
_CASE_END = re.compile(r";;&?|;&")
_REGEX_DEPTH = {"(": 1, "|": 0, ")": -1}
_UNARY = re.compile(r"-[a-zA-Z]")
_BINARY = frozenset(("=", "==", "!=", "=~", "<", ">", "-nt", "-ot", "-ef"))
_BINARY |= {"-eq", "-ne", "-lt", "-le", "-gt", "-ge"}


class Compounds(Words):
    """Reads what begins with a reserved word or a parenthesis; needs the parser for the lists inside."""

    __slots__ = ()

    def sequence(self, *, empty: bool = False) -> List:
        """Read a list up to what closes it; the parser provides it."""
        raise NotImplementedError

    def command(self) -> Command:
        """Read one command; the parser provides it."""
        raise NotImplementedError

    def redirect(self) -> Redirect | None:
        """Read a redirection if one stands here; the parser provides it."""
        raise NotImplementedError

    def keyword(self) -> str:
        """The reserved word that stands here, "" if none does."""
        match = _KEYWORD.match(self.text, self.pos, self.end)
        return match.group() if match and match.group() in RESERVED else ""

    def expect(self, keyword: str) -> None:
        """Read a reserved word that has to stand here."""
        if self.keyword() != keyword:
            raise self.refuse(f"{keyword!r} is expected here")
        self.pos += len(keyword)

    def reserved(self, keyword: str) -> Compound:
        """Read the compound command that `keyword` begins."""
        start = self.pos
        self.deeper()
        self.pos += len(keyword)
        if keyword == "{":
            compound = self._group(start)
        elif keyword == "if":
            compound = self._if(start)
        elif keyword in ("while", "until"):
            bodies = (self.sequence(), self._do())
            compound = self._done(start, "while" if keyword == "while" else "until", bodies)
        elif keyword in ("for", "select"):
            compound = self._for(start, "for" if keyword == "for" else "select")
        elif keyword == "case":
            compound = self._case(start)
        elif keyword == "[[":
            compound = self._conditional(start)
        elif keyword == "function":
            compound = self._function_keyword(start)
        else:
            raise self.refuse(f"{keyword!r} is not expected here", start)
        self.depth -= 1
        return compound

    def parenthesis(self) -> Compound:
        """Read a subshell `(…)` or bash's arithmetic command `((…))`."""
        start = self.pos
        self.pos += 1
        self.deeper()
        if self.peek() == "(":
            self.pos += 1
            found = self.arithmetic("((")
            word = Word(start, self.pos, self.text[start : self.pos], None, found, False)
            self.differs("((", start, differs=True, structure=True)
            compound = self._done(start, "arithmetic", (), words=(word,))
        else:
            body = self.sequence()
            if self.peek() != ")":
                raise self.refuse("a subshell is not closed", start)
            self.pos += 1
            compound = self._done(start, "subshell", (body,))
        self.depth -= 1
        return compound

    def function(self, start: int, word: Word) -> Compound:
        """Read a function definition from its parentheses on."""
        name = word.text
        self._parentheses()
        if not _BASH_NAME.fullmatch(name) or name in RESERVED or name in SPECIAL_BUILTINS:
            raise self.refuse(f"{name!r} cannot be the name of a function", start)
        if not _NAME.fullmatch(name):
            self.differs("function name", start)
        return self._function_body(start, name)

    def _function_keyword(self, start: int) -> Compound:
        self.differs("function", start)
        self.blanks()
        match = _BASH_NAME.match(self.text, self.pos, self.end)
        if not match or match.group() in RESERVED | SPECIAL_BUILTINS:
            raise self.refuse("'function' is not followed by a name", start)
        self.pos = match.end()
        self.blanks()
        if self.peek() == "(":
            self._parentheses()
        return self._function_body(start, match.group())

    def _parentheses(self) -> None:
        self.pos += 1
        self.blanks()
        if self.peek() != ")":
            raise self.refuse("a parenthesis is not expected here")
        self.pos += 1

    def _function_body(self, start: int, name: str) -> Compound:
        self.deeper()
        self.newlines()
        at = self.pos
        body = self.command()
        if not isinstance(body, Compound) or body.kind == "function":
            raise self.refuse("the body of a function is not a compound command", at)
        self.depth -= 1
        pipeline = Pipeline(at, body.end, False, False, (body,))
        item = Item("", pipeline, at, at)
        only = List(at, body.end, (item,), "", body.end, body.end)
        return Compound(start, body.end, "function", (only,), name, (), ())

    def _done(
        self,
        start: int,
        kind: CompoundKind,
        bodies: tuple[List, ...],
        *,
        name: str | None = None,
        words: tuple[Word, ...] = (),
    ) -> Compound:
        """Read the redirections behind a compound command and make its node."""
        redirects: list[Redirect] = []
        end = self.pos
        while True:
            self.blanks()
            redirect = self.redirect()
            if not redirect:
                return Compound(start, end, kind, bodies, name, words, tuple(redirects))
            redirects.append(redirect)
            end = self.pos

    def _group(self, start: int) -> Compound:
        body = self.sequence()
        self.expect("}")
        return self._done(start, "group", (body,))

    def _if(self, start: int) -> Compound:
        bodies = []
        keyword = "if"
        while keyword in ("if", "elif"):
            bodies.append(self.sequence())
            self.expect("then")
            bodies.append(self.sequence())
            keyword = self.keyword()
            if keyword in ("elif", "else"):
                self.pos += 4
        if keyword == "else":
            bodies.append(self.sequence())
        self.expect("fi")
        return self._done(start, "if", tuple(bodies))

    def _do(self) -> List:
        self.expect("do")
        body = self.sequence()
        self.expect("done")
        return body

    def _for(self, start: int, kind: CompoundKind) -> Compound:
        self.blanks()
        if kind == "for" and self.text.startswith("((", self.pos, self.end):
            return self._arithmetic_for(start)
        match = _NAME.match(self.text, self.pos, self.end)
        if not match:
            raise self.refuse(f"{kind!r} is not followed by the name of a variable")
        self.pos = match.end()
        words: list[Word] = []
        self.blanks()
        if self.peek() == ";":
            self.pos += 1
            self.newlines()
        else:
            self.newlines()
            if self.keyword() == "in":
                self.pos += 2
                words = self._until_separator()
                self.newlines()
        if kind == "select":
            self.differs("select", start)
        body = self._do()
        return self._done(start, kind, (body,), name=match.group(), words=tuple(words))

    def _until_separator(self) -> list[Word]:
        words: list[Word] = []
        self.blanks()
        while self.peek() not in "\n;":
            words.append(self._word_here())
            self.blanks()
        if self.peek() == ";":
            self.pos += 1
        return words

    def _word_here(self) -> Word:
        word = self.word()
        if word.start == word.end:
            raise self.refuse("a word is expected here")
        return word

    def _arithmetic_for(self, start: int) -> Compound:
        at = self.pos
        self.pos += 2
        found = self.arithmetic("((")
        word = Word(at, self.pos, self.text[at : self.pos], None, found, False)
        self.differs("for ((", start)
        self.blanks()
        if self.peek() == ";":
            self.pos += 1
        self.newlines()
        return self._done(start, "for", (self._do(),), words=(word,))

    def _case(self, start: int) -> Compound:
        self.blanks()
        words = [self._word_here()]
        bodies: list[List] = []
        self.newlines()
        self.expect("in")
        self.newlines()
        while self.keyword() != "esac":
            if self.peek() == "(":
                self.pos += 1
                self.blanks()
            words.append(self._word_here())
            self.blanks()
            while self.peek() == "|":
                self.pos += 1
                self.blanks()
                words.append(self._word_here())
                self.blanks()
            if self.peek() != ")":
                raise self.refuse("the pattern of a case is not closed")
            self.pos += 1
            bodies.append(self.sequence(empty=True))
            separator = _CASE_END.match(self.text, self.pos, self.end)
            if not separator:
                break
            self.pos = separator.end()
            if separator.group() != ";;":
                self.differs(separator.group(), separator.start())
            self.newlines()
        self.expect("esac")
        return self._done(start, "case", tuple(bodies), words=tuple(words))

    def _conditional(self, start: int) -> Compound:
        words: list[Word] = []
        self.newlines()
        operators = self._condition(words)
        self.expect("]]")
        # sh runs a command called [[: an operator inside of it then splits or redirects that command
        self.differs("[[", start, differs=True, structure=operators)
        return self._done(start, "conditional", (), words=tuple(words))

    def _condition(self, words: list[Word]) -> bool:
        """Read an expression of `[[ ]]`; whether it holds operators that sh takes for its own."""
        operators = self._term(words)
        while self.text.startswith(("&&", "||"), self.pos, self.end):
            self.pos += 2
            self.newlines()
            self._term(words)
            operators = True
        return operators

    def _term(self, words: list[Word]) -> bool:
        while self.keyword() == "!":
            self.pos += 1
            self.blanks()
        operators = False
        if self.peek() == "(":
            self.deeper()
            self.pos += 1
            self.newlines()
            self._condition(words)
            if self.peek() != ")":
                raise self.refuse("a parenthesis in [[ ]] is not closed")
            self.pos += 1
            self.depth -= 1
            operators = True
        elif _UNARY.fullmatch(self._operand_word(words)):
            self._operand_word(words)
        elif self.peek() in ("<", ">") or (self.keyword() != "]]" and self.peek() not in "&|)\n"):
            operators = self._comparison(words)
        self.newlines()
        return operators

    def _comparison(self, words: list[Word]) -> bool:
        operators = self.peek() in ("<", ">")
        if operators:
            operator = self.peek()
            self.pos += 1
        else:
            operator = self._word_here().text
        self.blanks()
        if operator not in _BINARY:
            raise self.refuse(f"{operator!r} is not an operator of [[ ]]")
        if operator == "=~":
            return self._regular_expression(words)
        self._operand_word(words)
        return operators

    def _operand_word(self, words: list[Word]) -> str:
        if self.keyword() == "]]":
            raise self.refuse("an operand is missing in [[ ]]")
        words.append(self._word_here())
        self.blanks()
        return words[-1].text

    def _regular_expression(self, words: list[Word]) -> bool:
        """Read the operand of `=~`, in which parentheses and bars are text."""
        start, level = self.pos, 0
        found: list[Expansion] = []
        quoted = False
        while self.peek() not in " \t\n" or level:
            char = self.peek()
            depth = _REGEX_DEPTH.get(char)
            if depth is not None:
                level += depth
                self.pos += 1
            word = self.word()
            if level < 0 or (char == "|" and not level) or (depth is None and word.start == word.end):
                raise self.refuse("a regular expression in [[ ]] is not understood", start)
            found += word.expansions
            quoted = quoted or word.quoted
        words.append(Word(start, self.pos, self.text[start : self.pos], None, tuple(found), quoted))
        self.blanks()
        return True
