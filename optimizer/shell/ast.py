"""The tree of a shell script, with exact offsets.

Every offset is an index into `Script.text`; an end is exclusive. Nodes nest and never overlap, with one
exception that the shell itself makes: the body of a heredoc lies behind the line that holds its operator,
outside of its command.

The nodes are named tuples, which import four times as fast as frozen dataclasses. Three cannot be: a `List` is
iterated by its items, a `Redirect` waits for its heredoc, and a `Script` is told from an equal one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from msgspec import Struct

ExpansionKind = Literal["parameter", "command", "arithmetic", "process"]
CompoundKind = Literal[
    "subshell",
    "group",
    "if",
    "for",
    "while",
    "until",
    "case",
    "select",
    "function",
    "arithmetic",
    "conditional",
]
Connector = Literal["", "&&", "||", ";", "\n", "&"]
Terminator = Literal["", ";", "&", "\n"]


class Expansion(NamedTuple):
    """`$x`, `${x:-y}`, `$(…)`, a back-quoted command, `$((…))` or `<(…)`."""

    start: int
    end: int
    kind: ExpansionKind
    name: str | None  # of the parameter: "HOME", "?", "1"; "V" for ${V:-x}
    operator: str  # of a ${…}: ":-", ":=", "%%", …; in front "#" for a length, "!" indirect, "[" a subscript
    body: List | None  # of a command or process substitution; None for `…` with backslashes (checked only)
    nested: tuple[Expansion, ...]  # in the operand of ${…} or in the arithmetic; not those of body


class Word(NamedTuple):
    """A word as written. `literal` is its value where no shell and no environment can change it."""

    start: int
    end: int
    text: str
    literal: str | None  # after quote removal; None with an expansion, a glob, a leading ~ or {a,b}
    expansions: tuple[Expansion, ...]
    quoted: bool


class Assignment(NamedTuple):
    """`NAME=value` or `NAME+=value` before a command; an array value keeps its parentheses in the word."""

    start: int
    end: int
    name: str
    append: bool
    value: Word


class Heredoc(NamedTuple):
    """The body of a `<<` redirection; start to end includes the delimiter line without its line end."""

    start: int
    end: int
    content_start: int
    content_end: int
    delimiter: str
    quoted: bool
    strip_tabs: bool
    expansions: tuple[Expansion, ...]


class Redirect(Struct, frozen=True):
    """A redirection, its operator and target."""

    start: int
    end: int
    fd: str | None  # "2", or "{name}" as bash allows; None where the operator's own default counts
    op: str  # one of < > >> << <<- <<< >& <& >| <> &> &>>
    target: Word
    heredoc: Heredoc | None


class Simple(NamedTuple):
    """Assignments, words and redirections; at least one of them."""

    start: int
    end: int
    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]

    @property
    def name(self) -> str | None:
        """The command's name where it is certain, else None."""
        return self.words[0].literal if self.words else None

    @property
    def argv(self) -> tuple[str | None, ...]:
        """The words' literal values, the command's name included."""
        return tuple(word.literal for word in self.words)


class Compound(NamedTuple):
    """A compound command, or a function definition: its one body is a list of the one compound command."""

    start: int
    end: int
    kind: CompoundKind
    bodies: tuple[List, ...]  # conditions, branches and loop bodies, in the order of the text
    name: str | None  # the function's name, or the variable of for and select
    words: tuple[Word, ...]  # of for and select, subject and patterns of case, operands of [[ ]], ((…)) whole
    redirects: tuple[Redirect, ...]


Command = Simple | Compound


class Pipeline(NamedTuple):
    """Commands joined by `|`, with `!` or `time` in front."""

    start: int
    end: int
    negated: bool
    timed: bool
    commands: tuple[Command, ...]


class Item(NamedTuple):
    """A pipeline and the operator *before* it, "" and an empty span for the first of a list."""

    connector: Connector
    pipeline: Pipeline
    operator_start: int
    operator_end: int


class List(Struct, frozen=True):
    """Pipelines in order. `terminator` is what closes the last one; a `;` or `&` lies within the span."""

    start: int
    end: int
    items: tuple[Item, ...]
    terminator: Terminator
    terminator_start: int
    terminator_end: int

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)


class Comment(NamedTuple):
    """From `#` to the end of the line, without the newline."""

    start: int
    end: int


class Dialect(NamedTuple):
    """A construct that a POSIX sh (dash, busybox ash) refuses, or reads in another way than bash."""

    kind: str
    start: int
    end: int
    differs: bool  # both accept it and mean different things; False: the POSIX sh refuses it
    structure: bool  # the other reading splits the commands around it differently, as `a &> f` does


class Script(Struct, frozen=True, eq=False):
    """A script that was understood completely. Equal is only the same one: what is found out about it is kept by it."""

    text: str
    body: List
    comments: tuple[Comment, ...]
    dialect: tuple[Dialect, ...]
    heredocs: tuple[Heredoc, ...]  # all of them, also those of nested commands, in order


class Opaque(NamedTuple):
    """A script that the parser is not sure of: nobody may change it or conclude anything from it."""

    text: str
    offset: int
    reason: str  # a sentence for the user
