"""Reads the images of one Dockerfile, and holds those of its rewrites against the original's."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from optimizer.verify.builder import CannotJudge
from optimizer.verify.cause import MissingPath, Problems
from optimizer.verify.compare import compare
from optimizer.verify.design import Bases, same
from optimizer.verify.entry import Image, ImageError
from optimizer.verify.image import Layer, read_archive
from optimizer.verify.moved import Moved, back
from optimizer.verify.noise import Noise, measure
from optimizer.verify.patterns import Patterns, with_folders
from optimizer.verify.runtime import Looking, check

if TYPE_CHECKING:
    from optimizer.engine import Outcome
    from optimizer.verify.stream import Readable

__all__ = ["Bases", "Judge"]


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

    def problems(self, first: Image, second: Image, after: Image, outcome: Outcome, bases: Bases | None) -> Problems:
        """How an image differs from two builds of the original, but for what the fixes declare.

        :param bases: what is in the base images, where the rewrite has another one or stages of its own.
        """
        if self._noise is None:
            self._noise = measure(first, second)
        allowed = _declared(outcome)
        compared = compare(first, after, noise=self._noise, allowed=allowed, bases=bases)
        # What a split leaves behind may be gone; what it takes along has to work.
        findings = check(first, after, () if bases else allowed, bases)
        if bases:
            # What the new base image's own files need is its maker's business: the application's imports and commands
            # are looked up by themselves.
            findings = tuple(each for each in findings if not same(each.subject, after, bases.new))
        causes = (*(each.cause for each in findings), *map(MissingPath, compared.lost))
        return Problems((*compared.lines(), *map(str, findings)), tuple(dict.fromkeys(causes)))


def moved(before: Image, after: Image, outcome: Outcome) -> Moved:
    """What of an image lies in environments that its fixes make."""
    return back(before, after, Patterns(with_folders(_declared(outcome))).covers)


def _declared(outcome: Outcome) -> list[str]:
    """The patterns of all fixes; the last one counts.

    An exception is one to the patterns of its own fix: those of the others come behind.
    """
    fixes = sorted(outcome.fixes, key=lambda fix: not any(path.startswith("!") for path in fix.paths))
    return [path for fix in fixes for path in fix.paths]
