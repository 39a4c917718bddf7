"""What a build teaches: a fix is made anew after what its image lacks, twice at the most. The images are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from optimizer.report import terminal
from optimizer.report.terminal import PLAIN
from optimizer.runner import Plan, Rules, Task, process
from optimizer.verify.document import report
from optimizer.verify.picture import show
from optimizer.verify.verdict import Verdict, Wish, verify
from tests.verify.fake import FakeBuilder, Files

APT = "apt-get update && apt-get install -y --no-install-recommends"
DOCKERFILE = f"""\
FROM python:3.12-slim-bookworm
RUN {APT} gcc && rm -rf /var/lib/apt/lists/*
RUN pip install example
CMD ["python", "-m", "example"]
"""
NEEDS_PQ = "ImportError: libpq.so.5: cannot open shared object file: No such file or directory"
NEEDS_FFMPEG = "/bin/sh: 1: ffmpeg: not found"
NEEDS_WEBP = "x: error while loading shared libraries: libwebp.so.7: cannot open shared object file"
PQ, FFMPEG = "libpq5 is added: a program needs libpq.so.5", "ffmpeg is added: the build calls ffmpeg"


def lacks(**packages: str) -> Callable[[str], Files | str]:
    """A split fails with what is said of the first package that it does not install; nothing else fails."""

    def files(text: str) -> Files | str:
        said = (
            (message for package, message in packages.items() if f" {package}" not in text)
            if "AS build" in text
            else ()
        )
        return next(iter(said), {"data/words": b""})

    return files


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return Task(str(tmp_path / "Dockerfile"), str(tmp_path), rules=Rules(select=("multi_stage",), suggested=True))


def proved(task: Task, files: Callable[[str], Files | str]) -> tuple[Verdict, FakeBuilder]:
    with FakeBuilder(files) as builder:
        return verify(task, builder, Wish(measure="nothing")), builder


@pytest.mark.parametrize(
    ("missing", "repairs"),
    [
        ({}, ()),
        ({"libpq5": NEEDS_PQ}, (PQ,)),
        ({"libpq5": NEEDS_PQ, "ffmpeg": NEEDS_FFMPEG}, (PQ, FFMPEG)),
    ],
)
def test_what_is_missing_is_added_and_what_came_of_it_is_what_is_applied(
    task: Task, missing: dict[str, str], repairs: tuple[str, ...]
) -> None:
    verdict, builder = proved(task, lacks(**missing))
    assert (verdict.status, verdict.failed) == ("pass", ())
    assert verdict.outcome is not None
    (fix,) = verdict.outcome.fixes
    assert fix.repairs == repairs
    final = verdict.outcome.after.split("\n\n")[-1]
    assert all(package in final for package in missing)
    assert [text for text in builder.built if "AS build" in text][-1] == verdict.outcome.after
    result = process(verdict.task, Plan(contents=True), verdict.accept)
    assert result.changes[0].after.decode() == verdict.outcome.after
    assert result.fixes[0].repairs == repairs


def test_reports_tell_what_was_repaired_and_why(task: Task) -> None:
    verdict, _ = proved(task, lacks(libpq5=NEEDS_PQ))
    assert f"pass  multi_stage\n      repaired: {PQ}\n" in show(verdict, PLAIN)
    assert json.loads(report([verdict]))["files"][0]["fixes"][0]["repairs"] == [PQ]
    (note,) = process(verdict.task, Plan(), verdict.accept).fixes
    assert terminal.fix(note, PLAIN).endswith(f"\n      repaired: {PQ}")


def test_after_two_repairs_it_fails_with_all_that_is_known(task: Task) -> None:
    verdict, builder = proved(task, lacks(libpq5=NEEDS_PQ, ffmpeg=NEEDS_FFMPEG, libwebp7=NEEDS_WEBP))
    assert verdict.status == "fail"
    (failed,) = verdict.failed
    assert failed.fix.repairs == (PQ, FFMPEG)
    assert failed.differences == (f"the build fails: {NEEDS_WEBP}", f"before the repair: the build fails: {NEEDS_PQ}")
    assert verdict.outcome is not None
    assert not verdict.outcome.changed
    assert process(verdict.task, Plan(contents=True), verdict.accept).changes == ()
    assert len([text for text in builder.built if "AS build" in text]) == 3
    assert f"fail  multi_stage\n      repaired: {PQ}\n      repaired: {FFMPEG}\n" in show(verdict, PLAIN)


@pytest.mark.parametrize(
    "said",
    [
        "no space left on device",
        "libnosuch.so.3: cannot open shared object file",
        "cat: /no/such: No such file or directory",
        "/bin/sh: 1: nosuchcommand: not found",
    ],
)
def test_what_cannot_be_mended_fails_as_it_is_at_the_first_time(task: Task, said: str) -> None:
    verdict, builder = proved(task, lacks(nothing=said))
    assert [each.differences for each in verdict.failed] == [(f"the build fails: {said}",)]
    assert verdict.failed[0].fix.repairs == ()
    assert len([text for text in builder.built if "AS build" in text]) == 1


def test_a_repair_that_changes_nothing_is_not_tried_again(task: Task) -> None:
    """It says that a library is missing which is there: the package that would bring it has been added."""
    verdict, builder = proved(task, lambda text: NEEDS_PQ if "AS build" in text else {})
    assert len(verdict.failed) == 1
    assert len([text for text in builder.built if "AS build" in text]) == 2


def test_what_is_lost_comes_along_if_the_original_has_it(task: Task) -> None:
    def files(text: str) -> Files:
        there = "AS build" not in text or "/data/words" in text or "/data /data" in text
        return {"data/words": b""} if there and "RUN" in text else {}

    verdict, _ = proved(task, files)
    assert (verdict.status, verdict.failed) == ("pass", ())
    assert verdict.outcome is not None
    assert verdict.outcome.fixes[0].repairs == ("/data is taken along: the image did not work without it",)


def test_other_fixes_stay_when_one_is_repaired_or_denied(task: Task) -> None:
    text = DOCKERFILE.replace("CMD", "ADD words /words\nCMD")
    (Path(task.path).parent / "words").write_text("text\n")
    task = task._replace(data=text.encode(), rules=Rules(select=("multi_stage", "copy_over_add"), suggested=True))
    for missing, names in (
        ({"libpq5": NEEDS_PQ}, ["copy_over_add", "multi_stage"]),
        ({"nothing": "no space left"}, ["copy_over_add"]),
    ):
        verdict, _ = proved(task, lacks(**missing))
        assert verdict.outcome is not None
        assert sorted(fix.transform for fix in verdict.outcome.fixes) == names
