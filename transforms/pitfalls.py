"""Says where a build, or the image that comes of it, is bound to break."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.images import parse_reference
from optimizer.model import Model, Source, Stage

OUTPUT = frozenset({"-o", "--output"})
JAVA = frozenset(
    {"amazoncorretto", "eclipse-temurin", "gradle", "ibm-semeru-runtimes", "maven", "openjdk", "sapmachine"}
)
"""Images for programs that Java's machine runs, with whatever C library."""
PROGRAMS = ("/bin", "/lib", "/opt", "/root", "/sbin", "/usr")
"""Where node itself lies, and what its package managers install for all."""
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
            if here and there and here != there and not (_for_java(source) or _is_site(source)):
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


def _for_java(source: Source) -> bool:
    return source.origin is not None and {_official(source.stage), _official(source.origin)} <= JAVA


def _is_site(source: Source) -> bool:
    """Whether node has made what is copied into an image without node: files for browsers, no programs."""
    here, there = _official(source.stage), source.origin and _official(source.origin)
    words = source.instruction.words[:-1]
    return there == "node" and here != "node" and not any(word.startswith(PROGRAMS) for word in words)


def _official(stage: Stage) -> str | None:
    """The official image that a stage goes back to."""
    first = [*stage.lineage][-1]
    return None if first.base is None else parse_reference(first.base).official


def _libc(stage: Stage) -> str | None:
    family = stage.image.family
    return "musl libc" if family == "alpine" else "glibc" if family in GLIBC else None
