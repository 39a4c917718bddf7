"""Comments by which the author of a Dockerfile switches transforms off.

``# dockopt: ignore=merge_runs,slim_base; reason=the image is built on Windows`` above an instruction holds for that
instruction, ``# dockopt: global ignore=…`` for the file. ``all`` stands for every transform. hadolint's comments for
the same matter are honoured in the same two forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optimizer.document import Document
from optimizer.fix import Fix, Proposal, Transform

if TYPE_CHECKING:
    from optimizer.model import Model


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore comment: where it stands, what it names, and the reason it gives."""

    offset: int
    line: int
    names: frozenset[str]
    everywhere: bool
    reason: str


def ignores(document: Document) -> Iterator[Ignore]:
    """The ignore comments of a document, in order."""
    if "ignore=" not in document.text.replace(" ", ""):
        return
    for comment in document.comments:
        text = document.text[comment.start : comment.end].strip().lstrip("#").strip()
        tool = next((tool for tool in ("dockopt", "hadolint") if text.startswith(tool)), None)
        if tool is None:
            continue
        text = text.removeprefix(tool).lstrip(": ")
        everywhere = text.startswith("global ")
        head, _, tail = text.removeprefix("global ").partition(";")
        key, equals, names = head.partition("=")
        if key.strip() != "ignore" or not equals:
            continue
        reason = tail.strip().removeprefix("reason").lstrip(" =").strip()
        line = document.place(comment.start)[0]
        yield Ignore(
            comment.start, line, frozenset(name.strip() for name in names.split(",")), everywhere, reason
        )  # fmt: skip


def ignored(model: Model, transform: Transform, proposal: Proposal) -> str | None:
    """Why the author does not want this proposal, or None."""
    document = model.document
    names = {"all", transform.name, *transform.hadolint}
    for ignore in ignores(document):
        if not ignore.names & names:
            continue
        if not ignore.everywhere:
            claims = (
                [document.instructions[index] for index in proposal.claims]
                if isinstance(proposal, Fix)
                else [each for each in document.instructions if each.line == proposal.line]
            )
            if not any(each.lead <= ignore.offset < each.start for each in claims):
                continue
        return f"ignored by the comment in line {ignore.line}" + (f": {ignore.reason}" if ignore.reason else "")
    return None
