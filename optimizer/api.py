"""The way in for other programs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from optimizer import engine
from optimizer.engine import Accept, Outcome
from optimizer.fix import Options
from optimizer.registry import choose

if TYPE_CHECKING:
    from optimizer.context import BuildContext


def optimize(
    text: str,
    *,
    context: str | os.PathLike[str] | None = None,
    dockerfile: str | os.PathLike[str] | None = None,
    targets: Iterable[str] = (),
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    enable: Iterable[str] = (),
    suggested: bool = False,
    accept: Accept | None = None,
) -> Outcome:
    r"""Rewrite a Dockerfile so that the image is smaller and the next build faster.

    Nothing is written, and nothing of what is read is executed. The same text and folder give the same outcome; a
    second run over ``Outcome.after`` changes nothing.

    >>> outcome = optimize("FROM debian:12\nADD app.py /app/\n")
    >>> print(outcome.after, end="")
    FROM debian:12
    COPY app.py /app/
    >>> [(fix.transform, fix.line, fix.safety.value) for fix in outcome.fixes]
    [('copy_over_add', 2, 'safe')]

    :param text: what the file holds, decoded from UTF-8; line ends stay as they are.
    :param context: the folder of the build context. Without one only what the text proves is done.
    :param dockerfile: the path of the file, where a ``.dockerignore`` of its own may lie beside it.
    :param targets: names of stages that are built by name: they stay.
    :param select: names of the transforms to run, all without any; what these only suggest is applied.
    :param ignore: names of transforms not to run.
    :param enable: names of transforms to run besides, of those that run only when they are named.
    :param suggested: apply also what is right for nearly everybody, and cannot be proved from text and context.
    :param accept: asked before each fix is applied, with the text before and after it; False leaves it out.
    :returns: the text before and after, the fixes in the order of their making, what was refused and why, what is
        suggested besides, and files beside the Dockerfile to write. Lines count from 1, offsets in characters from 0.
    :raises ParseError: where BuildKit refuses the text; it has the line and the column.
    :raises UnknownTransform: for a name that is no transform's.
    :raises NotADirectoryError: if ``context`` is no folder.
    """
    choice = choose(select=select, ignore=ignore, suggested=suggested, enable=enable)
    return engine.optimize(
        text,
        choice.transforms,
        suggested=choice.suggested,
        context=None if context is None else _context(os.fspath(context), dockerfile),
        targets=tuple(targets),
        options=Options(),
        accept=accept,
    )


def _context(root: str, dockerfile: str | os.PathLike[str] | None) -> BuildContext:
    from optimizer.context import DirectoryContext

    if not os.path.isdir(root):
        raise NotADirectoryError(f"{root}: no such folder")
    return DirectoryContext(root, None if dockerfile is None else os.fspath(dockerfile))
