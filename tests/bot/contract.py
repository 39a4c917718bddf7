"""What a forge's description of its API says of a request: whether there is such an operation, and what may be said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).resolve().parent / "openapi"
JSON = "application/json"


class Contract:
    """One forge's description."""

    def __init__(self, description: Any) -> None:
        self.operations = {
            (method.upper(), path): operation
            for path, methods in description["paths"].items()
            for method, operation in methods.items()
        }
        self.paths = {
            path: re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))) for _, path in self.operations
        }

    @classmethod
    def of(cls, forge: str) -> Contract:
        return cls(json.loads((FOLDER / f"{forge}.json").read_text()))

    def match(self, method: str, path: str) -> tuple[str, tuple[str, ...]]:
        """The path of the operation, and what stands in its places; path is as it was sent, still quoted.

        Of several paths the one with the fewest places counts.
        """
        found = [
            (len(fitting.groups()), template, fitting)
            for template, pattern in self.paths.items()
            if (fitting := pattern.fullmatch(path)) and (method, template) in self.operations
        ]
        if not found:
            return "", ()
        _, template, fitting = min(found, key=lambda each: each[:2])
        return template, tuple(unquote(each) for each in fitting.groups())

    def problems(self, method: str, path: str, query: str, content_type: str, body: bytes) -> Iterator[str]:
        """What is wrong with a request."""
        template, places = self.match(method, path)
        if not template:
            yield f"{method} {path}: there is no such operation"
            return
        where = f"{method} {template}"
        operation = self.operations[method, template]
        parameters = {(each["in"], each["name"]): each for each in operation["parameters"]}
        given = [("path", name, value) for name, value in zip(re.findall(r"\{(\w+)\}", template), places, strict=True)]
        given += (("query", name, value) for name, value in parse_qsl(query, keep_blank_values=True))
        for kind, name, value in given:
            if (kind, name) not in parameters:
                yield f"{where}: there is no parameter {name}"
            elif not any(_fits(parameters[kind, name]["schema"], each) for each in _readings(value)):
                yield f"{where}: {name}={value} is none of {parameters[kind, name]['schema']}"
        for kind, name in parameters:
            if parameters[kind, name].get("required") and (kind, name) not in {each[:2] for each in given}:
                yield f"{where}: {name} is required"
        yield from (f"{where}: {each}" for each in self.body_problems(operation, content_type, body))

    def body_problems(self, operation: Any, content_type: str, body: bytes) -> Iterator[str]:
        described = operation.get("requestBody")
        if described is None:
            if body:
                yield "a body where none is described"
            return
        if not body:
            if described.get("required"):
                yield "a body is required"
            return
        if content_type.partition(";")[0] != JSON:
            yield f"the body is {content_type}"
            return
        schema = described["content"][JSON]["schema"]
        content = json.loads(body)
        yield from (error.message for error in Draft202012Validator(schema).iter_errors(content))
        known = _known(schema)
        yield from (f"{name} is no field" for name in content if known is not None and name not in known)


def _known(schema: Any) -> set[str] | None:
    """The fields that any version of a body may have."""
    if "properties" in schema:
        return set(schema["properties"])
    found = [_known(each) for key in ("oneOf", "anyOf") for each in schema.get(key, [])]
    return set().union(*(each for each in found if each)) if any(found) else None


def _fits(schema: Any, value: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


def _readings(value: str) -> Iterator[Any]:
    """What the text of a parameter may stand for."""
    yield value
    if value.lstrip("-").isdigit():
        yield int(value)
    if value.lower() in ("true", "false"):
        yield value.lower() == "true"
