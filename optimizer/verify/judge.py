"""Reads the images of one Dockerfile, and holds those of its rewrites against the original's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

from optimizer.verify.builder import CannotJudge
from optimizer.verify.compare import compare
from optimizer.verify.entry import Entry, Image, ImageError
from optimizer.verify.image import Layer, read_archive
from optimizer.verify.noise import Noise, measure
from optimizer.verify.runtime import Looking, check

if TYPE_CHECKING:
    from optimizer.engine import Outcome
    from optimizer.verify.stream import Readable


class Judge:
    """What is known of the original's images; layers that several images share are read once."""

    def __init__(self) -> None:
        self._layers: MutableMapping[str, Layer] = {}
        self._noise: Noise | None = None

    def read(self, stream: Readable) -> Image:
        """Read an image.

        :raises CannotJudge: where that is not possible.
        """
        try:
            return read_archive(stream, look=Looking(), cache=self._layers)
        except ImageError as error:
            raise CannotJudge(str(error)) from None

    def differences(
        self, first: Image, second: Image, after: Image, outcome: Outcome, base: Mapping[str, Entry] | None
    ) -> Iterator[str]:
        """How an image differs from two builds of the original, but for what the fixes declare.

        :param base: what is in the base image, where the rewrite has another one or stages of its own.
        """
        if self._noise is None:
            self._noise = measure(first, second)
        allowed = [path for fix in outcome.fixes for path in fix.paths]
        compared = compare(first, after, noise=self._noise, allowed=allowed, split=base is not None, base=base)
        yield from compared.lines()
        yield from map(str, check(first, after, allowed))
