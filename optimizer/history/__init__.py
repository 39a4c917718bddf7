"""What changes from commit to commit: paths of the build context, and the Dockerfile's own instructions.

The history itself is read by `optimizer.history.reading`, which starts git.
"""

from __future__ import annotations

from optimizer.history.change import Commit, History, NoHistory, loosened
from optimizer.history.invalidation import invalidated, invalidations
from optimizer.history.prior import prior
from optimizer.history.versions import aligned

__all__ = [
    "Commit",
    "History",
    "NoHistory",
    "aligned",
    "invalidated",
    "invalidations",
    "loosened",
    "prior",
]
