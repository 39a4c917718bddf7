"""Dependencies are installed before the sources are copied, from their manifests alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Options, Phase, Proposal, Transform
from optimizer.model import Model, Stage

if TYPE_CHECKING:
    from optimizer.delay import Delay
    from optimizer.install_order import Late

PROGRAMS = (
    "pip", "uv ", "poetry", "pdm", "npm", "yarn", "go ", "cargo", "mvn", "gradle", "dotnet", "composer", "bundle",
)  # fmt: skip
"""What a RUN that installs dependencies has in its text."""


class ManifestsFirst(Transform):
    """Copy the manifests, install, and only then copy the sources.

    ## What it does
    Where a stage copies a whole folder of the build context and then installs dependencies, the manifests that the
    install reads are copied by themselves, and the COPY of the folder is moved behind the install. What else the RUN
    does stays behind the COPY, in a RUN of its own. An install that also builds the project stays there as well; what
    can be done without the sources (`go mod download`, `poetry install --no-root`) is done before.

    ## Why
    A changed source file invalidates the COPY and everything behind it. The install is done again at each build, though
    nothing of what it reads has changed.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    WORKDIR /app
    COPY . .
    RUN pip install flask==3.0.3
    CMD ["flask", "run"]
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    WORKDIR /app
    RUN pip install flask==3.0.3
    COPY . .
    CMD ["flask", "run"]
    ```

    ## When it refuses
    - the install may read sources: a lifecycle script, `setup.py`, a build script that computes its paths, an option
      that is not known;
    - what the install writes lies in the build context too (`node_modules`, `vendor`), so that the later COPY would
      overwrite it;
    - a command before the install may read or change the sources;
    - the COPY cannot pass what stands between: WORKDIR where its destination is relative, ENV where it has a variable,
      VOLUME, another COPY to the same place whose content is not known;
    - a variable names a file of the sources, or the sources hold settings for the home folder or go to a folder of the
      system;
    - the RUN is more than a chain of `&&`, or the parts would share state of the shell, or its last commands remove or
      change what the first ones leave;
    - a build would only be prepared by downloads that its cache mount keeps already.

    ## Safety
    Safe where the build context shows all that the install reads and that nothing of what it writes is overwritten
    (section 5), and the COPY and what it passes do not touch each other (section 4). Suggested without a build context,
    where the install may change its lock file, and where something is downloaded in addition.
    """

    name = "manifests_first"
    summary = "dependencies are installed before the sources are copied"
    phase = Phase.ORDER

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            if not _may_install_late(stage):
                continue
            from optimizer.install_order import Late, delays

            for found in delays(model, stage, context):
                yield self.late(found) if isinstance(found, Late) else self.delay(model, found)

    def late(self, late: Late) -> Proposal:
        from optimizer.moving import shown_instruction

        return self.refuse(
            late.run.instruction,
            f"the install stays behind `{shown_instruction(late.copy.instruction)}`: {late.reason}",
            "section 5",
        )

    def delay(self, model: Model, delay: Delay) -> Proposal:
        written = delay.write(model.document)
        prepared = delay.lead.stop and delay.lead.stop.install
        whole = ", ".join(dict.fromkeys(f"`{each.shown}`" for each in delay.installs if each is not prepared))
        evidence = "; ".join(dict.fromkeys(each for install in delay.installs for each in install.needs.evidence))
        reasons = [f"runs {whole} again, which needs only its manifests"] if whole else []
        if prepared:
            first = " && ".join(delay.lead.prefetch)
            fetched = f"makes `{prepared.shown}` fetch everything again, which `{first}` does from the manifests alone"
            reasons.append(fetched)
        return self.fix(
            delay.delayed[0].instruction,
            written.edits,
            f"any change of the sources {', and '.join(reasons)} ({evidence})",
            f"{'the install' if whole else 'its downloads'}, in each build in which only sources have changed",
            claims=[*(each.instruction for each in delay.delayed), *written.claims],
            adds=written.adds,
            scripts=written.scripts,
            safety=delay.safety,
        )


def _may_install_late(stage: Stage) -> bool:
    """Whether, by a glance at the text, something is installed behind a COPY of a folder."""
    first = next((each.index for each in stage.instructions if _may_be_folder(each)), None)
    return first is not None and any(
        program in run.text for run in stage.runs if run.instruction.index > first for program in PROGRAMS
    )


def _may_be_folder(instruction: Instruction) -> bool:
    if instruction.keyword not in ("COPY", "ADD") or instruction.flag("from") is not None:
        return False
    return any("." not in word.rpartition("/")[2] or word[-1:] in ".*" for word in instruction.words[:-1])
