"""Which modules Python code imports, and whether a Python in the image finds them. No code is run.

Source: the Python language reference (import statement) and library reference (site, venv, importlib).
"""

from __future__ import annotations

import io
import posixpath
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from optimizer.verify.entry import Image, Kind

_LONGEST = 1 << 14
"""Characters of the longest import statement that is read."""
_PYTHON = re.compile(r"python(\d+\.\d+)")
_EXTENSION = re.compile(r"\.(?:cpython-(\d)(\d+)[^.]*|abi3)?\.?so")


class Import(NamedTuple):
    """`from ..module import names`, with two dots as level 2; `import module` has no names."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


def imports(code: bytes) -> tuple[Import, ...]:
    """What the code imports anywhere in it; nothing from where it is no Python.

    Only import statements are given to libcst, one by one: it takes deeply nested code for a reason to end the process.
    """
    return tuple(dict.fromkeys(found for statement in _statements(code) for found in _parsed(statement)))


def _statements(code: bytes) -> Iterator[str]:
    words: list[str] | None = None
    first = True
    try:
        for token in tokenize.tokenize(io.BytesIO(code).readline):
            if token.type in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING):
                continue
            if token.type == tokenize.NEWLINE or token.string == ";" or (words is None and token.string == ":"):
                if words:
                    yield " ".join(words)
                words, first = None, True
                continue
            if first and token.string in ("import", "from"):
                words = []
            if words is not None:
                words.append(token.string)
            first = False
        if words:
            yield " ".join(words)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _parsed(statement: str) -> Iterator[Import]:
    import libcst as cst

    if len(statement) > _LONGEST or statement.count("(") > 1:
        return
    try:
        parsed = cst.parse_statement(statement)
    except (cst.ParserSyntaxError, RecursionError):
        return
    for small in parsed.body if isinstance(parsed, cst.SimpleStatementLine) else ():
        if isinstance(small, cst.Import):
            for alias in small.names:
                yield Import(alias.evaluated_name)
        elif isinstance(small, cst.ImportFrom):
            module = cst.Module([]).code_for_node(small.module).replace(" ", "") if small.module else ""
            names = () if isinstance(small.names, cst.ImportStar) else small.names
            yield Import(module, len(small.relative), tuple(alias.evaluated_name for alias in names))


class Finder:
    """Where the Python programs of one image look for modules.

    `loads` says of the path of an extension module whether its shared libraries are there.
    """

    def __init__(self, image: Image, interpreters: Iterable[str], home: str, loads: Callable[[str], bool]) -> None:
        self._image = image
        self._home = home
        self._loads = loads
        self.interpreters = tuple(interpreters)
        self._searched = [
            (version, directory) for path in self.interpreters if (version := self._version(path)) is not None
            for directory in self._directories(path, version)
        ]  # fmt: skip

    def finds(self, imported: Import, path: str) -> tuple[str, ...]:
        """The modules of an import in the file at `path` that are there, each by its full name."""
        if imported.level:
            package = path
            for _ in range(imported.level):
                package = posixpath.dirname(package)
            directories = [("", package)]
        else:
            # The directory of a script, and that in which Python is started, come first in the search.
            own = [("", posixpath.dirname(path)), ("", self._image.config.working_dir)]
            directories = [*own, *self._searched]
        found = []
        dots = "." * imported.level
        names = [imported.module, *(f"{imported.module}.{name}".lstrip(".") for name in imported.names)]
        if not imported.level:
            names.append(f"_{imported.module.partition('.')[0]}")  # the C part of a standard module: ssl has _ssl
        for name in names:
            if name and any(self._has(directory, version, name) for version, directory in directories):
                found.append(dots + name)
        return tuple(found)

    def _has(self, directory: str, version: str, name: str) -> bool:
        """Whether a directory has the module, for a Python of this version; for any, without one."""
        *above, last = name.split(".")
        folder = self._image.resolve(posixpath.join(directory, *above))
        if folder is None:
            return False
        there = self._image.at(f"{folder}/{last}")
        if there is not None and there.kind is Kind.DIRECTORY:
            return True
        return any(
            _fits(suffix, version) and (not suffix.endswith(".so") or self._loads(f"{folder}/{last}{suffix}"))
            for suffix in self._files.get((folder, last), ())
        )

    @cached_property
    def _files(self) -> Mapping[tuple[str, str], list[str]]:
        """The files that may be modules, by directory and name, with what stands behind the name."""
        found: dict[tuple[str, str], list[str]] = {}
        for path in self._image.entries:
            if path.endswith((".py", ".so", ".pyc")):
                folder, _, base = path.rpartition("/")
                name, dot, suffix = base.partition(".")
                found.setdefault((folder or "/", name), []).append(dot + suffix)
        return found

    def _version(self, interpreter: str) -> str | None:
        """The X.Y of the Python that a program is, by its own name or by the libraries beside it."""
        real = self._image.resolve(interpreter) or ""
        found = _PYTHON.fullmatch(posixpath.basename(real))
        if found:
            return found[1]
        library = posixpath.join(posixpath.dirname(posixpath.dirname(real)), "lib/python")
        beside = [
            path for path in self._image.entries if path.startswith(library) and path.count("/") == library.count("/")
        ]
        versions = [named[1] for path in beside if (named := _PYTHON.fullmatch(posixpath.basename(path)))]
        return versions[0] if len(versions) == 1 else None

    def _directories(self, interpreter: str, version: str) -> Iterator[str]:
        image = self._image
        yield from (path for path in image.config.env.get("PYTHONPATH", "").split(":") if path)
        prefix = posixpath.dirname(posixpath.dirname(interpreter))
        base = posixpath.dirname(posixpath.dirname(image.resolve(interpreter) or interpreter))
        for library in (f"{base}/lib/python{version}", f"{base}/lib64/python{version}"):
            yield from (library, f"{library}/lib-dynload")
        settings = image.at(f"{prefix}/pyvenv.cfg")
        sites = [f"{prefix}/lib/python{version}/site-packages", f"{prefix}/lib64/python{version}/site-packages"]
        if settings is None or _with_system(settings.found):
            sites += [f"{base}/lib/python{version}/site-packages", f"{base}/lib64/python{version}/site-packages"]
            sites += [f"{self._home}/.local/lib/python{version}/site-packages"]
            sites += [f"/usr/local/lib/python{version}/dist-packages", "/usr/lib/python3/dist-packages"] * (
                base == "/usr"
            )
        for site in sites:
            yield site
            yield from self._named_in(site)

    def _named_in(self, site: str) -> Iterator[str]:
        """The directories that the .pth files in a site directory name."""
        for path, content in self._path_files.get(self._image.resolve(site) or "", ()):
            for line in content.decode("utf-8", "surrogateescape").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield posixpath.join(posixpath.dirname(path), line.strip())

    @cached_property
    def _path_files(self) -> Mapping[str, list[tuple[str, bytes]]]:
        found: dict[str, list[tuple[str, bytes]]] = {}
        for path, entry in self._image.entries.items():
            if path.endswith(".pth") and isinstance(entry.found, bytes):
                found.setdefault(posixpath.dirname(path), []).append((path, entry.found))
        return found


def _with_system(settings: object) -> bool:
    """Whether a pyvenv.cfg lets a virtual environment see what is installed for all."""
    lines = settings.decode("utf-8", "replace").splitlines() if isinstance(settings, bytes) else []
    pairs = {key.strip().lower(): value.strip().lower() for key, _, value in (line.partition("=") for line in lines)}
    return pairs.get("include-system-site-packages") == "true"


def _fits(suffix: str, version: str) -> bool:
    """Whether a file of this suffix is a module for that Python."""
    if suffix in (".py", ".pyc"):
        return True
    found = _EXTENSION.fullmatch(suffix)
    return found is not None and (not found[1] or not version or f"{found[1]}.{found[2]}" == version)
