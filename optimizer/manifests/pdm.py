"""What `pdm install` and `pdm sync` read."""

from __future__ import annotations

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    join,
    strings,
    table,
)
from optimizer.manifests.options import Grammar
from optimizer.manifests.pyproject import direct_requirements, dynamic, follow_strings, load

_GRAMMAR = Grammar(
    flags="""
        --no-self --no-editable -d|--dev --prod|--production --no-default --no-lock|--frozen-lockfile
        --check --no-isolation --dry-run -v|--verbose -q|--quiet -x|--fail-fast --clean --reinstall -r
        --no-cache --only-keep|--clean-unselected -n|--non-interactive -I|--ignore-python
    """,
    values="""
        -G|--group|--with --without -p|--project -L|--lockfile -k|--skip --venv -c|--config --override
        -C|--config-setting
    """,
    clusters=True,
)
_FOLLOWED = ("PDM_LOCKFILE", "PDM_PROJECT", "PDM_CONFIG_FILE", "PDM_OVERRIDE")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError on hooks, another lock file or settings, and local packages that cannot be copied.
    """
    if not any(word in ("install", "sync") for word in invocation.arguments):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    if arguments.operands not in (("install",), ("sync",)):
        return None
    tool = f"pdm {arguments.operands[0]}"
    arguments.refuse("--lockfile", "--config", "--override", "--config-setting")
    for variable in _FOLLOWED:
        if invocation.environment.get(variable, ""):
            raise RefusedError(f"the variable {variable} changes what pdm reads")
    base = arguments.last("--project") or "."
    without_project = (*invocation.program, *(word or "" for word in invocation.arguments), "--no-self")
    if view is None:
        return Needs(
            "pdm",
            (join(base, "pyproject.toml"), join(base, "pdm.lock*")),
            (f"{tool} reads pyproject.toml and pdm.lock",),
            () if arguments.has("--no-self") else (without_project,),
            proved=False,
        )

    files = Collector(view)
    base = files.at(base)
    path = join(base, "pyproject.toml")
    project = load(files, base, tool)
    pdm = table(project, "tool", "pdm")
    for name in table(pdm, "scripts"):
        if name.startswith(("pre_", "post_")):
            raise RefusedError(f"{path} has the hook {name}, which may read sources")
    lock = files.optional(join(base, "pdm.lock"))
    if not lock and dynamic(project):
        raise RefusedError(f"without pdm.lock, pdm builds the project to learn its {dynamic(project)[0]}")
    if "dependencies" in dynamic(project) or "optional-dependencies" in dynamic(project):
        raise RefusedError("pdm builds the project to learn its dependencies")
    files.optional(*(join(base, name) for name in ("pdm.toml", ".pdm-python", ".python-version")))
    requirements = list(direct_requirements(project))
    for group in table(pdm, "dev-dependencies").values():
        requirements += strings(group)
    follow_strings(files, (text.replace("${PROJECT_ROOT}", _root(files, base)) for text in requirements), path)
    files.writes(*(join(base, name) for name in (".venv", "__pypackages__", ".pdm-plugins")))
    prefetch: tuple[tuple[str, ...], ...] = ()
    if pdm.get("distribution") is False or arguments.has("--no-self"):
        files.note("the project itself is not installed")
    else:
        files.note(f"{tool} --no-self installs the dependencies alone; the project follows after the COPY")
        prefetch = (without_project,)
    locked = prefetch or tool == "pdm sync" or arguments.has("--frozen-lockfile", "--check")
    return Needs(
        "pdm",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        tuple(files.outputs),
        rewrites=() if locked else tuple(lock),
    )


def _root(files: Collector, base: str) -> str:
    return f"{files.view.workdir or ''}/{base}".removesuffix("/.")
