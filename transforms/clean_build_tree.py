"""A source tree that is cloned, built and installed in one RUN is removed by it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from msgspec import Struct

from optimizer.checks import command_text
from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model, Stage
from optimizer.rewrite import after_command, in_file
from optimizer.runs import Run
from optimizer.shell import Item, Script, Simple, parse

INSTALLS = (("make", "install"), ("ninja", "install"), ("cmake", "--install"), ("meson", "install"))
OF_THE_SYSTEM = ("/etc/", "/lib/", "/usr/", "/var/")
OF_SOURCES = ("/usr/src/", "/usr/local/src/", "/var/tmp/")
"""Where a clone lies to be built; elsewhere in the folders of the system it is where it is used."""
SHELLS = frozenset({"sh", "bash", "dash"})
WITH_VALUE = frozenset({"-b", "--branch", "--depth", "-o", "--origin", "-c", "--config", "-j", "--jobs", "--filter"})
_SEPARATORS = str.maketrans("\"'[](){}=,:;&|<>", " " * 16)


class Tree(Struct, frozen=True):
    """A clone, where it lies relative to the folder that the RUN begins in, and where the RUN is at its end."""

    folder: str
    ends_in: str


class CleanBuildTree(Transform):
    r"""Remove a source tree after it was built and installed.

    ## What it does
    A RUN that clones a repository, builds it and installs it gets `rm -rf` of the clone as its last command.

    ## Why
    The clone, its history and all object files stay in the layer, and none of it is used by what was installed.

    ## Example
    ```dockerfile
    FROM debian:bookworm
    RUN git clone https://example.com/tool.git && \
        make -C tool && \
        make -C tool install
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm
    RUN git clone https://example.com/tool.git && \
        make -C tool && \
        make -C tool install && \
        rm -rf tool
    ```

    ## When it refuses
    - a later instruction or an ENV names the folder, or a command of the RUN already removes it;
    - it is installed into the folder itself, or linked from elsewhere, or may be;
    - it lies in a folder of the system where programs look for files (`/usr/lib`, `/etc`);
    - where the clone lies, or the folder that the RUN ends in, is not plain text;
    - the script is more than one chain of `&&`.

    ## Safety
    Suggested: a program may read its source tree after it was installed, and nothing in the text says so (section 3.8).
    """

    name = "clean_build_tree"
    summary = "a source tree that was cloned, built and installed in one RUN is removed by it"
    phase = Phase.CLEAN
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if "git clone" not in model.document.text:
            return
        for stage in model.stages:
            if model.ships(stage):
                for run in stage.runs:
                    if run.form == "shell" and run.parsed is not None and "install" in run.text:
                        yield from self.cleaned(model, stage, run, run.parsed)

    def cleaned(self, model: Model, stage: Stage, run: Run, script: Script) -> Iterator[Proposal]:
        tree = tree_of(script)
        if tree is None:
            return
        name = posixpath.basename(tree.folder)
        if any(command.name == "rm" and _reaches(command, tree.folder) for command in run.commands()):
            return
        place = stage.state(run.instruction).resolve(tree.folder) or tree.folder
        if place.startswith(OF_THE_SYSTEM) and not place.startswith(OF_SOURCES):
            reason = f"the clone {tree.folder} is not removed: programs may look for it there"
            yield self.refuse(run.instruction, reason, "section 3.8")
            return
        at = run.instruction.index
        later = (each for each in model.document.instructions if each.index > at or each.keyword == "ENV")
        if kept := next((command for command in run.commands() if _stays(command, name)), None):
            reason = f"the clone {tree.folder} is not removed: `{command_text(kept)}` may install into it or link to it"
            yield self.refuse(run.instruction, reason, "section 3.8")
            return
        if user := next((each for each in later if _names(each, name)), None):
            reason = f"the clone {tree.folder} is not removed: line {user.line} may need it"
            yield self.refuse(run.instruction, reason, "section 3.8")
            return
        path = tree.folder
        if tree.ends_in and not path.startswith("/"):
            absolute = stage.state(run.instruction).resolve(path)
            path = absolute or posixpath.relpath(path, tree.ends_in)
        removal = f"rm -rf {path}"
        yield self.fix(
            run.instruction,
            in_file(run, [after_command(model.document, run, script.body.items[-1].pipeline.end, [removal])]),
            f"the clone {tree.folder} and what was built in it stay in the layer after they were installed",
            "the source tree in this layer",
            adds=[removal],
            paths=[f"**/{name}/**"],
        )


def _reaches(removal: Simple, folder: str) -> bool:
    """Whether an rm may be about the folder, or one above it; one whose words are not plain text may."""
    paths = [None if word.literal is None else word.literal.rstrip("/") for word in removal.words[1:]]
    name = posixpath.basename(folder)
    return any(
        path is None or posixpath.basename(path) == name or f"{folder}/".startswith(f"{path}/") for path in paths
    )


def _stays(command: Simple, folder: str) -> bool:
    """Whether what a command installs may lie in the folder, or be a link to it."""
    if command.name == "ln":
        files = [word.literal or "" for word in command.words[1:] if not word.text.startswith("-")]
        return any(not path.startswith("/") or folder in path.split("/") for path in files[:-1])
    for word in command.words[1:]:
        option, equals, path = word.text.strip("\"'").partition("=")
        if equals and option.lower().endswith(("prefix", "destdir")):
            return not path.startswith("/") or "$" in path or folder in path.split("/")
    return False


def _names(instruction: Instruction, folder: str) -> bool:
    """Whether a path in the instruction goes through the folder; a bare word of CMD is a program's name."""
    words = instruction.text.translate(_SEPARATORS).split()
    return any(
        folder in word.split("/") and ("/" in word or instruction.keyword not in ("CMD", "ENTRYPOINT"))
        for word in words
    )


