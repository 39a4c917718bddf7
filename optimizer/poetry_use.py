"""How a Dockerfile installs and calls poetry, and what `poetry export` has to be told for the same packages.

Source: the documentation of poetry 1.8 and 2, and of poetry-plugin-export, which poetry brought along before 2.0.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from optimizer.checks import command_text
from optimizer.context import BuildContext
from optimizer.installs import lead_of
from optimizer.landing import brought, inside
from optimizer.manifests.base import RefusedError, strings, table, toml_table
from optimizer.manifests.options import Arguments, Grammar
from optimizer.model import Model, Stage
from optimizer.packages import read
from optimizer.runs import Run
from optimizer.shell import Script, Simple, parse, walk

PLUGIN = "poetry-plugin-export"
_WITH_EXPORT = ("poetry==1", "poetry<2", "poetry<=1", "poetry~=1")
"""How requirements of poetry begin that bring the export along."""
_WORKING = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
_INSTALL = Grammar(
    flags="""
        --no-root --no-dev --sync -n|--no-interaction --no-ansi --ansi -v|--verbose -q|--quiet --no-cache --all-extras
    """,
    values="--with --without --only -E|--extras",
    clusters=True,
)


class Requirement(NamedTuple):
    """The word of a pip install that asks for poetry."""

    run: Run
    command: Simple
    end: int
    """Where the word ends in the script."""
    text: str

    @property
    def with_plugin(self) -> str:
        """The command as it is to be, in one line."""
        text = f"{self.run.text[: self.end]} {PLUGIN}{self.run.text[self.end :]}"
        script = parse(text)
        found = walk(script) if isinstance(script, Script) else ()
        return next(command_text(command) for command, _ in found if command.start == self.command.start)

    @property
    def needs_plugin(self) -> bool:
        return not self.text.replace(" ", "").startswith(_WITH_EXPORT)


def requirement(run: Run) -> Requirement | None:
    """Where a RUN installs poetry with pip."""
    for command in run.commands():
        call = read(command) if "poetry" in run.text else None
        if call is None or call.manager.name != "pip" or call.action != "install":
            continue
        for word in call.arguments:
            name = (word.literal or word.text.strip("\"'")).partition("[")[0]
            if name == "poetry" or name.startswith(("poetry=", "poetry<", "poetry>", "poetry~", "poetry!", "poetry ")):
                return Requirement(run, command, word.end, name)
    return None


def is_call(command: Simple, subcommand: str) -> bool:
    """Whether a command is poetry with that subcommand."""
    program = (command.name or "").rpartition("/")[2]
    return program == "poetry" and next((w for w in command.argv[1:] if w is None or w[:1] != "-"), None) == subcommand


def lost_project(model: Model, stage: Stage, run: Run, export: Simple, context: BuildContext | None) -> str | None:
    """The folder with pyproject.toml, where an export runs in another one that has none and so fails; else None.

    The stage ends with the export, and another one takes its result from that folder: no doubt is left what was meant.
    """
    workdir = stage.state(run.instruction).workdir
    copies = brought(stage, context)
    before = [landing for at, each in copies.items() if at < run.instruction.index for landing in each.landings]
    places = {posixpath.dirname(each.target) for each in before if posixpath.basename(each.target) == "pyproject.toml"}
    output = next((after for flag, after in pairwise(export.argv) if flag in ("-o", "--output")), None)
    if workdir is None or len(places) != 1 or output is None or output.startswith("/") or len(list(run.commands())) > 1:
        return None
    place = places.pop()
    wanted = posixpath.normpath(posixpath.join(place, output))
    taken = any(
        source.origin is stage and source.instruction.keyword == "COPY" and wanted in source.instruction.words[:-1]
        for source in model.sources
    )
    last = [each for each in stage.instructions if each.index > run.instruction.index and each.keyword in _WORKING]
    plain = all(lead_of(each, stage.state(each.instruction), (), (), context).stop is None for each in stage.runs
                if each is not run)  # fmt: skip
    alone = all(not each.broad and each.known for each in copies.values())
    ok = taken and plain and alone and not last and not model.ships(stage) and not inside(workdir, place)
    return place if ok else None


def install_options(command: Simple) -> Arguments:
    """The options of a `poetry install`.

    Raises RefusedError on one that is not known here, or a word that is not known.
    """
    arguments = _INSTALL.read(command.argv[1:])
    if arguments.operands != ("install",):
        raise RefusedError("poetry install takes no operands")
    return arguments


def export_options(installs: Sequence[Arguments], context: BuildContext | None) -> tuple[str, ...]:
    """What `poetry export` needs to name the packages that the installs put there.

    Raises RefusedError where that, or whether the project itself is installed too, cannot be known.
    """
    first = installs[0]
    if any(_choice(each) != _choice(first) for each in installs):
        raise RefusedError("its calls of poetry install install different things")
    rooted = not all(each.has("--no-root") for each in installs)
    main = first.has("--no-dev") or first.values("--only") == ["main"]
    if first.values("--only") and not main:
        raise RefusedError("poetry install --only leaves out the main group")
    options = ["--all-extras"] if first.has("--all-extras") else []
    options += [f"--extras={each}" for each in first.values("--extras")]
    if context is None:
        if rooted:
            raise RefusedError("poetry install installs the project too, and there is no build context to look at")
        if not main and first.values("--without") != ["dev"]:
            raise RefusedError("which groups it installs is not known, there is no build context to look at")
        return (*options, "--without-hashes", *_with(_names(first, "--with")))
    project = toml_table(context.read("pyproject.toml") or "", "pyproject.toml")
    groups = [] if main else [each for each in _groups(project) if each not in _names(first, "--without")]
    groups += [each for each in _names(first, "--with") if each not in groups]
    if rooted:
        _check_root(project, context)
    lock = context.read("poetry.lock")
    if lock is None:
        raise RefusedError("there is no poetry.lock, so that its resolution is another one at each build")
    if 'type = "directory"' in lock or 'type = "file"' in lock:
        raise RefusedError("poetry.lock holds packages of the project itself")
    hashes = [] if 'type = "git"' not in lock and 'type = "url"' not in lock else ["--without-hashes"]
    return (*options, *hashes, *_with(groups))


def _choice(arguments: Arguments) -> list[tuple[str, str]]:
    chosen = ("--no-dev", "--with", "--without", "--only", "--extras", "--all-extras")
    return [(option.name, option.value) for option in arguments.options if option.name in chosen]


def _names(arguments: Arguments, option: str) -> list[str]:
    return [name.strip() for value in arguments.values(option) for name in value.split(",")]


def _with(groups: Sequence[str]) -> list[str]:
    return [f"--with={','.join(groups)}"] if groups else []


def _groups(project: dict[str, Any]) -> list[str]:
    """The groups that an install takes without being told."""
    poetry = table(project, "tool", "poetry")
    found = ["dev"] if table(poetry, "dev-dependencies") else []
    found += [name for name, group in table(poetry, "group").items() if not table(group).get("optional")]
    found += [name for name in table(project, "dependency-groups") if name not in found]
    return [name for name in dict.fromkeys(found) if name != "main"]


def _check_root(project: dict[str, Any], context: BuildContext) -> None:
    """Refuse where the sources alone are less than the project as it is installed."""
    poetry = table(project, "tool", "poetry")
    if poetry.get("package-mode") is False:
        return
    for place in ((poetry, "scripts"), (poetry, "plugins"), (project, "project", "scripts"), (poetry, "build")):
        if table(*place):
            raise RefusedError(f"installing the project makes more of it: {place[-1]}")
    name = str(table(project, "project").get("name") or poetry.get("name") or "").replace("-", "_")
    if strings(poetry.get("packages")) or poetry.get("packages") or not context.is_dir(name):
        raise RefusedError("the project is a package that is not found beside pyproject.toml")
