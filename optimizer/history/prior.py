"""What is assumed of the next commit where there is no history."""

from __future__ import annotations

from optimizer.context import BuildContext
from optimizer.history.change import Commit, History
from optimizer.model import Model


def prior(model: Model, context: BuildContext | None, reason: str = "no history") -> History:
    """Assumed commits, by the kinds of the files that the builder sees; deterministic."""
    return History((Commit("sources", 1.0, frozenset()),), False, f"{reason}: assumed", model.document.text)
