"""Package managers in RUN: what a command installs, what it leaves behind, and what relies on that."""

from __future__ import annotations

from optimizer.packages.managers import MANAGERS, Manager
from optimizer.packages.reading import PackageCommand, read

__all__ = ["MANAGERS", "Manager", "PackageCommand", "read"]
