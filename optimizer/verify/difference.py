"""How two images differ: configuration field by field, file system path by path. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import NamedTuple

from optimizer.report.untrusted import HIDDEN, mask, printable, secrets
from optimizer.verify.entry import Config, Entry, Image, Kind


class Place(IntEnum):
    """Where the images differ."""

    CONFIG = 0
    FILES = 1


class Verb(StrEnum):
    """How they differ, seen from the image before."""

    LOST = "lost"
    CHANGED = "changed"
    ADDED = "added"


class Aspect(StrEnum):
    """What of it differs."""

    VALUE = "value"
    TYPE = "type"
    MODE = "mode"
    OWNER = "owner"
    CONTENT = "content"
    LINK = "link target"
    DEVICE = "device"
    XATTRS = "extended attributes"
    NAMES = "hard links"


class Change(NamedTuple):
    """One aspect, before and after, in words."""

    aspect: Aspect
    before: str
    after: str


class Difference(NamedTuple):
    """One path, or one field of the configuration, that is not the same.

    `name` is an absolute path, or the Dockerfile's word for the field, with a key behind it where it has several.
    What is lost or added has one change, with "" on the other side.
    """

    place: Place
    verb: Verb
    name: str
    changes: tuple[Change, ...]
    is_directory: bool = False


_SHOWN = 80
"""Characters of a value that are shown."""


def show(value: object) -> str:
    """A value from an image, fit for a terminal, not too long, and without the password of a URL."""
    text = printable(mask(value if isinstance(value, str) else repr(value), ()))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def differences(before: Image, after: Image) -> Iterator[Difference]:
    """Every difference, the configuration's first, then by path."""
    yield from _config(before.config, after.config)
    yield from _files(before, after)


_CONFIG: Mapping[str, Callable[[Config], object]] = {
    "platform": lambda config: config.platform,
    "ENTRYPOINT": lambda config: config.entrypoint,
    "CMD": lambda config: config.cmd,
    "USER": lambda config: config.user,
    "WORKDIR": lambda config: config.working_dir,
    "ENV": lambda config: config.env,
    "EXPOSE": lambda config: dict.fromkeys(config.exposed_ports, ""),
    "VOLUME": lambda config: dict.fromkeys(config.volumes, ""),
    "HEALTHCHECK": lambda config: config.healthcheck,
    "STOPSIGNAL": lambda config: config.stop_signal,
    "SHELL": lambda config: config.shell,
    "ONBUILD": lambda config: config.on_build,
    "LABEL": lambda config: config.labels,
}
"""The fields, the most telling first; one that is a mapping has a value for each of its keys."""


def _config(before: Config, after: Config) -> Iterator[Difference]:
    for word, value in _CONFIG.items():
        one, two = _keyed(word, value(before)), _keyed(word, value(after))
        for name in sorted(one.keys() | two.keys()):
            if one.get(name) != two.get(name):
                verb = Verb.ADDED if name not in one else Verb.LOST if name not in two else Verb.CHANGED
                text = _hidden if word == "ENV" and _is_credential(name.removeprefix("ENV ")) else _text
                change = Change(Aspect.VALUE, text(one.get(name)), text(two.get(name)))
                yield Difference(Place.CONFIG, verb, name, (change,))


def _keyed(word: str, value: object) -> Mapping[str, object]:
    """The values of a field by name. What is not set is not there."""
    if isinstance(value, Mapping):
        return {f"{word} {key}": item for key, item in value.items()}
    return {word: value} if value else {}


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return show(list(value))
    return "" if value is None else show(value)


def _hidden(value: object) -> str:
    return "" if value is None else HIDDEN


def _is_credential(name: str) -> bool:
    """Whether a variable of this name holds a credential: then its value is not repeated."""
    return bool(secrets(f"FROM scratch\nENV {name}={HIDDEN}{HIDDEN}"))


_ASPECTS: Mapping[Aspect, Callable[[Entry], object]] = {
    Aspect.MODE: lambda entry: entry.mode,
    Aspect.OWNER: lambda entry: (entry.uid, entry.gid),
    Aspect.CONTENT: lambda entry: (entry.size, entry.sha256),
    Aspect.LINK: lambda entry: entry.link,
    Aspect.DEVICE: lambda entry: entry.device,
    Aspect.XATTRS: lambda entry: entry.xattrs,
}
_WORDS: Mapping[Aspect, Callable[[Entry], str]] = {
    Aspect.MODE: lambda entry: f"{entry.mode:04o}",
    Aspect.OWNER: lambda entry: f"{entry.uid}:{entry.gid}",
    Aspect.CONTENT: lambda entry: f"{entry.size} bytes, sha256 {entry.sha256[:12]}",
    Aspect.LINK: lambda entry: show(entry.link),
    Aspect.DEVICE: lambda entry: "{}:{}".format(*entry.device),
    Aspect.XATTRS: lambda entry: show(", ".join(f"{key}={value.hex()}" for key, value in entry.xattrs)) or "none",
}


def _files(before: Image, after: Image) -> Iterator[Difference]:
    one, two = before.entries, after.entries
    for path in sorted(one.keys() | two.keys()):
        old, new = one.get(path), two.get(path)
        if old is None or new is None:
            there = old or new
            assert there is not None
            yield _unpaired(path, there, Verb.LOST if old else Verb.ADDED)
            continue
        if changes := (*_changes(old, new), *_renamed(path, before, after)):
            yield Difference(Place.FILES, Verb.CHANGED, path, changes, new.kind is Kind.DIRECTORY)


def _unpaired(path: str, entry: Entry, verb: Verb) -> Difference:
    what = str(entry.kind)
    if entry.kind is Kind.FILE:
        what += f", {entry.size} bytes"
    elif entry.kind is Kind.SYMLINK:
        what += f" to {show(entry.link)}"
    change = Change(Aspect.TYPE, *((what, "") if verb is Verb.LOST else ("", what)))
    return Difference(Place.FILES, verb, path, (change,), entry.kind is Kind.DIRECTORY)


def _changes(old: Entry, new: Entry) -> tuple[Change, ...]:
    if old.kind is not new.kind:
        return (Change(Aspect.TYPE, old.kind, new.kind),)
    return tuple(
        Change(aspect, _WORDS[aspect](old), _WORDS[aspect](new))
        for aspect, value in _ASPECTS.items()
        if value(old) != value(new)
    )


def _renamed(path: str, before: Image, after: Image) -> tuple[Change, ...]:
    """Whether the file's other names are no longer the same, of those paths that both images have."""
    if path not in before.links and path not in after.links:
        return ()
    both = before.entries.keys() & after.entries.keys()
    old, new = (sorted(image.peers.get(path, frozenset()) & both - {path}) for image in (before, after))
    if old == new:
        return ()
    return (Change(Aspect.NAMES, show(" ".join(old)) or "none", show(" ".join(new)) or "none"),)
