"""Whose the results of a build are, where another user than root takes over in the middle of it.

--chown is written out: builders differ in whose files are that come from another stage without it. A user alone stands
for the group of his number there. Source: BuildKit's dispatchCopy; semantics of COPY in the reference of Dockerfiles.
"""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.document import Instruction
from optimizer.images import parse_reference
from optimizer.landing import touch
from optimizer.model import Stage
from optimizer.split.plan import Found, Refused
from optimizer.split.view import View

_OWN = {"node": "node:node"}
"""Users that official images have of their own, with their groups, which have the same numbers."""


def owner(view: View, found: Found) -> str | Refused:
    """The user and the group of all that is taken over, as --chown names them; "" for root."""
    users = [each for each in view.stage.instructions if each.keyword == "USER" and each.index <= found.last.index]
    first = next((each for each in users if not _is_root(view.stage, each)), None)
    if first is None:
        return ""
    middle = f"USER {first.args} stands in the middle of the build"
    names = {whole(view, view.stage.state(each).expand(each.args, each.escape)) for each in users}
    name = next(iter(names))
    if len(names) > 1 or name is None or found.prepare or found.environment or found.after:
        return Refused(first, middle)
    for number in found.build:
        if view.calls[number].instruction.index < first.index:
            return Refused(first, f"{middle}, and what is built before is root's")
    for each in _brought(view, found):
        if whole(view, each.flag("chown")) != name:
            return Refused(each, f"it brings files that are not {name}'s, in front of a build that is")
    return name


def whole(view: View, name: str | None) -> str | None:
    """A user with his group; None where the group is not known."""
    if name is None or "$" in name or name.startswith(":"):
        return None
    user, _, group = name.partition(":")
    if group:
        return name
    return _OWN.get(user) if parse_reference(view.stage.base or "").official == user else None


def _brought(view: View, found: Found) -> Iterator[Instruction]:
    """What brings files into what is taken over."""
    for each in view.brought.values():
        inside = (touch(zone, artifact.path) for zone in each.zones for artifact in found.artifacts)
        if each.instruction.index <= found.last.index and any(inside):
            yield each.instruction


def _is_root(stage: Stage, instruction: Instruction) -> bool:
    user = stage.state(instruction).expand(instruction.args, instruction.escape)
    return user is not None and user.partition(":")[0] in ("root", "0")
