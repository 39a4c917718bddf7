"""What package managers keep for later is removed in the RUN that fetched it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Transform
from optimizer.model import Model, Stage, State
from optimizer.packages import caches, versions
from optimizer.packages.editing import RunEdits, differences
from optimizer.packages.lists import events_of, relying
from optimizer.packages.managers import APK, APT, LEFT_ALONE, MANAGERS, Commands, Flag, Manager
from optimizer.packages.mounted import without_cleaning
from optimizer.packages.places import Placed, Reading, reading_of
from optimizer.packages.reading import PackageCommand
from optimizer.packages.updates import own_lists
from optimizer.packages.wanted import wanted
from optimizer.runs import Run

_MENTIONS = (*{program for manager in MANAGERS for program in manager.programs}, *map(" ".join, LEFT_ALONE))
INDEX_REMOVAL = "rm -rf /var/cache/apk/*"
"""For an index that has to be there while the RUN runs."""
_INDEX_OPTIONS = frozenset({"--update", "--update-cache", "-U"})


class CleanPackageCaches(Transform):
    """Remove what package managers keep for later, in the RUN that fetched it.

    ## What it does
    Puts the cleaning of each package manager behind its last install in a RUN, or a flag into the install by which
    nothing is kept: `rm -rf /var/lib/apt/lists/*`, `apk add --no-cache`, `dnf clean all`, `pip install --no-cache-dir`,
    `npm cache clean --force`, `conda clean -afy`, and so on for yum, microdnf, tdnf, zypper, pacman, pipx, uv, yarn,
    pnpm, mamba, gem and composer. An install further down that relied on apt's package lists gets its own
    `apt-get update`. Where a cache mount holds the cache, it takes the cleaning out instead.

    ## Why
    A layer keeps what its RUN leaves behind. Package lists, downloaded archives and caches are of no use in the image,
    and a later RUN cannot take them out of the layer any more.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    RUN apt-get update && apt-get install -y --no-install-recommends gcc
    COPY requirements.txt .
    RUN pip install -r requirements.txt
    RUN apt-get install -y --no-install-recommends git
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    RUN apt-get update && apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
    COPY requirements.txt .
    RUN pip install --no-cache-dir -r requirements.txt
    RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
    ```

    ## When it refuses
    - the stage is a builder from which only `COPY --from` takes files: its layers are not shipped;
    - the lists would be missing later: a command of which nothing is known may install packages, an ONBUILD trigger or
      the running container may, or the later install cannot be given an update;
    - something else wants it: a later command, another stage, a script that the image starts, or it is what an earlier
      COPY has put there for the install to use;
    - there is no place for the cleaning: the install runs in the background, in a function, in a command substitution,
      in a string given to a shell, or where `set -e` may hold or not;
    - the manager may not know the flag or may need what is cleaned: pip before 6, conda before 4.6, a later install
      with `--offline`, and yarn where it may be version 2, which can run the program from its cache;
    - the script could not be read, or is in exec form.

    ## Safety
    Safe: the image loses nothing but the caches named (section 3.1, section 3.7). Every later install is checked
    (section 3.2), a cache mount is never emptied (section 3.3), the cleaning runs only after success and leaves the
    RUN's exit status as it was (section 3.4). Whatever cleaning the author has written stays as it is.
    """

    name = "clean_package_caches"
    summary = "what package managers keep for later is removed in the RUN that fetched it"
    phase = Phase.CLEAN
    hadolint = ("DL3009", "DL3019", "DL3032", "DL3036", "DL3040", "DL3042", "DL3060")

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if not any(name in model.document.text for name in _MENTIONS):
            return
        for stage in model.stages:
            for run in stage.runs:
                if any(name in run.text for name in _MENTIONS):
                    yield from _Cleaning(self, model, context, stage, run).proposals()
            for instruction in stage.instructions:
                sub = instruction.sub
                if sub and sub.keyword == "RUN" and any(name in sub.args for name in _MENTIONS):
                    reason = "an ONBUILD trigger cleans up in another build, or not at all"
                    yield self.refuse(instruction, reason, "section 3.1")


class _Cleaning:
    """The proposals for one RUN."""

    def __init__(
        self, transform: Transform, model: Model, context: BuildContext | None, stage: Stage, run: Run
    ) -> None:
        self.transform = transform
        self.model = model
        self.context = context
        self.stage = stage
        self.run = run
        self.state: State = stage.state(run.instruction)
        self.home = caches.home_of(self.state)

    def refuse(self, reason: str, paragraph: str = "section 3.4") -> Proposal:
        return self.transform.refuse(self.run.instruction, reason, paragraph)

    def proposals(self) -> Iterator[Proposal]:
        reading = reading_of(self.run)
        if reading is None:
            if "install" in self.run.text:
                yield self.refuse("its script could not be read, so it is not cleaned up", "section 2")
            return
        if any(mount.get("type") == "cache" for mount in self.run.mounts):
            edits, kept = without_cleaning(self.model.document, self.run, reading, self.home)
            yield from (self.refuse(reason, "section 3.3") for reason in kept)
            if edits.changed:
                reason = "the cache is mounted and no part of the layer: cleaned or not used, the mount is of no use"
                saves = "downloads in later builds"
                yield self.transform.fix(self.run.instruction, edits.edits, reason, saves, **differences([edits]))
        groups = self.to_clean(reading)
        if self.model.ships(self.stage):
            yield from (self.refuse(reason, "section 3.8") for reason in caches.left_alone(reading))
            for manager in caches.in_strings(reading):
                yield self.refuse(f"the layer keeps {manager.keeps}: the install stands in a string given to a shell")
            if not self.run.whole_heredoc and any("install" in each.content for each in self.run.instruction.heredocs):
                yield self.refuse("what stands in a heredoc that is given to a program is not cleaned up")
        if not groups:
            return
        keeps = caches.joined(group[-1][1].manager.keeps for group in groups)
        if not self.model.ships(self.stage):
            reason = f"the layer keeps {keeps}, but it is one of a builder stage and not shipped"
            yield self.refuse(reason, "section 3.1")
            return
        if self.run.form == "exec" or not self.run.editable:
            yield self.refuse("a RUN in this form has no script to put the cleaning into", "section 2")
            return
        edits = RunEdits(self.model.document, self.run, reading)
        done: list[Manager] = []
        later: list[RunEdits] = []
        for group in groups:
            manager = group[-1][1].manager
            if whose := wanted(self.model, self.stage, self.run, reading, manager, self.home, self.context):
                yield self.refuse(f"the layer keeps {manager.keeps}: {whose}", "section 3.8")
                continue
            found = self.clean(edits, reading, group)
            if isinstance(found, str):
                paragraph = "section 3.2" if manager in (APT, APK) else "section 3.4"
                yield self.refuse(f"the layer keeps {manager.keeps}: {found}", paragraph)
            else:
                done.append(manager)
                later += found
        if done:
            yield self.fix(edits, done, later)

    def to_clean(self, reading: Reading) -> list[list[tuple[Placed, PackageCommand]]]:
        """The calls that leave a cache in the layer, by the cache, in the order of the last one of each."""
        caching: dict[str, list[tuple[Placed, PackageCommand]]] = {}
        for place, call in reading.calls:
            if call.writes:
                caching.setdefault(call.manager.group, []).append((place, call))
        groups = []
        for group in caching.values():
            place, call = group[-1]
            manager = call.manager
            if caches.may_be_mounted(self.run, manager, self.home) or caches.switched(self.run, self.state, manager):
                continue
            if caches.cleaned(reading, place, manager):
                continue
            if isinstance(manager.cleaning, Commands):
                if any(other.has(*manager.cleaning.same) for _, other in group):
                    continue
                if manager is APT and not self.of_kind("update"):
                    continue
                if not any(other.fetches for _, other in group):
                    continue
            elif not any(self.needs_flag(other) for _, other in group) and not _updates_for_nothing(group):
                continue
            groups.append(group)
        return sorted(groups, key=lambda group: group[-1][0].command.start)

    def of_kind(self, *kinds: str) -> list[Placed]:
        """The commands that mean this for the package lists; unknown scripts may install through any system manager."""
        return [event.place for event in events_of(self.run, APT) or () if event.kind in kinds]

    def needs_flag(self, call: PackageCommand) -> bool:
        flag = call.manager.cleaning
        return isinstance(flag, Flag) and call.fetches and not call.has(flag.text.partition("=")[0], *flag.same)

    def clean(
        self, edits: RunEdits, reading: Reading, group: Sequence[tuple[Placed, PackageCommand]]
    ) -> list[RunEdits] | str:
        """Put the cleaning of one manager into the edits: what later RUNs need then, or why it is not done."""
        calls = [call for _, call in group]
        manager = calls[-1].manager
        obstacle = versions.obstacle(manager, calls, self.model, self.stage, self.run, self.context)
        if obstacle and manager is not APK:
            return obstacle
        if manager in (APT, APK):
            later: list[RunEdits] = []
            for need in relying(self.model, self.stage, self.run, manager):
                own = need if isinstance(need, str) else own_lists(self.model, need, manager)
                if isinstance(own, str):
                    return own
                later.append(own)
            looks = [place for place, call in reading.calls if call.manager is APK and call.action == "look"]
            reason = self.apt(edits, reading) if manager is APT else self.apk(edits, group, looks, obstacle)
            return reason or later
        if isinstance(manager.cleaning, Flag):
            for call in filter(self.needs_flag, calls):
                flag = call.manager.cleaning
                assert isinstance(flag, Flag)
                edits.insert(call.words[call.subcommand], flag.text)
            return []
        if name := _elsewhere(calls):
            return f"{name} in front of the install says where it lies, and not to what would clean it"
        commands = [self.command(text, calls[-1]) for text in manager.cleaning.texts]
        unknown = self.of_kind("unknown") if manager.of_system else []
        return edits.append([*(place for place, _ in group), *unknown], commands) or []

    def command(self, text: str, call: PackageCommand) -> str:
        runner = call.runner if text.startswith("{program}") else call.sudo
        return f"{runner} {text.format(program=call.program_text)}".strip()

    def apt(self, edits: RunEdits, reading: Reading) -> str | None:
        places = [place for place, call in reading.calls if call.manager is APT]
        places += self.of_kind("update", "use", "unknown")
        assert isinstance(APT.cleaning, Commands)
        last = max(places, key=lambda place: place.command.start)
        installs = [call for _, call in reading.calls if call.manager is APT and call.action != "clean"]
        text = f"{installs[-1].sudo} {APT.cleaning.texts[0]}".strip()
        pretends = last.call is not None and last.call.action == "clean" and caches.is_dry_run(last.call)
        if pretends and len(last.pipeline.commands) == 1 and last.steps[-1].item.connector != "||":
            edits.replace(last.command.start, last.command.end, text)
            return None
        return edits.append(places, [text])

    def apk(
        self,
        edits: RunEdits,
        group: Sequence[tuple[Placed, PackageCommand]],
        looks: Sequence[Placed],
        obstacle: str | None,
    ) -> str | None:
        updates = [place.steps[-1] for place, call in group if call.action == "update"]
        index_needed = obstacle or looks or (updates and self.of_kind("unknown")) or edits.remove(updates)
        if index_needed:
            places = [*(place for place, _ in group), *looks]
            return edits.append(places, [f"{group[-1][1].sudo} {INDEX_REMOVAL}".strip()])
        for call in (call for _, call in group if self.needs_flag(call)):
            option = next((word for word in call.words if word.literal in _INDEX_OPTIONS), None)
            if option is None:
                edits.insert(call.words[call.subcommand], "--no-cache")
            else:
                edits.replace(option.start, option.end, "--no-cache")
        return None

    def fix(self, edits: RunEdits, done: Sequence[Manager], later: Sequence[RunEdits]) -> Proposal:
        keeps = caches.joined(manager.keeps for manager in done)
        reason = f"the layer keeps {keeps}, which nothing in the image needs"
        changes = [edits, *later]
        if later:
            lines = caches.joined(str(change.run.instruction.line) for change in later)
            reason += f"; what relied on them later (line {lines}) gets its own"
        return self.transform.fix(
            self.run.instruction,
            [edit for change in changes for edit in change.edits],
            reason,
            keeps,
            claims=[change.run.instruction for change in changes],
            paths=[path for manager in done for path in caches.image_paths(manager, self.home)],
            **differences(changes),
        )


def _elsewhere(calls: Sequence[PackageCommand]) -> str | None:
    """A variable set for an install alone by which its cache may lie in another place: ``HOME=/ composer install``."""
    for call in calls:
        words = (word.text.partition("=")[0] for word in call.words[: call.program] if "=" in word.text)
        names = (*(assignment.name for assignment in call.command.assignments), *words)
        found = next((name for name in names if any(part in name.upper() for part in ("HOME", "CACHE"))), None)
        if found:
            return found
    return None


def _updates_for_nothing(group: Sequence[tuple[Placed, PackageCommand]]) -> bool:
    """Whether an index is fetched and kept although every install fetches its own (``apk add --no-cache``)."""
    return any(call.action == "update" for _, call in group) and any(call.fetches for _, call in group)
