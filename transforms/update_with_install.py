"""The package lists are fetched in the RUN that installs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Edit, Options, Phase, Proposal, Refusal, Transform
from optimizer.joining import join_runs
from optimizer.model import Model, Stage
from optimizer.packages.editing import RunEdits, differences
from optimizer.packages.lists import FRESH, events_of, missing
from optimizer.packages.managers import APK, APT, DNF, MICRODNF, PACMAN, TDNF, YUM, ZYPPER, Manager
from optimizer.packages.places import Placed, common, reading_of
from optimizer.packages.updates import own_lists
from optimizer.runs import Run

MANAGERS = (APT, APK, DNF, YUM, MICRODNF, TDNF, ZYPPER, PACMAN)
UPDATES = ("update", "makecache", "refresh", "ref", "pacman")
PASSED = ("ENV", "ARG", "LABEL", "WORKDIR", "EXPOSE", "CMD", "ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL", "MAINTAINER")
"""Instructions that an update may be moved behind: they change nothing that it reads or writes."""


class UpdateWithInstall(Transform):
    r"""Fetch the package lists in the RUN that installs.

    ## What it does
    Joins `RUN apt-get update` (and `apk update`, `zypper refresh`, `dnf makecache`, `pacman -Sy`) with the install that
    follows, also across instructions such as ENV that stand between. An install that finds no lists, because the image
    comes without or because an earlier RUN removed them, gets its own `apt-get update`.

    ## Why
    Apart, the two are cached apart: when only the list of packages changes, the install works with lists of the day on
    which the update was last run, and fails or brings old versions. Without lists it fails always.

    ## Example
    ```dockerfile
    FROM debian:bookworm-slim
    RUN apt-get update
    # the compiler
    RUN apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
    RUN apt-get install -y --no-install-recommends make
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm-slim
    RUN apt-get update && \
        # the compiler
        apt-get install -y --no-install-recommends gcc && \
        rm -rf /var/lib/apt/lists/*
    RUN apt-get update && apt-get install -y --no-install-recommends make
    ```

    ## When it refuses
    - RUN, COPY, ADD, USER, SHELL or VOLUME stands between the update and the install, or the two RUNs cannot be joined;
    - across other instructions: the first RUN does more than the update, or a comment stands inside it;
    - the install has no place for an update: it is in exec form, in a function, behind `||`, or where `set -e` may hold
      or not;
    - it cannot be known whether lists are there: the image is not a known official one, or a script of which nothing is
      known ran before.

    ## Safety
    Safe: the same commands run in the same order (section 2); what is added repairs an install that has no lists
    (section 3.2). Builder stages are treated alike: old lists are wrong there too.
    """

    name = "update_with_install"
    summary = "the package lists are fetched in the RUN that installs"
    phase = Phase.REPAIR

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if not any(program in model.document.text for manager in MANAGERS for program in manager.programs):
            return
        for stage in model.stages:
            yield from self.joins(model, stage)
            yield from self.repairs(model, stage)

    def joins(self, model: Model, stage: Stage) -> Iterator[Proposal]:
        """Updates in a RUN of their own."""
        for run in stage.runs:
            manager = _updates_only(run)
            if manager is None:
                continue
            later = (each for each in stage.runs if each.instruction.index > run.instruction.index)
            install = next((each for each in later if _uses(each, manager)), None)
            if install is None or _updates_first(install, manager):
                continue
            passed = range(run.instruction.index + 1, install.instruction.index)
            between = [each for each in stage.instructions if each.index in passed]
            barrier = next((each for each in between if each.keyword not in PASSED), None)
            if barrier is not None:
                yield self.refuse(
                    run.instruction,
                    f"the update is not brought to the install in line {install.instruction.line}: "
                    f"{barrier.keyword} stands between them in line {barrier.line}",
                    "section 4.1",
                )
            elif between:
                yield self.move(model, run, install, between, manager)
            else:
                chain = _chain(stage, run, install, manager)
                found = join_runs(self, model, chain, _reason(manager), "")
                pair = isinstance(found, Refusal) and len(chain) > 2
                yield join_runs(self, model, chain[:2], _reason(manager), "") if pair else found

    def move(
        self, model: Model, update: Run, install: Run, between: Sequence[Instruction], manager: Manager
    ) -> Proposal:
        """Take the update from its own RUN down to the install, over instructions that do not matter to it."""
        reading, target = reading_of(update), reading_of(install)
        if reading is None or target is None:
            return self.refuse(update.instruction, "the script of the install could not be read", "section 2")
        reason = None
        if len(reading.commands) > 1 or update.form != "shell" or update.instruction.comments:
            reason = "its RUN does more than the update"
        elif install.form == "exec" or not install.editable:
            reason = "the install has no script to put it into"
        elif [flag.text for flag in update.instruction.flags] != [flag.text for flag in install.instruction.flags]:
            reason = "the flags of the two RUNs differ"
        elif passed := next((each for each in between if _matters(update, each)), None):
            reason = f"{passed.keyword} in line {passed.line} may change what it means"
        if reason is None:
            edits = RunEdits(model.document, install, target)
            text = update.text[reading.script.body.items[0].pipeline.start : reading.script.body.items[0].pipeline.end]
            places = [place for place, call in target.calls if call.manager.group == manager.group and call.fetches]
            reason = edits.prepend(common(places, first=True), text)
        if reason is not None:
            where = f"the update is not brought to the install in line {install.instruction.line}"
            return self.refuse(update.instruction, f"{where}: {reason}", "section 2")
        return self.fix(
            update.instruction,
            [*_without(model, update.instruction, install.instruction), *edits.edits],
            _reason(manager),
            "",
            claims=[install.instruction],
            removes=[" ".join(text.split())],
            adds=[" ".join(text.split())],
            scripts=[edits.script],
        )

    def repairs(self, model: Model, stage: Stage) -> Iterator[Proposal]:
        """Installs that find no lists."""
        given = ""
        for need, why in missing(stage, APT):
            if why == given:
                continue  # the update given to an earlier install serves this one too
            if not any(_names_packages(event.place) for event in need.events):
                continue
            own = own_lists(model, need, APT)
            if isinstance(own, str):
                yield self.refuse(need.run.instruction, f"{why}, but {own}", "section 3.2")
                continue
            given = why
            yield self.fix(
                need.run.instruction, own.edits,
                f"{why}, so that the install finds no packages: it gets an update of its own", "",
                paths=["/var/lib/apt/lists/**"], **differences([own]),
            )  # fmt: skip


def _chain(stage: Stage, update: Run, user: Run, manager: Manager) -> Sequence[Run]:
    """An update, what uses its lists, and as long as that is an upgrade, the RUN right behind it that uses them too."""
    chain = [update, user]
    for run in stage.runs:
        if run.instruction.index == chain[-1].instruction.index + 1 and _upgrades_only(chain[-1], manager):
            if not _uses(run, manager):
                break
            chain.append(run)
    return chain


def _matters(update: Run, passed: Instruction) -> bool:
    """Whether an update can mean something else behind an instruction: by a variable, or a path that counts from it."""
    if passed.keyword in ("ENV", "ARG"):
        return "$" in update.text
    words = (word.text for command in update.commands() for word in command.words[1:])
    paths = (part for word in words for part in word.split("=") if not word.startswith("http"))
    return passed.keyword == "WORKDIR" and any("/" in path.lstrip("-") and path[0] != "/" for path in paths if path)


def _reason(manager: Manager) -> str:
    apart = f"the lists of {manager.name} are cached apart from the install"
    return f"{apart}: when only the install changes, it works with old lists"


def _updates_only(run: Run) -> Manager | None:
    """The manager whose lists a RUN fetches, if it installs nothing."""
    if not any(word in run.text for word in UPDATES) or run.form == "exec":
        return None
    reading = reading_of(run)
    calls = [call for _, call in reading.calls if call.manager in MANAGERS] if reading else []
    manager = next((call.manager for call in calls if call.action == "update"), None)
    if manager is None or any(call.action == "install" for call in calls):
        return None
    if manager in (APT, APK) and any(event.kind == "unknown" for event in events_of(run, manager) or ()):
        return None
    return manager


def _uses(run: Run, manager: Manager) -> bool:
    """Whether a RUN installs or upgrades packages of the manager."""
    reading = reading_of(run)
    calls = (call for _, call in reading.calls) if reading else ()
    return any(call.manager.group == manager.group and call.fetches for call in calls)


def _upgrades_only(run: Run, manager: Manager) -> bool:
    """Whether a RUN brings packages up to date and installs none."""
    reading = reading_of(run)
    calls = [call for _, call in reading.calls if call.manager.group == manager.group] if reading else []
    return bool(calls) and not any(call.action == "install" for call in calls)


def _updates_first(run: Run, manager: Manager) -> bool:
    """Whether a RUN fetches the lists itself before it uses them."""
    reading = reading_of(run)
    for _, call in reading.calls if reading else ():
        if call.manager.group == manager.group and call.writes:
            return call.action == "update" or call.has(*FRESH.get(call.manager.name, ()), "-Sy", "-Syu", "-Syyu")
    return False


def _names_packages(place: Placed) -> bool:
    """Whether an install asks for packages by name: files need no lists, and without any it only repairs."""
    call = place.call
    if call is None or call.action != "install":
        return False
    names = [word.text for word in call.arguments if not word.text.startswith("-")]
    return any("/" not in name and not name.endswith(".deb") for name in names)


def _without(model: Model, gone: Instruction, target: Instruction) -> Sequence[Edit]:
    """Take an instruction out of the file; the comments above it go to the target."""
    text, newline = model.document.text, model.document.newline
    start, end = gone.lead, gone.end
    if text[:start].endswith(newline * 2) and text.startswith(newline, end):
        end += len(newline)
    comments = text[gone.lead : gone.start]
    return [Edit(start, end, ""), *([Edit(target.lead, target.lead, comments)] if comments else [])]
