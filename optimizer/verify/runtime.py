"""Whether what worked in an image still works in another that was put together in another way.

For rewrites that choose another base image or stages: the file systems differ by design, so what the programs need
is looked up in what is there. Nothing is run, and what did not work before is not held against the rewrite.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from optimizer.report.untrusted import printable
from optimizer.verify import elf, installed
from optimizer.verify.cause import Cause, MissingLibrary, MissingModule, MissingPath, MissingProgram, MissingUser
from optimizer.verify.design import Bases, same
from optimizer.verify.elf import Elf
from optimizer.verify.entry import Image, Wanted
from optimizer.verify.imports import Finder, imports
from optimizer.verify.installed import Installed, distribution
from optimizer.verify.loader import CACHE, Loader, Missing
from optimizer.verify.patterns import Patterns, with_folders
from optimizer.verify.programs import Code, Programs, first_line, started

_PASSWD, _GROUP = "/etc/passwd", "/etc/group"
_TEXTS = (_PASSWD, _GROUP, CACHE)
_TEXT_ENDINGS = (".pth", "/pyvenv.cfg", ".path")
_MOST_TEXT = 1 << 20
_BUDGET = 1 << 28
_NOT_THE_APPLICATION = ("/usr/", "/lib/", "/lib64/", "/etc/", "/var/lib/", "/opt/conda/lib/")
_INSTALLED = ("/site-packages/", "/dist-packages/", "/lib-dynload/", "/node_modules/")
_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_CERTIFI = "/certifi/cacert.pem"
_PYTHON_TLS = "/lib-dynload/_ssl."
_FIRST_USER, _NOBODY = 1000, 60000
_TLS = ("libssl.so", "libgnutls.so", "libnss3.so", "libmbedtls.so")


class Finding(NamedTuple):
    """Something that worked and does not any more: what it is about (a path, or a field), and what is wrong."""

    subject: str
    message: str
    cause: Cause

    def __str__(self) -> str:
        return printable(f"{self.subject} {self.message}")


class Looking:
    """What the checks have to know of the files' contents: give a new one to each reader of image.py."""

    def __init__(self, budget: int = _BUDGET) -> None:
        self._left = budget

    def __call__(self, path: str, size: int, head: bytes) -> Wanted | None:
        """Texts are kept, up to so many bytes of one image; of programs and libraries, what their loader reads."""
        script = first_line(head)
        python = path.endswith(".py") or (script is not None and "python" in posixpath.basename(script.program))
        whole = range(size)
        if size <= min(_MOST_TEXT, self._left):
            if path in _TEXTS or path.endswith(_TEXT_ENDINGS):
                self._left -= size
                return Wanted((whole,), lambda pieces: pieces.at(0, size))
            if python and is_application(path, script is not None):
                self._left -= size
                return Wanted((whole,), lambda pieces: Code(script, imports(pieces.at(0, size))))
        if size <= self._left and (record := installed.look(path, size)):
            self._left -= size
            return record
        if script:
            return Wanted((), lambda pieces: Code(script))
        return elf.look(path, size, head)


def is_application(path: str, script: bool) -> bool:
    """Whether code is the image's own, not a module of an installed package; a script is, wherever it lies."""
    if script and not path.endswith(".py"):
        return True
    return not path.startswith(_NOT_THE_APPLICATION) and not any(part in path for part in _INSTALLED)


def check(before: Image, after: Image, allowed: Iterable[str] = (), bases: Bases | None = None) -> tuple[Finding, ...]:
    """What does not work any more. Both images were read with `Looking`.

    :param allowed: patterns of paths that the fixes declare (`Fix.paths`): that something there is broken is meant.
    :param bases: the base images, where the image begins with another one, or is put together from other stages.
    """
    return tuple(_Check(before, after, allowed, bases).findings())


