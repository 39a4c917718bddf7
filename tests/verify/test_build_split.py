"""Splits into stages, written by hand: what is right passes, what is wrong fails with what is missing and for whom."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from optimizer.engine import Outcome
from optimizer.fix import Fix, Safety
from optimizer.image_tools import UNPACKED_NOT
from optimizer.split.declared import packages
from optimizer.verify.builder import BuildFailed
from optimizer.verify.cause import Cause, MissingLibrary, MissingModule, MissingPath, MissingProgram, Problems
from tests.verify.apps import APPS, Proofs

SPLITS = Path(__file__).parent / "splits"
PSYCOPG = "/usr/local/lib/python3.11/site-packages/psycopg2/_psycopg.cpython-311-x86_64-linux-gnu.so"
LEFT_BEHIND = {
    "c": ("/src/**", *packages(["gcc", "make", "zlib1g-dev"]), *UNPACKED_NOT),
    "pip": ("/root/.cache/pip/**", *packages(["gcc", "libpq-dev"])),
}
"""What the build leaves that the program does not need, as a split declares it."""


class Split(NamedTuple):
    """A split, with one thing in it put in place of another, and what has to be found missing then."""

    app: str
    text: str = ""
    instead: str = ""
    missing: frozenset[Cause] = frozenset()


def missing(*causes: Cause) -> frozenset[Cause]:
    return frozenset(causes)


LIBRARY = "COPY --from=build /usr/local/lib/libchecksum.so.1 /usr/local/lib/\n"
PACKAGES = "COPY --from=build /usr/local/lib/python3.11/site-packages /usr/local/lib/python3.11/site-packages\n"
CASES = {
    "c": Split("c"),
    "c on a smaller base": Split("c", "FROM debian:bookworm\n", "FROM debian:bookworm-slim\n"),
    "c without its library": Split(
        "c", LIBRARY, "", missing(MissingLibrary("libchecksum.so.1", "/usr/local/bin/checksums"))
    ),
    "c without ldconfig": Split(
        "c", "RUN ldconfig\n", "", missing(MissingLibrary("libchecksum.so.1", "/usr/local/bin/checksums"))
    ),
    "c without its program": Split(
        "c",
        "COPY --from=build /usr/local/bin/checksums /usr/local/bin/\n",
        "",
        missing(MissingProgram("checksums", "ENTRYPOINT")),
    ),
    "pip": Split("pip"),
    "pip without a shared library": Split(
        "pip", "RUN apt-get install -y libpq5\n", "", missing(MissingLibrary("libpq.so.5", PSYCOPG))
    ),
    "pip without its programs": Split(
        "pip",
        "COPY --from=build /usr/local/bin /usr/local/bin\n",
        "",
        missing(MissingProgram("gunicorn", "CMD")),
    ),
    "pip without a package": Split(
        "pip",
        PACKAGES,
        f"{PACKAGES}RUN rm -r /usr/local/lib/python3.11/site-packages/flask\n",
        missing(MissingModule("flask", ("/app/notes.py",))),
    ),
    "pip without a source": Split(
        "pip", "COPY . /app\n", "COPY requirements.txt /app/\n", missing(MissingPath("/app/notes.py"))
    ),
}


@pytest.mark.builds
@pytest.mark.parametrize(("app", "case"), [(split.app, name) for name, split in CASES.items()], ids=list(CASES))
def test_a_split(app: str, case: str, proofs: Proofs) -> None:
    split = CASES[case]
    text = (SPLITS / f"{app}.Dockerfile").read_text()
    assert split.text in text
    trials = proofs[app].trials
    fix = Fix("by hand", Safety.SUGGESTED, 1, (), frozenset(), "", "", paths=LEFT_BEHIND[app])
    build, start, final = text.rpartition("\nFROM ")
    after = build + f"{start}{final}".replace(split.text, split.instead) if split.text else text
    outcome = Outcome((APPS / app / "Dockerfile").read_text(), after, (fix,), (), (), ())
    try:
        shot = trials.shoot(trials.source(after), case, no_cache=False)
    except BuildFailed as error:
        pytest.fail(f"{error.message}: {error.lines}")
    problems = trials.problems(outcome, case, shot)
    if split.missing:
        assert set(problems.causes) >= split.missing, problems
    else:
        assert problems == Problems()
