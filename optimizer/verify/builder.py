"""What verifying asks of a builder, and how one is found.

A builder is the program that turns a Dockerfile into an image: BuildKit through ``docker buildx``, Podman or Buildah.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from optimizer.verify.interrupt import shielded
from optimizer.verify.owner import PREFIX, Owner, new_name
from optimizer.verify.passing import PAUSE, may_pass
from optimizer.verify.process import Ended, Process, run
from optimizer.verify.progress import Step

_USAGE = "--help' for more information"
"""How docker ends what it says about a command that could not be started."""
ANSWER = 30.0
"""Seconds within which a builder answers a question that is no build."""


class BuilderError(Exception):
    """No image came of it. ``lines`` are the builder's own last lines."""

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.lines = tuple(line for line in lines if line.strip())


class BuildFailed(BuilderError):
    """The builder says that this Dockerfile cannot be built."""


class CannotJudge(BuilderError):
    """It has nothing to do with the Dockerfile: no builder, a builder that went away, no time left."""


@dataclass(frozen=True)
class Options:
    """How the user's image is built, in the words of ``docker build``."""

    platform: str = ""
    args: tuple[str, ...] = ()
    """Each ``NAME=value``, or ``NAME`` for the value in the environment."""
    secrets: tuple[str, ...] = ()
    network: str = ""
    contexts: tuple[str, ...] = ()
    """Named contexts, each ``NAME=folder`` or ``NAME=address``."""
    timeout: float = 3600.0
    """Seconds that one build may take."""


@dataclass(frozen=True)
class Source:
    """What is built."""

    dockerfile: str
    context: str | None
    """The folder of the build context; None for an empty one."""
    ignore: str | None = None
    """The rules of .dockerignore in force, wherever they stand."""
    target: str = ""


@dataclass(frozen=True)
class Built:
    """An image that was built. It lives as long as its builder does."""

    source: Source
    image: str
    seconds: float
    """From the start of the builder's client to its end."""
    steps: tuple[Step, ...]


class Limits(NamedTuple):
    """What a container may use."""

    memory: str = "1g"
    processes: int = 512
    cpus: float = 2.0
    seconds: float = 60.0
    output: int = 1 << 20
    """Bytes."""


class Ran(NamedTuple):
    """What a command in a container did. status is None where it was ended for breaking its limits."""

    status: int | None
    output: str


