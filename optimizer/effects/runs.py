"""What a RUN reads and writes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.copies import copied
from optimizer.document import Instruction
from optimizer.effects.doing import ACCOUNTS, Around, Doing, NotKnown
from optimizer.effects.effect import DIRECTORY, EVERY_VARIABLE, SHELL, USER, VARIABLE, Effects
from optimizer.effects.ground import Ground
from optimizer.effects.scripts import Walk
from optimizer.effects.table import STANDARD_PATH
from optimizer.effects.zones import EVERYTHING, merged, place
from optimizer.instructions import settings
from optimizer.joining import shell_of
from optimizer.landing import Landing
from optimizer.model import Stage, State
from optimizer.packages.caches import ROOT, home_of
from optimizer.runs import Run
from optimizer.shell import Script, parse
from optimizer.split.view import quoted

_MOUNTS = frozenset({"bind", "cache", "secret", "ssh", "tmpfs"})
_PLAIN_SHELLS = frozenset({"/bin/sh", "sh"})


def run_effects(
    stage: Stage,
    instruction: Instruction,
    ground: Ground,
    number: int,
    needs: frozenset[str],
    variables: frozenset[str],
) -> Effects:
    """The effects of a RUN; those of a barrier where a part of it is not known."""
    run = Run(instruction, stage.state(instruction).shell)
    if stage.windows:
        return barrier(instruction, ground, "it may run on Windows", needs)
    try:
        return _known(stage, run, ground, number, needs, variables)
    except NotKnown as unknown:
        return barrier(instruction, ground, str(unknown), needs)


def _known(
    stage: Stage, run: Run, ground: Ground, number: int, needs: frozenset[str], variables: frozenset[str]
) -> Effects:
    instruction = run.instruction
    state = stage.state(instruction)
    doing = Doing(
        ground, number, state.user, _home(state), (*_path(stage, instruction),), (*_masks(run, state),), variables
    )
    doing.told = {**state.env, **dict(_told(stage, state, instruction))}
    doing.mounted = tuple(_mounted(stage, instruction, ground))
    around = Around((state.workdir,), {"HOME": doing.home, **state.env})
    shared = frozenset(_shared(run))
    script = _script(run)
    if run.form != "exec":
        if shell_of(state.shell or ("sh",)).startup_files or "BASH_ENV" in state.env:
            raise NotKnown("its shell runs files of its own at the start")
        shell = state.shell[0] if state.shell else ""
        if shell in _PLAIN_SHELLS:
            doing.program("sh")
        else:
            doing.tool(around)
    Walk(doing).script(script, around)
    doing.uses_variables("basic")
    if state.user not in ROOT:
        doing.reads += ACCOUNTS
    used = frozenset(VARIABLE + name for name in doing.used & variables)
    return Effects(
        instruction=instruction,
        reads=merged(doing.reads),
        looks=merged(doing.looks),
        seen=frozenset(ground.sure) if doing.seen else frozenset(),
        writes=merged(doing.writes),
        installs=merged(doing.installs),
        programs=merged(doing.programs),
        makes=tuple(dict.fromkeys(doing.makes)),
        needs=needs | used | shared | {USER, DIRECTORY} | ({SHELL} if run.form != "exec" else set()),
        sets=shared,
        context=_context(stage, instruction),
        network=doing.network,
    )


def _home(state: State) -> str | None:
    """Where `~` is; None for a user whose home only the image's accounts can tell."""
    return home_of(state) if state.user in ROOT or "HOME" in state.env else None


def _script(run: Run) -> Script:
    script = parse(quoted(run.instruction.exec_form or ())) if run.form == "exec" else run.script
    if not isinstance(script, Script):
        raise NotKnown(f"its script could not be read: {script.reason}" if script else "it has no script")
    if script.dialect and run.shell_name in ("sh", "ash", "dash") and any(each.differs for each in script.dialect):
        raise NotKnown("sh and bash read it in different ways")
    return script


def _masks(run: Run, state: State) -> Iterator[str]:
    """Where mounts hide what the image has."""
    for flag in run.instruction.flags:
        if flag.name in ("security", "device"):
            raise NotKnown(f"--{flag.name} lets it do more than a container may")
    for mount in run.mounts:
        if mount.get("type") not in _MOUNTS:
            raise NotKnown("it has a mount of a kind that is not known here")
        secret = mount.get("type") in ("secret", "ssh")
        written = mount.get("target", "" if not secret else f"/run/secrets/{mount.get('id', '')}")
        target = state.expand(written, run.instruction.escape)
        path = state.resolve(target) if target else None
        if path is None or path == "/":
            raise NotKnown("where it mounts something is not known")
        yield place(path)


def _mounted(stage: Stage, instruction: Instruction, ground: Ground) -> Iterator[Landing]:
    """What bind mounts show of the build context."""
    if ground.context is None:
        return
    for each in copied(stage):
        if each.instruction is instruction and each.source is not None and each.destination is not None:
            yield Landing(instruction, each.source, each.destination, ground.context.is_dir(each.source))


def _shared(run: Run) -> Iterator[str]:
    """The caches that it shares with others: what one leaves there, another finds."""
    for mount in run.mounts:
        if mount.get("type") == "cache":
            yield f"the cache mount {mount.get('id') or mount.get('target', '')}"


def _context(stage: Stage, instruction: Instruction) -> tuple[str, ...] | None:
    patterns = [each.source for each in copied(stage) if each.instruction is instruction]
    return None if None in patterns else tuple(each for each in patterns if each is not None)


def _path(stage: Stage, upto: Instruction) -> Iterator[str | None]:
    """The folders of programs that ENV PATH adds; None for one that is not known."""
    for each in reversed(list(stage.lineage)):
        if (known := each.image.env.get("PATH")) is not None and each.parent is None:
            yield from (folder for folder in known.split(":") if folder not in STANDARD_PATH)
        for instruction in each.instructions:
            if each is stage and instruction.index >= upto.index:
                return
            if instruction.keyword != "ENV":
                continue
            state = each.state(instruction)
            for setting in settings(instruction):
                for piece in (setting.value or "").strip("\"'").split(":") if setting.name == "PATH" else ():
                    if piece.strip("\"'") in ("$PATH", "${PATH}"):
                        continue
                    folder = state.expand(piece, instruction.escape)
                    if folder is None or not folder.startswith("/"):
                        yield None
                    elif folder not in STANDARD_PATH:
                        yield posixpath.normpath(folder)


def _told(stage: Stage, state: State, upto: Instruction) -> Iterator[tuple[str, str | None]]:
    """Variables of which only what they had before is not known: ``LD_LIBRARY_PATH=/x:$LD_LIBRARY_PATH``."""
    for each in stage.lineage:
        for instruction in each.instructions:
            if instruction.keyword != "ENV" or (each is stage and instruction.index >= upto.index):
                continue
            for setting in settings(instruction):
                name, text = setting.name, setting.value or ""
                if state.env.get(name) is None:
                    added = text.replace(f"${{{name}}}", "").replace(f"${name}", "")
                    if added != text and (known := each.state(instruction).expand(added, instruction.escape)):
                        yield name, known


def barrier(instruction: Instruction, ground: Ground, reason: str, needs: frozenset[str]) -> Effects:
    """A RUN that may do anything."""
    ground.written((EVERYTHING,))
    return Effects(
        instruction=instruction,
        reads=(EVERYTHING,),
        writes=(EVERYTHING,),
        needs=needs | {EVERY_VARIABLE, USER, DIRECTORY, SHELL},
        context=None if instruction.flag("mount") is not None else (),
        network=True,
        barrier=reason,
    )
