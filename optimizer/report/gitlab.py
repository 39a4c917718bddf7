"""GitLab's Code Quality report: a JSON array, a finding an object.

Source: GitLab's documentation, "Code Quality report format". The fingerprints are what GitLab compares the branches by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from optimizer.report.findings import Level, findings
from optimizer.runner import Result

_SEVERITIES: dict[Level, str] = {"error": "major", "warning": "minor", "note": "info"}


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a finding."""
    separator = "[\n"
    for result in results:
        for found in findings(result):
            yield separator + json.dumps({
                "description": found.message,
                "check_name": found.rule,
                "fingerprint": found.fingerprint,
                "severity": _SEVERITIES[found.level],
                "location": {"path": found.path, "lines": {"begin": found.line}},
            })  # fmt: skip
            separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"
