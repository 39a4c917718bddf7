"""The cheapest order of a stage's instructions for the commits that are to come (docs/order.md).

A commit invalidates the first instruction that it changes and every one behind it. Of all orders that keep the ties,
the one is found whose instructions, weighted by how often they are run again, cost least; among equals the one that
is nearest to the author's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from optimizer.order.blocks import arrange
from optimizer.order.parts import parts
from optimizer.order.placing import place_free
from optimizer.order.problem import Commit, Problem

__all__ = ["Commit", "Order", "cheapest", "expected_cost"]


class Order(NamedTuple):
    """An order of instructions and what it costs."""

    permutation: tuple[int, ...]
    """The instructions by their numbers in the author's order, first to last."""
    expected: float
    """What is run again for all commits together, in the unit of the costs times that of the weights."""
    exact: bool
    """Whether no order is cheaper; false where there were too many to look at."""


def cheapest(predecessors: Sequence[int], costs: Sequence[float], commits: Sequence[tuple[float, int]]) -> Order:
    """The cheapest order that keeps the predecessors of each instruction in front of it.

    ``predecessors`` are sets of bits, one for each instruction in the author's order, which keeps them all.
    ``costs`` are what it takes to run each of them again, 0 for what costs nothing. ``commits`` are weights, each
    with the set of the instructions that a commit changes by itself.

    Among the orders that cost the same, the instructions that cost something pass each other as rarely as can be, and
    on a tie the last of them is the author's last; then each instruction without a cost is put where it passes the
    fewest of them.

    :raises ValueError: where the author's order does not keep the predecessors, or a number is negative.
    """
    problem = Problem.of(predecessors, costs, commits)
    order: list[int] = []
    exact = True
    for part in parts(problem):
        arranged, sure = arrange(problem, part)
        order += arranged
        exact &= sure
    permutation = place_free(problem, order)
    return Order(permutation, expected_cost(permutation, costs, commits), exact)


def expected_cost(permutation: Sequence[int], costs: Sequence[float], commits: Sequence[tuple[float, int]]) -> float:
    """What an order costs: for each commit its weight, times all that stands behind the first change."""
    behind = 0.0
    behinds: dict[int, float] = {}
    for item in reversed(permutation):
        behind += costs[item]
        behinds[item] = behind
    total = 0.0
    for weight, changed in commits:
        total += weight * next((behinds[item] for item in permutation if changed >> item & 1), 0.0)
    return total
