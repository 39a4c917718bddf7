"""Which COPYs of a stage may come after its installs.

The stage is read from the top. COPYs of whole folders wait; each RUN that needs nothing of them but manifests goes
before them, up to the first instruction that they must not pass.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.delay import Delay
from optimizer.document import Instruction
from optimizer.independence import ACCOUNTS, shared_folder
from optimizer.installs import Install, Lead, installs_in, lead_of
from optimizer.instructions import settings
from optimizer.landing import Brought, Landing, brought, holds, inside, provider, touch
from optimizer.manifest_copies import Manifests, manifests
from optimizer.model import Model, Stage
from optimizer.moving import shown_instruction
from optimizer.packages.caches import ROOT
from optimizer.runs import Run

PASSED = frozenset({
    "USER", "SHELL", "LABEL", "EXPOSE", "CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER", "ONBUILD",
})  # fmt: skip
"""Instructions that a COPY may pass: none touches files, and COPY makes files of root under any USER."""
HOME_SETTINGS = (
    ".npmrc", ".yarnrc", ".yarnrc.yml", ".netrc", ".pip/", ".config/", ".pydistutils.cfg", ".gitconfig", ".cargo/",
    ".m2/", ".gradle/", ".bundle/", ".composer/", ".nuget/", ".condarc", ".local/", ".cache/", ".ssh/", ".bashrc",
    ".profile", ".gemrc", ".curlrc", ".wgetrc",
)  # fmt: skip
"""What programs read or write in the home folder."""

_HOME_OPTIONS = frozenset({"-d", "--home", "--home-dir", "-h"})
"""Options by which useradd, usermod and adduser (busybox's, too) are told the home folder."""


class Late(NamedTuple):
    """An install that stays behind a COPY, and why."""

    run: Run
    copy: Brought
    reason: str


def delays(model: Model, stage: Stage, context: BuildContext | None) -> Iterator[Delay | Late]:
    """The COPYs of a stage that may come after an install, and the installs that stay behind one."""
    runs = {run.instruction.index: run for run in stage.runs}
    copies = brought(stage, context)
    if not any(each.seems_broad for each in copies.values() if each.instruction.index > stage.origin.index):
        return
    walk = _Walk(model, stage, context, copies)
    for instruction in stage.instructions:
        if instruction.keyword == "RUN":
            yield from walk.run(runs[instruction.index])
        elif instruction.index in copies:
            yield from walk.copy(copies[instruction.index])
        elif instruction.keyword not in PASSED:
            yield from walk.other(instruction)
    yield from walk.ends("the stage ends")


class _Walk:
    """What is known on the way through a stage."""

    def __init__(self, model: Model, stage: Stage, context: BuildContext | None, copies: Mapping[int, Brought]) -> None:
        self.stage = stage
        self.context = context
        self.copies = copies
        self.ships = model.ships(stage)
        self.delayed: list[Brought] = []
        self.reached: tuple[Run, Lead] | None = None
        self.installs: list[tuple[int, Install]] = []
        """With the number of the RUN."""
        self.entered: list[str] = []
        self.barrier: tuple[Brought, str] | None = None
        """A COPY that nothing passes any more, and why."""

    def landings(self, before: int) -> list[Landing]:
        """What is in the image before an instruction."""
        return [landing for index, each in self.copies.items() if index < before for landing in each.landings]

    def staying(self, before: int) -> list[Landing]:
        late = {each.instruction.index for each in self.delayed}
        return [landing for landing in self.landings(before) if landing.instruction.index not in late]

    def copy(self, each: Brought) -> Iterator[Delay | Late]:
        shown = shown_instruction(each.instruction)
        if not each.broad and _repeats(each, self.delayed, self.context):
            return
        if not each.known and each.seems_broad:
            yield from self.ends(f"`{shown}` copies what is not known")
            self.barrier = each, each.unknown
            return
        for other in self.delayed:
            if any(touch(zone, place) for zone in each.zones for place in other.zones):
                if not each.known:
                    yield from self.ends(f"`{shown}` writes into the same folder")
                elif not each.broad:
                    self.delayed.append(each)
                break
            if _owner(each) != _owner(other) and _share_a_parent(each, other):
                yield from self.ends(f"`{shown}` makes the same folder, for another owner")
                break
        if each.broad:
            self.delayed.append(each)

    def other(self, instruction: Instruction) -> Iterator[Delay | Late]:
        for each in self.delayed:
            if reason := obstacle(self.stage, each.instruction, instruction):
                yield from self.ends(reason)
                return

    def run(self, run: Run) -> Iterator[Delay | Late]:
        at = run.instruction.index
        state = self.stage.state(run.instruction)
        if not self.delayed:
            yield from self.late(run)
            return
        zones = [zone for each in self.delayed for zone in each.zones]
        before = [install for _, install in self.installs]
        lead = lead_of(run, state, zones, self.landings(at), self.context, before)
        shared = next((found for zone in zones if (found := shared_folder(zone, distribution=lead.distribution))), None)
        if shared and (lead.installs or lead.distribution):
            yield from self.ends(f"what is installed may go to {shared}, as the sources do", run, late=True)
            return
        problem = lead.problem
        if lead.changes and self.ships and not problem:
            problem = "apart, what its last commands remove or change would be kept in the layer before"
        if lead.installs and not problem:
            self.reached = run, lead
            self.installs += ((at, install) for install in lead.installs)
        self.entered += lead.entered
        if lead.stop is not None:
            reason = problem if lead.installs and problem else lead.stop.reason
            late = lead.installs or lead.stop.installs or self.is_late(run, self.delayed[-1].instruction)
            yield from self.ends(reason, run, late=bool(late))

    def late(self, run: Run) -> Iterator[Late]:
        """The refusal for an install that comes after something that no COPY passes."""
        if self.barrier is None:
            return
        copy, reason = self.barrier
        if self.is_late(run, copy.instruction):
            yield Late(run, copy, reason)
            self.barrier = None

    def is_late(self, run: Run, copy: Instruction) -> bool:
        """Whether a RUN installs what was not installed before the COPY either."""
        kinds = installs_in(run, self.stage.state(run.instruction))
        return bool(kinds) and not self.installed_before(copy, kinds)

    def ends(self, reason: str, run: Run | None = None, *, late: bool = False) -> Iterator[Delay | Late]:
        """No COPY that waits comes further down; ``late`` says that the run has an install that has to stay."""
        delayed, reached = self.delayed, self.reached
        if delayed:
            self.barrier = delayed[-1], reason
            if reached is not None:
                yield from self.settled(*reached)
            elif run is not None and late:
                yield Late(run, delayed[-1], reason)
                self.barrier = None
        self.delayed, self.reached, self.installs, self.entered = [], None, [], []

    def settled(self, run: Run, lead: Lead) -> Iterator[Delay | Late]:
        at = run.instruction.index
        delayed = tuple(each for each in self.delayed if each.instruction.index < at)
        found = manifests([each for _, each in self.installs], delayed, self.staying(at), self.context)
        if not isinstance(found, str):
            # What is needed as a whole is no source.
            delayed = tuple(each for each in delayed if not self.is_needed(each, found))
            if not delayed:
                return
            self.delayed = list(delayed)
            self.installs = [each for each in self.installs if each[0] > delayed[0].instruction.index]
            found = manifests([each for _, each in self.installs], delayed, self.staying(at), self.context)
        if isinstance(found, str):
            yield Late(run, delayed[-1], found)
        elif not self.installs or self.is_done(found, delayed):
            return
        elif reason := self.unseen(found, delayed, run):
            yield Late(run, delayed[-1], reason)
        else:
            sure = self.context is not None and not self.context.truncated
            yield Delay(delayed, found, run, lead, tuple(each for _, each in self.installs), sure)

    def is_needed(self, each: Brought, found: Manifests) -> bool:
        """Whether the installs need all that a COPY brings."""
        return all(
            any(inside(path, needed.rstrip("/")) for needed in found.paths if needed.endswith("/") or needed == path)
            for landing in each.landings
            for path in self.files_of(landing)
        )

    def files_of(self, landing: Landing) -> Iterator[str]:
        """Where the files of a landing come to lie; without a build context, the folder as a whole."""
        if self.context is None or not landing.folder:
            yield landing.target
            return
        for path in self.context.files(landing.source):
            yield posixpath.join(landing.target, path[len(landing.source) :].strip("/"))

    def is_done(self, found: Manifests, delayed: Sequence[Brought]) -> bool:
        """Whether the author has done so already."""
        kinds = frozenset(install.needs.ecosystem for _, install in self.installs)
        prepared = any(install.needs.prefetch for _, install in self.installs)
        if any(found.copies.values()):
            return prepared and self.installed_before(delayed[0].instruction, kinds)
        return prepared or (bool(found.paths) and self.installed_before(delayed[0].instruction, kinds))

    def installed_before(self, copy: Instruction, kinds: frozenset[str]) -> bool:
        """Whether a RUN before the COPY installs what one of these ecosystems reads of a project."""
        return any(
            kinds & installs_in(run, stage.state(run.instruction))
            for stage in self.stage.lineage
            for run in stage.runs
            if run.instruction.index < copy.index
        )

    def unseen(self, found: Manifests, delayed: Sequence[Brought], run: Run) -> str | None:
        """What else of the sources the installs may read, or what would come to be in another way."""
        landings = [landing for each in delayed for landing in each.landings]
        staying = self.staying(run.instruction.index)
        before = [each for each in self.stage.instructions if each.index <= run.instruction.index]
        workdirs = {self.stage.state(each).workdir for each in before}
        there = {*workdirs, *(posixpath.dirname(path.rstrip("/")) for path in found.paths)}
        there |= {landing.target for landing in staying if landing.folder}
        for folder in self.entered:
            is_late = any(inside(folder, zone) for each in delayed for zone in each.zones)
            if is_late and not any(path is not None and inside(path, folder) for path in there):
                return f"the folder {folder} comes with the sources"
        for each in delayed:
            bare = not found.copies[each.instruction.index]
            made = any(folder and touch(folder, zone) for folder in workdirs for zone in each.zones)
            if bare and made and _owner(each):
                return "WORKDIR would make the folder in place of COPY, which gives it an owner"
            if _owner(each) and self.stage.state(run.instruction).user not in ROOT:
                earlier = {self.stage.state(one).workdir for one in before if one.index < each.instruction.index}
                for landing in each.landings if self.context is not None else ():
                    for folder in sorted(path for path in earlier if path and path != landing.target):
                        if inside(folder, landing.target) and holds(landing, f"{folder}/", self.context):
                            return f"COPY gives {folder} another owner, and the install may need that"
        if self.context is None:
            return None
        for path in sorted(path for path in found.paths if path.endswith("/")):
            if (given := provider(landings, path, self.context)) is not None:
                link = next((file for file in self.context.files(given[1]) if self.context.is_link(file)), None)
                if link is not None:
                    return f"{link} is a link, and what it leads to may come with the sources"
        zones = [zone for each in delayed for zone in each.zones if inside(zone, "/home")]
        homes = {"/root", *("/".join(zone.split("/")[:3]) for zone in zones), *_homes(self.stage, run.instruction)}
        for path in (f"{home}/{name}" for home in sorted(homes) for name in HOME_SETTINGS):
            if path not in found.paths and provider(landings, path, self.context):
                return f"the sources bring {path}, which programs read as settings"
        for name, path in _named_paths(self.stage, run.instruction):
            here = provider(landings, path, self.context) or provider(landings, f"{path}/", self.context)
            if here and path not in found.paths and path not in {landing.target for landing in landings}:
                return f"the variable {name} names {path}, which comes with the sources"
        return None


def _repeats(each: Brought, others: Sequence[Brought], context: BuildContext | None) -> bool:
    """Whether a COPY brings nothing but files that the others bring to the same places in the same manner."""
    flags = [flag.text for flag in each.instruction.flags]
    landings = [landing for other in others for landing in other.landings]
    return bool(landings and each.landings) and all(
        (found := provider(landings, landing.target, context)) is not None
        and found[1] == landing.source
        and [flag.text for flag in found[0].instruction.flags] == flags
        for landing in each.landings
    )


def _owner(each: Brought) -> str:
    return each.instruction.flag("chown") or ""


def _share_a_parent(each: Brought, other: Brought) -> bool:
    """Whether a folder above both may not be there yet; the first name below the root is taken to be."""
    return any(zone.split("/")[:3] == place.split("/")[:3] for zone in each.zones for place in other.zones)


def obstacle(stage: Stage, copy: Instruction, passed: Instruction) -> str | None:
    """Why a COPY cannot come after an instruction that is neither RUN nor COPY."""
    if passed.keyword == "WORKDIR":
        before, after = stage.state(copy), stage.state(passed)
        written = after.expand(passed.args, passed.escape)
        same = written is not None and before.workdir is not None and after.resolve(written) == before.workdir
        destination = before.expand(copy.words[-1], copy.escape) or ""
        if destination.startswith("/") or same:
            return None
        return f"its destination is relative, and `{shown_instruction(passed)}` stands between"
    if passed.keyword in ("ENV", "ARG"):
        return f"it has a variable, and `{shown_instruction(passed)}` stands between" if "$" in copy.text else None
    return f"`{shown_instruction(passed)}` stands between"


def _named_paths(stage: Stage, before: Instruction) -> Iterator[tuple[str, str]]:
    """Absolute paths in the values of variables that are in force, with the variable's name."""
    state = stage.state(before)
    for name, value in state.env.items():
        yield from ((name, path) for path in _absolute(value or ""))
    for each in chain.from_iterable(other.instructions for other in stage.lineage):
        if each.keyword == "ENV" and each.index < before.index:
            for setting in settings(each):
                if state.env.get(setting.name) is None:
                    pieces = (state.expand(piece, each.escape) for piece in (setting.value or "").strip('"').split(":"))
                    yield from ((setting.name, path) for piece in pieces for path in _absolute(piece or ""))


def _homes(stage: Stage, before: Instruction) -> Iterator[str]:
    """The homes that the Dockerfile names: in the variable, and where it makes users."""
    state = stage.state(before)
    if home := state.env.get("HOME"):
        yield posixpath.normpath(home)
    if state.user is None or state.user in ROOT:
        return
    for run in (run for each in stage.lineage for run in each.runs if run.instruction.index < before.index):
        for command in run.commands():
            argv = command.argv if command.name in ACCOUNTS else ()
            for option, value in pairwise((*argv, "")):
                name, equals, joined = (option or "").partition("=")
                home = joined if equals else value
                if name in _HOME_OPTIONS and home and home.startswith("/"):
                    yield posixpath.normpath(home)


def _absolute(value: str) -> Iterator[str]:
    for word in value.replace(":", " ").replace("=", " ").replace(",", " ").split():
        if word.startswith("/"):
            yield posixpath.normpath(word)
