"""Every case in fixtures/, as it stands and in the disguises that a rewrite must see through.

A case is a folder with a Dockerfile, expected.Dockerfile (absent: nothing may change), and where needed case.toml and
context/. case.toml: ``suggested`` (apply suggestions too), ``targets``, ``refuses`` (a piece of each reason to be
given), ``options`` (fields of Options), ``comments_refuse`` (a comment keeps what has it as it is). fixtures/guide runs
all transforms, every other folder its own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from optimizer import registry
from optimizer.context import BuildContext, DirectoryContext
from optimizer.document import parse
from optimizer.engine import Outcome, optimize
from optimizer.fix import Options, Safety
from optimizer.history import Commit, History
from optimizer.past import Known, Past

FIXTURES = Path(__file__).parent.parent / "fixtures"
ALL = "guide"


@dataclass(frozen=True)
class Case:
    folder: Path
    transform: str
    before: str
    after: str
    settings: dict[str, Any]

    @property
    def context(self) -> BuildContext | None:
        folder = self.folder / "context"
        return DirectoryContext(folder) if folder.is_dir() else None

    def run(self, text: str) -> Outcome:
        choice = registry.choose(select=() if self.transform == ALL else [self.transform])
        transforms = choice.transforms
        return optimize(
            text,
            transforms,
            suggested={each.name for each in transforms} if self.settings.get("suggested") else (),
            context=self.context,
            targets=tuple(self.settings.get("targets", ())),
            options=Options(past=self.past(text), **self.settings.get("options", {})),
        )

    def past(self, text: str) -> Past | None:
        """The history that the case gives."""
        found: list[Commit] = []
        for each in self.settings.get("commits", ()):
            changed = frozenset(
                one.index
                for one in parse(text).instructions
                if one.text.startswith(tuple(each.get("instructions", ("\0",))))
            )
            found += [Commit(f"{len(found)}", 1.0, frozenset(each.get("paths", ())), changed)] * each["count"]
        if not found:
            return None
        commits = tuple(replace(each, weight=1 / len(found)) for each in found)
        return Known(History(commits, False, f"the last {len(found)} commits", text))


def read(path: Path) -> str:
    return path.read_bytes().decode()


def cases() -> Iterator[Case]:
    for path in sorted(FIXTURES.glob("*/*/Dockerfile")):
        folder = path.parent
        if folder.parent.name == "apps":
            continue
        before = read(path)
        expected, toml = folder / "expected.Dockerfile", folder / "case.toml"
        after = read(expected) if expected.exists() else before
        settings = tomllib.loads(read(toml)) if toml.exists() else {}
        yield Case(folder, folder.parent.name, before, after, settings)


CASES = list(cases())
every_case = pytest.mark.parametrize("case", CASES, ids=[f"{c.transform}/{c.folder.name}" for c in CASES])


@every_case
def test_rewrites_as_expected_and_says_why(case: Case) -> None:
    outcome = case.run(case.before)
    assert outcome.after == case.after, outcome.refusals
    surest = {fix.transform for fix in (*outcome.fixes, *outcome.suggestions) if fix.safety is Safety.SAFE}
    assert all(registry.find(name).safety is Safety.SAFE for name in surest)
    reasons = [refusal.reason for refusal in outcome.refusals]
    for reason in case.settings.get("refuses", ()):
        assert any(reason in each for each in reasons), reasons
    assert reasons == [] or case.settings.get("refuses") != [], reasons
    assert len(outcome.fixes) == case.settings.get("fixes", len(outcome.fixes)), outcome.fixes
    for companion in outcome.companions:
        assert companion.text == read(case.folder / "expected" / companion.path)
    assert {path.name for path in (case.folder / "expected").glob("*")} == {c.path for c in outcome.companions}


@every_case
def test_a_second_run_changes_nothing(case: Case) -> None:
    assert case.run(case.after).after == case.after


@every_case
def test_line_ends_are_kept(case: Case) -> None:
    def crlf(text: str) -> str:
        return text.replace("\r\n", "\n").replace("\n", "\r\n")

    if any(each.heredocs for each in parse(case.before).instructions):
        pytest.skip("a heredoc's line ends are part of its content")
    assert case.run(crlf(case.before)).after == crlf(case.after)


@every_case
def test_back_tick_escapes_are_kept(case: Case) -> None:
    before, after = back_ticks(case.before), back_ticks(case.after)
    if before is None or after is None:
        pytest.skip("the text uses backslashes for more than line ends")
    assert case.run(before).after == after


@every_case
def test_comments_are_kept(case: Case) -> None:
    """A comment before each instruction is still there afterwards, and changes nothing else."""
    commented = comment_each(case.before)
    outcome = case.run(commented)
    if case.settings.get("comments_refuse"):
        assert outcome.after == commented
        return
    kept = [line for line in outcome.after.split("\n") if "a comment of the test" in line]
    assert len(kept) == len(parse(case.before).instructions)
    assert [line for line in outcome.after.split("\n") if line not in kept] == case.after.split("\n")


def test_every_transform_has_cases_that_change_and_two_that_do_not() -> None:
    for transform in registry.load():
        mine = [case for case in CASES if case.transform == transform.name]
        changes = any(case.before != case.after or (case.folder / "expected").exists() for case in mine)
        assert changes or transform.safety is Safety.REPORT, transform.name
        assert sum(case.before == case.after for case in mine) >= 2, transform.name


def back_ticks(text: str) -> str | None:
    document = parse(text)
    if document.directives:
        return None
    pieces: list[str] = []
    at = 0
    for instruction in document.instructions:
        if instruction.keyword != "RUN" and "\\" in instruction.text:
            return None
        for _, start, length in instruction.segments[:-1]:
            escape = text.index("\\", start + length)
            pieces += (text[at:escape], "`")
            at = escape + 1
    return "# escape=`\n" + "".join([*pieces, text[at:]])


def comment_each(text: str) -> str:
    pieces: list[str] = []
    at = 0
    for instruction in parse(text).instructions:
        pieces += (text[at : instruction.start], f"# a comment of the test, {instruction.index}\n")
        at = instruction.start
    return "".join([*pieces, text[at:]])
