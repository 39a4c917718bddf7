"""What each instruction's arguments mean, and which of them BuildKit refuses.

Source: BuildKit's parser/line_parsers.go (the form of the arguments) and instructions/parse.go (unknown instructions,
flags, counts). A Dockerfile that fails here fails every build, so dockopt leaves it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from optimizer.document import JSON_KEYWORDS, Document, Instruction, ParseError
from optimizer.lexer import split_words
from optimizer.words import BLANK, SPACE, json_words

FLAGS: dict[str, frozenset[str]] = {
    "FROM": frozenset({"platform"}),
    "RUN": frozenset({"mount", "network", "security", "device"}),
    "COPY": frozenset({"from", "chown", "chmod", "link", "parents", "exclude"}),
    "ADD": frozenset({"chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"}),
    "HEALTHCHECK": frozenset({"interval", "timeout", "start-period", "start-interval", "retries"}),
    "ARG": frozenset(),
    "CMD": frozenset(),
    "ENTRYPOINT": frozenset(),
    "ENV": frozenset(),
    "EXPOSE": frozenset(),
    "LABEL": frozenset(),
    "MAINTAINER": frozenset(),
    "ONBUILD": frozenset(),
    "SHELL": frozenset(),
    "STOPSIGNAL": frozenset(),
    "USER": frozenset(),
    "VOLUME": frozenset(),
    "WORKDIR": frozenset(),
}
"""Every instruction, with the flags it takes."""

NEEDS_ARGUMENT = frozenset({
    "ENV", "LABEL", "ARG", "EXPOSE", "USER", "WORKDIR", "STOPSIGNAL", "MAINTAINER", "ONBUILD", "VOLUME", "HEALTHCHECK",
})  # fmt: skip
RUN_FLAGS = {"network": ("default", "none", "host"), "security": ("sandbox", "insecure")}
"""The values that these flags of RUN may have."""
MOUNTS = ("bind", "cache", "tmpfs", "secret", "ssh")
NOT_IN_ONBUILD = frozenset({"ONBUILD", "FROM", "MAINTAINER"})


class _Refused(Exception):
    """Why BuildKit refuses an instruction."""


class Setting(Struct, frozen=True):
    """One ``name=value`` of ENV, LABEL or ARG. value is as written (quotes and variables in it); None: ARG without."""

    name: str
    value: str | None
    start: int
    end: int
    """Offsets in the instruction's joined text."""


def settings(instruction: Instruction) -> tuple[Setting, ...]:
    """The names and values of ENV, LABEL (with the old form ``ENV name value``) and ARG.

    :raises ValueError: where BuildKit refuses the form.
    """
    try:
        return tuple(_settings(instruction))
    except _Refused as refused:
        raise ValueError(str(refused)) from None


def _settings(instruction: Instruction) -> Iterator[Setting]:
    args, base, keyword = instruction.args, instruction.args_start, instruction.keyword
    words = split_words(args, instruction.escape, SPACE)
    if not words:
        return
    if keyword != "ARG" and "=" not in words[0][0]:
        end = 0
        while end < len(args) and args[end] not in BLANK:
            end += 1
        start = end
        while start < len(args) and args[start] in BLANK:
            start += 1
        if start == len(args):
            raise _Refused(f"{keyword} must have two arguments: write {keyword} {args[:end]}=VALUE")
        yield Setting(args[:end], args[start:], base, base + len(args))
        return
    for word, start, end in words:
        name, equals, value = word.partition("=")
        if not equals and keyword != "ARG":
            raise _Refused(f"can't find = in {word!r}: write name=value")
        yield Setting(name, value if equals else None, base + start, base + end)


class Health(Struct, frozen=True):
    """The command of a HEALTHCHECK: its form and words; kind is CMD, NONE, or what is written there."""

    kind: str
    command: str
    exec_form: tuple[str, ...] | None


def health(instruction: Instruction) -> Health:
    """Read HEALTHCHECK's arguments."""
    args = instruction.args
    end = 0
    while end < len(args) and args[end] not in SPACE:
        end += 1
    command = args[end:].lstrip(SPACE)
    return Health(args[:end].upper(), command, json_words(command) if command.startswith("[") else None)


def malformed(instruction: Instruction) -> str | None:
    """Why BuildKit's parser refuses the form of the arguments, before it looks at what they mean; else None."""
    try:
        _check_form(instruction)
    except _Refused as refused:
        return str(refused)
    return None


def _check_form(instruction: Instruction) -> None:
    keyword, args = instruction.keyword, instruction.args
    if keyword in ("ENV", "LABEL", "ARG"):
        for _ in _settings(instruction):
            pass
    elif args.startswith("[") and keyword in JSON_KEYWORDS and instruction.exec_form is None and _is_json_list(args):
        raise _Refused("a JSON array here must hold strings only: put each word in double quotes")
    elif keyword == "ONBUILD" and instruction.sub is not None:
        _check_form(instruction.sub)


