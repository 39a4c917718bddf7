"""What a broad COPY need not take is written into .dockerignore."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.context import BuildContext
from optimizer.context_use import ContextUse
from optimizer.fix import Companion, Options, Phase, Proposal, Safety, Transform
from optimizer.leftovers import Kind, Leftover
from optimizer.model import Model

SHOWN = 6
"""Paths that the reason names."""


class Dockerignore(Transform):
    """Keep out of the build context what no image needs.

    ## What it does
    Looks into the build context for what a broad COPY (`COPY . .`, `COPY src/ …`) takes along: version history, caches,
    virtual environments, installed packages and build output that the image makes itself, credentials, editor, CI and
    builder files, and notebooks, documentation and charts that nothing names. It writes `.dockerignore`, or adds the
    lines that are missing to the one in force; what stands there stays as it is.

    ## Why
    All of it is sent to the builder and stored in the image, and each change in it (a commit changes `.git`) makes the
    COPY and every instruction after it run again. Host copies of `node_modules` or `.venv` overwrite what the image
    installed, and a `.env` or a private key is there for everybody who can pull the image.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    WORKDIR /app
    COPY . .
    CMD ["python", "app.py"]
    ```
    with these files beside it, in `.env` a password:
    ```text
    .env
    .git/HEAD
    Dockerfile
    app.py
    lib/__pycache__/a.cpython-312.pyc
    lib/a.py
    ```

    ## Instead
    The Dockerfile stays as it is, and there is a `.dockerignore`:
    ```text
    .git
    **/__pycache__
    .dockerignore
    Dockerfile
    .env
    ```

    ## When it refuses
    - there is no build context, or the rules in force cannot be read;
    - an instruction names the file, in this Dockerfile or in another one of the same context; a variable in a source of
      COPY could stand for anything;
    - `.git`: a command calls git, or the project takes its version from there (setuptools-scm, `git describe`);
    - `node_modules`, a virtual environment, build output: no command in the image makes it again;
    - credentials that an install reads (`.npmrc`): they belong into `RUN --mount=type=secret`;
    - an exception (`!path`) in `.dockerignore` brings it back on purpose.

    ## Safety
    Suggested: it changes what `COPY .` copies, and a program may read at run time what no text names (section 8).
    """

    name = "dockerignore"
    summary = "what a broad COPY need not take is written into .dockerignore"
    phase = Phase.CONTEXT
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if context is None:
            return
        use = ContextUse(model, context)
        broad = {each.instruction.index: each.instruction for each in use.copies if each.is_broad(context)}
        if not broad:
            return
        first = next(iter(broad.values()))
        if reason := use.unclear():
            yield self.refuse(first, reason, "section 4")
            return
        accepted: dict[str, Leftover] = {}
        refused: set[str] = set()
        for leftover in use.leftovers:
            if leftover.pattern in refused:
                continue
            if reason := use.against(leftover):
                refused.add(leftover.pattern)
                accepted.pop(leftover.pattern, None)
                yield self.refuse(first, f"{leftover.path} is not ignored: {reason}", "section 4")
            else:
                accepted.setdefault(leftover.pattern, leftover)
        accepted = {pattern: each for pattern, each in accepted.items() if f"**/{pattern}" not in accepted}
        if all(pattern.endswith(".dockerignore") for pattern in accepted):
            return  # nobody sees that the rules themselves are copied
        order = list(Kind)
        lines = sorted(
            [*accepted.values(), *([use.itself] if use.itself else [])],
            key=lambda each: (order.index(each.kind), each.pattern),
        )
        paths = [each.path for each in lines if each.pattern in accepted]
        shown = ", ".join(paths[:SHOWN]) + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
        yield self.fix(
            first,
            (),
            f"the COPY takes along what the image does not need ({shown}): {use.path} keeps it out",
            "what they hold, and building again when only they change",
            paths=use.images_of(accepted.values()),
            companions=[Companion(use.path, use.completed(each.pattern for each in lines))],
        )
