"""What comes of files: in one process or several, in which order, and when something goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Proposal, Safety, Transform
from optimizer.report.terminal import PLAIN
from optimizer.runner import CHUNK, MANY, STDIN, Plan, Result, Rules, Task, process, results
from optimizer.source import MAX_SIZE, NO_DOCKERFILE, NOT_READ, Failure
from tests.probes import ignoring, replacing, transform, use

FULL = Plan(PLAIN, contents=True, refusals=True, parents=True)


def task(text: str | bytes, **fields: object) -> Task:
    return Task(STDIN, data=text.encode() if isinstance(text, str) else text)._replace(**fields)  # type: ignore[arg-type]


def failure(result: Result) -> Failure:
    assert result.failure is not None
    assert result == Result(result.task, result.failure)
    return result.failure


def test_a_result_holds_what_the_plan_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replacing("a", "b"), replacing("c", "d", "second", Safety.SUGGESTED))
    asked = process(task("FROM x\nRUN a\nRUN c\n"), FULL)
    assert [(note.transform, note.line, note.saves) for note in asked.fixes] == [("probe", 2, "time")]
    assert [(note.transform, note.line) for note in asked.suggestions] == [("second", 3)]
    assert asked.diff.endswith(" FROM x\n-RUN a\n+RUN b\n RUN c\n")
    assert [(each.before, each.after) for each in asked.changes] == [
        (b"FROM x\nRUN a\nRUN c\n", b"FROM x\nRUN b\nRUN c\n")
    ]
    assert asked.parents == ("x",)
    least = process(task("FROM x\nRUN a\nRUN c\n"), Plan())
    assert least == asked._replace(diff="", changes=(), parents=())


def test_rules_choose_the_transforms(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replacing("a", "b"), replacing("a", "c", "second", Safety.SUGGESTED))
    for rules, after in (
        (Rules(), b"FROM x\nRUN b"),
        (Rules(ignore=("probe",), suggested=True), b"FROM x\nRUN c"),
        (Rules(select=("second",)), b"FROM x\nRUN c"),
    ):
        assert process(task("FROM x\nRUN a", rules=rules), FULL).changes[0].after == after


@pytest.mark.parametrize(
    ("data", "line", "column", "message"),
    [
        (b"FROM x\nRUN \0", 2, 5, "a NUL byte"),
        (b"FROM x\n# \xc3\xa9\xff\n", 2, 4, "0xff is not UTF-8"),
        ("FROM x\n".encode("utf-16"), 1, 1, "UTF-16"),
        (b"FROM x\n\nRUM y\n", 3, 1, "unknown instruction: RUM"),
        (b"", 1, 1, "begins with FROM"),
        (b"FROM x\nRUN " + b"y" * 70_000, 2, 1, "more than 65535 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why(data: bytes, line: int, column: int, message: str) -> None:
    failed = failure(process(task(data), FULL))
    assert failed[:3] == (NOT_READ, line, column)
    assert message in failed.message


@pytest.mark.parametrize(
    ("make", "status", "message"),
    [
        (lambda path: path.write_bytes(b"#" * (MAX_SIZE + 1)), NOT_READ, "larger than 4 MiB"),
        (lambda path: path.mkdir(), NO_DOCKERFILE, "it is a folder"),
        (os.mkfifo, NO_DOCKERFILE, "no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), NO_DOCKERFILE, "no regular file"),
        (lambda path: path.symlink_to("nowhere"), NO_DOCKERFILE, "No such file"),
        (lambda path: path.symlink_to(path), NO_DOCKERFILE, "symbolic links"),
    ],
)
def test_what_is_no_file_is_not_waited_for(make: object, status: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    make(path)  # type: ignore[operator]
    failed = failure(process(Task(str(path)), FULL))
    assert failed[:3] == (status, 0, 0)
    assert message in failed.message


def test_a_crash_is_reported_for_its_file_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.args == "crash":
            raise LookupError("secret detail")
        yield from ()

    use(monkeypatch, transform(crash), replacing("a", "b", "second"))
    first, second = results([task("FROM x\nRUN crash"), task("FROM x\nRUN a")], FULL)
    failed = failure(first)
    assert failed.status == NOT_READ
    assert "internal error (LookupError)" in failed.message
    assert "please report it" in failed.message
    assert "secret detail" in failed.traceback
    assert second.changed


def test_credentials_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "FROM x\nENV DB_PASSWORD=hunter2 USER=joe\nARG TOKEN='t0k3n' PASS_TOKEN=$TOKEN\nRUN a\n"
    why = "joe runs a with hunter2 and t0k3n from https://joe:pw@example.com/x"
    use(monkeypatch, replacing("a", "b", reason=why, saves="hunter2"))
    (note,) = process(task(text), FULL).fixes
    assert note.reason == "joe runs a with *** and *** from https://***@example.com/x"
    assert note.saves == "***"


def test_where_any_stage_may_be_a_target_each_of_them_ships() -> None:
    text = "FROM x AS a\nRUN a\nRUN b\nFROM y\nCOPY --from=a /z /z\n"
    for fields, fixes in (({}, 0), ({"targets_known": False}, 1), ({"targets": ("a",)}, 1)):
        assert len(process(task(text, rules=Rules(select=("merge_runs",)), **fields), FULL).fixes) == fixes


def test_dockerfiles_of_one_context_write_its_dockerignore_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(monkeypatch, ignoring("probe"))
    tasks = []
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.Dockerfile").write_text(f"FROM x\nCOPY {name} /\n")
        tasks.append(Task(str(tmp_path / f"{name}.Dockerfile"), str(tmp_path)))
    (tmp_path / ".dockerignore").write_text(".git\n")
    found = [result.changes for result in results(tasks, FULL)]
    assert [[(change.before, change.after) for change in changes] for changes in found] == [
        [(b".git\n", b".git\none\n")],
        [(b".git\none\n", b".git\none\ntwo\n")],
        [(b".git\none\ntwo\n", b".git\none\ntwo\nthree\n")],
    ]
    assert {change.path for changes in found for change in changes} == {str(tmp_path / ".dockerignore")}


@given(
    numbers=st.permutations(range(CHUNK * 3 + 1)),
    jobs=st.integers(2, 4),
)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_processes_change_nothing_but_the_time(numbers: list[int], jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replacing("a", "b"))
    tasks = [task(f"FROM x{number}\nRUN {'a' if number % 3 else 'é'}\n") for number in numbers]
    assert list(results(tasks, FULL, jobs)) == list(results(tasks, FULL, 1))


def test_a_process_that_is_ended_from_outside_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = os.getpid()

    def end(self: Transform, at: Instruction, context: BuildContext | None) -> Iterator[Proposal]:
        if at.args == "end" and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from ()

    use(monkeypatch, transform(end))
    tasks = [task("FROM x\nRUN end"), *[task("FROM x\nRUN a")] * CHUNK * 3]
    found = list(results(tasks, FULL, 2))
    assert [result.task for result in found] == tasks
    assert "ended by the system" in failure(found[0]).message


@pytest.mark.parametrize(("files", "loaded"), [(MANY - 1, False), (MANY, True)])
def test_processes_are_started_for_many_files_only(files: int, loaded: bool) -> None:
    code = f"""
import os, sys
os.sched_getaffinity = lambda _: [0, 1]
from optimizer.runner import *
print(len(list(results([Task(STDIN, data=b"FROM x")] * {files}, Plan()))), "multiprocessing" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{files} {loaded}\n"


HANGING = """
from tests.probes import *
from optimizer.runner import *

def hang(self, at, context):
    print("hangs", flush=True)
    while True:
        pass
    yield

use(pytest.MonkeyPatch(), transform(hang))
list(results([Task(STDIN, data=b"FROM x")] * 100, Plan(), 2))
"""


def test_an_interrupt_does_not_wait_for_a_file_that_takes_forever() -> None:
    with subprocess.Popen((sys.executable, "-c", HANGING), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert err.endswith(b"KeyboardInterrupt\n")
