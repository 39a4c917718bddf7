"""What goes wrong around a build: one clear line, exit status 5, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from optimizer.verify.builder import Builder, Options, Source, find
from optimizer.verify.owner import Owner

SLOW = "FROM debian:bookworm-slim\nADD file /file\nRUN echo begun && sleep {number}\n"
PATIENCE = 60.0


@pytest.fixture
def app(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a folder with a Dockerfile that copy_over_add changes."""

    def make(text: str) -> Path:
        folder = tmp_path / "app"
        folder.mkdir()
        (folder / "Dockerfile").write_text(text)
        (folder / "file").write_text("text\n")
        return folder

    return make


def start(folder: Path, *options: str, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "optimizer", "verify", str(folder), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env}
    )


def verify(folder: Path, *options: str, **env: str) -> tuple[int, str]:
    process = start(folder, *options, **env)
    output, _ = process.communicate(timeout=600)
    return process.returncode, output


def until(true: Callable[[], object], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def running(text: str) -> bool:
    """Whether some process's command line holds the text; those of containers are seen, too."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text.encode() in path.read_bytes().replace(b"\0", b" "):
                return True
    return False


def leftovers(process: subprocess.Popen[str]) -> list[str]:
    """Images, containers and folders that bear the name of this process's run."""
    found = [path.name for path in Path(tempfile.gettempdir()).iterdir()]
    for words in (["images", "--format", "{{.Repository}}"], ["ps", "--all", "--format", "{{.Names}}"]):
        found += subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout.split()
    return [name for name in found if (owner := Owner.of(name)) and owner.pid == process.pid]


@contextmanager
def building(folder: Path, number: int, *options: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A verification whose build is in the middle of its RUN."""
    process = start(folder, *options, **env)
    try:
        begun = until(lambda: running(f"sleep {number}") or process.poll() is not None)
        if not begun or process.poll() is not None:
            process.kill()
            pytest.fail(f"the build did not begin: {process.communicate()[0]}")
        yield process
    finally:
        process.kill()


def ends_in_good_order(process: subprocess.Popen[str], number: int) -> str:
    output, _ = process.communicate(timeout=PATIENCE)
    assert until(lambda: not running(f"sleep {number}"), 20), "the build goes on"
    assert leftovers(process) == []
    return output


def test_no_builder(app: Callable[[str], Path], tmp_path: Path) -> None:
    status, output = verify(app(SLOW.format(number=1)), PATH=str(tmp_path))
    assert status == 5
    assert "cannot be judged: no builder: docker is not installed; podman is not installed" in output


@pytest.mark.parametrize("command", [["verify"], ["fix", "--verify", "--in-place"]])
def test_nothing_is_rewritten_without_a_proof(
    app: Callable[[str], Path], tmp_path: Path, command: Sequence[str]
) -> None:
    folder = app(SLOW.format(number=1))
    before = (folder / "Dockerfile").read_text()
    ended = subprocess.run(
        [sys.executable, "-m", "optimizer", *command, str(folder)],
        capture_output=True, text=True, env={**os.environ, "PATH": str(tmp_path)}, check=False,
    )  # fmt: skip
    assert ended.returncode == 5
    assert (folder / "Dockerfile").read_text() == before


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
def test_a_daemon_that_is_not_running(app: Callable[[str], Path], tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/none.sock"
    status, output = verify(app(SLOW.format(number=1)), "--builder", "docker", DOCKER_HOST=host)
    assert status == 5
    assert "the docker daemon does not answer: is it running?" in output
    assert "none.sock" in output


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("FROM nosuch.invalid/base:1\nADD file /\n", "already fails before any rewrite", "nosuch.invalid"),
        ("FROM debian:bookworm-slim\nADD file /\nRUN echo told >&2; exit 3\n", "already fails before", "told"),
        ("FROM debian:bookworm-slim\nADD file /\nRUN sleep 3011\n", "took longer than 8 s (--timeout)", ""),
        (
            "FROM debian:bookworm-slim\nADD file /\n"
            "RUN --mount=type=tmpfs,target=/small,size=1048576 dd if=/dev/zero of=/small/file bs=1M count=9\n",
            "already fails before any rewrite",
            "No space left on device",
        ),
    ],
    ids=["base", "fails", "timeout", "full"],
)
def test_a_build_that_cannot_be_judged(app: Callable[[str], Path], text: str, message: str, line: str) -> None:
    process = start(app(text), "--timeout", "8")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 5
    assert f"cannot be judged: the build {message}" in output
    assert line in output
    assert leftovers(process) == []
    assert until(lambda: not running("sleep 3011"), 20)


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
def test_a_smoke_command_that_fails_from_the_start_proves_nothing(app: Callable[[str], Path]) -> None:
    status, output = verify(app("FROM debian:bookworm-slim\nADD file /\n"), "--smoke", "cat /none")
    assert status == 5
    assert "cannot be judged: --smoke 'cat /none' already fails before the rewrite (status 1)" in output
    assert "No such file" in output


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, 3021), (signal.SIGTERM, 3022)])
def test_being_told_to_stop(app: Callable[[str], Path], number: signal.Signals, word: int) -> None:
    with building(app(SLOW.format(number=word)), word) as process:
        process.send_signal(number)
        output = ends_in_good_order(process, word)
    assert process.returncode == 128 + number
    assert "interrupted: nothing is left running" in output


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
def test_a_builder_that_is_killed(app: Callable[[str], Path]) -> None:
    with building(app(SLOW.format(number=3031)), 3031) as process:
        for child in children(process.pid):
            os.kill(child, signal.SIGKILL)
        output = ends_in_good_order(process, 3031)
    assert process.returncode == 5
    assert "was ended by a signal" in output


KILLED = """
import os, signal, sys
from optimizer.verify.builder import Limits, Options, Source, find
with find(sys.argv[1], Options()) as builder:
    built = builder.build(Source('FROM debian:bookworm-slim\\nCMD sleep 3051\\n', None))
    builder.start(built, Limits())
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.builds
def test_what_a_killed_run_left_behind_is_cleared_up_by_the_next_one(chosen: str, builder: Builder) -> None:
    """And nothing that a living one has made."""
    if reason := builder.can_run():
        pytest.skip(reason)
    built = builder.build(Source("FROM debian:bookworm-slim\n", None))
    process = subprocess.Popen([sys.executable, "-c", KILLED, chosen], stdout=subprocess.PIPE, text=True)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    assert len(leftovers(process)) == 3  # an image, a container, a folder
    with find(chosen, Options()):
        assert leftovers(process) == []
        assert until(lambda: not running("sleep 3051"), 20)
        with builder.export(built) as stream:
            assert stream.read(1)


def children(pid: int) -> list[int]:
    return [int(each) for path in Path(f"/proc/{pid}/task").glob("*/children") for each in path.read_text().split()]


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
def test_a_daemon_that_goes_away(app: Callable[[str], Path], tmp_path: Path) -> None:
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    relay = Relay(host, tmp_path / "relay.sock")
    with building(app(SLOW.format(number=3041)), 3041, DOCKER_HOST=f"unix://{relay.path}") as process:
        relay.cut()
        output = ends_in_good_order(process, 3041)
    assert process.returncode == 5
    assert "cannot be judged: the builder went away" in output


class Relay:
    """A socket that hands on to another one, until it is cut."""

    def __init__(self, target: str, path: Path) -> None:
        self.target, self.path = target, path
        self.open: list[socket.socket] = [socket.socket(socket.AF_UNIX)]
        self.open[0].bind(str(path))
        self.open[0].listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.open[0].accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
                self.open += (near, far)
                for one, two in ((near, far), (far, near)):
                    threading.Thread(target=self.copy, args=(one, two), daemon=True).start()

    def copy(self, one: socket.socket, two: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(1 << 16):
                two.sendall(data)
            two.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        for each in self.open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system that has 8 KiB left."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=64", "none", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        (folder / "filler").write_bytes(bytes(56 << 10))
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.builds
@pytest.mark.usefixtures("chosen")
def test_a_disk_that_is_full(app: Callable[[str], Path], full: Path) -> None:
    folder = app("FROM debian:bookworm-slim\nADD file /\n" + "# long\n" * 3000)
    status, output = verify(folder, TMPDIR=str(full))
    assert status == 5
    assert "cannot be judged: the system says: No space left on device" in output
    assert sorted(path.name for path in full.iterdir()) == ["filler"]
