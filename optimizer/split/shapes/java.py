"""Java: the archive that Maven or Gradle builds, on a runtime of the same version.

Source: the tags of the official images maven, gradle, eclipse-temurin, openjdk and amazoncorretto; the documentation of
Spring Boot ("Dockerfiles", "Layering Docker Images") and of Quarkus ("Packaging and Building").
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.images import parse_reference
from optimizer.landing import inside
from optimizer.model import Stage
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.shapes._compiled import Build, Started, build_of, data, started
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"mvn", "mvnw", "gradle", "gradlew"})
BASES = frozenset({"maven", "gradle", "eclipse-temurin", "openjdk"})
_GOALS = frozenset(
    {"package", "install", "verify", "build", "bootJar", "bootRepackage", "assemble", "shadowJar", "jar", "installDist"}
)
_VERSION = re.compile(r"(?:jdk|openjdk|eclipse-temurin|amazoncorretto|corretto|ibm-semeru|jdk-?)-?(\d+)|^(\d+)")
_RUNTIMES = frozenset({8, 11, 17, 21, 25})
"""Versions of which eclipse-temurin has a runtime alone; others come and go."""
_SUITES = ("focal", "jammy", "noble")
_TOOLS = frozenset({"ant", "git", "gradle", "maven", "unzip", "zip"})
_MANIFESTS = ("pom.xml", "build.gradle", "build.gradle.kts")
_PACKING = (
    "spring-boot-maven-plugin", "org.springframework.boot", "maven-shade-plugin", "maven-assembly-plugin", "shadow",
    "zipTree", "quarkus", "micronaut", "onejar", "jib", "io.ktor.plugin",
)  # fmt: skip
"""What a manifest has in it that packs all that is needed into one archive."""
_BESIDE = ("copy-dependencies", "addClasspath", "classpathPrefix", "Class-Path")
"""What a manifest has in it by which an archive finds others beside it."""
_QUARKUS = "quarkus-app"
_CHANGING = (
    "layers",
    "layered",
    "requiresUnpack",
    "includeTools",
    "classifier",
    "launchScript",
    "executable",
    "<layout>",
)
"""What changes how Spring Boot packs an archive."""
_BOOT_PARENT = re.compile(
    r"<artifactId>\s*spring-boot-starter-parent\s*</artifactId>\s*<version>\s*(\d+)\.(\d+)\.\d+\s*</version>"
)
_BOOT_PLUGIN = re.compile(r"""org\.springframework\.boot["')]+\s+version\s*\(?["'](\d+)\.(\d+)\.\d+["']""")
_FIRST_TOOLS = (3, 3)
"""The first Spring Boot whose archives can unpack themselves into one that is started as before."""
_LAYERS = ("dependencies", "spring-boot-loader", "snapshot-dependencies", "application")


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
    words = [*start.call.argv, *(word.text for word in start.call.command.words if set(word.text) & set("*?"))]
    archives = (word for word in words if word.endswith((".jar", ".war")) and "$" not in word)
    jar = next((path for word in archives if (path := start.call.at(word))), None)
    if jar is None or not any(inside(jar, folder) for folder in build.sources):
        copies = [
            call
            for call in view.calls
            if call.name in ("mv", "cp") and jar in [call.at(word) for word in call.operands[-1:]]
        ]
        if jar is None or not copies:
            return Refused(build.last, "which archive java starts cannot be told")
    call = next(call for call in view.calls if _is_build(call))
    packed = _packed(view, build, jar, call, start)
    if isinstance(packed, Refused):
        return packed
    more, questions = data(view, build, (".java", ".kt", ".groovy"), packed.artifacts)
    settings = [each for each in _settings(view, start) if each.path not in [one.path for one in more]]
    questions = [each for each in questions if each.path not in [one.path for one in settings]]
    return Found(
        "java", build.last, (*packed.artifacts, *more, *settings), base, build.numbers, build.sources,
        finish=packed.finish, builders=_TOOLS, has=frozenset({"libstdc++"}),
        leaves=("the sources", f"what {call.name} downloads"), questions=(*packed.questions, *questions),
    )  # fmt: skip


class _Packed(NamedTuple):
    """How what java starts is taken over."""

    artifacts: tuple[Artifact, ...]
    finish: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()


def _packed(view: View, build: Build, jar: str, call: Call, start: Started) -> _Packed | Refused:
    evidence = f"java starts it, and `{call.text}` builds it"
    folder, name = posixpath.split(jar)
    if f"/{_QUARKUS}/" in jar:
        whole = jar[: jar.index(f"/{_QUARKUS}/") + 1] + _QUARKUS
        return _Packed((Artifact(whole, whole, f"`{call.text}` builds it, and the archive needs what lies in it"),))
    texts = tuple(_manifests(view))
    beside = next((mark for mark in _BESIDE for text in texts if mark in text), None)
    if beside is not None:
        return Refused(build.last, f"the archive needs others beside it ({beside}), and where they lie cannot be told")
    if set(jar) & set("*?"):
        return _Packed((Artifact(jar, f"{folder}/", evidence),))
    if _unpacks(view, texts, jar, build.last):
        return _layers(jar, folder, name)
    packs = view.context is None or any(mark in text for mark in _PACKING for text in texts)
    questions = () if packs else (Question(f"whether {name} has all in it that it needs"),)
    return _Packed((Artifact(jar, jar, evidence),), (), questions)


def _settings(view: View, start: Started) -> Iterator[Artifact]:
    """What Spring Boot reads of the working directory by itself. Source: its documentation of external settings."""
    context = view.context
    if context is None or not any("spring-boot" in text or "springframework" in text for text in _manifests(view)):
        return
    for name in ("config", *(f"application.{ending}" for ending in ("properties", "yml", "yaml"))):
        path = start.call.at(name)
        found = view.path_in_context(path)
        if path is not None and found is not None and (context.is_file(found) or name == "config"):
            yield Artifact(path, path, "Spring Boot reads it in the working directory")


def _manifests(view: View) -> Iterator[str]:
    """The texts of the manifests that the stage copies."""
    if view.context is not None:
        for path in view.context.files():
            if posixpath.basename(path) in _MANIFESTS:
                yield view.context.read(path) or ""


def _unpacks(view: View, texts: tuple[str, ...], jar: str, last: Instruction) -> bool:
    """Whether the archive is one of Spring Boot that unpacks itself, in its usual layers."""
    if len(texts) != 1 or not jar.endswith(".jar") or any(mark in texts[0] for mark in _CHANGING):
        return False
    by_maven = "spring-boot-maven-plugin" in texts[0]
    found = _BOOT_PARENT.search(texts[0]) if by_maven else _BOOT_PLUGIN.search(texts[0])
    user = view.stage.state(last).user
    return found is not None and (int(found[1]), int(found[2])) >= _FIRST_TOOLS and user in (None, "", "root", "0")


def _layers(jar: str, folder: str, name: str) -> _Packed:
    """The archive without its libraries, and these beside it: `java -jar` starts it as before.

    Dependencies change seldom and are most of it; in a layer of their own they are pushed and pulled once.
    """
    unpacked = "/tmp/layers"
    artifacts = tuple(Artifact(f"{unpacked}/{layer}/", f"{folder}/", f"layer {layer} of {name}") for layer in _LAYERS)
    return _Packed(artifacts, (f"RUN java -Djarmode=tools -jar {jar} extract --layers --destination {unpacked}",))


def runtime(stage: Stage) -> str | None:
    """The image with the runtime of the same version as the development kit of the build."""
    reference = parse_reference(stage.base or "")
    name, tag = reference.official, reference.tag or ""
    if stage.origin.words[0] != stage.base or "windows" in tag or "nanoserver" in tag:
        return None
    found = _VERSION.search(tag if name in ("eclipse-temurin", "openjdk") else tag.partition("-")[2])
    if found is None:
        return None
    version = found[1] or found[2]
    alpine = "-alpine" if "alpine" in tag else ""
    if name == "openjdk" and version in ("7", "8", "11") and not alpine:
        slim = "-slim" if "slim" in tag else ""
        return f"openjdk:{version}-jre{slim}"
    if int(version) not in _RUNTIMES:
        return None
    if name == "eclipse-temurin" and "-jdk" in tag and reference.digest is None:
        return f"eclipse-temurin:{tag.replace('-jdk', '-jre', 1)}"
    suite = next((f"-{suite}" for suite in _SUITES if tag.endswith(f"-{suite}")), alpine)
    return f"eclipse-temurin:{version}-jre{suite}"
