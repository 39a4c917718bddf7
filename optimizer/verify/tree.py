"""A root file system as layers make it, one on top of the other."""

from __future__ import annotations

import posixpath

from optimizer.verify.entry import MAX_LINKS, Entry, ImageError, Kind, Limits

_IMPLIED = Entry(Kind.DIRECTORY)
"""A directory that no archive names but that something lies in, as unpacking makes it."""


class _Node:
    __slots__ = ("children", "entry", "linked")

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.children: dict[str, _Node] = {}
        self.linked = False


class Tree:
    """Paths and what stands there. A name below a symbolic link means the link's target, as in unpacking."""

    def __init__(self, limits: Limits) -> None:
        self._root = _Node(_IMPLIED)
        self._limits = limits
        self._made = 0

    def put(self, path: str, entry: Entry) -> None:
        """Put an entry in place of whatever stands there. A directory over a directory keeps what lies in it."""
        folder, name = self._folder(path)
        node = self._node(entry)
        there = folder.children.get(name)
        if there and entry.kind is there.entry.kind is Kind.DIRECTORY:
            node.children = there.children
        folder.children[name] = node

    def link(self, path: str, same_as: str) -> None:
        """Give a file another name.

        :raises ImageError: when there is no such file.
        """
        source = self._walk(posixpath.dirname(same_as))
        node = source and source.children.get(posixpath.basename(same_as))
        if not node or node.entry.kind is Kind.DIRECTORY:
            raise ImageError(f"{path}: a hard link to {same_as}, which is no file in the image")
        folder, name = self._folder(path)
        folder.children[name] = node
        node.linked = True

    def remove(self, path: str) -> None:
        """Take away what stands there, with all that lies in it; there need not be anything."""
        if folder := self._walk(posixpath.dirname(path)):
            folder.children.pop(posixpath.basename(path), None)

    def empty(self, path: str) -> None:
        """Take away what lies in a directory, but not the directory."""
        if folder := self._walk(path):
            folder.children = {}

    def flat(self) -> tuple[dict[str, Entry], dict[str, str]]:
        """Every path with its entry, sorted; and the first name of each file that has several, by all its names."""
        nodes: dict[str, _Node] = {}
        length = 0
        waiting = [("", self._root)]
        while waiting:
            above, folder = waiting.pop()
            for name, node in folder.children.items():
                path = f"{above}/{name}"
                nodes[path] = node
                length += len(path)
                if length > self._limits.text:
                    raise ImageError(f"the image is refused: its paths have more than {self._limits.text} characters")
                if node.children:
                    waiting.append((path, node))
        paths = sorted(nodes)
        names: dict[_Node, list[str]] = {}
        for path in paths:
            if nodes[path].linked:
                names.setdefault(nodes[path], []).append(path)
        links = {path: group[0] for group in names.values() if len(group) > 1 for path in group}
        return {path: nodes[path].entry for path in paths}, links

    def _node(self, entry: Entry) -> _Node:
        self._made += 1
        if self._made > self._limits.entries:
            raise ImageError(f"the image is refused: it has more than {self._limits.entries} entries")
        return _Node(entry)

    def _folder(self, path: str) -> tuple[_Node, str]:
        above, _, name = path.rpartition("/")
        folder = self._walk(above, make=True)
        if folder is None:
            raise ImageError(f"{path}: lies in something that is no directory")
        return folder, name

    def _walk(self, path: str, *, make: bool = False) -> _Node | None:
        """The directory that the path leads to, symbolic links followed; made where it is missing, if asked for."""
        trail = [self._root]
        parts = path.split("/")[::-1]
        hops = 0
        while parts:
            part = parts.pop()
            if part in ("", "."):
                continue
            if part == "..":
                trail = trail[:-1] or trail
                continue
            node = trail[-1].children.get(part)
            if node is None:
                if not make or len(trail) > self._limits.path:
                    return None
                node = trail[-1].children[part] = self._node(_IMPLIED)
            elif node.entry.kind is Kind.SYMLINK:
                hops += 1
                if hops > MAX_LINKS:
                    return None
                if node.entry.link.startswith("/"):
                    trail = trail[:1]
                parts += node.entry.link.split("/")[::-1]
                continue
            elif node.entry.kind is not Kind.DIRECTORY:
                return None
            trail.append(node)
        return trail[-1]
