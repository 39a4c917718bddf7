"""Which files to change for a measurement: what people change, and what they change now and then."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch

from optimizer.dockerignore import Ignore
from optimizer.verify.history import History, HistoryError

MANIFESTS = (
    "requirements*.txt", "pyproject.toml", "setup.py", "Pipfile", "package.json", "go.mod", "Cargo.toml", "pom.xml",
    "build.gradle", "build.gradle.kts", "*.csproj", "composer.json", "Gemfile", "CMakeLists.txt", "meson.build",
)  # fmt: skip
"""Names of files that say what a program needs; lock files are not among them, a blank line may break those."""
SOURCES = (
    "*.py", "*.js", "*.ts", "*.tsx", "*.jsx", "*.mjs", "*.vue", "*.go", "*.rs", "*.java", "*.kt", "*.cs", "*.php",
    "*.rb", "*.c", "*.cc", "*.cpp", "*.h", "*.sh", "*.html", "*.css", "*.md",
)  # fmt: skip
"""Names of sources in which blank lines behind the end mean nothing; what is most likely a program first."""
TRIED = 5
"""Files that are tried until one plays a part in the image."""
_LOOKED_AT = 20_000


def candidates(context: str, rules: Iterable[Ignore]) -> tuple[Sequence[str], Sequence[str]]:
    """Sources and manifests that the builder sees under all the rules, the best to change first."""
    rules = tuple(rules)
    files = [path for path in _files(context) if not any(each.excludes(path) for each in rules)]
    try:
        changes = History(context).changes()
    except HistoryError:
        changes = Counter()
    manifests = _best(files, MANIFESTS, changes)
    return _best([path for path in files if path not in manifests], SOURCES, changes), manifests


def _best(paths: Iterable[str], patterns: Sequence[str], changes: Counter[str]) -> list[str]:
    """The paths whose names match: those that change most often, then by the pattern, then the highest up."""
    ranked = []
    for path in paths:
        name = path.rpartition("/")[2]
        kind = next((number for number, pattern in enumerate(patterns) if fnmatch(name, pattern)), None)
        if kind is not None:
            ranked.append((-changes[path], kind, path.count("/"), path))
    return [path for *_, path in sorted(ranked)[:TRIED]]


def _files(context: str) -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(context):
        folders[:] = sorted(set(folders) - {".git", "node_modules", ".venv", "__pycache__"})
        paths = (os.path.join(folder, name) for name in files)
        found += (os.path.relpath(path, context) for path in paths if not os.path.islink(path))
        if len(found) > _LOOKED_AT:
            break
    return found
