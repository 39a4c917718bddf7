"""The cheapest order within one part: a dynamic programme over the sets of instructions that may come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from msgspec import Struct

from optimizer.order.parts import Part
from optimizer.order.problem import Commit, Problem, bits

MOST_WORK = 5_000_000
"""Look-ups of a weight before the search in a part gives up being exact, and as many for an order by single moves."""
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

    @cached_property
    def _known(self) -> dict[int, int]:
        return {}

    @cached_property
    def states(self) -> int:
        """How many sets of instructions may be looked at."""
        return MOST_WORK // (len(self.costs) * (len(self._tables) + 3))

    def weight(self, hit: int) -> int:
        """What a set of commits weighs."""
        known = self._known.get(hit)
        if known is not None:
            return known
        total, rest = 0, hit
        for table in self._tables:
            total += table[rest & (1 << _CHUNK) - 1]
            rest >>= _CHUNK
        self._known[hit] = total
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
        left = self.states
        for _ in self.costs:
            layer: dict[int, _Best] = {}
            for done, best in layers[-1].items():
                for step, hit, cost in self._steps(done, best, full, bound):
                    ahead = (done >> step).bit_count()  # those in front of it that the author has behind it
                    new = _Best(cost, best.passed + ahead, -step, done, hit)
                    key = done | 1 << step
                    if key not in layer or new < layer[key]:
                        layer[key] = new
                if len(layer) > left:
                    return None
            left -= len(layer)
            layers.append(layer)
        order: list[int] = []
        done = full
        for layer in reversed(layers[1:]):
            order.append(-layer[done].last)
            done = layer[done].before
        return order[::-1]

    def _steps(self, done: int, best: _Best, full: int, bound: int) -> Iterator[tuple[int, int, int]]:
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
            cost = self.costs[item] * self.weight(hit)
            least += cost
            if not self.before[item] & ~done:
                steps.append((item, hit, best.cost + cost))
        if least <= bound:
            # what is hit by less comes first: it would cost more behind, and makes nothing dearer that comes then
            hits = {hit for _, hit, _ in steps}
            fewest = {hit for hit in hits if not any(other != hit and not other & ~hit for other in hits)}
            yield from (step for step in steps if step[1] in fewest)

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
        left = self.states
        better = True
        while better and left > 0:
            better = False
            for size in range(1, min(_LONGEST, len(order)) + 1):
                for at in range(len(order) - size + 1):
                    for other in self._elsewhere(order, at, size):
                        left -= 1
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
