"""Reads a Dockerfile's bytes, and says plainly why a file is none."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

CHANGES_NEEDED = 1
USAGE = 2
NO_DOCKERFILE = 3
NOT_READ = 4
"""Exit statuses; 0 is for done, or nothing to do."""

MAX_SIZE = 4 << 20
"""Bytes of the largest text that is looked at: no Dockerfile comes near it."""


class Failure(NamedTuple):
    """Why nothing came of a file. Lines and columns count from 1; 0 is the file as a whole."""

    status: int
    line: int
    column: int
    message: str
    traceback: str = ""


class Unreadable(Exception):
    """A file that is no text dockopt could rewrite."""

    def __init__(self, status: int, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.failure = Failure(status, line, column, message)


def read(path: str) -> bytes:
    """The content of a regular file, or a little more of it than MAX_SIZE.

    :raises Unreadable: when it is none, or cannot be read.
    """
    try:
        # A pipe that nobody writes into would block; for a regular file O_NONBLOCK means nothing.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            return _content(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise Unreadable(NO_DOCKERFILE, f"it cannot be read: {error.strerror}") from None


def _content(handle: int) -> bytes:
    found = os.fstat(handle)
    if stat.S_ISDIR(found.st_mode):
        raise Unreadable(NO_DOCKERFILE, "it is a folder: give the Dockerfile in it")
    if not stat.S_ISREG(found.st_mode):
        raise Unreadable(NO_DOCKERFILE, "it is no regular file: give a file, a folder, or - for standard input")
    with open(handle, "rb", closefd=False) as file:
        return file.read(MAX_SIZE + 1)


def decode(data: bytes) -> str:
    """The text of a file, character for character.

    :raises Unreadable: where it is not UTF-8 text of a sensible size.
    """
    if len(data) > MAX_SIZE:
        raise Unreadable(NOT_READ, "it is larger than 4 MiB, which no Dockerfile is: the file is left alone")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(NOT_READ, "it is UTF-16, which no builder reads: save it as UTF-8", 1, 1)
    if (nul := data.find(b"\0")) >= 0:
        raise Unreadable(NOT_READ, "a NUL byte, so this is no text: the file is left alone", *_place(data, nul))
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8, so the file is left alone: save it as UTF-8"
        raise Unreadable(NOT_READ, message, *_place(data, error.start)) from None


def _place(data: bytes, at: int) -> tuple[int, int]:
    start = data.rfind(b"\n", 0, at) + 1
    return data.count(b"\n", 0, at) + 1, len(data[start:at].decode(errors="replace")) + 1
