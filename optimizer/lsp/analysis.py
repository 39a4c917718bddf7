"""What is known of one open Dockerfile."""

from __future__ import annotations

import os
from typing import NamedTuple

from optimizer.registry import find
from optimizer.report.findings import UNREADABLE, Finding, findings
from optimizer.report.markdown import escaped
from optimizer.runner import Plan, forget_folders, process
from optimizer.single import Replacement, replacements
from optimizer.source import MAX_SIZE, Failure
from optimizer.tasks import Ask, from_stdin


class Analysis(NamedTuple):
    """The findings of a text, in the order of its lines, and what all its fixes make of it."""

    findings: tuple[Finding, ...] = ()
    everything: tuple[Replacement, ...] = ()
    """All fixes together: none where nothing is to be done."""


def analyse(path: str, text: str, *, fresh: bool) -> Analysis:
    """Look at a Dockerfile as it stands in an editor.

    :param path: where it is, or will be when it is saved: the settings and the build context come from there.
    :param fresh: whether the files beside it may have changed since they were read.
    """
    if fresh:
        forget_folders()
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > MAX_SIZE:
        return Analysis((_about(path, Failure(0, 1, 1, "larger than any Dockerfile: it is not looked at")),))
    found = from_stdin(data, path, Ask())
    if not found.tasks:
        problems = (*found.settings, *found.missing)
        return Analysis(tuple(_about(path, Failure(0, 1, 1, _said(problem))) for problem in problems))
    result = process(found.tasks[0], Plan(contents=True, places=True))
    change = next((each for each in result.changes if each.path == path), None)
    everything = () if change is None else replacements(text, change.after.decode("utf-8", "surrogateescape"))
    return Analysis(tuple(findings(result)), everything)


def _about(path: str, failure: Failure) -> Finding:
    _, line, column, message, _ = failure
    return Finding(UNREADABLE, "error", path, line, column, message, "")


def _said(problem: tuple[str, int, int, str]) -> str:
    path, line, column, message = problem
    return f"{os.path.basename(path)}:{line}:{column}: {message}"


def explanation(finding: Finding) -> str:
    """What is wrong and why it matters, in Markdown."""
    if finding.rule == UNREADABLE:
        return escaped(finding.message)
    from inspect import cleandoc

    transform = find(finding.rule)
    safety = "" if finding.level == "warning" else ", suggested"
    page = cleandoc(transform.__doc__ or transform.summary)
    return f"**{transform.name}**{safety}: {escaped(finding.message)}\n\n---\n\n{page}"
