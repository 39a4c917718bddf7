from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from optimizer.write import WriteError, replace

OLD, NEW = b"FROM a\r\n", b"FROM b\r\n\xff"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Dockerfile"
    path.write_bytes(OLD)
    return path


def test_the_bytes_and_nothing_else_change(file: Path) -> None:
    file.chmod(0o640)
    replace(str(file), OLD, NEW)
    assert file.read_bytes() == NEW
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(file.parent) == ["Dockerfile"]


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="no extended attributes on this system")
def test_extended_attributes_are_kept(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"x")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    replace(str(file), OLD, NEW)
    assert os.getxattr(file, "user.note") == b"x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_owner_is_kept(file: Path) -> None:
    os.chown(file, 1234, 4321)
    replace(str(file), OLD, NEW)
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


def test_symlinks_are_followed_and_stay(file: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link, second = tmp_path / "links" / "one", tmp_path / "two"
    link.symlink_to("../Dockerfile")
    second.symlink_to("links/one")
    replace(str(second), OLD, NEW)
    assert (link.is_symlink(), second.is_symlink()) == (True, True)
    assert file.read_bytes() == NEW


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        replace(str(tmp_path / "new"), None, NEW)
    finally:
        os.umask(old)
    assert (tmp_path / "new").read_bytes() == NEW
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@pytest.mark.parametrize("before", [b"something else", None])
def test_a_file_that_is_not_what_was_read_is_left_alone(file: Path, before: bytes | None) -> None:
    with pytest.raises(WriteError, match="changed by somebody else"):
        replace(str(file), before, NEW)
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["Dockerfile"]


def test_a_file_that_went_away_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file"):
        replace(str(tmp_path / "gone"), OLD, NEW)
    assert os.listdir(tmp_path) == []


def test_a_read_only_file_is_left_alone(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteError, match=r"read-only: .*chmod u\+w"):
        replace(str(file), OLD, NEW)
    assert file.read_bytes() == OLD


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_nothing_is_left_behind_when_it_fails(file: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(WriteError, match=r"No space left on device .*nothing was changed"):
        replace(str(file), OLD, NEW)
    assert file.read_bytes() == OLD
    assert os.listdir(file.parent) == ["Dockerfile"]


def as_nobody(path: str) -> str:
    """What comes of writing the file as another user (who may not be able to start this Python)."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            replace(path, OLD, NEW)
        except BaseException as error:
            os.write(writer, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as said:
        message = said.read()
    os.waitpid(child, 0)
    return message


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize(
    ("folder", "mode", "message"),
    [(0o755, 0o666, "Permission denied"), (0o777, 0o646, "belongs to another user")],
)
def test_somebody_without_the_right_is_told_so(folder: int, mode: int, message: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's folders are its user's alone
        os.chmod(place, 0o755)
        file = Path(place, "app", "Dockerfile")
        file.parent.mkdir()
        file.write_bytes(OLD)
        file.chmod(mode)
        file.parent.chmod(folder)
        said = as_nobody(str(file))
        assert said.startswith("WriteError: ")
        assert message in said
        assert file.read_bytes() == OLD
        assert os.listdir(file.parent) == ["Dockerfile"]
