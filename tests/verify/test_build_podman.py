"""Podman and Buildah with images of their own: what they build is proved like what BuildKit builds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE = "debian:bookworm-slim"
STORE = '[storage]\ndriver = "{driver}"\ngraphroot = "{folder}/images"\nrunroot = "{folder}/run"\n'
# A machine that is a container itself may not raise limits.
LIMITS = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "{runtime}"\n'


@pytest.fixture(scope="module")
def settings(chosen: str) -> Iterator[Mapping[str, str]]:
    """The environment of a Podman with a store of its own, in which there is the base image that docker has."""
    if not shutil.which("podman", path=SYSTEM):
        pytest.skip("podman is not installed")
    if shutil.which("docker") is None:
        pytest.skip(f"there is no docker that has {BASE}")
    why = ""
    for driver in ("overlay", "vfs"):  # the first one is fast, the second one works everywhere
        folder = Path(tempfile.mkdtemp(prefix="podman-"))  # pytest's own would not go while something is mounted
        (folder / "storage.conf").write_text(STORE.format(driver=driver, folder=folder))
        runtime = "runc" if shutil.which("runc", path=SYSTEM) else "crun"
        (folder / "containers.conf").write_text(LIMITS.format(runtime=runtime))
        files = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}
        env = {"PATH": SYSTEM, **{name: str(folder / file) for name, file in files.items()}}
        with subprocess.Popen(["docker", "save", BASE], stdout=subprocess.PIPE) as saved:
            tried = podman(env, "load", stdin=saved.stdout)
        if tried.returncode == 0:
            tried = podman(env, "run", "--rm", "--network", "none", BASE, "true")
        if tried.returncode == 0:
            break
        why = tried.stderr.strip().splitlines()[-1]
        remove(env)
    else:
        pytest.skip(f"podman runs no containers here: {why}")
    yield env
    remove(env)


def remove(env: Mapping[str, str]) -> None:
    """Remove the store: its directory, and working containers of builds that were ended, are mounted."""
    podman(env, "system", "reset", "--force")
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    folder = str(Path(env["CONTAINERS_STORAGE_CONF"]).parent)
    for mount in reversed([mount for mount in mounts if mount.startswith(f"{folder}/")]):
        subprocess.run(["umount", mount], check=True)
    shutil.rmtree(folder)


def podman(env: Mapping[str, str], *words: str, stdin: object = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        ["podman", *words], stdin=stdin, capture_output=True, text=True, env={**os.environ, **env}, check=False
    )


RIGHT = f"FROM {BASE} AS made\nADD file /file\nFROM {BASE}\nCOPY --from=made /file /file\n"
HEALTH = f"{RIGHT}HEALTHCHECK CMD test -e /file\nCMD sleep 3061\n"


@pytest.mark.builds
@pytest.mark.parametrize(
    ("tool", "text", "options", "status", "says"),
    [
        ("podman", HEALTH, ["--no-measure", "--smoke", "cat /file"], 0, ":2  pass  copy_over_add"),
        ("podman", f"{RIGHT}RUN echo told >&2; exit 3\n", [], 5, "told"),
        ("podman", f"{RIGHT}RUN sleep 60\n", ["--timeout", "8"], 5, "the build took longer than 8 s (--timeout)"),
        ("podman", "FROM localhost/nosuch:1\nADD file /file\n", [], 5, "localhost/nosuch:1"),
        ("buildah", RIGHT, [], 0, ":2  pass  copy_over_add"),
        ("buildah", f"{RIGHT}RUN echo told >&2; exit 3\n", [], 5, "told"),
    ],
)
def test_is_proved(
    tool: str, text: str, options: Sequence[str], status: int, says: str, settings: Mapping[str, str], tmp_path: Path
) -> None:
    if not shutil.which(tool, path=SYSTEM):
        pytest.skip(f"{tool} is not installed")
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / "file").write_text("text\n")
    words = ["verify", str(tmp_path), "--builder", tool, *options]
    ended = subprocess.run(
        [sys.executable, "-m", "optimizer", *words],
        capture_output=True, text=True, env={**os.environ, **settings}, check=False, timeout=300,
    )  # fmt: skip
    assert ended.returncode == status, ended.stdout + ended.stderr
    assert says in ended.stdout
    assert "HEALTHCHECK was not run" not in ended.stdout
    assert "dockopt-verify-" not in podman(settings, "images", "--format", "{{.Repository}}").stdout
    assert podman(settings, "ps", "--all", "--quiet").stdout == ""
