"""A Dockerfile as text and as instructions at once, without losing a byte.

Source: BuildKit's Dockerfile parser (frontend/dockerfile/parser). What it reads is what this module reads; unlike it,
every character of the file stays with a position, so that a rewrite can touch one word and leave the rest alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

from optimizer.lexer import Heredoc, SyntaxProblem, heredocs_in
from optimizer.words import SPACE, Flag, Head, blank_split, json_words, split_head

MAX_LINE = 65535
"""The longest line in bytes, without its end, that BuildKit's scanner takes."""

DIRECTIVES = frozenset({"syntax", "escape", "check"})
JSON_KEYWORDS = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME"})
"""Those whose arguments may be a JSON array; HEALTHCHECK's command is read by instructions.health()."""
HEREDOC_KEYWORDS = frozenset({"RUN", "COPY", "ADD"})


class ParseError(Exception):
    """BuildKit would refuse this text. Carries the place (1-based line and column) and a sentence."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


class Span(Struct, frozen=True):
    """A piece of the file: character offsets, end exclusive."""

    start: int
    end: int


class Directive(Struct, frozen=True):
    """A parser directive such as ``# syntax=docker/dockerfile:1``."""

    name: str
    value: str
    start: int
    end: int


class HeredocBody(Struct, frozen=True):
    """The lines that belong to a heredoc, and where they stand in the file (the delimiter's line included)."""

    heredoc: Heredoc
    content: str
    start: int
    content_end: int
    end: int


class Instruction(Struct, frozen=True, dict=True):
    """One instruction with all its lines.

    ``text`` is the joined line, as BuildKit hands it to the shell or to the instruction: continuations and the
    comments and blank lines inside them are gone. ``segments`` maps it back to the file.
    """

    index: int
    keyword: str
    """In capitals."""
    flags: tuple[Flag, ...]
    args: str
    """What follows the keyword and the flags, trimmed."""
    args_start: int
    """Offset of ``args`` in ``text``."""
    start: int
    """Offset of the first line's first character."""
    end: int
    """Offset behind the last line's end."""
    line: int
    end_line: int
    text: str
    segments: tuple[tuple[int, int, int], ...]
    """(offset in text, offset in the file, length), in order."""
    comments: tuple[Span, ...]
    """Comment lines inside the instruction's continuations, line ends included."""
    lead: int
    """Offset where the comment lines that stand directly above begin; equal to start without any."""
    heredocs: tuple[HeredocBody, ...]
    escape: str

    @property
    def written_keyword(self) -> str:
        """The keyword as the author wrote it."""
        start = len(self.text) - len(self.text.lstrip(SPACE))
        return self.text[start : start + len(self.keyword)]

    def flag(self, name: str) -> str | None:
        """The value of the last flag of that name; None when it is not there, "" when it has no value."""
        found = [flag for flag in self.flags if flag.name == name]
        return None if not found else found[-1].value or ""

    @cached_property
    def exec_form(self) -> tuple[str, ...] | None:
        """The words of the JSON form, or None: BuildKit falls back to shell form when the JSON is not valid."""
        if not self.args.startswith("[") or self.keyword not in JSON_KEYWORDS:
            return None
        return json_words(self.args)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The arguments of a list instruction (FROM, COPY, EXPOSE, ...): JSON, or split at blanks."""
        if self.exec_form is not None:
            return self.exec_form
        return blank_split(self.args)

    @cached_property
    def sub(self) -> Instruction | None:
        """The instruction behind ONBUILD, with positions in the same file."""
        if self.keyword != "ONBUILD" or not self.args:
            return None
        cut = self.args_start
        segments = tuple(
            (max(at, cut) - cut, where + max(cut - at, 0), length - max(cut - at, 0))
            for at, where, length in self.segments
            if at + length > cut
        )
        text = self.text[cut:]
        return Instruction(
            self.index, *split_head(text), self.start, self.end, self.line, self.end_line, text, segments,
            self.comments, self.lead, self.heredocs, self.escape,
        )  # fmt: skip

    def offset(self, at: int) -> int:
        """The file offset of the character at ``text[at]`` (of the end of text for its length)."""
        if at and at == len(self.text):
            return self.offset(at - 1) + 1
        found = bisect_right(self._starts, at) - 1
        start, where, _ = self.segments[found]
        return where + at - start

    def offset_after(self, at: int) -> int:
        """The file offset just behind the character ``text[at - 1]``: where text is added to what ends at ``at``."""
        return self.offset(at - 1) + 1 if at else self.offset(0)

    @cached_property
    def _starts(self) -> list[int]:
        return [segment[0] for segment in self.segments]

    @property
    def content_end(self) -> int:
        """Offset behind the last character of the instruction's own line, heredocs and line end left out."""
        return self.offset(len(self.text)) if self.text else self.start

    @property
    def reading(self) -> tuple[object, ...]:
        """What BuildKit makes of the instruction, without place: equal readings build the same."""
        return (self.keyword, tuple(flag.text for flag in self.flags), self.args, tuple(
            (body.heredoc, body.content) for body in self.heredocs
        ))  # fmt: skip


