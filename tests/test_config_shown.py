"""`dockopt config`: what is in force, where it comes from, and the schema that says what may be written."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from optimizer.config import read
from optimizer.config_shown import json_schema
from optimizer.registry import load
from tests.probes import dockopt
from tests.test_config import ALL

WRONG = (
    "select = 3", "selekt = []", "suggested = 'yes'", "ignore = ['no_such_transform']", "min_saving = 'much'",
    "bot = 1", "bot.draft = 'no'", "bot.request_per = 'file'", "bot.nothing = 1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_setting_with_where_it_comes_from() -> None:
    Path("app").mkdir()
    Path("pyproject.toml").write_text("[tool.dockopt]\nsuggested = true\n[tool.dockopt.bot]\nlabels = ['a b']\n")
    status, out, err = dockopt("config", "show", "app")
    assert (status, err) == (0, "")
    found = {line.partition(" = ")[0]: line.partition(" = ")[2].split("  # ") for line in out.splitlines()}
    assert [part.strip() for part in found["suggested"]] == ["true", "pyproject.toml:2:1"]
    assert [part.strip() for part in found["bot.labels"]] == ['["a b"]', "pyproject.toml:4:1"]
    assert [part.strip() for part in found["bot.draft"]] == ["false", "default"]
    told = json.loads(dockopt("config", "show", "app", "--format", "json")[1])
    assert told["path"].endswith("/pyproject.toml")
    assert told["settings"]["bot.labels"] == {"value": ["a b"], "origin": "pyproject.toml:4:1"}
    assert set(told["settings"]) == set(found)


def test_what_is_wrong_is_told_with_its_place() -> None:
    Path(".dockopt.toml").write_text("suggested = 1\n")
    status, out, err = dockopt("config", "show")
    assert status == 2
    assert err == ".dockopt.toml:1:1: suggested: it should be true or false, and is 1\n"
    assert "suggested = false" in out
    assert dockopt("config", "show", "nowhere")[0] == 2


def test_the_schema_takes_what_the_reader_takes() -> None:
    schema = json.loads(dockopt("config", "schema")[1])
    assert schema == json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(tomllib.loads(ALL))
    validator.validate({})
    names = {each.name for each in load()}
    for text in WRONG:
        Path(".dockopt.toml").write_text(text)
        config = read(Path(".dockopt.toml"), names)
        assert config is not None
        assert config.problems, text
        assert not validator.is_valid(tomllib.loads(text)), text


def test_everything_in_the_schema_is_described() -> None:
    schema = json_schema()
    for properties in (schema["properties"], schema["properties"]["bot"]["properties"]):
        for key, value in properties.items():
            assert key == "bot" or value["description"].endswith((".", "`.")), key
            assert key == "bot" or "default" in value
