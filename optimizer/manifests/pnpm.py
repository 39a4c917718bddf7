"""What `pnpm install` and `pnpm fetch` read."""

from __future__ import annotations

import re
from typing import Any

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    join,
    json_object,
    strings,
    table,
    yaml_object,
)
from optimizer.manifests.options import Arguments, Grammar
from optimizer.manifests.package_json import Packages, npmrc, refuse_environment, refuse_workspace_above

_GRAMMAR = Grammar(
    flags="""
        --frozen-lockfile --no-frozen-lockfile -P|--prod|--production -D|--dev --no-optional --offline
        --prefer-offline --ignore-scripts --shamefully-hoist --strict-peer-dependencies
        --no-strict-peer-dependencies --force --no-lockfile -r|--recursive -s|--silent --no-hoist
        -w|--workspace-root --side-effects-cache --no-verify-store-integrity --unsafe-perm
        --lockfile-only --ignore-workspace --ignore-pnpmfile --fix-lockfile --aggregate-output --stream
        --no-color --color --use-stderr --yes --config.confirmModulesPurge
        --dangerously-allow-all-builds
    """,
    values="""
        --reporter --loglevel --store-dir --virtual-store-dir --modules-dir --lockfile-dir -F|--filter
        -C|--dir --child-concurrency --network-concurrency --registry --package-import-method
        --node-linker --hoist-pattern --public-hoist-pattern --fetch-timeout --fetch-retries --cache-dir
        --state-dir
    """,
    clusters=True,
)

_ARCHIVE = re.compile(r"\btarball:\s*['\"]?file:([^\s'\",}]+)")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    An install whose scripts or packages need sources is prepared by `pnpm fetch`, which reads the lock alone.
    Raises RefusedError where neither is possible.
    """
    if not any(word in ("install", "i", "fetch", "add") for word in invocation.arguments):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    if arguments.operands[:1] == ("add",):
        raise RefusedError("pnpm add changes package.json")
    if arguments.operands not in (("install",), ("i",), ("fetch",)):
        return None
    arguments.refuse("--lockfile-dir", "--modules-dir", "--virtual-store-dir", "--lockfile-only")
    base = arguments.last("--dir") or "."
    is_fetch = arguments.operands == ("fetch",)
    if view is None:
        named = ("pnpm-lock.yaml", "pnpm-workspace.yaml*", ".npmrc*", ".pnpmfile.cjs*")
        lists = tuple(join(base, path) for path in (named if is_fetch else ("package.json", *named)))
        return Needs("pnpm", lists, (f"pnpm {arguments.operands[0]} reads the lock file",), proved=False)

    refuse_environment(invocation)
    base = Collector(view).at(base)
    if is_fetch:
        return _fetch(Collector(view), base, ())
    try:
        return _install(Collector(view), base, arguments, invocation)
    except RefusedError as refused:
        only_production = ("--prod",) if arguments.has("--production") else ()
        where = arguments.spelled(("--dir", "--registry", "--store-dir"))
        files = Collector(view)
        files.note(f"pnpm install itself has to wait for the sources: {refused}")
        if not view.is_file(join(base, "pnpm-lock.yaml")) or not view.is_file(join(base, "package.json")):
            raise
        return _fetch(files, base, ((*invocation.program, "fetch", *only_production, *where),))


def _install(files: Collector, base: str, arguments: Arguments, invocation: Invocation) -> Needs:
    tool = "pnpm install"
    rc, settings = _shared(files, base)
    lock = files.optional(join(base, "pnpm-lock.yaml"))
    run_scripts = not arguments.has("--ignore-scripts") and rc.get("ignore-scripts") != "true"
    packages = Packages(files, tool, run_scripts, copies=True)
    root = packages.add(join(base, "package.json"), tool, is_root=True)
    members = packages.workspace(base, _patterns(files, base, settings), join(base, "pnpm-workspace.yaml"))
    packages.check_installers(base, lock)
    for path in (join(base, "package.json"), *members):
        package = json_object(files.text(path, tool), path)
        if any(table(meta).get("injected") for meta in table(package, "dependenciesMeta").values()):
            raise RefusedError(f"{path} has an injected dependency, which copies its sources")
    for member in members:
        files.optional(*(join(member, f"../{name}") for name in ("pnpm-lock.yaml", ".npmrc")))
    _patches(files, base, table(root, "pnpm"), join(base, "package.json"))
    for name, spec in table(settings, "overrides").items():
        packages.follow(base, join(base, "pnpm-workspace.yaml"), name, str(spec))
    files.writes(join(base, ".pnpm-store"))
    files.note(f"{tool} reads package.json and its lock file, and runs no script that reads sources")
    frozen = arguments.has("--frozen-lockfile", "--no-lockfile") or bool(invocation.environment.get("CI"))
    return Needs(
        "pnpm",
        files.paths(),
        tuple(files.evidence),
        outputs=tuple(files.outputs),
        rewrites=() if frozen else tuple(lock),
    )


def _fetch(files: Collector, base: str, prefetch: tuple[tuple[str, ...], ...]) -> Needs:
    """Tell what `pnpm fetch` reads: the lock file and pnpm's settings, no manifest."""
    lock = files.require(join(base, "pnpm-lock.yaml"), "pnpm fetch")
    _shared(files, base)
    for archive in _ARCHIVE.findall(files.view.read(lock) or ""):
        files.require(join(base, archive), lock)
    Packages(files, "pnpm fetch", run_scripts=True, copies=True).check_installers(base, [lock])
    manifest = join(base, "package.json")
    if files.view.is_file(manifest):
        package = json_object(files.view.read(manifest) or "", manifest)
        _patches(files, base, table(package, "pnpm"), manifest)
        if "packageManager" in package:
            files.require(manifest, "the choice of pnpm's version")
    for path in files.view.files(base):
        if path.rpartition("/")[2] == "node_modules":
            raise RefusedError(f"{path} is in the way of pnpm fetch")
    files.writes(join(base, "node_modules"), join(base, ".pnpm-store"))
    files.note("pnpm fetch fills the store from the lock file alone")
    return Needs("pnpm", files.paths(), tuple(files.evidence), prefetch, tuple(files.outputs), same_image=False)


