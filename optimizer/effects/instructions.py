"""What every instruction but RUN reads and writes.

Source: BuildKit's dockerfile2llb (dispatchCopy, dispatchWorkdir, dispatchEntrypoint, …), and semantics 4.2 to 4.4.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from optimizer.copies import copied
from optimizer.document import Instruction
from optimizer.effects.effect import DIRECTORY, SHELL, USER, VARIABLE, Effects
from optimizer.effects.ground import BEFORE, Ground
from optimizer.effects.zones import EVERYTHING, Made, Zone, above, merged, place
from optimizer.instructions import health, settings
from optimizer.landing import Brought
from optimizer.model import Stage, State
from optimizer.wildcard import has_wildcard

ACCOUNTS = (Zone("/etc/passwd", False), Zone("/etc/group", False))


def named(instruction: Instruction, variables: Iterable[str]) -> frozenset[str]:
    """The variables that the text of an instruction may use."""
    text = "\n".join((instruction.text, *(body.content for body in instruction.heredocs)))
    if "$" not in text:
        return frozenset()
    return frozenset(VARIABLE + name for name in variables if name in text)


def copy(
    stage: Stage, instruction: Instruction, found: Brought, ground: Ground, number: int, needs: frozenset[str]
) -> Effects:
    """COPY and ADD."""
    state = stage.state(instruction)
    owner = instruction.flag("chown") or ""
    sources = [each for each in copied(stage) if each.instruction is instruction]
    patterns = [each.source for each in sources]
    writes: list[Zone] = []
    folders: list[str] = []
    unsure = not found.known or any(
        source is None or has_wildcard(source) or (ground.context is not None and not ground.context.glob(source))
        for source in patterns
    )
    if unsure:
        writes += _below(_destination(instruction, state), ground)
    for landing in found.landings:
        if landing.target == "/":
            writes += (zone for target in found.zones for zone in ground.zones(target))
        else:
            writes += ground.zones(landing.target)
        if landing.folder and not unsure:
            folders.append(landing.target)
    targets = [zone for zone in writes if zone != EVERYTHING]
    ground.written(writes)
    makes: list[Made] = []
    if instruction.flag("link") is not None:
        writes += (Zone(folder, False) for zone in targets for folder in above(zone.path))
    else:
        mode = instruction.flag("chmod") or ""
        how = f"a copy for {owner} {mode}" if owner or mode else "the builder, root "
        makes = [made for zone in targets for made in ground.makes(posixpath.dirname(zone.path), how, number)]
        if any(ground.through_link(zone.path) for zone in targets):
            # what a link leads to must be there then
            writes += (Zone(made.path, False) for made in makes)
            makes = []
    ground.made.update((place(folder), number) for folder in folders)
    ground.landings += found.landings
    if not unsure and number != BEFORE:
        ground.sure.add(number)
    if instruction.flag("from") is not None or not found.known:
        ground.regions += (zone.path for zone in targets)
    relative = not instruction.words[-1].startswith("/")
    return Effects(
        instruction=instruction,
        reads=ACCOUNTS if any(not part.isdigit() for part in owner.split(":") if part) else (),
        writes=merged(writes),
        makes=tuple(dict.fromkeys(makes)),
        needs=needs | ({DIRECTORY} if relative else set()),
        context=None if None in patterns else tuple(each for each in patterns if each is not None),
        network=any("://" in word or word.startswith("git@") for word in instruction.words[:-1]),
    )


def _destination(instruction: Instruction, state: State) -> str | None:
    written = state.expand(instruction.words[-1], instruction.escape)
    return None if written is None else state.resolve(written)


def _below(path: str | None, ground: Ground) -> Iterator[Zone]:
    if path is None:
        yield EVERYTHING
    else:
        yield from ground.zones(path)


def workdir(stage: Stage, instruction: Instruction, ground: Ground, number: int, needs: frozenset[str]) -> Effects:
    """WORKDIR: makes the folder as USER, the folders above it too."""
    state = stage.state(instruction)
    written = state.expand(instruction.args, instruction.escape)
    path = None if written is None else state.resolve(written)
    # a WORKDIR of which the way is not known may make any folder, and takes none away
    zones = [EVERYTHING] if path is None else list(ground.zones(path, tree=False))
    makes: list[Made] = []
    for zone in zones:
        makes += ground.makes(zone.path, f"the builder, {state.user} ", number) if zone != EVERYTHING else ()
    absolute = instruction.args.startswith("/")
    return Effects(
        instruction=instruction,
        reads=() if state.user in ("root", "0") else ACCOUNTS,
        writes=tuple(zones) if len(zones) > 1 or EVERYTHING in zones else (),  # a link must have what it leads to
        makes=tuple(dict.fromkeys(makes)),
        needs=needs | {USER} | (set() if absolute else {DIRECTORY}),
        sets=frozenset({DIRECTORY}),
    )


def volume(stage: Stage, instruction: Instruction, ground: Ground, needs: frozenset[str]) -> Effects:
    """VOLUME: the classic builder discards what is written below it later, so nothing there may pass it."""
    state = stage.state(instruction)
    writes: list[Zone] = []
    for word in instruction.words:
        written = state.expand(word, instruction.escape)
        path = None if written is None else state.resolve(written)
        writes += _below(path, ground)
    ground.written(writes)
    return Effects(instruction=instruction, writes=merged(writes), needs=needs | {DIRECTORY})


def environment(instruction: Instruction, needs: frozenset[str]) -> Effects:
    """ENV and ARG. The order of ENVs is the order of the image's settings."""
    found = {VARIABLE + setting.name for setting in settings(instruction)}
    # an ARG without a value may get one from outside; one with the name of an ENV gives way to it
    order = {"the order of ENV"} if instruction.keyword == "ENV" else set()
    return Effects(instruction=instruction, needs=needs, sets=frozenset(found | order))


