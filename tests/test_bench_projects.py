"""The list of real projects, how one is fetched, and what the page says of their results."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench import projects, proving, replay, splits
from bench.projects import Project, Unobtainable

LISTED = projects.listed()
every_project = pytest.mark.parametrize("project", LISTED.project, ids=[each.name for each in LISTED.project])


@every_project
def test_a_project_is_named_and_pinned_by_public_names(project: Project) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", project.name)
    assert re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", project.url)
    assert re.fullmatch(r"[0-9a-f]{40}", project.commit)
    assert project.ecosystem
    assert project.series in LISTED.series
    assert not Path(project.dockerfile).is_absolute()
    assert ".." not in Path(project.dockerfile).parts
    assert all(re.fullmatch(r"\w+=.*", each) for each in project.args)
    assert all(":" in each for each in project.stand_ins.values())


@every_project
def test_a_project_is_measured_or_has_a_reason_why_not(project: Project) -> None:
    if project.reason:
        assert (project.smoke, project.size, project.seconds) == ((), 0, 0)
    else:
        assert set(project.benches) <= {"splits", "replay"}
        assert project.benches
        assert project.smoke
        assert all(each.strip() for each in project.smoke)
        assert (project.size > 0) == (project.seconds > 0)
        assert project.size or project.series != "tuned"


def test_no_project_stands_there_twice() -> None:
    for names in ([each.name for each in LISTED.project], [each.url.lower() for each in LISTED.project]):
        assert [name for name, number in Counter(names).items() if number > 1] == []


def test_the_fresh_series_is_large_and_mixed() -> None:
    fresh = [each for each in projects.load("splits", series="fresh") if not each.reason]
    assert len(fresh) >= 20
    kinds = Counter(each.ecosystem.split(",")[0] for each in fresh)
    assert len(kinds) >= 5
    assert max(kinds.values()) <= len(fresh) / 2


def made(**fields: Any) -> str:
    project = {
        "name": "a", "url": "https://github.com/o/a", "commit": "0" * 40, "ecosystem": "pip", "benches": ["splits"]
    }  # fmt: skip
    lines = [f"{key} = {value!r}" for key, value in (project | fields).items()]
    return "\n".join(["[[project]]", *lines, ""])


@pytest.fixture
def listing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "projects.toml"
    file.write_text(
        "[series]\nfresh = 'New.'\ntuned = 'Old.'\n"
        + made(series="fresh")
        + made(name="ab", series="fresh", benches=["replay"])
        + made(name="gone", series="fresh", reason="it is gone")
        + made(name="old", benches=[], reason="it never was there")
    )
    monkeypatch.setattr(projects, "LIST", file)
    return file


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (("splits",), ["a", "gone", "old"]),
        (("replay",), ["ab", "old"]),
        (("splits", "o"), ["gone", "old"]),
        (("splits", "", "fresh"), ["a", "gone"]),
        (("splits", "", "tuned"), ["old"]),
    ],
)
def test_a_bench_has_its_own_projects_and_those_that_do_not_build(
    asked: tuple[str, ...], names: list[str], listing: Path
) -> None:
    assert [each.name for each in projects.load(*asked)] == names


def git(folder: Path, *words: str) -> str:
    command = ("git", "-C", str(folder), "-c", "user.name=A", "-c", "user.email=a@example.org", *words)
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository with two commits, below a mirror by OWNER+NAME."""
    place = tmp_path / "mirror" / "o+a"
    place.mkdir(parents=True)
    git(place, "init", "-q")
    for number in (1, 2):
        (place / "Dockerfile").write_text(f"FROM a:{number}\n")
        git(place, "add", "Dockerfile")
        git(place, "commit", "-q", "-m", str(number))
    return place


def project(commit: str, **fields: Any) -> Project:
    return Project("a", "https://github.com/o/a", commit, "pip", **fields)


@pytest.mark.parametrize("below", ["", "repo"])
def test_a_checkout_is_what_the_commit_has_and_nothing_else(below: str, upstream: Path, tmp_path: Path) -> None:
    first = git(upstream, "rev-parse", "HEAD^")
    if below:
        upstream.rename(tmp_path / "aside")
        (upstream / below).parent.mkdir()
        (tmp_path / "aside").rename(upstream / below)
    place = projects.checkout(project(first), tmp_path / "mirror", tmp_path)
    (place / "Dockerfile").write_text("FROM changed\n")
    (place / "left-over").write_text("")
    (place / ".git" / "info" / "exclude").write_text("left-over\n")
    again = projects.checkout(project(first), tmp_path / "mirror", tmp_path)
    assert again == place
    assert {each.name: each.read_text() for each in place.iterdir() if each.is_file()} == {"Dockerfile": "FROM a:1\n"}


