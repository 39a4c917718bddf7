"""How a stage that installs with poetry becomes two: one exports the requirements, the other installs them with pip."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from optimizer.checks import command_text, instruction_text
from optimizer.context import BuildContext
from optimizer.document import Document, Instruction
from optimizer.fix import Edit
from optimizer.independence import UNKNOWN, value
from optimizer.install_order import obstacle
from optimizer.installs import lead_of
from optimizer.landing import Brought, brought, holds, touch
from optimizer.manifests.base import RefusedError
from optimizer.model import Model, Stage
from optimizer.moving import shown_instruction
from optimizer.poetry_use import PLUGIN, Requirement, export_options, install_options, is_call, requirement
from optimizer.runs import Run
from optimizer.shell import Simple

STAGE = "requirements"
PLACE = "/tmp"
FILE = "requirements.txt"
_HARMLESS = frozenset({"POETRY_VERSION", "POETRY_VIRTUALENVS_CREATE", "POETRY_NO_INTERACTION", "POETRY_CACHE_DIR"})
"""Variables that change nothing of which packages are installed."""
_PIP_FLAGS = frozenset({"--no-cache-dir", "--upgrade", "-U", "-q", "--quiet", "--disable-pip-version-check"})
_SETTINGS = ("virtualenvs.", "installer.", "cache-dir")
_MANIFESTS = frozenset({"pyproject.toml", "poetry.lock", "poetry.lock*", "poetry.toml"})


class Conversion(NamedTuple):
    """A fix's edits and what they admit to."""

    edits: tuple[Edit, ...]
    claims: tuple[Instruction, ...]
    removes: tuple[str, ...]
    adds: tuple[str, ...]


_SEPARATORS = str.maketrans("\"'[](){}=,:;&|<>`$", " " * 18)


class _Parts(NamedTuple):
    """What of a stage has to do with poetry."""

    runs: tuple[Run, ...]
    """RUNs that install poetry, set it up and install with it, and do nothing else."""
    requirement: Requirement
    installs: tuple[tuple[Run, Simple], ...]
    sources: Brought
    manifests: Brought | None
    """A COPY of pyproject.toml and poetry.lock alone."""


def conversion(model: Model, stage: Stage, context: BuildContext | None) -> Conversion | str:
    """Write the two stages, or say why poetry has to stay."""
    names = {each.name for each in model.stages}
    if stage.parent is not None or STAGE in names or any(source.origin is stage for source in model.sources):
        return "other stages have to do with this one"
    if any(source.name.isdigit() for source in model.sources):
        return "a stage is named by its number"
    parts = _parts(model, stage, context)
    if isinstance(parts, str):
        return parts
    try:
        options = export_options([install_options(command) for _, command in parts.installs], context)
    except RefusedError as refused:
        return str(refused)
    moved = parts.sources.instruction.index < parts.installs[0][0].instruction.index
    reason = _in_the_way(stage, parts, context) if moved else None
    return reason or _write(model.document, stage, parts, options, context is None, moved)


