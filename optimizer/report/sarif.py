"""SARIF 2.1.0, the Static Analysis Results Interchange Format of OASIS, with fixes.

A result has a fix where what mends it can be applied to the file as it is, alone. Regions count columns in UTF-16 code
units, as the format does by default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from optimizer import __version__
from optimizer.fix import Safety
from optimizer.registry import load
from optimizer.report.findings import UNREADABLE, Finding, findings
from optimizer.runner import Result
from optimizer.single import Replacement

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "SRCROOT"


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a result."""
    rules = [*map(_rule, load()), {"id": UNREADABLE, "shortDescription": {"text": "the Dockerfile cannot be read"}}]
    numbers = {str(rule["id"]): number for number, rule in enumerate(rules)}
    driver = {"name": "dockopt", "version": __version__, "rules": rules}
    head = json.dumps({"$schema": SCHEMA, "version": "2.1.0"})[:-1]
    run = json.dumps({"tool": {"driver": driver}, "columnKind": "utf16CodeUnits"})[:-1]
    yield f'{head}, "runs": [{run}, "results": ['
    separator = "\n"
    for result in results:
        for found in findings(result):
            yield separator + json.dumps(_result(found, numbers))
            separator = ",\n"
    yield "\n]}]}\n"


def _rule(transform: Any) -> dict[str, Any]:
    from inspect import cleandoc

    text = cleandoc(type(transform).__doc__ or transform.summary)
    return {
        "id": transform.name,
        "shortDescription": {"text": transform.summary},
        "fullDescription": {"text": text.partition("\n\n")[0]},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": "note" if transform.safety is Safety.SUGGESTED else "warning"},
        "properties": {"safety": transform.safety.value},
    }


def _result(found: Finding, numbers: dict[str, int]) -> dict[str, Any]:
    artifact = _artifact(found.path)
    made: dict[str, Any] = {
        "ruleId": found.rule,
        "ruleIndex": numbers[found.rule],
        "level": found.level,
        "message": {"text": found.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": artifact,
                    "region": {"startLine": found.line, "startColumn": found.column},
                }
            }
        ],
        "partialFingerprints": {"dockopt/v1": found.fingerprint},
    }
    if found.replacements:
        changes = {"artifactLocation": artifact, "replacements": [_replacement(each) for each in found.replacements]}
        made["fixes"] = [{"description": {"text": found.message}, "artifactChanges": [changes]}]
    return made


def _artifact(path: str) -> dict[str, str]:
    if path.startswith("/"):
        return {"uri": "file://" + quote(path.encode("utf-8", "surrogateescape"))}
    return {"uri": quote(path.encode("utf-8", "surrogateescape")), "uriBaseId": _ROOT}


def _replacement(each: Replacement) -> dict[str, Any]:
    made: dict[str, Any] = {
        "deletedRegion": {
            "startLine": each.line,
            "startColumn": 1,
            "endLine": each.end_line,
            "endColumn": each.end_column,
        }
    }
    if each.text:
        made["insertedContent"] = {"text": each.text}
    return made
