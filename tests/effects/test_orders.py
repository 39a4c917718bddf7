"""Every order that the ties allow leaves the same files: commands are run for real, in the author's order and others.

Only harmless commands, below a scratch folder.
"""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from optimizer.effects import effects, predecessors, ties
from optimizer.model import read

BATCH = 30
BATCHES = 8
ORDERS = 3

files = st.sampled_from(["a", "b", "d/a", "d/b", "e/a", "d/s/a", "l", "l/a", "e/m/b", "d/s/x"])
folders = st.sampled_from(["d", "e", "d/s", "l", "e/m", "d/s/t"])
places = st.one_of(files, folders)
words = st.sampled_from(["one", "two"])


def command(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda values: template.format(*values))


commands = st.one_of(
    command("mkdir {}", folders),
    command("mkdir -p {}", folders),
    command("mkdir -p {} {}", folders, folders),
    command("mkdir -m 700 -p {}", folders),
    command("umask 077; mkdir -p {}", folders),
    command("umask 077 && mkdir -p {}", folders),
    command("touch {}", files),
    command("touch {} {}", files, files),
    command("echo {} > {}", words, files),
    command("echo {} >> {}", words, files),
    command("cat > {} <<E\n{}\nE", files, words),
    command("cat {} > {}", files, files),
    command("cat {} {} >> {}", files, files, files),
    command("cat d/* > {}", files),
    command("ls {} > {}", places, files),
    command("cp {} {}", files, places),
    command("cp {} {} {}", files, files, folders),
    command("cp -r {} {}", places, places),
    command("cp -a {} {}", places, places),
    command("cp -t {} {}", folders, files),
    command("mv {} {}", places, places),
    command("rm {}", files),
    command("rm -f {} {}", files, files),
    command("rm -rf {}", places),
    command("rm -f d/*", st.just("")),
    command("rmdir {}", folders),
    command("ln -s {} {}", st.sampled_from(["d", "e", "a", "b", "d/s"]), st.sampled_from(["l", "e/l", "b", "d/l"])),
    command("ln -sf {} {}", st.sampled_from(["d", "e", "a", "../d"]), st.sampled_from(["l", "e/l", "b"])),
    command("ln {} {}", files, files),
    command("chmod {} {}", st.sampled_from(["700", "u+x", "644"]), places),
    command("chmod -R {} {}", st.sampled_from(["700", "go-r"]), folders),
    command("tar cf {}.tar {}", st.sampled_from(["p", "q", "d/p"]), places),
    command("tar xf {}.tar", st.sampled_from(["p", "q", "d/p"])),
    command("tar xf {}.tar -C {}", st.sampled_from(["p", "q"]), folders),
    command("find {} -name {} -delete", folders, st.sampled_from(["a", "b"])),
    command("find {} -type f -exec chmod 600 {{}} +", folders),
    command("sed -i s/o/0/ {}", files),
    command("truncate -s 0 {}", files),
    command("echo {} | tee -a {}", words, files),
    command("cd {} && touch x", folders),
    command("cd {} && echo {} > ../c", folders, words),
    command("cd {}; touch y", folders),
    command("test -f {} && touch {}", files, files),
    command("if [ -d {} ]; then touch {}; else mkdir -p {}; fi", folders, files, folders),
    command("[ -e {} ] || mkdir -p {}", places, folders),
    command("for i in a b; do echo $i >> {}; touch {}; done", files, files),
    command("for i in a b; do touch {}/$i; done", folders),
    command("V={} && mkdir -p $V && touch $V/v", folders),
    command("( cd {} && touch z ); touch z", folders),
    command("echo $(cat {}) > {}", files, files),
    command("install -d {}", folders),
    command("cat {} 2>/dev/null > {} || true", files, files),
)

starts = st.sampled_from([
    [], [], ["mkdir -p d/s e/m"], ["mkdir -p d/s e/m", "touch a b d/a e/m/b"],
    ["mkdir d", "mkdir e", "ln -s d l", "echo one > a"],
    ["mkdir d", "echo one > d/a", "tar cf p.tar d", "mkdir -p e/m d/s"],
])  # fmt: skip
stages = st.tuples(starts, st.lists(commands, min_size=3, max_size=12)).map(lambda both: both[0] + both[1])


