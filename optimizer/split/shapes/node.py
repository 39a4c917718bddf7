"""Node: the packages that npm, yarn or pnpm install, and what a build script makes of the sources.

Source: the documentation of npm (ci, prune), yarn and pnpm.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from optimizer.document import Instruction
from optimizer.images import parse_reference
from optimizer.landing import inside
from optimizer.split import bases
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.reads import ASIDE
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"npm", "yarn", "pnpm"})
BASES = frozenset({"node"})
_INSTALL = frozenset({"install", "i", "ci", "clean-install", "add"})
_SCRIPTS = frozenset({"build", "exec", "prune", "rebuild", "run", "run-script", "t", "test", "tst"})
"""Subcommands of npm that run scripts of the project, or change its packages."""
_CARE = frozenset({"cache", "config", "login", "plugin", "policies", "remove", "set", "setup", "store", "version"})
"""Subcommands of yarn and pnpm that do neither."""
_BUILDERS = frozenset({"tsc", "webpack", "vite", "ng", "nest", "next", "rollup", "esbuild", "gulp", "grunt", "parcel"})
_COMMANDS = frozenset({
    "npm", "yarn", "pnpm", "typescript", "tsc", "npx", "node-gyp", "@angular/cli", "@nestjs/cli", "gulp", "gulp-cli",
    "grunt", "grunt-cli", "bower", "webpack", "webpack-cli", "corepack", "node-pre-gyp",
})  # fmt: skip
"""What is installed for all, and only builds."""
_MANIFESTS = frozenset({
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "pnpm-workspace.yaml",
    ".npmrc", ".yarnrc", ".yarnrc.yml", "package*.json",
})  # fmt: skip
_BUILDERS_OF_MODULES = frozenset(
    {"python", "python2", "python3", "python-is-python3", "python2-minimal", "python3-minimal"}
)
"""What node-gyp calls."""
_HAS = frozenset({"libc-dev", "libstdc++"})
"""Source: the official image's Dockerfile for Alpine."""
_NPM_7 = 16
"""The first Node whose npm knows --omit."""
_GLOBAL = "/usr/local/lib/node_modules"
"""Where the official images install what is installed for all."""
_COREPACK = "/**/.cache/node/corepack"
"""Where corepack keeps yarn and pnpm."""
_HOOKS = frozenset({
    "install", "postinstall", "postprepare", "preinstall", "preprepare", "prepare", "prepublish",
})  # fmt: skip
"""Scripts of a project that an install runs. Source: the documentation of npm, "Life Cycle Scripts"."""
_SOURCES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_DEVELOPMENT = ("packages for development",)
_PRUNE = {
    "npm": "npm prune --omit=dev",
    "yarn": "yarn install --production --ignore-scripts --prefer-offline",
    "pnpm": "pnpm prune --prod",
}


def find(view: View) -> Found | Refused | None:
    """The packages that the stage installs, and what it builds with them."""
    calls = [call for call in view.calls if _installs(call)]
    if not calls:
        return None
    first = calls[0].instruction
    folders = {call.workdir for call in calls}
    folder = next(iter(folders))
    if len(folders) > 1 or folder is None or folder == "/":
        return Refused(first, "packages are installed in several folders, or in one that is not known")
    package = _package(view, folder)
    hooked = not _HOOKS.isdisjoint((package or {}).get("scripts") or ())
    builds = [call for call in view.calls if _builds(call) or _adds(call) or (hooked and _runs_hooks(call))]
    last = max((call.instruction for call in (*calls, *builds)), key=lambda each: each.index)
    running = [*view.starts, *(call for call in view.calls if call.instruction.index > last.index)]
    called = {call.name for call in running} | _scripted(package, running)
    # What a script of a package.json calls that is not there, nobody knows.
    only_build = frozenset() if package is None and PROGRAMS & called else _COMMANDS - called
    repeated = frozenset(
        number
        for number, call in enumerate(view.calls)
        if _is_global(call) and not {_plain(name) for name in call.operands[1:]} <= only_build
    )
    own = PROGRAMS | _BUILDERS | {"npx", "corepack"}
    numbers = frozenset(
        number for number, call in enumerate(view.calls) if call.instruction.index <= last.index and call.name in own
    ) - repeated  # fmt: skip
    gone = [
        f"{_GLOBAL}/{_plain(name)}"
        for number, call in enumerate(view.calls) if _is_global(call) and number not in repeated
        for name in call.operands[1:]
    ]  # fmt: skip
    if not PROGRAMS & called:
        gone.append(_COREPACK)
    base = bases.slim(view.stage)
    questions: list[Question] = []
    if base.slimmed and package is None:
        questions.append(Question(f"whether a package needs a library that {base.written} lacks"))
    left = [call for call in (*calls, *builds) if _installs(call) or call.subcommand == "prune"]
    settled = max(left, key=view.calls.index)
    development = bool((package or {}).get("devDependencies"))
    # What a later RUN takes out again is still in the layer of the first.
    pruned = _is_production(settled) and any(
        not _is_production(call) and call.instruction is not settled.instruction for call in calls
    )
    if all(call.subcommand == "prune" for call in builds):
        modules = f"{folder}/node_modules"
        return Found(
            "node", last, (Artifact(modules, modules, f"`{calls[-1].text}` installs into it"),), base.written, numbers,
            manifests=_copied_again(view, folder, last), questions=tuple(questions),
            builders=_BUILDERS_OF_MODULES, has=_HAS, repeated=repeated, gone=tuple(gone),
            packages=_DEVELOPMENT if development and pruned else (),
        )  # fmt: skip
    tool = calls[-1].name
    texts = [call.text for call in builds if call.subcommand != "prune"]
    made = next((text for text in reversed(texts) if "build" in text), texts[-1])
    modern = view.path_in_context(f"{folder}/.yarnrc.yml") is not None
    prune = (
        package is not None and not modern and not _is_production(settled) and development
        and not _needs_dev(view, package) and (any(map(_builds, builds)) or not _names_dev(view, package))
    )  # fmt: skip
    if package is None:
        questions.append(Question("which packages only the build needs: there is no package.json to look into"))
    if prune and package is not None:
        gone += (f"{folder}/node_modules/{name}" for name in package["devDependencies"])
    evidence = f"`{made}` {'builds in' if any(map(_builds, builds)) else 'changes'} it" + (
        ", and packages for development are taken out" if prune else ""
    )
    return Found(
        "node", last, (Artifact(folder, folder, evidence),), base.written, numbers,
        finish=(f"RUN {_prune(view, tool)}",) if prune else (),
        packages=_DEVELOPMENT if prune or (development and pruned) else (), questions=tuple(questions),
        builders=_BUILDERS_OF_MODULES, has=_HAS, repeated=repeated, gone=tuple(gone),
    )  # fmt: skip


