"""Which packages of the distribution the final stage needs of those that the build installs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from optimizer.document import Instruction
from optimizer.image_tools import COMMANDS, NETWORK, brought_by
from optimizer.independence import UNKNOWN
from optimizer.model import Stage
from optimizer.packages.managers import APK, APT
from optimizer.packages.reading import PackageCommand
from optimizer.split.plan import Found, Question, Refused, SystemPackages
from optimizer.split.view import Call, View, shortened

if TYPE_CHECKING:
    from optimizer.runtime_packages import Counterpart, Release

_VIRTUAL = ("-t", "--virtual")
_VALUED = frozenset({"-t", "--virtual", "-o", "--option", "-c", "--config-file", "-X", "--repository", "-p", "--root",
                     "--target-release", "--default-release", "-a", "--host-architecture"})  # fmt: skip
_UPGRADES = frozenset({"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"})
_REMOVING = frozenset({"del", "remove", "purge", "autoremove", "autopurge"})
_CLEAN = "rm -rf /var/lib/apt/lists/*"
_ADDING = frozenset({"add-apt-repository", "apt-add-repository", "apt-key"})
"""Commands by which packages come from another repository than the distribution's."""
_OF_COMPILERS = {
    "alpine-sdk": ("libstdc++",), "build-base": ("libstdc++",), "g++": ("libstdc++",), "gfortran": ("libgfortran",),
}  # fmt: skip
"""Packages of Alpine that compile, and the libraries that come with them: no index says so, and no image has them."""
_PHPIZE_DEPS = {
    APK: "autoconf dpkg-dev dpkg file g++ gcc libc-dev make pkgconf re2c",
    APT: "autoconf dpkg-dev file g++ gcc libc-dev make pkg-config re2c",
}
"""A variable of the official images of PHP. Source: their Dockerfiles."""
_ALWAYS = frozenset({"libc6", "libgcc-s1", "libstdc++6", "libc-bin"})
"""Packages that apt itself stands on."""
_INTERPRETERS = frozenset({"python3", "python3-minimal", "python3.9", "python3.11", "python3.13", "perl"})
"""What packages for building depend on, and no library."""
_CERTIFICATES = "ca-certificates"
_SPEAK_TLS = ("curl", "git", "libcurl", "libgnutls", "libmariadb", "libpq", "libssl", "nodejs", "php", "python3",
              "ruby", "wget")  # fmt: skip
"""How packages begin that connect by TLS, or let a program do it."""


class _Install(NamedTuple):
    """A call that installs packages by name."""

    call: Call
    package: PackageCommand
    names: tuple[str, ...]
    options: tuple[str, ...]
    """As they are written, those that say where the packages are to be counted left out."""
    group: str | None
    """The name under which apk takes them away again."""


class Packages(NamedTuple):
    """What becomes of the packages that a build installs."""

    stay: SystemPackages | None
    left: tuple[str, ...]
    """Packages that the final stage does without."""
    questions: tuple[Question, ...]


def is_system(call: Call) -> bool:
    """Whether a call installs, removes, or looks up packages of the distribution."""
    package = call.package
    return package is not None and package.manager.of_system


def is_update(call: Call) -> bool:
    """Whether a call fetches the lists of what packages there are."""
    return is_system(call) and call.package is not None and call.package.action == "update"


def is_upgrade(call: Call) -> bool:
    """Whether a call brings all packages up to date that are installed."""
    return is_system(call) and call.subcommand in _UPGRADES


def is_removal(call: Call) -> bool:
    """Whether a call takes packages of the distribution away again, or what apt and apk keep of them."""
    package = call.package
    return is_system(call) and (call.subcommand in _REMOVING or (package is not None and package.action == "clean"))


def taken_away(call: Call, calls: Sequence[Call]) -> frozenset[str]:
    """The packages by name that a call takes away again, and those that other calls have put under such a name."""
    if not is_system(call) or call.subcommand not in _REMOVING:
        return frozenset()
    names = set(call.operands[1:])
    packages = ((each, each.package) for each in calls if is_system(each))
    installs = (_read(each, package) for each, package in packages if package and package.action == "install")
    return frozenset(names.union(*(each.names for each in installs if each and each.group in names)))


