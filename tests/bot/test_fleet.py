"""Many repositories: parts, limits, processes that are killed, and what is told of it all."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from optimizer.bot import fleet, work
from optimizer.bot.fleet import Budget, Limits, Serial, Shard, left, run, shard
from optimizer.bot.journal import Done, Journal, Outcome, read
from optimizer.bot.plan import Measured
from optimizer.bot.secret import Source
from optimizer.bot.summary import as_html, as_json, summary
from optimizer.bot.work import Job, Report, Where, listed, own_project, place
from tests.bot.conftest import APP
from tests.bot.forge import Answer, Forge, Seen
from tests.bot.test_run import ROOT, environment

PATHS = [f"fleet/app{number:03}" for number in range(200)]
SMALL = "FROM alpine:3.20\nADD app.py /srv/\n"


def test_each_repository_is_in_one_part() -> None:
    parts = [{path for path in PATHS if Shard(number, 7).holds(path)} for number in range(1, 8)]
    assert sorted(itertools.chain(*parts)) == PATHS
    assert min(map(len, parts)) > 15


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "a/b", "1/2/3"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match="no part like 1/8"):
        shard(text)


def test_the_last_outcome_says_whether_it_is_done() -> None:
    earlier = [
        Outcome("a", "failed", again=True), Outcome("a", "opened"), Outcome("b", "opened"),
        Outcome("b", "postponed"), Outcome("c", "failed"), Outcome("d", "opened", dry=True),
    ]  # fmt: skip
    assert left(["a", "b", "c", "d", "e", "e"], Shard(), earlier) == ["b", "d", "e"]


def opened(path: str, at: float = 0.0, count: int = 1) -> Outcome:
    return Outcome(path, "opened", requests=(Done("x", "opened"),) * count, at=at)


def test_what_may_be_opened_in_a_run_and_in_an_hour() -> None:
    now = [10_000.0]
    budget = Budget(Limits(3, 4), [opened("a", 9_000.0, 2), opened("b", 1.0)], lambda: now[0])
    assert budget.free() == 2
    budget.out += 1
    assert budget.free() == 1
    budget.back(1, opened("c"))
    assert budget.free() == 1
    now[0] += 3_000
    assert budget.free() == 2
    assert Budget(Limits(), []).free() > 1000


class Work:
    """In place of visits: what becomes of each repository is said beforehand."""

    def __init__(self, wanting: set[str]) -> None:
        self.wanting = wanting
        self.calls: Counter[str] = Counter()

    def __call__(self, jobs: tuple[Job, ...]) -> list[Report]:
        return [self.visit(job) for job in jobs]

    def visit(self, job: Job) -> Report:
        self.calls[job.path] += 1
        if job.path not in self.wanting:
            return Report(Outcome(job.path, "nothing"))
        return Report(opened(job.path) if job.how.may_open else Outcome(job.path, "postponed"))


class Losing(Executor):
    """Loses what it is given for the first times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.times -= 1
        if self.times >= 0:
            future: Future[Any] = Future()
            future.set_exception(RuntimeError("worker lost"))
            return future
        return Serial().submit(fn, *args, **kwargs)


def jobs(*paths: str) -> list[Job]:
    return [Job(Where("gitlab", "https://x", Source()), path) for path in paths]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("width", [1, 4])
def test_a_limit_is_used_up_and_not_passed(monkeypatch: pytest.MonkeyPatch, batch: int, width: int) -> None:
    paths = [f"p{number}" for number in range(12)]
    monkeypatch.setattr(fleet, "work", Work(set(paths[::2])))
    reports = list(run(jobs(*paths), Serial(), Budget(Limits(run=4), []), width=width, batch=batch))
    statuses = Counter(report.outcome.status for report in reports)
    assert sorted(report.outcome.project for report in reports) == sorted(paths)
    assert statuses == {"opened": 4, "postponed": 2, "nothing": 6}


def test_what_is_lost_is_done_again_and_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "work", Work(set()))
    reports = list(run(jobs("a", "b", "c"), Losing(2), Budget(Limits(run=1), []), batch=3))
    assert {report.outcome.project: report.outcome.status for report in reports} == dict.fromkeys("abc", "nothing")
    (report,) = run(jobs("a"), Losing(9), Budget(Limits(), []))
    assert (report.outcome.status, report.outcome.message, report.outcome.again) == ("failed", fleet.LOST, True)


def test_where_the_forge_is() -> None:
    assert place({}, "", "", "").url == "https://gitlab.com"
    assert place({}, "github", "", "").url == "https://github.com"
    ci = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "a/b"}
    assert place(ci, "", "", "")[:2] == ("github", "https://github.example")
    assert own_project(ci, "github") == "a/b"
    assert place(ci, "", "https://gitlab.example/", "")[:2] == ("gitlab", "https://gitlab.example")
    assert place({"CI_SERVER_URL": "https://git.example/lab"}, "", "", "x").source.file == "x"


def test_repositories_in_a_file() -> None:
    text = "a/b\n\n# no\nhttps://x.example/c/d/e.git # yes\n a/b \n"
    assert listed(text, "https://x.example") == ["a/b", "c/d/e"]


