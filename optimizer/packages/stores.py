"""Where tools keep what they have fetched or compiled, so that a cache mount can keep it from build to build.

Source: each tool's own manual. A target begins with ``~`` for the home of the user that runs the tool, or with a
variable in braces, whose value comes from ENV or from what is known of the base image.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from optimizer import images
from optimizer.model import Stage, State
from optimizer.packages import caches
from optimizer.packages.places import Placed
from optimizer.packages.reading import program_name, unversioned, unwrap

Words = frozenset[str]
NONE: Words = frozenset()


class Store(Struct, frozen=True):
    """What a tool keeps for its next run, outside the project."""

    name: str
    programs: Words
    fills: Words
    """Subcommands that put something in; "" stands for any call."""
    targets: tuple[str, ...]
    keeps: str
    """What it is, as a reason says it."""
    locked: bool = False
    """Whether two builds must not write to it at the same time."""
    moved: Words = NONE
    """Environment variables and options that switch it off or put it elsewhere."""
    offline: Words = NONE
    """Options by which a call fetches nothing and takes what is there."""
    read_later: bool = False
    """Whether what is in it is used in place: by later commands, and by the program if it runs in this image."""
    cleans: Words = NONE
    """Subcommands that empty it, for a tool that is no package manager of `managers`."""
    option: str = ""
    """What a call needs behind its subcommand for the store to be of use."""
    first: str = ""
    """A command that must have run before, for the same reason."""


_CACHE = "XDG_CACHE_HOME"

STORES = (
    Store(
        "apt", frozenset({"apt-get", "apt", "aptitude"}), frozenset({"update"}),
        # Not the whole of /var/lib/apt: it also notes which packages were installed by themselves (extended_states).
        ("/var/cache/apt", "/var/lib/apt/lists"), "packages and their lists", locked=True,
        first="rm -f /etc/apt/apt.conf.d/docker-clean",
    ),
    Store(
        "apk", frozenset({"apk"}), frozenset({"add", "update", "upgrade"}), ("/etc/apk/cache",),
        "packages and their index", locked=True, offline=frozenset({"--no-network"}),
    ),
    Store(
        "dnf", frozenset({"dnf"}), frozenset({"install"}), ("/var/cache/dnf",), "packages and metadata", locked=True,
        offline=frozenset({"-C", "--cacheonly"}), option="--setopt=keepcache=1",
    ),
    Store(
        "pip", frozenset({"pip"}), frozenset({"install"}), ("~/.cache/pip",), "wheels",
        moved=frozenset({"PIP_NO_CACHE_DIR", "PIP_CACHE_DIR", "--cache-dir", _CACHE}),
    ),
    Store(
        "uv", frozenset({"uv"}), frozenset({"sync", "pip install", "pip sync"}), ("~/.cache/uv",), "wheels",
        moved=frozenset({"UV_NO_CACHE", "UV_CACHE_DIR", "--cache-dir", _CACHE}), offline=frozenset({"--offline"}),
        option="--link-mode=copy",
    ),
    Store(
        "poetry", frozenset({"poetry"}), frozenset({"install", "sync", "add", "update"}),
        # Beside them lies virtualenvs, in which the program may run.
        ("~/.cache/pypoetry/artifacts", "~/.cache/pypoetry/cache"), "wheels", locked=True,
        moved=frozenset({"POETRY_CACHE_DIR", _CACHE}), cleans=frozenset({"cache"}),
    ),
    Store(
        "npm", frozenset({"npm"}), frozenset({"ci", "install"}), ("~/.npm",), "packages",
        moved=frozenset({"NPM_CONFIG_CACHE", "--cache"}), offline=frozenset({"--offline"}),
    ),
    Store(
        "yarn", frozenset({"yarn"}), frozenset({"install"}), ("/usr/local/share/.cache/yarn",), "packages", locked=True,
        moved=frozenset({"YARN_CACHE_FOLDER", "--cache-folder", _CACHE}), offline=frozenset({"--offline"}),
    ),
    Store(
        "pnpm", frozenset({"pnpm"}), frozenset({"install", "fetch", "add"}), ("~/.local/share/pnpm/store",), "packages",
        moved=frozenset({"NPM_CONFIG_STORE_DIR", "PNPM_STORE_DIR", "PNPM_HOME", "--store", "XDG_DATA_HOME"}),
        offline=frozenset({"--offline"}),
    ),
    Store(
        "composer", frozenset({"composer"}), frozenset({"install", "update", "require"}), ("{COMPOSER_HOME}/cache",),
        "packages", moved=frozenset({"COMPOSER_CACHE_DIR", "COMPOSER_NO_CACHE", "--no-cache"}),
    ),
    Store(
        "bundler", frozenset({"bundle", "bundler"}), frozenset({"install"}), ("{GEM_HOME}/cache",), "gems", locked=True,
        moved=frozenset({"BUNDLE_PATH", "BUNDLE_DEPLOYMENT", "--path", "--deployment"}), offline=frozenset({"--local"}),
        cleans=frozenset({"clean"}),
    ),
    Store(
        "go", frozenset({"go"}),
        frozenset({"mod", "build", "install", "get", "run", "test", "vet", "generate", "list"}),
        ("{GOPATH}/pkg/mod", "~/.cache/go-build"), "modules and compiled packages",
        moved=frozenset({"GOMODCACHE", "GOCACHE", _CACHE}), read_later=True, cleans=frozenset({"clean"}),
    ),
    Store(
        # The lock of cargo lies in CARGO_HOME itself, so the builder has to keep two builds apart.
        "cargo", frozenset({"cargo"}), frozenset({"build", "install", "fetch", "test", "check", "chef", "run"}),
        ("{CARGO_HOME}/registry", "{CARGO_HOME}/git/db"), "crates", locked=True,
        offline=frozenset({"--offline", "--frozen"}), read_later=True,
    ),
    Store(
        # Not the whole of ~/.m2: a settings.xml may lie there.
        "maven", frozenset({"mvn", "mvnw"}), frozenset({""}), ("~/.m2/repository",), "artifacts", locked=True,
        moved=frozenset({"-Dmaven.repo.local"}), offline=frozenset({"-o", "--offline"}), read_later=True,
    ),
    Store(
        "gradle", frozenset({"gradle", "gradlew"}), frozenset({""}), ("~/.gradle/caches", "~/.gradle/wrapper"),
        "artifacts", locked=True, moved=frozenset({"GRADLE_USER_HOME", "--gradle-user-home"}),
        offline=frozenset({"--offline"}),
        read_later=True,
    ),
    Store(
        "nuget", frozenset({"dotnet"}), frozenset({"restore", "build", "publish", "test", "pack"}),
        ("~/.nuget/packages",), "packages", moved=frozenset({"NUGET_PACKAGES"}), offline=frozenset({"--no-restore"}),
        read_later=True, cleans=frozenset({"nuget"}),
    ),
)  # fmt: skip
"""The target folder of cargo is not among them: what is built there would be gone with the mount."""

BY_MANAGER = {store.name: store for store in STORES}
BY_PROGRAM = {program: store for store in STORES for program in store.programs}

OF_IMAGES: Mapping[str, Mapping[str, str]] = {
    "golang": {"GOPATH": "/go"},
    "rust": {"CARGO_HOME": "/usr/local/cargo"},
    "ruby": {"GEM_HOME": "/usr/local/bundle"},
    "composer": {"COMPOSER_HOME": "/tmp"},
}
"""ENV of official images, as far as a target begins with it. Source: the images' own Dockerfiles."""