def test_the_hooks_of_a_checkout_are_not_run(upstream: Path, tmp_path: Path) -> None:
    head = git(upstream, "rev-parse", "HEAD")
    place = projects.checkout(project(head), tmp_path / "mirror", tmp_path)
    hook = place / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    hook.chmod(0o755)
    projects.checkout(project(git(upstream, "rev-parse", "HEAD^")), tmp_path / "mirror", tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("name", "commit"), [("a", "1" * 40), ("b", "0" * 40)])
def test_what_cannot_be_had_says_so_in_one_line(name: str, commit: str, upstream: Path, tmp_path: Path) -> None:
    wanted = Project("x", f"https://github.com/o/{name}", commit, "pip")
    with pytest.raises(Unobtainable, match=r"^git [^\n]+$"):
        projects.checkout(wanted, tmp_path / "mirror", tmp_path)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("FROM debian:12\n", "debian:12"),
        ("ARG BASE=python:3.11\nFROM $BASE\n", "python:3.11"),
        ("ARG BASE\nFROM $BASE\n", ""),
        ("FROM gcc AS build\nFROM build\n", "gcc"),
    ],
)
def test_a_row_names_the_image_that_all_goes_back_to(text: str, named: str) -> None:
    assert proving.base(text) == named


FIX = {"transform": "multi_stage", "verdict": "pass", "differences": [], "repairs": []}


def row(status: str = "pass", before: int = 1000, after: int = 400, **fields: Any) -> dict[str, Any]:
    measured = [{"before": {"unpacked": before}, "after": {"unpacked": after}, "replay": None}]
    found = {
        "url": "https://github.com/o/a", "commit": "0" * 40, "ecosystem": "pip", "series": "fresh", "base": "python:3",
        "status": status, "message": "", "lines": [], "fixes": [FIX] if status == "pass" else [],
        "measurements": measured if status == "pass" else [], "reasons": [], "refusals": [],
    }  # fmt: skip
    return found | fields


REPAIRED = row(after=600, fixes=[FIX | {"repairs": ["libpq5 is added", "git is kept"]}])
REFUSED = row("unchanged", refusals=["it has no CMD"])
FAILED = row("fail", fixes=[FIX | {"verdict": "fail", "differences": ["libpq.so.5 is missing"]}])
UNBUILT = row("does not build", message="a file is gone")


@pytest.mark.parametrize(
    ("found", "word", "why"),
    [
        (row(reasons=["the compiler is left behind"]), "working", "the compiler is left behind"),
        (REPAIRED, "repaired", "libpq5 is added; git is kept"),
        (REFUSED, "refused", "it has no CMD"),
        (row("unchanged"), "nothing to gain", "nothing to change"),
        (FAILED, "failed", "libpq.so.5 is missing"),
        (UNBUILT, "does not build", "a file is gone"),
        (row("cannot be judged", message="fails", lines=["a", "no\nroom"]), "cannot be judged", "fails: no room"),
        (row("crashed", message="IndexError: 1"), "crashed", "IndexError: 1"),
    ],
)
def test_a_result_comes_to_one_word_and_one_sentence(found: dict[str, Any], word: str, why: str) -> None:
    assert splits.verdict(found) == word
    assert word in splits.VERDICTS
    assert proving.explanation(found) == why


def test_text_of_a_project_cannot_break_out_of_its_cell() -> None:
    assert proving.explanation(row("crashed", message="a | b\n<img>")) == r"a \| b &lt;img>"


def test_totals_count_repairs_as_working_and_leave_out_what_says_nothing_of_a_rewrite() -> None:
    assert splits.totals([row(), REPAIRED, REFUSED, FAILED, UNBUILT, row("cannot be judged")]) == (
        "6 projects: working 1, repaired 1, refused 1, failed 1, cannot be judged 1, does not build 1. "
        "2 of 4 that could be tried (50.0%) become a two-stage image that works. "
        "Size of those that work: mean -50.0%, median -50.0%."
    )


def test_totals_of_nothing_that_builds_are_no_figures() -> None:
    assert splits.totals([UNBUILT, UNBUILT]) == "2 projects: does not build 2."


