"""What Go commands read before they compile: the modules that go.mod and go.work name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    join,
    refuse_above,
)
from optimizer.manifests.options import Arguments, Grammar

_GRAMMAR = Grammar(
    flags="""
        -a -v -x -n -race -msan -asan -i -trimpath -cover -work -linkshared -modcacherw -buildvcs -short
        -d -u -t -json -c -benchmem -failfast -fix -insecure -e
    """,
    values="""
        -o -p -ldflags -gcflags -asmflags -gccgoflags -tags -mod -modfile -overlay -installsuffix
        -buildmode -compiler -pkgdir -toolexec -C -covermode -coverpkg -exec -pgo -run -bench -count
        -timeout -parallel -coverprofile -vet -cpu -reuse -compat -go
    """,
)
_BUILDS = frozenset({"build", "install", "test", "vet", "get", "list"})
_KEEPS_GO_SUM = (1, 21)  # from here on a go.mod is only read by a toolchain that is at least as new


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what `go mod download` reads; a build is prepared by it. None where no modules are needed.

    Raises RefusedError where there is nothing to download, or another go.mod is in force.
    """
    command = invocation.word(0)
    if command not in _BUILDS and command != "mod":
        return None
    words = [f"-{word.lstrip('-')}" if word and word[0] == "-" else word for word in invocation.arguments[1:]]
    arguments = _GRAMMAR.read(words)
    operands = arguments.operands
    if command == "mod" and operands[:1] not in (("download",), ("tidy",), ("vendor",)):
        return None
    if command in ("install", "get") and operands and all("@" in name and name[0] != "." for name in operands):
        if command == "get":
            raise RefusedError("go get changes go.mod")
        return Needs("go", (), ("go install with a version reads nothing of the project",))
    _refuse(invocation, arguments)
    is_download = command == "mod" and operands in (("download",), ("download", "all"))
    if command == "mod" and operands[0] == "download" and not is_download:
        raise RefusedError("go mod download with module names changes go.sum")
    prefetch = () if is_download else ((*invocation.program, "mod", "download"),)
    if view is None:
        evidence = "go mod download reads go.mod and go.sum"
        return Needs("go", ("go.mod", "go.sum*"), (evidence,), prefetch, same_image=not prefetch, proved=False)

    files = Collector(view)
    if not is_download and view.is_file("vendor/modules.txt"):
        raise RefusedError("the modules are in vendor/: there is nothing to download")
    use_workspace = invocation.environment.get("GOWORK") != "off"
    text = files.text("go.mod", "go mod download") if not (use_workspace and view.is_file("go.work")) else ""
    files.optional("go.mod", "go.sum")
    refuse_above(view, ".", ("go.work",) if use_workspace else (), "go")
    modules = {".": text or (view.read("go.mod") or "")}
    if use_workspace:
        for path in files.optional("go.work", "go.work.sum"):
            if path == "go.work":
                modules |= _workspace(files)
    for directory, module in modules.items():
        _replaced(files, join(directory, "go.mod"), module, directory)
    files.writes(_cache(invocation))
    files.note("go mod download reads go.mod and go.sum alone")
    version = _version(text)
    return Needs(
        "go",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        tuple(files.outputs),
        rewrites=() if prefetch or version >= _KEEPS_GO_SUM or not view.is_file("go.sum") else ("go.sum",),
        same_image=not prefetch,
    )


def _refuse(invocation: Invocation, arguments: Arguments) -> None:
    arguments.refuse("-modfile", "-overlay", "-C")
    if arguments.last("-mod") == "vendor":
        raise RefusedError("-mod=vendor downloads nothing")
    environment = invocation.environment
    if environment.get("GO111MODULE", "on") in ("off", None):
        raise RefusedError("GO111MODULE turns modules off")
    if environment.get("GOWORK", "off") not in ("off", ""):
        raise RefusedError("GOWORK names another workspace")
    flags = environment.get("GOFLAGS", "")
    if flags is None or re.search(r"-(?:modfile|overlay|mod=vendor)", flags):
        raise RefusedError("GOFLAGS changes what is read")


def _workspace(files: Collector) -> dict[str, str]:
    """Add the modules that go.work uses, and return their go.mod by directory."""
    text = files.text("go.work", "go")
    _replaced(files, "go.work", text, ".")
    modules = {}
    for words in _directives(text, "use"):
        directory = files.at(words[0])
        modules[directory] = files.text(join(directory, "go.mod"), "go.work")
        files.optional(join(directory, "go.sum"))
        files.note(f"go.work uses {directory}")
    return modules


def _replaced(files: Collector, path: str, text: str, directory: str) -> None:
    """Add the go.mod of each local directory that replaces a module."""
    for words in _directives(text, "replace"):
        target = words[words.index("=>") + 1] if "=>" in words[:-1] else ""
        if target.startswith(("./", "../", "/")) or target in (".", ".."):
            place = files.at(join(directory, target))
            files.require(join(place, "go.mod"), path)
            files.note(f"{path} replaces {words[0]} by {place}")


def _directives(text: str, verb: str) -> Iterator[list[str]]:
    """Yield the words of each line of a directive, alone or in a block."""
    block = ""
    for line in text.splitlines():
        words = [word.strip('"`') for word in line.partition("//")[0].split()]
        if words == [")"]:
            block = ""
        elif len(words) == 2 and words[1] == "(":
            block = words[0]
        elif words and (block or words[0]) == verb:
            yield words if block else words[1:]


def _version(text: str) -> tuple[int, ...]:
    for words in _directives(text, "go"):
        return tuple(int(part) for part in re.findall(r"\d+", words[0])[:2])
    return (0,)


def _cache(invocation: Invocation) -> str:
    environment = invocation.environment
    return environment.get("GOMODCACHE") or f"{environment.get('GOPATH') or '/go'}/pkg/mod"
