"""Podman, and Buildah where it stands alone."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import IO

from optimizer.verify.builder import ANSWER, Builder, BuildFailed, Built, CannotJudge, Options, Source
from optimizer.verify.passing import last
from optimizer.verify.process import Process, run
from optimizer.verify.progress import LAST, Step

TOOLS = ("podman", "buildah")
_CACHED = "--> Using cache"
_STEP = "STEP "


def connect(tool: str, options: Options) -> Podman:
    """The builder behind ``podman`` or ``buildah``.

    :raises CannotJudge: where it is not installed, or does not answer.
    """
    try:
        ended = run([tool, "info"], ANSWER)
    except FileNotFoundError:
        raise CannotJudge(f"{tool} is not installed") from None
    if ended.status:
        raise CannotJudge(f"{tool} does not answer", ended.tail)
    return Podman(tool, options)


class Podman(Builder):
    """Podman or Buildah: the same library behind both."""

    registry = "localhost/"

    def __init__(self, tool: str, options: Options) -> None:
        super().__init__(options)
        self.tool = tool
        if tool == "buildah":
            self.image_field = "{{.Name}}"

    def describe(self) -> str:
        return self.tool

    def _try(self, source: Source, *, no_cache: bool) -> Built:
        image = self._image()
        command = self._command(source, image, no_cache)
        with Process(command, self.options.timeout) as process:
            steps = tuple(_steps(process.output))
            ended = self._build(command, process)
        if ended.status:
            raise BuildFailed("the build fails", [*(steps[-1].output if steps else ()), *ended.tail])
        return Built(source, image, ended.seconds, steps)

    def archive(self, built: Built) -> list[str]:
        if self.tool == "podman":
            return ["podman", "save", "--format", "docker-archive", built.image]
        return ["buildah", "push", "--quiet", built.image, "docker-archive:/dev/stdout"]

    def can_run(self) -> str:
        return "" if self.tool == "podman" else "buildah runs no containers with limits: install podman"

    def _command(self, source: Source, image: str, no_cache: bool) -> list[str]:
        dockerfile, rules, context = self._write(source)
        # OCI's own format has no place for HEALTHCHECK, ONBUILD and SHELL.
        command = [self.tool, "build", "--format", "docker", "--layers", "--file", dockerfile, "--tag", image]
        command += ["--ignorefile", rules] if source.ignore is not None else []
        return [*command, *self._flags(source), *(["--no-cache"] if no_cache else []), context]


def _steps(output: IO[bytes]) -> Iterator[Step]:
    """The steps as they are announced on standard output: each lasts until the next one begins."""
    name, cached, begun = "", False, monotonic()
    said: list[str] = []
    for raw in output:
        line = raw.decode("utf-8", "replace").rstrip()
        if _STEP in line[:16]:
            if name:
                yield Step(name, monotonic() - begun, cached, "", tuple(said))
            place, _, text = line.partition(": ")
            number = place.replace("[", "").replace("]", "").replace(_STEP, "")
            name, cached, begun, said = f"[{number}] {text}", False, monotonic(), []
        elif line.startswith(_CACHED):
            cached = True
        else:
            said = last([*said, line], LAST)
    if name:
        yield Step(name, monotonic() - begun, cached, "", tuple(said))
