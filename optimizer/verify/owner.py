"""Whose a leftover is: each name that is given to an image, a container or a folder says which process gave it.

A process that is killed clears up nothing; the next one does, and never touches what a living one has made. Several
machines, and containers with their own process numbers, may share one builder: only what this machine made, seen from
where it is seen from now, can be known to be dead.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

PREFIX = "dockopt-verify-"
_NAME = re.compile(PREFIX + r"([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}")


class Owner(NamedTuple):
    """A process."""

    machine: str
    """The machine, and the name space of its process numbers."""
    boot: str
    """When the machine was started; the same number means another process afterwards."""
    pid: int
    started: int
    """In clock ticks after that; 0 where the system does not say."""

    @classmethod
    def of(cls, name: str) -> Self | None:
        """The process that gave this name; None for a name that is none of ours."""
        found = _NAME.match(name)
        return cls(found[1], found[2], int(found[3]), int(found[4])) if found else None

    @property
    def dead(self) -> bool:
        """Whether the process is known to have ended."""
        machine, boot = _place()
        if self.machine != machine:
            return False
        return self.boot != boot or not _lives(self.pid) or self.started != _started(self.pid)


def new_name() -> str:
    """A name that is given once, and says that this process gave it."""
    machine, boot = _place()
    pid = os.getpid()
    return f"{PREFIX}{machine}-{boot}-{pid}-{_started(pid)}-{secrets.token_hex(4)}"


@cache
def _place() -> tuple[str, str]:
    machine = [_text("/etc/machine-id"), os.uname().nodename]
    with suppress(OSError):
        machine.append(os.readlink("/proc/self/ns/pid"))
    return _short(" ".join(machine)), _short(_text("/proc/sys/kernel/random/boot_id"))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _started(pid: int) -> int:
    """Source: proc(5), the 22nd field of stat; the second one, a name in parentheses, may hold anything."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else 0


def _text(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text("utf-8", "replace").strip()
    return ""


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
