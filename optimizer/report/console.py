"""The two streams: standard output gets what was asked for, standard error all that is said about it."""

from __future__ import annotations

import os
import sys
from time import monotonic
from typing import NoReturn

from optimizer.report.terminal import style

BROKEN_PIPE = 128 + 13
"""The exit status of a program that SIGPIPE ends."""

PATIENCE = 1.0
"""Seconds until progress is shown, and a tenth of that between two looks at it."""

CLEAR = "\r\x1b[K"


class Console:
    """Standard output and standard error, with how text is to look on each.

    Texts are encoded as UTF-8 with surrogateescape: what came from a file leaves as the same bytes. When the
    reader of standard output goes away, the program ends without a word.
    """

    def __init__(self, colour: str, *, quiet: bool = False) -> None:
        self.out_style = style(sys.stdout, colour)
        self.err_style = style(sys.stderr, colour)
        self._shows_progress = sys.stderr.isatty() and not quiet
        self._next_look = monotonic() + PATIENCE
        self._progress_stands = False

    def out(self, text: str | bytes) -> None:
        """Write to standard output."""
        self._clear()
        try:
            sys.stdout.buffer.write(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            self._reader_is_gone()

    def err(self, line: str) -> None:
        """Write a line to standard error."""
        self._clear()
        self._err(line + "\n")

    def ask(self, prompt: str) -> str:
        """Put a question on standard error; the line that is answered, or "q" at the end of the input."""
        self._clear()
        self._err(prompt)
        line = sys.stdin.readline()
        return line.strip() if line else "q"

    def progress(self, done: int, total: int) -> None:
        """Say how far it is, on a terminal, when it takes long."""
        if self._shows_progress and monotonic() >= self._next_look:
            self._next_look = monotonic() + PATIENCE / 10
            self._err(f"{CLEAR}{done} of {total} files")
            self._progress_stands = True

    def _clear(self) -> None:
        if self._progress_stands:
            self._err(CLEAR)
            self._progress_stands = False

    def _err(self, text: str) -> None:
        try:
            sys.stderr.buffer.write(text.encode("utf-8", "surrogateescape"))
            sys.stderr.buffer.flush()
        except BrokenPipeError:
            self._reader_is_gone()

    def _reader_is_gone(self) -> NoReturn:
        # Whatever is still buffered must not be tried again when the interpreter shuts down.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        sys.exit(BROKEN_PIPE)
