"""What `pipenv install` and `pipenv sync` read."""

from __future__ import annotations

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    refuse_above,
    table,
    toml_table,
)
from optimizer.manifests.options import Grammar
from optimizer.manifests.pyproject import follow_tables

_GRAMMAR = Grammar(
    flags="""
        --system --deploy -d|--dev --ignore-pipfile --skip-lock --pre --sequential --keep-outdated
        --clear -v|--verbose --three --two --site-packages --no-site-packages -q|--quiet --bare
        --selective-upgrade --all --where
    """,
    values="""
        --python --pypi-mirror -i|--index --categories --extras --extra-pip-args --resolver
        -r|--requirements -e|--editable --config-settings
    """,
    clusters=True,
)
_FOLLOWED = ("PIPENV_PIPFILE", "PIPENV_PROJECT_DIR", "PIPENV_RESOLVE_VCS")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where it changes the Pipfile or names a package above the project.
    """
    if not any(word in ("install", "sync") for word in invocation.arguments):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    command, *packages = arguments.operands
    if command not in ("install", "sync"):
        return None
    tool = f"pipenv {command}"
    arguments.refuse("--requirements", "--editable", "--extra-pip-args", "--config-settings")
    if packages:
        raise RefusedError(f"{tool} {packages[0]} changes the Pipfile")
    for variable in _FOLLOWED:
        if invocation.environment.get(variable, ""):
            raise RefusedError(f"the variable {variable} changes what pipenv reads")
    if view is None:
        return Needs("pipenv", ("Pipfile", "Pipfile.lock*"), (f"{tool} reads the Pipfile",), proved=False)

    files = Collector(view)
    pipfile = toml_table(files.text("Pipfile", tool), "Pipfile")
    refuse_above(view, ".", ("Pipfile",), "pipenv")
    has_lock = bool(files.optional("Pipfile.lock"))
    for name, entries in pipfile.items():
        if name not in ("source", "requires", "scripts", "pipenv"):
            follow_tables(files, ".", table(entries).values(), "Pipfile")
            if any(table(entry).get("editable") and "git" in table(entry) for entry in table(entries).values()):
                files.writes("src")
    files.writes(".venv")
    files.note(f"{tool} reads the Pipfile{' and its lock' if has_lock else ''}; none of its packages is local")
    locked = command == "sync" or arguments.has("--deploy", "--ignore-pipfile", "--skip-lock")
    return Needs(
        "pipenv",
        files.paths(),
        tuple(files.evidence),
        outputs=tuple(files.outputs),
        rewrites=("Pipfile.lock",) if has_lock and not locked else (),
    )
