"""Writes a file so that at every moment it is either the old one or the new one, and nothing else changes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from itertools import count


class WriteError(Exception):
    """The file was not written and is as it was; the message says why, and how to mend it."""


def replace(path: str, before: bytes | None, after: bytes) -> None:
    """Put ``after`` in place of a file's content ``before`` (None: there is no such file yet).

    The new content goes to a temporary file in the same folder, which is synced and renamed. Mode, owner and
    extended attributes are kept, symlinks followed. Another hard link to the file keeps the old content.

    :raises WriteError: where the file cannot be written, or is not what it was when it was read.
    """
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        old = None if before is None else os.stat(target)
        if old is not None and not old.st_mode & 0o222:
            raise WriteError("it is read-only: make it writable (chmod u+w) and run again")
        temporary = _free_name(folder)
        try:  # whatever interrupts it from here on, the temporary file does not stay
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            with open(handle, "wb") as file:
                file.write(after)
                file.flush()
                if old is not None:
                    _take_over(target, old, handle)
                os.fsync(handle)
            if _content(target) != before:
                raise WriteError("it was changed by somebody else since it was read: run again")
            os.rename(temporary, target)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        _sync(folder)
    except OSError as error:
        raise WriteError(f"it cannot be written: {error.strerror} (folder {folder}); nothing was changed") from None


def _free_name(folder: str) -> str:
    """A path in the folder where nothing is; no other process makes files of that name."""
    paths = (os.path.join(folder, f".dockopt-{os.getpid()}-{number}.tmp") for number in count())
    return next(path for path in paths if not os.path.lexists(path))


def _take_over(target: str, old: os.stat_result, handle: int) -> None:
    """Give the new file the owner, mode and extended attributes of the old one."""
    if (old.st_uid, old.st_gid) != (os.fstat(handle).st_uid, os.fstat(handle).st_gid):
        try:
            os.fchown(handle, old.st_uid, old.st_gid)
        except PermissionError:
            raise WriteError("it belongs to another user, whom it could not be given back: run as its owner") from None
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a file system without them, or an attribute that only root may set
            for name in os.listxattr(target):
                os.setxattr(handle, name, os.getxattr(target, name))


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _sync(folder: str) -> None:
    """Make the rename last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
