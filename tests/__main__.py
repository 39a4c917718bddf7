"""Runs the tests in an environment made from poetry.lock: `python3 -m tests [pytest's arguments]`.

Needs Python 3.11 or newer with pip. Poetry, in an environment of its own, says what the lock pins;
pip installs it, so that the machine's own settings for pip hold (Poetry reads none of them, and not
every mirror serves what it asks for).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POETRY = ("poetry==2.5.1", "poetry-plugin-export==1.10.1")
SCRIPTS = "Scripts" if os.name == "nt" else "bin"


def main() -> int:
    environment = ROOT / ".venv"
    if sys.version_info < (3, 11):  # noqa: UP036 - this module is what an older Python meets
        sys.exit(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: python3.11 -m tests")
    try:
        prepare(environment)
    except subprocess.CalledProcessError as error:
        sys.exit(f"The environment {environment} is not ready: this failed: {' '.join(map(str, error.cmd))}")
    return subprocess.call([environment / SCRIPTS / "python", "-m", "pytest", *sys.argv[1:]], cwd=ROOT)


def prepare(environment: Path) -> None:
    """Makes the environment hold what poetry.lock pins; does nothing when it already does."""
    pinned = [(ROOT / name).read_bytes() for name in ("poetry.lock", "pyproject.toml")]
    wanted = hashlib.sha256(b"\0".join([sys.version.encode(), *pinned])).hexdigest()
    stamp = environment / "installed-from.sha256"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Making {environment} from poetry.lock", file=sys.stderr)
    poetry = ROOT / ".poetry"
    pip_install(poetry, *POETRY)
    run_poetry: list[str | Path] = [poetry / SCRIPTS / "python", "-m", "poetry", "--directory", ROOT]
    run([*run_poetry, "check", "--lock"])
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        run([*run_poetry, "export", "--all-groups", "--all-extras", "--output", requirements])
        pip_install(environment, "--require-hashes", "--no-deps", "--requirement", requirements)
    run([*run_poetry, "install", "--only-root"], VIRTUAL_ENV=str(environment))
    stamp.write_text(wanted)


def pip_install(environment: Path, *arguments: str | Path) -> None:
    """Installs with the pip that runs this Python, into an environment that needs none of its own."""
    if find_spec("pip") is None:
        sys.exit("pip is missing: install it (Debian, Ubuntu: apt-get install python3-pip)")
    settings = environment / "pyvenv.cfg"
    if not settings.is_file() or sys.version.split()[0] not in settings.read_text():
        venv.create(environment, clear=True)
    python = environment / SCRIPTS / "python"
    run([sys.executable, "-m", "pip", "-qq", "--python", python, "install", *arguments])


def run(command: list[str | Path], **variables: str) -> None:
    """Runs a command in the checkout; what it prints is progress."""
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr, env={**os.environ, **variables})


if __name__ == "__main__":
    sys.exit(main())
