"""How long instructions take, and how long a build is expected to take after a commit."""

from __future__ import annotations

from optimizer.cost.costs import Cost, costs
from optimizer.cost.expected import expected
from optimizer.cost.timings import TimingsError, read_timings

__all__ = ["Cost", "TimingsError", "costs", "expected", "read_timings"]
