"""Which fix is at fault, with images that are made up: the engine and its transforms are the real ones."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest

from optimizer.report.terminal import PLAIN
from optimizer.runner import Rules, Task
from optimizer.verify.document import report
from optimizer.verify.picture import show
from optimizer.verify.progress import Step
from optimizer.verify.verdict import Verdict, Wish, verify
from tests.verify.fake import FakeBuilder, Files

DOCKERFILE = """\
FROM debian:bookworm
ADD one /one
RUN apt-get update
RUN apt-get install -y --no-install-recommends curl
ADD two /two
RUN pip install flask
ADD three /three
"""
WISH = Wish(measure="nothing")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text("text\n")
    return Task(str(tmp_path / "Dockerfile"), str(tmp_path), rules=Rules(ignore=("dockerignore", "reorder_layers")))


def names(verdict: Verdict) -> list[str]:
    assert verdict.outcome is not None
    return sorted(fix.transform for fix in verdict.outcome.fixes)


def test_passes_where_all_images_are_the_same(task: Task) -> None:
    with FakeBuilder(lambda text: {"a": b"a"}) as builder:
        verdict = verify(task, builder, WISH)
        assert (verdict.status, verdict.failed) == ("pass", ())
        assert names(verdict) == ["clean_package_caches"] * 2 + ["copy_over_add"] * 3 + ["update_with_install"]
        assert builder.built.count(DOCKERFILE) == 2


@pytest.mark.parametrize(
    ("wrong", "transform", "line"),
    [
        ("COPY one", "copy_over_add", 2),
        ("COPY two", "copy_over_add", 5),
        ("COPY three", "copy_over_add", 7),
        ("lists/*", "clean_package_caches", 3),
        ("--no-cache-dir", "clean_package_caches", 6),
        ("update && ", "update_with_install", 3),
    ],
)
def test_finds_the_one_fix_at_fault_and_leaves_it_out(task: Task, wrong: str, transform: str, line: int) -> None:
    def files(text: str) -> Files:
        return {"app": b"other" if wrong in text else b"same", "lib": b""}

    with FakeBuilder(files) as builder:
        verdict = verify(task, builder, WISH)
    assert verdict.status == "fail"
    assert (verdict.failed[0].fix.transform, verdict.failed[0].fix.line) == (transform, line)
    assert "changed: /app: content" in verdict.failed[0].differences[0]
    assert verdict.outcome is not None
    assert wrong not in verdict.outcome.after
    assert len(verdict.outcome.fixes) >= 4


def test_leaves_out_each_of_several_that_fail(task: Task) -> None:
    with FakeBuilder(lambda text: {f"{n}": b"" for n in range(9) if n or "COPY" not in text}) as builder:
        verdict = verify(task, builder, WISH)
    assert [failed.fix.transform for failed in verdict.failed] == ["copy_over_add"] * 3
    assert verdict.outcome is not None
    assert "COPY" not in verdict.outcome.after
    assert names(verdict) == ["clean_package_caches"] * 2 + ["update_with_install"]


def test_a_fix_whose_result_does_not_build_fails(task: Task) -> None:
    with FakeBuilder(lambda text: "no space" if "COPY two" in text else {}) as builder:
        verdict = verify(task, builder, WISH)
    assert [(failed.fix.line, failed.differences) for failed in verdict.failed] == [(5, ("the build fails: no space",))]


def test_what_is_borne_out_is_what_fix_applies(task: Task) -> None:
    from optimizer.runner import rewrite

    with FakeBuilder(lambda text: {"a": b"b" if "COPY two" in text else b"a"}) as builder:
        verdict = verify(task, builder, WISH)
    assert verdict.accept is not None
    assert verdict.outcome is not None
    assert rewrite(task, DOCKERFILE, verdict.accept).after == verdict.outcome.after


def test_what_differs_between_two_builds_of_the_original_is_no_difference(task: Task) -> None:
    number = count()
    with FakeBuilder(lambda text: {"etc/stamp": str(next(number)).encode(), "app": b""}) as builder:
        assert verify(task, builder, WISH).status == "pass"


def test_an_original_that_fails_cannot_be_judged(task: Task) -> None:
    with FakeBuilder(lambda text: "no such file") as builder:
        verdict = verify(task, builder, WISH)
    assert verdict.status == "cannot be judged"
    assert "already fails before any rewrite" in verdict.message
    assert "no such file" in verdict.lines


def test_an_original_that_fails_now_and_then_cannot_be_judged(task: Task) -> None:
    number = count()
    with FakeBuilder(lambda text: {} if text != DOCKERFILE or next(number) == 0 else "flaky") as builder:
        verdict = verify(task, builder, WISH)
    assert (verdict.status, verdict.failed) == ("cannot be judged", ())


def test_a_damaged_image_cannot_be_judged(task: Task) -> None:
    from contextlib import nullcontext
    from io import BytesIO

    with FakeBuilder(lambda text: {}) as builder:
        builder.export = lambda built: nullcontext(BytesIO(b"no tar"))  # type: ignore[method-assign,assignment,return-value]
        assert verify(task, builder, WISH).status == "cannot be judged"


def test_smoke_commands_need_a_builder_that_runs_containers(task: Task) -> None:
    with FakeBuilder(lambda text: {}) as builder:
        verdict = verify(task, builder, Wish(smoke=("true",)))
    assert verdict.status == "cannot be judged"
    assert "--smoke cannot be run: a fake runs nothing" in verdict.message
    assert builder.built == []


def test_a_replay_is_measured_where_nothing_else_is(task: Task) -> None:
    with FakeBuilder(lambda text: {"a": b"a"}) as builder:
        (measured,) = verify(task, builder, Wish(replay=2, measure="nothing")).measurements
    assert measured.scenarios == ()
    assert "no commits were replayed: " in measured.notes[0]


def test_nothing_is_built_where_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
    with FakeBuilder(lambda text: {}) as builder:
        verdict = verify(Task(str(tmp_path / "Dockerfile")), builder, WISH)
    assert verdict.status == "unchanged"
    assert builder.built == []


def test_the_report_for_programs_has_each_fix_and_no_credentials(task: Task) -> None:
    text = DOCKERFILE.replace("RUN pip", "ENV API_TOKEN=hunter2hunter2\nRUN pip")
    with FakeBuilder(lambda text: {"a": b"hunter2" if "COPY two" in text else b""}) as builder:
        verdict = verify(task._replace(data=text.encode()), builder, Wish(measure="sizes"))
    (file,) = json.loads(report([verdict]))["files"]
    assert (file["status"], file["builder"]) == ("fail", "a fake")
    assert [fix["verdict"] for fix in file["fixes"]] == ["pass"] * 5 + ["fail"]
    assert file["fixes"][-1] | {"differences": []} == {
        "transform": "copy_over_add", "line": 5, "verdict": "fail", "differences": [], "causes": [], "repairs": [],
    }  # fmt: skip
    assert file["measurements"][0]["before"]["layers"] == 1
    assert "hunter2hunter2" not in json.dumps(file)


def test_what_a_rebuild_is_expected_to_take_goes_by_the_times_of_the_builds(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nCOPY . /a\nRUN pip install -r /a/requirements.txt\n")
    (tmp_path / "requirements.txt").write_text("flask==3.0.3\n")
    (tmp_path / "app.py").write_text("import flask\n")
    task = Task(str(tmp_path / "Dockerfile"), str(tmp_path), rules=Rules(select=("manifests_first",)))
    seen: list[float] = []
    for seconds in (30.0, 300.0):
        steps = (Step("[3/3] RUN pip install -r /a/requirements.txt", seconds, False),)
        with FakeBuilder(lambda text: {"a": b"a"}, steps) as builder:
            verdict = verify(task, builder, WISH)
        found = json.loads(report([verdict]))["files"][0]["predicted"]
        assert found["after"] < found["before"] / 2
        line = f"a rebuild is expected to take {found['after']:.1f} s in place of {found['before']:.1f} s a commit"
        assert line in show(verdict, PLAIN)
        seen.append(found["before"])
    assert 5 < seen[1] / seen[0] < 10


def test_the_report_for_people_names_the_difference(task: Task) -> None:
    with FakeBuilder(lambda text: {} if "COPY two" in text else {"bin/\x1b[2J": b"a"}) as builder:
        shown = show(verify(task, builder, Wish(measure="sizes")), PLAIN)
    assert "Dockerfile:5  fail  copy_over_add" in shown
    assert "lost: /bin" in shown
    assert "image, unpacked" in shown
    assert "\x1b" not in shown


def of_debian(text: str) -> Files:
    """An image on the full or the slim debian; what it has on top follows from the text."""
    base = {"lib": b"", "bin/sh": b""} if "slim" in text else {"lib": b"", "bin/sh": b"", "bin/gcc": b"1"}
    made = {} if "make" in text and "slim" in text else {"made": b""}
    return {**base, **({"app": b"", **made} if "COPY" in text else {})}


@pytest.mark.parametrize(("command", "failed"), [("true", []), ("make", ["slim_base"])])
def test_another_base_may_lack_only_what_the_old_base_had(tmp_path: Path, command: str, failed: list[str]) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM debian:bookworm\nCOPY app /app\nCMD {command}\n")
    (tmp_path / "app").write_text("text\n")
    task = Task(str(tmp_path / "Dockerfile"), str(tmp_path), rules=Rules(select=("slim_base",), suggested=True))
    with FakeBuilder(of_debian) as builder:
        verdict = verify(task, builder, WISH)
    assert [each.fix.transform for each in verdict.failed] == failed
    assert all("lost: /made" in each.differences[0] and "gcc" not in str(each.differences) for each in verdict.failed)
