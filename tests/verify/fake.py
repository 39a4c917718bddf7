"""A builder that makes up its images: what is in them follows from the text of the Dockerfile by a function."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from optimizer.verify.builder import Builder, BuildFailed, Built, Options, Source
from optimizer.verify.progress import Step

Files = Mapping[str, bytes]


class FakeBuilder(Builder):
    tool = "false"

    def __init__(
        self, files: Callable[[str], Files | str], steps: tuple[Step, ...] = (Step("[1/1] RUN x", 1.0, False),)
    ) -> None:
        """
        :param files: the files of an image, or why it cannot be built.
        :param steps: those of each build.
        """
        super().__init__(Options())
        self.files = files
        self.steps = steps
        self.built: list[str] = []
        self.images: dict[str, Files] = {}

    def describe(self) -> str:
        return "a fake"

    def can_run(self) -> str:
        return "a fake runs nothing"

    def archive(self, built: Built) -> list[str]:
        raise NotImplementedError

    def _try(self, source: Source, *, no_cache: bool) -> Built:
        self.built.append(source.dockerfile)
        if isinstance(found := self.files(source.dockerfile), str):
            raise BuildFailed("the build fails", ["first line", found])
        image = self._image()
        self.images[image] = found
        return Built(source, image, 1.0, self.steps)

    @contextmanager
    def export(self, built: Built) -> Iterator[IO[bytes]]:
        yield io.BytesIO(archive(self.images[built.image]))


def archive(files: Files) -> bytes:
    """What docker save writes for an image of one layer."""
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": ["image:1"], "Layers": ["layer.tar"]}]).encode()
    return tar({"config.json": config, "manifest.json": manifest, "layer.tar": tar(files)})


def tar(files: Files) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()
