"""The cheapest order within one part: a dynamic programme over the sets of instructions that may come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from optimizer.order.parts import Part
from optimizer.order.problem import Commit, Problem, bits

MOST_STATES = 60_000
"""Sets that are looked at in a part before the search gives up being exact."""
_CHUNK = 12
_LONGEST = 3
"""How many instructions are moved together at most when an order is improved step by step."""


def arrange(problem: Problem, part: Part) -> tuple[list[int], bool]:
    """The instructions of a part in their best order, and whether there is none that is cheaper."""
    if not part.commits or len(part.items) == 1:
        return list(part.items), True
    block = Block(
        tuple(problem.costs[item] for item in part.items),
        tuple(_among(part, problem.before[item]) for item in part.items),
        tuple(_hits(part.commits, item) for item in part.items),
        part.commits,
    )
    start = block.improved(range(len(part.items)))
    found = block.exact(block.cost(start))
    return [part.items[at] for at in found or start], found is not None


def _among(part: Part, items: int) -> int:
    return sum(1 << at for at, item in enumerate(part.items) if items >> item & 1)


def _hits(commits: Sequence[Commit], item: int) -> int:
    return sum(1 << at for at, commit in enumerate(commits) if commit.changed >> item & 1)


class _Best(NamedTuple):
    """The best way to run a set of instructions first; the smaller one is better."""

    cost: int
    passed: int
    """How many pairs stand the other way round than the author has them."""
    last: int
    """The number of the last instruction, negative: on a tie the author's last comes last."""
    before: int
    """The set without the last one."""
    hit: int
    """The commits that hit the set."""


class Block(Struct, frozen=True, dict=True):
    """The instructions of a part, numbered from 0."""

    costs: tuple[int, ...]
    before: tuple[int, ...]
    hits: tuple[int, ...]
    """The commits that invalidate each of them, as a set of bits."""
    commits: tuple[Commit, ...]

    @cached_property
    def _tables(self) -> tuple[list[int], ...]:
        """What each set of commits weighs, some commits at a time."""
        tables: list[list[int]] = []
        for start in range(0, len(self.commits), _CHUNK):
            table = [0]
            for commit in self.commits[start : start + _CHUNK]:
                table += [weight + commit.weight for weight in table]
            tables.append(table + [0] * ((1 << _CHUNK) - len(table)))
        return tuple(tables)

    def weight(self, hit: int) -> int:
        """What a set of commits weighs."""
        total = 0
        for table in self._tables:
            total += table[hit & (1 << _CHUNK) - 1]
            hit >>= _CHUNK
        return total

    def cost(self, order: Sequence[int]) -> int:
        """What an order costs."""
        total = hit = 0
        for item in order:
            hit |= self.hits[item]
            total += self.costs[item] * self.weight(hit)
        return total

    def exact(self, bound: int) -> list[int] | None:
        """The best order, which costs no more than ``bound``; None where there are too many sets to look at.

        f(I ∪ {i}) = f(I) + c_i · P(a commit hits I ∪ {i}). A set is left alone when it cannot lead below the bound:
        whatever is not in it yet costs at least what it would cost next.
        """
        full = (1 << len(self.costs)) - 1
        layers: list[dict[int, _Best]] = [{0: _Best(0, 0, 0, 0, 0)}]
        left = MOST_STATES
        weights: dict[int, int] = {}
        for _ in self.costs:
            layer: dict[int, _Best] = {}
            for done, best in layers[-1].items():
                for step, hit, cost in self._steps(done, best, full, bound, weights):
                    ahead = (done >> step).bit_count()  # those in front of it that the author has behind it
                    new = _Best(cost, best.passed + ahead, -step, done, hit)
                    key = done | 1 << step
                    if key not in layer or new < layer[key]:
                        layer[key] = new
            left -= len(layer)
            if left < 0:
                return None
            layers.append(layer)
        order: list[int] = []
        done = full
        for layer in reversed(layers[1:]):
            order.append(-layer[done].last)
            done = layer[done].before
        return order[::-1]

    def _steps(
        self, done: int, best: _Best, full: int, bound: int, weights: dict[int, int]
    ) -> Iterator[tuple[int, int, int]]:
        """What may come next, the commits that hit the set then, and what it has cost by then."""
        rest = full & ~done
        first = (rest & -rest).bit_length() - 1
        if not self.hits[first] & ~best.hit:
            # nothing is gained by running the author's next one later: it costs more there, and is passed
            yield first, best.hit, best.cost + self.costs[first] * self.weight(best.hit)
            return
        steps: list[tuple[int, int, int]] = []
        least = best.cost
        for item in bits(rest):
            hit = best.hit | self.hits[item]
            weight = weights.get(hit)
            if weight is None:
                weight = weights[hit] = self.weight(hit)
            cost = self.costs[item] * weight
            least += cost
            if not self.before[item] & ~done:
                steps.append((item, hit, best.cost + cost))
        if least <= bound:
            yield from steps

    def improved(self, start: Sequence[int]) -> list[int]:
        """The order by the greatest cost for the least weight, or the given one, improved until no move helps."""
        return min((self._moved(each) for each in (start, self._greedy())), key=self.cost)

    def _greedy(self) -> list[int]:
        order: list[int] = []
        done = hit = 0
        while len(order) < len(self.costs):
            free = [
                item
                for item in range(len(self.costs))
                if not done >> item & 1 and not self.before[item] & ~done
            ]  # fmt: skip
            base = self.weight(hit)

            def density(item: int, hit: int = hit, base: int = base) -> float:
                added = self.weight(hit | self.hits[item]) - base
                return self.costs[item] / added if added else float("inf")

            item = max(free, key=density)
            order.append(item)
            done |= 1 << item
            hit |= self.hits[item]
        return order

    def _moved(self, start: Sequence[int]) -> list[int]:
        """The order after the best moves of up to three instructions that stand together."""
        order = list(start)
        cost = self.cost(order)
        better = True
        while better:
            better = False
            for size in range(1, min(_LONGEST, len(order)) + 1):
                for at in range(len(order) - size + 1):
                    for other in self._elsewhere(order, at, size):
                        if (new := self.cost(other)) < cost:
                            order, cost, better = other, new, True
                            break
        return order

    def _elsewhere(self, order: list[int], at: int, size: int) -> Iterator[list[int]]:
        """The orders with some instructions moved as far up or down as what they are tied to lets them."""
        moved = order[at : at + size]
        inside = sum(1 << item for item in moved)
        needs = 0
        for item in moved:
            needs |= self.before[item]
        for to in range(at - 1, -1, -1):
            if needs >> order[to] & 1:
                break
            yield [*order[:to], *moved, *order[to:at], *order[at + size :]]
        for to in range(at + size, len(order)):
            if self.before[order[to]] & inside:
                break
            yield [*order[:at], *order[at + size : to + 1], *moved, *order[to + 1 :]]
