"""The builds of Bake files. Source: Docker's Bake file reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from optimizer.discovery.build import BAKE_NAMES, Build, Fields, build, read
from optimizer.problem import Problem

Blocks = list[tuple[str, dict[str, Any]]]
"""The target blocks of one file: name and fields."""


def bake_builds(files: list[Path]) -> Iterator[Build | Problem]:
    """The builds of the Bake files of one folder, a target's fields merged from all of them."""
    targets: dict[str, dict[str, Any]] = {}
    sources: dict[str, Path] = {}
    for path in sorted(files, key=lambda path: BAKE_NAMES.index(path.name)):
        text = read(path)
        read_targets = _json if path.suffix == ".json" else _hcl
        blocks = read_targets(path, text) if isinstance(text, str) else text
        if isinstance(blocks, Problem):
            yield blocks
            continue
        for name, fields in blocks:
            targets.setdefault(name, {}).update(fields)
            sources[name] = path
    for name in targets:
        whole = _inherited(targets, name, ())
        if "dockerfile-inline" in whole:
            continue
        merged = Fields(*(whole.get(key) for key in ("context", "dockerfile", "target", "args", "contexts")))
        if made := build(sources[name], sources[name].parent, merged):
            yield made


def _inherited(targets: dict[str, dict[str, Any]], name: str, heirs: tuple[str, ...]) -> dict[str, Any]:
    own = targets.get(name, {})
    parents = own.get("inherits")
    whole: dict[str, Any] = {}
    for parent in parents if isinstance(parents, list) else ():
        if isinstance(parent, str) and parent not in (*heirs, name):
            whole |= _inherited(targets, parent, (*heirs, name))
    return whole | own


def _json(path: Path, text: str) -> Blocks | Problem:
    import json

    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"not valid JSON ({error.msg}), so the file was left out"
        return Problem(str(path), error.lineno, error.colno, message)
    except RecursionError:
        return Problem(str(path), 0, 0, "it is nested too deeply, and was left out")
    blocks = document.get("target") if isinstance(document, dict) else None
    return list(_mappings(blocks if isinstance(blocks, list) else [blocks]))


def _hcl(path: Path, text: str) -> Blocks | Problem:
    import hcl2

    try:
        document = hcl2.loads(text)
    except Exception as error:  # whatever the parser raises, it is this file that cannot be read
        line, column = (max(getattr(error, name, 0) or 0, 0) for name in ("line", "column"))
        return Problem(str(path), line, column, "not valid HCL, so the file was left out")
    blocks = _mappings(document.get("target", []))
    return [(_name(name), {key: _value(value) for key, value in fields.items()}) for name, fields in blocks]


def _mappings(blocks: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in blocks:
        for name, fields in block.items() if isinstance(block, dict) else ():
            if isinstance(fields, dict):
                yield name, fields


def _value(value: Any) -> Any:
    """The value of an HCL expression; what is no literal gets a `$`, and is unknown by it."""
    match value:
        case dict():
            return {_name(key): _value(each) for key, each in value.items()}
        case list():
            return [_value(each) for each in value]
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return _unquoted(value) or f"${value}"
    return value


def _name(label: str) -> str:
    """A block's label or an object's key, which may stand without quotes."""
    return _unquoted(label) or label


def _unquoted(text: str) -> str | None:
    import json

    if not text.startswith('"') or "%{" in text:
        return None
    with suppress(ValueError):  # HCL's escapes are JSON's, but for \U
        return str(json.loads(text))
    return None