_QUIET = """
[ apk apt apt-get cat cd chmod chown cp curl date du echo export false file find getent git grep groupadd gzip head id
ldd ln ls mkdir mv printf pwd rm rmdir sed set sha256sum sleep sort strip tail tar tee test touch tr true uname unzip
upx useradd adduser addgroup wc wget which
"""
BUILDS_NOTHING = frozenset(_QUIET.split())
"""Commands that read nothing from the stores."""


class Call(Struct, frozen=True):
    """A command that uses a store: by its subcommand, it fills it, empties it, or neither."""

    store: Store
    place: Placed
    at: int
    """Number of the last word of the program and its subcommand."""
    fills: bool
    cleans: bool

    def has(self, options: Words) -> bool:
        """Whether one of the options is given, alone or with a value."""
        return any(word.text.partition("=")[0] in options for word in self.place.command.words)


def call_of(place: Placed) -> Call | None:
    """The call of a tool with a store that a command is; None where it is none for certain."""
    words = place.command.words
    if (call := place.call) is not None and call.manager.name in BY_MANAGER:
        store = BY_MANAGER[call.manager.name]
        named = " ".join(word.literal or word.text for word in words[call.behind : call.subcommand + 1])
        fills = call.action == "update" if store.name == "apt" else call.fetches and named in store.fills | {""}
        return Call(store, place, call.subcommand, fills or (store.name == "apk" and call.writes), False)
    start = unwrap(words)
    name = program_name(words[start]) if start < len(words) else None
    found = BY_PROGRAM.get(name or "") or BY_PROGRAM.get(unversioned(name or ""))
    if found is None or found.name in ("apt", "apk", "dnf", "pip"):
        return None
    at = next((at for at in range(start + 1, len(words)) if words[at].text[0] not in "-+"), start)
    subcommand = words[at].literal or "" if at > start else ""
    return Call(found, place, at, "" in found.fills or subcommand in found.fills, subcommand in found.cleans)


def targets(store: Store, stage: Stage, state: State) -> list[str] | str:
    """Where the store lies for the user in force; or why that is not known."""
    home = caches.home_of(state)
    found: list[str] = []
    for target in store.targets:
        if target.startswith("~"):
            if state.user is None or home is None:
                return "which user runs it is not known, and its home decides where the mount belongs"
            if state.user not in caches.ROOT:
                return f"a mount belongs to root and the RUN to {state.user}: give it uid= by hand"
            found.append(home + target[1:])
        elif target.startswith("{"):
            variable, _, below = target[1:].partition("}")
            place = state.env.get(variable) or _of_image(stage).get(variable)
            if place is None or (variable in state.env and state.env[variable] is None):
                return f"where {store.name} keeps {store.keeps} is not known: set {variable}"
            if state.user not in caches.ROOT:
                return f"a mount belongs to root and the RUN to {state.user or 'a user who is not known'}"
            found.append(place.rstrip("/") + below)
        else:
            found.append(target)
    return ["/var/cache/libdnf5"] if store.name == "dnf" and _has_dnf5(stage) else found


def _of_image(stage: Stage) -> Mapping[str, str]:
    base = [*stage.lineage][-1].base
    return OF_IMAGES.get(images.parse_reference(base).official or "", {}) if base else {}


def _has_dnf5(stage: Stage) -> bool:
    """Fedora has dnf 5 from release 41 on."""
    base = images.parse_reference([*stage.lineage][-1].base or "")
    tag = base.tag or "latest"
    return base.official == "fedora" and (not tag.isdigit() or int(tag) >= 41)


def builds_nothing(place: Placed) -> bool:
    """Whether a command is known not to read what another one has put into a store."""
    words = place.command.words
    start = unwrap(words)
    return not words or (start < len(words) and program_name(words[start]) in BUILDS_NOTHING)