def packages_of(
    view: View, calls: Sequence[Call], found: Found, called: frozenset[str], tools: Sequence[str]
) -> Packages | Refused:
    """Sort out what the calls of a build install.

    :param called: programs that are seen to be called when the build is over.
    :param tools: packages that bring those of them that the final stage's base lacks.
    """
    from optimizer.runtime_packages import Kind

    installs: list[_Install] = []
    for call in calls:
        if is_system(call) and call.package and call.package.fetches and call.package.action == "install":
            install = _read(call, call.package)
            if install is None:
                return Refused(call.instruction, f"which packages `{shortened(call.text)}` installs cannot be told")
            if install.package.manager not in (APT, APK):
                name = install.package.manager.name
                return Refused(call.instruction, f"which packages of {name} are needed at run time is not known")
            installs.append(install)
    gone = {
        (name, call.instruction.index)
        for call in calls if is_system(call) and call.subcommand in _REMOVING for name in call.operands[1:]
    }  # fmt: skip
    later = {name for name, _ in gone}
    named: list[str] = []
    left: list[str] = []
    for each in installs:
        at = each.call.instruction.index
        for name in each.names:
            if name in later or each.group in later:
                # What goes in the RUN that brought it was never in the image.
                left += () if {(name, at), (each.group, at)} & gone else (name,)
            else:
                named.append(name)
    used = {call.program for call in calls}
    for name in [each for each in named if each.partition("=")[0] in found.builders]:
        if not set(COMMANDS.get(name, name).split()) & called:
            named.remove(name)
            left.append(name)
    if not named and not found.needs and not tools:
        return Packages(None, tuple(left), ())
    exact = releases_of(view.stage)
    releases = exact or _relatives(view.stage)
    if not releases:
        where = installs[0].call.instruction if installs else view.stage.origin
        return Refused(where, f"which release of its distribution {view.stage.base} stands on is not known")
    stay: list[str] = []
    questions: list[Question] = []
    for name in named:
        plain = name.partition("=")[0]
        counterpart = _counterpart(releases, name)
        commands = set(COMMANDS.get(name, name).split())
        is_called = bool(commands & called) or plain in _holders(releases[0], called)
        # Compilers have one name in all releases; which library stands for headers has to be known of this very one.
        building = counterpart.kind is Kind.BUILD or (counterpart.kind is Kind.DEV and exact) or plain in found.has
        if building and not is_called:
            left.append(name)
            stay += _libraries(counterpart) if counterpart.kind in (Kind.BUILD, Kind.DEV) else ()
            if releases[0].distribution == "alpine":
                libraries = [library for library in _OF_COMPILERS.get(plain, ()) if library not in found.has]
                stay += libraries
                questions += (
                    Question(f"whether {each} is needed, which comes with {name}: it stays") for each in libraries
                )
        elif counterpart.kind is Kind.TOOL and commands & used and not is_called:
            left.append(name)
            questions.append(Question(f"whether the program calls {name}, which the build calls"))
        else:
            stay.append(name)
            if plain.endswith(("-dev", "-devel")):
                questions.append(Question(f"which libraries stand for {name} in {view.stage.base}: it stays"))
    for name in found.needs if exact and exact[0].distribution != "alpine" else ():
        counterpart = _counterpart(releases, name)
        if counterpart.kind is Kind.UNKNOWN:
            reason = f"which library stands for {name} depends on the release of {view.stage.base}: name it in FROM"
            return Refused(view.stage.origin, reason)
        stay += _libraries(counterpart)
    stay += tools
    stay += _certificates(installs, left, stay, found.has)
    if not stay:
        return Packages(None, tuple(left), tuple(questions))
    adding = next((call for call in calls if call.program in _ADDING), None)
    if adding is not None:
        return Refused(
            adding.instruction, f"`{shortened(adding.text)}` adds a repository, and the final stage would lack it"
        )
    return Packages(_written(view, calls, installs, stay), tuple(left), tuple(questions))


def _certificates(installs: Sequence[_Install], left: list[str], stay: list[str], has: frozenset[str]) -> list[str]:
    """The package of CA certificates, where it came with one that is left behind, and what stays speaks TLS.

    Source: what Debian's packages depend on, and what its curl, git and wget recommend.
    """
    recommending = {
        name for each in installs if not each.package.has("--no-install-recommends")
        for name in each.names if name in NETWORK
    }  # fmt: skip
    bring = {name for name in (*left, *stay) if _CERTIFICATES in brought_by(name)} | recommending
    needed = bring.intersection(left) and any(name.startswith(_SPEAK_TLS) for name in stay)
    return [_CERTIFICATES] if needed and _CERTIFICATES not in has and bring.isdisjoint(stay) else []


