"""Which instructions of a stage have to keep their order, and why.

An instruction may pass another one only if neither reads what the other writes and both write to different places
(semantics 4.1). Folders that both make alike are the exception: whoever comes first leaves the same folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.effects.effect import EVERY_VARIABLE, VARIABLE, Effects
from optimizer.effects.zones import EVERYTHING, Made, Zone
from optimizer.landing import inside


class Tie(NamedTuple):
    """Two instructions of a stage, by their numbers in `Stage.instructions`, that keep their order."""

    first: int
    second: int
    reason: str
    """A clause in words: ``line 5 (RUN pip install …) reads /app/requirements.txt, which line 4 (COPY …) writes``."""


def ties(effects: Sequence[Effects]) -> tuple[Tie, ...]:
    """Every pair of instructions that must keep its order; what follows from two others is among them."""
    return tuple(
        Tie(first, second, reason)
        for second in range(len(effects))
        for first in range(second)
        if (reason := conflict(effects, first, second))
    )


def predecessors(count: int, found: Sequence[Tie]) -> tuple[int, ...]:
    """For each of ``count`` instructions, those that must stand before it, as a set of bits."""
    masks = [0] * count
    for tie in found:
        masks[tie.second] |= 1 << tie.first
    return tuple(masks)


def conflict(effects: Sequence[Effects], first: int, second: int) -> str | None:
    """Why the second instruction may not pass the first; None where it may."""
    one, other = effects[first], effects[second]
    for reader, writer in ((other, one), (one, other)):
        if fact := _shared(reader, writer):
            return f"{reader.shown} depends on {fact}, which {writer.shown} sets"
    if both := _common(one.sets, other.sets):
        return f"{one.shown} and {other.shown} both set {both}"
    for reader, writer in ((other, one), (one, other)):
        looks = () if writer is one and first in reader.seen else reader.looks
        zones = (*reader.reads, *looks)
        if not reader.barrier and not reader.read_trees.isdisjoint(writer.installs):
            return f"{reader.shown} may use what {writer.shown} installs"
        if reason := _read(reader, zones, writer, (*writer.writes, *writer.installs)):
            return reason
        if reason := _read(reader, reader.programs, writer, writer.writes):
            return reason
    if reason := _written(one, other):
        return reason
    for maker, at, user, of in ((one, first, other, second), (other, second, one, first)):
        if reason := _made(maker, at, user, of):
            return reason
    return None


def _shared(reader: Effects, writer: Effects) -> str | None:
    variables = (each for each in sorted(writer.sets) if each.startswith(VARIABLE))
    if EVERY_VARIABLE in reader.needs and (variable := next(variables, None)):
        return variable
    return _common(reader.needs, writer.sets)


def _common(one: frozenset[str], other: frozenset[str]) -> str | None:
    return min(one & other, default=None)


def _read(reader: Effects, zones: Sequence[Zone], writer: Effects, writes: Sequence[Zone]) -> str | None:
    for written in writes:
        for zone in zones:
            if _changes(written, zone):
                if reader.barrier or writer.barrier:
                    return _barred(reader, writer)
                shown = written if inside(written.path, zone.path) else zone
                return f"{reader.shown} reads {shown.shown()}, which {writer.shown} writes"
    return None


def _written(one: Effects, other: Effects) -> str | None:
    if not frozenset(one.installs).isdisjoint(other.installs) or _meet(one.installs, other.installs):
        return f"{one.shown} and {other.shown} both install software"
    for mine in (*one.writes, *one.installs):
        for theirs in (*other.writes, *other.installs):
            if _changes(mine, theirs) or _changes(theirs, mine):
                if one.barrier or other.barrier:
                    return _barred(one, other)
                shown = mine if inside(mine.path, theirs.path) else theirs
                return f"{one.shown} and {other.shown} both write {shown.shown()}"
    return None


def _meet(written: Sequence[Zone], zones: Sequence[Zone]) -> bool:
    return any(_changes(mine, zone) for mine in written for zone in zones)


def _barred(one: Effects, other: Effects) -> str:
    unknown = one if one.barrier else other
    return f"{unknown.shown} may read and write every file: {unknown.barrier}"


def _changes(written: Zone, zone: Zone) -> bool:
    """Whether a write may change what is found at a zone: it also decides whether what lies below it is there."""
    return inside(zone.path, written.path) or (zone.tree and inside(written.path, zone.path))


def _made(maker: Effects, at: int, user: Effects, of: int) -> str | None:
    """Why a folder that one makes where it is missing ties another instruction to it."""
    alike = {made.path: made for made in user.makes}
    for made in maker.makes:
        mine = alike.get(made.path)
        if mine is not None and mine.owner != made.owner and at in (made.since, mine.since):
            return f"{maker.shown} and {user.shown} make the folder {made.path} with other owners"
        for zone in (*user.writes, *user.installs):
            if inside(made.path, zone.path) or zone == EVERYTHING:
                return f"{maker.shown} makes the folder {made.path}, which {user.shown} writes"
        if mine is None and (at == made.since or of < made.since) and _uses(user, made):
            return f"{maker.shown} makes the folder {made.path}, which {user.shown} uses"
    return None


def _uses(user: Effects, made: Made) -> bool:
    return any(_below(zone, made) for zone in _zones(user))


def _zones(user: Effects) -> Iterator[Zone]:
    yield from user.reads
    yield from user.looks
    yield from user.writes
    yield from user.installs
    yield from (Zone(made.path, False) for made in user.makes)


def _below(zone: Zone, made: Made) -> bool:
    return inside(zone.path, made.path) or (zone.tree and inside(made.path, zone.path))
