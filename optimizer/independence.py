"""Whether a command leaves certain folders of the image alone, so that it may run before they are filled.

What is not known here may read and write everything. Source: the commands' manual pages; for settings of language
package managers, where they keep them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from optimizer.landing import inside, touch
from optimizer.packages.commands import HARMLESS_URLS, UPDATING_URLS
from optimizer.packages.reading import program_name, read, unversioned, unwrap
from optimizer.shell import Command, Expansion, Redirect, Script, Simple, Word, parse
from optimizer.shell.walk import traverse

UNKNOWN = "\0"
"""Stands in a word for a part of unknown value."""

_PLATFORM = frozenset(f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT"))
"""Build arguments that the builder sets, each to one word."""
_SPEAKERS = "echo printf true : false sleep date uname id whoami which type hash nproc arch hostname"
_SPEAKS = frozenset(_SPEAKERS.split())
"""Commands whose words are no paths."""
_SYSTEM = """
a2dismod a2enmod add-apt-repository addgroup adduser alternatives apt-mark chpasswd corepack debconf-set-selections
delgroup deluser docker-php-ext-configure docker-php-ext-enable docker-php-ext-install dpkg-reconfigure getconf getent
groupadd groupmod ldconfig locale-gen lsb_release passwd pecl rustup set sort umask update-alternatives
update-ca-certificates update-ca-trust update-locale useradd usermod
"""
NAMES = frozenset(_SYSTEM.split())
"""Commands of which only absolute words are paths."""
_DOTTED = frozenset({"tar", "gpg", "dpkg", "apt-key"})
"""Commands whose words are files where they have a dot or a slash."""
_ONE_ASIDE = frozenset({"chmod", "chown", "chgrp", "sed", "grep"})
"""Commands whose words are files and folders, but the first."""
_FILES = "mkdir rm rmdir ln cp mv touch cat find ls install virtualenv venv"
_PATHS = frozenset(_FILES.split()) | _ONE_ASIDE
"""Commands whose words are files and folders."""
ACCOUNTS = frozenset({"useradd", "adduser", "usermod"})
SETTINGS: dict[str, frozenset[str]] = {
    "npm": frozenset({"config", "set", "cache", "version", "-v", "--version", "get"}),
    "pip": frozenset({"config", "cache", "--version", "-V", "list", "freeze", "check", "show"}),
    "poetry": frozenset({"config", "self", "--version", "cache"}),
    "yarn": frozenset({"config", "cache", "--version", "-v"}),
    "pnpm": frozenset({"config", "store", "--version", "-v"}),
    "composer": frozenset({"config", "global", "self-update", "clear-cache", "clearcache", "--version"}),
    "bundle": frozenset({"config", "--version"}),
    "go": frozenset({"env", "version"}),
    "node": frozenset({"--version", "-v"}),
    "cargo": frozenset({"--version", "-V"}),
    "dotnet": frozenset({"--info", "--version"}),
    "uv": frozenset({"cache", "--version", "python"}),
    "git": frozenset({"config", "--version"}),
}
"""Subcommands that touch the settings and caches of a user, not the project."""
LOCAL = frozenset({"--local", "set-version", "pin", "find", "--file"})
_BY_PLACE = frozenset({"bundle", "composer", "git", "yarn"})
"""Those whose `config` is about the project in the directory, where there is one, unless it is told otherwise."""


def is_of_project(program: str, arguments: Sequence[str | None]) -> bool:
    """Whether one of the SETTINGS may be a matter of the project, and not of the user alone."""
    if arguments[0] == "config" and program in _BY_PLACE:
        return not {"--global", "-g", "--system", "global"} & set(arguments)
    return bool(LOCAL & set(arguments))


_PACKAGES = ("apt", "apk", "dnf", "yum", "microdnf", "tdnf", "zypper", "pacman", "gem", "conda", "mamba", "pipx")
ARCHIVES = (".deb", ".rpm", ".apk", ".gem", ".pkg.tar.zst", ".tar.bz2", ".yml", ".yaml", ".txt", ".conda")
_WRAPPERS = frozenset({"sudo", "command", "time", "nice"})
SHARED = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/run", "/sbin", "/sys", "/tmp",
    "/usr/bin", "/usr/include", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/local/bin",
    "/usr/local/etc", "/usr/local/include", "/usr/local/lib", "/usr/local/lib64", "/usr/local/man", "/usr/local/sbin",
    "/usr/local/share", "/usr/sbin", "/usr/share", "/var/cache", "/var/lib", "/var/log", "/var/mail", "/var/run",
    "/var/spool", "/var/tmp",
)  # fmt: skip
"""Folders of the system into which packages of any kind are installed."""


class Surroundings(NamedTuple):
    """What a command runs in."""

    zones: tuple[str, ...]
    """The files and folders that are to be left alone."""
    workdir: str | None
    environment: Mapping[str, str | None]

    def at(self, path: str) -> str | None:
        """An absolute path; None where the directory is not known."""
        if path.startswith("/"):
            return posixpath.normpath(path)
        return None if self.workdir is None else posixpath.normpath(posixpath.join(self.workdir, path))

    def touches(self, path: str | None) -> bool:
        """Whether a path, relative to the directory, may be in a zone, or hold one."""
        absolute = None if path is None else self.at(path)
        return absolute is None or any(touch(absolute, zone) for zone in self.zones)

    def inside(self, workdir: str | None) -> Surroundings:
        return self._replace(workdir=workdir)

    def having(self, name: str, value: str | None) -> Surroundings:
        return self._replace(environment={**self.environment, name: value})


def value(word: Word, environment: Mapping[str, str | None]) -> str | None:
    """What a word stands for, with UNKNOWN for a part that is not known; None where nothing of it is.

    A variable whose value is not known is taken for one word at most, where quotes or a text in front of it say so.
    """
    if word.literal is not None:
        return word.literal
    if not word.expansions:
        return None
    pieces: list[str] = []
    at = word.start
    for number, each in enumerate(word.expansions):
        pieces += (word.text[at - word.start : each.start - word.start], chr(0xE000 + number))
        at = each.end
    script = parse("x " + "".join([*pieces, word.text[at - word.start :]]))
    command = script.body.items[0].pipeline.commands[0] if isinstance(script, Script) else None
    text = command.words[1].literal if isinstance(command, Simple) and len(command.words) == 2 else None
    if text is None:
        return None
    for number, each in enumerate(word.expansions):
        plain = each.kind == "parameter" and not each.operator and not each.nested
        known = environment.get(each.name) if plain and each.name else None
        if known is not None and not word.quoted and (not known or set(known) & set(" \t\n*?[")):
            return None
        text = text.replace(chr(0xE000 + number), UNKNOWN if known is None else known)
    one_word = word.quoted or all(each.name in _PLATFORM for each in word.expansions)
    return None if text.startswith(UNKNOWN) and not one_word else text


def dependence(command: Simple, around: Surroundings) -> str | None:
    """Why a command may depend on the zones or change them; None where it leaves them alone."""
    return _one(command, around) or dependence_beside(command, around)


def dependence_beside(command: Simple, around: Surroundings) -> str | None:
    """Why the commands in its words, or its redirections, may depend on the zones; None where they do not."""
    for nested, _ in traverse(command):
        if isinstance(nested, Simple) and nested is not command and (reason := _one(nested, around)):
            return reason
        if isinstance(nested, Expansion) and nested.kind in ("command", "process") and nested.body is None:
            return f"`{shown_command(command)}` runs what could not be read"
    return next((reason for each in command.redirects if (reason := _redirection(each, around))), None)


def behind_wrappers(command: Simple) -> int | None:
    """Number of the word that names the program that is run; None where that is not certain."""
    start = unwrap(command.words)
    wrapped = start > 0 and program_name(command.words[0]) not in _WRAPPERS
    return None if wrapped or start >= len(command.words) else start


def _one(command: Simple, around: Surroundings) -> str | None:
    if not command.words:
        return None
    shown = shown_command(command)
    start = behind_wrappers(command)
    name = None if start is None else program_name(command.words[start])
    if start is None or name is None:
        return f"`{shown}` runs what is not known"
    program = command.words[start].literal
    if "/" in (program or "/") and around.touches(program):
        return f"`{shown}` may be one of the sources"
    words = command.words[start + 1 :]
    arguments = [value(word, around.environment) for word in words]
    plain = unversioned(name)
    if plain in _SPEAKS:
        return None
    if arguments and arguments[0] in SETTINGS.get(plain, ()):
        return f"`{shown}` may change the project" if is_of_project(plain, arguments) else None
    call = read(command)
    if call is not None and call.manager.name in _PACKAGES:
        rest = [value(word, around.environment) for word in call.arguments]
        return f"`{shown}` may read the sources" if any(_may_be_file(text, around) for text in rest) else None
    if plain == "python" and arguments[:2] == ["-m", "venv"]:
        plain, arguments, words = "venv", arguments[2:], words[2:]
    for word, text in zip(words, arguments, strict=True):
        if any(_is_touched(path, around) for path in _absolute(word, text)):
            return f"`{shown}` may work on the sources"
    relative = _relative_paths(plain, arguments)
    if relative is None:
        return f"`{shown}` may read the sources"
    if any(around.touches(path) for path in relative):
        return f"`{shown}` works in the directory of the sources"
    if plain in ACCOUNTS and any(inside(zone, "/home") for zone in around.zones):
        return f"`{shown}` may make a folder in /home"
    return None


def _relative_paths(name: str, arguments: Sequence[str | None]) -> list[str] | None:
    """What a command may read or write below its directory, "." being any of it; None for one that is not known."""
    operands = [text or "/" for text in arguments if text is None or not text.startswith("-")]
    named = operands[name in _ONE_ASIDE :]
    if name in _PATHS and not named:
        return ["."]
    relative = [text for text in named if not text.startswith("/")]
    if name in _PATHS:
        return relative
    if name in ("curl", "wget"):
        return ["."] if _saves_here(name, arguments) else [text for text in relative if "://" not in text]
    if name in _DOTTED:
        elsewhere = name != "tar" or _goes_elsewhere(arguments)
        return [text for text in relative if set(text) & set("./")] if elsewhere else ["."]
    return [] if name in NAMES else None


def _saves_here(name: str, arguments: Sequence[str | None]) -> bool:
    """Whether curl or wget may save a file under a name of its own."""
    named = any(flag and (flag.startswith(("-O", "--output-document")) or _has_letter(flag, "O")) for flag in arguments)
    return not named if name == "wget" else named or any(flag in ("--remote-name", "-J") for flag in arguments)


def _goes_elsewhere(arguments: Sequence[str | None]) -> bool:
    places = [after for flag, after in pairwise(arguments) if flag in ("-C", "--directory")]
    places += [flag[12:] for flag in arguments if flag and flag.startswith("--directory=")]
    return bool(places) and all(place is not None and place.startswith("/") for place in places)


def _has_letter(flag: str, letter: str) -> bool:
    return flag.startswith("-") and not flag.startswith("--") and letter in flag


def _absolute(word: Word, text: str | None) -> Iterator[str | None]:
    """The absolute paths in a word: itself, what follows `=`, and of a pattern the folder that it is in."""
    if text is None:
        head = word.text
        cut = min((head.find(char) for char in "*?[{" if char in head), default=len(head))
        plain = not word.expansions and head.startswith(("/", "~")) and not set(head[:cut]) & set("\"'\\")
        yield None if not plain else head if cut == len(head) else head[:cut].rpartition("/")[0] + "/"
        return
    if UNKNOWN in text:
        text = text.partition(UNKNOWN)[0].rpartition("/")[0] + "/"
    for path in (text, text.partition("=")[2]):
        if path.startswith(("/", "~")):
            yield path


def _is_touched(path: str | None, around: Surroundings) -> bool:
    if path is not None and path.startswith("~"):
        return any(touch(zone, home) for zone in around.zones for home in ("/root", "/home"))
    return around.touches(path)


def _may_be_file(text: str | None, around: Surroundings) -> bool:
    """Whether an operand of a package manager is a file that may be one of the sources."""
    if text is None or text.startswith(UNKNOWN):
        return True
    if text.startswith("/"):
        return around.touches(text)
    named = text.startswith((".", "@")) or text.endswith(ARCHIVES)
    return named and "://" not in text and around.touches(text.lstrip("@"))


def _redirection(redirect: Redirect, around: Surroundings) -> str | None:
    if redirect.op in ("<<", "<<-", "<<<", ">&", "<&"):
        return None
    target = value(redirect.target, around.environment)
    if target is None or UNKNOWN in target or around.touches(target):
        return f"`{redirect.op}{redirect.target.text}` is a file of the sources, or may be"
    return None


def feeds_known_script(commands: Sequence[Command], around: Surroundings) -> bool:
    """Whether a pipeline runs a script from the network that is known to look at nothing but the system."""
    simple = [each for each in commands if isinstance(each, Simple) and behind_wrappers(each) is not None]
    if len(commands) != 2 or len(simple) != 2:
        return False
    fetch, runner = simple
    name = program_name(runner.words[behind_wrappers(runner) or 0])
    urls = [word.text for word in fetch.words if "://" in word.text]
    known = any(part in url for url in urls for part in (*HARMLESS_URLS, *UPDATING_URLS))
    return known and name in ("sh", "bash", "python", "python3") and dependence(fetch, around) is None


def shared_folder(zone: str, *, distribution: bool) -> str | None:
    """The folder by which a zone may get files from package managers, in or above it; None where it is apart.

    ``distribution``: packages of the distribution are installed too.
    """
    folders = (*SHARED, "/var/www") if distribution else SHARED
    return next((folder for folder in folders if touch(zone, folder)), None)


def shown_command(command: Simple) -> str:
    """A command as a reason names it."""
    words = (word.literal if word.text == f"'{word.literal}'" else word.text for word in command.words)
    text = " ".join(word or "" for word in words)
    return text if len(text) <= 60 else text[:59] + "…"
