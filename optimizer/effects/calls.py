"""What one command of a RUN reads and writes."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from optimizer.effects import special
from optimizer.effects.doing import ACCOUNTS, Around, Doing, NotKnown, exact, has_pattern, literals
from optimizer.effects.installs import installed
from optimizer.effects.table import (
    ACCOUNT_PLACES,
    ASKING,
    CHANGE_ACCOUNTS,
    FETCHERS,
    FILE_PAIRS,
    FILE_TESTS,
    STANDARD_PATH,
    TESTS,
    Row,
    rows,
)
from optimizer.independence import UNKNOWN, behind_wrappers, shown_command
from optimizer.packages.reading import program_name, unversioned
from optimizer.shell import Simple, Word


class Given(NamedTuple):
    """A command line taken apart."""

    options: dict[str, Word | str]
    """Each option with its value: a word, or the text that is joined to the option; "" without one."""
    operands: list[Word]

    def has(self, *names: str) -> bool:
        return any(name in self.options for name in names)


def call(doing: Doing, command: Simple, around: Around, *, certain: bool) -> None:
    """Add what a command does.

    :raises NotKnown: where that is not known.
    """
    start = behind_wrappers(command)
    name = None if start is None else program_name(command.words[start])
    if start is None or name is None:
        raise NotKnown(f"`{shown_command(command)}` runs what is not known")
    if start:
        doing.tool(around)
    words = command.words[start + 1 :]
    program = command.words[start].literal or command.words[start].text
    if name in TESTS:
        _test(doing, words, around)
        doing.uses_variables("all" if any(word.literal == "-v" for word in words) else "basic")
        return
    if "/" in program and posixpath.dirname(program) not in STANDARD_PATH:
        doing.read(*doing.paths(command.words[start], around))
    if installed(doing, command, start, around):
        return
    if name == "printf" and words and words[0].literal == "-v":
        raise NotKnown(f"`{shown_command(command)}` sets a variable")
    if name in ("exit", "return"):
        doing.usual = False  # nothing that is made behind it is certain
    row = rows().get(name) or rows().get(unversioned(name))
    reader = special.READERS.get(name)
    if row is None and reader is None:
        raise NotKnown(f"`{shown_command(command)}` is not a command that is known here")
    if reader is not None:
        reader(doing, command, words, around)
        return
    assert row is not None
    _known(doing, command, name, row, words, around, certain and not start)


def _known(
    doing: Doing, command: Simple, name: str, row: Row, words: Sequence[Word], around: Around, certain: bool
) -> None:
    given = taken_apart(row, words, command, around)
    if row.plain and not any(option.startswith("--") for option in given.options):
        doing.program(name)
        doing.uses_variables("basic")
    else:
        doing.tool(around, writes=row.keeps)
        doing.uses_variables("tool")
    if name in ASKING:
        doing.tool(around)
    if name in ("id", "whoami"):
        doing.reads += ACCOUNTS
    doing.network |= name in FETCHERS
    for option, content in given.options.items():
        role = (row.options or {}).get(option, "")
        if role in ("r", "w") and content != "":
            _apply(doing, role, _value_paths(doing, content, around))
    if not row.operands and given.operands:
        raise NotKnown(f"what `{shown_command(command)}` does with `{given.operands[0].text}` is not known here")
    roles = row.roles(len(given.operands))
    if (
        set(row.operands) > {"…"}
        and set(row.operands) != {"-", "…"}
        and not given.operands
        and name not in special.READS_INPUT
    ):
        raise NotKnown(f"`{shown_command(command)}` names no file")
    for word, role in zip(given.operands, roles, strict=True):
        if role == "m" and not exact(word, around):
            _apply(doing, "w", doing.paths(word, around))
        elif role == "m":
            for path in doing.paths(word, around):
                _made(doing, path, given, certain=certain and doing.usual)
        elif role != "-":
            _apply(doing, role, doing.paths(word, around))
        elif has_pattern(word):
            doing.read(*doing.paths(word, around))  # a pattern looks into a folder
    _besides(doing, command, name, given, around)


def _made(doing: Doing, path: str, given: Given, *, certain: bool) -> None:
    """The folder that mkdir makes; with -m only those above it have the usual mode."""
    own_mode = given.has("-m", "--mode")
    if given.has("-p", "--parents"):
        doing.make(posixpath.dirname(path) if own_mode else path, f"a command, {doing.user}", certain=certain)
    if own_mode or not given.has("-p", "--parents"):
        doing.write(path)


def _apply(doing: Doing, role: str, paths: Sequence[str]) -> None:
    if role == "r":
        doing.read(*paths)
    else:
        doing.change(*paths)


def _value_paths(doing: Doing, content: Word | str, around: Around) -> list[str]:
    if isinstance(content, str):
        return [] if content == "-" else doing.resolved(content, content, around)
    return [] if content.literal == "-" else doing.paths(content, around)


def _besides(doing: Doing, command: Simple, name: str, given: Given, around: Around) -> None:
    """What the roles of the operands do not say."""
    if name in ("cp", "mv"):
        _copied(doing, command, name, given, around)
    elif name == "install" and given.has("-d", "--directory", "-D"):
        # the folders above are made with a mode of their own
        made = given.operands if not given.has("-D") else given.operands[-1:]
        for path in (path for word in made for path in doing.paths(word, around)):
            doing.make(posixpath.dirname(path), "install", certain=False)
            doing.change(path)
    elif name == "ln":
        _linked(doing, command, given, around)
    elif name in ("chown", "chgrp") and given.operands:
        owner = given.operands[0].literal or "?"
        if any(not part.isdigit() and part != "root" for part in owner.split(":") if part):
            doing.reads += ACCOUNTS
    elif name in ("curl", "wget"):
        _fetched(doing, name, given, around)
    elif name in CHANGE_ACCOUNTS:
        doing.read(*ACCOUNT_PLACES)
        doing.install(*ACCOUNT_PLACES)
        account = given.operands[-1].literal if given.operands else None
        home = "/home" if account is None else f"/home/{account}"
        for option in ("-d", "--home", "--home-dir"):
            homes = _value_paths(doing, given.options.get(option, "-"), around)
            doing.reach(*homes)
            doing.ground.homes += homes
        doing.change(home)
        removes = name in ("userdel", "usermod", "deluser") and given.has("-r", "-m", "-d", "--home", "--remove")
        if given.has("-b", "-R") or removes:
            raise NotKnown(f"`{shown_command(command)}` works in a folder that is not known")
    elif name == "unzip" and not given.has("-d"):
        doing.change(*doing.resolved(".", ".", around))
    if name == "unzip":
        into = _value_paths(doing, given.options.get("-d", "."), around)
        doing.reach(*into)
        doing.ground.regions += into


def _copied(doing: Doing, command: Simple, name: str, given: Given, around: Around) -> None:
    """Links that are copied or moved lead somewhere else from there."""
    if name == "cp" and not given.has("-r", "-R", "-a", "-d", "-P", "--recursive", "--archive"):
        return
    paths = [path for word in given.operands for path in doing.paths(word, around)]
    for option in ("-t", "--target-directory"):
        if option in given.options:
            paths += _value_paths(doing, given.options[option], around)
    if any(doing.ground.holds_link(path) for path in paths):
        raise NotKnown(f"`{shown_command(command)}` may move a link")
    doing.ground.regions += paths


def _linked(doing: Doing, command: Simple, given: Given, around: Around) -> None:
    if len(given.operands) != 2:
        raise NotKnown(f"where `{shown_command(command)}` puts its link is not known")
    target, at = given.operands
    soft = given.has("-s", "--symbolic")
    texts = literals(given.operands, around.environment)
    if any(text is None or UNKNOWN in text or text.startswith("~") for text in texts):
        raise NotKnown(f"where the link of `{shown_command(command)}` leads is not known")
    if given.has("-r", "--relative") or not soft:
        (to,) = doing.paths(target, around) if len(around.folders) == 1 else ("",)
        if not to:
            raise NotKnown(f"where the link of `{shown_command(command)}` leads is not known")
    else:
        to = texts[0] or ""
    if ".." in to.split("/") and doing.ground.links:
        raise NotKnown(f"where the link of `{shown_command(command)}` leads is not known")
    if not soft:
        doing.change(*doing.paths(target, around))
    for link in doing.paths(at, around):
        doing.change(link)
        doing.ground.linked(link, to, hard=not soft)


def _fetched(doing: Doing, name: str, given: Given, around: Around) -> None:
    named = given.has("-o", "--output") if name == "curl" else given.has("-O", "--output-document")
    saves = given.has("-O", "--remote-name", "-J", "--remote-header-name") if name == "curl" else not named
    if name == "curl" and given.has("--output-dir"):
        saves = True
    for option in ("-P", "--directory-prefix", *(["-o", "--output"] if given.has("--create-dirs") else [])):
        if option in given.options and not (name == "wget" and option == "-o"):
            doing.reach(*_value_paths(doing, given.options[option], around))
    if saves:
        doing.change(*doing.resolved(".", ".", around))
    for word in given.operands:
        text = (literals([word], around.environment)[0] or "").lower()
        if text.startswith("file:"):
            raise NotKnown(f"`{word.text}` may be a file of the image")


def _test(doing: Doing, words: Sequence[Word], around: Around) -> None:
    before = ""
    for at, word in enumerate(words):
        after = words[at + 1].literal if at + 1 < len(words) else None
        if before in FILE_TESTS | FILE_PAIRS or after in FILE_PAIRS:
            doing.read(*doing.paths(word, around))
        before = word.literal or ""


def taken_apart(row: Row, words: Sequence[Word], command: Simple, around: Around) -> Given:
    """The options and operands of a command.

    :raises NotKnown: where an option is not known.
    """
    given = Given({}, [])
    queue = list(words)[::-1]
    only_operands = False
    while queue:
        word = queue.pop()
        text = word.literal if word.literal is not None else literals([word], around.environment)[0]
        shown = word.text
        if text == "--" and not only_operands:
            only_operands = True
            continue
        if text is None and not word.quoted and word.expansions and row.options is not None and not only_operands:
            begins = word.expansions[0].start == word.start
            if begins:
                raise NotKnown(f"`{shown}` may be an option of `{shown_command(command)}`")
        if only_operands or text is None or not text.startswith("-") or text == "-":
            given.operands.append(word)
            continue
        if row.options is None:
            given.options[text] = ""
            continue
        _option(row.options, text, queue, given, command)
    return given


def _option(known: Mapping[str, str], text: str, queue: list[Word], given: Given, command: Simple) -> None:
    name, equals, content = text.partition("=")
    if text.startswith("--"):
        role = known.get(name)
        if role is None or (equals and not role):
            raise NotKnown(f"the option {name.replace(UNKNOWN, '…')} of `{shown_command(command)}` is not known here")
        given.options[name] = content if equals else _value(queue, role, command)
        return
    if text in known:
        given.options[text] = _value(queue, known[text], command)
        return
    for at, letter in enumerate(text[1:], 1):
        role = known.get(f"-{letter}")
        if role is None:
            raise NotKnown(f"the option -{letter} of `{shown_command(command)}` is not known here")
        rest = text[at + 1 :]
        given.options[f"-{letter}"] = rest if role and rest else _value(queue, role, command)
        if role:
            return


def _value(queue: list[Word], role: str, command: Simple) -> Word | str:
    if not role:
        return ""
    if not queue:
        raise NotKnown(f"an option of `{shown_command(command)}` lacks its value")
    return queue.pop()
