"""What is wrong in a file that is not the Dockerfile itself."""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """What happened, where, and how to mend it. Lines and columns count from 1; 0 is the file as a whole."""

    path: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        place = [self.path, *(str(number) for number in (self.line, self.column) if number)]
        return f"{':'.join(place)}: {self.message}"
