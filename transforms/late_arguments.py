"""Build arguments that change with each build stand no earlier than they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.document import Instruction
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.instructions import Setting, settings
from optimizer.model import Model, Stage
from optimizer.moving import rearranged, shown_instruction
from optimizer.packages.reading import program_name, unwrap
from optimizer.runs import Run

_BUILD = """
BUILDDATE BUILDTIME BUILD_COMMIT BUILD_DATE BUILD_HASH BUILD_REV BUILD_REVISION BUILD_SHA BUILD_TIME BUILD_TIMESTAMP
COMMIT_DATE COMMIT_HASH COMMIT_ID COMMIT_REF COMMIT_SHA COMMIT_SHA1 COMMIT_TIME GIT_COMMIT GIT_COMMIT_DATE
GIT_COMMIT_HASH GIT_COMMIT_ID GIT_COMMIT_SHA GIT_COMMIT_SHORT GIT_DESCRIBE GIT_HASH GIT_REF GIT_REV GIT_REVISION
GIT_SHA GIT_SHA1 GIT_SHORT_SHA IMAGE_CREATED IMAGE_REVISION OCI_CREATED OCI_REVISION SHORT_SHA SOURCE_COMMIT VCS_BRANCH
VCS_REF VCS_REVISION VCS_SHA
"""
_OF_THE_BUILD = frozenset(_BUILD.split())
"""Names of what differs from build to build, that no program is known to read from its environment by itself."""
_OF_RELEASES = frozenset({"COMMIT_REF", "GIT_COMMIT", "SOURCE_COMMIT"})
"""Names that Sentry's plugins for bundlers look for, whatever the project says."""
_VERSION = """
APP_VERSION BRANCH BUILD BUILD_ID BUILD_NUMBER BUILD_VERSION CI_COMMIT_REF_NAME CI_COMMIT_SHA CI_COMMIT_SHORT_SHA COMMIT
CREATED DATE GITHUB_REF GITHUB_SHA GIT_BRANCH GIT_TAG IMAGE_TAG IMAGE_VERSION RELEASE RELEASE_VERSION REVISION SHA TAG
TIMESTAMP VERSION
"""
_OF_A_VERSION = frozenset(_VERSION.split())
"""The same, but makefiles, installers and tools for CI may read them, or they may be the version of something else."""
_PLACEHOLDERS = frozenset({
    "", "0", "0.0.0", "0.0.1", "HEAD", "dev", "devel", "development", "dirty", "head", "latest", "local", "main",
    "master", "n/a", "none", "snapshot", "undefined", "unknown", "unset", "unspecified",
})  # fmt: skip
"""Defaults that stand for a value that the build is given."""
_SHOW_ALL = frozenset({"printenv", "envsubst", "compgen", "declare", "typeset", "export", "set", "env"})
"""Commands that read every variable, when they are called without words."""
_NEVER_RUN = (".md", ".rst", ".txt", "Dockerfile", ".dockerignore", ".gitlab-ci.yml", "Jenkinsfile")
_NEVER_RUN_IN = (".github/", ".circleci/", ".gitlab/", "docs/", ".git/")
"""Files of the build context that no RUN executes: they tell people, or other machines, how the image is built."""
MOST_FILES = 3_000
"""Files of the build context that are looked through for a name."""


