"""From what a language knows of a build to a plan: which of the author's instructions goes to which stage."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from optimizer.document import Instruction
from optimizer.image_tools import BUILDING, UNPACKED_NOT, brought_by, package_of
from optimizer.instructions import health, settings
from optimizer.landing import inside, touch
from optimizer.model import Stage
from optimizer.packages.commands import SHELLS
from optimizer.split import bases, declared, reads
from optimizer.split.concern import Concern
from optimizer.split.kinds import NEUTRAL, SETTLING, SETUP
from optimizer.split.lineage import others
from optimizer.split.obstacles import refusal
from optimizer.split.owner import owner
from optimizer.split.plan import Artifact, Found, Part, Question, Refused, Split
from optimizer.split.setting_up import changes_a_setting, is_nothing, paths_of
from optimizer.split.system import is_removal, is_system, is_update, is_upgrade, packages_of, taken_away
from optimizer.split.view import INITS, STARTS, Call, View, shortened

_MOVED = frozenset({
    "LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "MAINTAINER", "CMD", "ENTRYPOINT", "HEALTHCHECK",
})  # fmt: skip
"""Instructions that say something of the image alone."""
_MERGED = ("/bin", "/lib", "/lib64", "/sbin")
"""Folders that are links into /usr in the distributions of today."""
_DEVELOPING = frozenset({"dev", "devel", "develop", "development", "debug", "test", "tests", "testing", "ci", "lint"})
"""What the name of a stage has in it whose image is not there to run the program alone."""
_WORDS = re.compile(r"[-_.]")
_SYSTEM = ("/bin", "/etc", "/lib", "/sbin", "/usr/bin", "/usr/lib", "/usr/share", "/var/lib")
"""Where files may lie that decide what an install does."""
_NAMES = ("build", "builder", "build-stage", "compile")


def plan(view: View, found: Found, final: Stage) -> Split | Refused | None:
    """Decide about each instruction; None where nothing would be left behind."""
    found = replace(found, last=_with_cleaning(view, found.last))
    whose = owner(view, found)
    if refused := refusal(view, found) or (whose if isinstance(whose, Refused) else None):
        return refused
    found = replace(found, artifacts=tuple(each._replace(owner=str(whose)) for each in _outermost(found.artifacts)))
    return _Planning(view, found, final).split()


def _outermost(artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Those that do not come with another one."""
    whole = [each for each in artifacts if each.path == each.target]
    return [
        each
        for each in artifacts
        if each not in whole or not any(other.path != each.path and inside(each.path, other.path) for other in whole)
    ]


def _with_cleaning(view: View, last: Instruction) -> Instruction:
    """The last of the RUNs that follow the build directly and only take away what it needed."""
    for each in view.stage.instructions:
        if each.index <= last.index:
            continue
        calls = view.of(each)
        removes = any(is_removal(call) or call.name == "rm" for call in calls)
        if each.keyword != "RUN" or not removes or not all(is_removal(call) or call.name in NEUTRAL for call in calls):
            break
        last = each
    return last


