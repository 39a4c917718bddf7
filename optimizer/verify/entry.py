"""What is known of an image: its configuration, and every path of its root file system."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, Self

MAX_LINKS = 40
"""As in Linux: a path that goes through more symbolic links than this leads nowhere."""


class ImageError(ValueError):
    """The image cannot be read; the message says why, and what can be done."""


class Kind(StrEnum):
    """What stands at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symbolic link"
    CHARACTER_DEVICE = "character device"
    BLOCK_DEVICE = "block device"
    FIFO = "named pipe"


class Entry(NamedTuple):
    """One path of a root file system. `mtime` is seconds since 1970 and never compared: each build has its own."""

    kind: Kind
    mode: int = 0o755
    """Permissions with set-user-ID, set-group-ID and sticky bits; always 0o777 for a symbolic link."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    """Bytes of a regular file, 0 for all else."""
    sha256: str = ""
    link: str = ""
    """Where a symbolic link leads, as it is written."""
    device: tuple[int, int] = (0, 0)
    xattrs: tuple[tuple[str, bytes], ...] = ()
    """Extended attributes, sorted by name; file capabilities are one of them."""
    mtime: float = 0
    found: object = None
    """What was learnt from the content on the way, see `Look`."""


@dataclass(frozen=True, slots=True)
class Config:
    """The configuration of an image, with what means the same to Docker written the same way.

    Source: the OCI image specification (config.md) with Docker's Healthcheck, OnBuild and Shell.
    """

    platform: str = ""
    """`os/architecture[/variant]`."""
    env: Mapping[str, str] = field(default_factory=dict)
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = "/"
    exposed_ports: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)
    healthcheck: Mapping[str, object] = field(default_factory=dict)
    stop_signal: str = ""
    shell: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, document: object) -> Self:
        """Read an OCI image configuration, or one image of what `docker image inspect` prints.

        :raises ImageError: when it is neither.
        """
        outer = _mapping(document, "the configuration")
        names = {name.lower(): value for name, value in outer.items()}
        inner = _mapping(names.get("config") or {}, "its config")
        platform = [names.get(name) for name in ("os", "architecture", "variant")]
        healthcheck = _mapping(inner.get("Healthcheck") or {}, "Healthcheck")
        return cls(
            platform="/".join(str(part) for part in platform if part),
            env=dict(text.partition("=")[::2] for text in _texts(inner, "Env")),
            cmd=_texts(inner, "Cmd"),
            entrypoint=_texts(inner, "Entrypoint"),
            user=_text(inner, "User"),
            working_dir=posixpath.normpath(_text(inner, "WorkingDir") or "/"),
            exposed_ports=frozenset(port if "/" in port else f"{port}/tcp" for port in _keys(inner, "ExposedPorts")),
            volumes=frozenset(_keys(inner, "Volumes")),
            labels={key: str(value) for key, value in _mapping(inner.get("Labels") or {}, "Labels").items()},
            healthcheck={key: _frozen(value) for key, value in healthcheck.items() if value},
            stop_signal=_text(inner, "StopSignal"),
            shell=_texts(inner, "Shell"),
            on_build=_texts(inner, "OnBuild"),
        )


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ImageError(f"the image's configuration cannot be read: {name} is not an object")
    return value


def _texts(config: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = config.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ImageError(f"the image's configuration cannot be read: {name} is not a list of texts")
    return tuple(value)


def _text(config: Mapping[str, Any], name: str) -> str:
    value = config.get(name) or ""
    if not isinstance(value, str):
        raise ImageError(f"the image's configuration cannot be read: {name} is not a text")
    return value


def _keys(config: Mapping[str, Any], name: str) -> Iterable[str]:
    return _mapping(config.get(name) or {}, name)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class LayerSize(NamedTuple):
    """One layer as it stands in an archive: bytes as stored (packed or not), and unpacked."""

    name: str
    stored: int
    unpacked: int


@dataclass(frozen=True)
class Image:
    """An image: its configuration, and what stands at every absolute path but `/` itself.

    `links` has every path of a file with several names (hard links), and the first of these names.
    """

    config: Config
    entries: Mapping[str, Entry]
    links: Mapping[str, str] = field(default_factory=dict)
    layers: tuple[LayerSize, ...] = ()

    def absolute(self, path: str) -> str:
        """The path as seen from the working directory, links not followed."""
        return posixpath.normpath(posixpath.join(self.config.working_dir, path))

    def resolve(self, path: str) -> str | None:
        """The path with all symbolic links followed, as a process with this root would; None where it leads nowhere."""
        parts = posixpath.join(self.config.working_dir, path).split("/")[::-1]
        done, hops = "", 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            entry = self.entries.get(f"{done}/{part}")
            if entry is None:
                return None
            if entry.kind is Kind.SYMLINK:
                hops += 1
                if hops > MAX_LINKS:
                    return None
                if entry.link.startswith("/"):
                    done = ""
                parts += entry.link.split("/")[::-1]
                continue
            if parts and any(parts) and entry.kind is not Kind.DIRECTORY:
                return None
            done = f"{done}/{part}"
        return done or "/"

    def at(self, path: str) -> Entry | None:
        """What stands where the path leads."""
        real = self.resolve(path)
        return None if real is None else self.entries.get(real)

    @cached_property
    def peers(self) -> Mapping[str, frozenset[str]]:
        """All names of each file that has several, by each of its names."""
        groups: dict[str, set[str]] = {}
        for path, first in self.links.items():
            groups.setdefault(first, set()).add(path)
        return {path: frozenset(groups[first]) for path, first in self.links.items()}


class Pieces:
    """The ranges of one file's content that were asked for; every access is checked."""

    def __init__(self, size: int, pieces: Sequence[tuple[int, bytes]]) -> None:
        self.size = size
        self._pieces = pieces

    def at(self, offset: int, size: int) -> bytes:
        """The bytes from offset on.

        :raises ValueError: when they are not all there.
        """
        for start, piece in self._pieces:
            if start <= offset <= offset + size <= start + len(piece):
                return piece[offset - start : offset - start + size]
        raise ValueError(f"{size} bytes at {offset} are not in the file, or were not kept")


class Wanted(NamedTuple):
    """The ranges of a file to keep while it streams by, and what to make of them; the result is `Entry.found`."""

    ranges: tuple[range, ...]
    read: Callable[[Pieces], object]


Look = Callable[[str, int, bytes], Wanted | None]
"""Asked for every regular file: its path, size, and its first `HEAD` bytes; None leaves its content alone."""

HEAD = 4096


class Limits(NamedTuple):
    """How much of an archive is read before it is refused: it comes from a build that nobody has looked at."""

    unpacked: int = 1 << 37
    """Bytes of the stream, and of all layers together."""
    entries: int = 4_000_000
    """Entries of all layers together, and paths of the image."""
    header: int = 1 << 20
    """Bytes of one extended header."""
    text: int = 1 << 29
    """Bytes of all extended headers of one layer, and of all paths of the image."""
    path: int = 4096
    document: int = 1 << 23
    """Bytes of one JSON document."""
    documents: int = 1000


LIMITS = Limits()
