"""What differs by design where an image is put together from other stages, or begins with another base image.

Of each path it is asked whose it was. What the old base image brought, or a package that nobody asked for, may be gone;
what the author or the build put there may not, unless a fix declares it. Whether the programs find what they need is
for runtime.py to say.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from optimizer.verify.difference import Aspect, Difference, Place, Verb
from optimizer.verify.entry import Config, Entry, Image, Kind
from optimizer.verify.installed import Installed, Package
from optimizer.verify.moved import back
from optimizer.verify.patterns import Patterns, with_folders
from optimizer.verify.programs import PATH

LISTS = (
    "/var/lib/dpkg", "/var/lib/apt", "/var/cache/debconf", "/lib/apk/db", "/etc/apk/world", "/var/lib/rpm",
    "/usr/lib/sysimage", "/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid",
    "/etc/subgid", "/etc/shells", "/etc/ca-certificates.conf", "/usr/share/info/dir", "/usr/share/mime",
    "/usr/share/applications/mimeinfo.cache", "/**/node_modules/.package-lock.json",
    "/**/node_modules/.yarn-integrity", "/**/node_modules/.yarn-state.yml", "/**/node_modules/.modules.yaml",
    "/**/node_modules/.pnpm/lock.yaml", "/**/node_modules/.pnpm-workspace-state*.json",
)  # fmt: skip
"""Files that list what is installed, or whom packages need: with other packages they say something else. What has to
be in them for the image to work is checked by itself (runtime.py)."""

MADE = (
    "/etc/alternatives", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/java/cacerts", "/var/cache/apt",
    "/var/cache/debconf", "/var/cache/fontconfig", "/var/cache/ldconfig", "/var/cache/man", "/var/log/apt",
    "/var/log/alternatives.log", "/var/log/dpkg.log", "/var/log/fontconfig.log", "/var/lib/systemd", "/var/lib/ucf",
    "/var/lib/python", "/var/lib/ghostscript", "/var/lib/xml-core", "/var/lib/sgml-base", "/var/lib/emacsen-common",
    "/etc/rc?.d", "/etc/systemd/*/*.wants", "/etc/sgml", "/etc/xml", "/etc/.pwd.lock", "/etc/mailcap",
    "/etc/inputrc", "/etc/networks", "/etc/python3", "!/etc/python3/*", "/etc/mercurial/hgrc.d/hgext.rc",
    "/etc/python3/debian_config", "/run/adduser",
    "/usr/local/share/fonts", "/usr/local/share/sgml", "/usr/local/share/xml", "!/usr/local/share/*/*",
    "/usr/local/lib/python3*/dist-packages", "!/usr/local/lib/python3*/dist-packages/*",
    "/usr/share/glib-2.0/schemas/gschemas.compiled", "/usr/lib/*/gdk-pixbuf-2.0/*/loaders.cache",
    "/usr/lib/*/gconv/gconv-modules.cache", "/usr/lib/*/gio/modules/giomodule.cache",
    "/usr/share/icons/*/icon-theme.cache",
)  # fmt: skip
"""What the scripts of packages make when they are installed, and no list has.

Source: what the full images of Debian and Python have that no list names.
"""

_LINKED = ("/etc/alternatives/", "/usr/share/ca-certificates/", "/usr/local/share/ca-certificates/")
"""Where the links lead that the scripts of packages make."""
_INSTALLERS, _SETUPTOOLS = ("pip-", "wheel-"), "setuptools-"
"""Distributions that images of Python and virtual environments have, each its own version."""
_NOTICED = frozenset({
    "LANG", "LANGUAGE", "TZ", "HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_ENV",
    "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "JAVA_HOME",
    "JAVA_TOOL_OPTIONS", "PYTHON_VERSION",
})  # fmt: skip
"""Variables that change what a program does, whoever set them; those that begin with LC_ are among them."""
_UNSAID = frozenset({("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")})
"""Variables that say what holds without them. Source: where Debian's ca-certificates puts its bundle."""