@dataclass
class _Planning:
    """One plan in the making."""

    view: View
    found: Found
    final: Stage
    parts: dict[int, Part] = field(default_factory=dict)
    setup: dict[int, tuple[str, ...]] = field(default_factory=dict)
    equipped: set[int] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)

    @cached_property
    def concern(self) -> Concern:
        """What the commands of the build work on."""
        return Concern(self.view, self.found, self.parts)

    @cached_property
    def seen(self) -> reads.Reads:
        """What the program is seen to call and to read."""
        calls = [call for call in self.view.calls if call.instruction.index > self.found.last.index]
        return reads.seen(self.view, calls)

    def ask(self, slimmed: bool) -> None:
        """Note what of that cannot be answered."""
        self.questions += self.seen.questions
        if slimmed:
            found = [each for each in self.seen.of_system if not self.is_brought(each.path)]
            self.questions += (
                Question(f"whether {self.found.base} has {each.path}, which {each.where} reads") for each in found[:3]
            )
            self.questions += (
                Question(f"whether {self.found.base} has the library {each.path}, which {each.where} loads")
                for each in self.seen.loaded[:3]
            )

    def is_brought(self, path: str) -> bool:
        """Whether a file of the image comes with the artifacts, or from the build context."""
        taken = any(inside(path, artifact.target) for artifact in self.found.artifacts)
        return taken or self.view.path_in_context(path) is not None

    @property
    def early(self) -> tuple[Instruction, ...]:
        return tuple(each for each in self.view.stage.instructions if each.index <= self.found.last.index)

    @property
    def late(self) -> tuple[Instruction, ...]:
        return tuple(each for each in self.view.stage.instructions if each.index > self.found.last.index)

    def for_developing(self) -> Refused | None:
        """Why an image keeps what builds that has it on purpose."""
        words = _WORDS.split(self.final.name or "")
        if _DEVELOPING.isdisjoint(words):
            return None
        return Refused(self.final.origin, f"by its name ({self.final.name}) the image is there to work on the program")

    @property
    def ends(self) -> Stage:
        """The stage in which the build ends."""
        return next(each for each in self.final.lineage if each.origin.index < self.found.last.index)

    def split(self) -> Split | Refused | None:
        if not self.may_leave_anything():
            return self.nothing()  # to read the program's sources takes long
        parts = self.parts
        for each in self.early:
            part = self.part(each)
            if isinstance(part, Refused):
                return part
            # What stands in a stage before the final one is of that stage as well, and stays there.
            shared = part is Part.RUNTIME and each.index < self.final.origin.index
            parts[each.index] = Part.BOTH if shared else part
        called = self.called()
        if isinstance(called, Refused):
            return called
        names, tools = called
        early = [call for call in self.view.calls if call.instruction.index <= self.found.last.index]
        packages = packages_of(self.view, early, self.found, names, tools)
        if isinstance(packages, Refused):
            return packages
        for call in self.view.calls:
            if call.instruction.index > self.found.last.index and (reason := self.missing(call, packages.left, parts)):
                return Refused(call.instruction, reason)
        stay = packages.stay
        if self.found.bare and self.runs_nothing(parts) and (stay is None or bases.BARE.issuperset(stay.names)):
            self.found, stay = replace(self.found, base=self.found.bare), None
        stay = stay and stay._replace(before=self.first_copy(stay.at, parts))
        slimmed = self.found.base != self.view.stage.origin.words[0]
        leaves = [
            *packages.left,
            *self.found.packages,
            *self.found.leaves,
            *([f"what {self.view.stage.base} has more"] if slimmed else []),
        ]
        if not packages.left and not slimmed and not self.found.packages:
            return self.nothing()  # sources and caches alone are better removed where they are made
        if not any((packages.left, self.found.packages, self.found.leaves)) and bases.suffices_slim(self.view):
            reason = (
                f"nothing but {self.view.stage.base} would be left behind, and the build can do with the slim image"
            )
            return Refused(self.view.stage.origin, f"{reason} (slim_base)")
        if refused := self.needed_by_others() or self.for_developing():
            return refused
        questions = (*self.found.questions, *packages.questions, *self.questions)
        if self.view.context is None:
            questions += (Question("what the program reads and calls when it runs: there is no build context"),)
        found = self.found
        return Split(
            self.view.stage, self.final, self.builder(), found.base, found.last, parts, self.setup, found.prepare,
            found.finish, found.environment, stay, found.artifacts, found.after, questions, tuple(leaves),
            (*found.sources, *self.left_copies(parts)),
            (*found.gone, *declared.packages(packages.left), *(UNPACKED_NOT if slimmed else ())),
            frozenset(self.equipped),
        )  # fmt: skip

    def may_leave_anything(self) -> bool:
        """Whether there are packages to leave behind, or a smaller base."""
        if self.found.packages:
            return True
        installs = (call for call in self.view.calls if call.instruction.index <= self.found.last.index)
        smaller = self.found.base != self.view.stage.origin.words[0]
        return smaller or any(is_system(call) and call.subcommand not in ("update", "clean") for call in installs)

    def nothing(self) -> Refused | None:
        """Why nothing is left behind where the image of the build may have more than the program needs."""
        base = self.view.stage.base
        return Refused(self.view.stage.origin, f"no slim variant of {base} is known") if bases.is_full(base) else None

    def runs_nothing(self, parts: Mapping[int, Part]) -> bool:
        """Whether the final stage runs no command, and the image starts with no shell."""
        kept = [*self.late, *(each for each in self.early if parts[each.index] is not Part.BUILD)]
        shells = any(call.name in (*SHELLS, *INITS) for call in self.view.starts)
        forms = {
            health(each).exec_form if each.keyword == "HEALTHCHECK" else each.exec_form
            for each in kept if each.keyword in STARTS
        }  # fmt: skip
        return not shells and None not in forms and not self.setup and all(each.keyword != "RUN" for each in kept)

    def first_copy(self, install: Instruction, parts: Mapping[int, Part]) -> Instruction | None:
        """The first of the files directly in front of an install, which is not done again for a change of them."""
        found = None
        for each in reversed([each for each in self.early if each.index < install.index]):
            if parts[each.index] is Part.BUILD and each.index not in self.setup:
                continue
            if each.keyword in ("COPY", "ADD"):
                if any(touch(zone, folder) for zone in self.view.brought[each.index].zones for folder in _SYSTEM):
                    break
                found = each
            elif each.keyword not in _MOVED and each.keyword != "WORKDIR":
                break
        return found

    def left_copies(self, parts: Mapping[int, Part]) -> Iterator[str]:
        """What is copied for the build alone; /bin and the like may be links into /usr."""
        for index, part in parts.items():
            if part is Part.BUILD and index in self.view.brought:
                for zone in self.view.brought[index].zones:
                    yield zone
                    yield from (f"/usr{zone}" for folder in _MERGED if inside(zone, folder))

    def needed_by_others(self) -> Refused | None:
        """Why a stage before the final one must stay as it is, where the build would be another one there."""
        behind = self.found.last.index + 1
        changed = [*self.found.prepare, *([behind] if self.found.finish else [])]
        named = self.view.model.find_stage(self.ends.name or "", self.final.index)
        if self.ends is not self.final and named is not self.ends:
            return Refused(self.final.origin, f"another stage is called {self.ends.name}, too")
        for stage in self.final.lineage:
            first, past = stage.origin.index, stage.origin.index + len(stage.instructions) + 1
            if stage is self.final or not any(first < index <= past for index in changed):
                continue
            if reason := others(self.view.model, stage, self.final):
                return Refused(stage.origin, f"it would be built in another way, and {reason}")
        return None

    def builder(self) -> str:
        """The name of the stage before the final one in which the build ends, or a free name for a new one."""
        if self.ends is not self.final:
            return self.ends.origin.words[2]
        taken = {stage.name for stage in self.view.model.stages}
        more = (f"build-{number}" for number in range(2, len(taken) + 3))
        return next(name for name in (*_NAMES, *more) if name not in taken)

    def part(self, each: Instruction) -> Part | Refused:
        keyword = each.keyword
        if keyword in _MOVED:
            return Part.RUNTIME
        if keyword in ("ENV", "SHELL", "WORKDIR", "USER"):
            return Part.BOTH
        if keyword == "ARG":
            return Part.BOTH if self.is_used_later(each) else Part.BUILD
        if keyword == "RUN":
            return self.run(each)
        return self.copy(each)

    def is_used_later(self, argument: Instruction) -> bool:
        names = [setting.name for setting in settings(argument)]
        texts = [each for each in (*self.early, *self.late) if each.index > argument.index]
        shared = [each for each in texts if each.index > self.found.last.index or each.keyword not in ("RUN", "ARG")]
        return any(self.view.mentions(f"${left}{name}", shared) for name in names for left in ("", "{"))

    def run(self, each: Instruction) -> Part | Refused:
        calls = [(number, call) for number, call in enumerate(self.view.calls) if call.instruction is each]
        builds = repeated = False
        upgrades = self.brings_up_to_date([call for _, call in calls])
        setup: list[Call] = []
        for number, call in calls:
            if upgrades and (is_upgrade(call) or is_update(call) or "/var/lib/apt/lists" in call.text):
                repeated = True
                setup.append(call)
            elif number in self.found.build or is_system(call):
                builds = True
            elif (
                number in self.found.repeated
                or call.name in SETTLING
                or changes_a_setting(call)
                or self.concern.removes_what_comes_again(call)
            ):
                repeated = True
                setup.append(call)
            elif call.name in SETUP:
                if call.name in ("chown", "chgrp") and self.concern.is_taken(call) and not self.concern.is_given(call):
                    return Refused(each, f"`{shortened(call.text)}` gives an owner that does not come along")
                setup.append(call)
            elif self.concern.leaves_something(call):
                return Refused(each, f"what `{shortened(call.text)}` leaves in the image is not known")
            elif any(redirect.op.startswith(">") and not is_nothing(call) for redirect in call.command.redirects):
                return Refused(each, f"`{shortened(call.text)}` writes a file, and what reads it is not known")
        wanted = [call for call in setup if not self.concern.is_about_build(call)]
        if lost := next((call for call in wanted if self.concern.links_to_build(call)), None):
            return Refused(each, f"`{shortened(lost.text)}` links to what only the build has")
        if not wanted:
            return Part.BUILD
        if not builds and len(wanted) == len(setup):
            used = repeated or any(
                self.view.mentions(word, self.early[self.early.index(each) + 1 :]) for word in paths_of(wanted)
            )
            return Part.BOTH if used else Part.RUNTIME
        if not all(call.certain for call in wanted):
            return Refused(
                each, f"`{shortened(wanted[0].text)}` is needed when the program runs, too, and is no link of a chain"
            )
        self.setup[each.index] = tuple(call.text for call in wanted)
        installed = next((number for number, call in calls if is_system(call) and call not in wanted), None)
        if installed is not None and not upgrades and any(at > installed for at, call in calls if call in wanted):
            self.equipped.add(each.index)
        return Part.BUILD

    def brings_up_to_date(self, calls: Sequence[Call]) -> bool:
        """Whether a RUN upgrades the base image, or fetches the lists that an install behind the build relies on."""
        alone = all(is_update(call) or call.name in NEUTRAL for call in calls)
        relied = alone and any(is_update(call) for call in calls) and any(map(self.relies, self.view.calls))
        return relied or any(map(is_upgrade, calls))

    def relies(self, call: Call) -> bool:
        """Whether a call behind the build installs with lists that another RUN has fetched."""
        if call.instruction.index <= self.found.last.index or call.package is None or not is_system(call):
            return False
        own = any(map(is_update, self.view.of(call.instruction)))
        return call.package.action == "install" and call.package.manager.name == "apt" and not own

    def copy(self, each: Instruction) -> Part | Refused:
        brought = self.view.brought[each.index]
        covered = (*self.found.sources, *(artifact.path for artifact in self.found.artifacts))
        if all(any(inside(zone, folder) for folder in covered) for zone in brought.zones):
            return Part.BUILD
        names = [posixpath.basename(word.rstrip("/")) for word in each.words[:-1]]
        opened = {posixpath.basename(each.path.rstrip("/")) for each in self.seen.opened}
        if not brought.broad and all(name in self.found.manifests - opened for name in names):
            return Part.BUILD
        behind = self.early[self.early.index(each) + 1 :]
        workdirs = {call.workdir for number, call in enumerate(self.view.calls) if number in self.found.build}
        beside = any(posixpath.dirname(zone) in workdirs or zone in workdirs for zone in brought.zones)
        used = beside or brought.broad or not brought.known or any(self.view.mentions(name, behind) for name in names)
        return Part.BOTH if used else Part.RUNTIME

    def called(self) -> tuple[frozenset[str], tuple[str, ...]] | Refused:
        """The programs that are called when the build is over, and the packages that bring them to a smaller base."""
        slimmed = self.found.base != self.view.stage.origin.words[0]
        has = bases.has(self.found.base) if slimmed else None
        names: set[str] = set()
        tools: dict[str, None] = dict.fromkeys(self.found.brings)
        self.ask(slimmed)
        for program in self.seen.called:
            names.add(program.name)
            package = package_of(program.name)
            if has is None or package is None or program.name in has.commands or package in has.packages:
                continue
            if package in BUILDING:
                return Refused(program.at, f"{program.where} calls {program.name}, which the final stage would lack")
            tools[package] = None
        return frozenset(names), tuple(tools)

    def missing(self, call: Call, left: tuple[str, ...], parts: Mapping[int, Part]) -> str | None:
        """Why a command behind the build needs what the build leaves behind."""
        package = package_of(call.program)
        if package and any(package == name or package in brought_by(name) for name in left):
            return f"`{shortened(call.text)}` behind the build needs {package}"
        if gone := sorted(taken_away(call, self.view.calls).intersection(left)):
            return f"`{shortened(call.text)}` behind the build takes {gone[0]} away, which the final stage would lack"
        fetched = (each.instruction.index for each in self.view.calls if is_update(each))
        if self.relies(call) and not any(parts.get(index, Part.BUILD) is not Part.BUILD for index in fetched):
            return f"`{shortened(call.text)}` relies on package lists that the build has fetched"
        return None
