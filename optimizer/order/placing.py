"""Where instructions go that cost nothing, once the others have their order."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.order.problem import Problem, bits


def place_free(problem: Problem, order: Sequence[int]) -> tuple[int, ...]:
    """The whole order: each instruction without a cost stands where nothing is run more often for it.

    Of those places it takes the one where it passes the fewest of the others, the first such place; what it needs
    stands before it, and what needs it behind it. In one place they keep the author's order.
    """
    grown = _grown(problem, order)
    lowest = {item: at + 1 for at, item in enumerate(order)}
    """Where at the earliest that comes which needs the instruction."""
    placed: list[list[int]] = [[] for _ in range(len(order) + 1)]
    for item in range(problem.size):
        if problem.costs[item]:
            continue
        changes = [commit.changed for commit in problem.own if commit.changed >> item & 1]
        start = max((lowest[each] for each in bits(problem.before[item])), default=0)
        end = next((at for at, other in enumerate(order) if problem.before[other] >> item & 1), len(order))
        passed = sum(other < item for other in order[start:])
        best = None
        for gap in range(start, end + 1):
            if (gap == end or all(each & grown[gap] for each in changes)) and (best is None or passed < best[0]):
                best = passed, gap
            if gap < end:
                passed += 1 if order[gap] > item else -1
        assert best is not None
        lowest[item] = best[1]
        placed[best[1]].append(item)
    whole: list[int] = []
    for at, group in enumerate(placed):
        whole += [*group, *order[at : at + 1]]
    return tuple(whole)


def _grown(problem: Problem, order: Sequence[int]) -> list[int]:
    """For each place in the order, what has run behind it at the least: itself, and all that must be before."""
    grown: list[int] = []
    done = 0
    for item in order:
        done |= problem.before[item] | 1 << item
        grown.append(done)
    return grown
