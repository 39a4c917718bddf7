"""What the JavaScript package managers share: package.json, its scripts, its local packages, .npmrc."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from optimizer.manifests.base import (
    Collector,
    Invocation,
    RefusedError,
    ancestors,
    is_self_or_parent,
    join,
    json_object,
    strings,
    table,
    workspace,
)

_LIFECYCLE = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
    "dependencies",
    "pnpm:devPreinstall",
)
_DEPENDENCIES = ("dependencies", "devDependencies", "optionalDependencies")
_REPLACED = ("overrides", "resolutions")
_LOCAL = re.compile(r"(?:file:|link:|portal:|exec:|\.{1,2}/|~/|/|\.{1,2}\Z)")
_HARMLESS_COMMANDS = (
    re.compile(r"(?:npx (?:-y |--yes )?)?only-allow [a-z]+"),  # looks at the environment alone
    re.compile(r"true|exit 0|echo [^$`<>]*"),
    re.compile(r"is-ci"),
)
_HUSKY = re.compile(r"husky(?: install(?: [\w./-]+)?)?")
_PATCHES = re.compile(r"patch-package(?: --error-on-fail)?")
_INSTALLERS = (
    *("@prisma/client", "nx", "msw", "puppeteer"),
    *("husky", "lefthook", "simple-git-hooks", "pre-commit", "pre-push", "ghooks", "git-hooks", "yorkie"),
)
_PUPPETEER = re.compile(r"(?:\A|/)(?:\.puppeteerrc|puppeteer\.config)(?:\.[a-z]+)?\Z")
_PRISMA = re.compile(r"(?:\A|/)(?:[\w-]+\.prisma|prisma\.config\.[a-z]+|\.config/prisma\.[a-z]+)\Z")
_NODE_OPTIONS = (
    "--max-old-space-size=",
    "--max_old_space_size=",
    "--openssl-legacy-provider",
    "--no-warnings",
)
_RC_FILES = frozenset({"cafile", "certfile", "keyfile"})
_RC_REFUSED = frozenset(
    {
        "dir",
        "git",
        "global-pnpmfile",
        "globalconfig",
        "inject-workspace-packages",
        "install-links",
        "lockfile-dir",
        "modules-dir",
        "node-options",
        "onload-script",
        "pnpmfile",
        "prefix",
        "script-shell",
        "shared-workspace-lockfile",
        "shell",
        "userconfig",
        "virtual-store-dir",
        "workspace-dir",
    }
)


class Packages:
    """Follows the package.json of a project through its workspace and its local packages.

    `run_scripts` tells whether lifecycle scripts run; `copies` whether the tool copies a `file:` directory
    (yarn, pnpm, some versions of npm) or links it.
    """

    def __init__(self, files: Collector, tool: str, run_scripts: bool, copies: bool) -> None:
        self.files = files
        self.tool = tool
        self.run_scripts = run_scripts
        self.copies = copies
        self._seen: set[str] = set()

    def add(self, path: str, named_by: str, is_root: bool = False) -> dict[str, Any]:
        """Add a package.json and what it names, and return it.

        Raises RefusedError where a script of it may read sources, or a local package cannot be copied first.
        """
        path = self.files.at(path)
        package = json_object(self.files.text(path, named_by), path)
        if path in self._seen:
            return package
        self._seen.add(path)
        base = join(path, "..")
        self.files.writes(join(base, "node_modules"))
        if self.run_scripts:
            self._check_scripts(base, path, package)
        if not is_root:  # the tools link the programs of a local package, if they are there
            self.files.optional(*(join(base, program) for program in _programs(package)))
            if directories := table(package, "directories").get("bin"):
                raise RefusedError(f"{path} links every program of the directory {directories}")
        for name, spec in _specs(package):
            self.follow(base, path, name, spec)
        return package

    def workspace(self, base: str, patterns: list[str], named_by: str) -> list[str]:
        """Add the members of a workspace and return their package.json files."""
        root = join(base, "package.json")
        members = [m for m in workspace(self.files.view, base, patterns, "package.json") if m != root]
        for member in members:
            self.add(member, named_by)
            self.files.note(f"{member} is a member of the workspace")
        return members

    def check_installers(self, base: str, locks: Iterable[str]) -> None:
        """Refuse packages, also indirect ones, whose own install script looks at the project around them."""
        texts = [self.files.view.read(path) or "" for path in (*self._seen, *locks)]
        names = {name for name in _INSTALLERS if any(_names(text, name) for text in texts)}
        if not self.run_scripts or not names:
            return
        hooks = names - {"@prisma/client", "nx", "msw", "puppeteer"}
        if hooks and any(self._is_there(place, ".git") for place in (base, *ancestors(self.files.view, base))):
            raise RefusedError(f"{min(hooks)} writes into .git when it is installed")
        if "nx" in names and self._is_there(base, "nx.json"):
            raise RefusedError("nx reads the projects of the workspace when it is installed")
        if "msw" in names and any('"workerDirectory"' in text for text in texts):
            raise RefusedError("msw writes into its workerDirectory when it is installed")
        if "puppeteer" in names:
            settings = [path for path in self.files.view.files(base) if _PUPPETEER.search(path)]
            if settings:
                raise RefusedError(f"puppeteer reads {settings[0]} when it is installed")
        if "@prisma/client" in names:
            self._add_schema(base)

    def _add_schema(self, base: str) -> None:
        schema = join(base, "prisma/schema.prisma")
        others = [path for path in self.files.view.files(base) if _PRISMA.search(path) and path != schema]
        text = self.files.view.read(schema) if self.files.view.is_file(schema) else None
        manifests = (json_object(self.files.text(path, path), path) for path in self._seen)
        if others or any("prisma" in manifest for manifest in manifests) or (text is not None and "output" in text):
            raise RefusedError("@prisma/client generates code from a schema in another place than its own")
        if text is not None:
            self.files.directory(join(base, "prisma"), "@prisma/client")
            self.files.optional(join(base, ".env"))
            self.files.note("@prisma/client generates code from prisma/ when it is installed")

    def _is_there(self, base: str, name: str) -> bool:
        path = join(base, name)
        return self.files.view.is_dir(path) or self.files.view.is_file(path)

    def _check_scripts(self, base: str, path: str, package: Mapping[str, Any]) -> None:
        scripts = table(package, "scripts")
        for name in _LIFECYCLE:
            text = scripts.get(name)
            if isinstance(text, str) and text.strip():
                self._check_script(base, path, name, text)
        builds = self.files.view.is_file(join(base, "binding.gyp")) and package.get("gypfile") is not False
        if builds and "install" not in scripts and "preinstall" not in scripts:
            raise RefusedError(f"{self.tool} builds {join(base, 'binding.gyp')}, which reads sources")

    def _check_script(self, base: str, path: str, name: str, text: str) -> None:
        for command in map(str.strip, re.split(r"&&|\|\||;", text)):
            if any(known.fullmatch(command) for known in _HARMLESS_COMMANDS):
                continue
            if _HUSKY.fullmatch(command) and not self._is_there(base, ".git"):
                self.files.note(f"{path} runs husky in {name}, which does nothing without .git")
                continue
            if _PATCHES.fullmatch(command):
                if self.files.view.is_dir(join(base, "patches")):
                    self.files.directory(join(base, "patches"), path)
                self.files.note(f"{path} runs patch-package in {name}, which reads patches/")
                continue
            raise RefusedError(f"the {name} script of {path} may read sources: {text}")

    def follow(self, base: str, path: str, name: str, spec: str) -> None:
        """Add what a package is taken from, where it lies in the project; `path` is the file that says so.

        Raises RefusedError where that cannot be copied first.
        """
        if spec.startswith("patch:"):
            for place in re.findall(r"(?:#|&)(\.{0,2}~?/[^#&:]+)", spec):
                root = "." if place.startswith("~/") else base
                self.files.require(join(root, place.removeprefix("~/")), path)
            return
        if not _LOCAL.match(spec):
            return
        kind, colon, rest = spec.partition(":")
        place = self.files.at(join(base, rest if colon else spec))
        if place.startswith("~") or kind == "exec":
            raise RefusedError(f"{path} takes {name} from {spec}")
        if is_self_or_parent(place) or place == base:
            raise RefusedError(f"{path} takes {name} from the project itself")
        if self.files.view.is_file(place):
            self.files.require(place, path)
        elif self.copies and kind not in ("link", "portal"):
            self.files.directory(place, path)
            self.add(join(place, "package.json"), path)
        elif kind != "link" or self.files.view.is_file(join(place, "package.json")):
            self.add(join(place, "package.json"), path)
        self.files.note(f"{path} takes {name} from {place}")


def patterns(package: Mapping[str, Any]) -> list[str]:
    """Return the workspace patterns of a package.json, in either of its forms."""
    value = package.get("workspaces")
    return strings(value) or strings(table(value).get("packages"))


def refuse_workspace_above(files: Collector, base: str, tool: str) -> None:
    """Refuse where a directory above declares a workspace, to which this package may belong."""
    for above in ancestors(files.view, base):
        for name in ("package.json", "pnpm-workspace.yaml", ".yarnrc.yml", ".yarnrc", ".pnp.cjs"):
            path = join(above, name)
            text = files.view.read(path) if files.view.is_file(path) else None
            if text is not None and (name != "package.json" or '"workspaces"' in text):
                raise RefusedError(f"{tool} looks upwards and finds {path}")


def npmrc(files: Collector, base: str) -> dict[str, str]:
    """Add the .npmrc of a directory, and return its settings.

    Raises RefusedError on a setting that names code or places to read.
    """
    settings: dict[str, str] = {}
    for path in files.optional(join(base, ".npmrc")):
        for line in map(str.strip, files.text(path, path).splitlines()):
            key, _, value = line.partition("=")
            key = key.strip().removesuffix("[]").rpartition(":")[2].lower()
            if line.startswith((";", "#")) or not key:
                continue
            value = value.strip().strip("\"'")
            settings[key] = value
            if key in _RC_REFUSED:
                raise RefusedError(f"{path} sets {key}, which changes what is read")
            if key in _RC_FILES:
                files.optional(join(base, value))
    return settings


def refuse_environment(invocation: Invocation) -> None:
    """Refuse a NODE_OPTIONS that may load code of the project, and settings that change what is read."""
    refused = {f"NPM_CONFIG_{name.upper().replace('-', '_')}" for name in _RC_REFUSED - {"prefix"}}
    for variable in invocation.environment:
        if variable.upper() in refused:
            raise RefusedError(f"the variable {variable} changes what is read")
    value = invocation.environment.get("NODE_OPTIONS", "")
    if value is None or not all(option.startswith(_NODE_OPTIONS) for option in value.split()):
        raise RefusedError("NODE_OPTIONS may load code of the project")


def _names(text: str, name: str) -> bool:
    """Tell whether a manifest or lock names a package, in the form of any of the tools."""
    place = text.find(name)
    while place >= 0:
        before, after = text[place - 1 : place], text[place + len(name) : place + len(name) + 1]
        if before in ('"', "'", "/", " ", "\n", "") and after in ('"', "'", "@", ":", "/"):
            return True
        place = text.find(name, place + 1)
    return False


def _programs(package: Mapping[str, Any]) -> list[str]:
    value = package.get("bin")
    return [value] if isinstance(value, str) else strings(list(table(package, "bin").values()))


def _specs(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield name and version of everything that the package may install from somewhere."""
    tables = [table(package, name) for name in _DEPENDENCIES]
    queue = [table(package, name) for name in _REPLACED] + [table(package, "pnpm", "overrides")]
    while queue:
        replaced = queue.pop()
        tables.append(replaced)
        queue += [value for value in replaced.values() if isinstance(value, dict)]
    for each in tables:
        yield from ((name, spec) for name, spec in each.items() if isinstance(spec, str))
