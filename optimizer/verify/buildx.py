"""BuildKit through ``docker buildx``: the daemon's own, or any builder that buildx knows."""

from __future__ import annotations

import secrets

from optimizer.verify.builder import ANSWER, Builder, BuildFailed, Built, CannotJudge, Options, Source
from optimizer.verify.process import Process, run
from optimizer.verify.progress import Progress

_LOCAL = "docker"
"""The driver whose images are at once among the daemon's."""
_SAYS, _GONE = "failed to solve", "failed to solve: Unavailable"
"""How the client begins what the builder says of a build, and how it says that the builder is not there any more."""


def connect(name: str, options: Options) -> Buildx:
    """The builder that buildx knows by this name; "" for the one it uses by itself.

    :raises CannotJudge: where there is none, or it does not answer.
    """
    try:
        version = run(["docker", "buildx", "version"], ANSWER)
        if version.status:
            raise CannotJudge("docker has no buildx: install its plugin (docker-buildx-plugin)", version.tail)
        found = run(["docker", "buildx", "inspect", *([name] if name else [])], ANSWER)
    except FileNotFoundError:
        raise CannotJudge("docker is not installed") from None
    facts: dict[str, str] = {}
    for line in found.output.decode("utf-8", "replace").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            facts.setdefault(key.strip(), value.strip())
    trouble = facts.get("Error", "")
    if found.status or trouble:
        what = f"the builder {name} does not answer" if name else "the docker daemon does not answer: is it running?"
        raise CannotJudge(what, (*found.tail, trouble))
    return Buildx(facts.get("Name", name), facts.get("Driver", _LOCAL), options)


class Buildx(Builder):
    """A builder of buildx."""

    tool = "docker"

    def __init__(self, name: str, driver: str, options: Options) -> None:
        super().__init__(options)
        self._builder = name
        self._local = driver == _LOCAL
        self._driver = driver
        self._mounts = ""

    def describe(self) -> str:
        return f"docker buildx, builder {self._builder} ({self._driver})"

    def _try(self, source: Source, *, no_cache: bool) -> Built:
        if no_cache or not self._mounts:
            # Cache mounts outlive --no-cache; in a name space of their own they begin empty, too.
            self._mounts = secrets.token_hex(8)
        image = self._image()
        command = self._command(source, no_cache)
        command[-1:-1] = ["--tag", image, "--load"] if self._local else ["--output", "type=cacheonly"]
        progress = Progress()
        with Process(command, self.options.timeout, progress.feed) as process:
            ended = self._build(command, process)
        steps = progress.steps()
        if ended.status:
            failed = [step for step in steps if step.error and "context canceled" not in step.error]
            lines = [*(line for step in failed for line in step.output), *ended.tail]
            if failed or (any(_SAYS in line and _GONE not in line for line in ended.tail) and self._answers()):
                raise BuildFailed("the build fails", lines)
            raise CannotJudge("the builder went away, or could not begin", lines)
        return Built(source, image, ended.seconds, steps)

    def _answers(self) -> bool:
        return run(["docker", "buildx", "inspect", self._builder], ANSWER).status == 0

    def archive(self, built: Built) -> list[str]:
        if self._local:
            return ["docker", "save", built.image]
        command = self._command(built.source, no_cache=False)
        return [*command[:-1], "--output", "type=oci,dest=-", command[-1]]

    def can_run(self) -> str:
        return "" if self._local else f"the images of the builder {self._builder} are not on this machine"

    def _command(self, source: Source, no_cache: bool) -> list[str]:
        dockerfile, _, context = self._write(source)
        command = ["docker", "buildx", "build", "--builder", self._builder, "--progress=rawjson"]
        command += ["--provenance=false", "--sbom=false", "--file", dockerfile]
        command += ["--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={self._mounts}"]
        return [*command, *self._flags(source), *(["--no-cache"] if no_cache else []), context]
