"""What the fixes of a rewrite declare together."""

from __future__ import annotations

import pytest

from optimizer.engine import Outcome
from optimizer.fix import Fix, Safety
from optimizer.verify.cause import MissingPath
from optimizer.verify.design import Bases
from optimizer.verify.judge import Judge
from tests.verify.images import file, program
from tests.verify.systems import looked

FILES = {"/src/main": program(), "/src/main.c": file(), "/src/.git": file(), "/etc/own": file(), "/etc/x": file()}
SPLIT = ("/src", "!/src/main")
LEAN = ("/src/.git",)


def fix(*paths: str) -> Fix:
    return Fix("x", Safety.SAFE, 1, (), frozenset(), "", "", paths=paths)


@pytest.mark.parametrize("fixes", [(SPLIT, LEAN), (LEAN, SPLIT), ((*SPLIT, *LEAN),)])
@pytest.mark.parametrize("lost", ["/src/main", "/src/main.c", "/src/.git", "/etc/own"])
def test_an_exception_is_one_to_the_patterns_of_its_own_fix(fixes: tuple[tuple[str, ...], ...], lost: str) -> None:
    nothing = looked({})
    before = looked(FILES)
    after = looked({path: item for path, item in FILES.items() if path != lost})
    outcome = Outcome("", "", tuple(fix(*paths) for paths in fixes), (), (), ())
    problems = Judge().problems(before, before, after, outcome, Bases(nothing, nothing))
    assert MissingPath(lost) in problems.causes if lost in ("/src/main", "/etc/own") else not problems


def test_an_exception_may_be_what_another_fix_takes_away() -> None:
    nothing, before = looked({}), looked({"/app/x": file(), "/app/.git": file()})
    outcome = Outcome("", "", (fix("/app/.git"), fix("/app", "!/app")), (), (), ())
    assert not Judge().problems(before, before, looked({"/app/x": file()}), outcome, Bases(nothing, nothing))
