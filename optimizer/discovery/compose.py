"""The builds of Compose files. Source: the Compose Build Specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optimizer.discovery.build import Build, Fields, build, get, read, read_yaml
from optimizer.problem import Problem


def compose_builds(files: list[Path]) -> Iterator[Build | Problem]:
    """The builds of the Compose files of one folder.

    A file that overrides another says only what differs: a context and a Dockerfile that it does not name
    come from the other.
    """
    found: list[tuple[Path, str, Fields]] = []
    for path in sorted(files, key=lambda path: (len(path.name), path.name)):
        text = read(path)
        documents = read_yaml(path, text) if isinstance(text, str) else text
        if isinstance(documents, Problem):
            yield documents
            continue
        for document in documents:
            found += [(path, name, fields) for name, fields in _services(document)]
    for path, name, fields in found:
        others = [other for _, service, other in found if service == name]
        context = next((each.context for each in (fields, *others) if each.context is not None), None)
        dockerfile = next((each.dockerfile for each in (fields, *others) if each.dockerfile is not None), None)
        whole = Fields(context, dockerfile, fields.target, fields.args, fields.contexts)
        if made := build(path, path.parent, whole):
            yield made


def _services(document: Any) -> Iterator[tuple[str, Fields]]:
    services = get(document, "services")
    for name, service in services.items() if isinstance(services, Mapping) else ():
        given = get(service, "build")
        if isinstance(given, str):
            yield name, Fields(context=given)
        elif isinstance(given, Mapping) and get(given, "dockerfile_inline") is None:
            keys = ("context", "dockerfile", "target", "args", "additional_contexts")
            yield name, Fields(*(get(given, key) for key in keys))
