"""Runs scripts for real: apart, as RUNs of their own would run, and joined. Only scripts of tests/shell/family.py."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DEPTH = "r/1/2/3/4/5/6/7/8/w"  # where a script starts: deep enough that its few `cd ..` stay inside


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a build could see: the exit status, standard output, and the files with modes and contents."""

    status: str
    output: str
    files: tuple[tuple[str, int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """Scripts that run one after the other, and the one that they were joined into."""

    scripts: tuple[str, ...]
    joined: str


def outcomes(cases: Sequence[Case], shell: Sequence[str], folder: Path) -> list[tuple[Outcome, Outcome]]:
    """What each case leaves behind run apart, and joined. One driver runs them all, each script in a new shell."""
    driver: list[str] = []
    for number, case in enumerate(cases):
        apart = [" ".join(map(shlex.quote, [*shell, script])) for script in case.scripts]
        joined = " ".join(map(shlex.quote, [*shell, case.joined]))
        for name, command in (("apart", " && ".join(apart)), ("joined", joined)):
            top = folder / f"{number}-{name}"
            start = top / DEPTH
            for made in ("d/e", "p1", "p2"):
                (start / made).mkdir(parents=True)
            tool = start / "p2" / "tool"
            tool.write_text("echo two\n")
            tool.chmod(0o755)
            place, log = shlex.quote(str(start)), shlex.quote(str(top))
            driver.append(f"( cd {place}; W={place} PATH={place}/p1:{place}/p2:$PATH; export W PATH; umask 022;")
            driver.append(f"exec >{log}/out 2>{log}/err </dev/null; {command}; echo $? >{log}/status )")
    script = folder / "driver"
    script.write_text("\n".join(driver) + "\n")
    subprocess.run(["dash", str(script)], check=True, timeout=120, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    return [
        (_outcome(folder / f"{number}-apart"), _outcome(folder / f"{number}-joined")) for number in range(len(cases))
    ]


def _outcome(top: Path) -> Outcome:
    root = top / DEPTH.split("/", maxsplit=1)[0]
    files = []
    for path in sorted(root.rglob("*")):
        mode = path.stat().st_mode
        content = path.read_bytes() if path.is_file() else b""
        files.append((str(path.relative_to(root)), mode, content))
    return Outcome((top / "status").read_text(), (top / "out").read_text(), tuple(files))
