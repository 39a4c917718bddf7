"""What commands of the build work on: what only the build needs, what goes over, or what is copied again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from optimizer.independence import UNKNOWN
from optimizer.landing import inside, touch
from optimizer.split.kinds import NEUTRAL
from optimizer.split.owner import whole
from optimizer.split.plan import Found, Part
from optimizer.split.setting_up import changes_a_setting, edited, made, paths_of, removed
from optimizer.split.view import Call, View, runs_anything


class Concern(NamedTuple):
    """Answers about the commands of one build, from what has been decided of its instructions so far."""

    view: View
    found: Found
    parts: Mapping[int, Part]

    def is_about_build(self, call: Call) -> bool:
        """Whether a command works on nothing but what only the build needs, or what is taken over as a whole."""
        folders = (*self.found.sources, *(each.path for each in self.found.artifacts), "/tmp")
        words = made(call) if not changes_a_setting(call) else ()
        paths = [call.at(word) for word in words]
        return bool(paths) and all(path is not None and any(inside(path, each) for each in folders) for path in paths)

    def removes_what_comes_again(self, call: Call) -> bool:
        """Whether a command takes away files that the final stage copies, too."""
        again = [each for at, each in self.view.brought.items() if self.parts.get(at) in (Part.BOTH, Part.RUNTIME)]
        paths = [path for path in map(call.at, removed(call)) if path is not None]
        taken = [path for path in paths if any(inside(path, each.path) for each in self.found.artifacts)]
        return any(touch(path, zone) for path in paths if path not in taken for each in again for zone in each.zones)

    def links_to_build(self, call: Call) -> bool:
        """Whether a link leads into the sources, to what is not taken over."""
        path = call.at(call.operands[0]) if call.name == "ln" and len(call.operands) > 1 else None
        if path is None or not any(inside(path, each) for each in self.found.sources):
            return False
        bringing = [at for at, each in self.view.brought.items() if any(inside(path, zone) for zone in each.zones)]
        taken = any(inside(path, each.path) for each in self.found.artifacts)
        return not taken and all(self.parts.get(at) is Part.BUILD for at in bringing)

    def leaves_something(self, call: Call) -> bool:
        """Whether a command may leave in the image what the final stage would lack."""
        if call.name not in NEUTRAL or (call.argv and UNKNOWN in call.argv[0]) or runs_anything(call):
            return True
        return not all(self.is_of_build(call.at(path)) for path in edited(call))

    def is_of_build(self, path: str | None) -> bool:
        """Whether a file is one that only the build needs, or is taken over: what brings it is not done again."""
        if path is None:
            return False
        bringing = [at for at, each in self.view.brought.items() if any(inside(path, zone) for zone in each.zones)]
        parts = {self.parts.get(index) for index in bringing}
        return parts == {Part.BUILD} or any(inside(path, each.path) for each in self.found.artifacts)

    def is_taken(self, call: Call) -> bool:
        """Whether a command works on something that is taken over from the builder."""
        paths = [path for word in paths_of([call]) if (path := call.at(word))]
        return any(touch(path, artifact.path) for path in paths for artifact in self.found.artifacts)

    def is_given(self, call: Call) -> bool:
        """Whether a command gives the owner that what is taken over comes with."""
        given = whole(self.view, call.subcommand) if call.name == "chown" else None
        return given is not None and all(each.owner == given for each in self.found.artifacts)
