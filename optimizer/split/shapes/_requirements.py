"""What packages an install of Python names: on its command line, in lists, and as what a project depends on.

Source: the documentation of pip, PEP 508 and 621, and of Poetry, Pipenv and setuptools for what their files hold.
"""

from __future__ import annotations

import configparser
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from optimizer.language_packages import Requirement, requirement
from optimizer.python_tree import NotRead, dotted, literal, tree, visit
from optimizer.split.view import Call, View

_VALUED = frozenset({"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f",
                     "--find-links", "--trusted-host", "-e", "--editable", "--timeout", "--retries", "--progress-bar",
                     "--no-binary", "--only-binary", "--cache-dir", "--proxy", "--global-option", "--log"})  # fmt: skip
_EXTRAS = re.compile(r"[\w./-]+\[[\w,.-]+\](?:[=~!]=[\w.+!-]+)?")
_OF_OTHERS = re.compile(r";.*\b(?:sys_platform|platform_system|os_name)\s*==\s*['\"](?!linux|Linux|posix)")
"""Markers of requirements that only other systems have. Source: PEP 508."""
_PIP = frozenset({"pip", "python"})


def operands(call: Call) -> list[str]:
    """What a pip install names, requirements files and options left out."""
    words = list(call.argv)
    behind = words[words.index("install") + 1 :] if "install" in words else []
    found: list[str] = []
    at = 0
    while at < len(behind):
        if behind[at] in _VALUED:
            at += 2
            continue
        if not behind[at].startswith("-"):
            found.append(behind[at])
        at += 1
    return found


def with_extras(call: Call) -> Call:
    """A call with requirements such as ``uvicorn[standard]`` as they are written.

    To the shell they are patterns, which stay as they are where no file fits: POSIX, 2.13.3.
    """
    words = call.command.words[len(call.command.words) - len(call.argv) :]
    argv = zip(call.argv, words, strict=True)
    return call._replace(argv=tuple(word.text if _EXTRAS.fullmatch(word.text) else known for known, word in argv))


def lists(call: Call) -> Iterator[str]:
    """The names of the files that an install is given."""
    for word in call.argv:
        if word.endswith((".txt", ".in", ".toml", ".whl", ".cfg")):
            yield word.rpartition("/")[2]


def named(view: View, call: Call) -> Iterator[Requirement]:
    """The packages that an install names, as far as they can be read; not what those depend on in turn."""
    for name in operands(call):
        if (wanted := requirement(name)) is not None:
            yield wanted
    for word in call.argv:
        text = view.text(call.at(word)) if word.endswith((".txt", ".in")) else None
        yield from _all(line.partition("#")[0] for line in (text or "").splitlines())
    for folder in _projects(call):
        for name, wanted_in in _PIPENV if call.name == "pipenv" else _PROJECT:
            yield from _all(wanted_in(view.text(posixpath.join(folder, name)) or ""))


def _projects(call: Call) -> Iterator[str]:
    """The folders of the projects that a call installs."""
    words: Iterable[str] = (".",)
    if call.name in _PIP and "setup.py" not in call.argv[1:2]:
        editable = (call.option("-e", "--editable") or "").partition("[")[0]
        words = [word.partition("[")[0] for word in operands(call) if word.startswith((".", "/"))]
        words = [*words, *([editable] if editable and "://" not in editable else [])]
    yield from (folder for word in words if (folder := call.at(word)) is not None)


def _all(texts: Iterable[str]) -> Iterator[Requirement]:
    found = (text for text in texts if " or " in text or not _OF_OTHERS.search(text))
    return (wanted for text in found if (wanted := requirement(text)) is not None)


def _toml(text: str) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _table(of: object, *keys: str) -> Mapping[str, Any]:
    """A table in tables; an empty one where there is none."""
    for key in keys:
        of = of.get(key) if isinstance(of, Mapping) else None
    return of if isinstance(of, Mapping) else {}


def _of_project(text: str) -> Iterator[str]:
    read = _toml(text)
    wanted = _table(read, "project").get("dependencies")
    yield from (each for each in (wanted if isinstance(wanted, list) else ()) if isinstance(each, str))
    yield from _tables(_table(read, "tool", "poetry", "dependencies"))


def _of_pipfile(text: str) -> Iterator[str]:
    return _tables(_table(_toml(text), "packages"))


def _tables(packages: Mapping[str, Any]) -> Iterator[str]:
    """Requirements as Poetry and Pipenv write them, with their extras."""
    for name, how in packages.items():
        extras = how.get("extras") if isinstance(how, Mapping) else None
        yield f"{name}[{','.join(map(str, extras))}]" if isinstance(extras, list) else name


def _of_setup(text: str) -> Iterator[str]:
    read = configparser.RawConfigParser()
    try:
        read.read_string(text)
    except configparser.Error:
        return
    yield from read.get("options", "install_requires", fallback="").splitlines()


def _of_setup_py(text: str) -> Iterator[str]:
    """The plain texts of the list that setup() is given, there or by a name."""
    if "install_requires" not in text:
        return
    import libcst as cst

    lists: dict[str, list[str]] = {}
    wanted: list[str] = []

    def texts(node: cst.BaseExpression) -> list[str]:
        if isinstance(node, cst.Name):
            return lists.get(node.value, [])
        elements = node.elements if isinstance(node, cst.List | cst.Tuple) else ()
        return [each for element in elements if (each := literal(element.value)) is not None]

    class Visitor(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:
            lists.update((dotted(each.target), texts(node.value)) for each in node.targets)

        def visit_Arg(self, node: cst.Arg) -> None:
            if node.keyword is not None and node.keyword.value == "install_requires":
                wanted.extend(texts(node.value))

    with suppress(NotRead):
        visit(tree(text), Visitor())
    yield from wanted


_PIPENV = (("Pipfile", _of_pipfile),)
_PROJECT = (("pyproject.toml", _of_project), ("setup.cfg", _of_setup), ("setup.py", _of_setup_py))
