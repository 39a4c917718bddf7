"""What users install: the wheel and the sdist, by the programs that install them, in environments of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y libpq5\nADD app.py /app/\n"


def run(command: list[str | Path], **variables: str) -> str:
    environment = {**os.environ, **variables}
    environment.pop("PYTHONPATH", None)
    seen = subprocess.run(command, capture_output=True, text=True, env=environment)
    if seen.returncode and ("Could not find a version" in seen.stderr or "error sending request" in seen.stderr):
        pytest.skip(f"the package index cannot be reached: {command[0]}")
    assert seen.returncode == 0, seen.stdout + seen.stderr
    return seen.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this checkout."""
    folder = tmp_path_factory.mktemp("packages")
    poetry = ROOT / ".poetry" / "bin" / "python"
    if not poetry.exists():
        pytest.skip("poetry is not there: python3 -m tests makes it")
    run([poetry, "-m", "poetry", "--directory", ROOT, "build", "--quiet", "--output", folder])
    return folder


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def with_pip(package: Path, python: str, folder: Path) -> Path:
    run([python, "-m", "venv", folder])
    run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", package])
    return folder / "bin" / "dockopt"


def with_pipx(package: Path, python: str, folder: Path) -> Path:
    venv.create(folder / "tool", with_pip=True)
    run([folder / "tool" / "bin" / "python", "-m", "pip", "install", "--quiet", "pipx"])
    homes = {"PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    run([folder / "tool" / "bin" / "pipx", "install", "--python", python, package], **homes)
    return folder / "bin" / "dockopt"


def with_uv(package: Path, python: str, folder: Path) -> Path:
    venv.create(folder / "tool", with_pip=True)
    run([folder / "tool" / "bin" / "python", "-m", "pip", "install", "--quiet", "uv"])
    homes = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
    run([folder / "tool" / "bin" / "uv", "tool", "install", "--quiet", "--python", python, package], **homes)
    return folder / "bin" / "dockopt"


INSTALLS: dict[str, tuple[Callable[[Path, str, Path], Path], str]] = {
    "pip, wheel": (with_pip, "*.whl"),
    "pip, sdist": (with_pip, "*.tar.gz"),
    "pipx, wheel": (with_pipx, "*.whl"),
    "uv, wheel": (with_uv, "*.whl"),
}


def pythons() -> Iterator[str]:
    """This Python and those of the other versions that are promised, where the machine has them."""
    yield sys.executable
    for minor in range(11, 15):
        name = f"python3.{minor}"
        managed = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}"))
        for found in (shutil.which(name), *map(str, managed)):
            if minor != sys.version_info.minor and found and not subprocess.call([found, "-c", ""], stderr=DEVNULL):
                yield found
                break


CASES = [("pip, wheel", python) for python in pythons()]
CASES += [(install, sys.executable) for install in INSTALLS if install != "pip, wheel"]


@pytest.mark.parametrize(("install", "python"), CASES, ids=[f"{how}, {Path(what).name}" for how, what in CASES])
def test_it_installs_and_works(install: str, python: str, packages: Path, tmp_path: Path) -> None:
    how, pattern = INSTALLS[install]
    dockopt = how(one(packages, pattern), python, tmp_path / "installed")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    assert run([dockopt, "--version"]).startswith("dockopt ")
    assert "+COPY app.py /app/" in run([dockopt, "fix", tmp_path / "Dockerfile"])
    assert "multi_stage" in run([dockopt, "explain"])
    for form in ("html", "sarif", "json", "gitlab"):  # with what lies beside the modules
        assert "copy_over_add" in run([dockopt, "fix", "--format", form, tmp_path / "Dockerfile"])


def test_the_wheel_has_what_it_needs_and_no_more(packages: Path) -> None:
    names = zipfile.ZipFile(one(packages, "*.whl")).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"optimizer", "transforms"}
    for needed in (
        "optimizer/py.typed", "transforms/py.typed", "optimizer/report/static/report.html",
        "optimizer/report/static/report.css", "optimizer/runtime_packages/data/debian.txt",
    ):  # fmt: skip
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".log"))]
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def test_the_sdist_can_be_built_again(packages: Path) -> None:
    with tarfile.open(one(packages, "*.tar.gz")) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names
