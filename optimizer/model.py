"""What a Dockerfile means: stages, their scopes and references, and one parsed script a RUN.

Source: BuildKit's dockerfile2llb (how stages, ARG, ENV, WORKDIR, USER and SHELL follow from one another).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from optimizer import images
from optimizer.document import Document, Instruction, parse
from optimizer.instructions import check, settings
from optimizer.lexer import SyntaxProblem, Unknown, expand
from optimizer.runs import Run, parse_mount

DEFAULT_SHELL = ("/bin/sh", "-c")
WINDOWS_SHELL = ("cmd", "/S", "/C")


class State(Struct, frozen=True):
    """What is in force when an instruction is executed. None stands for what the text cannot tell."""

    env: Mapping[str, str | None]
    """ENV, and ARG with None: a build argument can be given another value from outside."""
    complete: bool
    """True where nothing but env can be set: the base image's own ENV is known."""
    workdir: str | None
    user: str | None
    shell: tuple[str, ...]

    def expand(self, text: str, escape: str) -> str | None:
        """The text with its variables put in, or None when that depends on what is not known."""
        try:
            return expand(text, self.env, escape, unset_is_unknown=not self.complete)
        except (Unknown, SyntaxProblem):
            return None

    def resolve(self, path: str) -> str | None:
        """An absolute, clean path for a path relative to WORKDIR; None where WORKDIR is not known."""
        if path.startswith("/"):
            return _clean(path)
        return None if self.workdir is None else _clean(posixpath.join(self.workdir, path))


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


class Stage(Struct, frozen=True, dict=True):
    """A FROM and what follows it. instructions leaves the FROM out."""

    index: int
    origin: Instruction
    instructions: tuple[Instruction, ...]
    base: str | None
    """The image as the defaults of the ARGs give it, or None where that cannot be known; also a stage's name."""
    pinned: bool
    """True where no ARG takes part in the base: it can not be another one from outside."""
    parent: Stage | None
    """The stage that it builds on, if FROM names one."""

    @cached_property
    def name(self) -> str | None:
        words = self.origin.words
        return words[2].lower() if len(words) == 3 else None

    @cached_property
    def image(self) -> images.Image:
        """What is known of the image it starts from, through parent stages too."""
        stage = self
        while stage.parent is not None:
            stage = stage.parent
        if stage.base is None:
            return images.UNKNOWN
        known = images.known(stage.base)
        return known if stage.pinned else replace(known, workdir=None, user=None, env={})

    @cached_property
    def windows(self) -> bool:
        """Whether it is built on Windows: by the name of its image, or by a path with a drive."""
        if self.parent is not None:
            return self.parent.windows
        if images.runs_windows(self.base or self.origin.text, self.origin.flag("platform")):
            return True
        return any(_has_drive(each) for each in self.instructions)

    @cached_property
    def _states(self) -> Mapping[int | None, State]:
        """The state before each instruction, by its number, and under None the one after the last."""
        if self.parent is not None:
            state = self.parent.final_state
        else:
            shell = WINDOWS_SHELL if self.windows else DEFAULT_SHELL
            state = State(dict(self.image.env), False, self.image.workdir, self.image.user, shell)
        states: dict[int | None, State] = {}
        for instruction in self.instructions:
            states[instruction.index] = state
            state = _step(state, instruction)
        return {**states, None: state}

    @property
    def final_state(self) -> State:
        return self._states[None]

    def state(self, instruction: Instruction) -> State:
        """What is in force when the instruction (of this stage) begins."""
        return self._states[instruction.index]

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The RUN instructions, each with its body; ONBUILD RUN is not among them."""
        return tuple(
            Run(instruction, self.state(instruction).shell)
            for instruction in self.instructions
            if instruction.keyword == "RUN"
        )

    @property
    def lineage(self) -> Iterator[Stage]:
        """The stage, its parent stage, and so on."""
        stage: Stage | None = self
        while stage is not None:
            yield stage
            stage = stage.parent


def _has_drive(instruction: Instruction) -> bool:
    """Whether an instruction goes to, or copies to, a path such as ``C:/app``."""
    if instruction.keyword not in ("WORKDIR", "COPY", "ADD") or not instruction.words:
        return False
    target = instruction.words[-1]
    return target[1:2] == ":" and target[:1].isalpha() and target[2:3] in ("\\", "/", "")


def _step(state: State, instruction: Instruction) -> State:
    keyword = instruction.keyword
    if keyword in ("ENV", "ARG"):
        env = dict(state.env)
        for setting in settings(instruction):
            if keyword == "ENV":
                env[setting.name] = state.expand(setting.value or "", instruction.escape)
            else:
                env.setdefault(setting.name, None)
        return replace(state, env=env)
    if keyword == "WORKDIR":
        path = state.expand(instruction.args, instruction.escape)
        return replace(state, workdir=None if path is None else state.resolve(path))
    if keyword == "USER":
        return replace(state, user=state.expand(instruction.args, instruction.escape))
    if keyword == "SHELL" and instruction.exec_form:
        return replace(state, shell=instruction.exec_form)
    return state


class Source(Struct, frozen=True):
    """One place where a stage takes files from another stage or image: COPY --from, RUN --mount=from."""

    stage: Stage
    instruction: Instruction
    name: str
    origin: Stage | None
    """The stage named, or None for an image from outside."""


class Model(Struct, frozen=True, dict=True):
    """A Dockerfile read whole. targets are the stage names that files beside it (Compose, Bake, CI) build by name."""

    document: Document
    stages: tuple[Stage, ...]
    globals: Mapping[str, str | None]
    """The ARGs before the first FROM with their defaults."""
    targets: tuple[str, ...]

    @property
    def final(self) -> Stage:
        return self.stages[-1]

    def stage_of(self, instruction: Instruction) -> Stage | None:
        """The stage that an instruction stands in; a FROM belongs to the stage it begins."""
        for stage in reversed(self.stages):
            if stage.origin.index <= instruction.index:
                return stage
        return None

    def find_stage(self, name: str, before: int) -> Stage | None:
        """The stage that ``--from=name`` in stage number ``before`` means: a name in any case, or a number."""
        return _find(self.stages[:before], name)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every COPY --from and RUN --mount=from, in order."""
        found = []
        for stage in self.stages:
            for instruction in stage.instructions:
                for name in _from_names(instruction):
                    found.append(Source(stage, instruction, name, self.find_stage(name, stage.index)))
        return tuple(found)

    @cached_property
    def _shipping(self) -> frozenset[int]:
        """Numbers of the stages whose layers end up in an image that somebody builds."""
        copied = {source.origin.index for source in self.sources if source.origin is not None}
        based = {stage.parent.index for stage in self.stages if stage.parent is not None}
        named = {target.lower() for target in self.targets}
        roots = [
            stage
            for stage in self.stages
            if stage is self.final
            or stage.name in named
            or str(stage.index) in named
            or (stage.index not in copied and stage.index not in based)
        ]
        return frozenset(ancestor.index for root in roots for ancestor in root.lineage)

    def ships(self, stage: Stage) -> bool:
        """Whether the stage's layers reach a target, itself or through FROM.

        False for a builder stage from which only COPY --from or a mount takes files. A stage that nothing refers to
        counts as a target: people build those with --target.
        """
        return stage.index in self._shipping

    def descendants(self, stage: Stage) -> tuple[Stage, ...]:
        """The stages built FROM this one, directly or not."""
        return tuple(other for other in self.stages if other is not stage and stage in other.lineage)