def _parts(model: Model, stage: Stage, context: BuildContext | None) -> _Parts | str:
    runs = [run for run in stage.runs if "poetry" in run.text]
    required = next((each for run in runs if (each := requirement(run))), None)
    if required is None:
        return "it is not installed by pip in this stage"
    apart = False
    installs: list[tuple[Run, Simple]] = []
    for run in runs:
        items = run.parsed.body.items if run.parsed else ()
        commands = [item.pipeline.commands[0] for item in items]
        if run.form != "shell" or run.instruction.flags or any(item.connector not in ("", "&&") for item in items):
            return f"`{shown_instruction(run.instruction)}` is more than a chain of &&"
        for command in commands:
            if isinstance(command, Simple) and is_call(command, "install"):
                installs.append((run, command))
            elif isinstance(command, Simple) and is_call(command, "config") and _is_setting(command):
                apart |= command.argv[-2:] == ("virtualenvs.create", "false")
            elif command is not required.command or not _is_plain(required, stage):
                return f"`{shown_instruction(run.instruction)}` does more than install with poetry"
    env = stage.state(installs[0][0].instruction).env
    if not apart and env.get("POETRY_VIRTUALENVS_CREATE") not in ("false", "0"):
        return "it installs into a virtual environment"
    if odd := next((name for name in env if name.startswith("POETRY_") and name not in _HARMLESS), None):
        return f"the variable {odd} is set"
    copies = [each for at, each in brought(stage, context).items() if at > stage.origin.index]
    names = ("pyproject.toml", "poetry.lock")
    bringing = [each for each in copies if any(_brings(each, name, context) for name in names)]
    sources = [each for each in bringing if each.broad]
    manifests = [each for each in bringing if not each.broad]
    if len(sources) != 1 or len(manifests) > 1:
        return "the project is not copied by one COPY"
    if manifests and not set(map(posixpath.normpath, manifests[0].instruction.words[:-1])) <= _MANIFESTS:
        return f"`{shown_instruction(manifests[0].instruction)}` brings more than the manifests"
    known = {*(each.instruction.index for each in bringing), *(run.instruction.index for run in runs)}
    for at in stage.instructions:
        text = instruction_text(at)
        setting = at.keyword in ("ENV", "ARG") and "venv" not in text
        if at.index not in known and not setting and ("poetry" in text.lower() or "venv" in text):
            return f"`{shown_instruction(at)}` uses poetry or a virtual environment"
    texts = [instruction_text(at) for at in stage.instructions if at.index not in known]
    if context is not None and (script := _calling(context, texts)):
        return f"{script}, which is called, has poetry in it"
    return _Parts(tuple(runs), required, tuple(installs), sources[0], manifests[0] if manifests else None)


def _calling(context: BuildContext, texts: Sequence[str]) -> str | None:
    """A file of the build context that the texts name, or such a file names, and that has poetry in it."""
    files: dict[str, list[str]] = {}
    for path in context.files():
        files.setdefault(posixpath.basename(path), []).append(path)
    todo, seen = [*texts], set(_MANIFESTS)
    while todo:
        words = todo.pop().translate(_SEPARATORS).split()
        for name in {posixpath.basename(word) for word in words}.intersection(files) - seen:
            seen.add(name)
            for path in files[name]:
                text = context.read(path) or ""
                if "poetry" in text:
                    return path
                todo += [text] if text.startswith("#!") or path.endswith(".sh") else []
    return None


def _is_setting(command: Simple) -> bool:
    words = [word or "" for word in command.argv[2:]]
    return any(word.startswith(_SETTINGS) for word in words) and "--local" not in words


def _is_plain(required: Requirement, stage: Stage) -> bool:
    """Whether a pip install asks for poetry alone, with nothing that is not known."""
    words = [value(word, stage.state(required.run.instruction).env) for word in required.command.words]
    behind = words[words.index("install") + 1 :] if "install" in words else [None]
    asked = [word for word in behind if word not in _PIP_FLAGS]
    return len(asked) == 1 and asked[0] is not None and UNKNOWN not in asked[0] and not required.command.redirects


def _brings(each: Brought, name: str, context: BuildContext | None) -> bool:
    """Whether a COPY brings a file from the context's root."""
    return any(
        landing.source == "" or posixpath.normpath(landing.source).removesuffix("*") == name
        if context is None
        else holds(landing, posixpath.join(landing.target, name) if landing.folder else landing.target, context) == name
        for landing in each.landings
    )


