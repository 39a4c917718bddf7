"""Which of today's instructions each commit changed, from the versions of the Dockerfile.

An instruction is followed back through the versions: by its reading where it is the same, and where a few were
changed together, by their keywords in order. One that moved counts as changed, as the builder sees it, and is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from optimizer.document import Document, Instruction, ParseError, parse
from optimizer.history.change import History


class Aligned(NamedTuple):
    """How the instructions of two versions belong together, by their numbers."""

    origins: Mapping[int, int]
    """For those of the new version the one in the old that they were."""
    changed: frozenset[int]
    """Those of the new version that are not in the old one as they are now, and where they are now."""


def align(old: Sequence[Instruction], new: Sequence[Instruction]) -> Aligned:
    """Hold two versions of a Dockerfile against each other.

    One that moved is the same one, in another place; it counts as changed.
    """
    from difflib import SequenceMatcher

    was, now = [each.reading for each in old], [each.reading for each in new]
    opcodes = SequenceMatcher(None, was, now, autojunk=False).get_opcodes()
    origins = {
        start + at: low + at for tag, low, high, start, _ in opcodes if tag == "equal" for at in range(high - low)
    }
    changed = frozenset(range(len(new))) - origins.keys()
    left = [number for number in range(len(old)) if number not in set(origins.values())]
    for number in sorted(changed):
        moved = next((each for each in left if was[each] == now[number]), None)
        if moved is not None:
            origins[number] = moved
            left.remove(moved)
    for _, low, high, start, end in opcodes:
        gone = [number for number in range(low, high) if number in left]
        came = [number for number in range(start, end) if number not in origins]
        before, after = [old[number].keyword for number in gone], [new[number].keyword for number in came]
        for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
            origins.update((came[block.b + at], gone[block.a + at]) for at in range(block.size))
    return Aligned(origins, changed)


def changes(today: Document, versions: Iterable[str | None]) -> list[frozenset[int]]:
    """What happened between a version and the next older one, in numbers of today's instructions.

    ``versions`` are texts, the newest first; None is one that is not there. One that is not there or that does not
    parse is passed over: its set is empty, and the next older one is held against the next newer one. The first set is
    what differs between today's text and the newest version: what is not committed.
    """
    found: list[frozenset[int]] = []
    newer: Sequence[Instruction] = today.instructions
    now = {number: number for number in range(len(newer))}
    for text in versions:
        older = _instructions(text)
        if older is None:
            found.append(frozenset())
            continue
        aligned = align(older, newer)
        found.append(frozenset(now[number] for number in aligned.changed if number in now))
        now = {old: now[new] for new, old in aligned.origins.items() if new in now}
        newer = older
    return found


def _instructions(text: str | None) -> Sequence[Instruction] | None:
    if text is None:
        return None
    try:
        return parse(text).instructions
    except ParseError:
        return None


def aligned(history: History, document: Document) -> History:
    """The history with its instructions counted in another text of the Dockerfile: in what it was rewritten to."""
    if history.text is None or history.text == document.text:
        return history
    old = _instructions(history.text)
    if old is None:
        return history
    now = followed(old, document.instructions)
    commits = tuple(
        replace(each, instructions=frozenset(now[number] for number in each.instructions if number in now))
        if each.instructions
        else each
        for each in history.commits
    )
    return replace(history, commits=commits, text=document.text)


def followed(old: Sequence[Instruction], new: Sequence[Instruction]) -> Mapping[int, int]:
    """Which instruction of a rewritten text each of the old ones has become, by their numbers.

    Wherever it stands: by its reading, else by the words that the two have in common. A RUN that was joined with
    others is the joined one. Were it the order that decides, what moves would lose its history, and move back.
    """
    same: dict[object, list[int]] = {}
    for each in reversed(new):
        same.setdefault(each.reading, []).append(each.index)
    found = {each.index: same[each.reading].pop() for each in old if same.get(each.reading)}
    left = [each for each in new if each.index not in set(found.values())]
    words = {each.index: _words(each) for each in left}
    for each in old:
        mine = _words(each)
        candidates = [other for other in left if other.keyword == each.keyword and mine & words[other.index]]
        if each.index not in found and candidates:
            best = max(candidates, key=lambda other: (len(mine & words[other.index]), -len(words[other.index])))
            found[each.index] = best.index
    return found


def _words(instruction: Instruction) -> frozenset[str]:
    return frozenset(" ".join((instruction.text, *(each.content for each in instruction.heredocs))).split()[1:])
