"""What changes from commit to commit: paths of the build context, and the Dockerfile's own instructions."""

from __future__ import annotations

from optimizer.history.change import Commit, History, NoHistory
from optimizer.history.invalidation import invalidated, invalidations
from optimizer.history.prior import prior
from optimizer.history.reading import Limits, read_history
from optimizer.history.versions import aligned

__all__ = [
    "Commit",
    "History",
    "Limits",
    "NoHistory",
    "aligned",
    "invalidated",
    "invalidations",
    "prior",
    "read_history",
]