def run(cases: Sequence[Sequence[str]], folder: Path) -> list[tuple[list[bool], object]]:
    """For each list of scripts, which of them succeeded, and the files that they leave. One driver runs them all."""
    driver = ["umask 022"]
    for number, scripts in enumerate(cases):
        os.makedirs(f"{folder}/{number}/w")
        driver += (
            f"( cd {folder}/{number}/w && exec dash -c {shlex.quote(script)} ) </dev/null >/dev/null 2>&1; "
            f"echo $? >>{folder}/{number}/status"
            for script in scripts
        )
    script = folder / "driver"
    script.write_text("\n".join(driver) + "\n")
    subprocess.run(["dash", str(script)], check=True, timeout=300, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    found = []
    for number, scripts in enumerate(cases):
        status = Path(f"{folder}/{number}/status").read_text().split() if scripts else []
        found.append(([each == "0" for each in status], tree(f"{folder}/{number}/w")))
    return found


def tree(top: str) -> object:
    """Every file with its mode, and what it holds; of an archive only that it is there: it holds times."""
    found = []
    for parent, subfolders, names in os.walk(top):
        for name in subfolders + names:
            path = f"{parent}/{name}"
            mode = os.lstat(path).st_mode
            held: object = None
            if os.path.islink(path):
                held = os.readlink(path)
            elif os.path.isfile(path) and not name.endswith(".tar"):
                os.chmod(path, 0o600)
                held = Path(path).read_bytes()
            found.append((path.removeprefix(top), mode, held))
    return sorted(found, key=str)


def written(scripts: Sequence[str]) -> str:
    """The Dockerfile with a RUN for each."""
    lines = ["FROM debian:12", "WORKDIR /w"]
    for script in scripts:
        lines.append(f"RUN <<EOF\n{script}\nEOF" if "\n" in script else f"RUN {script}")
    return "\n".join(lines) + "\n"


def held(scripts: Sequence[str]) -> tuple[int, ...]:
    """What must stand before each instruction."""
    model = read(written(scripts))
    found = effects(model, model.final, None)
    return predecessors(len(found), ties(found))


def loose(scripts: Sequence[str]) -> tuple[int, ...]:
    """As if nothing had to."""
    return (0,) * (len(scripts) + 1)


def orders(before: Sequence[int], chance: random.Random) -> list[list[int]]:
    """Some orders of the scripts that the ties allow, as far from the author's as they let."""
    count = len(before) - 1
    allowed = []
    for number in range(ORDERS):
        order: list[int] = []
        done = 1  # the WORKDIR
        while len(order) < count:
            free = [at for at in range(1, count + 1) if not done >> at & 1 and not before[at] & ~done]
            at = free[-1] if number == 0 else chance.choice(free)
            order.append(at - 1)
            done |= 1 << at
        if order != sorted(order) and order not in allowed:
            allowed.append(order)
    return allowed


def differences(
    batch: Sequence[Sequence[str]], tied: Callable[[Sequence[str]], Sequence[int]], chance: random.Random
) -> tuple[list[tuple[list[str], list[str]]], int]:
    """The stages with an order that leaves other files, and how many other orders were run."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        kept = [
            [script for script, fine in zip(scripts, status, strict=True) if fine]
            for scripts, (status, _) in zip(batch, run(batch, Path(first)), strict=True)
        ]
        cases: list[tuple[list[str], list[str]]] = []
        for scripts in kept:
            cases += ((scripts, [scripts[at] for at in order]) for order in orders(tied(scripts), chance))
        ran = run([*kept, *(moved for _, moved in cases)], Path(second))
    before = {tuple(scripts): outcome for scripts, outcome in zip(kept, ran, strict=False)}
    different = []
    moved = 0
    for case, outcome in zip(cases, ran[len(kept) :], strict=True):
        was = before[tuple(case[0])]
        if all(was[0]):  # else one of those that had failed had done something before it did
            moved += 1
            different += [case] if outcome != was else []
    return different, moved


WITHOUT_SHRINKING = settings(
    max_examples=BATCHES, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck),
    deadline=None,
)  # fmt: skip
batches = st.lists(stages, min_size=BATCH, max_size=BATCH)


def test_allowed_orders_leave_the_same_files() -> None:
    counted: Counter[str] = Counter()

    @WITHOUT_SHRINKING
    @given(batches, st.integers(0, 10**9))
    def check(batch: list[list[str]], seed: int) -> None:
        different, moved = differences(batch, held, random.Random(seed))
        counted.update(moved=moved, all=len(batch))
        assert min(different, key=lambda case: len(case[0]), default=None) is None

    check()
    print(f"\n{counted['moved']} other orders of {counted['all']} stages were run, and left the same files")
    assert counted["moved"] > counted["all"] // 2


def test_orders_without_ties_are_caught() -> None:
    found: list[object] = []

    @settings(WITHOUT_SHRINKING, max_examples=2)
    @given(batches)
    def collect(batch: list[list[str]]) -> None:
        found.extend(differences(batch, loose, random.Random(0))[0])

    collect()
    assert len(found) > 20


def test_most_commands_are_known() -> None:
    counted: Counter[bool] = Counter()

    @settings(WITHOUT_SHRINKING, max_examples=3)
    @given(batches)
    def count(batch: list[list[str]]) -> None:
        for scripts in batch:
            model = read(written(scripts))
            counted.update(not each.barrier for each in effects(model, model.final, None))

    count()
    assert counted[True] > 20 * counted[False]
