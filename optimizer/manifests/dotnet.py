"""What `dotnet restore` reads: project files, what they import and refer to, and the settings above them."""

from __future__ import annotations

import re

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    ancestors,
    join,
    parent,
)
from optimizer.manifests.markup import name, parse
from optimizer.manifests.options import Arguments, Grammar

_GRAMMAR = Grammar(
    flags="""
        --no-restore --no-cache --force --no-dependencies --disable-parallel --self-contained --sc
        --no-self-contained --nologo|-nologo --no-build --no-incremental --use-current-runtime|--ucr
        --use-lock-file --locked-mode --force-evaluate --ignore-failed-sources --interactive
        --no-http-cache --disable-build-servers -m -maxcpucount --include-symbols --include-source
        --serviceable
    """,
    values="""
        -c|--configuration -o|--output -r|--runtime -a|--arch --os -f|--framework -v|--verbosity
        -s|--source --packages --configfile --lock-file-path --version-suffix --artifacts-path
        --manifest --logger|-l --filter --collect --results-directory
    """,
    prefixes="-p: -property: --property:",
)
_RESTORES = frozenset(
    {
        *("--runtime", "--arch", "--os", "-p:", "-property:", "--property:", "--source", "--configfile"),
        *("--packages", "--verbosity", "--disable-parallel", "--ignore-failed-sources", "--locked-mode"),
        *("--use-current-runtime", "--no-cache", "--interactive"),
    }
)
_ABOVE = (
    "Directory.Build.props",
    "Directory.Build.targets",
    "Directory.Build.rsp",
    "Directory.Packages.props",
    "Directory.Solution.props",
    "Directory.Solution.targets",
    "NuGet.Config",
    "NuGet.config",
    "nuget.config",
    "global.json",
    "version.json",
)
_PROJECTS = (".csproj", ".fsproj", ".vbproj")
_SOLUTION_LINE = re.compile(r'^Project\("[^"]*"\)\s*=\s*"[^"]*",\s*"([^"]+)"', re.MULTILINE)
_OUTPUT_SETTINGS = re.compile(
    "BaseIntermediateOutputPath|MSBuildProjectExtensionsPath|ArtifactsPath|UseArtifactsOutput|RestoreOutputPath"
)
_ABOVE_CALL = re.compile(r"\$\(\[MSBuild\]::GetPathOfFileAbove\(\s*'?([\w.]+)'?\s*(?:,[^)]*(?:\)[^)]*)?)?\)\)")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what `dotnet restore` reads; build, publish, test and pack are prepared by it.

    Raises RefusedError where a project file computes what it reads, or is not named.
    """
    command = invocation.word(0)
    if command not in ("restore", "build", "publish", "test", "pack"):
        return None
    words = [re.sub(r"\A/(?=p:|property:)", "-", word) if word else word for word in invocation.arguments[1:]]
    arguments = _GRAMMAR.read(words)
    tool = f"dotnet {command}"
    if arguments.has("--no-restore", "--no-build"):
        return None
    arguments.refuse("--artifacts-path", "--lock-file-path")
    if view is None:
        raise RefusedError(f"{tool} reads every project file, and there is no build context to look at")

    files = Collector(view)
    named = [operand for operand in arguments.operands if operand not in ("true", "false")]
    if len(named) > 1:
        raise RefusedError(f"{tool} names more than one project")
    for path in arguments.values("--configfile"):
        files.require(path, tool)
    _settings_above(files, ".")
    reader = _Projects(files)
    reader.add(_start(files, named, tool), tool)
    locks = [path for path in files.found if path.endswith("packages.lock.json")]
    files.note(f"dotnet restore reads {len(reader.seen)} project file(s) and what they import, no sources")
    prefetch = () if command == "restore" else (_restore(invocation, arguments, named),)
    return Needs(
        "dotnet",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        tuple(files.outputs),
        rewrites=() if prefetch or arguments.has("--locked-mode") else tuple(locks),
        same_image=not prefetch,
    )


class _Projects:
    """Follows solutions and project files."""

    def __init__(self, files: Collector) -> None:
        self.files = files
        self.seen: set[str] = set()

    def add(self, path: str, named_by: str) -> None:
        path = self.files.at(path)
        if path in self.seen:
            return
        self.seen.add(path)
        text = self.files.text(path, named_by)
        if path.endswith(".sln"):
            for place in _SOLUTION_LINE.findall(text):
                if place.endswith("proj"):
                    self.add(join(parent(path), place.replace("\\", "/")), path)
            return
        if path.endswith("proj"):
            folder = parent(path)
            self.files.writes(join(folder, "obj"))
            self.files.optional(join(folder, "packages.lock.json"))
            for above in _settings_above(self.files, folder):
                if above.endswith((".props", ".targets")):
                    self.add(above, path)
        self._read(path, text)

    def _read(self, path: str, text: str) -> None:
        if "[System.IO" in text or _OUTPUT_SETTINGS.search(text):
            raise RefusedError(f"{path} computes what it reads or where it writes")
        for element in parse(text, path).iter():
            kind = name(element)
            attributes = element.attrib
            if kind == "ProjectReference":
                for place in attributes.get("Include", "").split(";"):
                    if place.strip():
                        self.add(self._place(path, place.strip()), path)
            elif kind == "Project" and "Path" in attributes:
                self.add(self._place(path, attributes["Path"]), path)
            elif kind == "Import" and "Sdk" not in attributes:
                self._import(path, attributes.get("Project", ""), "Condition" in attributes)
            elif "Exists(" in attributes.get("Condition", "") and kind != "Import":
                raise RefusedError(f"{path} asks whether a file exists: {attributes['Condition']}")

    def _import(self, path: str, place: str, conditional: bool) -> None:
        if found := _ABOVE_CALL.fullmatch(place):
            folder = parent(path)
            for above in ancestors(self.files.view, folder):
                for imported in self.files.optional(join(above, found.group(1))):
                    self.add(imported, path)
            return
        place = self._place(path, place)
        if not conditional or self.files.view.is_file(place):
            self.add(place, path)

    def _place(self, path: str, place: str) -> str:
        place = place.replace("\\", "/")
        for own in ("$(MSBuildThisFileDirectory)", "$(MSBuildProjectDirectory)/"):
            place = place.removeprefix(own)
        if any(sign in place for sign in ("$(", "*", "?", "@(", "%")):
            raise RefusedError(f"{path} computes a path: {place}")
        return self.files.at(join(parent(path), place))


def _start(files: Collector, named: list[str], tool: str) -> str:
    """Return the project or solution that the command works on."""
    place = files.at(named[0]) if named else "."
    if not files.view.is_dir(place):
        return place
    found = [
        path
        for path in files.view.files(place)
        if path.endswith((".sln", ".slnx", *_PROJECTS)) and parent(files.at(path)) == place
    ]
    if len(found) != 1:
        raise RefusedError(f"{tool} finds {len(found)} project files in {place}")
    return found[0]


def _settings_above(files: Collector, folder: str) -> list[str]:
    """Add the settings of a folder and of those above, and the package folders that they name."""
    found = []
    for directory in (folder, *ancestors(files.view, folder)):
        for path in files.optional(*(join(directory, each) for each in _ABOVE)):
            found.append(path)
            if path.lower().endswith("nuget.config"):
                _sources(files, path)
    return found


def _sources(files: Collector, path: str) -> None:
    for sources in parse(files.text(path, path), path).iter():
        if name(sources) not in ("packageSources", "fallbackPackageFolders", "config"):
            continue
        for source in sources:
            place = source.attrib.get("value", "").replace("\\", "/")
            if name(sources) == "config" and source.attrib.get("key") in (
                "globalPackagesFolder",
                "repositoryPath",
            ):
                files.writes(join(parent(path), place))
            elif name(source) == "add" and name(sources) != "config" and "://" not in place:
                files.directory(join(parent(path), place), path)


def _restore(invocation: Invocation, arguments: Arguments, named: list[str]) -> tuple[str, ...]:
    return (*invocation.program, "restore", *named, *arguments.spelled(_RESTORES))
