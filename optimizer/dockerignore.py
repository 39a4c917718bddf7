"""Which paths of the build context `.dockerignore` hides: Docker's own rules, which are not git's.

Source: Docker's reference of the .dockerignore file, and what BuildKit does with it: moby's ignorefile
reader, moby's patternmatcher, and fsutil's walk, which hands a folder's results down to what lies in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from optimizer.problem import Problem
from optimizer.wildcard import BadPattern, Char, CharClass, Token, Wild, clean, runs, source, tokens

_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_MOST_RETRIED = 4
"""More wildcards that a match may have to come back to could make one pattern run for minutes."""


class Rule(NamedTuple):
    """One line of the file: `pattern` is the cleaned pattern without `!`, `line` counts from 1."""

    line: int
    exception: bool
    pattern: str
    regex: re.Pattern[str]
    head: str
    """What every path that the pattern matches begins with."""

    def matches(self, path: str) -> bool:
        """Whether the pattern matches this very path; a match of a parent folder is not looked at."""
        return self.regex.fullmatch(path) is not None


class Verdict(NamedTuple):
    """What the rules say of one path: hidden or not, and the rule that decided, None when none matched.

    `matched` has a bit for each rule that matched the path or a folder above it; it is for the paths below.
    """

    excluded: bool
    rule: Rule | None
    matched: int


NOTHING_MATCHED = Verdict(False, None, 0)


class Ignore(Struct, frozen=True, dict=True):
    """The rules of one file, in its order.

    A pattern that Docker refuses to build with, or that BuildKit does not read as documented, is a problem
    and no rule: with problems, what the file hides is not known.
    """

    rules: tuple[Rule, ...] = ()
    problems: tuple[Problem, ...] = ()

    def excludes(self, path: str) -> bool:
        """Whether the builder does not get this path. The root itself ("" or ".") is never excluded."""
        return self.verdict(path).excluded

    def verdict(self, path: str) -> Verdict:
        """What the rules say of a path relative to the context's root."""
        above, found = "", NOTHING_MATCHED
        for name in clean(f"/{path}").split("/")[1:]:
            if name:
                above = f"{above}/{name}" if above else name
                found = self.step(above, found.matched)
        return found

    def step(self, path: str, above: int) -> Verdict:
        """What the rules say of a path, `above` being what matched for its folder. The last match wins.

        A rule that could change nothing when the folder was looked at is not held to have matched it: after
        `a/b` and `!a`, the file a/b stays hidden.
        """
        excluded, decided, matched = False, None, 0
        for bit, rule in enumerate(self.rules):
            if not above >> bit & 1 and (rule.exception != excluded or not rule.matches(path)):
                continue
            excluded, decided, matched = not rule.exception, rule, matched | 1 << bit
        return Verdict(excluded, decided, matched)

    def may_reach_into(self, folder: str) -> bool:
        """Whether an exception may bring back something below a folder that is hidden."""
        inside = f"{folder}/"
        return any(head.startswith(inside) or inside.startswith(head) for head in self._exceptions)

    @cached_property
    def _exceptions(self) -> tuple[str, ...]:
        return tuple(rule.head for rule in self.rules if rule.exception)


def parse(text: str, path: str = ".dockerignore") -> Ignore:
    """Reads the file; `path` is its name in problems."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if line.startswith("#") or not line.strip(_SPACE):
            continue
        pattern = _clean_line(line.strip(_SPACE))
        exception = pattern.startswith("!")
        try:
            pattern = pattern.removeprefix("!")
            if not pattern:
                raise BadPattern("no pattern stands after the !")
            rules.append(Rule(number, exception, pattern, *_compile(pattern)))
        except BadPattern as error:
            column = len(line) - len(line.lstrip(_SPACE)) + 1
            problems.append(Problem(path, number, column, f"{error}; mend or remove the pattern"))
    return Ignore(tuple(rules), tuple(problems))


def _clean_line(line: str) -> str:
    """The pattern with its path cleaned and no slash in front; a `!` that then stands first negates, too."""
    negation = "!" if line.startswith("!") else ""
    pattern = line[len(negation) :].strip(_SPACE)
    if pattern:
        pattern = clean(pattern)
        pattern = pattern.removeprefix("/") or pattern
    return clean((negation + pattern).strip(_SPACE))


def _compile(pattern: str) -> tuple[re.Pattern[str], str]:
    """The pattern as a regular expression over a whole path, and the plain text that it begins with.

    `**` is moby's own: at the end it takes everything, anywhere else it takes folders or nothing. A pattern
    of `**` and plain text matches every path that ends in the text, even in the midst of a name; with a
    wildcard in the text it does not.
    """
    found = tokens(pattern)
    _refuse_what_moby_reads_otherwise(found)
    if found[:2] == (Wild.STAR, Wild.STAR) and all(isinstance(it, Char) and not it.escaped for it in found[2:]):
        tail = pattern[2:]
        folders = "(?:.*/)?" if tail.startswith("/") else ".*"
        return re.compile(folders + re.escape(tail.removeprefix("/")), re.S), ""
    cut = runs(_with_folders(found))
    parts: list[str] = []
    retried = 0
    for run, following in pairwise(cut):
        if _may_commit(run, following):
            parts.append(f"(?>{source(run)})")
        else:
            parts.append(source(run))
            retried += 1
    if retried > _MOST_RETRIED:
        raise BadPattern("it has too many **, or * before [, to be followed")
    parts.append("(?s:.*)" if cut[-1] == [Wild.FOLDERS] else source(cut[-1]))
    return re.compile("".join(parts)), _head(pattern)


def _with_folders(found: tuple[Token, ...]) -> Iterator[Token]:
    """The tokens with `**` or `**/` read as one; what follows is read anew, so `***` is `**` and `*`."""
    rest = list(found)
    while rest:
        token = rest.pop(0)
        if [token, *rest[:1]] == [Wild.STAR, Wild.STAR]:
            del rest[: 2 if rest[1:2] == [Char("/")] else 1]
            token = Wild.FOLDERS
        yield token


def _may_commit(run: list[Token], following: list[Token]) -> bool:
    """Whether the shortest text that the run can take is always right, as another `*` takes up the rest."""
    return following[0] == Wild.STAR and not any(token is Wild.FOLDERS or isinstance(token, CharClass) for token in run)


def _head(pattern: str) -> str:
    """The pattern's text before its first special character."""
    found = re.search(r"[*?[\\]", pattern)
    return pattern[: found.start()] if found else pattern


def _refuse_what_moby_reads_otherwise(pattern: tuple[Token, ...]) -> None:
    """Raises BadPattern for what means one thing to Go's Match and another to the regexp moby makes of it."""
    for token in pattern:
        chars = [token] if isinstance(token, Char) else []
        if isinstance(token, CharClass):
            chars = [char for pair in token.ranges for char in pair]
            if any(char.text in "*?" and not char.escaped for char in chars) or "[:" in token.source:
                raise BadPattern(f"{token.source} has *, ? or [: in brackets, where they are no characters")
            if any(low.text > high.text for low, high in token.ranges):
                raise BadPattern(f"{token.source} has a range that runs backwards")
        if any(char.escaped and (char.text.isalnum() or not char.text.isascii()) for char in chars):
            raise BadPattern("a backslash may stand only before ASCII punctuation")
