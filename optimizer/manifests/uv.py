"""What `uv sync`, `uv pip install` and `uv pip sync` read."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    ancestors,
    entries,
    join,
    parent,
    strings,
    table,
    toml_table,
    workspace,
)
from optimizer.manifests.options import Arguments, Grammar
from optimizer.manifests.pip import collect_lists, collect_named, guess
from optimizer.manifests.pyproject import direct_requirements, dynamic, follow_strings, follow_tables, load
from optimizer.manifests.requirements import find_links

_COMMON_FLAGS = """
    --no-index -U|--upgrade --no-sources --reinstall|--force-reinstall --compile-bytecode|--compile
    -n|--no-cache|--no-cache-dir --refresh --managed-python --no-managed-python --no-python-downloads
    -q|--quiet -qq -v|--verbose --system-certs|--native-tls --offline --no-progress --no-config
    --no-build-isolation --no-build --dry-run --check --exact --preview --no-preview
    --require-build-hashes --isolated
"""
_COMMON_VALUES = """
    --index --default-index -i|--index-url --extra-index-url -f|--find-links --index-strategy
    --keyring-provider -P|--upgrade-package --upgrade-group --resolution --prerelease
    --prerelease-package --fork-strategy --exclude-newer --exclude-newer-package --no-sources-package
    --reinstall-package --link-mode -C|--config-setting|--config-settings --config-settings-package
    --no-build-isolation-package --no-build-package --no-binary-package --cache-dir --refresh-package
    -p|--python --color --allow-insecure-host --trusted-host --directory --project --config-file
    --python-preference --extra --group --output-format --python-platform --preview-features
"""
_SYNC = Grammar(
    flags=_COMMON_FLAGS
    + """
        --all-extras --no-dev --dev --only-dev --no-default-groups --all-groups --no-editable --inexact
        --active --no-install-project --no-install-workspace --no-install-local --locked --frozen
        --all-packages --no-binary
    """,
    values=_COMMON_VALUES
    + """
        --no-extra --no-group --only-group --package --script --no-install-package --no-editable-package
    """,
    clusters=True,
)
_PIP = Grammar(
    flags=_COMMON_FLAGS
    + """
        --all-extras --no-deps --pre --require-hashes --no-verify-hashes --verify-hashes --system
        --strict --user --break-system-packages --no-break-system-packages --no-editable
    """,
    values=_COMMON_VALUES
    + """
        -r|--requirements|--requirement -c|--constraints|--constraint
        -b|--build-constraints|--build-constraint --overrides|--override --excludes|--exclude
        -e|--editable -t|--target --prefix --no-binary --only-binary --python-version --torch-backend
        --cert
    """,
    clusters=True,
)
_ELSEWHERE = ("--directory", "--project", "--config-file")
_HARMLESS = """
        UV_PYTHON_INSTALL_DIR UV_PYTHON_BIN_DIR UV_PYTHON_CACHE_DIR UV_HTTP_TIMEOUT UV_REQUEST_TIMEOUT
        UV_SYSTEM_PYTHON UV_CONCURRENT_DOWNLOADS UV_CONCURRENT_BUILDS UV_CONCURRENT_INSTALLS UV_TOOL_DIR
        UV_TOOL_BIN_DIR UV_VERSION UV_BREAK_SYSTEM_PACKAGES UV_INSTALL_DIR UV_UNMANAGED_INSTALL UV_NO_SYNC
        UV_PYTHON_DOWNLOADS UV_HTTP_RETRIES UV_PROJECT_ENVIRONMENT UV_NO_MODIFY_PATH UV_PYTHON_PREFERENCE
        UV_NO_DEV UV_RUN_RECURSION_DEPTH
    """


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where the project must be built, or a part of it cannot be copied first.
    """
    commands = [word for word in invocation.arguments if word is not None and not word.startswith("-")][:2]
    if commands[:1] == ["sync"]:
        return _sync(invocation, view)
    if commands in (["pip", "install"], ["pip", "sync"]):
        return _pip(invocation, view)
    return None


def _sync(invocation: Invocation, view: ProjectFiles | None) -> Needs:
    settings = _SYNC.settings(invocation.environment, "UV_", _HARMLESS)
    arguments = _SYNC.read(invocation.arguments, settings)
    arguments.refuse("--script", "--config-file")
    if arguments.operands != ("sync",):
        raise RefusedError("uv sync takes no operands")
    base = arguments.last("--directory", "--project") or "."
    if view is None:
        lists = (join(base, "pyproject.toml"), join(base, "uv.lock*"))
        left_out = arguments.has("--no-install-project", "--no-install-workspace")
        without = _without(invocation, arguments, "--no-install-project", frozen=False)
        evidence = "uv sync reads pyproject.toml and uv.lock"
        return Needs("uv", lists, (evidence,), () if left_out else (without,), proved=False)

    files = Collector(view)
    base = files.at(base)
    project = load(files, base, "uv sync")
    lock = files.optional(join(base, "uv.lock"))
    _settings(files, base, project)
    members = _follow_project(files, base, project)
    frozen = arguments.has("--frozen")
    if (unknown := dynamic(project)) and not frozen:
        if not lock or "dependencies" in unknown or "optional-dependencies" in unknown:
            raise RefusedError(f"uv builds the project to learn its {', '.join(unknown)}")
        if arguments.has("--locked") and not arguments.spelled(("--locked",)):
            raise RefusedError("UV_LOCKED makes uv build the project to check its lock")
    environment = invocation.environment.get("UV_PROJECT_ENVIRONMENT", ".venv")
    if environment is None:
        raise RefusedError("the variable UV_PROJECT_ENVIRONMENT is not known")
    files.writes(join(base, environment))

    leave_out = "--no-install-workspace" if members else "--no-install-project"
    packaged = table(project, "tool", "uv").get("package", "build-system" in project)
    prefetch: tuple[tuple[str, ...], ...] = ()
    if arguments.has("--no-install-workspace") or (arguments.has("--no-install-project") and not members):
        files.note("the project itself is not installed")
    elif not packaged and not members:
        files.note("the project is no package (it has no build system): only its dependencies are installed")
    else:
        files.note(f"uv sync {leave_out} installs the dependencies alone; the rest follows after the COPY")
        prefetch = (_without(invocation, arguments, leave_out, frozen=bool(unknown) and not frozen),)
    if not prefetch and unknown and not frozen:
        raise RefusedError(f"uv builds the project to learn its {', '.join(unknown)}")
    return Needs(
        "uv",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        tuple(files.outputs),
        rewrites=() if prefetch or frozen or arguments.has("--locked") else tuple(lock),
    )


