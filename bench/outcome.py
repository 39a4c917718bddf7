"""What came of a build, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

_UNSEEN = (
    # what a fix may take away or leave: caches and the settings of their owners
    "var/lib/apt",
    "var/cache",
    "root/.cache",
    "root/.npm",
    "etc/apt/apt.conf.d",
    "usr/local/cargo",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a build came to. `files`: path to mode and content; `started`: what the container said."""

    status: str  # "built", "failed" or "not executed"
    reason: str = ""
    files: dict[str, str] = field(default_factory=dict)
    caches: dict[str, tuple[str, ...]] = field(default_factory=dict)
    output: str = ""
    started: str = ""


def difference(before: Outcome, after: Outcome) -> str:
    """How the second build differs from the first as far as a user can see; empty: not at all."""
    if before.status != after.status:
        return f"{before.status} before, {after.status} after{after.reason and ': '}{after.reason}"
    if before.status != "built":
        return ""
    changed = sorted(
        path for path in before.files.keys() | after.files.keys() if before.files.get(path) != after.files.get(path)
    )
    if changed:
        path = changed[0]
        was, now = before.files.get(path, "nothing"), after.files.get(path, "nothing")
        return f"/{path}: {_short(was)} before, {_short(now)} after"
    if before.output != after.output:
        return f"output: {_short(before.output)} before, {_short(after.output)} after"
    if before.started and after.started and before.started != after.started:
        return f"start: {_short(before.started)} before, {_short(after.started)} after"
    emptied = [target for target, kept in before.caches.items() if kept and after.caches.get(target) == ()]
    return f"the cache mounted on {emptied[0]} is emptied" if emptied else ""


def files(root: Path) -> dict[str, str]:
    """Mode and content of everything below the root that a user can see."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith(_UNSEEN):
            continue
        mode = oct(path.lstat().st_mode & 0o7777)[2:]
        content = "folder" if path.is_dir() else path.read_text(errors="replace").replace(str(root), "")
        found[name] = f"{mode} {content}"
    return found


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"«{line[:60]}…»" if len(line) > 60 else f"«{line}»"
