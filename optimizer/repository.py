"""Where a repository begins."""

from __future__ import annotations

import os
from pathlib import Path


def up_to_root(folder: Path) -> list[Path]:
    """An absolute folder and those above it up to its repository's root; the folder alone outside of one."""
    climbed: list[Path] = []
    for each in (folder, *folder.parents):
        climbed.append(each)
        if os.path.exists(each / ".git"):
            return climbed
    return [folder]
