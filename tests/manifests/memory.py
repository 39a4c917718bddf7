"""A project in memory, as the readers of manifests see it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from posixpath import normpath

from optimizer.manifests import Needs, Unsafe, needs

Project = Mapping[str, str]


class Memory:
    """Files of an image below /app by their path relative to /app; `workdir` is where the command runs."""

    def __init__(self, texts: Project, workdir: str = "/app") -> None:
        self.workdir = workdir
        self._texts = {normpath(f"/app/{path}"): text for path, text in texts.items()}

    def _path(self, path: str) -> str:
        return normpath(f"{self.workdir}/{path}")

    def read(self, path: str) -> str | None:
        return self._texts.get(self._path(path))

    def is_file(self, path: str) -> bool:
        return self._path(path) in self._texts

    def is_dir(self, path: str) -> bool:
        folder = self._path(path)
        return folder == "/app" or any(file.startswith(f"{folder}/") for file in self._texts if folder != "/")

    def files(self, under: str = "") -> Iterator[str]:
        folder = self._path(under)
        for file in self._texts:
            if file.startswith(f"{folder}/"):
                rest = file[len(folder) + 1 :]
                yield rest if under in ("", ".") else f"{under.rstrip('/')}/{rest}"


def ask(command: str, project: Project | None, workdir: str = "/app", **environment: str | None) -> object:
    """Ask what a command written as in a shell needs of a project."""
    view = None if project is None else Memory(project, workdir)
    return needs(shlex.split(command), view, environment)


def found(command: str, project: Project | None, workdir: str = "/app", **environment: str | None) -> Needs:
    """Ask, and expect an answer."""
    answer = ask(command, project, workdir, **environment)
    assert isinstance(answer, Needs), answer
    return answer


def refused(command: str, project: Project | None, workdir: str = "/app", **environment: str | None) -> str:
    """Ask, and expect a refusal; return its reason."""
    answer = ask(command, project, workdir, **environment)
    assert isinstance(answer, Unsafe), answer
    assert answer.paragraph == "semantics 5"
    return answer.reason
