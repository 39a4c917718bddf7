"""A virtual environment in place of the packages of its Python: the files are compared under the names they had.

Source: the library reference of venv and sysconfig: below its own directory an environment has the directories that
its Python has below its prefix; headers alone go to `include/site`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from optimizer.verify.difference import Aspect, Difference
from optimizer.verify.entry import Entry, Image
from optimizer.verify.programs import Code

_PATHS = re.compile(r"(?<![\w./])(?:/[\w.+@-]+)+")
_SETTINGS = "/pyvenv.cfg"
_HEADERS = "/include/site/"


class Moved(NamedTuple):
    """An image with some files under the names that they had before."""

    image: Image
    names: Mapping[str, str]
    """The names they had, and have in truth."""

    def explains(self, difference: Difference, before: Image) -> bool:
        """Whether a file differs only because it has moved: the list of a package's files, and first lines."""
        path = difference.name
        if path not in self.names or any(change.aspect is not Aspect.CONTENT for change in difference.changes):
            return False
        if path.endswith(".dist-info/RECORD"):
            return True
        return _differ_in_first_line(before.entries[path], self.image.entries[path])

    def told(self, text: str) -> str:
        """A text of the image with the names that the files in it had: what a program says of them."""
        had = {now: was for was, now in self.names.items()}
        return _PATHS.sub(lambda found: had.get(found[0], found[0]), text) if had else text


def back(before: Image, after: Image, declared: Callable[[str], bool]) -> Moved:
    """Give what lies in environments that only the image after has the names of the files that it takes the place of.

    :param declared: whether a fix says that it makes what stands at a path.
    """
    names = {
        path: was
        for path in after.entries if path.endswith(_SETTINGS) and path not in before.entries and declared(path)
        for path, was in _names(before, after, path.removesuffix(_SETTINGS))
    }  # fmt: skip
    if not names:
        return Moved(after, {})
    entries = {names.get(path, path): entry for path, entry in after.entries.items()}
    links = {names.get(path, path): names.get(first, first) for path, first in after.links.items()}
    return Moved(replace(after, entries=entries, links=links), {was: path for path, was in names.items()})


def _names(before: Image, after: Image, environment: str) -> Iterator[tuple[str, str]]:
    prefix = _prefix(after.entries[environment + _SETTINGS])
    if prefix is None:
        return
    for path in after.entries:
        if path.startswith(f"{environment}/"):
            was = prefix + path.removeprefix(environment).replace(_HEADERS, "/include/", 1)
            if was in before.entries and was not in after.entries:
                yield path, was


def _prefix(settings: Entry) -> str | None:
    """Where the Python lies whose environment it is."""
    text = settings.found.decode("utf-8", "replace") if isinstance(settings.found, bytes) else ""
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip().lower() == "home":
            return posixpath.dirname(value.strip())
    return None


def _differ_in_first_line(old: Entry, new: Entry) -> bool:
    """Whether two scripts are the same but for the Python that their first line names, as far as was kept."""
    if not isinstance(old.found, Code) or not isinstance(new.found, Code):
        return False
    was, now = old.found.script, new.found.script
    if was is None or now is None or old.found.imports != new.found.imports:
        return False
    python = all(posixpath.basename(each.interpreter).startswith("python") for each in (was, now))
    longer = len(now.interpreter.encode()) - len(was.interpreter.encode())
    return python and was.argument == now.argument and new.size - old.size == longer
