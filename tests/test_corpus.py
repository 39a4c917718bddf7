"""Every Dockerfile of the corpus through every transform: nothing crashes, nothing is broken, a second run rests."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import dockerfile
import pytest

from optimizer import registry
from optimizer.document import ParseError
from optimizer.engine import Outcome, optimize
from tests import corpus

SECONDS = 1.0  # of CPU, which other work on the machine does not change
MEGABYTES = 300


@dataclass
class Report:
    files: int = 0
    changed: int = 0
    slowest: float = 0.0
    megabytes: float = 0.0
    fixes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def moby_takes(text: str) -> bool:
    try:
        dockerfile.parse_string(text)
    except dockerfile.GoParseError:
        return False
    return True


def peak_megabytes() -> float:
    """Of this process alone: what getrusage tells begins with the memory of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def go_through(suggested: bool) -> Report:
    choice = registry.choose(suggested=suggested)

    def rewrite(text: str) -> Outcome:
        return optimize(text, choice.transforms, suggested=choice.suggested)

    report = Report()
    for each in corpus.dockerfiles():
        try:
            text = each.data.decode()
        except UnicodeDecodeError:
            continue
        report.files += 1
        name = f"{each.repo}/{each.path} ({each.sha256[:12]})"
        start = time.process_time()
        try:
            outcome = rewrite(text)
        except ParseError:
            continue
        except Exception as error:  # every fault is wanted, not the first
            report.faults.append(f"{name}: {error!r}")
            continue
        report.slowest = max(report.slowest, time.process_time() - start)
        report.fixes.update(fix.transform for fix in outcome.fixes)
        report.faults += [
            f"{name}: {refusal.line}: {refusal.transform}: {refusal.reason}"
            for refusal in outcome.refusals
            if "dropped by the check" in refusal.reason or refusal.transform == "engine" or not refusal.reason
        ]
        if not outcome.changed:
            continue
        report.changed += 1
        if moby_takes(text) and not moby_takes(outcome.after):
            report.faults.append(f"{name}: moby refuses the result")
        if (second := rewrite(outcome.after)).after != outcome.after:
            report.faults.append(f"{name}: a second run changes it: {[fix.transform for fix in second.fixes]}")
    report.megabytes = peak_megabytes()
    return report


@corpus.needs_corpus
@pytest.mark.parametrize("suggested", [False, True], ids=["safe", "suggested"])
def test_the_corpus(suggested: bool) -> None:
    """In a process of its own, so that its memory is what is measured."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        report = pool.apply(go_through, (suggested,))
    print(report)
    assert report.files > 3400
    assert report.changed > 1000
    assert report.faults == []
    assert report.slowest < SECONDS
    assert report.megabytes < MEGABYTES