class _Check:
    def __init__(self, before: Image, after: Image, allowed: Iterable[str], bases: Bases | None) -> None:
        self.before, self.after, self.bases = before, after, bases
        self.old, self.new = Programs(before), Programs(after)
        self.loaders = Loader(before), Loader(after)
        self.allowed = Patterns(with_folders(allowed))

    def findings(self) -> Iterator[Finding]:
        yield from self.user()
        yield from self.people()
        yield from self.commands()
        yield from self.scripts()
        yield from self.libraries()
        yield from self.modules()
        yield from self.requirements()
        yield from self.certificates()

    def user(self) -> Iterator[Finding]:
        """USER is somebody, and the same one as before."""
        user, _, group = self.after.config.user.partition(":")
        for file, what, name in ((_PASSWD, "user", user), (_GROUP, "group", group)):
            was, now = (_number(image, file, name) for image in (self.before, self.after))
            if was and was != now:
                now = f"now {now}" if now else "is gone"
                yield Finding(f"USER: the {what} {name}", f"had the number {was}, and {now}", MissingUser(name))

    def people(self) -> Iterator[Finding]:
        """The users that the author made are there: what starts may change to one of them, as gosu does.

        Source: UID_MIN of login.defs(5). Below it are the users of packages, which go with these.
        """
        if self.bases is None:
            return
        for name, _, number, group, *_ in _accounts(self.before, _PASSWD):
            people = number.isdigit() and _FIRST_USER <= int(number) < _NOBODY
            if people and not _number(self.bases.old, _PASSWD, name) and name not in self.after.config.user.split(":"):
                now = _number(self.after, _PASSWD, name)
                if now != f"{number}:{group}":
                    what = f"had the number {number}:{group}, and {f'now {now}' if now else 'is gone'}"
                    yield Finding(f"the user {name}", what, MissingUser(name))

    def commands(self) -> Iterator[Finding]:
        """What ENTRYPOINT, CMD and HEALTHCHECK start is there, with what reads it, and so are the files they name."""
        for field, text in started(self.after.config):
            if self.old.find(text) and not self.old.broken(text):
                if broken := self.new.broken(text):
                    asked_by = field if broken.missing == text else self.new.find(text) or text
                    yield Finding(f"{field}: {text}", broken.why, MissingProgram(broken.missing, asked_by))
            elif self.before.at(text) and not self.after.at(text):
                yield Finding(f"{field}: {text}", "is not in the image", MissingPath(self.before.absolute(text)))

    def scripts(self) -> Iterator[Finding]:
        """What reads a script on PATH is there."""
        directories = {self.after.resolve(directory) for directory in self.new.directories}
        for path, entry in self.after.entries.items():
            if not isinstance(entry.found, Code) or posixpath.dirname(path) not in directories:
                continue
            were = self.counterparts(path)
            if self.allowed.covers(path) or (were and all(self.old.broken(was) for was in were)):
                continue
            if broken := self.new.broken(path):
                yield Finding(path, broken.why, MissingProgram(broken.missing, path))

    def libraries(self) -> Iterator[Finding]:
        """Programs and libraries find the shared libraries that they need, new enough."""
        found: dict[Missing, list[str]] = {}
        for path, entry in self.after.entries.items():
            if isinstance(entry.found, Elf) and not self.allowed.covers(path):
                for missing in self.missing(path):
                    real = self.after.resolve(missing.path) or missing.path
                    found.setdefault(missing._replace(path=real), []).append(path)
        for missing, paths in found.items():
            others = [path for path in paths if path != missing.path]
            more = f" and {len(others) - 1} more" if others[1:] else ""
            because = f" ({others[0]}{more} cannot be loaded without)" if others else ""
            cause = MissingLibrary(missing.library, missing.path, missing.version)
            yield Finding(missing.path, f"needs {missing.what}{because}", cause)

    def missing(self, path: str) -> list[Missing]:
        """What the file at this path lacks, and did not lack before."""
        old, new = self.loaders
        missing = new.missing(path)
        if not missing:
            return []
        were = [self.named(lacked, self.before) for was in self.counterparts(path) for lacked in old.missing(was)]
        return [each for each in missing if self.named(each, self.after) not in were]

    def named(self, missing: Missing, image: Image) -> tuple[str, str]:
        """What is missing, by the content of the file that needs it: it may have another path."""
        entry = image.at(missing.path)
        return entry.sha256 if entry else missing.path, missing.what

    def counterparts(self, path: str) -> list[str]:
        """Where before there was what is now at this path: there too, or the same content elsewhere."""
        if path in self.before.entries:
            return [path]
        return self._contents.get(self.after.entries[path].sha256, [])

    @cached_property
    def _contents(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, entry in self.before.entries.items():
            if entry.found is not None:
                found.setdefault(entry.sha256, []).append(path)
        return found

    @cached_property
    def finders(self) -> tuple[Finder, Finder]:
        old, new = self.loaders
        return _finder(self.before, self.old, old), _finder(self.after, self.new, new)

    def modules(self) -> Iterator[Finding]:
        """What the application's Python code imports is found by the Python that runs it."""
        old, new = self.finders
        lost: dict[str, list[str]] = {}
        for path, entry in self.after.entries.items():
            if not isinstance(entry.found, Code) or self.allowed.covers(path):
                continue
            for each in entry.found.imports:
                was = {module for there in self.counterparts(path) for module in old.finds(each, there)}
                for module in sorted(was.difference(new.finds(each, path))):
                    lost.setdefault(module, []).append(path)
        where = ", ".join(new.interpreters) or "no Python"
        for module, paths in lost.items():
            more = f" and {len(paths) - 1} more" if paths[1:] else ""
            what = f"imports {module}, which {where} does not find any more"
            yield Finding(f"{paths[0]}{more}", what, MissingModule(module, tuple(paths)))

    def requirements(self) -> Iterator[Finding]:
        """What Python's distributions require is there, also where it was a package of the distribution's."""
        if self.bases is None:
            return
        old, new = Installed(self.before).packages, Installed(self.after).packages
        for record in old.keys() & new.keys():
            still = {distribution(each) for each in new[record].needs}
            for need in sorted(old[record].needs):
                if distribution(need) not in still:
                    yield Finding(record, f"requires {distribution(need)}, which is gone", MissingPath(need))

    def certificates(self) -> Iterator[Finding]:
        """CA certificates stay where something speaks TLS: without them it fails, but only when it runs."""
        for path in _CERTIFICATES:
            if self.before.at(path) is None or self.after.at(path) is not None:
                continue
            if user := next(self.speakers(), None):
                what = f"is gone, and {user} speaks TLS: without CA certificates it trusts nobody"
                yield Finding(path, what, MissingPath(path))

    def speakers(self) -> Iterator[str]:
        """What speaks TLS of the application's own, by the libraries that it is linked with.

        Its own are not the programs that the base image has anyhow, but what belongs to the one that it starts: Python
        with its `_ssl`. Where certifi is there, Python's code has certificates at hand.
        """
        named: dict[str, tuple[str, ...]] = {}
        for path, entry in self.after.entries.items():
            if isinstance(entry.found, Elf):
                named[entry.found.soname or posixpath.basename(path)] = entry.found.needed
        own = [f"{prefix}/lib/" for prefix in self.prefixes() if prefix not in ("", "/usr")]
        certifi = any(path.endswith(_CERTIFI) and "/_vendor/" not in path for path in self.after.entries)
        for path, entry in self.after.entries.items():
            if not isinstance(entry.found, Elf) or not any(each.startswith(_TLS) for each in _all(entry.found, named)):
                continue
            begun = path.startswith(tuple(own)) and not (certifi and _PYTHON_TLS in path)
            if begun or self.bases is None or not same(path, self.after, self.bases.new):
                yield path

    def prefixes(self) -> Iterator[str]:
        """Below which directories the programs are installed that the image starts, or that read its code."""
        chains = [path for word in started(self.after.config) for _, path in self.new.chain(word.text) if path]
        coded = any(isinstance(each.found, Code) and each.found.imports for each in self.after.entries.values())
        for path in (*chains, *(self.finders[1].interpreters if coded else ())):
            yield posixpath.dirname(posixpath.dirname(self.after.resolve(path) or path))


def _all(elf: Elf, named: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """The libraries that a file needs, and those that these need, by name alone."""
    seen: dict[str, None] = {}
    waiting = list(elf.needed)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = None
            yield name
            waiting += named.get(name, ())


def _accounts(image: Image, file: str) -> Iterator[list[str]]:
    """The fields of each line of a file like passwd(5) and group(5)."""
    entry = image.at(file)
    if entry and isinstance(entry.found, bytes):
        for line in entry.found.decode("utf-8", "surrogateescape").splitlines():
            yield [*line.split(":"), "", "", "", "", "", ""]


def _number(image: Image, file: str, name: str) -> str:
    """The number and primary group of a user, or the number of a group; "" where there is none, or it is a number."""
    found = (fields for fields in _accounts(image, file) if name and fields[0] == name)
    return next((":".join(fields[2:4] if file == _PASSWD else fields[2:3]) for fields in found), "")


def _finder(image: Image, programs: Programs, loader: Loader) -> Finder:
    """The Pythons that the image starts; or those on PATH, where it starts none."""
    chains = [link for word in started(image.config) for link in programs.chain(word.text)]
    paths = [path for _, path in chains if path and _is_python(image, path)]
    paths = paths or [path for name in ("python3", "python") if (path := programs.find(name))]
    return Finder(image, dict.fromkeys(paths), _home(image), lambda path: not loader.missing(path))


def _is_python(image: Image, path: str) -> bool:
    return posixpath.basename(image.resolve(path) or "").startswith(("python", "pypy"))


def _home(image: Image) -> str:
    if "HOME" in image.config.env:
        return image.config.env["HOME"]
    user = image.config.user.partition(":")[0] or "root"
    return next((fields[5] for fields in _accounts(image, _PASSWD) if user in (fields[0], fields[2])), "/root")
