"""The builds that CI files run: scripts of GitLab CI and GitHub Actions, and docker/build-push-action."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optimizer.discovery.build import Build, Fields, build, get, read, read_yaml
from optimizer.discovery.script import Place, beside, mentions_builder, script_builds
from optimizer.problem import Problem

_ROOT = re.compile(r"\$\{?(?:CI_PROJECT_DIR|GITHUB_WORKSPACE)\b\}?|\$\{\{ *github\.workspace *\}\}")


def ci_builds(path: Path, root: Path) -> Iterator[Build | Problem]:
    """The builds of one CI file; its scripts start in the repository's root."""
    text = read(path)
    if isinstance(text, str) and not mentions_builder(text):
        return
    if isinstance(text, str):
        text = _ROOT.sub(str(root.absolute()).replace("\\", r"\\"), text)
    documents = read_yaml(path, text) if isinstance(text, str) else text
    if isinstance(documents, Problem):
        yield documents
        return
    reader = _Reader(path, root)
    for document in documents:
        reader.before = _lines(get(document, "before_script") or get(get(document, "default"), "before_script"))
        yield from reader.builds(document, Place(path, root))


class _Reader:
    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.root = root
        self.before: list[str] = []
        self.seen: set[int] = set()

    def builds(self, node: Any, place: Place) -> Iterator[Build]:
        """The builds below a node of the file, each anchor looked at once."""
        if isinstance(node, str):
            yield from script_builds(node, place)
        if not isinstance(node, list | Mapping) or id(node) in self.seen:
            return
        self.seen.add(id(node))
        if isinstance(node, list):
            yield from script_builds("\n".join(_lines(node)), place)
            for each in node:
                if not isinstance(each, str):
                    yield from self.builds(each, place)
            return
        if (made := self._action(node)) is not None:
            yield made
        folder = get(node, "working-directory") or get(get(get(node, "defaults"), "run"), "working-directory")
        if folder is not None:
            place = Place(self.path, self.root).moved(folder if isinstance(folder, str) else None)
        if "script" in node:  # a job of GitLab: one shell runs both
            before = _lines(node["before_script"]) if "before_script" in node else self.before
            yield from script_builds("\n".join([*before, *_lines(node["script"])]), place)
        for key, each in node.items():
            if key not in ("before_script", "script"):
                yield from self.builds(each, place)

    def _action(self, step: Mapping[str, Any]) -> Build | None:
        uses, given = step.get("uses"), step.get("with")
        if not isinstance(uses, str) or not uses.startswith("docker/build-push-action@"):
            return None
        file, args = get(given, "file"), get(given, "build-args")
        fields = Fields(
            get(given, "context") or ".",
            beside(self.root, file) if isinstance(file, str) else None,
            get(given, "target"),
            args.splitlines() if isinstance(args, str) else None,
        )
        return build(self.path, self.root, fields)


def _lines(script: Any) -> list[str]:
    """The lines of a script that is a text or a list of texts."""
    return [line for line in (script if isinstance(script, list) else [script]) if isinstance(line, str)]
