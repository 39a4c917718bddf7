"""How long instructions take, and how long a build is expected to take after a commit.

What a log of builds measured is read by `optimizer.cost.timings`, which most runs do not need.
"""

from __future__ import annotations

from optimizer.cost.costs import Cost, costs
from optimizer.cost.expected import expected

__all__ = ["Cost", "costs", "expected"]
