"""Reads images from streams, in one pass: nothing is unpacked to disk, and only what `Entry` says is kept."""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from optimizer.verify.entry import (
    HEAD,
    LIMITS,
    Config,
    Entry,
    Image,
    ImageError,
    Kind,
    LayerSize,
    Limits,
    Look,
    Pieces,
    Wanted,
)
from optimizer.verify.stream import Readable, Source, chunks, unpacked
from optimizer.verify.tar import BLOCK, Member, clean, members
from optimizer.verify.tree import Tree

__all__ = ["Config", "Entry", "Image", "ImageError", "Kind", "Layer", "Limits", "read_archive", "read_tar"]

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_AUFS = ".wh..wh."
"""What the storage driver aufs kept for itself; no file of the image."""
_NAMES = ("org.opencontainers.image.ref.name", "io.containerd.image.name")
"""Annotations that hold an image's name."""


def read_tar(
    stream: Readable, config: Config | None = None, *, look: Look | None = None, limits: Limits = LIMITS
) -> Image:
    """Read a root file system, as `docker export` or buildx with `type=tar` writes it; it knows no configuration.

    :raises ImageError: when it cannot be read to the end, or is not fit to be read.
    """
    outer = Source(chunks(stream), limits.unpacked)
    source = Source(unpacked(outer, "root file system"), limits.unpacked)
    tree = Tree(limits)
    for member in members(source, limits):
        _place(tree, member.path, member.same_as or _with_content(member, source, look))
    for rest in (source, outer):
        for _ in rest.rest():
            pass
    return Image(config or Config(), *tree.flat())


@dataclass
class Layer:
    """One layer: what it takes away from those below it, then what it puts there."""

    stored: int
    unpacked: int = 0
    removed: list[str] = field(default_factory=list)
    emptied: list[str] = field(default_factory=list)
    put: list[tuple[str, Entry | str]] = field(default_factory=list)
    """Paths with their entry, or with another name of the same file."""


def read_archive(
    stream: Readable,
    *,
    name: str = "",
    platform: str = "",
    look: Look | None = None,
    limits: Limits = LIMITS,
    cache: MutableMapping[str, Layer] | None = None,
) -> Image:
    """Read an image from what `docker save` writes, or from an OCI image layout in a tar.

    :param name: which image, where the archive holds several.
    :param platform: `os/architecture[/variant]`, where it holds several.
    :param cache: layers that were read before with the same `look`, by the names that their digests give them; they
        are not read again, and new ones are added.
    :raises ImageError: when it cannot be read to the end, is not fit to be read, or holds several images that fit.
    """
    archive = _Archive({} if cache is None else cache, look, limits)
    source = Source(chunks(stream), limits.unpacked)
    for member in members(source, limits):
        archive.add(member, source)
    for _ in source.rest():
        pass
    chosen = archive.choose(name, platform)
    tree = Tree(limits)
    sizes = []
    for layer_name in chosen.layers:
        layer = archive.layer(layer_name)
        for path in layer.removed:
            tree.remove(path)
        for path in layer.emptied:
            tree.empty(path)
        for path, what in layer.put:
            _place(tree, path, what)
        sizes.append(LayerSize(layer_name, layer.stored, layer.unpacked))
    config = Config.from_json(archive.document(chosen.config))
    return Image(config, *tree.flat(), tuple(sizes))


def _place(tree: Tree, path: str, what: Entry | str) -> None:
    if isinstance(what, str):
        tree.link(path, what)
    elif path != "/":
        tree.put(path, what)


def _with_content(member: Member, source: Source, look: Look | None) -> Entry:
    """The entry with what its content says. Reads the content."""
    path, entry, _ = member
    if entry.kind is not Kind.FILE:
        return entry
    digest = hashlib.sha256()
    wanted = look(path, entry.size, source.peek(min(entry.size, HEAD))) if look else None
    if wanted is None:
        for piece in source.pieces(entry.size):
            digest.update(piece)
        return entry._replace(sha256=digest.hexdigest())
    kept = _Kept(wanted)
    for piece in source.pieces(entry.size):
        digest.update(piece)
        kept.add(piece)
    return entry._replace(sha256=digest.hexdigest(), found=wanted.read(kept.pieces(entry.size)))


class _Kept:
    """The wanted ranges of a content that comes in pieces."""

    def __init__(self, wanted: Wanted) -> None:
        self._ranges = wanted.ranges
        self._found = [bytearray() for _ in wanted.ranges]
        self._offset = 0

    def add(self, piece: memoryview) -> None:
        for wanted, found in zip(self._ranges, self._found, strict=True):
            start, stop = wanted.start - self._offset, wanted.stop - self._offset
            if stop > 0 and start < len(piece):
                found += piece[max(start, 0) : stop]
        self._offset += len(piece)

    def pieces(self, size: int) -> Pieces:
        return Pieces(size, [(it.start, bytes(found)) for it, found in zip(self._ranges, self._found, strict=True)])


class _Chosen(NamedTuple):
    """The members of an archive that make up one image."""

    config: str
    layers: tuple[str, ...]


