"""What tools have fetched is kept from build to build, in cache mounts."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from optimizer.checks import instruction_text
from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.landing import brought, touch
from optimizer.model import Model, Stage
from optimizer.packages import caches, versions
from optimizer.packages.editing import RunEdits, differences
from optimizer.packages.lists import relying
from optimizer.packages.managers import APK, APT, PIP
from optimizer.packages.managers import MANAGERS as ALL_MANAGERS
from optimizer.packages.mounted import without_cleaning
from optimizer.packages.mounting import emptied, flag_edits, knows_mounts, reads
from optimizer.packages.places import Reading, reading, reading_of
from optimizer.packages.stores import STORES, Call, Store, call_of, targets
from optimizer.runs import Run
from optimizer.words import Flag

_PROGRAMS = tuple({program for store in STORES for program in store.programs})
MANAGERS = {manager.name: manager for manager in ALL_MANAGERS}
_DOCKER_CLEAN = "/etc/apt/apt.conf.d/docker-clean"


class CacheMounts(Transform):
    r"""Keep downloads from build to build, in cache mounts of the builder.

    ## What it does
    Gives a RUN that fetches packages, or compiles with a cache, a `--mount=type=cache` for each folder in which its
    tool keeps them: apt, apk, dnf, pip, uv, poetry, npm, yarn, pnpm, composer, bundler, go, cargo, maven, gradle and
    nuget. What cleaned that folder goes away at the same time. For apt it removes `docker-clean`, by which Debian's
    images throw packages away; for dnf and uv it adds the option without which the cache is of no use.

    It runs only when it is named: with `--select` or `--enable cache_mounts`, or `enable = ["cache_mounts"]` in the
    settings.

    ## Why
    When a RUN has to be built again because one package was added, its tool fetches all of them again. In a cache mount
    they are still there, and they are no part of the image. On a machine that starts without the mount, as the workers
    of many CI services do, it saves nothing: that is why it has to be asked for.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    RUN apt-get update && apt-get install -y --no-install-recommends gcc && rm -rf /var/lib/apt/lists/*
    COPY requirements.txt .
    RUN pip install --no-cache-dir -r requirements.txt
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
        --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
        rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update && apt-get install -y --no-install-recommends gcc
    COPY requirements.txt .
    RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt
    ```

    ## When it refuses
    - the home of the user is not known, or the user is not root, to whom a mount belongs;
    - a variable switches the cache off or puts it elsewhere;
    - a cleaning that would empty the mount cannot be taken out;
    - something later needs what is in the folder and may find it empty: the package lists of apt, an install without
      the network, a build that reads modules and gets no mount of its own, a COPY out of the folder;
    - go, cargo, maven, gradle and nuget in a stage that is shipped: the program may read them when it runs. The folder
      `target` of cargo gets no mount at all, for what is built there would be gone with it;
    - the file names a frontend (`# syntax=`) that does not know cache mounts.

    ## Safety
    Suggested: it needs BuildKit, Podman or Buildah (the classic builder and kaniko refuse the flag), and what it saves
    depends on where the builds run. The packages are the same; the image loses only what the tools keep for later
    (section 3.3).
    """

    name = "cache_mounts"
    summary = "downloads are kept from build to build, in cache mounts"
    phase = Phase.CLEAN
    safety = Safety.SUGGESTED
    opt_in = True

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if not any(name in model.document.text for name in _PROGRAMS):
            return
        for stage in model.stages:
            for run in stage.runs:
                if any(name in run.text for name in _PROGRAMS):
                    yield from _Mounting(self, model, context, stage, run).proposals()


class _Mounting:
    """The proposals for one RUN."""

    def __init__(
        self, transform: Transform, model: Model, context: BuildContext | None, stage: Stage, run: Run
    ) -> None:
        self.transform = transform
        self.model = model
        self.context = context
        self.stage = stage
        self.run = run
        self.state = stage.state(run.instruction)

    def refuse(self, store: Store, reason: str, paragraph: str = "section 3.3") -> Proposal:
        return self.transform.refuse(self.run.instruction, f"{store.name} gets no cache mount: {reason}", paragraph)

    def proposals(self) -> Iterator[Proposal]:
        found = reading_of(self.run)
        if found is None:
            return
        filling: dict[str, list[Call]] = {}
        for place in found.commands:
            call = call_of(place)
            if call is not None and call.fills and not call.has(call.store.offline):
                filling.setdefault(call.store.name, []).append(call)
        mounts: dict[Store, list[str]] = {}
        for calls in filling.values():
            store = calls[0].store
            where = targets(store, self.stage, self.state)
            if self.is_mounted(store.targets if isinstance(where, str) else where):
                continue
            if isinstance(where, str):
                yield self.refuse(store, where)
            elif reason := self.obstacle(store, where, calls, found):
                yield self.refuse(store, reason)
            else:
                mounts[store] = where
        if mounts:
            yield self.mounted(mounts, found, [call for each in filling.values() for call in each])

    def is_mounted(self, where: Sequence[str]) -> bool:
        """Whether the author has mounted something there, or may have."""
        places = [mount.get("target", "") for mount in self.run.mounts if mount.get("type") in ("cache", "tmpfs")]
        fixed = [target.replace("~", "/root").rpartition("}")[2] for target in where]
        return any("$" in place or place.endswith(end) or touch(place, end) for place in places for end in fixed)

    def obstacle(self, store: Store, where: Sequence[str], calls: Sequence[Call], found: Reading) -> str | None:
        """Why the store may not be mounted, or must not be."""
        syntax = next((each.value for each in self.model.document.directives if each.name == "syntax"), "")
        if syntax and not knows_mounts(syntax):
            return f"the frontend {syntax} may not know cache mounts: docker/dockerfile:1 does"
        texts = {*self.state.env, *(word.text for place in found.commands for word in place.command.words)}
        texts |= {each.name for place in found.commands for each in place.command.assignments}
        named = (name for name in sorted(store.moved) if any(text.upper().startswith(name.upper()) for text in texts))
        if name := next(named, None):
            return f"{name} decides about its cache"
        if any(each.place.call is not None and each.place.call.runner and "~" in store.targets[0] for each in calls):
            return "another user runs it"
        return self.touched(where) or self.later(store, calls)

    def touched(self, where: Sequence[str]) -> str | None:
        """Which instruction puts files into the folders, or takes some out."""
        for copy in brought(self.stage, self.context).values():
            if any(zone != "/" and touch(zone, target) for zone in copy.zones for target in where):
                return f"line {copy.instruction.line} copies files to where the mount would be"
        for source in self.model.sources:
            if source.origin is not self.stage or source.instruction.keyword != "COPY":
                continue
            taken = [posixpath.normpath(f"/{word.lstrip('/')}") for word in source.instruction.words[:-1]]
            if any(touch(path, target) for path in taken for target in where):
                return f"line {source.instruction.line} copies out of it"
        return None

    def later(self, store: Store, calls: Sequence[Call]) -> str | None:
        """What needs the folder's content behind this RUN, and would find none."""
        manager = MANAGERS.get(store.name)
        if manager in (APT, APK):
            for need in relying(self.model, self.stage, self.run, manager):
                return need if isinstance(need, str) else f"line {need.run.instruction.line} may need what it leaves"
        elif manager is not None and manager is not PIP:
            packages = [call.place.call for call in calls if call.place.call is not None]
            if reason := versions.obstacle(manager, packages, self.model, self.stage, self.run, self.context):
                return reason
        if not store.read_later:
            return None
        if self.model.ships(self.stage):
            return f"the {store.keeps} may be read when the image runs: build in a stage of its own"
        for each in (*self.stage.lineage, *self.model.descendants(self.stage)):
            for run in each.runs:
                if run.instruction.index > self.run.instruction.index and (reason := reads(run, store)):
                    return reason
        return None

    def mounted(self, mounts: Mapping[Store, Sequence[str]], found: Reading, calls: Sequence[Call]) -> Proposal:
        """The fix, or the refusal where the script cannot go with the mounts."""
        at = self.run.instruction
        flags = [
            f"--mount=type=cache,target={target}{',sharing=locked' if store.locked else ''}"
            for store, where in mounts.items()
            for target in where
        ]
        places = [target for where in mounts.values() for target in where]
        flagged = replace(at, flags=(*at.flags, *(Flag(text, 0, 0) for text in flags)))
        home = caches.home_of(self.state)
        edits, kept = without_cleaning(self.model.document, Run(flagged, self.run.shell), found, home)
        problem = kept[0] if kept else self.prepare(edits, [call for call in calls if call.store in mounts])
        script = reading(edits.script, self.run.shell) if edits.changed else found
        if reason := problem or emptied(script, mounts, places, home):
            return self.refuse(next(iter(mounts)), reason)
        readable = self.run.parsed is not None
        return self.transform.fix(
            at,
            [*flag_edits(self.model.document, self.run, flags), *(edits.edits if edits.changed else ())],
            f"built again, the RUN fetches everything anew: a cache mount keeps the "
            f"{caches.joined(store.keeps for store in mounts)} of {caches.joined(store.name for store in mounts)}",
            "downloads in later builds on the same builder",
            removes=differences([edits])["removes"] if readable else [instruction_text(at)],
            adds=differences([edits])["adds"] if readable else [instruction_text(flagged)],
            scripts=[edits.script] if readable else [],
            paths=[*(f"{target}/**" for target in places), *([_DOCKER_CLEAN] if _DOCKER_CLEAN in edits.script else [])],
        )

    def prepare(self, edits: RunEdits, calls: Sequence[Call]) -> str | None:
        """Put in what the tools need for their stores to be of use; or why that cannot be done."""
        commands = dict.fromkeys(call.store.first for call in calls if call.store.first)
        options = [(call, call.store.option) for call in calls if call.store.option]
        if (commands or options) and not self.run.editable:
            return "a RUN in this form has no script that could be changed"
        for command in commands:
            if any(command.split()[-1] in run.text for each in self.stage.lineage for run in each.runs):
                continue
            first = next(call for call in calls if call.store.first == command)
            package = first.place.call
            if reason := edits.prepend(first.place.steps, f"{package.sudo if package else ''} {command}".strip()):
                return reason
        for call, option in options:
            if not call.has(frozenset({option.partition("=")[0]})):
                edits.insert(call.place.command.words[call.at], option)
        return None
