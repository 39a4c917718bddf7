"""What `npm install` and `npm ci` read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optimizer.manifests.base import Collector, Invocation, Needs, ProjectFiles, RefusedError, join
from optimizer.manifests.options import Grammar
from optimizer.manifests.package_json import (
    Packages,
    npmrc,
    patterns,
    refuse_environment,
    refuse_workspace_above,
)

_INSTALL = frozenset(
    ["install", "i", "in", "ins", "inst", "insta", "instal", "isnt", "isnta", "isntal", "isntall", "add"]
)
_CLEAN = frozenset({"ci", "clean-install", "ic", "install-clean", "isntall-clean"})
_GRAMMAR = Grammar(
    flags="""
        -g|--global --production -S|--save --no-save -D|--save-dev -O|--save-optional -E|--save-exact
        -P|--save-prod -B|--save-bundle --legacy-peer-deps --strict-peer-deps -f|--force --no-audit
        --audit --no-fund --fund --ignore-scripts --no-optional --optional --unsafe-perm
        --no-package-lock --package-lock --prefer-offline --offline --prefer-online --no-progress
        --progress -q|--quiet -d -dd -ddd -s|--silent --verbose --no-bin-links --bin-links
        --foreground-scripts --no-shrinkwrap --no-update-notifier --update-notifier --strict-ssl
        --no-strict-ssl --legacy-bundling --global-style --no-color --color --allow-root --engine-strict
        --timing --dry-run --yes -y --workspaces -ws --include-workspace-root --build-from-source
        --fallback-to-build --package-lock-only --install-links
    """,
    values="""
        --location --only --omit --include --loglevel|--log-level --registry --cache -C|--prefix
        --userconfig --globalconfig -w|--workspace --install-strategy --python --fetch-retries
        --fetch-timeout --fetch-retry-factor --fetch-retry-mintimeout --fetch-retry-maxtimeout
        --maxsockets --network-timeout --cafile --ca --noproxy --proxy --https-proxy --scope --tag
        --depth --cpu --os --libc --before --jobs --disturl --target_arch --arch --target --timeout
    """,
)
_HARMLESS = "NPM_CONFIG_PREFIX"  # only the option moves a local install; the variable sets the global place
_REGISTRY = re.compile(r"(?:@[\w.~-]+/)?[\w~-][\w.~-]*(?:@[\w.^~<>=|*+ \0-]*)?")

_LINKED = re.compile(r'"link":\s*true')


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where a lifecycle script may read sources, or the command changes package.json.
    """
    if not any(word in _INSTALL | _CLEAN for word in invocation.arguments):
        return None
    settings = _GRAMMAR.settings(invocation.environment, "NPM_CONFIG_", _HARMLESS)
    arguments = _GRAMMAR.read(invocation.arguments, settings)
    command, *packages = arguments.operands
    if command not in _INSTALL | _CLEAN:
        return None
    clean = command in _CLEAN
    tool = "npm ci" if clean else "npm install"
    if arguments.has("--global") or arguments.last("--location") == "global":
        return global_install(packages)
    arguments.refuse("--package-lock-only", "--install-links", "--globalconfig")
    if packages:
        raise RefusedError(f"{tool} {packages[0]} changes package.json")
    base = arguments.last("--prefix") or "."
    if view is None:
        lists = ("package.json", "package-lock.json*", "npm-shrinkwrap.json*", ".npmrc*")
        evidence = f"{tool} reads package.json and its lock file"
        return Needs("npm", tuple(join(base, path) for path in lists), (evidence,), proved=False)

    refuse_environment(invocation)
    files = Collector(view)
    base = files.at(base)
    refuse_workspace_above(files, base, tool)
    rc = npmrc(files, base)
    files.optional(*arguments.values("--userconfig", "--cafile"))
    locks = files.optional(*(join(base, name) for name in ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock")))
    if clean and not any(path.endswith(".json") for path in locks):
        raise RefusedError(f"{tool} needs package-lock.json, which is not among the copied files")
    run_scripts = not arguments.has("--ignore-scripts") and rc.get("ignore-scripts") != "true"
    # npm 9.0 to 9.4 copies a folder that the lock does not tell to link
    links = any(_LINKED.search(view.read(path) or "") for path in locks)
    packages_read = Packages(files, tool, run_scripts, copies=not links)
    root = packages_read.add(join(base, "package.json"), tool, is_root=True)
    packages_read.workspace(base, patterns(root), join(base, "package.json"))
    packages_read.check_installers(base, locks)
    files.note(f"{tool} reads package.json and its lock file, and runs no script that reads sources")
    unlocked = arguments.has("--no-package-lock") or rc.get("package-lock") == "false"
    return Needs(
        "npm",
        files.paths(),
        tuple(files.evidence),
        outputs=tuple(files.outputs),
        rewrites=() if clean or unlocked else tuple(locks),
    )


def global_install(packages: Sequence[str | None]) -> Needs:
    """Tell that packages of the registry are installed for the whole image.

    Raises RefusedError where one may be a folder.
    """
    for package in packages or ["."]:
        if package is None or not _REGISTRY.fullmatch(package):
            raise RefusedError(f"{package or 'what is not known'}, to be installed globally, may be a local package")
    return Needs("npm", (), ("a global install reads nothing of the project",))