class _Archive:
    """The members of an archive as they come by: what they are for is only known at the end."""

    def __init__(self, cache: MutableMapping[str, Layer], look: Look | None, limits: Limits) -> None:
        self._cache = cache
        self._look = look
        self._limits = limits
        self._documents: dict[str, bytes] = {}
        self._layers: dict[str, Layer | ImageError] = {}
        self._aliases: dict[str, str] = {}

    def add(self, member: Member, source: Source) -> None:
        """Read one member."""
        name, size = member.path[1:], member.entry.size
        if member.entry.kind is Kind.SYMLINK:
            target = posixpath.join("/", posixpath.dirname(name), member.entry.link)
            self._aliases[name] = posixpath.normpath(target)[1:]
        elif member.same_as:
            self._aliases[name] = member.same_as[1:]
        elif name in self._cache:
            self._layers[name] = self._cache[name]
        elif size:
            content = Source(source.pieces(size), size)
            head = content.peek(BLOCK)
            if head.lstrip()[:1] in (b"{", b"[") and size <= self._limits.document:
                self._documents[name] = content.take(size)
                if len(self._documents) > self._limits.documents:
                    raise ImageError(f"the image is refused: it has more than {self._limits.documents} documents")
            elif _is_layer(head):
                self._layers[name] = self._read(name, size, content)

    def _read(self, name: str, size: int, content: Source) -> Layer | ImageError:
        """Read a layer; that it cannot be read matters only if the image needs it."""
        layer = Layer(size)
        source = Source(unpacked(content, name), self._limits.unpacked)
        try:
            for member in members(source, self._limits):
                _sort(layer, member, source, self._look, self._limits)
            for _ in source.rest():
                pass
        except ImageError as error:
            return error
        finally:
            layer.unpacked = source.offset
            spent = len(layer.put) + len(layer.removed) + len(layer.emptied)
            self._limits = self._limits._replace(
                unpacked=self._limits.unpacked - layer.unpacked, entries=self._limits.entries - spent
            )
        if name.startswith("blobs/"):
            self._cache[name] = layer
        return layer

    def layer(self, name: str) -> Layer:
        """The layer of that name.

        :raises ImageError: when it is not there, or cannot be read.
        """
        found = self._layers.get(self._named(name))
        if isinstance(found, ImageError):
            raise found
        if found is None:
            raise ImageError(f"the image's archive lacks the layer {name}: export the image again, with all its layers")
        return found

    def document(self, name: str) -> Any:
        """The JSON document of that name.

        :raises ImageError: when it is not there, or cannot be read.
        """
        text = self._documents.get(self._named(name))
        if text is None:
            raise ImageError(f"the image's archive lacks {name}: it is not what docker save writes, nor an OCI layout")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise ImageError(f"the image's archive is damaged ({name} is no JSON): export the image again") from None

    def _named(self, name: str) -> str:
        for _ in range(len(self._aliases)):
            if name not in self._aliases:
                break
            name = self._aliases[name]
        return name

    def choose(self, name: str, platform: str) -> _Chosen:
        """Which image is meant.

        :raises ImageError: when there is none, or several.
        """
        try:
            found = list(self._saved(name) if "manifest.json" in self._documents else self._listed(name))
        except (KeyError, TypeError, AttributeError, RecursionError):
            raise ImageError("the image's archive is damaged (its manifest is not complete): export it again") from None
        if platform:
            found = [each for each in found if Config.from_json(self.document(each.config)).platform == platform]
        found = list(dict.fromkeys(found))
        if len(found) != 1:
            wanted = " ".join(filter(None, (name, platform)))
            which = f"{len(found) or 'no'} images{f' called {wanted}' if wanted else ''}"
            raise ImageError(f"the image's archive holds {which}: export exactly one, for one platform")
        return found[0]

    def _saved(self, name: str) -> Iterator[_Chosen]:
        """The images that docker's manifest.json lists."""
        for image in self.document("manifest.json"):
            tags = image.get("RepoTags") or []
            if not name or any(_called(tag, name) for tag in tags):
                layers = [clean(layer, self._limits)[1:] for layer in image["Layers"]]
                yield _Chosen(clean(image["Config"], self._limits)[1:], tuple(layers))

    def _listed(self, name: str) -> Iterator[_Chosen]:
        """The images that an OCI layout's index.json lists. Those that only attest to others have no platform."""
        waiting = list(self.document("index.json")["manifests"])
        seen = 0
        while waiting:
            descriptor = waiting.pop()
            seen += 1
            if seen > self._limits.documents:
                raise ImageError(f"the image is refused: its index names more than {self._limits.documents} manifests")
            notes = descriptor.get("annotations") or {}
            tags = [notes[key] for key in _NAMES if key in notes]
            if (descriptor.get("platform") or {}).get("os") == "unknown" or "vnd.docker.reference.type" in notes:
                continue
            if name and tags and not any(_called(tag, name) for tag in tags):
                continue
            if _blob(descriptor) not in self._documents:
                continue  # another platform's, which was not exported
            document = self.document(_blob(descriptor))
            if "manifests" in document:
                waiting += document["manifests"]
            else:
                yield _Chosen(_blob(document["config"]), tuple(map(_blob, document["layers"])))


def _blob(descriptor: Any) -> str:
    algorithm, _, digest = descriptor["digest"].partition(":")
    return f"blobs/{algorithm}/{digest}"


def _called(tag: str, name: str) -> bool:
    """Whether a tag is the image of that name, which may lack the registry and the tag `latest`."""
    full = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return tag in (name, full) or tag.endswith(f"/{full}")


def _is_layer(head: bytes) -> bool:
    if head[:2] == b"\x1f\x8b" or head[:4] == b"\x28\xb5\x2f\xfd" or not any(head):
        return True
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _sort(layer: Layer, member: Member, source: Source, look: Look | None, limits: Limits) -> None:
    """Enter a member into its layer: as something that is there, or as a mark that something is not."""
    folder, _, base = member.path.rpartition("/")
    if not base.startswith(_WHITEOUT):
        layer.put.append((member.path, member.same_as or _with_content(member, source, look)))
    elif base == _OPAQUE:
        layer.emptied.append(folder)
    elif not base.startswith(_AUFS):
        layer.removed.append(clean(f"{folder}/{base.removeprefix(_WHITEOUT)}", limits))