def _without(invocation: Invocation, arguments: Arguments, leave_out: str, frozen: bool) -> tuple[str, ...]:
    """Return the command without the project; `frozen` trusts the lock, as a check would build it."""
    keep = _SYNC.canonical - ({"--locked"} if frozen else set())
    words = (*arguments.spelled(keep), leave_out, *(["--frozen"] if frozen else []))
    return (*invocation.program, "sync", *words)


def _follow_project(files: Collector, base: str, project: dict[str, Any]) -> list[str]:
    """Add the local packages of a project and its workspace members' manifests, and return the latter."""
    path = join(base, "pyproject.toml")
    uv = table(project, "tool", "uv")
    follow_strings(files, direct_requirements(project), path)
    for name in ("dev-dependencies", "constraint-dependencies", "override-dependencies"):
        follow_strings(files, strings(uv.get(name)), path)
    follow_tables(files, base, table(uv, "sources").values(), path)
    patterns = strings(table(uv, "workspace").get("members"))
    patterns += [f"!{pattern}" for pattern in strings(table(uv, "workspace").get("exclude"))]
    members = [member for member in workspace(files.view, base, patterns, "pyproject.toml") if member != path]
    for member in members:
        manifest = toml_table(files.text(member, path), member)
        if dynamic(manifest):
            raise RefusedError(f"uv builds the workspace member {member} to learn its {dynamic(manifest)[0]}")
        follow_strings(files, direct_requirements(manifest), member)
        folder = member.rpartition("/")[0]
        follow_tables(files, folder, table(manifest, "tool", "uv", "sources").values(), member)
        files.note(f"{member} is a member of the workspace")
    return members


def _settings(files: Collector, base: str, project: dict[str, Any]) -> None:
    """Add uv's own settings, and the local indexes that they name."""
    files.optional(join(base, ".python-version"), join(base, ".python-versions"))
    tables = [(join(base, "pyproject.toml"), table(project, "tool", "uv"))]
    for path in files.optional(join(base, "uv.toml")):
        tables.append((path, toml_table(files.text(path, "uv"), path)))
    for above in ancestors(files.view, base):
        if files.view.is_file(join(above, "uv.toml")):
            raise RefusedError(f"uv reads the settings in {join(above, 'uv.toml')}")
        files.optional(join(above, ".python-version"))
    for path, settings in tables:
        indexes = [index.get("url") for index in entries(settings.get("index"))]
        for place in (*strings(settings.get("find-links")), *strings(indexes)):
            find_links(files, place, path, beside=base)


def _pip(invocation: Invocation, view: ProjectFiles | None) -> Needs:
    settings = _PIP.settings(invocation.environment, "UV_", _HARMLESS)
    arguments = _PIP.read(invocation.arguments, settings)
    arguments.refuse(*_ELSEWHERE)
    _, command, *requirements = arguments.operands
    if command == "sync":
        raise RefusedError("uv pip sync removes what its lists do not name")
    tool = f"uv pip {command}"
    lists = arguments.values("--requirement")
    for path in lists:
        if path.endswith((".py", ".cfg", "pylock.toml")):
            raise RefusedError(f"{tool} builds the project to read {path}")
    if view is None:
        if any(path.endswith(".toml") for path in lists):
            raise RefusedError(f"{tool} reads a pyproject.toml, and there is no build context to look at")
        return guess("uv", arguments, requirements)

    files = Collector(view)
    projects = [path for path in lists if path.endswith(".toml")]
    settings_of = load(files, ".", tool) if view.is_file("pyproject.toml") else {}
    _settings(files, ".", settings_of)
    for path in projects:
        project = toml_table(files.text(path, tool), path)
        if dynamic(project):
            raise RefusedError(f"{tool} builds the project to learn its {dynamic(project)[0]}")
        files.note(f"{tool} reads the dependencies in {path}")
        follow_strings(files, direct_requirements(project), path)
        follow_tables(files, parent(path), table(project, "tool", "uv", "sources").values(), path)
    rest = tuple(option for option in arguments.options if option.value not in projects)
    arguments = replace(arguments, options=rest)
    collect_lists(files, arguments, tool)
    collect_named(files, arguments, requirements, tool)
    files.writes(".venv", *arguments.values("--target", "--prefix"))
    return Needs("uv", files.paths(), tuple(files.evidence), outputs=tuple(files.outputs))
