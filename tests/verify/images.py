"""Makes images for tests, written as builders write them and read back by what is tested."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from optimizer.verify.entry import Image, Look
from optimizer.verify.image import read_archive


class Item(NamedTuple):
    """One member of a layer; `to` is where a link leads, a hard link with `hard`."""

    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    to: str = ""
    hard: bool = False
    kind: bytes = tarfile.REGTYPE
    xattrs: Mapping[str, bytes] = {}
    device: tuple[int, int] = (0, 0)
    mtime: float = 0


Files = Mapping[str, Item]


def file(content: bytes | str = b"", mode: int = 0o644, **more: Any) -> Item:
    return Item(content.encode() if isinstance(content, str) else content, mode, **more)


def program(content: bytes | str = b"\x00\x01", **more: Any) -> Item:
    return file(content, 0o755, **more)


def folder(mode: int = 0o755, **more: Any) -> Item:
    return Item(b"", mode, kind=tarfile.DIRTYPE, **more)


def symlink(to: str) -> Item:
    return Item(to=to, mode=0o777, kind=tarfile.SYMTYPE)


def hard_link(to: str) -> Item:
    return Item(to=to, hard=True, kind=tarfile.LNKTYPE)


def tar_of(members: Iterable[tuple[str, Item]]) -> bytes:
    """A tar of the members, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, item in members:
            info = tarfile.TarInfo(path.lstrip("/"))
            info.mode, info.uid, info.gid, info.type, info.mtime = item.mode, item.uid, item.gid, item.kind, item.mtime
            info.size = len(item.content) if item.kind == tarfile.REGTYPE else 0
            info.linkname = item.to.lstrip("/") if item.hard else item.to
            info.devmajor, info.devminor = item.device
            # tarfile writes the values of extended headers as UTF-8: bytes go through as surrogates
            info.pax_headers = {
                f"SCHILY.xattr.{key}": value.decode("utf-8", "surrogateescape") for key, value in item.xattrs.items()
            }
            archive.addfile(info, io.BytesIO(item.content))
    return out.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def oci(layers: Iterable[bytes], config: Mapping[str, Any] | None = None, *, packed: bool = False) -> bytes:
    """An OCI image layout in a tar, its blobs before its index as buildx writes it."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, Any]:
        blobs[f"blobs/sha256/{_digest(content)}"] = content
        return {"digest": f"sha256:{_digest(content)}", "size": len(content)}

    described = [blob(gzip.compress(layer) if packed else layer) for layer in layers]
    document = {"os": "linux", "architecture": "amd64", "config": config or {}}
    manifest = {"config": blob(json.dumps(document).encode()), "layers": described}
    index = {"manifests": [blob(json.dumps(manifest).encode())]}
    members = [(name, file(content)) for name, content in sorted(blobs.items())]
    return tar_of([*members, ("index.json", file(json.dumps(index))), ("oci-layout", file("{}"))])


def docker_save(layers: Iterable[bytes], config: Mapping[str, Any] | None = None, *, tags: Iterable[str] = ()) -> bytes:
    """What `docker save` wrote before it wrote OCI layouts."""
    names = [(f"{number:064x}/layer.tar", file(layer)) for number, layer in enumerate(layers)]
    document = {"os": "linux", "architecture": "amd64", "config": config or {}}
    manifest = [{"Config": "c.json", "RepoTags": list(tags), "Layers": [name for name, _ in names]}]
    return tar_of([*names, ("c.json", file(json.dumps(document))), ("manifest.json", file(json.dumps(manifest)))])


def image(files: Files, config: Mapping[str, Any] | None = None, *, look: Look | None = None) -> Image:
    """An image of one layer, by way of its archive."""
    return read_archive(io.BytesIO(oci([tar_of(files.items())], config)), look=look)