def _in_the_way(stage: Stage, parts: _Parts, context: BuildContext | None) -> str | None:
    """Why the COPY of the sources cannot come after the install."""
    copy = parts.sources
    first = parts.installs[0][0].instruction
    own = {run.instruction.index for run in parts.runs}
    copies = brought(stage, context)
    runs = {run.instruction.index: run for run in stage.runs}
    for each in stage.instructions:
        if not copy.instruction.index < each.index < first.index or each.index in own:
            continue
        if each.keyword == "RUN":
            landings = [landing for at, other in copies.items() if at < each.index for landing in other.landings]
            stop = lead_of(runs[each.index], stage.state(each), copy.zones, landings, context).stop
            if stop is not None:
                return stop.reason
        elif each.index in copies:
            zones = copies[each.index].zones
            if copies[each.index] is not parts.manifests and any(touch(a, b) for a in zones for b in copy.zones):
                return f"`{shown_instruction(each)}` writes into the same folder"
        elif reason := obstacle(stage, copy.instruction, each):
            return reason
    return None


def _write(
    document: Document, stage: Stage, parts: _Parts, options: Sequence[str], guessed: bool, moved: bool
) -> Conversion | str:
    text, newline = document.text, document.newline
    sources, first = parts.sources.instruction, parts.installs[0][0].instruction
    written = sources.words[-1]
    base = "./" if written in (".", "./") else written.rstrip("/") + "/"
    if not moved and base == "./" and stage.state(first).workdir != stage.state(sources).workdir:
        return "another WORKDIR is set before the sources are copied"
    file = FILE if base == "./" else base + FILE
    flags = [flag.text for flag in sources.flags]
    taken = " ".join(("COPY", f"--from={STAGE}", *flags, f"{PLACE}/{FILE}", base))
    required = parts.requirement
    command = required.command
    program = [word.text for word in command.words[: command.argv.index("install")]]
    install = " ".join([*program, "install --no-cache-dir -r", file])
    asked = [value(word, stage.state(required.run.instruction).env) or word.text for word in command.words]
    asked = [f'"{word}"' if set(word) & set("<>~!* ") else word for word in asked]
    setup = " ".join([*asked, *([PLUGIN] if required.needs_plugin else [])])
    export = " ".join(("poetry export -f requirements.txt --output", FILE, *options))
    lock = "poetry.lock*" if guessed else "poetry.lock"
    origin = " ".join(("FROM", *(flag.text for flag in stage.origin.flags), stage.origin.words[0], "AS", STAGE))
    copy, workdir = f"COPY pyproject.toml {lock} ./", f"WORKDIR {PLACE}"
    above = text[required.run.instruction.lead : required.run.instruction.start]
    lines = [origin, f"{above}RUN {setup}", workdir, copy, f"RUN {export}", "", ""]
    edits = [Edit(stage.origin.lead, stage.origin.lead, newline.join(lines))]

    gone = [run.instruction for run in parts.runs]
    gone += [parts.manifests.instruction] if parts.manifests else []
    comments = ""
    for each in gone:
        kept = "" if each is required.run.instruction else text[each.lead : each.start]
        kept += "".join(text[span.start : span.end].strip() + newline for span in each.comments)
        comments += kept
        if each is not first:
            gap = newline if text.startswith(newline, each.end) and text[: each.lead].endswith(newline * 2) else ""
            edits.append(Edit(each.lead, each.end + len(gap), ""))
    block = f"{comments}{taken}{newline}RUN {install}{newline}"
    if moved:
        gap = newline if text.startswith(newline, sources.end) else ""
        closes_up = gap if text[: sources.lead].endswith(newline * 2) else ""
        edits.append(Edit(sources.lead, sources.end + len(closes_up), ""))
        block += gap + text[sources.lead : sources.end]
    if first.end == first.content_end:
        block = block.removesuffix(newline)
    edits.append(Edit(first.lead, first.end, block))
    old = [command_text(each) for run in parts.runs for each in run.commands()]
    old += [instruction_text(parts.manifests.instruction)] if parts.manifests else []
    claims = (*gone, *([sources] if moved else []))
    return Conversion(
        tuple(edits), claims, tuple(old), (origin, setup, workdir, copy, export, taken, install)
    )  # fmt: skip
