"""The program ``dockopt``. The commands are in optimizer.commands."""

from __future__ import annotations

import gc


def run() -> None:
    """Run the command that the program's arguments name.

    What is loaded lives as long as the program does: the garbage collector is kept from looking through it, again and
    again while it is loaded, and once more at the end. That is a fifth of the time that one Dockerfile takes.
    """
    gc.disable()
    from optimizer.commands import app

    gc.freeze()
    gc.enable()
    try:
        app(prog_name="dockopt")
    finally:
        gc.freeze()
