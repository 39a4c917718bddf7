"""Reads the images of one Dockerfile, and holds those of its rewrites against the original's."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from optimizer.verify.builder import CannotJudge
from optimizer.verify.cause import MissingPath, Problems
from optimizer.verify.compare import compare
from optimizer.verify.difference import Difference, Place, Verb
from optimizer.verify.entry import Entry, Image, ImageError
from optimizer.verify.image import Layer, read_archive
from optimizer.verify.noise import Noise, measure
from optimizer.verify.runtime import Looking, check

if TYPE_CHECKING:
    from optimizer.engine import Outcome
    from optimizer.verify.stream import Readable


Entries = Mapping[str, Entry]


class Bases(NamedTuple):
    """The base images before and after."""

    old: Image
    new: Image


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
        allowed = [path for fix in outcome.fixes for path in fix.paths]
        new = bases.new.entries if bases else None
        compared = compare(first, after, noise=self._noise, allowed=allowed, split=bases is not None, base=new)
        # What a split leaves behind may be gone; what it takes along has to work.
        findings = check(first, after, () if bases else allowed)
        if bases:
            # That the new base image lacks what only the old one had is what it is chosen for. What its own files
            # need is its maker's business: the application's imports and commands are looked up by themselves.
            left = (each for each in compared.failures if not _was_given(each, first, bases.old.entries))
            compared = replace(compared, failures=tuple(left))
            findings = tuple(each for each in findings if not _same(each.subject, after.entries, bases.new.entries))
        causes = (*(each.cause for each in findings), *map(MissingPath, compared.lost))
        return Problems((*compared.lines(), *map(str, findings)), tuple(dict.fromkeys(causes)))


def _was_given(difference: Difference, before: Image, base: Entries) -> bool:
    """Whether it is only about a path that was the old base image's and is gone."""
    gone = difference.place is Place.FILES and difference.verb is Verb.LOST
    return gone and _same(difference.name, before.entries, base)


def _same(path: str, one: Entries, two: Entries) -> bool:
    """Whether the same stands at a path."""
    first, second = one.get(path), two.get(path)
    if first is None or second is None:
        return False
    return first._replace(mtime=0, found=None) == second._replace(mtime=0, found=None)