def check(document: Document) -> None:
    """Hold the whole document against BuildKit's rules for instructions.

    :raises ParseError: at the first instruction that BuildKit refuses.
    """
    staged = False
    for instruction in document.instructions:
        try:
            _check(instruction)
            if instruction.keyword == "FROM":
                staged = True
            elif not staged and instruction.keyword != "ARG":
                raise _Refused(f"{instruction.keyword} before the first FROM: begin the stage with FROM")
        except _Refused as refused:
            raise ParseError(*document.place(instruction.offset(0)), str(refused)) from None
    if not staged:
        raise ParseError(1, 1, "no build stage in this file: a Dockerfile needs a FROM")


def _check(instruction: Instruction) -> None:
    keyword, args = instruction.keyword, instruction.args
    known = FLAGS.get(keyword)
    if known is None:
        raise _Refused(f"unknown instruction: {instruction.written_keyword}")
    for flag in instruction.flags:
        if flag.name not in known:
            raise _Refused(f"unknown flag: {keyword} has no --{flag.name}")
    if not args and keyword in NEEDS_ARGUMENT:
        raise _Refused(f"{keyword} requires at least one argument")
    _check_form(instruction)
    if keyword in ("ENV", "LABEL", "ARG"):
        if not all(setting.name for setting in _settings(instruction)):
            raise _Refused(f"{keyword} names can not be blank: write name=value")
    elif keyword == "FROM":
        words = instruction.words
        if len(words) != 1 and not (len(words) == 3 and words[1].upper() == "AS"):
            raise _Refused("FROM requires either one or three arguments: FROM image, or FROM image AS name")
        if len(words) == 3 and not _stage_name(words[2].lower()):
            raise _Refused(f"invalid name for a build stage: {words[2]!r} (a letter, then letters, digits, - _ .)")
        if "$" not in words[0] and not all(char.isalnum() or char in "._-/:@\"'" for char in words[0]):
            raise _Refused(f"invalid reference format: {words[0]!r} is no image name (is this file a template?)")
    elif keyword in ("COPY", "ADD"):
        if len(instruction.words) < 2 and not instruction.heredocs:
            raise _Refused(f"{keyword} requires at least two arguments: sources and a destination")
    elif keyword == "RUN":
        _check_run(instruction)
    elif keyword == "VOLUME":
        if instruction.exec_form is not None and not all(map(str.strip, instruction.exec_form or ("",))):
            raise _Refused("VOLUME requires at least one argument, and none of them empty")
    elif keyword == "HEALTHCHECK":
        _check_health(health(instruction))
    elif keyword == "SHELL":
        if not instruction.exec_form:
            raise _Refused('SHELL requires the JSON form: SHELL ["executable", "parameters"]')
    elif keyword == "ONBUILD" and (sub := instruction.sub) is not None:
        if sub.keyword in NOT_IN_ONBUILD:
            raise _Refused(f"{sub.keyword} isn't allowed as an ONBUILD trigger")
        _check(sub)


def _check_run(instruction: Instruction) -> None:
    for flag in instruction.flags:
        value = flag.value or ""
        if flag.name in RUN_FLAGS and value not in RUN_FLAGS[flag.name]:
            raise _Refused(f"invalid mode for --{flag.name}: {value!r} (one of {', '.join(RUN_FLAGS[flag.name])})")
        if flag.name == "mount" and not value:
            raise _Refused("--mount has no value")
        for field in mount_fields(value) if flag.name == "mount" else ():
            name, equals, kind = field.partition("=")
            if not equals and name.lower() not in ("readonly", "ro", "readwrite", "rw", "required"):
                raise _Refused(f"invalid field {field!r} of --mount: write name=value")
            if name.lower() == "type" and "$" not in kind and kind.lower() not in MOUNTS:
                raise _Refused(f"unsupported mount type {kind!r} (one of {', '.join(MOUNTS)})")


def mount_fields(value: str) -> Sequence[str]:
    """The fields of one ``--mount=``, which is a line of CSV."""
    import csv

    return next(csv.reader([value]), ())


def _check_health(found: Health) -> None:
    if found.kind == "NONE":
        if found.command:
            raise _Refused("HEALTHCHECK NONE takes no arguments")
    elif found.kind != "CMD":
        raise _Refused(f"unknown type {found.kind!r} of HEALTHCHECK (try CMD)")
    elif not found.command or found.exec_form == ():
        raise _Refused("missing command after HEALTHCHECK CMD")


def _is_json_list(text: str) -> bool:
    import json

    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def _stage_name(name: str) -> bool:
    return name[:1].isalpha() and name.isascii() and all(char.isalnum() or char in "-_." for char in name)
