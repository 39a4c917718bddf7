"""Reports for programs, read by the programs that they are for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from optimizer.report import github
from optimizer.report.reporter import Format
from optimizer.runner import Note, Result, Task
from optimizer.single import replacements
from tests.probes import dockopt

ROOT = Path(__file__).resolve().parents[2]
MULTITOOL = "@microsoft/sarif-multitool-linux@5.7.0"
"""The validator of those who made SARIF: the schema, and what the text of the standard asks for besides."""

DOCKERFILE = (
    "FROM debian:bookworm\n"
    "RUN apt-get update\n"
    "RUN apt-get install -y curl\n"
    "ADD app.py /app/\n"
    "ENV API_TOKEN=hunter2hunter2\n"
    "RUN cd /app\n"
    "RUN make"
)
HOSTILE = (
    "FROM debian\nADD x.py /app/\nRUN git clone '/<b>&%0A::error::b,c\u2028\x1b[31m'\nRUN make -C '/<b>&\x1b[31m'\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(form: Format, path: str = "Dockerfile", *more: str) -> str:
    return dockopt("fix", "--format", form, *more, path)[1]


@pytest.fixture(scope="session")
def multitool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 40 MB, kept beside the machine's other caches."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dockopt-tests" / "sarif-multitool-5.7.0"
    program = cache / "package" / "Sarif.Multitool"
    if not program.exists():
        if shutil.which("npm") is None:
            pytest.skip("npm, which brings the validator of SARIF, is not there")
        packed = subprocess.run(
            ["npm", "pack", "--silent", MULTITOOL], cwd=tmp_path_factory.mktemp("npm"), capture_output=True, text=True
        )
        if packed.returncode:
            pytest.skip(f"{MULTITOOL} cannot be had")
        archive = tmp_path_factory.getbasetemp() / "npm0" / packed.stdout.split()[-1]
        cache.mkdir(parents=True, exist_ok=True)
        shutil.unpack_archive(archive, cache)
        program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    "text", [DOCKERFILE, HOSTILE, "RUM\n", "FROM scratch\n"], ids=["fixes", "hostile", "broken", "good"]
)
def test_sarif_is_valid_for_those_who_made_it(text: str, multitool: Path, tmp_path: Path) -> None:
    Path("Dockerfile").write_text(text)
    log = tmp_path / "log.sarif"
    log.write_text(report("sarif", "Dockerfile", "--suggested"))
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    seen = subprocess.run([multitool, "validate", log], capture_output=True, text=True, env=environment)
    assert "error" not in seen.stdout, seen.stdout
    assert "Analysis completed successfully" in seen.stdout


def test_the_fixes_in_sarif_give_what_they_say() -> None:
    """Applied alone, as an editor does, each makes of the file something that another run takes for done."""
    Path("Dockerfile").write_text(DOCKERFILE)
    results = json.loads(report("sarif"))["runs"][0]["results"]
    fixed = [each for each in results if "fixes" in each]
    assert {each["ruleId"] for each in fixed} >= {"update_with_install", "copy_over_add"}
    for each in fixed:
        (change,) = each["fixes"][0]["artifactChanges"]
        assert change["artifactLocation"] == {"uri": "Dockerfile", "uriBaseId": "SRCROOT"}
        Path("alone").mkdir(exist_ok=True)
        Path("alone/Dockerfile").write_text(applied(DOCKERFILE, change["replacements"]))
        left = json.loads(report("sarif", "alone/Dockerfile"))["runs"][0]["results"]
        assert len(left) < len(results), each


def applied(text: str, changes: list[dict[str, Any]]) -> str:
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for change in reversed(changes):
        region = change["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        text = text[:start] + change.get("insertedContent", {"text": ""})["text"] + text[end:]
    return text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb", "a\nb\nc\n"), ("", "x\n"), ("a\n", "a\nb\n"), ("a\nb\n", "b\n"), ("a\nb", "a"), ("a\n", ""),
        ("a\r\nb\r\n", "a\r\nc\r\n"), ("a\nb\nc\nd\n", "A\nb\nc\nD\n"),
    ],
)  # fmt: skip
def test_replacements_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    regions = [
        {
            "deletedRegion": {"startLine": line, "startColumn": 1, "endLine": end, "endColumn": column},
            "insertedContent": {"text": text},
        }
        for line, end, column, text in replacements(before, after)
    ]
    assert applied(before, regions) == after


def test_columns_count_as_utf16_does() -> None:
    assert replacements("RUN 😀", "RUN x\n") == ((1, 1, 7, "RUN x\n"),)


@pytest.mark.parametrize("text", [DOCKERFILE, HOSTILE, "RUM\n", "FROM scratch\n"])
def test_json_fits_its_schema(text: str) -> None:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    Path("Dockerfile").write_text(text)
    told = json.loads(report("json"))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(told)
    del told["files"][0]["path"]
    assert not validator.is_valid(told)
    for name, part in schema["$defs"].items():
        assert all("description" in value for key, value in part["properties"].items() if key != "status"), name


def test_gitlab_gets_what_it_asks_for() -> None:
    Path("Dockerfile").write_text(DOCKERFILE)
    found = json.loads(report("gitlab"))
    assert {each["check_name"] for each in found} >= {"update_with_install", "copy_over_add"}
    for each in found:
        assert set(each) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert each["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert each["location"]["path"] == "Dockerfile"
        assert 1 <= each["location"]["lines"]["begin"] <= 7
    assert len({each["fingerprint"] for each in found}) == len(found)
    Path("Dockerfile").write_text("FROM scratch\n")
    assert json.loads(report("gitlab")) == []


def test_fingerprints_stay_while_lines_move() -> None:
    def fingerprints(text: str) -> dict[str, str]:
        Path("Dockerfile").write_text(text)
        return {each["fingerprint"]: each["check_name"] for each in json.loads(report("gitlab"))}

    before = fingerprints(DOCKERFILE)
    assert fingerprints(DOCKERFILE.replace("RUN apt", "# a comment\n\nRUN  apt", 1)) == before
    assert fingerprints(DOCKERFILE + "\nADD other.py /app/\n").items() > before.items()
    assert not fingerprints(DOCKERFILE.replace("ADD app.py", "ADD main.py")).items() >= before.items()


def test_annotations_cannot_be_broken_out_of() -> None:
    note = Note("merge_runs", "safe", 2, "a%0A::error::b,c\r\n::add-mask::d\x1b[31m", "", ())
    (line,) = github.report([Result(Task("a,b:c%0A::x/Dockerfile"), fixes=(note,))])
    place = "file=a%2Cb%3Ac%250A%3A%3Ax/Dockerfile,line=2,col=1,title=dockopt%3A merge_runs"
    assert line == f"::warning {place}::a%250A::error::b,c\\x0d\\x0a::add-mask::d\\x1b[31m\n"
    Path("Dockerfile").write_text("RUM\n")
    assert report("github").startswith("::error file=Dockerfile,line=1,col=1,title=dockopt%3A unreadable::")


def test_junit_is_read_as_xml() -> None:
    Path("good").mkdir()
    Path("good/Dockerfile").write_text("FROM scratch\n")
    Path("bad").mkdir()
    Path("bad/Dockerfile").write_text("RUM\n")
    Path("Dockerfile").write_text(DOCKERFILE)
    Path("hostile").mkdir()
    Path("hostile/Dockerfile").write_text(HOSTILE)
    root = ElementTree.fromstring(report("junit", "."))
    suites = {suite.attrib["name"]: suite for suite in root}
    assert set(suites) == {"Dockerfile", "good/Dockerfile", "bad/Dockerfile", "hostile/Dockerfile"}
    for suite in suites.values():
        kinds = [child.tag for case in suite for child in case]
        assert suite.attrib["tests"] == str(len(suite))
        counts = {name: int(suite.attrib[name]) for name in ("failures", "errors", "skipped")}
        assert counts == {
            "failures": kinds.count("failure"),
            "errors": kinds.count("error"),
            "skipped": kinds.count("skipped"),
        }
    assert suites["good/Dockerfile"][0].attrib["name"] == "dockopt"
    assert suites["bad/Dockerfile"].attrib["errors"] == "1"
    assert int(suites["Dockerfile"].attrib["failures"]) >= 2


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab", "github", "junit", "html"])
def test_no_report_repeats_credentials_or_mixes_with_errors(form: Format) -> None:
    Path("Dockerfile").write_text("FROM debian\nENV API_TOKEN=hunter2hunter2\nADD hunter2hunter2 /app/\n")
    told = report(form)
    if form not in ("json", "html"):  # the diff holds the file's own lines
        assert "hunter2" not in told
    assert dockopt("fix", "--format", form, "nothing/Dockerfile")[0] == 3
