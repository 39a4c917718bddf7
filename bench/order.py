"""How long the cheapest order of a long stage takes to find, on stages drawn by lot.

A stage is drawn as Dockerfiles are: a third of it settings that cost nothing, the rest COPYs and RUNs of a third of a
second to two minutes, each RUN tied to a few instructions before it; a commit changes one to four instructions, some
far more often than others. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optimizer.order import cheapest, expected_cost

RESULTS = Path(__file__).parent / "results" / "order.json"
KINDS = ("setting", "copy", "run")

Stage = tuple[list[int], list[float], list[tuple[float, int]]]


def drawn(size: int, commits: int, seed: int) -> Stage:
    """Predecessors, costs and commits of a stage."""
    chance = random.Random(seed)
    kinds = [chance.choice(KINDS) for _ in range(size)]
    predecessors: list[int] = []
    for at, kind in enumerate(kinds):
        wanted = {"setting": 0, "copy": chance.choice((0, 0, 1)), "run": chance.choice((1, 2, 3))}[kind]
        before = chance.sample(range(at), min(wanted, at))
        predecessors.append(sum(1 << other for other in before))
    costs = [
        {"setting": 0.0, "copy": chance.uniform(0.1, 1.0), "run": chance.choice((0.3, 1, 5, 20, 60, 120))}[kind]
        for kind in kinds
    ]
    rates = [chance.paretovariate(1.0) for _ in range(size)]
    changes: list[tuple[float, int]] = []
    for number in range(commits):
        changed = 0
        for item in chance.choices(range(size), rates, k=chance.choice((1, 1, 1, 2, 3, 4))):
            changed |= 1 << item
        changes.append((0.5 ** (number / 200), changed))  # recent commits count more
    return predecessors, costs, changes


def measure(size: int, commits: int, stages: int) -> dict[str, Any]:
    """Seconds for each of the stages, how many orders are exact, and what they save."""
    seconds: list[float] = []
    saved: list[float] = []
    exact = 0
    for seed in range(stages):
        stage = drawn(size, commits, seed)
        before = expected_cost(range(size), *stage[1:])
        start = time.perf_counter()
        found = cheapest(*stage)
        seconds.append(time.perf_counter() - start)
        saved.append(1 - found.expected / before if before else 0.0)
        exact += found.exact
    return {
        "instructions": size,
        "commits": commits,
        "stages": stages,
        "median_seconds": round(statistics.median(seconds), 3),
        "worst_seconds": round(max(seconds), 3),
        "exact": exact,
        "median_saving": round(statistics.median(saved), 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.order", description=__doc__)
    parser.add_argument("--stages", type=int, default=50, help="stages of each kind (%(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the JSON to write (%(default)s)")
    options = parser.parse_args(arguments)
    rows = [
        measure(size, commits, options.stages) for size, commits in ((20, 1000), (40, 1000), (60, 1000), (60, 10_000))
    ]
    options.results.parent.mkdir(exist_ok=True)
    options.results.write_text(json.dumps(rows, indent=1) + "\n")
    print("| instructions | commits | stages | median s | worst s | exact | median saving |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")


if __name__ == "__main__":
    main()
