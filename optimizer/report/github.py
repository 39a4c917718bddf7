"""GitHub's annotations: a workflow command a finding, which a job of GitHub Actions writes to standard output.

Source: GitHub's documentation, "Workflow commands for GitHub Actions", and how its toolkit escapes them: what is not
escaped could end the command and begin another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optimizer.report.findings import Level, findings
from optimizer.runner import Result

_COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a finding."""
    for result in results:
        for found in findings(result):
            where = f"file={_property(found.path)},line={found.line},col={found.column}"
            title = _property(f"dockopt: {found.rule}")
            yield f"::{_COMMANDS[found.level]} {where},title={title}::{_data(found.message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
