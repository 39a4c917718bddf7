"""One stage becomes two: what the build leaves behind, what the program needs of it, and how that is written."""

from __future__ import annotations

from optimizer.context import BuildContext
from optimizer.images import parse_reference
from optimizer.model import Model, Stage
from optimizer.split import shapes
from optimizer.split.plan import Found, Refused, Split
from optimizer.split.planning import plan
from optimizer.split.system import releases_of
from optimizer.split.view import View


def find(model: Model, stage: Stage, context: BuildContext | None) -> Split | Refused | None:
    """How a stage becomes two, why it cannot, or None where nothing would be left behind."""
    reference = parse_reference(stage.base or "")
    base, shown = reference.official or reference.name, stage.base or stage.origin.args
    known = [shape for shape in shapes.load() if base in shape.bases]
    if not known:
        return Refused(stage.origin, f"what {shown} brings is not known")
    if not any(each.keyword in ("CMD", "ENTRYPOINT") for each in stage.instructions):
        return Refused(stage.origin, "there is no CMD or ENTRYPOINT that says what runs in the image")
    if any("apt" in run.text for run in stage.runs) and not releases_of(stage):
        return Refused(stage.origin, f"which release of its distribution {shown} stands on is not known")
    view = View(model, stage, context)
    names = {call.name for call in view.calls}
    used = [shape for shape in shapes.load() if shape.programs & names]
    found = [(shape, each) for shape in used if shape in known and (each := shape.find(view)) is not None]
    if refused := next((each for _, each in found if isinstance(each, Refused)), None):
        return refused
    builds = [each for _, each in found if isinstance(each, Found)]
    if not builds:
        return None
    if other := next((shape for shape in used if shape not in known), None):
        return Refused(stage.origin, f"it builds with {other.name}, too, and what {shown} has for that is not known")
    if len(builds) > 1:
        return Refused(stage.origin, f"it builds with {' and with '.join(each.language for each in builds)}")
    return plan(view, builds[0])