def _scripted(package: Mapping[str, Any] | None, calls: Iterable[Call]) -> set[str]:
    """The words of the project's scripts that the calls run, those of the scripts that these run included."""
    scripts = (package or {}).get("scripts")
    todo = [word for call in calls if call.name in PROGRAMS for word in call.operands]
    words: set[str] = set()
    while todo and isinstance(scripts, dict):
        name = todo.pop()
        for each in (name, f"pre{name}", f"post{name}"):
            new = set(str(scripts.get(each, "")).replace("&", " ").replace(";", " ").split()) - words
            words |= new
            todo += new
    return words


def _prune(view: View, tool: str) -> str:
    """The command that takes the packages for development out again."""
    major = (parse_reference(view.stage.base or "").tag or "").partition("-")[0].partition(".")[0]
    old = tool == "npm" and major.isdigit() and int(major) < _NPM_7
    return "npm prune --production" if old else _PRUNE[tool]


def _is_global(call: Call) -> bool:
    return call.name in PROGRAMS and (call.has("-g", "--global", "--location") or call.subcommand == "global")


def _is_production(call: Call) -> bool:
    """Whether an install or a prune leaves no packages for development."""
    left_out = call.option("--omit", "--only") in ("dev", "prod", "production")
    option = left_out or call.has("--production", "--prod", "-P")
    return option or call.environment.get("NODE_ENV") == "production"


def _plain(name: str) -> str:
    return name[:1] + name[1:].partition("@")[0]


def _installs(call: Call) -> bool:
    if call.name not in PROGRAMS or _is_global(call):
        return False
    return call.subcommand in _INSTALL or (
        call.name == "yarn" and not call.operands and not call.has("--version", "-v")
    )


def _adds(call: Call) -> bool:
    """Whether an install writes the packages that it names into package.json."""
    return _installs(call) and any("://" not in word for word in call.operands[1:])


def _runs_hooks(call: Call) -> bool:
    """Whether an install runs scripts of the project itself, which may write beside its packages."""
    return _installs(call) and not call.has("--ignore-scripts")


def _copied_again(view: View, folder: str, last: Instruction) -> frozenset[str]:
    """The manifests, as COPY names them, that another COPY behind the build brings to the same place."""
    later = [each for each in view.brought.values() if each.broad and each.instruction.index > last.index]
    if not any(inside(folder, zone) for each in later for zone in each.zones):
        return frozenset()
    context = view.context
    if context is None:
        return _MANIFESTS
    again = [landing for each in later for landing in each.landings]
    lost = {
        posixpath.basename(word.rstrip("/"))
        for each in view.brought.values() if each.instruction.index <= last.index and not each.broad
        if not all(any(context.is_file(landing.origin(one.target) or "") for landing in again) for one in each.landings)
        for word in each.instruction.words[:-1]
    }  # fmt: skip
    return _MANIFESTS - lost


def _builds(call: Call) -> bool:
    if call.name in ("npx", *_BUILDERS):
        return True
    if call.name not in PROGRAMS or call.subcommand in _INSTALL or _is_global(call):
        return False
    if call.name == "npm":
        return call.subcommand in _SCRIPTS
    return call.subcommand not in ("", *_CARE)  # yarn and pnpm run any script by its name


def _package(view: View, folder: str) -> dict[str, Any] | None:
    import json

    try:
        found = json.loads(view.text(f"{folder}/package.json") or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _needs_dev(view: View, package: dict[str, Any]) -> bool:
    """Whether what the image starts may be a package for development."""
    names = {name for name in package.get("devDependencies", ()) if not name.startswith("@types/")}
    words = set(_words(view, package))
    return any(word in names or any(word == name.rpartition("/")[2] for name in names) for word in words)


def _names_dev(view: View, package: dict[str, Any]) -> bool:
    """Whether a source, run as it stands, may load a package for development."""
    quoted = [f"{mark}{name}{end}" for name in package["devDependencies"] for mark in "\"'" for end in (mark, "/")]
    paths = view.context.files() if view.context else ()
    texts = (
        view.context.read(path) or "" for path in paths
        if view.context and path.endswith(_SOURCES) and ASIDE.isdisjoint(path.split("/"))
    )  # fmt: skip
    return any(each in text for text in texts for each in quoted)


def _words(view: View, package: dict[str, Any]) -> Iterator[str]:
    scripts = package.get("scripts", {})
    for call in view.starts:
        yield from call.argv
        if call.name in PROGRAMS:
            for word in call.operands:
                for each in (f"pre{word}", word, f"post{word}"):
                    yield from str(scripts.get(each, "")).replace("=", " ").split()
