"""Goes through the script of a RUN, with the directory and the variables that each command has."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from optimizer.effects.calls import call
from optimizer.effects.doing import Around, Doing, NotKnown, has_pattern
from optimizer.effects.table import FILE_PAIRS, FILE_TESTS
from optimizer.independence import UNKNOWN, Surroundings, feeds_known_script, shown_command, value
from optimizer.shell import Command, Compound, Expansion, Item, List, Redirect, Script, Simple, Word, effects, walk
from optimizer.shell.compound import SPECIAL_BUILTINS
from optimizer.shell.walk import traverse

_NO_FILE = frozenset({"<<", "<<-", "<<<", ">&", "<&"})
_CHANGES = frozenset({"alias", "function", "source", "trap", "unknown", "redirection"})
"""Changes of the shell that are not followed."""
_SETTING = frozenset({"export", "readonly", "local", "declare", "typeset"})
_SILENT = frozenset({"set", "unset", "read", "getopts", "shopt", "break", "continue", "let", "times", "wait", "hash"})
_BODIES = frozenset({"subshell", "group", "if", "for", "while", "until", "case", "conditional"})


class Walk:
    """Adds what the commands of a script do to a Doing."""

    def __init__(self, doing: Doing) -> None:
        self.doing = doing
        self.assigned: set[str] = set()
        """The variables that the script sets somewhere."""

    def script(self, script: Script, around: Around) -> None:
        """Read a whole script.

        :raises NotKnown: where nothing can be said about it.
        """
        for change in effects(script):
            if change.kind in _CHANGES:
                raise NotKnown(change.reason)
            if change.kind == "variable" and change.name is None:
                raise NotKnown(change.reason)
            if change.name in ("PATH", "HOME", "IFS"):
                raise NotKnown(f"it sets {change.name} itself")
            if change.kind == "umask":
                self.doing.usual = False
        for node, where in traverse(script):
            if where.background:
                raise NotKnown("it runs commands in the background")
            if isinstance(node, Expansion):
                self.expansion(node)
        self.body(script.body, around, certain=True)

    def expansion(self, node: Expansion) -> None:
        if node.kind in ("command", "process") and node.body is None:
            raise NotKnown("it runs what could not be read")
        if node.operator in ("=", ":="):
            raise NotKnown(f"it sets {node.name} in a word")
        if node.operator.startswith("!"):
            self.doing.uses_variables("all")
        if node.name and node.name not in self.assigned:
            self.doing.used.add(node.name)

    def body(self, body: List, around: Around, *, certain: bool) -> None:
        """The items of a list; the directory and the variables behind it are left in ``around``."""
        chain = all(item.connector in ("", "&&") for item in body.items)
        for item in body.items:
            self.item(item, around, certain=certain and chain, chain=chain)

    def item(self, item: Item, around: Around, *, certain: bool, chain: bool) -> None:
        commands = item.pipeline.commands
        if len(commands) > 1:
            known = Surroundings((), None, around.environment)
            if feeds_known_script(commands, known):
                self.known_script(around)
                return
            for command in commands:
                self.command(command, around.copy(), certain=False)
            return
        if chain:
            self.command(commands[0], around, certain=certain and not item.pipeline.negated)
            return
        # it may fail, or not be run at all, and what follows runs all the same
        after = around.copy()
        self.command(commands[0], after, certain=False)
        _either(around, after)

    def known_script(self, around: Around) -> None:
        """A script from the network that installs something, and looks at nothing but the system."""
        self.doing.tool(around, writes=True)
        self.doing.uses_variables("all")
        self.doing.network = True
        self.doing.change(*self.doing.resolved(".", ".", around))

    def command(self, command: Command, around: Around, *, certain: bool) -> None:
        if isinstance(command, Simple):
            self.simple(command, around, certain=certain)
            return
        if command.kind not in _BODIES:
            raise NotKnown(f"a {command.kind} is not followed")
        self.substitutions(command.words, around)
        self.redirects(command.redirects, around)
        if command.kind == "conditional":
            self.conditional(command, around)
        elif command.kind == "group":
            self.body(command.bodies[0], around, certain=certain)
        elif command.kind == "subshell":
            self.body(command.bodies[0], around.copy(), certain=certain)
        else:
            self.branches(command, around)

    def conditional(self, command: Compound, around: Around) -> None:
        before = ""
        for at, word in enumerate(command.words):
            after = command.words[at + 1].literal if at + 1 < len(command.words) else None
            if before in FILE_TESTS | FILE_PAIRS or after in FILE_PAIRS:
                self.doing.read(*self.doing.paths(word, around))
            before = word.literal or ""
            if before == "-v":
                self.doing.uses_variables("all")

    def branches(self, command: Compound, around: Around) -> None:
        """What may be run, or run more than once: a variable that is set in it may have any value in it."""
        if command.kind == "for":
            if any("((" in word.text for word in command.words):
                raise NotKnown("a for loop that counts is not followed")
            for word in command.words:
                if has_pattern(word):
                    self.doing.read(*self.doing.paths(word, around))
        start = around.copy()
        for name in _set_in(command):
            start.having(name, None)
        before = start.copy()
        for body in command.bodies:
            inside = start.copy()
            self.body(body, inside, certain=False)
            _either(before, inside)
        if before.folders != start.folders and command.kind in ("for", "while", "until"):
            raise NotKnown("the directory changes in a loop")
        around.folders, around.environment = before.folders, before.environment

    def simple(self, command: Simple, around: Around, *, certain: bool) -> None:
        self.substitutions(command.words, around)
        for assignment in command.assignments:
            self.substitutions((assignment.value,), around)
        self.redirects(command.redirects, around)
        name = command.name
        if not command.words:
            for assignment in command.assignments:
                around.having(assignment.name, value(assignment.value, around.environment) if certain else None)
            return
        if name in _SETTING:
            self.setting(command, around, certain=certain)
        elif name == "cd":
            self.enter(command, around)
        elif name in _SILENT:
            self.silent(command, around)
        else:
            if command.assignments and name in SPECIAL_BUILTINS:
                raise NotKnown(f"`{shown_command(command)}` sets a variable in front of a built-in command")
            own = {each.name for each in command.assignments}
            if any(each.name in own for word in command.words for each in word.expansions):
                raise NotKnown(f"`{shown_command(command)}` uses a variable that is set in front of it")
            inner = around.copy()
            for assignment in command.assignments:
                if assignment.name in ("PATH", "HOME"):
                    raise NotKnown(f"it sets {assignment.name} itself")
                inner.having(assignment.name, value(assignment.value, around.environment))
            call(self.doing, command, inner, certain=certain)

    def setting(self, command: Simple, around: Around, *, certain: bool) -> None:
        if len(command.words) == 1 or any(word.text.startswith("-") for word in command.words[1:]):
            self.doing.uses_variables("all")
        for word in command.words[1:]:
            text = value(word, around.environment)
            name, equals, content = (text or "").partition("=")
            if not name.isidentifier() and not word.text.startswith("-"):
                raise NotKnown(f"`{shown_command(command)}` sets what is not known")
            if equals:
                around.having(name, content if certain and UNKNOWN not in content else None)

    def silent(self, command: Simple, around: Around) -> None:
        """Built-ins that change the shell only."""
        if len(command.words) == 1 and command.name == "set":
            self.doing.uses_variables("all")
        for word in command.words[1:]:
            text = (word.literal or "").partition("=")[0]
            if command.name not in ("read", "getopts", "unset", "let"):
                continue
            if word.literal is None:
                raise NotKnown(f"`{shown_command(command)}` sets what is not known")
            if text.isidentifier():
                around.having(text, None)

    def enter(self, command: Simple, around: Around) -> None:
        """cd: the directory is read, and is the current one from then on."""
        if len(command.words) != 2 or command.words[1].literal == "-":
            raise NotKnown(f"where `{shown_command(command)}` goes is not known")
        text = value(command.words[1], around.environment)
        if text is None or UNKNOWN in text or text.startswith(("~", "-")):
            raise NotKnown(f"where `{shown_command(command)}` goes is not known")
        if "CDPATH" in around.environment and not text.startswith(("/", ".")):
            raise NotKnown("CDPATH decides where `cd` goes")
        paths = self.doing.resolved(text, text, around)
        for path in paths:
            self.doing.reads += (zone._replace(tree=False) for zone in self.doing.zones(path))
        around.folders = (*dict.fromkeys(map(posixpath.normpath, paths)),)

    def substitutions(self, words: Sequence[Word], around: Around) -> None:
        """The commands in words, at any depth."""
        for word in words:
            self.expansions(word.expansions, around)

    def expansions(self, expansions: Sequence[Expansion], around: Around) -> None:
        for each in expansions:
            if each.body is not None:
                self.body(each.body, around.copy(), certain=False)
            self.expansions(each.nested, around)

    def redirects(self, redirects: Sequence[Redirect], around: Around) -> None:
        for redirect in redirects:
            if redirect.heredoc is not None:
                self.expansions(redirect.heredoc.expansions, around)
            self.expansions(redirect.target.expansions, around)
            if redirect.op in _NO_FILE:
                continue
            paths = self.doing.paths(redirect.target, around)
            self.doing.read(*paths)
            if redirect.op != "<":
                self.doing.write(*paths)


def _either(around: Around, other: Around) -> None:
    """What is in force where it is not known whether a command has run."""
    around.folders = (*dict.fromkeys((*around.folders, *other.folders)),)
    names = {*around.environment, *other.environment}
    around.environment = {
        name: around.environment.get(name)
        if around.environment.get(name) == other.environment.get(name)
        and (name in around.environment) == (name in other.environment)
        else None
        for name in names
    }


def _set_in(command: Compound) -> set[str]:
    """The variables that a compound command may set."""
    names = {command.name} if command.kind in ("for", "select") and command.name else set()
    for node, _ in walk(command):
        names.update(each.name for each in node.assignments)
        if node.name in _SETTING | _SILENT:
            names.update((word.literal or "").partition("=")[0] for word in node.words[1:])
    return {name for name in names if name}
