"""What only the build needs stays in a stage of its own, and the image has what the program needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model

if TYPE_CHECKING:
    from optimizer.split.plan import Split
    from optimizer.verify.cause import Cause

PROGRAMS = (
    "pip", "poetry", "uv ", "pdm", "npm", "yarn", "pnpm", "go ", "cargo", "mvn", "gradle", "dotnet", "bundle", "make",
    "gcc", "g++", "docker-php-ext",
)  # fmt: skip
"""What a RUN that builds has in its text."""


class MultiStage(Transform):
    """Build in one stage, and run in another one.

    ## What it does
    A stage that builds a program and also runs it becomes two. The first one has the author's instructions up to the
    end of the build. The second one begins with an image of the same distribution and release, installs the packages
    that are needed at run time, takes the results from the first, and goes on with the author's other instructions.
    A last stage that is built on the stage of the build (`FROM build`) begins with such an image, too.

    ## Why
    Compilers, headers, package managers and their caches are needed to build the image, not to run it; they are pulled,
    stored and scanned with every image.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    RUN apt-get update && apt-get install -y gcc libpq-dev && rm -rf /var/lib/apt/lists/*
    WORKDIR /app
    RUN pip install psycopg2
    CMD ["python", "app.py"]
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim AS build
    RUN apt-get update && apt-get install -y gcc libpq-dev && rm -rf /var/lib/apt/lists/*
    WORKDIR /app
    RUN python -m venv /opt/venv
    ENV PATH=/opt/venv/bin:$PATH
    RUN pip install psycopg2

    FROM python:3.12-slim
    ENV PATH=/opt/venv/bin:$PATH
    RUN apt-get update && apt-get install -y libpq5 && rm -rf /var/lib/apt/lists/*
    WORKDIR /app
    COPY --from=build /opt/venv /opt/venv
    CMD ["python", "app.py"]
    ```

    Python packages go into a virtual environment at one path in both stages; what the pip of Debian or Ubuntu
    installs beside the packages of these is taken over with all of /usr/local. Poetry, pipenv, uv and pdm stay
    behind, and are alone worth a stage, where nothing calls them later. The results of other languages are what the
    image starts, the folder that the build installs into, or the working directory with the packages for
    development taken out; and files beside the sources that these name, or all of them, where the image also starts
    another program that is given some of them. An archive of Spring Boot, from 3.3 on, goes over in its layers, so
    that a new version brings its dependencies again only when they change.

    Python sources are read as syntax trees, from what the image starts on: the programs that they call come along, and
    what they open or load of the larger base image is an open question.

    ## When it refuses
    - what a command of the build leaves in the image is not known, or which file is the program;
    - what the base image brings is not known, or which library stands for a `-dev` package: then that package stays;
    - the last stage is built on one that others use as well, and that would have to build in another way;
    - the name of the stage says that people work in it (`dev`, `test`, …);
    - another user takes over in the middle of the build, and not all that is taken over is his for certain; files get
      another owner at its end; or ONBUILD leaves triggers;
    - C++ is built on gcc's own image, whose libraries no other has;
    - the program is started by the installer (`poetry run`), or by the path that it would have without a split;
    - a command behind the build calls what the build leaves behind;
    - an archive of Java needs others beside it, or packages would have to go into an environment of Python 2;
    - no CMD or ENTRYPOINT says what runs in the image, and what is built is not the project;
    - nothing but the larger base image would be left behind, and no slim one is known, or it is enough for the build.

    Nothing is said where nothing would be left behind: pure Python on a slim image stays as it is.

    ## Safety
    Suggested: what a program reads and calls at run time cannot be read from its text with certainty (section 6). Each
    suggestion says what could not be seen. With `--verify` it is built: what it lacks is added, twice at the most, the
    report says what and why, and what then passes is applied.
    """

    name = "multi_stage"
    summary = "what only the build needs stays in a stage of its own"
    phase = Phase.REPAIR
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        stage = model.final
        runs = (run.text for each in stage.lineage for run in each.runs)
        if not any(program in text for text in runs for program in PROGRAMS):
            return
        from optimizer.split import find
        from optimizer.split.plan import Refused

        found = find(model, stage, context)
        if isinstance(found, Refused):
            yield self.refuse(found.at, f"the build stays in the image: {found.reason}", "section 6")
        elif found is not None:
            causes = options.learnt(self.name, stage.index)
            yield self.split(model, *(_repaired(found, causes) if causes else (found, ())))

    def split(self, model: Model, split: Split, repairs: tuple[str, ...]) -> Proposal:
        from optimizer.split.write import write

        written = write(model, split)
        left = _listed(split.leaves)
        evidence = "; ".join(f"{each.path} goes over: {each.evidence}" for each in split.artifacts)
        questions = "; ".join(f"could not see {question.text}" for question in split.questions)
        return self.fix(
            split.final.origin,
            written.edits,
            f"only the build needs {left} ({evidence})" + (f"; {questions}" if questions else ""),
            left,
            claims=written.claims,
            removes=written.removes,
            adds=written.adds,
            paths=written.paths,
            repairs=repairs,
        )


def _repaired(split: Split, causes: tuple[Cause, ...]) -> tuple[Split, tuple[str, ...]]:
    """The plan with what builds have shown to be missing, and what was done; as it is, where nothing would help."""
    from optimizer.split.repair import repair

    return repair(split, causes) or (split, ())


def _listed(names: tuple[str, ...], most: int = 8) -> str:
    shown = names[:most]
    more = f" and {len(names) - most} more packages" if len(names) > most else ""
    return ", ".join(shown) + more
