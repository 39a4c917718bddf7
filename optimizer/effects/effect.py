"""What one instruction of a stage reads and writes: the image's files, its settings, the context, the network."""

from __future__ import annotations

from functools import cached_property

from msgspec import Struct

from optimizer.document import Instruction
from optimizer.effects.zones import Made, Zone

VARIABLE = "the variable "
EVERY_VARIABLE = "every variable"
"""Stands in `Effects.needs` for all of ENV and ARG."""
USER = "the user"
DIRECTORY = "the working directory"
SHELL = "the shell"


class Effects(Struct, frozen=True, kw_only=True, dict=True):
    """What an instruction reads and writes, no less than it really does.

    ``needs`` and ``sets`` hold what is no file, in words: ``the variable PATH``, ``the user``, ``the label x``.
    """

    instruction: Instruction
    reads: tuple[Zone, ...] = ()
    looks: tuple[Zone, ...] = ()
    """Where it also looks for files that may be missing."""
    seen: frozenset[int] = frozenset()
    """Numbers of the COPYs before it in the stage of which everything that it reads there is among ``reads``."""
    writes: tuple[Zone, ...] = ()
    installs: tuple[Zone, ...] = ()
    """What package managers write: new software, beside which the plain programs stay as they are."""
    programs: tuple[Zone, ...] = ()
    """The plain programs that it runs, which every image with a shell has."""
    makes: tuple[Made, ...] = ()
    needs: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    context: tuple[str, ...] | None = ()
    """What it reads of the build context, patterns relative to its root, "" being all; None where that is unknown."""
    network: bool = False
    """Whether it fetches something, so that what it brings may change without the project."""
    barrier: str = ""
    """Why nothing is known of what it reads and writes; "" where it is known."""

    @cached_property
    def read_trees(self) -> frozenset[Zone]:
        """The folders that it reads whole."""
        return frozenset(zone for zone in self.reads if zone.tree)

    @property
    def shown(self) -> str:
        """The instruction as a reason names it."""
        text = " ".join(self.instruction.text.split())
        return f"line {self.instruction.line} ({text if len(text) <= 40 else text[:39] + '…'})"
