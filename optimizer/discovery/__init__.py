"""Finding Dockerfiles, and how each is built: its build context, targets and arguments.

Compose, Bake and CI files say it. They are looked for in the folders that are searched, and from each
Dockerfile's folder up to the root of its repository. A Dockerfile that none of them names is taken to be
built from its folder, or from one above it that has the files that it copies.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from optimizer.discovery.build import BAKE_NAMES, COMPOSE_NAME, Build, normal
from optimizer.problem import Problem
from optimizer.repository import up_to_root

NAME = re.compile(r"(?:Dockerfile|Containerfile)(?:\.[^/]+)?|[^/]+\.[Dd]ockerfile|dockerfile")
"""What a Dockerfile is called."""
NOT_A_DOCKERFILE = re.compile(
    r".*(?:~|\.(?:dockerignore|j2|jinja2?|tmpl|tpl|template|erb|in|md|bak|orig|rej|swp))", re.DOTALL
)
"""What has such a name without being one: ignore files, and what something else makes a Dockerfile of."""
_NOT_SEARCHED = frozenset(
    [".git", ".hg", ".svn", "node_modules", ".venv", "venv", ".tox", ".nox", "__pycache__", ".terraform"]
)


class Found(NamedTuple):
    """One Dockerfile, and how it is built."""

    path: Path
    context: Path | None
    """None where it is built with several, or where no folder can be the one."""
    targets: tuple[str, ...] = ()
    """The stages that some build names; the last stage counts as well."""
    targets_known: bool = True
    """False where a build names a stage by a variable: it may be any."""
    args: tuple[tuple[str, str], ...] = ()
    """The build arguments that every build gives the same value."""
    contexts: tuple[tuple[str, str], ...] = ()
    """The named contexts that some build has: name and value as written."""
    sources: tuple[Path, ...] = ()
    """The files that say so; none means that the context is a guess."""
    explicit: bool = False
    """Named on the command line, not found in a folder."""


class Discovery(NamedTuple):
    """What was found. `errors` are about the paths given, `notes` about files that say how to build."""

    found: tuple[Found, ...]
    errors: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def discover(paths: Iterable[Path], context: Path | None = None) -> Discovery:
    """Finds the Dockerfiles that the paths are, or have in them, each once and sorted.

    `context` is the build context of them all, whatever the files beside them say.
    """
    given = sorted(set(paths))
    errors = [Problem(str(path), 0, 0, _what_is_wrong(path)) for path in given if not _is_searchable(path)]
    folders = [path for path in given if os.path.isdir(path)]
    candidates = [(path, True) for path in given if os.path.isfile(path)]
    names: dict[Path, list[str]] = {}
    for top in folders:
        for folder, files in _walk(top):
            names[_absolute(folder)] = files
            candidates += ((folder / name, False) for name in files if _is_dockerfile(name))

    climbs = [up_to_root(_absolute(path.parent)) for path, _ in candidates]
    climbs += [up_to_root(_absolute(path)) for path in folders]
    for folder in {each for climb in climbs for each in climb}.difference(names):
        names[folder] = _listed(folder)
    builds, notes = _builds(names, {climb[-1] for climb in climbs})

    for top in folders:
        candidates += ((path, False) for path in _named_below(top, builds))
        if not any(path.is_relative_to(top) for path, _ in candidates):
            message = "no Dockerfile in this folder: name the file if it is called otherwise"
            errors.append(Problem(str(top), 0, 0, message))
    of: dict[str, list[Build]] = {}
    for build in builds:
        if os.path.isdir(build.context):
            of.setdefault(os.path.realpath(build.dockerfile), []).append(build)
    found = [
        _found(path, explicit, of.get(real, []), context, notes)
        for real, (path, explicit) in _each_once(candidates).items()
    ]
    return Discovery(tuple(sorted(found, key=lambda each: each.path)), tuple(sorted(errors)), tuple(sorted(set(notes))))


def _each_once(candidates: Iterable[tuple[Path, bool]]) -> dict[str, tuple[Path, bool]]:
    """By real path: the first name of each file, and whether it was named on the command line."""
    files: dict[str, tuple[Path, bool]] = {}
    for path, explicit in sorted(candidates, reverse=True):
        real = os.path.realpath(path)
        files[real] = (path, explicit or files.get(real, (path, False))[1])
    return files


def _named_below(top: Path, builds: Iterable[Build]) -> Iterator[Path]:
    """The files below a folder that some build names as its Dockerfile."""
    absolute = _absolute(top)
    for build in builds:
        if build.dockerfile.is_relative_to(absolute) and os.path.isfile(build.dockerfile):
            yield top / build.dockerfile.relative_to(absolute)


def _is_dockerfile(name: str) -> bool:
    return NAME.fullmatch(name) is not None and NOT_A_DOCKERFILE.fullmatch(name) is None


def _is_searchable(path: Path) -> bool:
    return os.path.isdir(path) or os.path.isfile(path)


def _what_is_wrong(path: Path) -> str:
    if os.path.exists(path):
        return "it is neither a file nor a folder: name a Dockerfile"
    if os.path.islink(path):
        return "the link leads nowhere: mend it, or name the file itself"
    return "no such file or folder: check the spelling"


def _absolute(path: Path) -> Path:
    return normal(path.absolute())


def _walk(top: Path) -> Iterator[tuple[Path, list[str]]]:
    """Each folder with the names of its files; links to folders are not followed."""
    todo = [top]
    while todo:
        folder = todo.pop()
        files: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _is_file(entry):
                        files.append(entry.name)
                    elif entry.is_dir(follow_symlinks=False) and entry.name not in _NOT_SEARCHED:
                        todo.append(folder / entry.name)
        except OSError:
            continue
        if folder == top or "pyvenv.cfg" not in files:
            yield folder, files
        else:
            todo = [path for path in todo if path.parent != folder]


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads round in a circle
        return False


def _listed(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _ci_files(root: Path) -> list[Path]:
    workflows = root / ".github" / "workflows"
    return [
        root / ".gitlab-ci.yml",
        *(workflows / name for name in sorted(_listed(workflows)) if name.endswith((".yml", ".yaml"))),
    ]


def _builds(names: Mapping[Path, list[str]], repositories: set[Path]) -> tuple[list[Build], list[Problem]]:
    """What the files of these folders say, and the CI files of these repositories."""
    said: list[Build | Problem] = []
    for folder in sorted(names):
        if compose := [folder / name for name in names[folder] if COMPOSE_NAME.fullmatch(name)]:
            from optimizer.discovery.compose import compose_builds

            said += compose_builds(compose)
        if bake := [folder / name for name in names[folder] if name in BAKE_NAMES]:
            from optimizer.discovery.bake import bake_builds

            said += bake_builds(bake)
    for root in sorted(repositories):
        if ci := [path for path in _ci_files(root) if os.path.isfile(path)]:
            from optimizer.discovery.ci import ci_builds

            said += (each for path in ci for each in ci_builds(path, root))
    notes = [each._replace(path=os.path.relpath(each.path)) for each in said if isinstance(each, Problem)]
    return [each for each in said if isinstance(each, Build)], notes


def _guessed(path: Path) -> Path | None:
    from optimizer.discovery.guess import guess

    absolute = _absolute(path.parent)
    found = guess(path, up_to_root(absolute))
    if found is None or found == absolute:
        return found and path.parent
    return found if path.is_absolute() else Path(os.path.relpath(found))


def _found(path: Path, explicit: bool, builds: list[Build], context: Path | None, notes: list[Problem]) -> Found:
    def shown(other: Path) -> Path:
        return other if path.is_absolute() else Path(os.path.relpath(other))

    contexts = {os.path.realpath(build.context): build for build in builds}
    if context is None and len(contexts) < 2:
        context = shown(builds[0].context) if builds else _guessed(path)
    elif context is None:
        said = ", ".join(f"{shown(build.context)} ({shown(build.source)})" for build in contexts.values())
        notes.append(Problem(str(path), 0, 0, f"it is built with several contexts, {said}: name one by --context"))
    args = [set(build.args) for build in builds]
    return Found(
        path,
        context,
        tuple(sorted({build.target for build in builds if build.target is not None})),
        all(build.target_known for build in builds),
        tuple(sorted(set.intersection(*args))) if args else (),
        tuple(sorted({pair for build in builds for pair in build.contexts})),
        tuple(sorted({shown(build.source) for build in builds})),
        explicit,
    )