class LateArguments(Transform):
    """Declare what changes with each build no earlier than it is needed.

    ## What it does
    Moves an ARG with a value of the single build, as a commit's id or the date, down in its stage, past the RUNs that
    do not use it: right above the first instruction that does. A LABEL that it is used in goes along, and so does an
    ENV, as a suggestion.

    ## Why
    Every RUN gets all the ARGs above it in its environment, so that another value makes the builder execute all of them
    again, whether they look at it or not.

    ## Example
    ```dockerfile
    FROM python:3.12-slim
    ARG VCS_REF
    LABEL org.opencontainers.image.revision=$VCS_REF
    RUN pip install --no-cache-dir flask
    CMD ["flask", "run"]
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    RUN pip install --no-cache-dir flask
    ARG VCS_REF
    LABEL org.opencontainers.image.revision=$VCS_REF
    CMD ["flask", "run"]
    ```

    ## When it refuses
    - the RUN behind it may read the variable: its text has the name, or calls `env`, `printenv` or the like;
    - a file of the build context has the name in it, and may be what a RUN executes;
    - the ARG declares several variables at once;
    - another ARG, ENV or LABEL sets the same name, or what its default is made of: those keep their order.

    What has a name that is not in its list is left alone: it may be the version of a package, which changes seldom.

    ## Safety
    Safe where no program is known to read the name by itself and the build context does not have it: in all that it
    reads, no RUN sees another environment (section 4.2). Instructions that read one another keep their order, as labels
    of one name do (section 4.1, section 4.4). Suggested without a build context, where sources are cloned, for an ENV
    that goes along, and for names that tools may read by themselves (`VERSION`, `COMMIT`): those move only where they
    have no default, or one that stands for none.
    """

    name = "late_arguments"
    summary = "build arguments that change with each build stand no earlier than they are needed"
    phase = Phase.INSTRUCTIONS

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            together: dict[tuple[bool, tuple[int, ...]], list[_Way]] = {}
            for instruction in stage.instructions:
                if instruction.keyword == "ARG" and _is_volatile(settings(instruction)):
                    way = _way(stage, instruction)
                    if reason := _obstacle(model, way, context):
                        yield self.refuse(instruction, f"{way.name} stays where it is: {reason}", "section 4.2")
                    elif way.passed:
                        sure = context is not None and not context.truncated and way.name in _OF_THE_BUILD
                        sure = sure and not _clones(model, way.passed[-1])
                        safe = sure and all(each.keyword != "ENV" for each in way.moved)
                        together.setdefault((safe, tuple(each.index for each in way.passed)), []).append(way)
            for (safe, _), ways in together.items():
                yield self.late(model, stage, ways, Safety.SAFE if safe else Safety.SUGGESTED)

    def late(self, model: Model, stage: Stage, ways: Sequence[_Way], safety: Safety) -> Proposal:
        """Move ARGs that pass the same RUNs."""
        passed = ways[0].passed
        moved = sorted({each.index: each for way in ways for each in way.moved}.values(), key=lambda each: each.index)
        until = min(way.until for way in ways)
        some = [each for each in stage.instructions if moved[0].index <= each.index < until]
        order = [*(each for each in some if each not in moved), *moved]
        names = " or ".join(way.name for way in ways)
        what = "a RUN that does not use it" if len(passed) == 1 else f"{len(passed)} RUNs that do not use it"
        return self.fix(
            moved[0],
            rearranged(model.document, order, frozenset(each.index for each in moved)),
            f"with another value of {names}, the builder executes {what} again, "
            f"from `{shown_instruction(passed[0])}` on",
            "these RUNs, in each build with another value",
            order=order,
            safety=safety,
        )


class _Way(NamedTuple):
    """How far down an ARG may go."""

    argument: Instruction
    movers: tuple[Instruction, ...]
    """The ARG, and what goes with it because it uses it."""
    passed: tuple[Instruction, ...]
    """The RUNs that they may pass."""
    end: Instruction | None
    """What they stop at; None for the end of the stage."""

    @property
    def name(self) -> str:
        return settings(self.argument)[0].name

    @property
    def moved(self) -> list[Instruction]:
        """What stands before the last RUN that is passed."""
        return [each for each in self.movers if each.index < self.passed[-1].index]

    @property
    def until(self) -> int:
        """The number of the instruction that they come to stand in front of."""
        last = self.passed[-1].index
        later = [each.index for each in (*self.movers, self.end) if each is not None and each.index > last]
        return min(later, default=last + 1)


def _obstacle(model: Model, way: _Way, context: BuildContext | None) -> str | None:
    """Why an ARG that could be of use further down stays where it is."""
    if not way.passed:
        reads = way.end is not None and way.end.keyword == "RUN" and not _has(way.end.text, way.name)
        return f"line {way.end.line} may look at every variable" if reads and way.end is not None else None
    names = [each.name for each in settings(way.argument)]
    if len(names) > 1:
        return f"it is declared together with {' and '.join(names[1:])}: give each an ARG of its own"
    return _mentioned(model, way.passed[-1], way.name, context)


