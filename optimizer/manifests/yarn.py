"""What `yarn install` reads, for version 1 (classic) and later ones (berry)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    entries,
    join,
    yaml_object,
)
from optimizer.manifests.npm import global_install
from optimizer.manifests.options import Arguments, Grammar
from optimizer.manifests.package_json import (
    Packages,
    npmrc,
    patterns,
    refuse_environment,
    refuse_workspace_above,
)

_GRAMMAR = Grammar(
    flags="""
        --frozen-lockfile --pure-lockfile --production|--prod --non-interactive -s|--silent
        --ignore-scripts --ignore-engines --ignore-optional --ignore-platform --no-progress
        --prefer-offline --offline --no-lockfile --no-bin-links --verbose --force --har --flat
        --check-files --link-duplicates --update-checksums --no-node-version-check --json --immutable
        --immutable-cache --check-cache --check-resolutions --inline-builds --refresh-lockfile -A|--all
        --no-emoji --skip-integrity-check -v|--version -h|--help
    """,
    values="""
        --network-timeout --network-concurrency --cache-folder --modules-folder --mutex --registry --cwd
        --proxy --https-proxy --global-folder --preferred-cache-folder --child-concurrency --mode
        --use-yarnrc --link-folder --otp
    """,
)
_PNP = (".pnp.cjs", ".pnp.js", ".pnp.loader.mjs")
_BERRY_FOLDERS = (".yarn/releases", ".yarn/plugins", ".yarn/patches", ".yarn/cache")
_RC_HARMLESS = frozenset({"registry", "lastupdatecheck", "save-prefix", "network-timeout", "disable-self-update-check"})


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where a lifecycle script may read sources, or the command changes package.json.
    """
    if not _may_install(invocation):
        return global_install(invocation.arguments[2:]) if invocation.arguments[:2] == ("global", "add") else None
    arguments = _GRAMMAR.read(invocation.arguments)
    if arguments.has("--version", "--help"):
        return None
    if arguments.operands[:1] == ("add",):
        raise RefusedError("yarn add changes package.json")
    if arguments.operands not in ((), ("install",)):
        return None
    arguments.refuse("--modules-folder", "--use-yarnrc")
    for variable, value in invocation.environment.items():
        if variable.upper().startswith("YARN_") and "/" in (value or "/") and "CACHE" not in variable.upper():
            raise RefusedError(f"the variable {variable} may change what yarn reads")
    base = arguments.last("--cwd") or "."
    if view is None:
        lists = ("package.json", "yarn.lock*", ".npmrc*", ".yarnrc*")
        evidence = "yarn install reads package.json and yarn.lock"
        return Needs("yarn", tuple(join(base, path) for path in lists), (evidence,), proved=False)

    refuse_environment(invocation)
    files = Collector(view)
    base = files.at(base)
    refuse_workspace_above(files, base, "yarn")
    lock = files.optional(join(base, "yarn.lock"))
    rc = npmrc(files, base)
    berry = _is_berry(files, base)
    settings = _berry(files, base) if berry else _classic(files, base)
    run_scripts = not (
        arguments.has("--ignore-scripts")
        or rc.get("ignore-scripts") == "true"
        or arguments.last("--mode") == "skip-build"
        or settings.get("enableScripts") is False
    )
    packages = Packages(files, "yarn install", run_scripts, copies=True)
    root = packages.add(join(base, "package.json"), "yarn install", is_root=True)
    packages.workspace(base, patterns(root), join(base, "package.json"))
    packages.check_installers(base, lock)
    files.note("yarn install reads package.json and yarn.lock, and runs no script that reads sources")
    made = [path for name in _PNP if berry and view.is_file(path := join(base, name))]
    return Needs(
        "yarn",
        files.paths(),
        tuple(files.evidence),
        outputs=tuple(files.outputs),
        rewrites=tuple(made if _is_locked(arguments) else made + lock),
    )


def _may_install(invocation: Invocation) -> bool:
    first = invocation.arguments[0] if invocation.arguments else "install"
    return first is None or first.startswith("-") or first in ("install", "add")


def _is_locked(arguments: Arguments) -> bool:
    return arguments.has("--frozen-lockfile", "--pure-lockfile", "--no-lockfile", "--immutable")


def _is_berry(files: Collector, base: str) -> bool:
    if files.view.is_file(join(base, ".yarnrc.yml")):
        return True
    texts = [files.view.read(join(base, name)) or "" for name in ("yarn.lock", "package.json")]
    return "\n__metadata:" in texts[0] or re.search(r'"packageManager"\s*:\s*"yarn@[2-9]', texts[1]) is not None


def _classic(files: Collector, base: str) -> dict[str, Any]:
    """Add .yarnrc and what it names."""
    files.optional(join(base, ".yarnclean"))
    for path in files.optional(join(base, ".yarnrc")):
        for line in map(str.strip, files.text(path, path).splitlines()):
            key, _, value = line.partition(" ")
            place = join(base, value.strip().strip('"'))
            if key == "yarn-path":
                files.require(place, path)
            elif key == "yarn-offline-mirror":
                files.directory(place, path)
            elif key and not key.startswith("#") and key.lower() not in _RC_HARMLESS:
                raise RefusedError(f"{path} sets {key}, which may change what is read")
    return {}


def _berry(files: Collector, base: str) -> dict[str, Any]:
    """Add .yarnrc.yml, what it names, and the folders of yarn's own files; return the settings."""
    settings: dict[str, Any] = {}
    for path in files.optional(join(base, ".yarnrc.yml")):
        settings = yaml_object(files.text(path, path), path)
        named = [settings.get("yarnPath"), settings.get("httpsCaFilePath")]
        named += [plugin.get("path") for plugin in entries(settings.get("plugins"))]
        for place in named:
            if isinstance(place, str):
                files.require(join(base, place), path)
        # whatever else it names: certificates, keys, files of variables (`.env?` may be missing)
        files.optional(*(join(base, text.removesuffix("?")) for text in _texts(settings)))
        if settings.get("enableConstraintsChecks") or "cacheFolder" in settings or "patchFolder" in settings:
            raise RefusedError(f"{path} changes what yarn reads at an install")
    files.optional(join(base, ".env.yarn"))
    for folder in _BERRY_FOLDERS:
        if files.view.is_dir(join(base, folder)):
            files.directory(join(base, folder), "yarn install")
    files.writes(*(join(base, path) for path in (".yarn/unplugged", ".yarn/install-state.gz")))
    return settings


def _texts(value: object) -> Iterator[str]:
    """Yield the texts that the settings hold, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
