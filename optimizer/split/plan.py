"""What goes where when a stage becomes two. Data only: nothing here knows a language or writes a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from optimizer.document import Instruction
from optimizer.model import Stage


class Part(Enum):
    """Where an instruction of the author's goes that stands before the end of the build."""

    BUILD = 1
    """It stays in the builder stage, and in it alone."""
    RUNTIME = 2
    """It moves to the stage that runs the program."""
    BOTH = 3
    """It stays, and is repeated in the stage that runs the program."""


class Artifact(NamedTuple):
    """What the final stage takes from the builder; a folder gives its content."""

    path: str
    target: str
    evidence: str
    """How it is known to be what the program needs."""
    owner: str = ""
    """The user and the group that --chown names; "" for none."""


class Question(NamedTuple):
    """What could not be seen and only a build, or the author, can answer; reads on from ``could not see ``."""

    text: str
    path: str = ""
    """What it is about, where that is a file or folder of the sources: a proof does not let it be lost."""


class SystemPackages(NamedTuple):
    """Packages of the distribution that the final stage installs, in the author's own words."""

    at: Instruction
    """The author's instruction in whose place it stands."""
    update: tuple[str, ...]
    """Commands in front, such as ``apt-get update``."""
    install: str
    """The command up to the packages."""
    names: tuple[str, ...]
    clean: tuple[str, ...]
    flags: str = ""
    """Flags of the RUN: the cache mounts of the author's."""
    before: Instruction | None = None
    """What it stands in front of, where that is further up than the author's: files that it does not need."""

    @property
    def place(self) -> Instruction:
        """The instruction in front of which it stands."""
        return self.before or self.at

    @property
    def commands(self) -> tuple[str, ...]:
        return (*self.update, " ".join((self.install, *self.names)), *self.clean)


class Refused(NamedTuple):
    """Why a stage stays one: the instruction at fault, and a reason that reads on from ``the build stays: ``."""

    at: Instruction
    reason: str


@dataclass(frozen=True)
class Found:
    """What a language knows of a build: where it ends, what comes of it, and what the program runs on."""

    language: str
    last: Instruction
    """The last instruction of the build."""
    artifacts: tuple[Artifact, ...]
    base: str
    """The image that the final stage begins with, as FROM names it."""
    build: frozenset[int] = frozenset()
    """Numbers of the calls (in the order of the view) that build, and leave nothing but the artifacts."""
    sources: tuple[str, ...] = ()
    """Folders of the image whose content only the build needs."""
    manifests: frozenset[str] = frozenset()
    """Names of files that only the build reads."""
    prepare: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Instructions that go in front of one of the author's, by its number."""
    finish: tuple[str, ...] = ()
    """Instructions at the end of the builder."""
    environment: tuple[str, ...] = ()
    """Instructions that the final stage begins with, so that it finds the artifacts."""
    after: tuple[str, ...] = ()
    """Instructions of the final stage behind the artifacts."""
    needs: tuple[str, ...] = ()
    """Packages of the distribution whose libraries the result is linked with."""
    brings: tuple[str, ...] = ()
    """Packages that the image of the build has, the final stage's base has not, and the program may read."""
    repeated: frozenset[int] = frozenset()
    """Numbers of the calls that the final stage needs as well as the build."""
    builders: frozenset[str] = frozenset()
    """Packages of the distribution that this language's builds use, and its programs seldom."""
    leaves: tuple[str, ...] = ()
    """What stays behind besides packages of the distribution and the larger base."""
    packages: tuple[str, ...] = ()
    """What of the language's own packages stays behind, as a reason says it: alone worth a stage."""
    gone: tuple[str, ...] = ()
    """Patterns of the files of that, and of what says that its packages are installed."""
    questions: tuple[Question, ...] = ()
    has: frozenset[str] = frozenset()
    """Packages whose libraries the final stage's image has of its own, because its interpreter needs them."""
    bare: str = ""
    """An image without a shell and a package manager, for a final stage in which nothing is run; "" where none is."""


@dataclass(frozen=True)
class Split:
    """A stage that becomes two."""

    stage: Stage
    """With what it is built on (`optimizer.split.lineage`)."""
    final: Stage
    """The stage as it stands in the file."""
    builder: str
    """The name of the builder stage."""
    base: str
    last: Instruction
    parts: Mapping[int, Part]
    """For each of the author's instructions up to ``last``, by its number."""
    setup: Mapping[int, tuple[str, ...]]
    """Commands of a RUN of the build that the final stage needs too, by its number."""
    prepare: Mapping[int, tuple[str, ...]]
    """Instructions that go in front of one of the author's, by its number."""
    finish: tuple[str, ...]
    environment: tuple[str, ...]
    packages: SystemPackages | None
    artifacts: tuple[Artifact, ...]
    after: tuple[str, ...]
    questions: tuple[Question, ...]
    leaves: tuple[str, ...]
    """What stays behind, as a reason says it."""
    loses: tuple[str, ...]
    """Files and folders of the sources that the image no longer has."""
    gone: tuple[str, ...]
    """Patterns of what else it no longer has."""
    equipped: frozenset[int] = frozenset()
    """Of ``setup`` what stands behind an install of packages in its RUN, and may need them."""

    @property
    def builds_itself(self) -> bool:
        """Whether the build ends in the stage itself, and not in one that it is built on: that one is there already."""
        return self.last.index > self.final.origin.index

    @property
    def passed(self) -> tuple[Instruction, ...]:
        """What stands behind the build in stages before the final one, which no longer begins with them."""
        return tuple(each for each in self.stage.instructions if self.last.index < each.index < self.final.origin.index)
