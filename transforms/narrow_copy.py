"""What a costly RUN needs of the build context is copied first and by itself."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Edit, Fix, Options, Phase, Proposal, Safety, Transform, splice
from optimizer.landing import Brought, Landing, brought, inside, touch
from optimizer.model import Model, Stage, read
from optimizer.moving import Block, lines_of, shown_instruction, taken_out

if TYPE_CHECKING:
    from optimizer.effects import Effects
    from optimizer.manifest_copies import NewCopy

LARGE = 1_000_000
"""Bytes: a layer holds again what one below it holds, and so much more is worth no time."""
MOST = 3
"""Sources that are copied by themselves; a RUN that reads more of the context is at home behind all of it."""
_FLAGS = frozenset({"chown", "chmod"})


class NarrowCopy(Transform):
    """Copy what a costly RUN needs by itself, before everything else.

    ## What it does
    Where a RUN stands behind the COPY of a whole folder, and is known to read only some files of it, these are copied
    in front, the RUN comes next, and then the COPY of all of it. It does so only where rebuilds get cheaper, because
    what the RUN reads changes more rarely than the rest.

    ## Why
    A change of any copied file makes the builder execute the RUN again, though the RUN does not read it.

    ## Example
    ```dockerfile
    FROM debian:12-slim
    COPY . /srv
    RUN tar -xzf /srv/data/cities.tar.gz -C /opt
    CMD ["python3", "/srv/serve.py"]
    ```

    In the build context:
    ```text
    data/cities.tar.gz
    serve.py
    ```

    ## Instead
    ```dockerfile
    FROM debian:12-slim
    COPY data/cities.tar.gz /srv/data/
    RUN tar -xzf /srv/data/cities.tar.gz -C /opt
    COPY . /srv
    CMD ["python3", "/srv/serve.py"]
    ```

    ## When it refuses
    - what the RUN reads of the copied files is not known, or is more than three files or folders;
    - the RUN writes, or makes a folder, where the COPY brings something too: behind the RUN it would be overwritten;
    - something between the COPY and the RUN has to stay before the RUN;
    - what it reads is larger than 1 MB, and the stage is shipped: it would be in the image twice;
    - there is no build context, or the expected saving is below half a second a commit or below `min_saving`.

    Manifests of package managers are the matter of [manifests_first](manifests_first.md).

    ## Safety
    Safe: the RUN finds every file that it reads, with the same owner and mode (section 4.1, section 4.3); what the
    later COPY brings lies nowhere that the RUN has written to, so it undoes nothing (section 5).
    """

    name = "narrow_copy"
    summary = "what a costly RUN needs of the build context is copied first and by itself"
    phase = Phase.ORDER

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if context is None or context.truncated:
            return
        for stage in model.stages:
            if _may_be_narrowed(stage):
                yield from self.narrowed(model, stage, context, options)

    def narrowed(self, model: Model, stage: Stage, context: BuildContext, options: Options) -> Iterator[Proposal]:
        from optimizer.rebuild import nothing_to_gain

        if nothing_to_gain(model, stage, context, options):
            return  # as reorder_layers says
        from optimizer.effects import effects, ties

        found = effects(model, stage, context)
        tied = ties(found)
        copies = brought(stage, context)
        for at, each in enumerate(stage.instructions):
            if each.keyword != "RUN" or found[at].barrier or found[at].seen:
                continue  # nothing is known of it, or it reads manifests: the matter of manifests_first
            proposals: list[Proposal] = []
            for first in (tie.first for tie in tied if tie.second == at):
                copy = stage.instructions[first]
                if copy.keyword != "COPY" or copy.index not in copies or not copies[copy.index].broad:
                    continue
                needed = _needed(found[at], found[first], copies[copy.index], context)
                between = next((tie for tie in tied if tie.second == at and tie.first > first), None)
                if isinstance(needed, str):
                    proposals.append(self.refuse(each, f"it stays behind line {copy.line}: {needed}", "section 4.3"))
                elif needed and between:
                    reason = f"it stays behind line {copy.line}: {between.reason}"
                    proposals.append(self.refuse(each, reason, "section 4.1"))
                elif needed and model.ships(stage) and (size := _size(needed, context)) > LARGE:
                    reason = f"copied by itself, what it reads would be in the image twice ({size / 1e6:,.1f} MB)"
                    proposals.append(self.refuse(each, reason, ""))
                elif needed:
                    proposals.append(self.split(model, copy, each, needed, context, options))
            fixes = [each for each in proposals if isinstance(each, Fix)]
            yield from fixes[:1] or proposals[-1:]

    def split(
        self,
        model: Model,
        copy: Instruction,
        run: Instruction,
        needed: Sequence[Needed],
        context: BuildContext,
        options: Options,
    ) -> Proposal:
        """The RUN behind what it needs, in front of the COPY; or what that would save, where it is too little."""
        from optimizer.rebuild import history_of, prediction, too_little

        document = model.document
        copies = [each.copy(copy) for each in needed]
        text = "".join(each.lines(document.newline) for each in copies)
        block = Block(run, run)
        edits = (Edit(copy.lead, copy.lead, text + lines_of(document, block)), taken_out(document, block))
        predicted = prediction(model, read(splice(document.text, edits), model.targets), context, options)
        saved = predicted.before - predicted.after
        if reason := too_little(predicted, options):
            return self.refuse(run, f"copied by itself, what it reads {reason}", "")
        history = history_of(model, context, options)
        sources = " and ".join(each.source for each in needed)
        return self.fix(
            run,
            edits,
            f"`{shown_instruction(run)}` reads {sources} and nothing else of what `{shown_instruction(copy)}` brings: "
            f"{saved:,.1f} s less a commit, of {predicted.before:,.1f} s (by {history.source})",
            f"{saved:,.1f} of {predicted.before:,.1f} s a commit",
            adds=[each.text for each in copies],
            safety=Safety.SAFE,
            predicted=predicted,
        )


class Needed(NamedTuple):
    """A file or folder of the build context that a RUN reads."""

    source: str
    target: str
    """Below the destination of the COPY."""
    folder: bool

    def copy(self, like: Instruction) -> NewCopy:
        """The COPY that brings it alone."""
        from optimizer.manifest_copies import NewCopy

        below = self.target if self.folder else posixpath.dirname(self.target)
        destination = posixpath.normpath(posixpath.join(like.words[-1], below))
        if not self.folder or destination == ".":
            destination = f"{destination}/"
        return NewCopy(like, (self.source,), destination)


def _needed(run: Effects, copy: Effects, brings: Brought, context: BuildContext) -> list[Needed] | str:
    """What a RUN reads of a COPY, nothing where it reads all of it; or why that cannot be copied alone."""
    if not brings.known or {flag.name for flag in brings.instruction.flags} - _FLAGS:
        return "its flags say more than who owns what it brings"
    if any(touch(zone.path, landing.target) for zone in run.looks for landing in brings.landings):
        return "the RUN looks for files that may be there or not"
    for zone in copy.reads:
        if any(zone.meets(written) for written in (*run.writes, *run.installs)):
            return f"the RUN writes {zone.path}, which it reads"
    written = [zone.path for zone in (*run.writes, *run.installs)]
    for path in (*written, *(made.path for made in run.makes)):
        if any(_brings(landing, path, context) for landing in brings.landings):
            return f"the RUN writes {path}, and behind it the COPY would overwrite that"
    found: dict[str, Needed] = {}
    for zone in (*run.reads, *run.programs):
        for landing in brings.landings:
            if not touch(zone.path, landing.target):
                continue
            origin = landing.origin(zone.path)
            if not origin or origin == landing.source or set(origin) & set(" \t*?[]\\$\"'"):
                return []
            if context.is_file(origin) or context.is_dir(origin):
                below = posixpath.relpath(zone.path, landing.target)
                found[origin] = Needed(origin, below, context.is_dir(origin))
    outer = [each for each in found.values() if not any(_within(each, other) for other in found.values())]
    return outer if len(outer) <= MOST else f"the RUN reads {len(outer)} files and folders of it"


def _size(needed: Sequence[Needed], context: BuildContext) -> int:
    """The bytes of what is copied twice."""
    paths = (path for each in needed for path in (context.files(each.source) if each.folder else [each.source]))
    return sum(context.size(path) or 0 for path in paths)


def _within(each: Needed, other: Needed) -> bool:
    return each is not other and other.folder and each.source.startswith(f"{other.source}/")


def _brings(landing: Landing, path: str, context: BuildContext) -> bool:
    """Whether a landing brings something to a path, below it, or the folder that it is."""
    if inside(landing.target, path):
        return True
    origin = landing.origin(path)
    return origin is not None and (context.is_file(origin) or context.is_dir(origin))


def _may_be_narrowed(stage: Stage) -> bool:
    """Whether, by a glance at the text, a RUN stands behind the COPY of a folder."""
    first = next((each.index for each in stage.instructions if each.keyword == "COPY" and not each.flag("from")), None)
    return first is not None and any(run.instruction.index > first for run in stage.runs)
