"""A repository's files, laid out by ourselves: what git checks out is at the mercy of the repository's attributes.

Blobs are written byte for byte. Regular files and folders come first and links last, so that nothing is written through
a link; links that lead out of the tree are made to lead nowhere. Commits are made from blobs, not from the files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from optimizer.bot.git import Access, Git, GitError, Identity
from optimizer.bot.plan import Plan
from optimizer.trees import MAX_TEXT

MAX_PACK = 512 << 20
"""Bytes of the largest pack that is taken from a forge."""
MAX_ENTRIES = 200_000
"""The most files of a repository."""
MAX_BRANCHES = 100
"""The most branches below the bot's prefix that are looked at."""
MAX_BYTES = 1 << 30
"""The most bytes of files that are written."""
_BASE = "refs/dockopt/base"
_BRANCH = "refs/dockopt/branch"
_FILE, _PROGRAM, _LINK, _MODULE = "100644", "100755", "120000", "160000"
_NOWHERE = ".dockopt-leads-out-of-the-repository"


class Entry(NamedTuple):
    """What git has under a path."""

    mode: str
    blob: str


class Head(NamedTuple):
    """The commit on a branch of the forge."""

    commit: str
    plan: str = ""
    """The plan whose last commit it is; "" where somebody else has made it, or has dropped commits."""


