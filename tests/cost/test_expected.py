"""The laws of the expected time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.cost import expected

SIZE = 6
COSTS = st.lists(st.floats(0, 100), min_size=SIZE, max_size=SIZE)
ORDERS = st.permutations(range(SIZE))
SETS = st.frozensets(st.integers(0, SIZE - 1))
INVALIDATIONS = st.lists(st.tuples(st.floats(0, 1), SETS), max_size=5)


def test_by_hand() -> None:
    costs = [1.0, 10.0, 100.0]
    assert expected((0, 1, 2), costs, [(1.0, frozenset({1}))]) == 110
    assert expected((0, 2, 1), costs, [(1.0, frozenset({1}))]) == 10
    assert expected((0, 1, 2), costs, [(0.5, frozenset({0})), (0.25, frozenset({2, 1}))]) == 0.5 * 111 + 0.25 * 110
    assert expected((0, 1, 2), costs, [(1.0, frozenset())]) == 0
    assert expected((1,), costs, [(1.0, frozenset({2})), (0.5, frozenset({1, 2}))]) == 5


@given(ORDERS, COSTS, INVALIDATIONS)
def test_it_is_what_the_cache_does(
    order: list[int], costs: list[float], invalidations: list[tuple[float, frozenset[int]]]
) -> None:
    total = 0.0
    for weight, which in invalidations:
        running = False
        for number in order:
            running = running or number in which
            total += weight * costs[number] * running
    assert expected(order, costs, invalidations) == pytest.approx(total)


@given(ORDERS, COSTS, INVALIDATIONS, st.floats(0, 1), SETS, st.integers(0, SIZE - 1))
def test_more_changes_never_take_less(
    order: list[int],
    costs: list[float],
    some: list[tuple[float, frozenset[int]]],
    weight: float,
    which: frozenset[int],
    more: int,
) -> None:
    before = expected(order, costs, [*some, (weight, which)])
    assert expected(order, costs, some) <= before + 1e-6
    assert before <= expected(order, costs, [*some, (weight, which | {more})]) + 1e-6
    dearer = [cost + (number == more) for number, cost in enumerate(costs)]
    assert before <= expected(order, dearer, [*some, (weight, which)]) + 1e-6


@given(ORDERS, COSTS, st.floats(0, 1))
def test_a_change_of_everything_costs_the_same_in_any_order(
    order: list[int], costs: list[float], weight: float
) -> None:
    everything = [(weight, frozenset(range(SIZE)))]
    assert expected(order, costs, everything) == pytest.approx(expected(range(SIZE), costs, everything))
