"""What Gradle reads before it compiles: the build scripts, as far as they name what they read."""

from __future__ import annotations

import re

from optimizer.manifests.base import (
    Collector,
    Invocation,
    Needs,
    ProjectFiles,
    RefusedError,
    join,
    refuse_above,
)
from optimizer.manifests.options import Grammar

_GRAMMAR = Grammar(
    flags="""
        --no-daemon --daemon -q|--quiet -i|--info -d|--debug -s|--stacktrace -S|--full-stacktrace
        -w|--warn --parallel --no-parallel --build-cache --no-build-cache --configuration-cache
        --no-configuration-cache --refresh-dependencies --rerun-tasks --continue --scan --no-scan
        --offline --no-watch-fs --watch-fs -a|--no-rebuild -m|--dry-run -v|--version -h|--help
        -U|--refresh-keys
    """,
    values="""
        --console --warning-mode -x|--exclude-task -p|--project-dir -b|--build-file -c|--settings-file
        -g|--gradle-user-home --max-workers -I|--init-script --include-build --project-cache-dir --tests
        -M|--write-verification-metadata -F|--dependency-verification
    """,
    prefixes="-P -D",
)
_KEPT = ("--no-daemon", "--quiet", "--console", "--warning-mode", "--gradle-user-home", "-P", "-D")
_NAMES_NOTHING = frozenset({"clean", "wrapper", "help", "tasks", "projects", "properties", "init"})
_PROJECT = ("build.gradle", "build.gradle.kts", "gradle.properties", "gradle.lockfile")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_INCLUDE = re.compile(r"\binclude(Build)?\b\s*\(?((?:\s*['\"][^'\"]*['\"]\s*,?)*)")
_APPLY_FROM = re.compile(r"\bapply\s*\(?\s*from\s*[:=]\s*(?:(['\"])([^'\"$]+)\1)?")
_READS = re.compile(
    r"\b(?:files?|fileTree|flatDir|eachDir|eachFile|exec|execute|commandLine|readText|readLines|inputStream"
    r"|newReader|loadProperties|projectDir|uri|includeFlat|load|settingsDir)\b(?=\s*[({.=])"
    r"|\bFile\b\s*\(|\.text\b|\bflatDir\b|\bcompile\s+files?\b"
)
_HISTORY = re.compile(r"['\"][\w.-]*(?:git|release|versioning|semver|scm)[\w.-]*['\"]", re.IGNORECASE)


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what `gradle dependencies` reads; a build is prepared by it. None where nothing is resolved.

    Raises RefusedError where a build script may read a file that it does not plainly name.
    """
    tasks = [word for word in invocation.arguments if word is not None and not word.startswith("-")]
    if not tasks or all(task in _NAMES_NOTHING for task in tasks):
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    arguments.refuse("--offline", "--build-file", "--settings-file", "--init-script", "--include-build")
    if view is None:
        raise RefusedError("gradle reads every build script, and there is no build context to look at")

    files = Collector(view)
    base = files.at(arguments.last("--project-dir") or ".")
    refuse_above(view, base, ("settings.gradle", "settings.gradle.kts"), "gradle")
    if invocation.program[-1].endswith("gradlew"):
        files.require(invocation.program[-1], "the wrapper")
        files.require(join(base, "gradle/wrapper/gradle-wrapper.properties"), "the wrapper")
        files.require(join(base, "gradle/wrapper/gradle-wrapper.jar"), "the wrapper")
    if view.is_dir(join(base, "gradle")):
        files.directory(join(base, "gradle"), "gradle")
    projects = ["."]
    for path in files.optional(*(join(base, name) for name in ("settings.gradle", "settings.gradle.kts"))):
        projects += _settings(files, base, path)
    if view.is_dir(join(base, "buildSrc")):
        files.directory(join(base, "buildSrc"), "gradle")
        files.writes(join(base, "buildSrc/.gradle"), join(base, "buildSrc/build"))
    scripts = [
        path
        for project in projects
        for path in files.optional(*(join(base, f"{project}/{name}") for name in _PROJECT))
        if path.endswith((".gradle", ".kts"))
    ]
    if not scripts:
        raise RefusedError("gradle needs build.gradle, which is not among the copied files")
    for path in scripts:
        _script(files, base, path)
    files.writes(join(base, ".gradle"), join(base, "build"))
    names = [f":{project.replace('/', ':')}:dependencies" for project in projects[1:]]
    where = arguments.spelled(("--project-dir",))
    prefetch = (*invocation.program, *where, *arguments.spelled(_KEPT), "dependencies", *names)
    files.note("gradle dependencies reads the build scripts; it fetches the wrapper's Gradle, plugins and metadata")
    is_move = arguments.operands == ("dependencies",)
    return Needs(
        "gradle",
        files.paths(),
        tuple(files.evidence),
        () if is_move else (prefetch,),
        tuple(files.outputs),
        same_image=is_move,
    )


def _settings(files: Collector, base: str, path: str) -> list[str]:
    """Return the directories of the projects that the settings include; add the builds that they include."""
    text = _checked(files, path)
    projects = []
    for is_build, names in _INCLUDE.findall(text):
        literals = re.findall(r"['\"]([^'\"]*)['\"]", names)
        if not literals or any("$" in literal for literal in literals):
            raise RefusedError(f"{path} includes what it does not plainly name")
        for literal in literals:
            if is_build:
                files.directory(join(base, literal), path)
                continue
            parts = literal.strip(":").split(":")
            projects += ["/".join(parts[: length + 1]) for length in range(len(parts))]
            files.note(f"{path} includes {literal}")
    return list(dict.fromkeys(projects))


def _script(files: Collector, base: str, path: str) -> None:
    """Check a build script, and add the scripts that it applies."""
    text = _checked(files, path)
    if plugin := _HISTORY.search(text):
        raise RefusedError(f"{path} may read the repository's history through {plugin.group()}")
    for _, applied in _APPLY_FROM.findall(text):
        if not applied:
            raise RefusedError(f"{path} applies a script that it does not plainly name")
        if "://" not in applied and join(base, applied) not in files.found:
            _script(files, base, files.require(join(base, applied), path))


def _checked(files: Collector, path: str) -> str:
    text = files.text(path, "gradle")
    text = _COMMENT.sub(lambda found: found.group() if found.group()[0] in "\"'" else " ", text)
    if reads := _READS.search(text):
        raise RefusedError(f"{path} may read other files: {reads.group().strip()}")
    return text
