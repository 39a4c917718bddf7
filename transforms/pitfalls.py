"""Says where a build, or the image that comes of it, is bound to break."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.images import parse_reference
from optimizer.model import Model, Stage

OUTPUT = frozenset({"-o", "--output"})
JAVA = frozenset(
    {"amazoncorretto", "eclipse-temurin", "gradle", "ibm-semeru-runtimes", "maven", "openjdk", "sapmachine"}
)
"""Images for programs that Java's machine runs, with whatever C library."""
GLIBC = frozenset({"debian", "ubuntu", "fedora", "centos", "amazonlinux", "arch"})


class Pitfalls(Transform):
    """Say what is bound to fail, where only the author can know what was meant.

    ## What it does
    Changes nothing. It reports `curl -o` without a file name, and programs that are copied from a stage with glibc
    (Debian, Ubuntu, Fedora) into one with musl (Alpine) or the other way round.

    ## Why
    The first fails every build. The second builds, and the program then does not start, unless it is linked statically:
    the loader that it names is not in the image.

    ## Example
    ```dockerfile
    FROM debian:bookworm AS build
    RUN curl https://example.com/abc.tar.gz -o
    FROM alpine:3.20
    COPY --from=build /tmp /abc
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm AS build
    RUN curl https://example.com/abc.tar.gz -o
    FROM alpine:3.20
    COPY --from=build /tmp /abc
    ```

    ## When it refuses
    It never rewrites: what the file was to be called, or which base was meant, is not in the text.

    ## Safety
    A report: nothing changes (section 6.2).
    """

    name = "pitfalls"
    summary = "says what is bound to fail, and changes nothing"
    phase = Phase.REPAIR
    safety = Safety.REPORT

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        if "curl" in model.document.text:
            for stage in model.stages:
                yield from self.downloads(stage)
        for source in model.sources:
            if source.origin is None or source.instruction.keyword != "COPY":
                continue
            here, there = _libc(source.stage), _libc(source.origin)
            if here and there and here != there and not (_runs_java(source.stage) and _runs_java(source.origin)):
                yield self.refuse(
                    source.instruction,
                    f"what is copied was made with {there} and the image has {here}: a program runs here only if it is "
                    "linked statically",
                    "section 6.2",
                )

    def downloads(self, stage: Stage) -> Iterator[Proposal]:
        for run in stage.runs:
            for command in run.commands() if "curl" in run.text else ():
                if command.name == "curl" and len(command.argv) > 1 and command.argv[-1] in OUTPUT:
                    what = f"curl {command.argv[-1]} has no file name behind it and fails: say where the download goes"
                    yield self.refuse(run.instruction, what, "section 2")


def _runs_java(stage: Stage) -> bool:
    first = [*stage.lineage][-1]
    return first.base is not None and parse_reference(first.base).official in JAVA


def _libc(stage: Stage) -> str | None:
    family = stage.image.family
    return "musl libc" if family == "alpine" else "glibc" if family in GLIBC else None
