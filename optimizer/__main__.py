"""``python -m optimizer`` is the command ``dockopt``."""

from __future__ import annotations

from optimizer.cli import run

run()
