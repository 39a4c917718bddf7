"""What each RUN finds anew when it begins, so that a command before it in the same RUN would change it underneath.

Source: BuildKit and runc. The shell is looked up, the working directory is entered (and made where it is missing), the
user is looked up in the accounts, and the files of the network and the shared memory are mounted, for each RUN.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.independence import ACCOUNTS, UNKNOWN, value
from optimizer.landing import inside
from optimizer.model import State
from optimizer.packages.reading import program_name, unwrap
from optimizer.runs import Run
from optimizer.shell import Simple

_MOUNTED = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/dev/shm")
_PLACING = frozenset({"ln", "cp", "install"})
_READING = frozenset({"cat", "grep", "head", "ls", "tail", "test", "[", "stat", "file", "wc", "diff"})
_REMOVING = frozenset({"rm", "rmdir", "unlink", "mv"})
_REPLACING = frozenset({"update-alternatives", "dpkg-divert"})
_NO_WORKDIRS = ("/tmp", "/var/lib", "/var/cache", "/var/tmp", "/var/log", "/var/run", "/run", "/etc", "/root",
                "/usr/share", "/usr/lib", "/usr/include", "/usr/local/lib", "/usr/local/share", "/usr/local/include",
                "/lib", "/boot", "/usr/src")  # fmt: skip
"""Where no image has its working directory, as far as its Dockerfile says nothing of it."""
_HERE = ("$PWD", "${PWD}", "$(pwd)", "`pwd`")


def changed_underneath(run: Run, state: State) -> str | None:
    """What a RUN changes that the next one finds anew, as a reason; None where that is nothing."""
    if any(mount["type"] == "tmpfs" for mount in run.mounts):
        return "each of them finds its mounted tmpfs empty"
    folder = state.workdir
    for command in run.commands():
        words = command.words[unwrap(command.words) :]
        name = program_name(words[0]) if words else None
        texts = [value(word, state.env) or word.text for word in words[1:]]
        operands = [text for text in texts if not text.startswith("-")]
        if name == "cd" and len(operands) == 1:
            folder = posixpath.normpath(posixpath.join(folder or UNKNOWN, operands[0]))
        elif reason := (
            _of_shell(run, name, operands)
            or _of_mounts(command, name, operands)
            or _of_folder(state.workdir, folder, name, texts, operands)
            or _of_user(state, name, texts)
        ):
            return reason
    return None


def _of_shell(run: Run, name: str | None, operands: list[str]) -> str | None:
    touched = operands[-1:] if name in _PLACING else operands if name in _REMOVING | _REPLACING else []
    debconf = name == "dpkg-reconfigure" and "dash" in operands
    if debconf or any(posixpath.basename(path) == run.shell_name for path in touched):
        return f"the first replaces {run.shell_name}, which the next one is to be run by"
    return None


def _of_mounts(command: Simple, name: str | None, operands: list[str]) -> str | None:
    touched = operands[-1:] if name in _PLACING else [] if name in _READING else operands
    paths = (*touched, *(redirect.target.literal or "" for redirect in command.redirects))
    found = next((each for path in paths for each in _MOUNTED if inside(posixpath.normpath(path), each)), None)
    return f"{found} is mounted for each of them anew, as it was" if found else None


def _of_folder(
    workdir: str | None, folder: str | None, name: str | None, texts: list[str], operands: list[str]
) -> str | None:  # fmt: skip
    if name not in _REMOVING or name == "unlink" or workdir == "/":
        return None
    recursive = name != "rm" or any(text[:1] == "-" and text[1:2] != "-" and {"r", "R"} & set(text) for text in texts)
    if not recursive and "--recursive" not in texts:
        return None
    for path in _gone(operands[:-1] if name == "mv" else operands, folder):
        if path is None or (workdir is not None and inside(workdir, path)):
            return f"`{name}` takes away the working directory, which the next one finds, or gets made, anew"
        if workdir is None and _may_be_workdir(path, any_file=name == "mv"):
            return f"`{name}` may take away the working directory, which the text does not tell"
    return None


def _gone(operands: list[str], folder: str | None) -> Iterator[str | None]:
    """The paths that are taken away; None for the directory that the shell is in."""
    for operand in operands:
        if operand.strip("\"'") in _HERE:
            yield None
        elif "*" not in operand and "?" not in operand and UNKNOWN not in operand and "$" not in operand:
            path = posixpath.normpath(posixpath.join(folder or f"/{UNKNOWN}", operand))
            if UNKNOWN not in path:
                yield path


def _may_be_workdir(path: str, *, any_file: bool) -> bool:
    if any_file and "." in posixpath.basename(path):
        return False  # a file
    return not any(inside(path, each) for each in _NO_WORKDIRS)


def _of_user(state: State, name: str | None, texts: list[str]) -> str | None:
    name_of = (state.user or "root").partition(":")[0]
    user = "root" if name_of == "0" else name_of
    if name in ACCOUNTS | {"gpasswd", "addgroup", "groupmems"} and user in texts:
        return f"`{name}` changes {user}, whom the next one finds with other groups or another home"
    return None