def test_the_page_has_a_section_each_series_with_totals_of_its_own(listing: Path) -> None:
    rows = {"one": row(), "two": REFUSED | {"size": 2_000_000}, "three": row(after=900, series="tuned")}
    text = splits.page({"made": "2026-01-02", "machine": "a machine", "rows": rows})
    fresh, tuned = text.split("## How it is measured")[0].split("## The series *tuned*")
    assert "New." in fresh
    assert "mean -60.0%" in fresh
    assert "| 2 |  |  | refused | it has no CMD |" in fresh
    assert "[three]" not in fresh
    assert "Old." in tuned
    assert "mean -10.0%" in tuned
    assert "- *refused*" in text
    assert "- *crashed*" not in text


def run(results: Path, work: Path, *more: str) -> None:
    splits.main(["--results", str(results), "--work", str(work), *more])


def test_results_are_kept_one_by_one_and_a_fault_of_ours_is_one_of_them(
    listing: Path, upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listing.write_text(
        "[series]\nfresh = 'New.'\n"
        + made(series="fresh", commit=git(upstream, "rev-parse", "HEAD"))
        + made(name="gone", series="fresh", reason="it is gone")
    )
    seen: list[str] = []

    def prove(project: Project, *rest: object) -> dict[str, Any]:
        seen.append(project.name)
        raise IndexError("list index out of range")

    monkeypatch.setattr(proving, "prove", prove)
    results = tmp_path / "results.json"
    run(results, tmp_path, "--mirror", str(tmp_path / "mirror"))
    assert {name: each["status"] for name, each in json.loads(results.read_text())["rows"].items()} == {
        "a": "crashed", "gone": "does not build"
    }  # fmt: skip
    run(results, tmp_path, "--missing", "--mirror", str(tmp_path / "mirror"))
    assert seen == ["a"]
    assert "IndexError: list index out of range" in capsys.readouterr().out


def test_a_page_is_not_written_from_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path / "none.json", tmp_path, "--render")
    assert "there are no results" in capsys.readouterr().err


def rebuilt(before: list[float], after: list[float], predicted: float | None, *notes: str) -> dict[str, Any]:
    """The row of a project whose commits were built."""
    builds = {"before": {"seconds": before}, "after": {"seconds": after}}
    fix = FIX | {"transform": "manifests_first"}
    measured = [{"replay": builds, "notes": list(notes)}]
    timed = None if predicted is None else {"before": 10.0, "after": 10.0 * (1 + predicted)}
    return row(fixes=[fix, fix], measurements=measured, predicted=predicted, timed=timed)


def replays(**rows: dict[str, Any]) -> str:
    return replay.page({"made": "2026-01-02", "machine": "a machine", "select": ["a_transform"], "rows": rows})


def test_the_page_of_rebuilds_adds_up_and_holds_what_was_predicted_against_it() -> None:
    text = replays(
        one=rebuilt([10.0, 10.0], [1.0, 1.0], -0.9, "commit abc was left out: fails"),
        two=rebuilt([10.0], [8.0], -0.3),
        three=rebuilt([10.0], [6.0], -0.2),
        same=row("unchanged", refusals=["nothing passes it"]),
        broken=row("cannot be judged", message="no | way"),
        gone=UNBUILT,
    )
    assert "6 repositories, of which 2 cannot be built as they are. Of the others it changes 3, and 3 of these" in text
    assert "40 s before, 16 s after" in text
    assert "by -50.0% in the mean, -40.0% in the median. 1 of 3 are at least halved" in text
    assert "agree in rank by 0.50 (Spearman), the seconds that a commit saves by 0.50." in text
    assert "| 2 (1 left out) | 20 (10.0) | 2 (1.0) | -90.0% | -90.0% | 9.0 | 9.0 | yes | manifests_first |" in text
    assert "|  |  |  | unchanged |  | nothing passes it |" in text
    assert r"|  |  |  | cannot be judged |  | no \| way |" in text


def test_the_page_of_splits_names_what_it_lacks(listing: Path) -> None:
    listing.write_text("[series]\nfresh = 'New.'\n" + "".join(made(name=name, series="fresh") for name in ("a", "b")))
    rows = {"a": row(series="fresh")}
    assert "Not built yet: b.\n" in splits.page({"made": "2026-01-02", "machine": "a machine", "rows": rows})


def test_the_page_of_rebuilds_names_what_it_lacks(listing: Path) -> None:
    assert "Not built yet: ab, old.\n" in replays(a=rebuilt([10.0], [1.0], -0.9))
    assert "Not built yet" not in replays(ab=row(), old=UNBUILT)


def test_ranks_that_are_not_defined_are_no_figure() -> None:
    assert "Spearman" not in replays(one=rebuilt([10.0], [1.0], None), two=rebuilt([10.0], [8.0], -0.3))
    assert "Time of" not in replays(gone=UNBUILT)