def tree_of(script: Script) -> Tree | None:
    """The one clone of a ``&&`` chain that is installed from, or None; a ``bash -c "…"`` alone is looked into."""
    items = script.body.items
    if len(items) == 1 and (inner := _inner(items[0])) is not None:
        found = tree_of(inner)
        return found and Tree(found.folder, "")
    if any(item.connector != "&&" for item in items[1:]):
        return None
    here, folder, installed = "", None, False
    went: list[str] = []
    for item in items:
        command = item.pipeline.commands[0]
        if len(item.pipeline.commands) > 1 or not isinstance(command, Simple):
            return None
        argv = command.argv
        if argv[:2] == ("git", "clone"):
            if folder is not None or (target := _target(argv[2:])) is None:
                return None
            folder = posixpath.normpath(posixpath.join(here, target))
        elif argv[:1] in (("cd",), ("pushd",)) or argv[:1] == ("popd",):
            if argv[0] == "popd":
                if not went:
                    return None
                here = went.pop()
                continue
            if len(argv) != 2 or argv[1] is None or argv[1].startswith(("-", "~")):
                return None
            if argv[0] == "pushd":
                went.append(here)
            here = posixpath.normpath(posixpath.join(here, argv[1]))
        installed |= any(argv[:1] == (tool,) and step in argv for tool, step in INSTALLS)
    if folder is None or not installed or folder.startswith("..") or folder in (".", "/"):
        return None
    return Tree(folder, "" if here == "." else here)


def _inner(item: Item) -> Script | None:
    """The script of ``bash -xc "…"``."""
    command = item.pipeline.commands[0]
    if len(item.pipeline.commands) > 1 or not isinstance(command, Simple) or len(command.argv) != 3:
        return None
    name, options, text = command.argv
    if name not in SHELLS or options is None or text is None or not options.startswith("-") or options[-1] != "c":
        return None
    script = parse(text)
    return script if isinstance(script, Script) else None


def _target(words: Sequence[str | None]) -> str | None:
    """The folder that ``git clone`` makes; None where the words do not tell."""
    plain: list[str] = []
    rest = iter(words)
    for word in rest:
        if word is None:
            return None
        if word in WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            plain.append(word)
    if len(plain) == 2:
        return plain[1]
    if len(plain) == 1:
        return posixpath.basename(plain[0].rstrip("/")).removesuffix(".git") or None
    return None
