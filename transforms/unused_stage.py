"""A stage that no image has anything of is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.checks import contents, instruction_text
from optimizer.fix import Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model, Stage

if TYPE_CHECKING:
    from optimizer.context import BuildContext


class UnusedStage(Transform):
    """Take a stage out of the file that nothing in it uses.

    ## What it does
    It removes a stage without a name on which no other stage builds, and from which nothing is copied or mounted.

    ## Why
    BuildKit does not build such a stage, and the legacy builder builds it for nothing. Often it is what a change left
    behind, or meant to give the next stage its programs, which a second FROM does not.

    ## Example
    ```dockerfile
    FROM composer

    FROM php:8.2-cli
    COPY --from=composer:2 /usr/bin/composer /usr/bin/composer
    CMD ["php", "/app/index.php"]
    ```

    ## Instead
    ```dockerfile
    FROM php:8.2-cli
    COPY --from=composer:2 /usr/bin/composer /usr/bin/composer
    CMD ["php", "/app/index.php"]
    ```

    ## When it refuses
    - the stage has a name: somebody may build it by that with `--target`, and no file of the project need say so;
    - it is built by its number, or it cannot be told which stages are built by themselves;
    - another stage is named by its number, which would then mean another one;
    - it has comments, which would be lost;
    - it has ONBUILD, or the last stage has no instructions: then the stage before may be the one that is meant.

    ## Safety
    Suggested: no image changes (sections 6 and 9), but why the author keeps the stage cannot be known.
    """

    name = "unused_stage"
    summary = "a stage that no image has anything of is taken out"
    phase = Phase.INSTRUCTIONS
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        used = {source.origin.index for source in model.sources if source.origin is not None}
        used |= {stage.parent.index for stage in model.stages if stage.parent is not None}
        for stage in model.stages[:-1]:
            if stage.index in used:
                continue
            if (reason := _stays(model, stage)) is not None:
                shown = f"stage {stage.name}" if stage.name else "this stage"
                yield self.refuse(stage.origin, f"nothing here uses {shown}, and it stays: {reason}", "section 6")
            else:
                yield self.without(model, stage)

    def without(self, model: Model, stage: Stage) -> Proposal:
        first, behind = stage.origin, model.stages[stage.index + 1].origin
        gone = (stage.origin, *stage.instructions)
        does = contents(model, gone[1:])
        return self.fix(
            first,
            [Edit(first.start, behind.lead, "")],
            "nothing here uses this stage: no stage builds on it or takes files from it, and without a name none is "
            "likely to be built by itself",
            "",
            claims=gone,
            removes=[instruction_text(first), *(text for _, text in does)],
        )


def _stays(model: Model, stage: Stage) -> str | None:
    """Why a stage that nothing uses is not taken out."""
    if stage.name is not None:
        return f"somebody may build it with --target {stage.name}; remove it if nobody does"
    if any(target.isdigit() for target in model.targets):
        return "stages are built by their numbers, or which ones are built cannot be told"
    if any(each.keyword == "ONBUILD" for each in stage.instructions):
        return "it has ONBUILD, which is for builds on an image of it"
    if not model.final.instructions:
        return "the last stage has no instructions, so this one may be what is meant"
    for source in model.sources:
        if source.name.isdigit() and source.origin is not None and source.origin.index > stage.index:
            return f"line {source.instruction.line} names a later stage by its number; give that one a name"
    if _comments(model, stage):
        return "it has comments, which would be lost; remove it by hand if it is for nothing"
    return None


def _comments(model: Model, stage: Stage) -> bool:
    """Whether comments stand in the stage, or directly above it."""
    behind = model.stages[stage.index + 1].origin
    inside = (span for each in (stage.origin, *stage.instructions) for span in each.comments)
    between = (span for span in model.document.comments if stage.origin.lead <= span.start < behind.lead)
    return any(True for _ in (*inside, *between))
