"""Runs scripts for real: apart, as RUNs of their own would run, and joined. Only scripts of tests/shell/family.py."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FATAL = re.compile(rb"unbound variable|unset$|readonly variable|division by 0", re.MULTILINE)


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
    tool = folder / "p2" / "tool"
    tool.parent.mkdir()
    tool.write_text("echo two\n")
    tool.chmod(0o755)
    driver = ["umask 022"]
    for number, case in enumerate(cases):
        apart = [" ".join(map(shlex.quote, [*shell, script])) for script in case.scripts]
        joined = " ".join(map(shlex.quote, [*shell, case.joined]))
        for name, command in (("apart", " && ".join(apart)), ("joined", joined)):
            top = f"{folder}/{number}-{name}"
            for made in (top, f"{top}/w", f"{top}/w/d", f"{top}/w/p1"):
                os.mkdir(made)
            driver.append(f"( cd {top}/w; W={top}/w PATH={top}/w/p1:{folder}/p2:$PATH; export W PATH")
            driver.append(f"exec >{top}/out 2>{top}/err </dev/null; {command}; echo $? >{top}/status )")
    script = folder / "driver"
    script.write_text("\n".join(driver) + "\n")
    subprocess.run(["dash", str(script)], check=True, timeout=120, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    return [(_outcome(f"{folder}/{n}-apart"), _outcome(f"{folder}/{n}-joined")) for n in range(len(cases))]


def _outcome(top: str) -> Outcome:
    files: list[tuple[str, int, bytes]] = []
    for parent, folders, names in os.walk(f"{top}/w"):
        for name in folders + names:
            path = f"{parent}/{name}"
            content = b"" if name in folders else _read(path)
            files.append((path.removeprefix(top), os.stat(path).st_mode, content))
    status = _read(f"{top}/status").decode()
    if status != "0\n" and _FATAL.search(_read(f"{top}/err")):
        status = "ended by bash itself\n"  # with 1, 2 or 127, as it stands
    return Outcome(status, _read(f"{top}/out").decode(), tuple(sorted(files)))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
