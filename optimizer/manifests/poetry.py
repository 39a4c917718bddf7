"""What `poetry install`, `poetry sync` and `poetry export` read."""

from __future__ import annotations

from optimizer.manifests.base import Collector, Invocation, Needs, ProjectFiles, RefusedError, join, table
from optimizer.manifests.options import Grammar
from optimizer.manifests.pyproject import (
    direct_requirements,
    follow_strings,
    follow_tables,
    load,
    refuse_versioning,
)

_GRAMMAR = Grammar(
    flags="""
        --no-root --no-directory --no-dev --dev --only-root --sync -n|--no-interaction --no-ansi --ansi
        -v|--verbose -vv -vvv -q|--quiet --no-plugins --no-cache --all-extras --all-groups --compile
        --dry-run --remove-untracked --without-hashes --without-urls --with-credentials
    """,
    values="""
        --with --without --only -E|--extras -C|--directory -P|--project -f|--format -o|--output
    """,
    clusters=True,
)


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs and exports nothing.

    Raises RefusedError where it installs the project alone, or names packages above the project.
    """
    arguments = _GRAMMAR.read(invocation.arguments) if _is_known(invocation) else None
    if arguments is None or arguments.operands not in (("install",), ("sync",), ("export",)):
        return None
    tool = f"poetry {arguments.operands[0]}"
    if arguments.has("--only-root"):
        raise RefusedError(f"{tool} --only-root installs the project itself")
    base = arguments.last("--directory", "--project") or "."
    if view is None:
        lists = (join(base, "pyproject.toml"), join(base, "poetry.lock*"))
        with_root = arguments.operands != ("export",) and not arguments.has("--no-root")
        prefetch = ((*invocation.program, *_words(invocation), "--no-root"),) if with_root else ()
        return Needs("poetry", lists, (f"{tool} reads pyproject.toml and poetry.lock",), prefetch, proved=False)

    files = Collector(view)
    base = files.at(base)
    project = load(files, base, tool)
    refuse_versioning(project)
    path = join(base, "pyproject.toml")
    files.optional(join(base, "poetry.lock"), join(base, "poetry.toml"))
    license_file = table(project, "project", "license").get("file")
    if isinstance(license_file, str):  # poetry reads it whatever it does
        files.require(join(base, license_file), path)
    poetry = table(project, "tool", "poetry")
    if not arguments.has("--no-directory"):
        follow_strings(files, direct_requirements(project), path)
        groups = [table(group, "dependencies") for group in table(poetry, "group").values()]
        for dependencies in (table(poetry, "dependencies"), table(poetry, "dev-dependencies"), *groups):
            follow_tables(files, base, dependencies.values(), path)
    if arguments.operands == ("export",):
        files.writes(*arguments.values("--output"))
        files.note(f"{tool} reads the lock file and installs nothing")
        return Needs("poetry", files.paths(), tuple(files.evidence), outputs=tuple(files.outputs))
    _write(files, invocation, base)
    if table(poetry, "requires-plugins"):
        files.writes(join(base, ".poetry"))
    prefetch = ()
    if poetry.get("package-mode") is False:
        files.note("package-mode is false: there is no project to install")
    elif arguments.has("--no-root"):
        files.note("--no-root leaves the project out")
    else:
        files.note(f"{tool} --no-root installs the dependencies alone; the project follows after the COPY")
        prefetch = ((*invocation.program, *_words(invocation), "--no-root"),)
    return Needs("poetry", files.paths(), tuple(files.evidence), prefetch, tuple(files.outputs))


def _is_known(invocation: Invocation) -> bool:
    return any(word in ("install", "sync", "export") for word in invocation.arguments)


def _words(invocation: Invocation) -> tuple[str, ...]:
    return tuple(word for word in invocation.arguments if word is not None)


def _write(files: Collector, invocation: Invocation, base: str) -> None:
    environments = invocation.environment.get("POETRY_VIRTUALENVS_PATH", "")
    if environments is None:
        raise RefusedError("the variable POETRY_VIRTUALENVS_PATH is not known")
    files.writes(join(base, ".venv"), *([environments] if environments else []))
