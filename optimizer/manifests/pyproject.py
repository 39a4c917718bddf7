"""What the Python project managers share: pyproject.toml and the local packages that it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from optimizer.manifests.base import (
    Collector,
    RefusedError,
    ancestors,
    is_self_or_parent,
    join,
    strings,
    table,
    toml_table,
)
from optimizer.manifests.requirements import follow_directory, follow_requirement

_VERSIONING = ("poetry-dynamic-versioning", "poetry-version-plugin", "poetry-git-version-plugin")


def load(files: Collector, base: str, tool: str) -> dict[str, Any]:
    """Add the pyproject.toml of a directory and return it.

    Raises RefusedError where it is missing, or lies in a project above that the tool may find.
    """
    path = join(base, "pyproject.toml")
    project = toml_table(files.text(path, tool), path)
    for above in ancestors(files.view, base):
        if files.view.is_file(join(above, "pyproject.toml")):
            raise RefusedError(f"{tool} may belong to the project in {join(above, 'pyproject.toml')}")
    return project


def direct_requirements(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the requirement strings of the standard tables."""
    yield from strings(table(project, "project").get("dependencies"))
    for tables in (table(project, "project", "optional-dependencies"), table(project, "dependency-groups")):
        for group in tables.values():
            yield from strings(group)


def follow_strings(files: Collector, requirements: Iterable[str], named_by: str) -> None:
    """Add the local packages among requirement strings."""
    for requirement in requirements:
        editable = requirement.startswith("-e ")
        follow_requirement(files, requirement.removeprefix("-e ").strip(), named_by, editable)


def follow_tables(files: Collector, base: str, dependencies: Iterable[Any], named_by: str) -> None:
    """Add the local packages among dependency tables (`{path = "../lib"}`, or a list of such).

    Raises RefusedError where one is the project itself.
    """
    for value in dependencies:
        for entry in value if isinstance(value, list) else [value]:
            place = table(entry).get("path", table(entry).get("file"))
            if not isinstance(place, str) or "://" in place:
                continue
            path = files.at(join(base, place))
            if is_self_or_parent(path) or path == base:
                raise RefusedError(f"{named_by} names the project itself as a dependency")
            if files.view.is_file(path):
                files.require(path, named_by)
            else:
                follow_directory(files, path, named_by)


def dynamic(project: Mapping[str, Any]) -> list[str]:
    """Return the fields that only a build of the project tells."""
    return strings(table(project, "project").get("dynamic"))


def refuse_versioning(project: Mapping[str, Any]) -> None:
    """Refuse a plugin that reads the version from the repository's history at each command."""
    tools = table(project, "tool")
    required = table(tools, "poetry", "requires-plugins")
    for name in _VERSIONING:
        if name in tools or name in required:
            raise RefusedError(f"{name} reads the repository whenever poetry runs")
