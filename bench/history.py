"""How long it takes to read a history of 10,000 commits, and what it invalidates: `python -m bench.history`.

The repository is made for it: as many commits as asked for, each changing one to five of 5,000 files in 200 folders,
every hundredth the Dockerfile, every tenth on a branch that is merged. Each figure is the median of some runs; the
processor's time, git's included, is what a busy machine does not change.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from bench import tools
from optimizer.context import DirectoryContext
from optimizer.history import History, invalidations
from optimizer.history.reading import Limits, read_history
from optimizer.model import read

FILES, FOLDERS = 5_000, 200
DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app
RUN apt-get update && apt-get install -y git
COPY requirements.txt ./
RUN pip install -r requirements.txt
COPY f1 f1/
COPY f2 f2/
COPY . .
RUN make {}
"""


def _stream(commits: int) -> Iterator[str]:
    """The commits as fast-import reads them."""
    chance = random.Random(1)

    def commit(number: int, changes: Iterator[tuple[str, str]], head: str = "") -> Iterator[str]:
        yield f"commit refs/heads/main\nmark :{number}\ncommitter a <a@b> {number} +0000\ndata 1\nx\n{head}"
        for path, text in changes:
            yield f"M 644 inline {path}\ndata {len(text)}\n{text}\n"
        yield "\n"

    def path() -> str:
        number = chance.randrange(FILES)
        return f"f{number % FOLDERS}/deep/er/{number}.py"

    def first() -> Iterator[tuple[str, str]]:
        yield "requirements.txt", "flask\n"
        yield ".dockerignore", ".git\n*.log\n**/__pycache__\ndocs\n"
        for number in range(FILES):
            yield f"f{number % FOLDERS}/deep/er/{number}.py", "0"

    yield from commit(1, first())
    for number in range(2, commits + 1):
        changes = [(path(), str(number)) for _ in range(chance.randint(1, 5))]
        if number % 100 == 2:
            changes.append(("Dockerfile", DOCKERFILE.format(number)))
        merged = number % 10 == 0 and number > 3
        yield from commit(number, iter(changes), f"from :{number - 1}\nmerge :{number - 2}\n" if merged else "")


def make(folder: Path, commits: int) -> None:
    """A repository with so many commits, the last one checked out."""

    def git(*words: str, given: str | None = None) -> None:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", "-C", str(folder), *words], input=given, text=True, check=True, env=environment)

    git("init", "-q", "-b", "main")
    git("fast-import", "--quiet", given="".join(_stream(commits)))
    git("reset", "-q", "--hard")


def _timed(do: Callable[[], object], rounds: int) -> tuple[str, object]:
    """The median time of some runs, and the processor's."""
    wall, processor = [], []
    for _ in range(rounds):
        start, before = perf_counter(), os.times()
        found = do()
        wall.append(perf_counter() - start)
        processor.append(sum(os.times()[:4]) - sum(before[:4]))
    return f"{median(wall):.2f} s (processor {median(processor):.2f} s)", found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dockopt-bench-") as name:
        folder = Path(name)
        make(folder, chosen.commits)
        dockerfile = folder / "Dockerfile"
        for commits in (chosen.commits, Limits().commits):
            limits = Limits(commits=commits, versions=commits)
            seconds, history = _timed(lambda: read_history(name, str(dockerfile), limits), chosen.rounds)  # noqa: B023
            assert isinstance(history, History), history
            model = read(dockerfile.read_text())
            context = DirectoryContext(folder, dockerfile)
            again, _ = _timed(
                lambda: invalidations(history.commits, model.final, context, model), chosen.rounds  # noqa: B023
            )  # fmt: skip
            paths = sum(len(each.paths) for each in history.commits)
            changed = sum(bool(each.instructions) for each in history.commits)
            print(
                f"{len(history.commits):,} commits with {paths:,} paths, {changed} of the Dockerfile: "
                f"read in {seconds}, what they invalidate in {again}"
            )
    print(f"on {tools.machine()}")


if __name__ == "__main__":
    main()
