"""Which instructions every cheapest order begins with, which come next, and so on.

The commits that hit a set of instructions weigh no more than those that hit its members one by one, so the weight is a
submodular function, and the costs add up. For such a pair every cheapest order begins with the largest set of the
greatest density, cost over weight, and goes on with the largest such set of the rest (Sidney 1975 for commits that
change one instruction each; Fokkink, Lidbetter and Végh 2019, "On submodular search and scheduling", for this case).
The sets come from minimum cuts, as in Fujishige's decomposition: a set is split wherever a part of it is denser than
the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.order.problem import Commit, Problem, bits, merged


class Part(NamedTuple):
    """Instructions that come together, in the author's order."""

    items: tuple[int, ...]
    commits: tuple[Commit, ...]
    """Those that hit one of them and nothing before."""


def parts(problem: Problem) -> Iterator[Part]:
    """The instructions that cost something, in parts that follow each other."""
    hit = 0
    for commit in problem.commits:
        hit |= commit.changed
    if never := problem.costly & ~hit:
        yield Part((*bits(never),), ())
    if hit:
        yield from _split(hit, problem.commits, problem.costs)


def _split(items: int, commits: Sequence[Commit], costs: Sequence[int]) -> Iterator[Part]:
    cost = sum(costs[item] for item in bits(items))
    weight = sum(commit.weight for commit in commits)
    denser = _denser(items, commits, costs, cost, weight)
    if not denser or denser == items:
        yield Part((*bits(items),), (*commits,))
        return
    inside = merged(Commit(each.weight, each.changed & denser) for each in commits)
    outside = merged(Commit(each.weight, each.changed) for each in commits if not each.changed & denser)
    yield from _split(denser, inside, costs)
    yield from _split(items & ~denser, outside, costs)


def _denser(items: int, commits: Sequence[Commit], costs: Sequence[int], cost: int, weight: int) -> int:
    """The set with the greatest excess of cost over what its commits weigh at the average density.

    A minimum cut: money flows from the instructions (what each costs) to the commits that hit it (what each weighs).
    An instruction that cannot pass on all of its own is denser than the commits that hit it.
    """
    numbers = [*bits(items)]
    first = 1 + len(numbers)
    sink = first + len(commits)
    flow = Flow(sink + 1)
    for at, item in enumerate(numbers, 1):
        flow.edge(0, at, costs[item] * weight)
        for behind, commit in enumerate(commits, first):
            if commit.changed >> item & 1:
                flow.edge(at, behind, cost * weight)
    for behind, commit in enumerate(commits, first):
        flow.edge(behind, sink, commit.weight * cost)
    flow.fill(0, sink)
    reached = flow.levels(0)
    return sum(1 << item for at, item in enumerate(numbers, 1) if reached[at] >= 0)


class Flow:
    """A maximum flow (Dinic 1970) in whole numbers."""

    def __init__(self, count: int) -> None:
        self.edges: list[list[int]] = [[] for _ in range(count)]
        self.ends: list[int] = []
        self.room: list[int] = []

    def edge(self, start: int, end: int, room: int) -> None:
        self.edges[start].append(len(self.ends))
        self.edges[end].append(len(self.ends) + 1)
        self.ends += (end, start)
        self.room += (room, 0)

    def levels(self, source: int) -> list[int]:
        """How far each node is from the source over edges with room; -1 for one that is not reached."""
        levels = [-1] * len(self.edges)
        levels[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in self.edges[node]:
                end = self.ends[edge]
                if self.room[edge] and levels[end] < 0:
                    levels[end] = levels[node] + 1
                    queue.append(end)
        return levels

    def fill(self, source: int, sink: int) -> None:
        while (levels := self.levels(source))[sink] >= 0:
            nexts = [0] * len(self.edges)
            while self._push(source, sink, levels, nexts):
                pass

    def _push(self, source: int, sink: int, levels: list[int], nexts: list[int]) -> bool:
        """Send as much as one way lets through; False where there is no way left."""
        way: list[int] = []
        node = source
        while node != sink:
            out = self.edges[node]
            while nexts[node] < len(out):
                edge = out[nexts[node]]
                if self.room[edge] and levels[self.ends[edge]] == levels[node] + 1:
                    break
                nexts[node] += 1
            else:
                if not way:
                    return False
                node = self.ends[way.pop() ^ 1]
                nexts[node] += 1
                continue
            way.append(edge)
            node = self.ends[edge]
        least = min(self.room[edge] for edge in way)
        for edge in way:
            self.room[edge] -= least
            self.room[edge ^ 1] += least
        return True
