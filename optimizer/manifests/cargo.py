"""What `cargo fetch` reads: the manifests of the workspace, and that their targets exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
    refuse_above,
    strings,
    table,
    toml_table,
    workspace,
)
from optimizer.manifests.options import Grammar

_GRAMMAR = Grammar(
    flags="""
        -r|--release -v|--verbose -vv -q|--quiet --all-features --no-default-features --workspace --all
        --lib --bins --examples --tests --benches --all-targets --locked --offline --frozen --keep-going
        --ignore-rust-version --no-run --force -f --no-track --timings --debug
    """,
    values="""
        --bin --example --test --bench -p|--package --exclude -F|--features --target --target-dir
        --profile -j|--jobs --color --message-format --manifest-path --artifact-dir|--out-dir --config
        -Z -C --path --root --git --branch --tag --rev --vers|--version --registry --index
    """,
    clusters=True,
)
_BUILDS = frozenset({"build", "b", "check", "c", "test", "t", "run", "r", "bench", "rustc", "fetch", "install"})
_TARGETS = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what `cargo fetch` reads; a build is prepared by it. None where nothing is built.

    Cargo refuses a manifest without its targets, so empty ones stand in until the COPY brings the real ones.
    Raises RefusedError where a part of the workspace cannot be known, or nothing would be downloaded.
    """
    toolchain = [word for word in invocation.arguments[:1] if word is not None and word.startswith("+")]
    words = invocation.arguments[len(toolchain) :]
    if not words or words[0] not in _BUILDS:
        return None
    arguments = _GRAMMAR.read(words)
    tool = f"cargo {words[0]}"
    arguments.refuse("--offline", "--frozen", "--config", "-Z", "-C")
    if words[0] == "install" and not arguments.values("--path"):
        return _install(arguments.operands[1:], view)
    if words[0] == "install" and not arguments.has("--locked"):
        raise RefusedError("cargo install without --locked does not keep to Cargo.lock")
    if view is None:
        raise RefusedError(f"{tool} needs the targets of each manifest, and there is no build context to look at")

    files = Collector(view)
    manifest = arguments.last("--manifest-path") or join(arguments.last("--path") or ".", "Cargo.toml")
    root = files.require(manifest, tool)
    refuse_above(view, parent(root), ("Cargo.toml",), "cargo")
    _configuration(files, parent(root))
    files.optional(join(parent(root), "Cargo.lock"))
    stubs: dict[str, None] = {}
    queue, seen = [root], set()
    while queue:
        path = queue.pop()
        if path in seen:
            continue
        seen.add(path)
        package = toml_table(files.text(path, tool), path)
        stubs.update(dict.fromkeys(_targets(files, path, package)))
        queue += [*_members(files, path, package), *_local(files, path, package)]
    files.note(f"cargo fetch reads {len(seen)} manifest(s); empty targets stand in for the sources")
    folders = tuple(sorted({parent(stub) for stub in stubs} - {"."}))
    fetch = (*invocation.program, *toolchain, "fetch", *arguments.spelled(("--locked", "--manifest-path")))
    prepare = (("mkdir", "-p", *folders),) if folders else ()
    return Needs(
        "cargo",
        files.paths(),
        tuple(files.evidence),
        (*prepare, ("touch", *stubs), fetch),
        same_image=False,
    )


def _install(names: tuple[str, ...], view: ProjectFiles | None) -> Needs:
    """Tell what `cargo install NAME` reads: the registry, and cargo's settings upwards from here."""
    evidence = "cargo install with a name reads nothing of the project but cargo's settings"
    if not names:
        raise RefusedError("cargo install installs the project itself")
    if view is None:
        return Needs("cargo", (), (evidence,), proved=False)
    files = Collector(view)
    _configuration(files, ".")
    return Needs("cargo", files.paths(), (evidence,))


def _configuration(files: Collector, base: str) -> None:
    """Add cargo's and rustup's settings of the directory and those above."""
    for directory in (base, *ancestors(files.view, base)):
        files.optional(join(directory, "rust-toolchain"), join(directory, "rust-toolchain.toml"))
        for path in files.optional(join(directory, ".cargo/config"), join(directory, ".cargo/config.toml")):
            settings = toml_table(files.text(path, path), path)
            for name in ("source", "paths", "include", "patch"):
                if name in settings:
                    raise RefusedError(f"{path} sets {name}, which changes where packages come from")


def _members(files: Collector, path: str, package: Mapping[str, Any]) -> list[str]:
    base = parent(path)
    members = strings(table(package, "workspace").get("members"))
    excluded = [f"!{pattern}" for pattern in strings(table(package, "workspace").get("exclude"))]
    return workspace(files.view, base, members + excluded, "Cargo.toml")


def _local(files: Collector, path: str, package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the manifests of the packages that a manifest takes from a path."""
    holders = [package, table(package, "workspace"), *table(package, "target").values()]
    tables = [
        table(holder, name) for holder in holders for name in ("dependencies", "dev-dependencies", "build-dependencies")
    ]
    tables += [table(entries) for entries in table(package, "patch").values()]
    for dependencies in (*tables, table(package, "replace")):
        for entry in dependencies.values():
            place = table(entry).get("path")
            if isinstance(place, str):
                yield files.at(join(parent(path), f"{place}/Cargo.toml"))


def _targets(files: Collector, path: str, package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the source files without which cargo refuses the manifest.

    Raises RefusedError where the project lacks one.
    """
    if "package" not in package:
        return
    base = parent(path)
    found = [name for name in ("src/lib.rs", "src/main.rs") if files.view.is_file(join(base, name))]
    named = False
    if "lib" in package and "path" not in table(package, "lib") and "src/lib.rs" not in found:
        raise RefusedError(f"{path} names a library without src/lib.rs")
    for kind, folder in _TARGETS.items():
        for target in entries(package.get(kind)):
            named = named or kind == "bin"
            if "path" not in target:
                found.append(_target(files, path, folder, str(target.get("name")), found))
    run = table(package, "package").get("default-run")
    if isinstance(run, str) and "src/main.rs" not in found:
        found.append(_target(files, path, "src/bin", run, found))
    if not found and not named and "lib" not in package:
        programs = [p for p in files.view.files(join(base, "src/bin")) if p.endswith(".rs")]
        if not programs:
            raise RefusedError(f"{path} has no target among the copied files")
        yield sorted(programs)[0]
    yield from (join(base, name) for name in found)


def _target(files: Collector, path: str, folder: str, name: str, found: list[str]) -> str:
    """Return the file of a target that is named without its path; a lone program may be src/main.rs."""
    for candidate in (f"{folder}/{name}.rs", f"{folder}/{name}/main.rs"):
        if files.view.is_file(join(parent(path), candidate)):
            return candidate
    if folder == "src/bin" and "src/main.rs" in found:
        return "src/main.rs"
    raise RefusedError(f"{path} names the target {name}, which is not among the copied files")
