"""COPYs that are moved behind an install, and the text that comes of it."""

from __future__ import annotations

from typing import NamedTuple

from optimizer import shell
from optimizer.checks import command_texts
from optimizer.document import Document, Instruction
from optimizer.fix import Edit, Safety
from optimizer.installs import Install, Lead
from optimizer.landing import Brought
from optimizer.manifest_copies import Manifests
from optimizer.rewrite import WIDTH, one_command_a_line, style_of
from optimizer.runs import Run
from optimizer.shell import parse


class Written(NamedTuple):
    """A fix's edits and what they admit to."""

    edits: tuple[Edit, ...]
    claims: tuple[Instruction, ...]
    adds: tuple[str, ...]
    scripts: tuple[str, ...]


class Delay(NamedTuple):
    """COPYs that come after an install, with the manifests that are copied in their places."""

    delayed: tuple[Brought, ...]
    manifests: Manifests
    run: Run
    """The last RUN that goes before them, or a part of it."""
    lead: Lead
    installs: tuple[Install, ...]
    sure: bool
    """Whether there is a build context that shows everything."""

    @property
    def safety(self) -> Safety:
        needs = [install.needs for install in self.installs]
        proved = all(each.proved and each.same_image and not each.rewrites for each in needs)
        return Safety.SAFE if self.sure and proved else Safety.SUGGESTED

    def write(self, document: Document) -> Written:
        """The text with the COPYs moved."""
        text, newline = document.text, document.newline
        edits: list[Edit] = []
        adds: list[str] = []
        blocks: list[str] = []
        for each in self.delayed:
            at = each.instruction
            gap = newline if text.startswith(newline, at.end) else ""
            copies = self.manifests.copies[at.index]
            closes_up = gap if not copies and text[: at.lead].endswith(newline * 2) else ""
            edits.append(Edit(at.lead, at.end + len(closes_up), "".join(copy.lines(newline) for copy in copies)))
            adds += (copy.text for copy in copies)
            blocks += (text[at.lead : at.end], gap)
        gap = blocks.pop()
        moved = gap + "".join(blocks)
        run, lead = self.run, self.lead
        at = run.instruction
        if lead.stop is None:
            last = text[at.content_end : at.end] == "" and not at.heredocs
            moved = newline + moved.removesuffix(newline) if last else moved
            edits.append(Edit(at.end, at.end, moved))
            return Written(tuple(edits), (), tuple(adds), ())
        adds += (command for part in (*lead.repeated, *lead.prefetch) for command in _commands(part))
        head = " ".join([at.written_keyword, *(at.text[flag.start : flag.end] for flag in at.flags), ""])
        style = style_of(document, at)
        if not lead.end:
            line = head + " && ".join(lead.prefetch)
            if len(line) > WIDTH:
                line = head + style.seam().join(lead.prefetch)
            edits.append(Edit(at.lead, at.lead, f"{line}{newline}{moved}{gap}"))
            return Written(tuple(edits), (), tuple(adds), (" && ".join(lead.prefetch),))
        start, end = run.place_after(lead.end), run.place(lead.rest)
        seam = style.seam() if one_command_a_line(at) else " && "
        comments = "".join(
            f"{text[each.start : each.end].strip()}{newline}" for each in at.comments if start <= each.start < end
        )
        added = "".join(f"{seam}{part}" for part in lead.prefetch)
        rest = head + "".join(f"{part} && " for part in lead.repeated)
        edits.append(Edit(start, end, f"{added}{newline}{moved}{gap}{comments}{rest}"))
        scripts = (
            " && ".join((run.text[: lead.end], *lead.prefetch)),
            " && ".join((*lead.repeated, run.text[lead.rest :])),
        )
        return Written(tuple(edits), (at,), tuple(adds), scripts)


def _commands(text: str) -> tuple[str, ...]:
    script = parse(text)
    assert isinstance(script, shell.Script)
    return command_texts(script)
