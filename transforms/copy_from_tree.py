"""The last stage takes from the stage of the build what it needs, and not the tree that was built in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.checks import instruction_text
from optimizer.fix import Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.split.narrowing import Narrowed
    from optimizer.verify.cause import Cause


class CopyFromTree(Transform):
    """Take over from the stage of the build only what the image needs.

    ## What it does
    A `COPY --from` of the last stage that brings the whole folder of a build is put down to the program that the image
    starts, and to the files beside the sources that these name. Of Node projects, the packages for development are
    taken out in the stage of the build, before the folder goes over.

    ## Why
    A tree that was built in has the sources, their history, and what compilers and package managers leave: it makes the
    image large, and each change of any file makes a new layer of all of it.

    ## Example
    ```dockerfile
    FROM rust:1.87-bookworm AS build
    WORKDIR /app
    COPY . .
    RUN cargo build --release

    FROM debian:bookworm-slim
    COPY --from=build /app /app
    CMD ["/app/target/release/server"]
    ```

    with these files in the build context:

    ```text
    Cargo.toml
    Cargo.lock
    src/main.rs
    ```

    ## Instead
    ```dockerfile
    FROM rust:1.87-bookworm AS build
    WORKDIR /app
    COPY . .
    RUN cargo build --release

    FROM debian:bookworm-slim
    COPY --from=build /app/target/release/server /app/target/release/server
    CMD ["/app/target/release/server"]
    ```

    ## When it refuses
    - which file of the tree is the program cannot be told ([multi_stage](multi_stage.md) knows the same builds);
    - there is no build context, and nothing shows what else is read of the tree;
    - a RUN behind the COPY, the start, or an ENV names more of the tree than what would be left;
    - the whole file system of a stage goes over;
    - packages for development would have to be taken out in a stage that others use as well.

    Nothing is said of folders that are no tree of sources, nor of languages whose programs are their sources.

    ## Safety
    Suggested: what a program reads at run time cannot be read from its text with certainty (section 6). Each suggestion
    says what could not be seen.
    """

    name = "copy_from_tree"
    summary = "only what the image needs is taken over from the stage of the build"
    phase = Phase.REPAIR
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        sources = [
            each for each in model.sources
            if each.stage is model.final and each.instruction.keyword == "COPY" and each.origin is not None
        ]  # fmt: skip
        if not sources:
            return
        from optimizer.split.narrowing import narrow
        from optimizer.split.plan import Refused

        for source in sources:
            found = narrow(model, source, context)
            if isinstance(found, Refused):
                yield self.refuse(found.at, found.reason, "section 6")
            elif found is not None:
                causes = options.learnt(self.name, model.final.index)
                yield self.narrowed(model, *(_repaired(found, causes) if causes else (found, ())))

    def narrowed(self, model: Model, found: Narrowed, repairs: tuple[str, ...]) -> Proposal:
        questions = "".join(f"; could not see {question.text}" for question in found.questions)
        if found.finish:
            return self._smaller(model, found, questions)
        document = model.document
        flags = "".join(f"{flag.text} " for flag in found.at.flags)
        lines = [f"{found.at.written_keyword} {flags}{each.path} {each.target}" for each in found.artifacts]
        evidence = "; ".join(f"{each.path} stays: {each.evidence}" for each in found.artifacts)
        return self.fix(
            found.at,
            [Edit(found.at.start, found.at.content_end, document.newline.join(lines))],
            f"the whole tree of the build goes over, and the image needs little of it ({evidence}){questions}",
            "the sources, and what the build leaves beside the program",
            removes=[instruction_text(found.at)],
            adds=[f"COPY {flags}{each.path} {each.target}" for each in found.artifacts],
            paths=[found.tree.target, f"{found.tree.target}/**", *(f"!{path}" for path in found.kept)],
            repairs=repairs,
        )

    def _smaller(self, model: Model, found: Narrowed, questions: str) -> Proposal:
        """Take packages out at the end of the stage of the build."""
        newline = model.document.newline
        last = (found.builder.origin, *found.builder.instructions)[-1]
        target = found.tree.target
        modules = target if target.endswith("/node_modules") else f"{target}/node_modules"
        return self.fix(
            found.at,
            [Edit(last.end, last.end, "".join(f"{line}{newline}" for line in found.finish))],
            f"packages for development go over with the others{questions}",
            "packages for development",
            adds=[line.removeprefix("RUN ") for line in found.finish],
            paths=[f"{modules}/**"],
        )


def _repaired(found: Narrowed, causes: tuple[Cause, ...]) -> tuple[Narrowed, tuple[str, ...]]:
    """The narrower COPY with what builds have shown to be missing of the tree, and what was done."""
    from optimizer.split.repair import widen

    return widen(found, causes)
