""".NET: what `dotnet publish` writes, on the runtime of the same version.

Source: Microsoft's documentation of dotnet publish and of its images.
"""

from __future__ import annotations

from optimizer.images import parse_reference
from optimizer.landing import inside
from optimizer.split.plan import Artifact, Found, Refused
from optimizer.split.shapes._compiled import build_of, started
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"dotnet"})
_SDK = "mcr.microsoft.com/dotnet/sdk"
BASES = frozenset({_SDK})
_RUNTIME = "mcr.microsoft.com/dotnet/aspnet"


def _is_build(call: Call) -> bool:
    return call.name == "dotnet" and call.subcommand in ("publish", "build")


def find(view: View) -> Found | Refused | None:
    """The folder that is published, and the assembly in it that the image starts."""
    build = build_of(view, _is_build, ("/root", "/app", "/out"))
    if build is None or isinstance(build, Refused):
        return build
    reference = parse_reference(view.stage.base or "")
    tag = _runtime_tag(reference.tag or "")
    if tag is None or view.stage.origin.words[0] != view.stage.base:
        return Refused(
            view.stage.origin, f"there is no known runtime image for {view.stage.base or view.stage.origin.args}"
        )
    call = next((call for call in view.calls if call.name == "dotnet" and call.subcommand == "publish"), None)
    output = call.option("-o", "--output") if call else None
    path = call.at(output) if call and output else None
    start = started(view)
    if call is None or path is None:
        return Refused(build.last, "where dotnet publishes to cannot be told")
    files = [place for word in start.call.argv if (place := start.call.at(word))] if start else []
    if not any(inside(each, path) for each in files):
        return Refused(build.last, "what is published is not what the image starts")
    return Found(
        "dotnet", build.last, (Artifact(path, path, f"`{call.text}` writes it"),), f"{_RUNTIME}:{tag}",
        build.numbers, tuple(folder for folder in build.sources if not inside(path, folder) or folder != path),
        leaves=("the sources", "what dotnet downloads"),
    )  # fmt: skip


def _runtime_tag(tag: str) -> str | None:
    """The tag of the runtime for one of the kit: its third number counts releases of the kit, from 100 on."""
    version, dash, variant = tag.partition("-")
    numbers = version.split(".")
    if not tag or "preview" in tag or "rc" in variant or "nanoserver" in tag or "windows" in tag:
        return None
    if len(numbers) == 3 and numbers[2].isdigit() and int(numbers[2]) >= 100:
        version = ".".join(numbers[:2])
    return f"{version}{dash}{variant}"
