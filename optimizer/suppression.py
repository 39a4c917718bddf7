"""Comments by which the author of a Dockerfile switches transforms off.

``# dockopt: ignore=merge_runs,slim_base; reason=the image is built on Windows`` above an instruction holds for that
instruction, ``# dockopt: global ignore=…`` for the file. ``all`` stands for every transform. hadolint's comments for
the same matter are honoured in the same two forms.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from optimizer.document import Document, Instruction
from optimizer.fix import Fix, Proposal, Transform


class Ignore(Struct, frozen=True):
    """One ignore comment: where it stands, what it names, and the reason it gives."""

    offset: int
    line: int
    names: frozenset[str]
    everywhere: bool
    reason: str


def ignores(document: Document) -> Iterator[Ignore]:
    """The ignore comments of a document, in order."""
    if "ignore" not in document.text:
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


def covering(document: Document, transform: Transform, instruction: Instruction) -> Ignore | None:
    """The comment that keeps the transform off this instruction, or None."""
    names = {"all", transform.name, *transform.hadolint}
    for ignore in ignores(document):
        if ignore.names & names and (ignore.everywhere or instruction.lead <= ignore.offset < instruction.start):
            return ignore
    return None


def ignored(document: Document, transform: Transform, proposal: Proposal) -> str | None:
    """Why the author does not want this proposal, or None."""
    for instruction in document.instructions:
        claimed = (
            instruction.index in proposal.claims if isinstance(proposal, Fix) else instruction.line == proposal.line
        )
        if claimed and (ignore := covering(document, transform, instruction)):
            reason = f": {ignore.reason}" if ignore.reason else ""
            return f"ignored by the comment in line {ignore.line}{reason}"
    return None
