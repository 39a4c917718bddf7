"""The real projects that dockopt is measured on, as projects.toml lists them, and how to get one."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path

from msgspec import Struct, convert, field

LIST = Path(__file__).parent / "projects.toml"


class Unobtainable(Exception):
    """A project, or a base image of it, cannot be had; the message says why."""


class Project(Struct, frozen=True, forbid_unknown_fields=True):
    """A project at one commit, and how its image is built.

    `benches` are those that it serves; where `reason` says why its image cannot be built as it stands, none means all
    of them. `series` is the one in which it was chosen. `size` (bytes) and `seconds` are those of the original image,
    when it was chosen; 0 where it was not built then.
    """

    name: str
    url: str
    commit: str
    ecosystem: str
    series: str = "tuned"
    benches: tuple[str, ...] = ()
    dockerfile: str = "Dockerfile"
    args: tuple[str, ...] = ()
    smoke: tuple[str, ...] = ()
    stand_ins: dict[str, str] = field(default_factory=dict)  # the base image that it names: what takes its place
    size: int = 0
    seconds: float = 0
    reason: str = ""


class Listed(Struct, frozen=True, forbid_unknown_fields=True):
    """projects.toml: what each series is, in words, and the projects in the order in which they are shown."""

    series: dict[str, str]
    project: tuple[Project, ...]


def listed() -> Listed:
    """All that stands in projects.toml."""
    with LIST.open("rb") as file:
        return convert(tomllib.load(file), Listed)


def load(bench: str, only: str = "", series: str = "") -> list[Project]:
    """The projects of a bench, and those whose image cannot be built, with this in their name.

    :param series: only those of this one; "" stands for all.
    """
    return [
        each
        for each in listed().project
        if (bench in each.benches or (each.reason and not each.benches))
        and only in each.name
        and series in ("", each.series)
    ]


def unseen(bench: str, names: Collection[str], series: str = "") -> list[str]:
    """A paragraph that names the projects of a bench that no result is there of; none where all have one."""
    missing = [each.name for each in load(bench, series=series) if each.name not in names]
    return [f"Not built yet: {', '.join(missing)}."] if missing else []


def checkout(project: Project, mirror: Path | None, folder: Path) -> Path:
    """The project's files at its commit, with its history, in a folder of its own.

    :param mirror: a folder with a clone of each, OWNER+NAME; without it they come from their public address.
    :raises Unobtainable: where it cannot be had.
    """
    place = folder / project.name
    if not place.exists():
        source = project.url
        if mirror is not None:
            source = str(mirror / "+".join(project.url.split("/")[-2:]))
            source += "/repo" if Path(source, "repo").is_dir() else ""
        _run("git", "clone", "--quiet", "--no-checkout", source, str(place))
    # filters and hooks of the project are not run
    git = ("git", "-C", str(place), "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
    _run(*git, "checkout", "--quiet", "--force", "--detach", project.commit)
    _run(*git, "clean", "--quiet", "-ffdx")
    return place


def stand_in(project: Project) -> None:
    """Give base images that the machine lacks the names of what stands in for them.

    :raises Unobtainable: where that is missing as well.
    """
    for name, present in project.stand_ins.items():
        if subprocess.run(("docker", "image", "inspect", name), capture_output=True, check=False).returncode:
            _run("docker", "tag", present, name)


def _run(*command: str) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Unobtainable(f"{' '.join(command[:2])}: {_last(ended.stderr.splitlines())}")


def _last(lines: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "no word why")