def _shelled(instruction: Instruction) -> frozenset[str]:
    if instruction.keyword == "HEALTHCHECK":
        return frozenset() if health(instruction).exec_form is not None else frozenset({SHELL})
    return frozenset() if instruction.exec_form is not None else frozenset({SHELL})


def label(stage: Stage, instruction: Instruction, needs: frozenset[str]) -> Effects:
    """LABEL: labels merge, and of two with the same name the last one wins."""
    names = [each.name.strip("\"'") for each in settings(instruction)]
    if any(not name.replace("-", "").replace(".", "").replace("_", "").isalnum() for name in names):
        # with a variable or quotes in it, it may be the name of any label
        labels = (each for each in stage.instructions if each.keyword == "LABEL")
        names += (each.name.strip("\"'") for one in labels for each in settings(one))
    return Effects(instruction=instruction, needs=needs, sets=frozenset(f"the label {name}" for name in names))


def setting(instruction: Instruction, needs: frozenset[str]) -> Effects:
    """What only sets something of the image, or of the build."""
    keyword = instruction.keyword
    needs |= _shelled(instruction) if keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK") else frozenset()
    return Effects(instruction=instruction, needs=needs, sets=_SETS.get(keyword, frozenset()))


_SETS: Mapping[str, frozenset[str]] = {
    "USER": frozenset({USER}),
    "SHELL": frozenset({SHELL}),
    "CMD": frozenset({"what the image starts"}),
    "ENTRYPOINT": frozenset({"what the image starts"}),  # without a CMD of its own the stage loses the inherited one
    "HEALTHCHECK": frozenset({"the health check"}),
    "STOPSIGNAL": frozenset({"the stop signal"}),
    "MAINTAINER": frozenset({"the author"}),
    "ONBUILD": frozenset({"the triggers"}),
    "EXPOSE": frozenset(),  # ports are a set
}
"""What keywords set of which the last one wins, or the order counts."""
