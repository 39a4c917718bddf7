"""Why a stage cannot be split, whatever its language."""

from __future__ import annotations

from optimizer.landing import inside
from optimizer.packages.managers import BY_PROGRAM
from optimizer.packages.reading import unversioned
from optimizer.split.plan import Found, Refused
from optimizer.split.reads import running
from optimizer.split.view import Call, View

_SCRIPTED = ("npm", "yarn", "pnpm")
"""Managers that run a project's own scripts."""
_INSTALLING = frozenset({("bundle", "install"), ("poetry", "install"), ("pipenv", "install"), ("pipenv", "sync"),
                         ("pdm", "install"), ("pdm", "sync"), ("bun", "install")})  # fmt: skip
"""Calls of other managers that install packages."""


def refusal(view: View, found: Found) -> Refused | None:
    """Why the stage cannot be split, whatever its language."""
    stage, last = view.stage, found.last.index
    for each in stage.instructions:
        if each.keyword == "ONBUILD":
            return Refused(each, "ONBUILD is for builds on this image, and what they need is not known")
    for unreadable in view.unreadable:
        if unreadable.instruction.index <= last:
            return Refused(unreadable.instruction, unreadable.reason)
    for each in stage.instructions:
        if each.keyword in ("COPY", "ADD") and each.index <= last and each.heredocs:
            return Refused(each, "it writes a file from the Dockerfile's own text")
    if any(flag.name == "platform" and "$" in (flag.value or "") for flag in stage.origin.flags):
        return Refused(stage.origin, "the platform of the build comes from a build argument")
    if not view.starts and not any(
        inside(each.path, "/usr/local") or each.path == "/opt/venv" for each in found.artifacts
    ):
        return Refused(stage.origin, "there is no CMD or ENTRYPOINT that says what runs in the image")
    if not view.starts and not _is_of_the_project(view, found):
        return Refused(stage.origin, "there is no CMD or ENTRYPOINT, and what is built is not this project")
    if installing := next(filter(_installs, (call for call, _ in running(view))), None):
        return Refused(
            installing.instruction, f"the start runs `{installing.text}`, which may need what the build needs"
        )
    if any(source.name.isdigit() for source in view.model.sources):
        return Refused(stage.origin, "a stage is named by its number")
    return None


def _installs(call: Call) -> bool:
    """Whether a call installs packages, or builds: what it needs for that is not known."""
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    name = call.name
    if name == "python" and words[:1] and "-m" in call.argv[1:2]:
        name, words = unversioned(words[0]), words[1:]
    manager = BY_PROGRAM.get(name)
    if manager is None or not words:
        return (name, *words[:1]) in _INSTALLING
    builds = name in _SCRIPTED and "build" in (words[1:2] if words[0] in ("run", "run-script") else words[:1])
    return builds or words[0] in manager.install or " ".join(words[:2]) in manager.install


def _is_of_the_project(view: View, found: Found) -> bool:
    """Whether the sources that are built come from the build context: then the image is for what is built."""
    same = found.base == view.stage.origin.words[0]  # then the image starts what its base image starts
    copies = (
        each for at, each in view.brought.items() if (same or at < found.last.index) and each.broad and each.known
    )
    return any(each.instruction.flag("from") is None for each in copies)
