"""Poetry stays in a stage of its own: it exports the requirements, and pip installs them."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.checks import command_text
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model, Stage
from optimizer.rewrite import ScriptEdit, in_file
from optimizer.runs import Run
from optimizer.shell import Simple


class PoetryExport(Transform):
    """Export the requirements of a poetry project in a stage of its own.

    ## What it does
    A stage that installs poetry and runs `poetry install` becomes two. The first one installs poetry with its export
    plugin, copies `pyproject.toml` and `poetry.lock`, and runs `poetry export`. The other one takes `requirements.txt`
    from it, installs that with pip, and copies the sources then.

    A stage that already exports is repaired: it gets the plugin, which poetry 2 no longer brings along, and a WORKDIR
    where the export would run in a folder without `pyproject.toml`.

    ## Why
    Poetry and what it depends on are needed to build the image, not to run it. And as long as the lock file stays the
    same, the packages are not installed again.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    RUN pip install poetry
    WORKDIR /app
    COPY . .
    RUN poetry config virtualenvs.create false && poetry install --only main --no-root
    CMD ["python", "app.py"]
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim AS requirements
    RUN pip install poetry poetry-plugin-export
    WORKDIR /tmp
    COPY pyproject.toml poetry.lock* ./
    RUN poetry export -f requirements.txt --output requirements.txt --without-hashes

    FROM python:3.12-slim
    WORKDIR /app
    COPY --from=requirements /tmp/requirements.txt ./
    RUN pip install --no-cache-dir -r requirements.txt
    COPY . .
    CMD ["python", "app.py"]
    ```

    ## When it refuses
    - poetry is used for more: `poetry run`, a virtual environment, an installer other than pip, a setting in a
      variable; or a RUN does more than install with poetry;
    - a script of the build context that is called has poetry in it;
    - installing the project makes more of it than its sources (scripts, plugins, a `src` folder), or packages lie in
      the project;
    - the stage is not the last one, or others take files from it;
    - which groups are installed cannot be told.

    ## Safety
    Suggested: the packages are those of the lock file, but pip installs them, and poetry is no longer in the image
    (section 7). The repair is safe: without it the build fails, and where poetry brings the plugin along, nothing
    changes; only `requirements.txt` is taken from that stage (section 6).
    """

    name = "poetry_export"
    summary = "poetry exports the requirements in a stage of its own"
    phase = Phase.INSTRUCTIONS

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if "poetry" not in model.document.text:
            return
        from optimizer.poetry_use import is_call

        for stage in model.stages:
            for run in stage.runs:
                export = next((each for each in run.commands() if is_call(each, "export")), None)
                if export is not None:
                    yield from self.repair(model, stage, run, export, context)
        if any(is_call(each, "install") for run in model.final.runs for each in run.commands()):
            yield self.convert(model, model.final, context)

    def repair(
        self, model: Model, stage: Stage, run: Run, export: Simple, context: BuildContext | None
    ) -> Iterator[Proposal]:
        from optimizer.poetry_use import PLUGIN, lost_project, requirement

        edits: list[Edit] = []
        removes: list[str] = []
        adds: list[str] = []
        claims: list[Instruction] = []
        reasons: list[str] = []
        found = next((each for other in stage.runs if (each := requirement(other))), None)
        if found and found.needs_plugin and found.run.editable and PLUGIN not in model.document.text:
            edits += in_file(found.run, [ScriptEdit(found.end, found.end, f" {PLUGIN}")])
            removes.append(command_text(found.command))
            adds.append(found.with_plugin)
            claims.append(found.run.instruction)
            reasons.append("poetry 2 has no export without its plugin")
        place = lost_project(model, stage, run, export, context)
        if place is not None:
            at, newline = run.instruction, model.document.newline
            gap = newline if model.document.text[: at.lead].endswith(newline * 2) else ""
            edits.append(Edit(at.lead, at.lead, f"WORKDIR {place}{newline}{gap}"))
            adds.append(f"WORKDIR {place}")
            reasons.append(f"the export runs where there is no pyproject.toml, which is in {place}")
        if edits:
            at = claims[0] if claims else run.instruction
            yield self.fix(
                at, edits, "; ".join(reasons), "", claims=claims, removes=removes, adds=adds
            )  # fmt: skip

    def convert(self, model: Model, stage: Stage, context: BuildContext | None) -> Proposal:
        from optimizer.poetry_conversion import conversion
        from optimizer.poetry_use import is_call

        at = next(run.instruction for run in stage.runs if any(is_call(each, "install") for each in run.commands()))
        found = conversion(model, stage, context)
        if isinstance(found, str):
            return self.refuse(at, f"poetry stays in the image: {found}", "section 6")
        return self.fix(
            at, found.edits, "poetry and what it depends on stay in the image, and only building it needs them",
            "poetry and its dependencies, and the install where only sources have changed",
            claims=found.claims, removes=found.removes, adds=found.adds, safety=Safety.SUGGESTED,
        )  # fmt: skip
