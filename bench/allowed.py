"""What of a trap may be executed: an allow-list of commands, checked on the parsed script beforehand.

Traps are the project's own harmless text, but a rewrite of one is not; so each script is read by shfmt and
refused unless every command in it, nested ones too, is known.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

BUILTINS = frozenset(
    {
        ".",
        ":",
        "[",
        "alias",
        "break",
        "cd",
        "continue",
        "declare",
        "echo",
        "exit",
        "export",
        "false",
        "hash",
        "jobs",
        "let",
        "local",
        "popd",
        "printf",
        "pushd",
        "pwd",
        "read",
        "readonly",
        "return",
        "set",
        "shift",
        "shopt",
        "source",
        "test",
        "true",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
    }
)
TOOLS = frozenset(
    {
        "basename",
        "cat",
        "chmod",
        "cp",
        "cut",
        "dirname",
        "echo",
        "false",
        "grep",
        "head",
        "ln",
        "ls",
        "mkdir",
        "mv",
        "printf",
        "pwd",
        "realpath",
        "sleep",
        "sort",
        "tail",
        "tee",
        "test",
        "touch",
        "tr",
        "true",
        "uniq",
        "wc",
    }
)
"""Programs of the machine that a trap may use; the sandbox's PATH holds these and the stubs, nothing else."""

STUBS = {path.name: path for path in sorted((Path(__file__).parent / "stubs").iterdir()) if path.is_file()} | {
    name: Path(__file__).parent / "stubs" / stub
    for name, stub in (("apt", "apt-get"), ("pip3", "pip"), ("adduser", "useradd"), ("groupadd", "useradd"))
}
"""Stand-ins for package managers and the like: what a Dockerfile sees of them, and nothing more."""

_CODE = frozenset(("eval", "trap"))  # whose argument is code
_PREFIXES = frozenset(("exec", "command", "builtin"))  # which run their arguments
_SHELLS = frozenset(("sh", "bash"))


def unsafe(script: str, shell: str, root: Path, names: frozenset[str]) -> str:
    """Why `script` must not be executed below `root`; empty if it may. `names`: the variables it is given."""
    tree = _tree(script, "bash" if shell == "bash" else "posix")
    if tree is None:
        return "shfmt cannot read it"
    nodes = list(_nodes(tree))
    functions = {node["Name"]["Value"] for node in nodes if node.get("Type") == "FuncDecl"}
    assigned = {node["Name"]["Value"] for node in nodes if node.get("Name", {}).get("Value")}
    for node in nodes:
        if node.get("Type") == "CallExpr" and node.get("Args"):
            words = [_literal(word) for word in node["Args"]]
            if problem := _unsafe_call(words, shell, root, names | assigned, functions):
                return problem
        if problem := _unsafe_path(node, names | assigned):
            return problem
    feeds = (node for node in nodes if node.get("Redirs") and node.get("Cmd", {}).get("Type") == "CallExpr")
    for node in feeds:  # a shell that reads its script from a heredoc
        words = [_literal(word) for word in node["Cmd"].get("Args", ())]
        if words and words[0] in _SHELLS:
            texts = [_literal(each["Hdoc"]) for each in node["Redirs"] if "Hdoc" in each]
            inner = [unsafe(text, words[0], root, names | assigned) if text else "no text" for text in texts]
            if problem := next(filter(None, inner or ["a shell that reads what nobody checked"]), ""):
                return problem
    return ""


def _unsafe_call(words: list[str | None], shell: str, root: Path, names: frozenset[str], functions: set[str]) -> str:
    while words and words[0] in _PREFIXES:
        words = words[1:]
    if not words:
        return ""
    name = words[0]
    if name is None:
        return "a command whose name is computed"
    if name in _CODE:
        code = words[1] if len(words) > 1 else ""
        return "computed code" if code is None else unsafe(code, shell, root, names)
    if name in _SHELLS:
        if len(words) == 1 or all((word or "").startswith("-") and "c" not in (word or "") for word in words[1:]):
            return ""  # reads a heredoc, which is looked at where it stands
        code = words[2] if len(words) > 2 and words[1] == "-c" else None
        return "a shell called in an unknown way" if code is None else unsafe(code, name, root, names)
    if name in BUILTINS or name in TOOLS or name in STUBS or name in functions:
        return ""
    if name.startswith("./") or name.startswith(f"{root}/"):
        return ""
    return f"command {name}"


def _unsafe_path(node: dict[str, Any], names: frozenset[str]) -> str:
    if node.get("Type") == "Lit" and re.search(r"(^|[/=])\.\.(/|$)", node.get("Value", "")):
        return "a path with .."
    parts = node.get("Parts") or []
    for first, second in itertools.pairwise(parts):
        name = first.get("Param", {}).get("Value", "") if first.get("Type") == "ParamExp" else ""
        if name and name not in names and second.get("Value", "").startswith("/"):
            return f"a path below ${name}, which is not set"
    return ""


def _literal(word: dict[str, Any]) -> str | None:
    """The text of a word if nothing in it is expanded."""
    text = ""
    for part in word.get("Parts") or ():
        if part["Type"] in ("Lit", "SglQuoted"):
            text += part.get("Value", "")
        elif part["Type"] == "DblQuoted" and (inner := _literal(part)) is not None:
            text += inner
        else:
            return None
    return text


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _nodes(value)


@cache
def _tree(script: str, language: str) -> Any:
    shfmt = shutil.which("shfmt", path=str(Path(sys.executable).parent)) or shutil.which("shfmt")
    if not shfmt:
        raise FileNotFoundError("no shfmt: install the development dependencies (shfmt-py)")
    ended = subprocess.run(
        [shfmt, "-ln", language, "--to-json"], input=script.encode(), capture_output=True, check=False
    )
    return json.loads(ended.stdout) if ended.returncode == 0 else None