class Bases(NamedTuple):
    """The base images before and after."""

    old: Image
    new: Image


class Design:
    """What may differ in a split, and why."""

    def __init__(self, before: Image, after: Image, bases: Bases, declared: Iterable[str]) -> None:
        """declared: patterns of the paths that the fixes remove or add (`Fix.paths`)."""
        self._declared = Patterns(with_folders(declared))
        self._lists, self._made = Patterns(LISTS), Patterns(MADE)
        self._before, self._bases = before, bases
        self._moved = back(before, after, self._declared.covers)
        self.after = self._moved.image
        """The image after, its files under the names that they had."""
        self._old, self._new = Installed(before), Installed(self.after)
        self._given, self._given_now = Installed(bases.old), Installed(bases.new)

    def permits(self, difference: Difference) -> bool:
        """Whether it is by design that a field or a path differs in this way."""
        if difference.place is Place.CONFIG:
            return self._permits_field(difference.name)
        path = difference.name
        aspects = {change.aspect for change in difference.changes}
        if aspects <= {Aspect.CONTENT, Aspect.TYPE} and self._lists.covers(path):
            return True
        if difference.verb is Verb.CHANGED:
            moved = self._moved.explains(difference, self._before)
            return moved or self._other_version(path) or (aspects == {Aspect.LINK} and self._next_choice(path))
        if difference.verb is Verb.LOST:
            return self._left(path)
        return same(path, self.after, self._bases.new) or self._comes(path)

    def _left(self, path: str) -> bool:
        """Whether a path may be gone: by whose it was."""
        if self._made.covers(path) or self._declared.covers(path):
            return True
        owner = self._old.owner(path)
        stays = owner is not None and owner.record in self._new.packages
        if same(path, self._before, self._bases.old):
            # A base image may lack a file of a package that it has; a package that was installed on it does not.
            return owner is None or not stays or owner.record in self._given_now.packages
        if owner is not None:
            return not stays and self._may_go(owner)
        return self._led_to(path)

    def _comes(self, path: str) -> bool:
        """Whether a path may be new."""
        if self._made.covers(path) or self._declared.covers(path):
            return True
        owner = self._new.owner(path)
        return (owner is not None and owner.of_system) or _is_made_link(self.after.entries[path])

    def _led_to(self, path: str) -> bool:
        """Whether it is a link, and led to something that may be gone."""
        entry = self._before.entries[path]
        if entry.kind is not Kind.SYMLINK or _is_made_link(entry):
            return _is_made_link(entry)
        target = _target(path, self._before)
        return target != path and self._is_left(target)

    def _is_left(self, path: str) -> bool:
        """Whether a path is gone, and may be."""
        return path in self._before.entries and path not in self.after.entries and self._left(path)

    def _next_choice(self, path: str) -> bool:
        """Whether update-alternatives(1) has chosen the next of the programs that were there: the first may be gone.

        What is set by hand is the author's.
        """
        if path not in self._old.alternatives or path not in self._new.alternatives:
            return False
        was, now = _target(path, self._before), _target(path, self.after)
        owner = self._old.owner(now)
        return self._is_left(was) and owner is not None and owner.of_system and now in self.after.entries

    def _other_version(self, path: str) -> bool:
        """Whether a path is now as the new base image has it, and what was there before was not the author's."""
        if not same(path, self.after, self._bases.new):
            return False
        if same(path, self._before, self._bases.old):
            return True
        owner = self._old.owner(path)
        if owner is None or not owner.of_system:
            return owner is not None and self._is_installer(owner)
        return not path.startswith("/etc/") and self._is_updated(owner)

    def _is_updated(self, package: Package) -> bool:
        """Whether the build has brought another version of a package of Debian's than the old base image has."""
        sums = package.record.removesuffix(".list") + ".md5sums"
        return sums in self._before.entries and not same(sums, self._before, self._bases.old)

    def _may_go(self, package: Package) -> bool:
        """Whether a package may be gone: it was the base image's, nobody's wish, or a fix says so."""
        if package.record in self._given.packages or package.record in self._named or self._is_installer(package):
            return True
        if package.asked:
            return False
        holder = self._old.holder(package)
        if holder is not None and holder.record in self._gone and self._may_go(holder):
            return True
        return package.of_system or (package.record in self._brought and package.record not in self._needed)

    def _is_installer(self, package: Package) -> bool:
        """Whether it only installs others. setuptools does more: it has to be there in some version."""
        name = posixpath.basename(package.record)
        if not name.endswith(".dist-info"):
            return False
        others = (posixpath.basename(record) for record in self._new.packages)
        return name.startswith(_INSTALLERS) or (
            name.startswith(_SETUPTOOLS) and any(other.startswith(_SETUPTOOLS) for other in others)
        )

    @cached_property
    def _gone(self) -> Mapping[str, Package]:
        return {record: each for record, each in self._old.packages.items() if record not in self._new.packages}

    @cached_property
    def _named(self) -> frozenset[str]:
        """The packages that are gone as a fix says, of their records or of what leads to these (pnpm)."""
        led = {
            self._before.resolve(path) for path, entry in self._before.entries.items()
            if entry.kind is Kind.SYMLINK and "/node_modules/" in path and self._declared.covers(path)
        }  # fmt: skip
        return frozenset(record for record in self._gone if record in led or self._declared.covers(record))

    @cached_property
    def _brought(self) -> frozenset[str]:
        """The packages that may have come only with packages of which a fix says that they go."""
        waiting = list(self._named)
        found: set[str] = set()
        while waiting:
            record = waiting.pop()
            if record not in found and record in self._gone:
                found.add(record)
                waiting += self._gone[record].uses
        return frozenset(found)

    @cached_property
    def _needed(self) -> frozenset[str]:
        """What the packages need that stay."""
        stay = (each for record, each in self._old.packages.items() if record in self._new.packages)
        return frozenset(need for each in stay for need in each.needs)

    def _permits_field(self, name: str) -> bool:
        word, _, key = name.partition(" ")
        if (word, key) == ("ENV", "PATH"):
            return self._permits_path()
        read = {"ENV": lambda image: image.config.env, "LABEL": lambda image: image.config.labels}.get(word)
        if read is None:
            return False
        was, old, now, new = (
            read(image).get(key) for image in (self._before, self._bases.old, self.after, self._bases.new)
        )
        if was != old or now != new:
            return False  # the author's
        if word == "LABEL":
            return True
        if was is not None and now is not None:
            return False
        return (key, was or now) in _UNSAID or (key not in _NOTICED and not key.startswith("LC_"))

    def _permits_path(self) -> bool:
        """Whether PATH has more in front, which a fix declares, and has lost no more than the old base's own folders.

        A folder that is not there any more is no loss.
        """
        was, now, given = (_folders(image.config) for image in (self._before, self.after, self._bases.old))
        kept = [each for each in was if each in now or each not in given or self.after.at(each) is not None]
        front = len(now) - len(kept)
        return front >= 0 and now[front:] == kept and all(map(self._declared.covers, now[:front]))


def same(path: str, one: Image, two: Image) -> bool:
    """Whether two images have the same at a path, whatever its times."""
    first, second = one.entries.get(path), two.entries.get(path)
    if first is None or second is None:
        return False
    return first._replace(mtime=0, found=None) == second._replace(mtime=0, found=None)


def _folders(config: Config) -> list[str]:
    return (config.env.get("PATH") or PATH).split(":")


def _target(path: str, image: Image) -> str:
    """Where a link leads at first."""
    folder = image.resolve(posixpath.dirname(path)) or "/"
    above, name = posixpath.split(posixpath.normpath(posixpath.join(folder, image.entries[path].link)))
    return posixpath.join(image.resolve(above) or above, name)


def _is_made_link(entry: Entry) -> bool:
    """Whether it is a link of update-alternatives(1) or update-ca-certificates(8)."""
    return entry.kind is Kind.SYMLINK and entry.link.startswith(_LINKED)