def _from_names(instruction: Instruction) -> Iterator[str]:
    if instruction.keyword == "COPY" and (name := instruction.flag("from")):
        yield name
    elif instruction.keyword == "RUN":
        for flag in instruction.flags:
            if flag.name == "mount" and (name := parse_mount(flag.value or "").get("from")):
                yield name


def _find(stages: Iterable[Stage], name: str) -> Stage | None:
    stages = list(stages)
    if name.isdigit():
        return stages[int(name)] if int(name) < len(stages) else None
    for stage in reversed(stages):
        if stage.name == name.lower():
            return stage
    return None


def build(document: Document, targets: tuple[str, ...] = ()) -> Model:
    """Work out the stages of a document.

    :raises ParseError: where BuildKit refuses an instruction.
    """
    check(document)
    defaults: dict[str, str | None] = {}
    origins = [instruction for instruction in document.instructions if instruction.keyword == "FROM"]
    for instruction in document.instructions[: origins[0].index]:
        for setting in settings(instruction):
            defaults[setting.name] = None if setting.value is None else _try(setting.value, defaults, document.escape)
    stages: list[Stage] = []
    ends = [*(origin.index for origin in origins[1:]), len(document.instructions)]
    for origin, end in zip(origins, ends, strict=True):
        written = origin.words[0]
        base = _try(written, defaults, document.escape)
        body = document.instructions[origin.index + 1 : end]
        parent = _find(stages, base) if base is not None and not base.isdigit() else None
        stages.append(Stage(len(stages), origin, body, base, "$" not in written, parent))
    return Model(document, tuple(stages), defaults, targets)


def _try(text: str, env: Mapping[str, str | None], escape: str) -> str | None:
    try:
        return expand(text, env, escape) or None
    except (Unknown, SyntaxProblem):
        return None


def read(text: str, targets: tuple[str, ...] = ()) -> Model:
    """Read a Dockerfile from its text.

    :raises ParseError: where BuildKit refuses it.
    """
    return build(parse(text), targets)
