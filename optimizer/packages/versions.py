"""Signs in a Dockerfile that a package manager is too old, or too new, for the way it would be cleaned."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optimizer import images
from optimizer.context import BuildContext
from optimizer.model import Model, Stage
from optimizer.packages.managers import APK, APT, CONDA, MAMBA, PIP, YARN, Manager
from optimizer.packages.places import reading_of
from optimizer.packages.reading import PackageCommand
from optimizer.runs import Run

_OLD_RELEASE = re.compile(r"(?:^|[^0-9])(?:12\.04|14\.04)|precise|trusty|wheezy|jessie|(?:^|/)debian:[78](?:\.|$)")
_NEW_RELEASE = re.compile(
    r"(?:1[6-9]|2\d)\.(?:04|10)|xenial|bionic|focal|jammy|noble|stretch|buster|bullseye|bookworm|trixie"
)
_OLD_ALPINE = re.compile(r"alpine:(?:2\.|3\.[12](?:\.|$))")
_OLD_CONDA = re.compile(r"(?:conda[23]?:|[Mm]iniconda[23]?-|[Aa]naconda[23]?-)(?:[123]|4\.[0-5])\.")
_YARN_1_ONLY = (
    "--pure-lockfile", "--ignore-optional", "--no-lockfile", "--no-progress", "--no-bin-links", "--check-files",
    "--flat", "--modules-folder", "--ignore-platform", "--link-duplicates", "--prod", "--network-concurrency",
    "--mutex", "--ignore-scripts",
)  # fmt: skip
"""Options of yarn 1 that later ones refuse."""
_OFFLINE = ("--offline", "--cacheonly", "-C", "--no-refresh")
_LATER_YARN = (".yarnrc.yml", ".yarn/", "yarn set version", "berry", "corepack")


def obstacle(
    manager: Manager,
    calls: Sequence[PackageCommand],
    model: Model,
    stage: Stage,
    run: Run,
    context: BuildContext | None,
) -> str | None:
    """Why the manager may not know, or not stand, the way in which it is cleaned in this RUN; None if it does."""
    base = [*stage.lineage][-1].base or ""
    if manager is PIP and (reason := _pip(base, stage)):
        return reason
    if manager is APK:
        if _OLD_ALPINE.search(base):
            return "apk knows --no-cache since Alpine 3.3"
        if any(call.has("--no-network") for call in calls):
            return "without the network, apk needs the index that is there"
    if manager in (CONDA, MAMBA):
        if _OLD_CONDA.search(model.document.text):
            return "conda knows `clean -f` since version 4.6"
        if "softlink" in model.document.text:
            return "packages may be installed as links into the cache"
    if manager is YARN and (reason := _yarn(calls, model, context)):
        return reason
    return None if manager in (APT, APK) else _offline(manager, model, stage, run)


def _offline(manager: Manager, model: Model, stage: Stage, run: Run) -> str | None:
    """A later RUN that installs without the network needs the cache."""
    for each in (stage, *model.descendants(stage)):
        for later in each.runs:
            if later.instruction.index <= run.instruction.index or not any(name in later.text for name in _OFFLINE):
                continue
            reading = reading_of(later)
            for _, call in reading.calls if reading else ():
                if call.manager.group == manager.group and call.has(*_OFFLINE):
                    return f"line {later.instruction.line} installs from it without the network"
    return None


def _pip(base: str, stage: Stage) -> str | None:
    """--no-cache-dir is known since pip 6: Debian 8 and Ubuntu 14.04 ship an older one as python-pip."""
    if not any("python-pip" in run.text for each in stage.lineage for run in each.runs):
        return None
    if _OLD_RELEASE.search(base):
        return f"the pip of {base} does not know --no-cache-dir"
    new = _NEW_RELEASE.search(base) or images.known(base) is not images.UNKNOWN
    return None if new else "python-pip of an image that is not known may be older than --no-cache-dir (pip 6)"


def _yarn(calls: Sequence[PackageCommand], model: Model, context: BuildContext | None) -> str | None:
    """From version 2 on, yarn may run the program from the files of its cache (Plug'n'Play)."""
    later = "yarn 2 and later can run the program from this cache"
    if any(mark in model.document.text for mark in _LATER_YARN):
        return later
    if any(call.words[call.behind :] and call.words[call.behind].literal == "global" for call in calls):
        return None
    if any(call.has(*_YARN_1_ONLY) for call in calls):
        return None
    if context is None:
        return f"{later}, and without the build context nothing shows which yarn it is"
    for path in context.files():
        name = path.rpartition("/")[2]
        manifest = name == "package.json" and "node_modules/" not in path
        if name == ".yarnrc.yml" or (manifest and _names_later(context.read(path))):
            return f"{later} ({path})"
    return f"{later}, and the build context is too large to look through" if context.truncated else None


def _names_later(manifest: str | None) -> bool:
    compact = (manifest or "").replace(" ", "")
    return '"packageManager":"yarn@' in compact and '"packageManager":"yarn@1.' not in compact