class Builder(ABC):
    """Builds images under names of its own, to be used with ``with``: at the end none of them is left."""

    tool: str
    """The program that is run for all but building."""
    registry = ""
    """What it puts before the name of an image that is of no registry."""
    image_field = "{{.Repository}}"
    """What it calls the name of an image in a list."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.name = new_name()
        self._numbers = count(1)
        self._images: list[str] = []
        self._containers: list[str] = []
        self._folder = tempfile.TemporaryDirectory(prefix=f"{self.name}-")

    @abstractmethod
    def describe(self) -> str:
        """What it is, for the report."""

    def build(self, source: Source, *, no_cache: bool = False) -> Built:
        """Build an image; once more, without cache, where a fault of the network ended it that may have passed.

        :raises BuildFailed: where the Dockerfile does not build.
        :raises CannotJudge: where that cannot be told.
        """
        try:
            return self._try(source, no_cache=no_cache)
        except BuildFailed as error:
            if not may_pass(error.lines):
                raise
        time.sleep(PAUSE)
        # a cached layer may be of the fault: apt-get update succeeds where it reached nobody
        return self._try(source, no_cache=True)

    @abstractmethod
    def _try(self, source: Source, *, no_cache: bool) -> Built:
        """Build an image, once."""

    @abstractmethod
    def archive(self, built: Built) -> list[str]:
        """The command that writes the image to standard output, as ``docker save`` or an OCI layout in a tar."""

    @abstractmethod
    def can_run(self) -> str:
        """Why containers cannot be run here; "" where they can."""

    @contextmanager
    def export(self, built: Built) -> Iterator[IO[bytes]]:
        """The image as a stream: a tar as ``docker save`` writes it, or an OCI layout.

        :raises CannotJudge: at the end, where the builder did not write all of it.
        """
        with Process(self.archive(built), self.options.timeout) as process:
            yield process.output
            while process.output.read(1 << 20):
                pass
            ended = process.end()
        if ended.status:
            raise CannotJudge("the image could not be read from the builder", ended.tail)

    def once(self, built: Built, command: Sequence[str], limits: Limits) -> Ran:
        """Run a command in a container of its own, without network and within limits."""
        return self._run(built, command, limits, "--network", "none")

    def start(self, built: Built, limits: Limits) -> str:
        """Start a container with what the image itself starts, without network and within limits; its name."""
        name = self._container()
        confined = ["--network", "none", *self._confined(name, limits)]
        ended = run([self.tool, "run", "--detach", *confined, built.image], ANSWER)
        if ended.status:
            raise CannotJudge("the image's own command could not be started", ended.tail)
        return name

    def beside(self, container: str, built: Built, command: Sequence[str], limits: Limits) -> Ran:
        """Run a command in a container of its own that shares network and processes with one that was started.

        Not by ``exec``: where the daemon itself lives in a changed root, that enters the machine's file system.
        """
        shared = f"container:{container}"
        return self._run(built, command, limits, "--network", shared, "--pid", shared)

    def runs(self, container: str) -> bool:
        """Whether a container that was started has not ended by itself."""
        return bool(run([self.tool, "ps", "--quiet", "--filter", f"name={container}"], ANSWER).output.strip())

    def stop(self, container: str) -> None:
        """Remove a container that was started."""
        run([self.tool, "rm", "--force", "--volumes", container], ANSWER)

    def _image(self) -> str:
        """A name for the next image; whatever bears it is removed at the end."""
        self._images.append(f"{self.registry}{self.name}:{next(self._numbers)}")
        return self._images[-1]

    def _container(self) -> str:
        self._containers.append(f"{self.name}-{next(self._numbers)}")
        return self._containers[-1]

    def _confined(self, name: str, limits: Limits) -> list[str]:
        options = ["--name", name, "--no-healthcheck", "--pull", "never", "--pids-limit", str(limits.processes)]
        options += ["--memory", limits.memory, "--memory-swap", limits.memory, "--cpus", str(limits.cpus)]
        return options + (["--platform", self.options.platform] if self.options.platform else [])

    def _run(self, built: Built, command: Sequence[str], limits: Limits, *options: str) -> Ran:
        options = ("--rm", *options, *self._confined(self._container(), limits), "--entrypoint", command[0])
        with Process([self.tool, "run", *options, built.image, *command[1:]], limits.seconds) as process:
            output = process.output.read(limits.output + 1)
            if len(output) > limits.output:
                return Ran(None, f"more than {limits.output} bytes of output")
            ended = process.end()
        if ended.timed_out:
            return Ran(None, f"no end within {limits.seconds:.0f} s")
        said = output.decode("utf-8", "replace").splitlines()
        said += (line for line in ended.tail if line.strip() and not line.endswith(_USAGE))
        return Ran(ended.status, "\n".join(said))

    def _flags(self, source: Source) -> list[str]:
        """What the user asks of each build: all builders say it in the words of ``docker build``."""
        options = self.options
        said: tuple[tuple[str, Sequence[str]], ...] = (
            ("--platform", (options.platform,)),
            ("--build-arg", options.args),
            ("--secret", options.secrets),
            ("--network", (options.network,)),
            ("--build-context", options.contexts),
            ("--target", (source.target,)),
        )
        return [word for flag, values in said for value in values if value for word in (flag, value)]

    def _write(self, source: Source) -> tuple[str, str, str]:
        """Put the Dockerfile where the builder reads it: its path, that of the rules beside it, and of the context.

        Not in the build context: the user's files are not touched. BuildKit prefers ``<Dockerfile>.dockerignore``
        beside the Dockerfile to ``.dockerignore`` in the context, so the rules in force are always given there.
        """
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        dockerfile, rules, empty = folder / "Dockerfile", folder / "Dockerfile.dockerignore", folder / "empty"
        dockerfile.write_bytes(source.dockerfile.encode())
        if source.ignore is not None:
            rules.write_bytes(source.ignore.encode("utf-8", "surrogateescape"))
        empty.mkdir()
        return str(dockerfile), str(rules), os.path.abspath(source.context or empty)

    def _build(self, command: Sequence[str], process: Process) -> Ended:
        """Wait for a build.

        :raises CannotJudge: where it took too long or was ended from outside.
        """
        ended = process.end()
        if ended.timed_out:
            raise CannotJudge(f"the build took longer than {self.options.timeout:g} s (--timeout)", ended.tail)
        if ended.status < 0 or ended.status in (128 + 9, 128 + 15):
            raise CannotJudge(f"the builder's client ({' '.join(command[:3])}) was ended by a signal", ended.tail)
        return ended

    def close(self) -> None:
        """Remove what was made: containers, images, files. Nothing that goes wrong here stops the rest."""
        for words, names in (
            (("rm", "--force", "--volumes"), self._containers),
            (("rmi", "--force"), self._images),
        ):
            if names:
                with suppress(OSError):
                    run([self.tool, *words, *names], ANSWER)
        self._folder.cleanup()

    def sweep(self) -> None:
        """Remove what processes that were killed have left behind. Nothing that goes wrong here stops the rest."""
        for listed, removed in (
            (("ps", "--all", "--format", "{{.Names}}"), ("rm", "--force", "--volumes")),
            (("images", "--format", f"{self.image_field}:{{{{.Tag}}}}"), ("rmi", "--force")),
        ):
            with suppress(OSError):
                names = run([self.tool, *listed], ANSWER).output.decode("utf-8", "replace").split()
                if dead := [name for name in names if _is_dead(name.removeprefix(self.registry))]:
                    run([self.tool, *removed, *dead], ANSWER)
        with suppress(OSError):
            for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
                if _is_dead(folder.name):
                    shutil.rmtree(folder, ignore_errors=True)

    def temporary(self) -> tempfile.TemporaryDirectory[str]:
        """A folder for the time of a ``with``."""
        return tempfile.TemporaryDirectory(dir=self._folder.name)

    def __enter__(self) -> Self:
        self.sweep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with shielded():
            self.close()


def _is_dead(name: str) -> bool:
    owner = Owner.of(name)
    return owner is not None and owner.dead


def find(name: str, options: Options) -> Builder:
    """The builder of that name: ``docker``, ``podman``, ``buildah``, or any builder that buildx knows.

    Without a name the first of docker, podman and buildah that answers.

    :raises CannotJudge: where there is none.
    """
    from optimizer.verify import buildx, podman

    if name in podman.TOOLS:
        return podman.connect(name, options)
    if name:
        return buildx.connect("" if name == "docker" else name, options)
    missing: list[BuilderError] = []
    for connect, tool in ((buildx.connect, ""), *((podman.connect, tool) for tool in podman.TOOLS)):
        try:
            return connect(tool, options)
        except CannotJudge as error:
            missing.append(error)
    reasons = "; ".join(error.message for error in missing)
    raise CannotJudge(f"no builder: {reasons}", [line for error in missing for line in error.lines])