def test_a_summary_has_the_most_first() -> None:
    figures = (Measured("", 300_000_000, 100_000_000, (("cold", 9.0, 5.0),)),)
    outcomes = [
        Outcome("few", "opened", fixes={"merge_runs": 1}, requests=(Done("b", "opened", "https://x/1?a=1&b=2"),)),
        Outcome("many", "unchanged", fixes={"merge_runs": 4, "slim_base": 1}),
        Outcome("measured", "opened", fixes={"slim_base": 1}, measured=figures),
        Outcome("broken", "failed", "<b>\x1b[1m & \"quoted\"", requests=(Done("b", "failed", "javascript:x"),)),
        Outcome("few", "unchanged", fixes={"merge_runs": 1}, requests=(Done("b", "unchanged", "https://x/1?a=1&b=2"),)),
    ]  # fmt: skip
    found = summary(outcomes)
    assert [row.outcome.project for row in found.rows] == ["measured", "many", "few", "broken"]
    assert found.statuses == (("unchanged", 2), ("failed", 1), ("opened", 1))
    assert found.transforms == (("merge_runs", 5, 2), ("slim_base", 2, 2))
    document = json.loads(as_json(found))
    assert [each["saved_bytes"] for each in document["repositories"]] == [200_000_000, None, None, None]
    page = as_html(found)
    assert "<b>" not in page
    assert "\x1b" not in page
    assert "javascript:" not in page
    assert '<a href="https://x/1?a=1&amp;b=2">' in page
    assert "200.0 MB" in page
    assert "src=" not in page
    assert "<link" not in page


def test_the_command_that_reports(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "one.jsonl"))
    journal.add(Outcome("a/b", "opened", fixes={"merge_runs": 2}))
    journal.close()
    command = [sys.executable, "-m", "optimizer", "bot", "report", str(tmp_path / "one.jsonl")]
    page = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert page.startswith("<!DOCTYPE html>")
    found = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert json.loads(found)["transforms"] == [{"name": "merge_runs", "fixes": 2, "repositories": 1}]


class Flaky:
    """5% of all requests get 429 or 5xx in place of an answer, some of them after it has taken effect."""

    def __init__(self, forge: Forge) -> None:
        self.random = random.Random(6)
        self.forge = forge
        self.count = 0

    def __call__(self, seen: Seen) -> Answer | None:
        with self.forge.lock:
            if self.random.random() >= 0.05:
                return None
            self.count += 1
            status = self.random.choice([429, 500, 502, 503, 504])
            if status == 504 and seen.method == "POST" and seen.body:
                self.forge.answer(
                    seen,
                    seen.path,
                    "glpat-a-Secret.Token_0123456789",
                    "application/json",
                    json.dumps(seen.body).encode(),
                )
            return status, {"message": "not now"}, {"Retry-After": "0"} if status == 429 else {}


def test_two_hundred_repositories_with_hiccups_and_two_kills(gitlab: Forge, tmp_path: Path) -> None:
    kinds = {}
    for number, path in enumerate(PATHS):
        kinds[path] = kind = (
            ("archived", "empty", "nothing", "closed", "theirs")[number % 10] if number % 10 < 5 else "work"
        )
        project = gitlab.add(path, {} if kind == "empty" else {"Dockerfile": SMALL, "app.py": "x\n"})
        project.archived = kind == "archived"
        if kind == "nothing":
            project.commit({"Dockerfile": SMALL.replace("ADD", "COPY")})
        if kind == "theirs":
            project.commit({"x": "mine"}, "dockopt/all", "A branch of that name")
    closed = [path for path in PATHS if kinds[path] == "closed"]
    for path in closed:
        from tests.bot.conftest import look

        assert look(gitlab, path).status == "opened"
        gitlab.projects[path].requests[1].state = "closed"
    flaky = Flaky(gitlab)
    gitlab.faults.append(flaky)
    gitlab.git_faults.append(flaky)
    results, repos = tmp_path / "results.jsonl", tmp_path / "repos"
    repos.write_text("\n".join(PATHS))
    command = [
        sys.executable, "-m", "optimizer", "bot", "run", "--forge", "gitlab", "--url", gitlab.url,
        "--repos", str(repos), "--results", str(results), "--resume", "--jobs", "4", "-q",
    ]  # fmt: skip
    for until in (50, 120):
        process = subprocess.Popen(command, cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL)
        while not results.exists() or results.read_bytes().count(b"\n") < until:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
        process.wait()
        with results.open("ab") as file:
            file.write(b'{"project":"fleet/torn","sta')
    for _ in range(5):
        if subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode == 0:
            break
    assert flaky.count > 20
    last = {outcome.project: outcome for outcome in read(str(results))}
    assert sorted(last) == PATHS
    right = {
        "archived": ("skipped",), "empty": ("skipped",), "nothing": ("nothing",), "closed": ("declined",),
        "theirs": ("declined",), "work": ("opened", "unchanged"),
    }  # fmt: skip
    assert {path: outcome.status for path, outcome in last.items() if outcome.status not in right[kinds[path]]} == {}
    for path, project in gitlab.projects.items():
        assert len(project.requests) == (kinds[path] in ("work", "closed")), path
        assert len(project.open()) == (kinds[path] == "work"), path
        if kinds[path] == "work":
            assert project.read("dockopt/all", "Dockerfile") == SMALL.replace("ADD", "COPY").rstrip("\n")


def test_a_visit_is_tried_again_with_patience(gitlab: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.bot.forge import TOKEN

    monkeypatch.setattr(work, "PAUSE", 0.001)
    monkeypatch.setenv("DOCKOPT_TOKEN", TOKEN)
    gitlab.add("group/app", APP)
    tries: list[str] = []

    def failing(seen: Seen) -> Answer | None:
        if "info/refs" in seen.path and len(tries) < 3:
            tries.append(seen.path)
            return 503, b"", {}
        return None

    gitlab.git_faults.append(failing)
    (report,) = work.work([Job(place({}, "gitlab", gitlab.url, ""), "group/app")])
    assert (report.outcome.status, len(tries)) == ("opened", 3)
