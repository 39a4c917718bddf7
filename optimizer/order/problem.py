"""The question in whole numbers, with everything taken off that decides nothing.

Only instructions that cost something are ordered. Before one of them runs, all that it is tied to must have run: so it
is invalidated by what invalidates them, too. With these wider sets of commits the ties need not be looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import floor, log10
from typing import NamedTuple

DIGITS = 9
"""Decimal places that are kept of the largest weight and of the largest cost."""


class Commit(NamedTuple):
    """Commits of the same effect."""

    weight: int
    changed: int
    """Which instructions it invalidates, as a set of bits."""


class Problem(NamedTuple):
    """Instructions by number; sets are bits."""

    size: int
    before: tuple[int, ...]
    """All that must run before each instruction: its predecessors, theirs, and so on."""
    costs: tuple[int, ...]
    own: tuple[Commit, ...]
    """The commits with the instructions that they change themselves."""
    commits: tuple[Commit, ...]
    """The commits with the instructions of a cost that they change, or that have a changed one before them."""

    @property
    def costly(self) -> int:
        """The instructions that cost something."""
        return sum(1 << item for item in range(self.size) if self.costs[item])

    @classmethod
    def of(cls, predecessors: Sequence[int], costs: Sequence[float], commits: Sequence[tuple[float, int]]) -> Problem:
        """Read the question.

        :raises ValueError: where a predecessor stands behind its instruction, or a number is negative.
        """
        count = len(costs)
        if any(mask >> at for at, mask in enumerate(predecessors)) or len(predecessors) != count:
            raise ValueError("an instruction has a predecessor that does not stand before it")
        if any(cost < 0 for cost in costs) or any(weight < 0 for weight, _ in commits):
            raise ValueError("a cost or a weight is negative")
        before: list[int] = []
        for mask in predecessors:
            for item in bits(mask):
                mask |= before[item]
            before.append(mask)
        whole = _whole([*costs])
        weights = _whole([weight for weight, _ in commits])
        everything = (1 << count) - 1
        own = merged(Commit(weight, mask & everything) for weight, (_, mask) in zip(weights, commits, strict=True))
        costly = [item for item in range(count) if whole[item]]
        wide = merged(
            Commit(each.weight, sum(1 << item for item in costly if each.changed & (before[item] | 1 << item)))
            for each in own
        )
        return cls(count, tuple(before), tuple(whole), own, wide)


def _whole(numbers: Sequence[float]) -> list[int]:
    """The numbers, scaled by a power of ten, so that decimal fractions that are equal in sum stay so."""
    largest = max(numbers, default=0.0)
    if largest <= 0:
        return [0] * len(numbers)
    scale = 10.0 ** (DIGITS - 1 - floor(log10(largest)))
    return [max(round(number * scale), 1) if number > 0 else 0 for number in numbers]


def merged(commits: Iterator[Commit]) -> tuple[Commit, ...]:
    """One commit for all that change the same; none for those that change nothing."""
    weights: dict[int, int] = {}
    for weight, changed in commits:
        if changed and weight:
            weights[changed] = weights.get(changed, 0) + weight
    return tuple(Commit(weight, changed) for changed, weight in weights.items())


def bits(mask: int) -> Iterator[int]:
    """The numbers in a set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
