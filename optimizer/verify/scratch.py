"""A copy of the build context in which files can be changed: the user's own are never touched."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from optimizer.dockerignore import Ignore

MAX_BYTES = 4 << 30
"""Bytes of the largest build context that is copied."""


class TooLarge(Exception):
    """The build context is too large to be copied."""


def copy(context: str, rules: Iterable[Ignore], folder: Path) -> Path:
    """Copy what the builder sees under at least one of the sets of rules; the new context's path.

    Files are hard links where the file system allows it: ``touch`` writes a file anew.

    :raises TooLarge: where there is too much.
    """
    rules = tuple(rules)
    root = folder / "context"
    left = MAX_BYTES
    todo = [""]
    while todo:
        below = todo.pop()
        (root / below).mkdir(parents=True, exist_ok=True)
        with os.scandir(os.path.join(context, below)) as entries:
            for entry in entries:
                path = f"{below}/{entry.name}" if below else entry.name
                hidden = all(each.excludes(path) for each in rules)
                if entry.is_dir(follow_symlinks=False):
                    if not hidden or any(each.may_reach_into(path) for each in rules):
                        todo.append(path)
                elif hidden:
                    continue
                elif entry.is_symlink():
                    os.symlink(os.readlink(entry.path), root / path)
                elif entry.is_file(follow_symlinks=False):
                    left -= entry.stat(follow_symlinks=False).st_size
                    if left < 0:
                        raise TooLarge(f"the build context has more than {MAX_BYTES >> 30} GiB")
                    _link(entry.path, root / path)
        shutil.copymode(os.path.join(context, below), root / below)
    return root


def _link(source: str, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def touch(path: Path) -> None:
    """Change a text file so that it means the same and never had this content: blank lines behind its end.

    Blanks mean nothing in the languages of sources and manifests. Their number is drawn anew each time, so that no
    build finds what another one has left in the builder's cache.
    """
    data = path.read_bytes()
    mode = stat.S_IMODE(path.stat().st_mode)
    blanks = "".join(f"\n{' ' * (number % 16)}" for number in secrets.token_bytes(12))
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    fresh.write_bytes(data.rstrip() + blanks.encode() + b"\n")
    os.chmod(fresh, mode)
    os.rename(fresh, path)


def write(path: Path, text: str) -> None:
    """Put a text in place of a file of the copy, or in a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
