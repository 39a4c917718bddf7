"""Joining scripts: one that means `sh -c A`, then `sh -c B` only if the status of A is 0.

This is the table of semantics 2. There are two ways to join. With `&&`: each script but the last then runs
where errexit is ignored, so none of them may depend on it. With `;` under a `set -e` that all share: each
script but the last must then end the shell itself when it fails. A subshell keeps what a script changes from
the next one, and when it fails under `set -e` it always ends the shell.

A failure has the same status, with one exception: where bash itself gives up, over a variable that is not set
(`set -u`, `${x:?}`) or is readonly, it leaves with 1, 2 or 127, depending on what is around the command.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Literal, NamedTuple

from optimizer.shell.ast import Comment, Heredoc, Item, Script
from optimizer.shell.errexit import fires, head, head_options, indifferent, sets_errexit
from optimizer.shell.parser import parse
from optimizer.shell.state import ProcessUse, StateChange, effects, placed, programs, uses

Wrap = Literal["plain", "group", "subshell"]

# After a division by zero or an assignment to a readonly variable, bash drops the rest of the line or of the
# compound command, and goes on behind it; sh, and bash as sh, end over it.
_BY_LINE = "it has several lines, and where bash gives up on one it goes on with the next"

_LONGEST = 120_000  # bytes; MAX_ARG_STRLEN is 131,072, and joining adds a few

_FAILING = frozenset(str(status) for status in range(1, 256))


class Shell(NamedTuple):
    """The shell of a RUN: `sh` is any POSIX one, be it dash, busybox ash or bash."""

    dialect: Literal["sh", "bash"] = "sh"
    options: frozenset[str] = frozenset()  # that SHELL switches on: "errexit", "pipefail", "xtrace", …
    startup_files: bool = False  # a login or interactive shell, or BASH_ENV or ENV is set


class Part(NamedTuple):
    """One script in the joined one: `prefix`, then text[start:end] of it, then `suffix`."""

    wrap: Wrap
    prefix: str
    start: int
    end: int
    suffix: str
    reason: str  # why it is wrapped, "" if it is not


class Plan(NamedTuple):
    """How to join: the parts, and between each two of them a separator (" && ", "; " or a newline)."""

    parts: tuple[Part, ...]
    separators: tuple[str, ...]
    multiline: bool  # needs real newlines: a heredoc of RUN, not a line of RUN


class JoinRefusal(NamedTuple):
    """Why scripts cannot be joined, and the index of the one to blame."""

    script: int
    reason: str


_Names = frozenset[str] | None
"""Names of programs; None: any."""


class _Facts(NamedTuple):
    script: Script
    changes: tuple[StateChange, ...]
    uses: tuple[ProcessUse, ...]
    head: dict[str, bool]  # the options that it sets before anything else
    rest: tuple[Item, ...]  # what stands behind its head
    head_end: int
    start: int
    end: int  # without the operator that may end a script of one line
    stop: int  # with it
    multiline: bool
    errexit: bool  # whether it may switch errexit on or off
    indifferent: bool  # whether it runs the same where errexit is ignored
    calls: frozenset[str]  # the programs that it looks up in PATH
    remembers: frozenset[str]  # those that its shell knows the place of afterwards
    places: _Names  # the names under which it may put programs into PATH; None: any
    sources: bool  # whether it runs commands that cannot be seen, in its own shell


def plan(scripts: Sequence[Script], *, shell: Shell) -> Plan | JoinRefusal:
    """Decide how to join scripts that run one after the other in the same shell (semantics 2)."""
    facts = [_facts(script.text) for script in scripts]
    if sum(len(script.text.encode("utf-8", "surrogateescape")) for script in scripts) > _LONGEST:
        return _refuse(len(scripts) - 1, "Linux would not take a script so long as the argument of a shell")
    if shell.startup_files:
        return _refuse(0, "the shell reads start-up files, which an earlier command may change")
    for index in range(len(facts)):
        for reason in _refusals(facts, index, shell):
            return _refuse(index, reason)
    depends = [("errexit" in shell.options or one.errexit) and not one.indifferent for one in facts]
    return _in_sequence(facts, shell) if any(depends[:-1]) else _in_chain(facts, shell)


def render(scripts: Sequence[Script], plan: Plan) -> str:
    """The joined script."""
    pieces: list[str] = []
    for script, part, separator in zip(scripts, plan.parts, (*plan.separators, ""), strict=True):
        pieces += part.prefix, script.text[part.start : part.end], part.suffix, separator
    return "".join(pieces)


@lru_cache(maxsize=512)
def _facts(text: str) -> _Facts:
    script = parse(text)
    assert isinstance(script, Script)
    body = script.body
    options = head(script)
    changes = effects(script)
    others: list[Comment | Heredoc] = [*script.comments, *script.heredocs]
    start = min([body.start, *(other.start for other in others)])
    stop = max([body.end, *(other.end for other in others)])
    multiline = "\n" in script.text[start:stop]
    end = stop if multiline or not body.items else body.items[-1].pipeline.end
    return _Facts(
        script,
        changes,
        uses(script),
        head_options(script),
        body.items[len(options) :],
        options[-1].pipeline.end if options else body.start,
        start,
        end,
        stop,
        multiline,
        sets_errexit(script),
        not body.items or indifferent(body.items[len(options) :], to_option=False),
        programs(script),
        programs(script, in_shell=True),
        placed(script),
        any(change.kind in ("source", "unknown") for change in changes),
    )


def _refuse(index: int, reason: str) -> JoinRefusal:
    return JoinRefusal(index, f"semantics 2: {reason}")


def _refusals(facts: Sequence[_Facts], index: int, shell: Shell) -> Iterator[str]:
    """What no wrapping mends in one script."""
    one = facts[index]
    last = index == len(facts) - 1
    if not one.script.body.items:
        yield "it holds no command"
    if one.script.text.startswith(("-", "+")):
        yield "the shell takes its first word for an option"
    for use in one.uses:
        # at the start of a script $? is 0 and $_ is the shell's; the first of all finds both as before
        if use.name not in ("?", "_") or (index and (use.first or use.name == "_")):
            yield use.reason
    for change in one.changes:
        if change.kind == "alias" or (change.kind in ("trap", "source", "unknown") and not last):
            yield f"{change.reason}, which neither a group nor a subshell keeps from the next command"
    if shell.dialect == "sh":
        for construct in one.script.dialect:
            if construct.structure:
                yield f"bash and sh read {construct.kind} differently, and the shell may be either"
    elif any(item.connector == "\n" for item in one.script.body.items):
        yield _BY_LINE


def _leaks(facts: Sequence[_Facts], in_force: frozenset[str]) -> list[str]:
    """Why the one after each would not find a new shell with just the options in force; "" if it would."""
    from_here = list(accumulate((one.places for one in reversed(facts)), _union))[::-1]
    return [_leak(one, facts[number:], in_force, from_here[number - 1]) for number, one in enumerate(facts[:-1], 1)]


def _union(names: _Names, others: _Names) -> _Names:
    return None if names is None or others is None else names | others


def _leak(one: _Facts, later: Sequence[_Facts], in_force: frozenset[str], from_here: _Names) -> str:
    """:param from_here: the names under which this script and the later ones may put programs into PATH."""
    for change in one.changes:
        if change.kind == "ends" and change.value in _FAILING:
            continue
        if change.kind == "option" and change.start < one.head_end:
            again = all(change.name in other.head for other in later)
            if again or (change.value == "on" and change.name in in_force):
                continue
        return change.reason
    placed = one.places
    for other in later if one.remembers and (from_here is None or one.remembers & from_here) else ():
        placed = _union(placed, other.places)
        known = one.remembers if other.sources else one.remembers & other.calls
        if found := known if placed is None else known & placed:
            return f"the shell remembers where it found {min(found)}, and another one may be put before it"
    return ""


def _is_chain(items: Sequence[Item]) -> bool:
    return all(item.connector == "&&" for item in items[1:])


def _shares_head(facts: Sequence[_Facts]) -> bool:
    """Whether all begin with the same options, so that setting them once is enough."""
    first = facts[0].head
    return bool(first) and all(
        one.head == first
        and one.rest
        and not any(comment.start < one.rest[0].pipeline.start for comment in one.script.comments)
        for one in facts
    )


def _in_chain(facts: Sequence[_Facts], shell: Shell) -> Plan:
    """`A && B`."""
    shared = _shares_head(facts)
    parts: list[Part] = []
    for index, (one, leak) in enumerate(zip(facts, [*_leaks(facts, shell.options), ""], strict=True)):
        last = index == len(facts) - 1
        list_needs_group = not _is_chain(one.rest if shared else one.script.body.items)
        if leak:
            parts.append(_part("subshell", one, index, shared, leak))
        elif list_needs_group or (one.multiline and not last):
            parts.append(_part("group", one, index, shared, "it is more than one chain of &&"))
        else:
            parts.append(_part("plain", one, index, shared, last=last))
    return Plan(tuple(parts), (" && ",) * (len(facts) - 1), any(one.multiline for one in facts))


def _in_sequence(facts: Sequence[_Facts], shell: Shell) -> Plan | JoinRefusal:
    """`set -e; A; B`."""
    given = "errexit" in shell.options
    for index, one in enumerate(facts):
        if not (given or one.head.get("errexit") or indifferent(one.script.body.items, to_option=True)):
            return _refuse(index, "another script needs `set -e`, which must not hold in this one")
    shared = _shares_head(facts) and facts[0].head.get("errexit", given)
    parts: list[Part] = []
    leaks = [*_leaks(facts, shell.options | {"errexit"}), ""]
    for index, (one, leak) in enumerate(zip(facts, leaks, strict=True)):
        last = index == len(facts) - 1
        reason = leak
        if not last and not reason and not (one.head.get("errexit", True) and fires(one.rest)):
            reason = "its last command can fail without ending a shell under `set -e`"
        parts.append(_part("subshell" if reason else "plain", one, index, shared, reason, last=last))
    multiline = any(one.multiline for one in facts)
    if multiline and shell.dialect == "bash":
        return _refuse([one.multiline for one in facts].index(True), _BY_LINE)
    if not (given or shared or (parts[0].wrap == "plain" and facts[0].head.get("errexit"))):
        parts[0] = parts[0]._replace(prefix="set -e; " + parts[0].prefix)
    return Plan(tuple(parts), ("\n" if multiline else "; ",) * (len(facts) - 1), multiline)


def _part(wrap: Wrap, one: _Facts, index: int, shared: bool, reason: str = "", *, last: bool = False) -> Part:
    stripped = shared and (index > 0 or wrap != "plain")
    start = one.rest[0].pipeline.start if stripped else one.start
    if wrap == "plain":
        return Part(wrap, "", start, one.stop if last else one.end, "", reason)
    items = one.rest if stripped else one.script.body.items
    if wrap == "group":
        opening, closing = "{ ", "\n}" if one.multiline else "; }"
    elif len(items) == 1 and items[0].pipeline.negated:
        # in `( ! a )` bash would hand the `!` to the subshell, and so turn even its giving up into success
        opening, closing = "( { ", "\n} )" if one.multiline else "; } )"
    else:
        opening, closing = "( ", "\n)" if one.multiline else " )"
    if shared and not index:
        opening = one.script.text[one.start : one.head_end] + "; " + opening
    return Part(wrap, opening, start, one.end, closing, reason)
