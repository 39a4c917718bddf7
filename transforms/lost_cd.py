"""A `cd` at the end of a RUN, which no later instruction sees, becomes WORKDIR."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.checks import command_text
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model, Stage
from optimizer.runs import Run
from optimizer.shell import Item, Simple

AWAY = frozenset({"-", "~"})
"""Where people go when they are done, besides `..` and `/`: no sign that what follows was meant to begin there."""
_SEPARATORS = str.maketrans("\"'[](){}=,:;&|<>", " " * 16)


class LostCd(Transform):
    """Write WORKDIR for a `cd` that ends a RUN.

    ## What it does
    A RUN whose last command is `cd folder` loses that command, and `WORKDIR folder` is put behind it.

    ## Why
    Each RUN is a shell of its own. The folder it went to is forgotten at its end; the next one begins in WORKDIR.

    ## Example
    ```dockerfile
    FROM debian:bookworm
    RUN tar zxf abc.tar.gz && cd abc
    RUN make install
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm
    RUN tar zxf abc.tar.gz
    WORKDIR abc
    RUN make install
    ```

    ## When it refuses
    - the folder is not plain text, or depends on another `cd` before it;
    - a later instruction goes to the folder itself, or names it as it is called from where the RUN began;
    - nothing in the stage runs after it, or the `cd` only goes back (`..`, `/`, `-`).

    ## Safety
    Suggested: it changes where the following instructions run, which is most likely what was meant, and where the
    program starts (section 2).
    """

    name = "lost_cd"
    summary = "a cd that ends a RUN becomes WORKDIR"
    phase = Phase.REPAIR
    safety = Safety.SUGGESTED
    hadolint = ("DL3003",)

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            for run in stage.runs[:-1]:
                if run.form == "shell" and (last := _last_cd(run)) is not None:
                    yield self.lost(model, stage, run, last)

    def lost(self, model: Model, stage: Stage, run: Run, item: Item) -> Proposal:
        command = item.pipeline.commands[0]
        assert isinstance(command, Simple)
        written = command_text(command)
        at = run.instruction
        folder = command.argv[1] if len(command.argv) == 2 else None
        others = [each for each in run.commands() if each.name in ("cd", "pushd", "popd") and each is not command]
        if folder is None or any(char.isspace() or char in "$\"'" for char in folder):
            return self.refuse(
                at, f"`{written}` is lost at the end of this RUN, and where it goes is not plain text", "section 2"
            )
        if others and not folder.startswith("/"):
            return self.refuse(
                at, f"`{written}` is lost at the end of this RUN; it begins where another cd went", "section 2"
            )
        if reason := _elsewhere(stage, at, folder):
            return self.refuse(at, f"`{written}` is lost at the end of this RUN, and {reason}", "section 2")
        keyword = "WORKDIR" if at.written_keyword.isupper() else "workdir"
        newline = model.document.newline
        line = f"{keyword} {folder}{newline}"
        items = run.parsed.body.items if run.parsed else ()
        edits = (
            [Edit(at.start, at.end, line)]
            if len(items) == 1
            else [
                Edit(run.place_after(items[-2].pipeline.end), run.place_after(item.pipeline.end), ""),
                Edit(at.end, at.end, line if at.end > at.content_end else newline + line),
            ]
        )
        return self.fix(
            at,
            edits,
            f"`{written}` is forgotten at the end of this RUN, and the next one begins in WORKDIR again",
            "",
            removes=[written],
            adds=[f"WORKDIR {folder}"],
        )


def _elsewhere(stage: Stage, run: Instruction, folder: str) -> str | None:
    """Why what follows was not meant to begin in the folder; None where nothing speaks against it."""
    name = folder.removeprefix("./").partition("/")[0] if not folder.startswith("/") else folder
    began = False
    for each in stage.instructions:
        if each.index <= run.index:
            continue
        if each.keyword == "WORKDIR" and each.args.startswith("/"):
            return None if began else f"line {each.line} says where the next one begins"
        words = each.text.translate(_SEPARATORS).split()[1:]
        if any(word == name or (name[0] != "/" and word.removeprefix("./").startswith(f"{name}/")) for word in words):
            return f"line {each.line} names {name} as seen from where the RUN began"
        began |= each.keyword in ("RUN", "COPY", "ADD", "WORKDIR")
    return None


def _last_cd(run: Run) -> Item | None:
    """The last command of a `&&` chain, if it is a cd to somewhere new."""
    if run.parsed is None or not run.parsed.body.items:
        return None
    *before, item = run.parsed.body.items
    commands = item.pipeline.commands
    if len(commands) != 1 or not isinstance(commands[0], Simple) or commands[0].name != "cd":
        return None
    if any(each.connector != "&&" for each in (*before[1:], *([item] if before else []))):
        return None
    (target,) = commands[0].argv[1:2] or ("",)
    if target is None:
        return item
    return None if not target.strip("./") or target in AWAY or target.startswith("../") else item