class Document(Struct, frozen=True, dict=True):
    """The file: its text, and everything in it in the order of the text."""

    text: str
    escape: str
    directives: tuple[Directive, ...]
    comments: tuple[Span, ...]
    """Comment lines between instructions, line ends included."""
    instructions: tuple[Instruction, ...]

    @cached_property
    def newline(self) -> str:
        """The line end that the file uses first."""
        at = self.text.find("\n")
        return "\r\n" if at > 0 and self.text[at - 1] == "\r" else "\n"

    def parts(self) -> Iterator[str]:
        """The text in pieces: instructions, and what stands between them. Joined they are the text."""
        at = 0
        for instruction in self.instructions:
            yield self.text[at : instruction.start]
            yield self.text[instruction.start : instruction.end]
            at = instruction.end
        yield self.text[at:]

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, offset: int) -> tuple[int, int]:
        """(line, column) of a file offset, both counted from 1, columns in characters."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


class _Reader:
    """BuildKit's Parse(): one pass over the lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 0
        self.escape = "\\"
        self.directives: list[Directive] = []
        self.comments: list[Span] = []
        self.instructions: list[Instruction] = []
        self.directives_open = True

    def next_line(self) -> tuple[int, int, int] | None:
        """(start, end without line end, start of the next line), or None at the end of the text."""
        start = self.at
        if start >= len(self.text):
            return None
        newline = self.text.find("\n", start)
        self.at = len(self.text) if newline < 0 else newline + 1
        end = self.at if newline < 0 else newline
        self.line += 1
        if (end - start) * 4 > MAX_LINE and len(self.text[start:end].encode("utf-8", "surrogateescape")) > MAX_LINE:
            raise ParseError(
                self.line, 1, f"a line of more than {MAX_LINE} bytes, which BuildKit does not take: break it up"
            )
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return start, end, self.at

    def read(self) -> Document:
        text = self.text
        lead = -1
        while (line := self.next_line()) is not None:
            start, end, after = line
            first = start
            if self.line == 1 and text.startswith("\ufeff"):
                first += 1
            while first < end and text[first] in SPACE:
                first += 1
            if first == end:
                self.directives_open = False
                lead = -1
                continue
            if text[first] == "#":
                if not (self.directives_open and self.directive(first, end)):
                    self.comments.append(Span(start, after))
                    lead = start if lead < 0 else lead
                continue
            self.directives_open = False
            self.instruction(start, first, end, lead)
            lead = -1
        if not self.instructions:
            raise ParseError(max(self.line, 1), 1, "no instructions in this file: a Dockerfile begins with FROM")
        return Document(
            text, self.escape, tuple(self.directives), tuple(self.comments), tuple(self.instructions)
        )  # fmt: skip

    def directive(self, start: int, end: int) -> bool:
        """Read a parser directive; the first comment that is none ends them (BuildKit's ParseLine)."""
        name, _, value = self.text[start + 1 : end].lstrip(SPACE).partition("=")
        name = name.rstrip("\t\f\r ").lower()
        value = value.strip("\t\f\r ")
        if name not in DIRECTIVES or not value:
            self.directives_open = False
            return False
        if any(directive.name == name for directive in self.directives):
            raise ParseError(self.line, 1, f"the parser directive {name} stands here a second time: keep one")
        if name == "escape":
            if value not in ("\\", "`"):
                raise ParseError(self.line, 1, f"escape={value}: the escape character can be \\ or ` only")
            self.escape = value
        self.directives.append(Directive(name, value, start, end))
        return True

    def continuation(self, start: int, end: int) -> int | None:
        """Where the content ends before a continuation character, or None if the line does not go on."""
        text = self.text
        while end > start and text[end - 1] in " \t":
            end -= 1
        if end == start or text[end - 1] != self.escape:
            return None
        if end - 1 > start and text[end - 2] == self.escape:
            return None
        return end - 1

    def instruction(self, line_start: int, start: int, end: int, lead: int) -> None:
        text = self.text
        line = self.line
        pieces: list[str] = []
        segments: list[tuple[int, int, int]] = []
        comments: list[Span] = []
        length = 0
        cut = self.continuation(start, end)
        stop = end if cut is None else cut
        while True:
            pieces.append(text[start:stop])
            segments.append((length, start, stop - start))
            length += stop - start
            if cut is None:
                break
            while (more := self.next_line()) is not None:
                start, end, after = more
                first = start
                while first < end and text[first] in SPACE:
                    first += 1
                if first == end:
                    continue
                if text[first] == "#":
                    comments.append(Span(start, after))
                    continue
                break
            else:
                break
            cut = self.continuation(start, end)
            stop = end if cut is None else cut
        joined = pieces[0] if len(pieces) == 1 else "".join(pieces)
        head = split_head(joined)
        heredocs = self.heredocs(joined, head, line) if "<<" in joined else ()
        self.instructions.append(
            Instruction(
                len(self.instructions),
                *head,
                line_start,
                self.at,
                line,
                self.line,
                joined,
                tuple(segments),
                tuple(comments),
                lead if lead >= 0 else line_start,
                heredocs,
                self.escape,
            )
        )

    def heredocs(self, joined: str, head: Head, line: int) -> tuple[HeredocBody, ...]:
        while head[0] == "ONBUILD" and head[2]:
            head = split_head(head[2])
        if head[0] not in HEREDOC_KEYWORDS or (head[2].startswith("[") and json_words(head[2]) is not None):
            return ()
        try:
            found = heredocs_in(joined)
        except SyntaxProblem as problem:
            raise ParseError(line, 1, str(problem)) from None
        return tuple(self.heredoc(heredoc, line) for heredoc in found)

    def heredoc(self, heredoc: Heredoc, line: int) -> HeredocBody:
        begin = self.at
        while (more := self.next_line()) is not None:
            start, end, after = more
            while heredoc.chomp and start < end and self.text[start] == "\t":
                start += 1
            if self.text[start:end] == heredoc.name:
                return HeredocBody(heredoc, self.text[begin : more[0]], begin, more[0], after)
        raise ParseError(line, 1, f"the heredoc <<{heredoc.name} has no line {heredoc.name} that ends it: add one")


def parse(text: str) -> Document:
    """Read a Dockerfile.

    :raises ParseError: where BuildKit's parser refuses the text.
    """
    return _Reader(text).read()
