"""apt installs what is asked for, and not what is recommended with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from optimizer.context import BuildContext
from optimizer.fix import Options, Phase, Proposal, Safety, Transform
from optimizer.images import parse_reference
from optimizer.model import Model, Stage
from optimizer.packages.editing import RunEdits, differences
from optimizer.packages.managers import APT
from optimizer.packages.places import reading_of
from optimizer.packages.reading import PackageCommand, program_name
from optimizer.runs import Run
from optimizer.shell import Word

FLAG = "--no-install-recommends"
DECIDED = ("--no-install-recommends", "--install-recommends", "--no-install-suggests", "--install-suggests")
CONFIGURED = ("apt::install-recommends", 'install-recommends "', "install-recommends=")
WITH_TOOLS = frozenset({"buildpack-deps", "gcc", "golang", "node", "perl", "python", "ruby", "rust"})
"""Official images on Debian that have compilers and ssh, where they are not the slim ones."""
CERTIFICATES = "ca-certificates"
NEED_CERTIFICATES = frozenset({"curl", "wget", "git", "git-core"})
"""Packages that recommend ca-certificates, and fail at https without."""


class _Recommended(NamedTuple):
    """A package that comes as a recommendation, and what shows that it is needed."""

    name: str
    by: frozenset[str]
    """The packages that recommend it."""
    instead: tuple[str, ...]
    """How packages begin that bring the same, or a part of it: the author has thought of it then."""
    marks: tuple[str, ...]
    programs: frozenset[str]
    why: str


_RECOMMENDED = (
    _Recommended(
        "openssh-client", frozenset({"git", "git-core"}), ("openssh", "ssh-client"),
        ("git@", "ssh://", "type=ssh", "/.ssh"), frozenset({"ssh", "ssh-keyscan", "ssh-add", "scp"}),
        "ssh is used",
    ),
    _Recommended(
        "build-essential", frozenset({"python3-pip", "python-pip", "cmake", "dpkg-dev"}),
        ("build-essential", "gcc", "g++", "clang", "make"),
        (), frozenset({"gcc", "cc", "g++", "c++", "make", "cmake"}),
        "a compiler is called",
    ),
)  # fmt: skip
"""Source: the Recommends of these packages in Debian 11 to 13 and Ubuntu 20.04 to 24.04."""


class NoInstallRecommends(Transform):
    """Let apt install only what is asked for.

    ## What it does
    Adds `--no-install-recommends` to `apt-get install` and `apt install`. Where curl, wget or git is installed and
    ca-certificates is not named, it is named: it came as a recommendation, and https does not work without it. So are
    openssh-client, where git is used over ssh, and build-essential, where compilers came with python3-pip or cmake and
    are called.

    ## Why
    Debian and Ubuntu install recommended packages too. Few of them are needed in an image, and a single package may
    recommend a compiler, a mail server or a desktop.

    ## Example
    ```dockerfile
    FROM debian:bookworm-slim
    RUN apt-get update && apt-get install -y python3-pip && rm -rf /var/lib/apt/lists/*
    ```

    ## Instead
    ```dockerfile
    FROM debian:bookworm-slim
    RUN apt-get update && apt-get install -y --no-install-recommends python3-pip && rm -rf /var/lib/apt/lists/*
    ```

    ## When it refuses
    - the install says the contrary, or the Dockerfile sets `APT::Install-Recommends`;
    - the install stands in a string that is given to a shell, or the RUN is in exec form or could not be read;
    - no package is named: `apt-get install -f` only completes what is there.

    ## Safety
    Suggested: other packages arrive (section 3.6). What only worked because of a recommended package fails in the
    build, or when it is first used.
    """

    name = "no_install_recommends"
    summary = "apt installs what is asked for, and not what is recommended with it"
    phase = Phase.PACKAGES
    safety = Safety.SUGGESTED
    hadolint = ("DL3015",)

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        text = model.document.text.lower()
        if "install" not in text or not any(program in text for program in APT.programs):
            return
        if any(setting in text for setting in CONFIGURED):
            return
        named: set[int] = set()
        for stage in model.stages:
            if _has_certificates(stage) if stage.parent is None else stage.parent.index in named:
                named.add(stage.index)
            for run in stage.runs:
                if CERTIFICATES in run.text:
                    named.add(stage.index)
                if "install" in run.text and any(program in run.text for program in APT.programs):
                    yield from self.run(model, stage, run, named)

    def run(self, model: Model, stage: Stage, run: Run, named: set[int]) -> Iterator[Proposal]:
        """The fix for one RUN; ``named`` are the stages that have ca-certificates, and grows."""
        reading = reading_of(run)
        calls = [call for _, call in reading.calls if _is_open(call)] if reading else []
        if reading is None or run.form == "exec" or not run.editable:
            if calls or reading is None:
                yield self.refuse(run.instruction, "there is no script that could be changed", "section 2")
            return
        if not calls:
            return
        edits = RunEdits(model.document, run, reading)
        more: dict[str, str] = {}
        for call in calls:
            edits.insert(_flag_place(call), FLAG)
            packages = _packages(call)
            names = {word.literal for word in packages}
            if names & NEED_CERTIFICATES and stage.index not in named:
                named.add(stage.index)
                more[CERTIFICATES] = "https needs it"
                edits.before(packages[0], CERTIFICATES)
            for each in _RECOMMENDED:
                if each.name not in more and names & each.by and _is_used(model, stage, each):
                    more[each.name] = each.why
                    edits.before(packages[0], each.name)
        yield self.fix(
            run.instruction, edits.edits,
            "apt installs every recommended package as well"
            + "".join(f"; {name} is named, because {why}" for name, why in more.items()),
            "the packages that are only recommended",
            paths=["/usr/**", "/etc/**", "/var/lib/dpkg/**", "/var/lib/apt/extended_states"], **differences([edits]),
        )  # fmt: skip


def _is_open(call: PackageCommand) -> bool:
    """Whether the call installs packages by name and leaves the question of recommendations open."""
    if call.manager is not APT or call.action != "install" or program_name(call.words[call.program]) == "aptitude":
        return False
    if call.has(*DECIDED) or any("install-recommends" in word.text.lower() for word in call.words):
        return False
    return "xargs" in call.prefix or any(not word.text.startswith("-") for word in call.arguments)


def _packages(call: PackageCommand) -> list[Word]:
    """The words that name packages: not the options and their values."""
    found: list[Word] = []
    words = iter(call.arguments)
    for word in words:
        if not word.text.startswith("-"):
            found.append(word)
        elif word.literal in APT.valued:
            next(words, None)
    return found


def _is_used(model: Model, stage: Stage, package: _Recommended) -> bool:
    """Whether a recommended package that nobody names is needed, by what the stage and those built on it run."""
    first = [*stage.lineage][-1]
    if parse_reference(first.base or "").official in WITH_TOOLS and "slim" not in (first.base or ""):
        return False
    runs = [run for each in (*stage.lineage, *model.descendants(stage)) for run in each.runs]
    calls = [call for run in runs if (reading := reading_of(run)) for _, call in reading.calls if call.manager is APT]
    if any((word.literal or "").startswith(package.instead) for call in calls for word in _packages(call)):
        return False
    called = {command.name for run in runs for command in run.commands()}
    return bool(called & package.programs) or any(
        mark in run.instruction.text for run in runs for mark in package.marks
    )


def _flag_place(call: PackageCommand) -> Word:
    """The word behind which the author puts flags: the last of those that follow ``install``, else that itself."""
    place = call.words[call.subcommand]
    for word in call.arguments:
        if not word.text.startswith("-") or word.literal is None or word.literal in APT.valued:
            break
        place = word
    return place


def _has_certificates(stage: Stage) -> bool:
    """Whether ca-certificates are part of the image that a stage begins with."""
    name = (stage.base or "").partition(":")[0]
    official = stage.image.family in ("debian", "ubuntu") and name not in ("debian", "ubuntu")
    return official and "slim" not in (stage.base or "")
