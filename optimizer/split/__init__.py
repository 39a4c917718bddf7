"""One stage becomes two: what the build leaves behind, what the program needs of it, and how that is written."""

from __future__ import annotations

from optimizer.context import BuildContext
from optimizer.images import parse_reference
from optimizer.model import Model, Stage
from optimizer.split import shapes
from optimizer.split.lineage import joined
from optimizer.split.plan import Found, Refused, Split
from optimizer.split.planning import plan
from optimizer.split.shapes import Shape
from optimizer.split.view import View

_MAKING = frozenset({"pip", "npm", "bundle"})
"""Programs that nobody calls but to build."""


def find(model: Model, stage: Stage, context: BuildContext | None) -> Split | Refused | None:
    """How a stage becomes two, why it cannot, or None where nothing would be left behind.

    A stage that is built on another one is read with it: the build may stand in either.
    """
    final, stage = stage, joined(stage)
    if not _known(stage):
        return Refused(stage.origin, f"what {stage.base or stage.origin.args} brings is not known")
    if context is None and not any(each.keyword in ("CMD", "ENTRYPOINT") for each in stage.instructions):
        return Refused(stage.origin, "there is no CMD or ENTRYPOINT that says what runs in the image")
    view = View(model, stage, context)
    found = built(view)
    return plan(view, found, final) if isinstance(found, Found) else found


def built(view: View) -> Found | Refused | None:
    """What the stage builds and the image needs, why that cannot be told, or None where it builds nothing known."""
    stage, known = view.stage, _known(view.stage)
    text = "\n".join(run.text for run in stage.runs)
    if not any(program in text for shape in known for program in shape.programs):
        return _unknown(stage, next((each for each in shapes.load() if _is_in(text, each)), None))
    names = {call.name for call in view.calls}
    used = [shape for shape in shapes.load() if shape.programs & names]
    found = [(shape, each) for shape in used if shape in known and (each := shape.find(view)) is not None]
    if refused := next((each for _, each in found if isinstance(each, Refused)), None):
        return refused
    builds = [each for _, each in found if isinstance(each, Found)]
    other = next((shape for shape in used if shape not in known), None)
    if other and (builds or other.programs & _MAKING):
        return _unknown(stage, other)
    if len(builds) > 1:
        return Refused(stage.origin, f"it builds with {' and with '.join(each.language for each in builds)}")
    return builds[0] if builds else None


def _known(stage: Stage) -> tuple[Shape, ...]:
    """The languages of which it is known what the stage's image has for them."""
    reference = parse_reference(stage.base or "")
    base = reference.official or reference.name
    return tuple(shape for shape in shapes.load() if base in shape.bases)


def _is_in(text: str, shape: Shape) -> bool:
    return any(program in text for program in _MAKING & shape.programs)


def _unknown(stage: Stage, shape: Shape | None) -> Refused | None:
    """Why a language's build cannot be told on this image; None without one."""
    shown = stage.base or stage.origin.args
    return shape and Refused(stage.origin, f"it builds with {shape.name}, and what {shown} has for that is not known")
