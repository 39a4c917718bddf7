"""Git as a reader of a repository that is not trusted: nothing of the repository's is run, and nothing is fetched.

A repository's own configuration can name programs: for file system monitors, hooks, pagers, signatures, external
diffs. Here each way that leads to one is closed. An alias cannot take the place of a command that git has.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from optimizer.history.change import NO_REPOSITORY

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",  # would run gpg.program
    "log.showRoot=false",  # what has no parent here changes nothing: the root, and where a shallow clone ends
    "log.follow=false",  # would look for renames, and read blobs
    "diff.orderFile=/dev/null",
    "diff.ignoreSubmodules=none",
)
COMMAND = ("git", "--no-pager", "--literal-pathspecs", *(word for each in _SETTINGS for word in ("-c", each)))
"""What a call begins with; ``-C FOLDER`` and the subcommand follow."""
_OURS = MappingProxyType({
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",  # versions of git that do not know the line above
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
})  # fmt: skip


def environment() -> Mapping[str, str | None]:
    """What differs from the environment of this process; None takes a variable away.

    Inside a hook git sets variables that name the repository and its index, whatever folder is asked about.
    """
    return {**{name: None for name in os.environ if name.startswith("GIT_")}, **_OURS}


_KNOWN = (
    ("not a git repository", NO_REPOSITORY),
    (
        "dubious ownership",
        "the repository belongs to another user, so git does not read it "
        "(git config --global --add safe.directory FOLDER, if you trust it)",
    ),
    ("unsafe repository", "the repository belongs to another user, so git does not read it"),
    ("must be run in a work tree", "the repository is bare: no files to build from"),
    ("cannot use bare repository", "the repository is bare: no files to build from"),
    ("bad revision 'HEAD'", "the repository has no commits yet"),
    ("from promisor remote", "a partial clone without the trees of its commits, and none is fetched"),
)


def reason(tail: tuple[str, ...]) -> str:
    """Why git failed, in one line, from the last lines of what it said."""
    said = "\n".join(tail)
    fatal = [line for line in tail if line.startswith("fatal: ")] or list(tail) or ["nothing"]
    return next(
        (meaning for words, meaning in _KNOWN if words in said), f"git says: {fatal[0].removeprefix('fatal: ')}"
    )
