"""How settings are shown: those in force with where each comes from, and their JSON schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_type_hints

from optimizer import config, registry
from optimizer.config import Config, Settings
from optimizer.described import SCHEMA, docstrings


def as_text(found: Config) -> str:
    """A setting a line, as it is written in TOML, and where it comes from behind it."""
    lines = [(f"{'.'.join(key)} = {_toml(value)}", origin) for key, value, origin in _values(found)]
    width = max(len(line) for line, _ in lines)
    return "\n".join(f"{line:{width}}  # {origin}" for line, origin in lines)


def as_json(found: Config) -> str:
    """One object: a setting a member, with its value and its origin."""
    listed = {".".join(key): {"value": value, "origin": origin} for key, value, origin in _values(found)}
    return json.dumps({"path": None if found.path is None else str(found.path), "settings": listed}, indent=2)


def _values(found: Config) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    for key, value in found.settings._asdict().items():
        if hasattr(value, "_asdict"):
            for inner, each in value._asdict().items():
                yield (key, inner), each, found.origins.get(f"{key}.{inner}", config.DEFAULT)
        else:
            yield (key,), value, found.origins[key]


def _toml(value: Any) -> str:
    """Source: TOML 1.0; its basic strings, booleans and arrays are written as JSON writes them."""
    return "(not set)" if value is None else json.dumps(value, ensure_ascii=False)


def json_schema() -> dict[str, Any]:
    """The schema of the settings, with what each is for."""
    return {
        "$schema": SCHEMA,
        "title": "Settings of dockopt",
        "description": f"{config.FILE}, or the table tool.dockopt in pyproject.toml",
        **_table(Settings),
    }


def _table(of: type[Any]) -> dict[str, Any]:
    from msgspec import json as schemas

    told = docstrings(of)
    properties: dict[str, Any] = {}
    for key, kind in get_type_hints(of).items():
        default = of._field_defaults[key]
        if hasattr(kind, "_fields"):
            properties[key] = _table(kind)
        else:
            properties[key] = {**schemas.schema(kind), "default": default}
        if key in told:
            properties[key]["description"] = told[key]
        if key in ("select", "ignore", "enable"):
            properties[key]["items"] = {"enum": [each.name for each in registry.load()]}
    return {"type": "object", "additionalProperties": False, "properties": properties}
