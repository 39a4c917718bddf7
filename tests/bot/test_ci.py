"""The CI files that people copy are what GitLab and GitHub take, and call the program as it is."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from typer.main import get_command

from optimizer.bot.command import app

CI = Path(__file__).resolve().parents[2] / "ci"
SCHEMAS = {
    "gitlab/templates/dockopt.yml": "gitlab-ci",
    "gitlab/fleet.yml": "gitlab-ci",
    "github/action.yml": "github-actions",
    "github/scheduled.yml": "github-workflows",
    "github/fleet.yml": "github-workflows",
}


def documents(path: str) -> list[Any]:
    """The documents of a file; inputs of a component have their defaults."""
    text = (CI / path).read_text()
    found = list(yaml.load_all(text, Loader=_Loader))
    defaults = found[0].get("spec", {}).get("inputs", {})
    for name, about in defaults.items():
        text = text.replace(f"$[[ inputs.{name} ]]", str(about["default"]))
    return list(yaml.load_all(text, Loader=_Loader))


class _Loader(yaml.SafeLoader):
    """Takes `on` for a word, as YAML 1.2 does."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or key not in "oO"]
    for key, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_no_file_is_forgotten() -> None:
    assert sorted(str(path.relative_to(CI)) for path in CI.rglob("*.yml")) == sorted(SCHEMAS)


@pytest.mark.parametrize("path", SCHEMAS)
def test_it_is_what_the_schema_says(path: str) -> None:
    vendor = files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((vendor / f"{SCHEMAS[path]}.json").read_text())
    validator = validator_for(schema)(schema)
    for document in documents(path):
        assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)] == []
    broken = documents(path)[-1]
    broken["jobs" if "workflows" in SCHEMAS[path] else "runs" if "github" in path else "variables"] = 5
    assert not validator.is_valid(broken)


def commands(value: Any) -> Iterator[str]:
    """The lines of shell scripts in a document that call the program."""
    if isinstance(value, dict):
        for each in value.values():
            yield from commands(each)
    elif isinstance(value, list):
        for each in value:
            yield from commands(each)
    elif isinstance(value, str):
        yield from (line for line in value.splitlines() if line.startswith("dockopt bot "))


@pytest.mark.parametrize("path", SCHEMAS)
def test_the_options_that_are_used_are_there(path: str) -> None:
    found = [line for document in documents(path) for line in commands(document)]
    assert found or path == "github/scheduled.yml"
    group: Any = get_command(app)
    for line in found:
        words = shlex.split(re.sub(r"(>|\|\|).*", "", line))
        assert words[:2] == ["dockopt", "bot"]
        known = {name for parameter in group.commands[words[2]].params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line


@pytest.mark.parametrize("path", SCHEMAS)
def test_no_expression_stands_in_a_script(path: str) -> None:
    """What stands there is put into the script before the shell reads it: a branch's name could be a command."""
    for document in documents(path):
        assert not [line for line in commands(document) if "${{" in line]
