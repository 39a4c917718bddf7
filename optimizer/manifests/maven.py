"""What Maven reads before it compiles: the project's poms, its parents, `.mvn` and the wrapper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optimizer.manifests.base import Collector, Invocation, Needs, ProjectFiles, RefusedError, join, parent
from optimizer.manifests.markup import children, name, parse, text_of
from optimizer.manifests.options import Grammar

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_GRAMMAR = Grammar(
    flags="""
        -B|--batch-mode -q|--quiet -X|--debug -e|--errors -U|--update-snapshots -o|--offline
        -N|--non-recursive -am|--also-make -amd|--also-make-dependents -fae|--fail-at-end
        -ff|--fail-fast -fn|--fail-never -C|--strict-checksums -c|--lax-checksums -V|--show-version
        -v|--version -h|--help -ntp|--no-transfer-progress -nsu|--no-snapshot-updates
    """,
    values="""
        -f|--file -s|--settings -gs|--global-settings -P|--activate-profiles -pl|--projects -T|--threads
        -t|--toolchains -rf|--resume-from -l|--log-file -b|--builder
    """,
    prefixes="-D -P -T",
)
_RESOLVES = ("dependency:go-offline", "dependency:resolve", "dependency:resolve-plugins")
_COMPILES = frozenset({"compile", "test-compile", "test", "package", "verify", "install", "deploy"})
_DROPPED = {"--resume-from", "--log-file", "--threads", "-T", "--also-make", "--also-make-dependents"}


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what `mvn dependency:go-offline` reads; a build is prepared by it. None where nothing is resolved.

    Raises RefusedError where a module needs another one (it is not built yet), or a pom cannot be known.
    """
    goals = [word for word in invocation.arguments if word is not None and not word.startswith("-")]
    if not any(goal in _COMPILES or goal in _RESOLVES for goal in goals):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    arguments.refuse("--offline")
    is_move = all(goal in _RESOLVES for goal in arguments.operands)
    options = arguments.spelled(_GRAMMAR.canonical - _DROPPED | {"-D", "-P"})
    prefetch = () if is_move else ((*invocation.program, *options, _RESOLVES[0]),)
    has_wrapper = invocation.program[-1].endswith("mvnw")
    pom = arguments.last("--file") or "pom.xml"
    if view is None:
        if not is_move:
            raise RefusedError(f"whether {pom} names modules is not known, there is no build context to look at")
        lists = (pom, *(("mvnw", ".mvn/") if has_wrapper else ()), *arguments.values("--settings"))
        return Needs("maven", lists, (f"maven reads {pom}, if that names no modules",), proved=False)

    files = Collector(view)
    if view.is_dir(pom):
        pom = join(pom, "pom.xml")
    if has_wrapper:
        files.require(invocation.program[-1], "the wrapper")
    if view.is_dir(join(parent(pom), ".mvn")):
        files.directory(join(parent(pom), ".mvn"), "maven")
    elif has_wrapper:
        raise RefusedError("the Maven wrapper needs .mvn/wrapper, which is not among the copied files")
    for path in arguments.values("--settings", "--global-settings", "--toolchains"):
        if not path.startswith("/") or view.is_file(files.at(path)):
            files.require(path, "maven")
    poms = _follow(files, pom)
    _refuse_siblings(poms)
    files.note(f"maven reads {len(poms)} pom(s), and no module needs another")
    return Needs("maven", files.paths(), tuple(files.evidence), prefetch, same_image=is_move)


def _follow(files: Collector, pom: str) -> dict[str, Element]:
    """Add a pom with its modules and the parents that lie in the project, and return them all."""
    poms: dict[str, Element] = {}
    queue = [(pom, "maven")]
    while queue:
        path, named_by = queue.pop()
        path = files.at(path)
        if path in poms:
            continue
        poms[path] = root = parse(files.text(path, named_by), path)
        holders = [root, *children(root, "profiles", "profile")]
        for module in (module for holder in holders for module in children(holder, "modules", "module")):
            queue.append((_place(files, path, (module.text or "").strip()), path))
        for above in children(root, "parent"):
            relative = text_of(above, "relativePath")
            place = _place(files, path, "../pom.xml" if relative is None else relative) if relative != "" else ""
            if place and files.view.is_file(place):
                files.note(f"{path} has its parent in {place}")
                queue.append((place, path))
        places = (element.text or "" for element in root.iter() if name(element) == "url")
        if local := next((text for text in places if text.strip().startswith("file:") or "basedir}" in text), None):
            raise RefusedError(f"{path} takes packages from {local.strip()}")
        if any(name(element) == "systemPath" for element in root.iter()):
            raise RefusedError(f"{path} takes a dependency from a path of the system")
    return poms


def _place(files: Collector, path: str, relative: str) -> str:
    if "$" in relative:
        raise RefusedError(f"{path} names a pom by a property: {relative}")
    place = files.at(join(parent(path), relative))
    return join(place, "pom.xml") if files.view.is_dir(place) else place


def _refuse_siblings(poms: dict[str, Element]) -> None:
    """Refuse where a module needs the artifact of another one, which only a build makes."""
    built = {text_of(root, "artifactId"): path for path, root in poms.items()}
    for path, root in poms.items():
        for element in root.iter():
            if name(element) in ("dependency", "plugin", "extension"):
                artifact = text_of(element, "artifactId")
                if artifact in built and _same_group(element, poms[built[artifact]]):
                    raise RefusedError(f"{path} needs {artifact}, which this build makes itself")


def _same_group(element: Element, module: Element) -> bool:
    group = text_of(element, "groupId") or ""
    own = text_of(module, "groupId") or text_of(module, "parent", "groupId")
    return group == own or "$" in group
