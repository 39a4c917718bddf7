"""What each instruction costs the next builds, as it is shown to people and programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from optimizer.report.terminal import PLAIN, Style
from optimizer.runner import Task
from optimizer.source import Failure
from optimizer.waterfall import Waterfall, report, shown, waterfall

TEXT = """\
FROM debian:12-slim
COPY site /srv/site
COPY data /srv/data
RUN a-program --with --very --many --options --so --that --the --line --is --longer --than --a --column
CMD ["x"]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which the site changes in each of 20 commits, and the data in every fourth."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Dockerfile").write_text(TEXT)
    for folder in ("site", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text("0")
    git("init", "-q", ".")
    for number in range(21):
        (tmp_path / "site/file").write_text(str(number))
        (tmp_path / "data/file").write_text(str(number // 4))
        git("add", ".")
        git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", str(number))
    return tmp_path


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)


def drawn(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "optimizer", "explain", "--cost", *words], capture_output=True, text=True, check=False
    )


def table(found: Waterfall | Failure) -> Waterfall:
    assert isinstance(found, Waterfall)
    return found


@pytest.mark.usefixtures("project")
def test_rates_come_from_git_and_what_stands_behind_is_executed_too() -> None:
    (only,) = table(waterfall(Task("Dockerfile", "."))).before
    site, data, run, cmd = only.rows
    assert (site.changed, site.executed) == (1.0, 1.0)
    assert 0.2 < data.changed < 0.3
    assert (data.executed, run.changed, run.executed) == (1.0, 0.0, 1.0)
    assert run.expected == run.seconds > 0
    assert cmd.seconds == 0
    assert only.expected == pytest.approx(sum(row.expected for row in only.rows))


@pytest.mark.usefixtures("project")
def test_fits_a_hundred_columns_without_colour() -> None:
    text = drawn("Dockerfile").stdout
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100
    assert "changes: the last 20 commits" in text
    assert "25 %" in text or "26 %" in text or "24 %" in text
    coloured = shown(table(waterfall(Task("Dockerfile", "."))), Style(colour=True))
    assert "\x1b[" in coloured


@pytest.mark.usefixtures("project")
def test_says_the_same_to_programs() -> None:
    found = json.loads(drawn("Dockerfile", "--format", "json").stdout)
    (file,) = found["files"]
    (stage,) = file["before"]
    assert file["history"] == "the last 20 commits"
    assert file["predicted"]["before"] == pytest.approx(stage["expected"], abs=0.01)
    assert [each["line"] for each in stage["instructions"]] == [2, 3, 4, 5]
    assert set(stage["instructions"][0]) == {
        "line", "text", "changed", "executed", "seconds", "source", "at_most", "expected",
    }  # fmt: skip


def test_a_rewrite_is_drawn_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM python:3.12\nARG VCS_REF\nRUN make\nLABEL revision=$VCS_REF\nRUN true\nRUN false\n")
    found = table(waterfall(Task(str(path), str(tmp_path))))
    assert [row.text for row in found.before[0].rows][:2] == ["ARG VCS_REF", "RUN make"]
    assert found.after != found.before
    text = shown(found, PLAIN)
    assert "as it would be rewritten" in text
    assert "s a commit" in text


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("RUM x\n")
    failure = waterfall(Task(str(path), str(tmp_path)))
    assert isinstance(failure, Failure)
    assert json.loads(report([(str(path), failure)]))["files"][0]["error"]["line"] == 1


def test_secrets_and_control_characters_are_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:12\nENV API_TOKEN=geheim12345\nRUN echo geheim12345 \x1b[31m\n")
    text = shown(table(waterfall(Task(str(path), str(tmp_path)))), PLAIN)
    assert "geheim12345" not in text
    assert "\x1b" not in text


def test_usage(tmp_path: Path) -> None:
    assert "go with --cost" in subprocess.run(
        [sys.executable, "-m", "optimizer", "explain", "--format", "json"], capture_output=True, text=True, check=False
    ).stderr  # fmt: skip
    assert "--timings" in drawn(str(tmp_path), "--timings", str(tmp_path / "none")).stderr


def test_a_report_for_programs_has_what_is_predicted(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:12\nRUN sleep 1\nRUN make\nCOPY Dockerfile /\n")
    command = [sys.executable, "-m", "optimizer", "fix", "--format", "json", str(path)]
    (file,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)["files"]
    assert file["predicted"]["before"] > 0
    assert file["predicted"]["after"] > 0


def test_what_is_taken_from_a_stage_may_change_less_often(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(
        "FROM golang:1.22 AS build\nCOPY . .\nRUN make\nFROM debian:12\n"
        "RUN --mount=type=bind,from=build,source=/go,target=/x cp /x/y /y\nCOPY --from=nginx:1 /etc/nginx /etc/nginx\n"
    )
    (tmp_path / "main.go").touch()
    found = table(waterfall(Task(str(path), str(tmp_path))))
    assert [row.at_most for each in found.before for row in each.rows] == [False, False, True, False]
    assert "≤ 100 %" in shown(found, PLAIN)
