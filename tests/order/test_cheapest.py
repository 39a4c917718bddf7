"""The order that is found costs what the cheapest of all allowed orders costs, and is the nearest to the author's."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.order import cheapest


def orders(
    predecessors: Sequence[int], costs: Sequence[int], commits: Sequence[tuple[int, int]]
) -> dict[tuple[int, ...], int]:
    """Every allowed order with its cost: an instruction is run again for each commit that changes it or one before."""
    found: dict[tuple[int, ...], int] = {}
    everything = (1 << len(costs)) - 1
    again = [sum(weight for weight, changed in commits if changed & done) for done in range(everything + 1)]

    def extend(order: tuple[int, ...], done: int, cost: int) -> None:
        if done == everything:
            found[order] = cost
        for item, before in enumerate(predecessors):
            if not done >> item & 1 and not before & ~done:
                grown = done | 1 << item
                extend((*order, item), grown, cost + costs[item] * again[grown])

    extend((), 0, 0)
    return found


def distance(order: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """How many pairs stand the other way round, then the last ones from the end."""
    passed = sum(one > other for at, one in enumerate(order) for other in order[at + 1 :])
    return passed, tuple(-item for item in reversed(order))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    count = draw(st.integers(1, 8))
    density = draw(st.sampled_from([0.0, 0.1, 0.25, 0.5]))
    chance = st.floats(0, 1, exclude_max=True)
    predecessors = [
        sum(1 << before for before in range(at) if draw(chance) < density) for at in range(count)
    ]  # fmt: skip
    costs = draw(st.lists(st.sampled_from([0, 1, 1, 2, 3, 5, 30]), min_size=count, max_size=count))
    commit = st.tuples(st.sampled_from([0, 1, 1, 2, 3, 7]), st.integers(0, (1 << count) - 1))
    single = st.tuples(st.integers(1, 9), st.integers(0, count - 1).map(lambda item: 1 << item))
    return predecessors, costs, draw(st.lists(st.one_of(commit, single), max_size=10))


@settings(max_examples=1000, deadline=None)
@given(graphs())
def test_nothing_is_cheaper_nor_nearer(graph: tuple[list[int], list[int], list[tuple[int, int]]]) -> None:
    predecessors, costs, commits = graph
    found = cheapest(predecessors, costs, commits)
    every = orders(predecessors, costs, commits)
    best = min(every.values())
    assert found.exact
    assert every[found.permutation] == best
    assert isclose(found.expected, best)

    costly = [item for item in range(len(costs)) if costs[item]]
    equal = {tuple(item for item in order if costs[item]) for order, cost in every.items() if cost == best}
    assert tuple(item for item in found.permutation if costs[item]) == min(equal, key=distance)

    for free in set(range(len(costs))).difference(costly):
        rest = [item for item in found.permutation if item != free]
        moved = [(*rest[:at], free, *rest[at:]) for at in range(len(costs))]
        same = [order for order in moved if every.get(order) == best]
        assert passed(free, found.permutation, costs) == min(passed(free, order, costs) for order in same)


def passed(free: int, order: Sequence[int], costs: Sequence[int]) -> int:
    """How many instructions with a cost stand on the other side of one without."""
    at = order.index(free)
    before = sum(other > free for other in order[:at] if costs[other])
    return before + sum(other < free for other in order[at:] if costs[other])
