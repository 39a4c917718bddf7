"""A JUnit report: a suite a file, a case a finding; a file with nothing to tell is a case that passes.

There is no standard: this keeps to what Jenkins' JUnit plugin, GitLab and GitHub's test reporters read alike. Only
what would make `--check` fail, or keeps a file from being read, fails a case; a suggestion skips one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape, quoteattr

from optimizer.report.findings import Finding, findings, place
from optimizer.runner import Result

_ELEMENTS = {"error": "error", "warning": "failure", "note": "skipped"}


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report in pieces, one a file."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="dockopt">\n'
    for result in results:
        yield _suite(place(result.task.path), list(findings(result)))
    yield "</testsuites>\n"


def _suite(path: str, found: list[Finding]) -> str:
    counts = {level: sum(each.level == level for each in found) for level in _ELEMENTS}
    cases = [_case(each) for each in found] or [f'    <testcase classname={_attribute(path)} name="dockopt"/>\n']
    head = (
        f'  <testsuite name={_attribute(path)} tests="{len(cases)}" failures="{counts["warning"]}" '
        f'errors="{counts["error"]}" skipped="{counts["note"]}">\n'
    )
    return head + "".join(cases) + "  </testsuite>\n"


def _case(found: Finding) -> str:
    element = _ELEMENTS[found.level]
    place = f"{found.path}:{found.line}:{found.column}"
    text = "" if element == "skipped" else escape(_xml(f"{place}: {found.message}"))
    closed = f">{text}</{element}>" if text else "/>"
    return (
        f"    <testcase classname={_attribute(found.path)} name={_attribute(f'{found.rule} in line {found.line}')}>\n"
        f"      <{element} message={_attribute(found.message)}{closed}\n"
        "    </testcase>\n"
    )


def _attribute(text: str) -> str:
    return quoteattr(_xml(text))


def _xml(text: str) -> str:
    """The text without what XML 1.0 cannot hold, escaped or not."""
    return "".join(char if char in "\t\n\r" or "\x20" <= char <= "\ud7ff" or char >= "\ue000" else "�" for char in text)
