"""Where a repository begins."""

from __future__ import annotations

import os
from pathlib import Path


def may_be_in_one(folder: str) -> bool:
    """Whether git could find a repository, by what lies in the folder and above it: starting git takes longer."""
    at = os.path.realpath(folder)
    while not any(os.path.exists(os.path.join(at, name)) for name in (".git", "HEAD")):
        above = os.path.dirname(at)
        if above == at:
            return False
        at = above
    return True


def up_to_root(folder: Path) -> list[Path]:
    """An absolute folder and those above it up to its repository's root; the folder alone outside of one."""
    climbed: list[Path] = []
    for each in (folder, *folder.parents):
        climbed.append(each)
        if os.path.exists(each / ".git"):
            return climbed
    return [folder]
