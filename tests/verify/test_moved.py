"""What a program says of files in an environment is compared under the names that they had."""

from __future__ import annotations

from typing import Any

import pytest

from optimizer.verify.behaviour import Behaviour
from optimizer.verify.builder import Builder, Built, Limits, Options, Ran, Source
from optimizer.verify.cause import Problems
from optimizer.verify.entry import Config
from optimizer.verify.moved import back
from tests.verify.images import file
from tests.verify.systems import looked

SITE, VENV = "/usr/local/lib/python3.11/site-packages", "/opt/venv/lib/python3.11/site-packages"
BEFORE = looked({f"{SITE}/flask/app.py": file("1"), f"{SITE}/old.py": file("1")})
AFTER = looked({
    "/opt/venv/pyvenv.cfg": file("home = /usr/local/bin\n"), f"{VENV}/flask/app.py": file("1"),
    f"{VENV}/new.py": file("1"), f"{SITE}/old.py": file("1"), f"{VENV}/old.py": file("1"),
})  # fmt: skip
SAID = f"{SITE}/flask/app.py:7: UserWarning: old\n  import old"


@pytest.mark.parametrize(
    ("said", "was"),
    [
        (SAID.replace(SITE, VENV), SAID),
        (f"'{VENV}/flask' ({VENV}/flask/app.py)", f"'{SITE}/flask' ({SITE}/flask/app.py)"),
        (f"{VENV}/new.py", f"{VENV}/new.py"),
        (f"{VENV}/old.py", f"{VENV}/old.py"),
        (f"/srv{VENV}/flask/app.py {VENV}/flask/app.pyc", f"/srv{VENV}/flask/app.py {VENV}/flask/app.pyc"),
        ("nothing of it: http://flask/", "nothing of it: http://flask/"),
    ],
)
def test_files_are_told_by_the_names_that_they_had(said: str, was: str) -> None:
    moved = back(BEFORE, AFTER, lambda path: path.startswith("/opt/venv"))
    assert moved.told(said) == was
    assert back(BEFORE, AFTER, lambda path: False).told(said) == said


class Saying(Builder):
    """A builder whose images say a text, whatever is asked of them."""

    tool = "false"

    def once(self, built: Built, words: Any, limits: Limits) -> Ran:
        return Ran(0, built.image)

    def describe(self) -> str:
        return "a fake"

    def can_run(self) -> str:
        return ""

    def archive(self, built: Built) -> list[str]:
        raise NotImplementedError

    def _try(self, source: Source, *, no_cache: bool) -> Built:
        raise NotImplementedError


def test_output_is_the_same_that_differs_in_these_names_alone() -> None:
    def says(text: str) -> Built:
        return Built(Source("", None), text, 1.0, ())

    moved = back(BEFORE, AFTER, lambda path: path.startswith("/opt/venv"))
    with Saying(Options()) as builder:
        behaviour = Behaviour(builder, ["flask"], Limits())
        behaviour.learn(says(SAID), says(SAID), Config())
        assert behaviour.problems(says(SAID.replace(SITE, VENV)), moved.told) == Problems()
        assert behaviour.problems(says(SAID.replace(SITE, VENV))).lines
        assert behaviour.problems(says(SAID.replace(SITE, VENV) + "!"), moved.told).lines
