"""One stage becomes two: what the build leaves behind, what the program needs of it, and how that is written."""

from __future__ import annotations

from optimizer.context import BuildContext
from optimizer.model import Model, Stage
from optimizer.split import shapes
from optimizer.split.plan import Found, Refused, Split
from optimizer.split.planning import plan
from optimizer.split.view import View


def find(model: Model, stage: Stage, context: BuildContext | None) -> Split | Refused | None:
    """How a stage becomes two, why it cannot, or None where nothing would be left behind."""
    view = View(model, stage, context)
    names = {call.name for call in view.calls}
    found = [each for shape in shapes.load() if shape.programs & names and (each := shape.find(view)) is not None]
    if refused := next((each for each in found if isinstance(each, Refused)), None):
        return refused
    builds = [each for each in found if isinstance(each, Found)]
    if len(builds) > 1:
        return Refused(stage.origin, f"it builds with {' and with '.join(each.language for each in builds)}")
    return plan(view, builds[0]) if builds else None
