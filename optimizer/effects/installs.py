"""What package managers read and write, of the system and of languages."""

from __future__ import annotations

import posixpath

from optimizer.effects.doing import Around, Doing, NotKnown, literals
from optimizer.effects.table import MANIFESTS
from optimizer.effects.zones import above
from optimizer.independence import ARCHIVES, NAMES, SETTINGS, UNKNOWN, is_of_project, shown_command
from optimizer.landing import Folder
from optimizer.packages.reading import program_name, read, unversioned
from optimizer.shell import Simple

_OF_LANGUAGES = frozenset({"gem", "pipx", "conda", "mamba", "micromamba"})
"""Managers that put packages into places of their own, and whose packages may run anything while they do."""
_OTHER_ROOTS = ("--root", "--installroot", "--prefix", "--target", "--install-dir", "--rootdir", "--sysroot", "Dir",
                "--chroot")  # fmt: skip


def installed(doing: Doing, command: Simple, start: int, around: Around) -> bool:
    """Add what an installer does; False where the command is none that is known."""
    name = program_name(command.words[start]) or ""
    plain = unversioned(name)
    arguments = literals(command.words[start + 1 :], around.environment)
    if arguments and arguments[0] in SETTINGS.get(plain, ()):
        if is_of_project(plain, arguments) or plain == "git":
            return False
        doing.tool(around, writes=True)
        doing.uses_variables("all")
        return True
    called = read(command)
    if called is not None and (called.manager.of_system or called.manager.name in _OF_LANGUAGES):
        _packages(doing, command, around, of_system=called.manager.of_system)
        return True
    if plain == "python" and arguments[:2] == ["-m", "venv"]:
        _virtual(doing, command, start + 3, around)
        return True
    if name == "virtualenv":
        _virtual(doing, command, start + 1, around)
        return True
    if plain in (NAMES | _WITH_FILES) - _TABLED:
        _system(doing, command, start, around)
        return True
    return _language(doing, command, start, around)


_WITH_FILES = frozenset({"apt-key", "dpkg", "rpm", "rpmkeys"})
"""Commands that set up the system with files in the current directory, too."""
_TABLED = frozenset({
    "sort", "umask", "set", "useradd", "adduser", "groupadd", "addgroup", "usermod", "groupmod", "deluser", "delgroup",
    "passwd", "chpasswd",
})  # fmt: skip
"""Names of the system's commands of which the table knows more."""


def _packages(doing: Doing, command: Simple, around: Around, *, of_system: bool) -> None:
    """apt, apk, dnf and the like: the packages themselves write to the system's folders."""
    doing.tool(around, writes=True)
    doing.uses_variables("tool" if of_system else "all")
    doing.network = True
    for word, text in zip(command.words, literals(command.words, around.environment), strict=True):
        if text is None or text.startswith(UNKNOWN):
            raise NotKnown(f"`{word.text}` in `{shown_command(command)}` may be a file")
        head = text.partition("=")[0]
        if head.startswith(_OTHER_ROOTS) or text in ("-p", "-R", "-D", "-i", "-n", "-r", "-c"):
            raise NotKnown(f"`{shown_command(command)}` may install into another folder")
        named = text.startswith((".", "@", "/", "~")) or text.endswith(ARCHIVES)
        if named and "://" not in text:
            doing.read(*doing.resolved(text.lstrip("@"), word.text, around))


def _virtual(doing: Doing, command: Simple, at: int, around: Around) -> None:
    """A virtual environment of Python."""
    doing.tool(around)
    doing.settings(around, writes=True)
    doing.uses_variables("all")
    for word in command.words[at:]:
        if word.literal in ("--system-site-packages", "--copies", "--without-pip", "--clear", "--upgrade-deps"):
            continue
        if word.text.startswith("-"):
            raise NotKnown(f"the option {word.text} of `{shown_command(command)}` is not known here")
        paths = doing.paths(word, around)
        doing.reach(*paths)
        doing.change(*paths)
        doing.ground.regions += paths


def _system(doing: Doing, command: Simple, start: int, around: Around) -> None:
    """Commands that set up the system, with files that are named by their whole path."""
    doing.tool(around, writes=True)
    doing.uses_variables("all")
    words = command.words[start + 1 :]
    for word, text in zip(words, literals(words, around.environment), strict=True):
        if text is None:
            doing.change(*doing.paths(word, around))
            continue
        if text.partition("=")[0].startswith(_OTHER_ROOTS):
            raise NotKnown(f"`{shown_command(command)}` may work in another root")
        for path in (text, text.partition("=")[2]):
            if path.startswith(("/", "~", ".")) or (not path.startswith("-") and {".", "/"} & set(path)):
                doing.change(*(doing.resolved(path, word.text, around) if "://" not in path else ()))


def _language(doing: Doing, command: Simple, start: int, around: Around) -> bool:
    """Installs of a language's packages, as far as `optimizer.manifests` knows what they read."""
    from optimizer.manifests import Needs, needs

    environment = dict(around.environment)
    argv = literals(command.words[start:], environment)
    folder = around.folders[0] if len(around.folders) == 1 else None
    context = doing.ground.context
    view = Folder(folder, (*doing.ground.landings, *doing.mounted), context) if context is not None and folder else None
    found = needs(argv, view, environment)
    if found is None:
        return False
    if not isinstance(found, Needs):
        raise NotKnown(found.reason)
    if found.prefetch:
        raise NotKnown(f"`{shown_command(command)}` builds the sources")
    if folder is None:
        raise NotKnown(f"the directory of `{shown_command(command)}` is not known")
    if not found.proved:
        raise NotKnown(f"there is no build context to look at what `{shown_command(command)}` reads")
    if any(UNKNOWN in path for path in (*found.files, *found.outputs, *found.rewrites)):
        raise NotKnown(f"a word of `{shown_command(command)}` is not known")
    doing.tool(around, writes=True)
    doing.uses_variables("all")
    doing.network = True
    absolute = {path: doing.resolved(path, path, around) for path in (*found.files, *found.outputs, *found.rewrites)}
    for path in found.files:
        doing.read(*absolute[path])
        if path.endswith("/"):
            doing.write(*absolute[path])  # a package that is built leaves files among its sources
    for path in (*found.outputs, *found.rewrites):
        doing.reach(*absolute[path])
        doing.change(*absolute[path])
    doing.looks += (zone for path in _looked_at(folder) for zone in doing.zones(path))
    doing.seen = True
    return True


def _looked_at(folder: str) -> list[str]:
    """Where an installer may find more of the project: in its directory, and manifests in the folders above."""
    below = [] if folder == "/" else [folder]
    return [*below, *(posixpath.join(each, name) for each in (*above(folder), "/") for name in MANIFESTS)]
