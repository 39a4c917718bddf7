"""Reading Dockerfiles with moby's own parser, never with dockopt's: a judge may not be a party."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import dockerfile

KEYWORDS = frozenset(
    {
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    }
)
"""What BuildKit takes as an instruction; its parser lets other words pass and the step after refuses them."""


@dataclass(frozen=True, slots=True)
class Heredoc:
    """One heredoc's lines. `chomp` is `<<-`."""

    name: str
    content: str
    chomp: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction as moby reads it; `value` is its words, or the whole text in shell form."""

    keyword: str
    value: tuple[str, ...]
    flags: tuple[str, ...] = ()
    exec_form: bool = False
    trigger: str = ""  # what follows ONBUILD
    heredocs: tuple[Heredoc, ...] = ()
    line: int = 0
    end_line: int = 0

    @property
    def script(self) -> str:
        """What the shell gets: as BuildKit's dispatcher puts a RUN and its heredocs together."""
        text = " ".join(self.value)
        if not self.heredocs:
            return text
        first = self.heredocs[0]
        if re.fullmatch(r"\d*<<-?(['\"]?)" + re.escape(first.name) + r"\1", text.strip()):
            return first.content.replace("\n\t", "\n").removeprefix("\t") if first.chomp else first.content
        return text + "".join(f"\n{each.content}{each.name}" for each in self.heredocs)


@dataclass(frozen=True, slots=True)
class Reading:
    """How BuildKit takes a file: the instructions, or why it refuses."""

    instructions: tuple[Instruction, ...] = ()
    refusal: str = ""


@cache
def read(data: bytes) -> Reading:
    """Reads one Dockerfile. `refusal` also covers unknown instructions, refused after moby's parser."""
    try:
        commands = dockerfile.parse_string(_text(data))
    except dockerfile.GoParseError as error:
        return Reading(refusal=str(error))
    instructions = tuple(_instruction(command) for command in commands)
    unknown = next((each for each in instructions if each.keyword not in KEYWORDS), None)
    if unknown:
        return Reading(instructions, f"line {unknown.line}: unknown instruction: {unknown.keyword}")
    return Reading(instructions)


def comments(data: bytes) -> Iterator[str]:
    """The text of each comment line outside heredocs, its `#` and outer white space left out."""
    inside = _heredoc_lines(data)
    for number, line in enumerate(_text(data).split("\n"), 1):
        text = line.strip()
        if text.startswith("#") and number not in inside and text.strip("# \t"):
            yield text.strip("# \t")


def stages(instructions: tuple[Instruction, ...]) -> list[list[Instruction]]:
    """The instructions of each stage, from its FROM on; what stands before the first is left out."""
    found: list[list[Instruction]] = []
    for each in instructions:
        if each.keyword == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def _heredoc_lines(data: bytes) -> set[int]:
    try:
        commands = dockerfile.parse_string(_text(data))
    except dockerfile.GoParseError:
        return set()
    lines: set[int] = set()
    for command in commands:
        size = sum(each.content.count("\n") + 1 for each in command.heredocs)
        lines.update(range(command.end_line - size + 1, command.end_line + 1))
    return lines


def _instruction(command: dockerfile.Command) -> Instruction:
    heredocs = tuple(
        Heredoc(each.name, each.content, bool(re.search(rf"<<-['\"]?{re.escape(each.name)}", command.original)))
        for each in command.heredocs
    )
    return Instruction(
        keyword=command.cmd.upper(),
        value=tuple(command.value),
        flags=tuple(command.flags),
        exec_form=command.json,
        trigger=(command.sub_cmd or "").upper(),
        heredocs=heredocs,
        line=command.start_line,
        end_line=command.end_line,
    )


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