def _shared(files: Collector, base: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Add what every pnpm command reads: .npmrc, the workspace file with its patches, the hooks."""
    refuse_workspace_above(files, base, "pnpm")
    rc = npmrc(files, base)
    settings: dict[str, Any] = {}
    for path in files.optional(join(base, "pnpm-workspace.yaml")):
        settings = yaml_object(files.text(path, path), path)
        _patches(files, base, settings, path)
        for name in ("pnpmfile", "modulesDir", "virtualStoreDir", "lockfileDir", "injectWorkspacePackages"):
            if name in settings:
                raise RefusedError(f"{path} sets {name}, which changes what is read")
    for path in files.optional(*(join(base, name) for name in (".pnpmfile.cjs", ".pnpmfile.mjs", "pnpmfile.js"))):
        text = files.text(path, path)
        if "require" in text or "import" in text or "process" in text:
            raise RefusedError(f"{path} may load other files")
    return rc, settings


def _patches(files: Collector, base: str, settings: dict[str, Any], named_by: str) -> None:
    for place in strings(list(table(settings, "patchedDependencies").values())):
        files.require(join(base, place), named_by)


def _patterns(files: Collector, base: str, settings: dict[str, Any]) -> list[str]:
    """Return the workspace's patterns; without any, pnpm's versions differ in whether all folders count."""
    patterns = strings(settings.get("packages"))
    workspace_file = join(base, "pnpm-workspace.yaml")
    if patterns or not files.view.is_file(workspace_file):
        return patterns
    if any(p.endswith("/package.json") and p != join(base, "package.json") for p in files.view.files(base)):
        raise RefusedError(f"{workspace_file} names no packages, and there are some")
    return []
