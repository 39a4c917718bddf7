"""Patterns of paths in an image: those of .dockerignore, held against absolute paths."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.dockerignore import NOTHING_MATCHED, Ignore, Verdict, parse


class Patterns:
    """What matches a path matches all that lies below it.

    :raises ValueError: for a pattern that is none; a transform has to be mended then.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules: Ignore = parse("\n".join(patterns), "pattern")
        if self._rules.problems:
            raise ValueError(str(self._rules.problems[0]))
        self._folders: dict[str, Verdict] = {"": NOTHING_MATCHED}

    def covers(self, path: str) -> bool:
        """Whether a pattern matches the path, or a directory above it."""
        return bool(self._rules.rules) and self._verdict(path).excluded

    def _verdict(self, path: str) -> Verdict:
        # Differing paths come in whole directories: what was found for these is kept, not for the paths themselves.
        folder = path.rpartition("/")[0]
        above = self._folders.get(folder)
        if above is None:
            above = self._folders[folder] = self._verdict(folder)
        return self._rules.step(path[1:], above.matched)


def with_folders(patterns: Iterable[str]) -> list[str]:
    """The patterns, where those for all that lies in a directory are for the directory too."""
    return [pattern.removesuffix("/**") or pattern for pattern in patterns]