class Tree:
    """A working copy in a folder of its own."""

    def __init__(self, git: Git, branch: str) -> None:
        self.git = git
        self.branch = branch
        self.root = Path(git.folder)
        self.entries: dict[str, Entry] = {}
        self.commit = ""
        self.date = ""
        self.notes: list[str] = []
        """What was left out."""

    def load(self, *, whole: bool, history: int) -> None:
        """Fetch the newest commit and lay out its files.

        :param whole: also the content of large files, which only builds need.
        :param history: of so many commits before it what they changed, without what their files held.
        :raises GitError: where it cannot be had, or is too large.
        """
        self.git.local("init", "--quiet", "--template=", "--initial-branch=none")
        self.git.local("remote", "add", "--", "origin", self.git.access.url)
        few = () if whole else (f"--filter=blob:limit={MAX_TEXT + 1}",)
        name = self.branch if self.branch.startswith("refs/") else f"refs/heads/{self.branch}"
        source = f"+{name}:{_BASE}"
        self.git.remote("fetch", "--quiet", "--depth=1", "--no-tags", *few, "origin", source)
        if history:
            self.git.remote(
                "fetch", "--quiet", f"--depth={history + 1}", "--no-tags", "--filter=blob:none", "origin", source
            )
        about = self.git.local("show", "--no-patch", "--format=%H %cd", "--date=raw", _BASE).decode()
        self.commit, _, self.date = about.strip().partition(" ")
        self.git.local("update-ref", "--no-deref", "HEAD", self.commit)
        self.entries = dict(self._entries())
        missing = {
            line[1:].decode()
            for line in self.git.local("rev-list", "--objects", "--missing=print", f"{self.commit}^{{tree}}").split()
            if line.startswith(b"?")
        }
        _Layout(self, missing, whole).write()

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        listed = self.git.local("ls-tree", "-r", "-z", "--full-tree", self.commit).split(b"\0")
        if len(listed) > MAX_ENTRIES:
            raise GitError(f"it has more than {MAX_ENTRIES:,} files: left alone")
        for line in listed[:-1]:
            about, _, path = line.partition(b"\t")
            mode, _, blob = about.decode().split(" ")
            if _is_safe(name := os.fsdecode(path)):
                yield name, Entry(mode, blob)
            else:
                self.notes.append(f"{name}: a name that is not safe, so the file was left out")

    def holds(self, full: str) -> bool:
        """Whether a path leads to the repository's root or to something below it, links followed."""
        relative = os.path.relpath(os.path.realpath(full), self.root.resolve()).replace(os.sep, "/")
        return relative == "." or _is_safe(relative)

    def path(self, full: str) -> str | None:
        """The repository's path of a file here, links followed; None where it is none of the repository's.

        A new file is fine where no other file is in its way.
        """
        real = os.path.realpath(full)
        relative = os.path.relpath(real, self.root.resolve()).replace(os.sep, "/")
        if not _is_safe(relative):
            return None
        entry = self.entries.get(relative)
        return relative if entry is None or entry.mode in (_FILE, _PROGRAM) else None

    def shown(self, text: str) -> str:
        """A text about files here, with the repository's paths."""
        for root in (os.path.relpath(self.root), str(self.root), str(self.root.resolve())):
            text = text.replace(f"{root}{os.sep}", "").replace(root, ".")
        return text

    def is_branch(self, name: str) -> bool:
        """Whether a branch may be called so."""
        try:
            self.git.local("check-ref-format", f"refs/heads/{name}")
        except GitError:
            return False
        return not name.startswith("refs/")

    def branches(self, prefix: str, wanted: Container[str]) -> dict[str, str]:
        """The forge's branches below a prefix, with their commits.

        :param wanted: those that are told in any case; of the others some, where there are very many.
        """
        listed = self.git.remote("ls-remote", "--heads", "origin", f"refs/heads/{prefix}/*")
        found: dict[str, str] = {}
        for line in listed.decode("utf-8", "replace").splitlines():
            commit, _, name = line.partition("\t")
            name = name.removeprefix("refs/heads/")
            # The bot's own are all UTF-8.
            if "\ufffd" not in name and (name in wanted or len(found) < MAX_BRANCHES):
                found[name] = commit
        return found

    def head(self, branch: str) -> Head:
        """The newest commit of a branch of the forge."""
        self.git.remote(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--filter=tree:0", "origin",
            f"+refs/heads/{branch}:{_BRANCH}",
        )  # fmt: skip
        commit = self.git.local("rev-parse", f"{_BRANCH}^{{commit}}").decode().strip()
        return Head(commit, last_of(self.git.local("cat-file", "commit", commit).decode("utf-8", "replace")))

    def build(self, plan: Plan) -> str:
        """Make the plan's commits on the commit that was loaded; the last one's name.

        The same plan on the same commit makes the same commits.
        """
        when = {"GIT_AUTHOR_DATE": self.date, "GIT_COMMITTER_DATE": self.date}
        parent = self.commit
        self.git.local("read-tree", parent)
        for number, commit in enumerate(plan.commits, 1):
            lines = []
            for file in commit.files:
                blob = self.git.local("hash-object", "-w", "--stdin", data=file.after).decode().strip()
                mode = self.entries.get(file.path, Entry(_FILE, "")).mode
                lines.append(f"{mode} {blob}\t".encode() + os.fsencode(file.path) + b"\0")
            self.git.local("update-index", "-z", "--index-info", data=b"".join(lines))
            tree = self.git.local("write-tree", "--missing-ok").decode().strip()
            message = f"{commit.message}\n\n{_PLAN}: {plan.hash}\n{_PART}: {number}/{len(plan.commits)}\n"
            parent = (
                self.git.local("commit-tree", tree, "-p", parent, data=message.encode(), more=when).decode().strip()
            )
        return parent

    def push(self, commit: str, branch: str, over: Head | None) -> None:
        """Put the forge's branch on a commit, if it still is where it was seen.

        :raises GitError: where it is not, or the forge refuses it.
        """
        self._push(f"{commit}:refs/heads/{branch}", branch, over)

    def delete(self, branch: str, head: Head) -> None:
        """Take a branch away from the forge, if it still is where it was seen."""
        self._push(f":refs/heads/{branch}", branch, head)

    def _push(self, what: str, branch: str, over: Head | None) -> None:
        # The commit has to be named: after a shallow clone there is nothing that the lease could be taken from.
        lease = f"--force-with-lease=refs/heads/{branch}:{over.commit if over else ''}"
        self.git.remote("push", "--porcelain", "--no-verify", lease, "origin", what)


_PLAN, _PART = "Dockopt-Plan", "Dockopt-Part"


def last_of(commit: str) -> str:
    """The hash of the plan whose last commit this is, from its raw text; "" for a commit of somebody else.

    Who takes a commit over by a rebase or an amendment leaves the author as it is and becomes the committer. Who drops
    the last one of several leaves one that is not the last.
    """
    head, _, message = commit.partition("\n\n")
    people = [line.partition(" ")[2] for line in head.split("\n") if line.startswith(("author ", "committer "))]
    trailers = dict(line.split(": ", 1) for line in message.strip().rpartition("\n\n")[2].split("\n") if ": " in line)
    part, _, parts = trailers.get(_PART, "").partition("/")
    if len(people) == 2 and people[0] == people[1] and part and part == parts:
        return trailers.get(_PLAN, "")
    return ""


