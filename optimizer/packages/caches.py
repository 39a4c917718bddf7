"""Where the caches of package managers lie, and how the author has already dealt with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optimizer.model import State
from optimizer.packages.commands import SHELLS, handed
from optimizer.packages.lists import DIST_CLEAN
from optimizer.packages.managers import APT, LEFT_ALONE, MANAGERS, Flag, Manager
from optimizer.packages.places import Placed, Reading
from optimizer.packages.places import reading as parse
from optimizer.packages.reading import PackageCommand, program_name, unwrap
from optimizer.runs import Run
from optimizer.shell import Word

REMOVERS = frozenset({"rm", "find", "unlink", "truncate", "mv", "cd"}) | SHELLS
DRY_RUN = frozenset({"--dry-run", "--simulate", "--just-print", "--no-act", "--recon", "-s"})
APT_ARCHIVES = "/var/cache/apt"
APK_ARCHIVES = "/etc/apk/cache"
"""Where apk keeps packages, if the folder is there: without it, only their index is kept."""
ROOT = frozenset({"root", "0", "root:root", "0:0"})


def home_of(state: State) -> str | None:
    """The home of the user in force; None where it is not known."""
    if "HOME" in state.env:
        return state.env["HOME"]
    if state.user is None:
        return None
    return "/root" if state.user in ROOT else f"/home/{state.user.partition(':')[0]}"


def covered(run: Run, directory: str, home: str | None, kinds: Sequence[str] = ("cache", "tmpfs")) -> bool:
    """Whether a mount of the RUN holds the directory, so that it is no part of the layer."""
    return any(
        _holds(mount.get("target", ""), directory, home) for mount in run.mounts if mount.get("type") in kinds
    )  # fmt: skip


def may_be_mounted(run: Run, manager: Manager, home: str | None) -> bool:
    """Whether the manager's cache lies in a mount, or could: then nothing is cleaned."""
    if any(covered(run, directory, home) for directory in manager.directories):
        return True
    targets = [mount.get("target", "") for mount in run.mounts if mount.get("type") in ("cache", "tmpfs")]
    return any("$" in target or any(mark in target for mark in manager.marks) for target in targets)


def _holds(target: str, directory: str, home: str | None) -> bool:
    target = target.rstrip("/")
    if not directory.startswith("~/"):
        return _meets(target, directory)
    if home is not None and "$" not in target:
        return _meets(target, home + directory[1:])
    # The home is not known, or the target is a variable: the end of the path has to do.
    parts = directory[2:].split("/")
    return any(f"/{'/'.join(parts[:count])}" in target for count in range(1, len(parts) + 1))


def _meets(target: str, directory: str) -> bool:
    return f"{directory}/".startswith(f"{target}/") or target.startswith(f"{directory}/")


def empties(run: Run, command: Sequence[Word], home: str | None) -> Manager | None:
    """The manager whose mounted cache an ``rm`` with these words empties, if it removes nothing else."""
    paths = [absolute(word.text, home) for word in command[1:] if not word.text.startswith("-")]
    targets = [mount.get("target", "").rstrip("/") for mount in run.mounts if mount.get("type") == "cache"]
    if not paths or not all(any(f"{path}/".startswith(f"{target}/") for target in targets if target) for path in paths):
        return None
    for manager in MANAGERS:
        directories = (*manager.directories, APT_ARCHIVES) if manager is APT else manager.directories
        if any(f"{absolute(each, home)}/".startswith(f"{path}/") for path in paths for each in directories):
            return manager
    return None


def absolute(path: str, home: str | None) -> str:
    """A path of a command as it is for the user with that home, without a wildcard at its end."""
    path = path.strip("\"'")
    for prefix in ("~/", "$HOME/", "${HOME}/"):
        if path.startswith(prefix):
            path = f"{home or '/root'}/{path[len(prefix) :]}"
    return path.removesuffix("*").removesuffix("*.").rstrip("/")


def switched(run: Run, state: State, manager: Manager) -> bool:
    """Whether a variable tells the manager what to do with its cache: in ENV, in ARG, or in the script."""
    text = run.text.upper()
    return any(name in manager.switches for name in map(str.upper, state.env)) or any(
        name in text for name in manager.switches
    )


def cleaned(reading: Reading, behind: Placed, manager: Manager) -> bool:
    """Whether the author cleans up behind the last install, in whatever way."""
    return any(
        _cleans(place, manager) for place in reading.commands if place.command.start > behind.command.start
    )  # fmt: skip


def _cleans(place: Placed, manager: Manager) -> bool:
    call = place.call
    if call is not None:
        if call.action != "clean" or call.manager.group != manager.group or is_dry_run(call):
            return False
        return manager is not APT or call.words[call.subcommand].literal in DIST_CLEAN
    words = place.command.words
    start = unwrap(words)
    if start >= len(words):
        return False
    name = program_name(words[start])
    if "clean" in words[start].text.lower():
        return True
    if name in SHELLS and any("clean" in word.text.lower() for word in words):
        return True
    return name in REMOVERS and any(_mentions(word.text, manager) for word in words)


def is_dry_run(call: PackageCommand) -> bool:
    """Whether the command only says what it would do."""
    return any(word.literal in DRY_RUN for word in call.words[call.behind :])


def _mentions(text: str, manager: Manager) -> bool:
    marks = (*manager.marks, *(directory.removeprefix("~") for directory in manager.directories))
    return any(_has_name(text, mark) for mark in marks)


def _has_name(text: str, mark: str) -> bool:
    """Whether the text holds the mark, not as the beginning of a longer name (``.npmrc`` for ``.npm``)."""
    at = text.find(mark)
    while at >= 0:
        after = text[at + len(mark) : at + len(mark) + 1]
        if not (after.isalnum() and mark[-1:].isalnum()):
            return True
        at = text.find(mark, at + 1)
    return False


def left_alone(reading: Reading) -> Iterator[str]:
    """The managers in a script whose caches are never touched, and why."""
    for (program, subcommand), why in LEFT_ALONE.items():
        if program in reading.script.text and subcommand in reading.script.text:
            words = (place.command.words[unwrap(place.command.words) :] for place in reading.commands)
            if any(
                len(some) > 1 and (program_name(some[0]), some[1].literal) == (program, subcommand) for some in words
            ):
                yield f"{program} is left alone: {why}"


def in_strings(reading: Reading) -> Iterator[Manager]:
    """The managers that fetch in a string that is given to a shell (``bash -c "…"``), and are not cleaned up there."""
    for place in reading.commands:
        start = unwrap(place.command.words)
        if start >= len(place.command.words) or program_name(place.command.words[start]) not in SHELLS:
            continue
        inner = parse(handed(place.command)[1])
        for each, call in inner.calls if inner else ():
            decided = isinstance(call.manager.cleaning, Flag) and call.has(call.manager.cleaning.text)
            if call.fetches and not decided and not cleaned(inner or reading, each, call.manager):
                yield call.manager


def image_paths(manager: Manager, home: str | None) -> Iterator[str]:
    """Patterns of the files that cleaning removes from the image."""
    for directory in manager.directories:
        yield f"{home or '/**'}{directory[1:]}/**" if directory.startswith("~") else f"{directory}/**"


def joined(texts: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; each text once."""
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"