def _relatives(stage: Stage) -> tuple[Release, ...]:
    """Releases that are known, of the same family as one that is not."""
    from optimizer.runtime_packages import known_releases

    return known_releases("debian") if stage.image.family in ("debian", "ubuntu") else ()


def releases_of(stage: Stage) -> tuple[Release, ...]:
    """The releases of its distribution that a stage may begin with; none where that is not known."""
    return _releases(stage.base or "", stage.image.family)


@lru_cache(maxsize=1024)
def _releases(base: str, family: str | None) -> tuple[Release, ...]:
    from optimizer import runtime_packages

    found = runtime_packages.releases_of(base)
    return found or ((runtime_packages.Release("alpine", ""),) if family == "alpine" else ())


@lru_cache(maxsize=1024)
def _counterpart(releases: tuple[Release, ...], name: str) -> Counterpart:
    from optimizer.runtime_packages import runtime_in_all

    return runtime_in_all(releases, name)


@lru_cache(maxsize=64)
def _holders(release: Release, programs: frozenset[str]) -> frozenset[str]:
    """The packages that have one of the programs."""
    from optimizer.runtime_packages import provider_of_command

    return frozenset(name for program in programs for name in provider_of_command(release, program))


def _libraries(counterpart: Counterpart) -> tuple[str, ...]:
    return tuple(name for name in counterpart.packages if name not in _ALWAYS | _INTERPRETERS)


def _read(call: Call, package: PackageCommand) -> _Install | None:
    """The names and options of an install; None where they are not all known."""
    names: list[str] = []
    options: list[str] = []
    group = None
    words = iter(package.arguments)
    for word in words:
        text = word.literal
        if text is None and word.text in ("$PHPIZE_DEPS", "${PHPIZE_DEPS}") and package.manager in _PHPIZE_DEPS:
            names += _PHPIZE_DEPS[package.manager].split()
            continue
        if text is None:
            return None
        if not text.startswith("-"):
            names.append(text)
            continue
        behind = next(words, None) if text in _VALUED else None
        if package.manager is APK and text.partition("=")[0] in _VIRTUAL:
            group = text.partition("=")[2] or (behind.literal if behind else None)
            continue
        options += (word.text, *([behind.text] if behind else []))
    front = [word.text for word in package.words[package.behind : package.subcommand]]
    if any("/" in name.partition("=")[0] or name.endswith((".deb", ".apk", "-")) or UNKNOWN in name for name in names):
        return None
    return _Install(call, package, tuple(names), (*front, package.words[package.subcommand].text, *options), group)


def packages_for(stage: Stage, at: Instruction, names: tuple[str, ...]) -> SystemPackages:
    """An install where the author has none to go by."""
    if stage.image.family == "alpine" or "-alpine" in (stage.base or ""):
        return SystemPackages(at, (), "apk add --no-cache", names, ())
    return SystemPackages(at, ("apt-get update",), "apt-get install -y --no-install-recommends", names, (_CLEAN,))


def _written(view: View, calls: Sequence[Call], installs: Sequence[_Install], stay: Sequence[str]) -> SystemPackages:
    """The install of the final stage, after the author's first one."""
    names = tuple(dict.fromkeys(stay))
    if not installs:
        return packages_for(view.stage, view.stage.origin, names)
    first = installs[0]
    program = first.package.program_text
    assigned = " ".join(_assignments(calls, first))
    install = " ".join((*([assigned] if assigned else []), program, *first.options))
    if first.package.manager is APK:
        flag = "" if any(each.package.has("--no-cache") for each in installs) else " --no-cache"
        return SystemPackages(first.call.instruction, (), install + flag, names, ())
    update = next(
        (call.text for call in calls if call.package and call.package.action == "update"), f"{program} update"
    )
    flags = " ".join(flag.text for flag in first.call.instruction.flags if flag.name == "mount")
    clean = () if "/var/lib/apt" in flags or "/var/cache/apt" in flags else (_CLEAN,)
    return SystemPackages(first.call.instruction, (update,), install, names, clean, flags)


def _assignments(calls: Sequence[Call], install: _Install) -> Iterator[str]:
    """What the author sets for apt, in front of the install or by ``export`` before it."""
    exported = [call for call in calls if call.name == "export" and call.instruction is install.call.instruction]
    for word in (word for call in exported for word in call.argv[1:]):
        if word.startswith("DEBIAN_FRONTEND="):
            yield word
    for each in install.call.command.assignments:
        if each.name == "DEBIAN_FRONTEND":
            yield f"{each.name}={each.value.text}"