@contextmanager
def cloned(access: Access, branch: str, identity: Identity, *, whole: bool = False, history: int = 0) -> Iterator[Tree]:
    """A working copy of a branch, which is gone afterwards.

    :param branch: its name, or that of any ref from ``refs/`` on.
    :param whole: also the content of large files, which only builds need.
    :param history: of so many commits before it what they changed, without what their files held.
    :raises GitError: where it cannot be had, or is too large.
    """
    with tempfile.TemporaryDirectory(prefix="dockopt-bot-", ignore_cleanup_errors=True) as folder:
        tree = Tree(Git(folder, access, identity, MAX_PACK), branch)
        tree.load(whole=whole, history=history)
        yield tree


def _is_safe(path: str) -> bool:
    """Whether a path stays in the tree, and out of git's own folder."""
    return not any(name.lower().rstrip(". ") in ("", ".", "..", ".git", "git~1") for name in path.split("/"))


class _Layout:
    """Writes the files of a tree."""

    def __init__(self, tree: Tree, missing: set[str], whole: bool) -> None:
        self.tree = tree
        self.missing = missing
        self.most = MAX_BYTES if whole else MAX_TEXT
        self.left = MAX_BYTES

    def write(self) -> None:
        entries = self.tree.entries
        wanted = [
            (path, entry)
            for path, entry in entries.items()
            if entry.mode in (_FILE, _PROGRAM, _LINK) and entry.blob not in self.missing
        ]
        links: list[tuple[str, bytes]] = []
        for path, entry in entries.items():
            if entry.mode == _MODULE:
                self._folder(path)
            elif entry.blob in self.missing:
                self._put(path, entry, None)
        for path, entry, data in self._contents(wanted):
            if entry.mode == _LINK:
                links.append((path, data or b""))
            else:
                self._put(path, entry, data)
        self._link(links)

    def _contents(self, wanted: Sequence[tuple[str, Entry]]) -> Iterator[tuple[str, Entry, bytes | None]]:
        """Each with its content; None for what is larger than wanted."""
        process = self.tree.git.start("cat-file", "--batch")
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            for path, entry in wanted:
                process.stdin.write(f"{entry.blob}\n".encode())
                process.stdin.flush()
                answer = process.stdout.readline().split()
                if len(answer) != 3 or answer[1] != b"blob":
                    raise GitError(f"{path}: its content cannot be read")
                size = int(answer[2])
                self.left -= size
                if self.left < 0:
                    raise GitError(f"its files have more than {MAX_BYTES >> 20} MiB: left alone")
                yield path, entry, self._read(process.stdout, size)
                process.stdout.read(1)
        except BrokenPipeError:
            raise GitError("its files cannot be read") from None
        finally:
            process.kill()
            process.communicate()

    def _read(self, stream: IO[bytes], size: int) -> bytes | None:
        if size <= self.most:
            return stream.read(size)
        while size:
            size -= len(stream.read(min(size, 1 << 20)))
        return None

    def _put(self, path: str, entry: Entry, data: bytes | None) -> None:
        """Write a file; without content it is one that is larger than what is read, and takes no room."""
        full = self.tree.root / path
        self._folder(os.path.dirname(path))
        with suppress(OSError):  # a name that this system cannot have, or two entries of one name
            mode = 0o755 if entry.mode == _PROGRAM else 0o644
            with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
                if data is None:
                    file.truncate(MAX_TEXT + 1)
                else:
                    file.write(data)
            return
        self.tree.notes.append(f"{path}: it cannot be written here, so it was left out")

    def _folder(self, path: str) -> None:
        with suppress(OSError):
            os.makedirs(self.tree.root / path, exist_ok=True)

    def _link(self, links: Sequence[tuple[str, bytes]]) -> None:
        made = []
        for path, _ in links:  # all folders first: none is made through a link
            self._folder(os.path.dirname(path))
        for path, target in links:
            with suppress(OSError, ValueError):
                os.symlink(os.fsdecode(target), self.tree.root / path)
                made.append(path)
        root = os.path.realpath(self.tree.root)
        for path in made:
            full = os.path.join(root, path)
            inside = os.path.relpath(os.path.realpath(full), root).replace(os.sep, "/")
            if inside != "." and not _is_safe(inside):
                os.unlink(full)
                os.symlink(_NOWHERE, full)
                self.tree.notes.append(f"{path}: a link that leads out of the repository, which is not followed")
