"""The program ``dockopt``. The commands are in optimizer.commands."""

from __future__ import annotations

import gc
import signal
import sys

SELDOM = 50_000
"""New objects between two looks for garbage. Of every twelfth file of the corpus the largest leaves 3,432."""


def run() -> None:
    """Run the command that the program's arguments name.

    What is loaded lives as long as the program does: the garbage collector is kept from looking through it, again and
    again while it is loaded, and once more at the end (19 of 133 CPU ms for one Dockerfile, when it was measured).
    What one file needs is freed without it, so that it need not look often either.
    """
    gc.disable()
    from optimizer.commands import app

    gc.freeze()
    gc.set_threshold(SELDOM)
    gc.enable()
    # As Ctrl-C does, so that what is under way is tidied up: a file half written, other processes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        app(prog_name="dockopt")
    finally:
        gc.freeze()
