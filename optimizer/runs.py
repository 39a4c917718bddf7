"""A RUN and the script it runs, with the way from a character of the script to its place in the file.

Source: BuildKit's dispatchRun: the shell form goes to SHELL as it is joined; ``RUN <<EOF`` alone hands over the
heredoc's content; any other heredoc RUN hands over the line with its heredocs behind it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Literal

from msgspec import Struct

from optimizer.document import Instruction
from optimizer.instructions import mount_fields
from optimizer.lexer import parse_heredoc
from optimizer.shell import Opaque, Script, Simple, parse, walk

Form = Literal["exec", "shell", "heredoc"]

POSIX_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh"})


def parse_mount(value: str) -> Mapping[str, str]:
    """The keys of one ``--mount=``; a key without a value has "". ``type`` is bind where it is not given.

    Source: BuildKit's instructions/commands_runmount.go: a line of CSV, keys in any case.
    """
    fields = {"type": "bind"}
    for field in mount_fields(value):
        name, _, content = field.partition("=")
        fields[name.strip().lower()] = content.strip().strip('"')
    aliases = (("dst", "target"), ("destination", "target"), ("src", "source"))
    for alias, name in aliases:
        if alias in fields:
            fields.setdefault(name, fields[alias])
    return fields


class Run(Struct, frozen=True, dict=True):
    """A RUN instruction under the SHELL in force.

    ``script`` is parsed when it is first asked for: an Opaque says why nothing may be concluded from it, and None
    that there is none (exec form).
    """

    instruction: Instruction
    shell: tuple[str, ...]

    @cached_property
    def form(self) -> Form:
        if self.instruction.heredocs:
            return "heredoc"
        return "exec" if self.instruction.exec_form is not None else "shell"

    @cached_property
    def text(self) -> str:
        """The script's text: what the shell is given."""
        if self.form != "heredoc":
            return self.instruction.args
        if self.whole_heredoc:
            return self.instruction.heredocs[0].content
        bodies = "".join(body.content + body.heredoc.name + "\n" for body in self.instruction.heredocs)
        return f"{self.instruction.args}\n{bodies}"

    @cached_property
    def whole_heredoc(self) -> bool:
        """``RUN <<EOF``: the heredoc is the script."""
        return len(self.instruction.heredocs) == 1 and parse_heredoc(self.instruction.args) is not None

    @cached_property
    def script(self) -> Script | Opaque | None:
        if self.form == "exec":
            return None
        if not self.posix:
            return Opaque(self.text, 0, f"the shell {self.shell[0]} is not one that is read here")
        if self.whole_heredoc and self.text.startswith("#!"):
            return Opaque(self.text, 0, "the heredoc names its own interpreter with #!")
        return parse(self.text)

    @property
    def parsed(self) -> Script | None:
        """The script where it could be read, else None."""
        return self.script if isinstance(self.script, Script) else None

    @cached_property
    def posix(self) -> bool:
        """Whether the shell in force is one of the Bourne family."""
        return self.shell_name in POSIX_SHELLS

    @property
    def shell_name(self) -> str:
        return posixpath.basename(self.shell[0]) if self.shell else ""

    @property
    def editable(self) -> bool:
        """Whether places in the script can be mapped back to the file."""
        if self.form == "shell":
            return True
        return self.form == "heredoc" and self.whole_heredoc and not self.instruction.heredocs[0].heredoc.chomp

    def place(self, at: int) -> int:
        """The file offset of the script's character ``at``. Only for an editable run."""
        if self.form == "shell":
            return self.instruction.offset(self.instruction.args_start + at)
        return self.instruction.heredocs[0].start + at

    def place_after(self, at: int) -> int:
        """The file offset right behind the script's character ``at - 1``."""
        if self.form == "shell":
            return self.instruction.offset_after(self.instruction.args_start + at)
        return self.instruction.heredocs[0].start + at

    @cached_property
    def mounts(self) -> tuple[Mapping[str, str], ...]:
        return tuple(parse_mount(flag.value or "") for flag in self.instruction.flags if flag.name == "mount")

    def commands(self) -> Iterator[Simple]:
        """Every simple command of the script, nested ones too; none where the script could not be read."""
        return (command for command, _ in walk(self.parsed)) if self.parsed is not None else iter(())
