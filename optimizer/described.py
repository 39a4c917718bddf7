"""JSON schemas of classes, with what stands below each field as its description."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from typing import Any

SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def docstrings(of: type[Any]) -> dict[str, str]:
    """What stands below each field of a class."""
    (found,) = ast.parse(inspect.getsource(of)).body
    assert isinstance(found, ast.ClassDef)
    told: dict[str, str] = {}
    for field, below in zip(found.body, found.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            match below:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    told[field.target.id] = " ".join(text.split())
    return told


def schema(of: type[Any], parts: Iterable[type[Any]], title: str) -> dict[str, Any]:
    """The schema of a struct of msgspec and of those that are parts of it."""
    from msgspec import json

    parts = (of, *parts)
    (found,), definitions = json.schema_components(parts[:1], ref_template="#/$defs/{name}")
    for part in parts:
        told: dict[str, str] = {}
        for each in reversed(part.__mro__):
            told |= docstrings(each) if each.__module__ == part.__module__ else {}
        for name, text in told.items():
            definitions[part.__name__]["properties"][name]["description"] = text
    return {"$schema": SCHEMA, "title": title, **found, "$defs": definitions}
