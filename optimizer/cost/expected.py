"""What a build takes after a commit, as the builder's cache works: from the first invalidated instruction on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def expected(
    order: Sequence[int], costs: Sequence[float], invalidations: Iterable[tuple[float, frozenset[int]]]
) -> float:
    """Expected seconds a commit.

    :param order: places of the stage's instructions in the order in which they would stand.
    :param costs: the seconds of each, by its place: what a number in ``order`` stands for.
    :param invalidations: pairs of a weight and the places that are invalidated together; what is not in ``order``
        counts for nothing. Weights that add up to less than 1 leave commits over that rebuild nothing.
    """
    left = [0.0]
    for number in reversed(order):
        left.append(left[-1] + costs[number])
    after = {number: left[len(order) - at] for at, number in enumerate(order)}
    return sum(
        weight * max((after[each] for each in which if each in after), default=0.0) for weight, which in invalidations
    )
