"""Java: the archive that Maven or Gradle builds, on a runtime of the same version.

Source: the tags of the official images maven, gradle, eclipse-temurin, openjdk and amazoncorretto.
"""

from __future__ import annotations

import re

from optimizer.images import parse_reference
from optimizer.landing import inside
from optimizer.model import Stage
from optimizer.split.plan import Artifact, Found, Refused
from optimizer.split.shapes._compiled import build_of, started
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"mvn", "mvnw", "gradle", "gradlew"})
BASES = frozenset({"maven", "gradle", "eclipse-temurin", "openjdk"})
_GOALS = frozenset(
    {"package", "install", "verify", "build", "bootJar", "bootRepackage", "assemble", "shadowJar", "jar", "installDist"}
)
_VERSION = re.compile(r"(?:jdk|openjdk|eclipse-temurin|amazoncorretto|corretto|ibm-semeru|jdk-?)-?(\d+)|^(\d+)")


def _is_build(call: Call) -> bool:
    return call.name in PROGRAMS and any(word.rpartition(":")[2] in _GOALS for word in call.operands)


def find(view: View) -> Found | Refused | None:
    """The archive that the image starts, built in this stage."""
    build = build_of(view, _is_build, ("/usr/share/maven", "/home/gradle"))
    if build is None or isinstance(build, Refused):
        return build
    base = runtime(view.stage)
    if base is None:
        return Refused(
            view.stage.origin, f"there is no known runtime image for {view.stage.base or view.stage.origin.args}"
        )
    start = started(view)
    if start is None or start.name != "java":
        return Refused(build.last, "which archive java starts cannot be told")
    jar = next(
        (path for word in start.call.argv if word.endswith((".jar", ".war")) and (path := start.call.at(word))), None
    )
    if jar is None or not any(inside(jar, folder) for folder in build.sources):
        copies = [
            call
            for call in view.calls
            if call.name in ("mv", "cp") and jar in [call.at(word) for word in call.operands[-1:]]
        ]
        if jar is None or not copies:
            return Refused(build.last, "which archive java starts cannot be told")
    call = next(call for call in view.calls if _is_build(call))
    return Found(
        "java", build.last, (Artifact(jar, jar, f"java starts it, and `{call.text}` builds it"),), base, build.numbers,
        build.sources, leaves=("the sources", f"what {call.name} downloads"),
    )  # fmt: skip


def runtime(stage: Stage) -> str | None:
    """The image with the runtime of the same version as the development kit of the build."""
    reference = parse_reference(stage.base or "")
    name, tag = reference.official, reference.tag or ""
    if stage.origin.words[0] != stage.base:
        return None
    found = _VERSION.search(tag if name in ("eclipse-temurin", "openjdk") else tag.partition("-")[2])
    if found is None or "windows" in tag:
        return None
    version = found[1] or found[2]
    alpine = "-alpine" if "alpine" in tag else ""
    if name == "openjdk" and version in ("7", "8", "11") and not alpine:
        slim = "-slim" if "slim" in tag else ""
        return f"openjdk:{version}-jre{slim}"
    return f"eclipse-temurin:{version}-jre{alpine}" if int(version) in (8, 11, 17, 21, 25) else None