def _is_volatile(found: Sequence[Setting]) -> bool:
    return any(
        each.name in _OF_THE_BUILD or (each.name in _OF_A_VERSION and (each.value or "").strip("\"'") in _PLACEHOLDERS)
        for each in found
    )


def _way(stage: Stage, argument: Instruction) -> _Way:
    movers = [argument]
    names = {each.name for each in settings(argument)}
    labels: set[str] = set()
    passed: list[Instruction] = []
    runs = {run.instruction.index: run for run in stage.runs}
    for each in stage.instructions:
        if each.index <= argument.index:
            continue
        own = {one.name for one in settings(each)} if each.keyword in ("ARG", "ENV", "LABEL") else set()
        text = "\n".join((each.text, *(body.content for body in each.heredocs)))
        used = any(_has(text, name) for name in names)
        if each.keyword == "RUN":
            if used or _shows_all(runs[each.index]):
                return _Way(argument, tuple(movers), tuple(passed), each)
            passed.append(each)
        elif each.keyword == "LABEL" and (used or own & labels):
            movers.append(each)
            labels |= own
        elif each.keyword == "ENV" and used and not own & names:
            movers.append(each)
            names |= own
        elif used or any(_has(mover.text, name) for mover in movers for name in own):
            return _Way(argument, tuple(movers), tuple(passed), each)
    return _Way(argument, tuple(movers), tuple(passed), None)


def _shows_all(run: Run) -> bool:
    """Whether a RUN may look at all variables there are."""
    if run.parsed is None:
        return bool(_SHOW_ALL & set(run.text.replace('"', " ").replace(",", " ").replace(";", " ").split()))
    for command in run.commands():
        words = command.words[unwrap(command.words) :]
        bare = words or command.words
        name = program_name(bare[0]) if bare else None
        if name in _SHOW_ALL and (name in ("printenv", "envsubst") or all(word.text[0] == "-" for word in bare[1:])):
            return name != "set" or len(bare) == 1
    return False


def _mentioned(model: Model, last: Instruction, name: str, context: BuildContext | None) -> str | None:
    """Which file of the build context that may be there for the RUNs that are passed has the name in it."""
    # Another stage may have brought it, for this one to copy or mount.
    brings = any(
        (each.keyword in ("COPY", "ADD") and each.flag("from") is None) or "--mount" in each.text
        for each in model.document.instructions
        if each.index <= last.index
    )
    if context is None or not brings:
        return None
    for number, path in enumerate(context.files()):
        if number == MOST_FILES:
            return "the build context is too large to look through, and any file of it may have the name in it"
        base = path.rpartition("/")[2]
        quiet = path.startswith(_NEVER_RUN_IN) or base.startswith(("Dockerfile", "docker-compose", "compose."))
        if quiet or base.endswith(_NEVER_RUN):
            continue
        text = context.read(path) or ""
        if _has(text, name):
            return f"{path} has the name in it"
        if name in _OF_RELEASES and base == "package.json" and '"@sentry/' in text:
            return f"Sentry, which {path} installs, names a release by it"
    return None


def _clones(model: Model, last: Instruction) -> bool:
    """Whether sources come from a repository that is cloned: what their scripts read is not known."""
    runs = (run for stage in model.stages for run in stage.runs if run.instruction.index <= last.index)
    return any(
        command.name == "git" and any(word.literal in ("clone", "fetch", "pull", "submodule") for word in command.words)
        for run in runs
        for command in run.commands()
    ) or any(
        word.split("#")[0].endswith(".git")
        for each in model.document.instructions
        if each.keyword == "ADD" and each.index < last.index
        for word in each.words[:-1]
    )


def _has(text: str, name: str) -> bool:
    """Whether a text has the name, and not as a part of a longer one."""
    at = text.find(name)
    while at >= 0:
        around = text[max(at - 1, 0) : at] + text[at + len(name) : at + len(name) + 1]
        if not any(char == "_" or char.isalnum() for char in around):
            return True
        at = text.find(name, at + 1)
    return False
