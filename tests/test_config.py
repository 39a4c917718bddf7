from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.config import BotSettings, Config, Settings, load, override, read
from optimizer.toml_places import key_places, line_and_column

TRANSFORMS = ("clean_package_caches", "merge_runs", "slim_base")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, the working folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


ALL = """\
select = ["merge_runs"]
ignore = ['slim_base']  # why not
suggested = true
enable = ["merge_runs"]
merge_in_builder_stages = true
min_saving = 10
exclude = [
    "examples",
    "**/*.old",
]
"""
ALL_SETTINGS = Settings(("merge_runs",), ("slim_base",), True, ("merge_runs",), True, 10.0, ("examples", "**/*.old"))


@pytest.mark.parametrize(
    ("name", "before", "line"),
    [(".dockopt.toml", "", 0), ("pyproject.toml", "[project]\n\n[tool.dockopt]\n", 3)],
)
def test_reads_every_setting_and_where_it_stands(folder: Path, name: str, before: str, line: int) -> None:
    Path(name).write_text(before + ALL)
    config = load(Path("a/b/Dockerfile"), TRANSFORMS)
    assert config.problems == ()
    assert config.settings == ALL_SETTINGS
    assert config.path == folder / name
    assert config.origins == {
        "select": f"{name}:{line + 1}:1",
        "ignore": f"{name}:{line + 2}:1",
        "suggested": f"{name}:{line + 3}:1",
        "enable": f"{name}:{line + 4}:1",
        "merge_in_builder_stages": f"{name}:{line + 5}:1",
        "min_saving": f"{name}:{line + 6}:1",
        "exclude": f"{name}:{line + 7}:1",
        "bot": "default",
    }


def test_the_table_of_the_bot_is_read_with_the_places_of_what_is_wrong(folder: Path) -> None:
    Path("pyproject.toml").write_text(
        """\
[tool.dockopt]
suggested = true
[tool.dockopt.bot]
enabled = true
labels = ["docker", "chore"]
request_per = "file"
max_open = "many"
drafts = true
"""
    )
    config = load(Path("Dockerfile"), TRANSFORMS)
    assert config.settings == Settings(suggested=True, bot=BotSettings(True, labels=("docker", "chore")))
    assert config.origins["bot"] == "pyproject.toml:3:2"
    assert [str(each) for each in config.problems] == [
        'pyproject.toml:6:1: bot.request_per: it should be "directory" or "repository", and is "file"',
        'pyproject.toml:7:1: bot.max_open: it should be a whole number, and is "many"',
        "pyproject.toml:8:1: bot.drafts: there is no such setting: did you mean draft?",
    ]


def test_the_table_of_the_bot_has_to_be_a_table(folder: Path) -> None:
    Path(".dockopt.toml").write_text("bot = true\n")
    (problem,) = load(Path("Dockerfile"), TRANSFORMS).problems
    assert str(problem) == ".dockopt.toml:1:1: bot: it should be a table, and is true"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"pyproject.toml": "[tool.dockopt]"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.dockopt]", "a/pyproject.toml": "[tool.ruff]"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.dockopt]", "a/pyproject.toml": "[broken"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.dockopt]", "a/pyproject.toml": "tool = 1"}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.dockopt]", "a/pyproject.toml": "[tool.dockopt]"}, "a/pyproject.toml"),
        ({"pyproject.toml": "[tool.dockopt]", ".dockopt.toml": ""}, ".dockopt.toml"),
        ({"a/.dockopt.toml": "", "a/b/pyproject.toml": "[tool.dockopt]"}, "a/b/pyproject.toml"),
        ({"../.dockopt.toml": ""}, None),
    ],
)
def test_takes_the_nearest_file(folder: Path, files: dict[str, str], expected: str | None) -> None:
    for path, text in files.items():
        Path(path).write_text(text)
    config = load(Path("a/b/Dockerfile"), TRANSFORMS)
    assert config.path == (None if expected is None else folder / expected)
    assert config.settings == Settings()
    assert set(config.origins.values()) == {"default"}
    assert config.problems == ()
    (folder.parent / ".dockopt.toml").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (".dockopt.toml", "slect = []", "1:1: slect: there is no such setting: did you mean select?"),
        (
            ".dockopt.toml",
            "\n  xyz = 1",
            "2:3: xyz: there is no such setting: there are bot, enable, exclude, ignore, merge",
        ),
        (".dockopt.toml", "[tool.dockopt]\nselect = []", "1:2: tool: there is no such setting"),
        (
            ".dockopt.toml",
            "a = '''\nselect = 1\n'''\nselect = 1",
            "4:1: select: it should be a list of texts, and is 1",
        ),
        (
            ".dockopt.toml",
            "select = 'merge_runs'",
            '1:1: select: it should be a list of texts, and is "merge_runs"',
        ),
        (".dockopt.toml", "ignore = [1]", "1:1: ignore: it should be a list of texts, and is [1]"),
        (".dockopt.toml", "suggested = 'no'", '1:1: suggested: it should be true or false, and is "no"'),
        (".dockopt.toml", "suggested = 1", "1:1: suggested: it should be true or false, and is 1"),
        (".dockopt.toml", "min_saving = '5'", '1:1: min_saving: it should be a number, and is "5"'),
        (".dockopt.toml", "enable = ['x']", "1:11: enable: no transform is called 'x'"),
        (".dockopt.toml", "suggested = 1979-05-27", "1:1: suggested: it should be true or false, and is"),
        (
            ".dockopt.toml",
            "ignore = [\n  'slim_base',\n  'merge_run',\n]",
            "3:3: ignore: no transform is called 'merge_run': did you mean merge_runs?",
        ),
        (".dockopt.toml", "exclude = ['a', '[b']", "1:17: exclude: '[b' is no pattern: a [ is not closed"),
        (".dockopt.toml", "select = [\n", "2:1: not valid TOML: "),
        (".dockopt.toml", "select == 1", "1:9: not valid TOML: "),
        ("pyproject.toml", "[tool.dockopt]\n'select' = 1", "2:1: select: "),
        ("pyproject.toml", "[tool]\ndockopt.select = 1", "2:1: select: "),
        ("pyproject.toml", "[tool]\n\ndockopt = {select = 1}", "3:1: select: "),
        ("pyproject.toml", "[tool]\ndockopt = 1", "2:1: tool.dockopt: it should be a table"),
        ("pyproject.toml", "[tool.dockopt.merge_runs]\nx = 1", "1:2: merge_runs: there is no such setting"),
        ("pyproject.toml", "[tool.dockopt]\nselect = [", "2:11: not valid TOML: "),
    ],
)
def test_says_what_is_wrong_and_where(folder: Path, name: str, text: str, expected: str) -> None:
    Path(name).write_text(text)
    config = load(Path("Dockerfile"), TRANSFORMS)
    assert [str(problem)[: len(name) + 1 + len(expected)] for problem in config.problems[-1:]] == [f"{name}:{expected}"]
    assert config.settings == Settings()


def test_reports_all_that_is_wrong_and_keeps_the_rest(folder: Path) -> None:
    Path(".dockopt.toml").write_text("select = 1\nsuggested = true\nignore = ['x', 'y']\n")
    config = load(Path("Dockerfile"), TRANSFORMS)
    assert [(problem.line, problem.column) for problem in config.problems] == [(1, 1), (3, 11), (3, 16)]
    assert config.settings == Settings(suggested=True)


def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    Path(".dockopt.toml").write_bytes(b"a = '\xe9'")
    assert "save it as UTF-8" in load(Path("Dockerfile"), TRANSFORMS).problems[0].message
    missing = read(Path("gone.toml"), TRANSFORMS)
    assert missing is not None
    assert str(missing.problems[0]) == "gone.toml: it cannot be read: No such file or directory"


def test_the_command_line_goes_first_where_it_says_something(folder: Path) -> None:
    Path(".dockopt.toml").write_text(ALL)
    config = load(Path("Dockerfile"), TRANSFORMS)
    assert override(config) == config
    over = override(config, select=("slim_base",), suggested=True)
    assert over.settings.select == ("slim_base",)
    assert over.settings.ignore == config.settings.ignore
    assert {key for key, origin in over.origins.items() if origin == "command line"} == {
        "select",
        "suggested",
    }
    assert override(Config(), ignore=("slim_base",)).settings == Settings(ignore=("slim_base",))


@pytest.mark.parametrize(
    ("dockerfile", "excluded"),
    [
        ("a/examples/Dockerfile", True),
        ("a/examples/x/Dockerfile", True),
        ("examples/Dockerfile", False),
        ("a/b/Dockerfile.old", True),
        ("a/b/Dockerfile", False),
    ],
)
def test_excludes_from_its_own_folder_on(folder: Path, dockerfile: str, excluded: bool) -> None:
    Path("a/.dockopt.toml").write_text(ALL)
    config = load(Path("a/b/Dockerfile"), TRANSFORMS)
    assert config.excludes(Path(dockerfile)) is config.excludes(folder / dockerfile) is excluded
    assert not Config().excludes(Path(dockerfile))


def test_costs_nothing_without_a_file(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from optimizer.config import load; load(Path('x'), ());"
        "print({'tomllib', 'json', 'yaml'} & set(sys.modules))"
    )
    run = [sys.executable, "-c", code]
    path = {"PYTHONPATH": str(Path(__file__).parents[1])}
    assert subprocess.run(run, capture_output=True, text=True, check=True, env=path).stdout == "set()\n"


TOML = '''\
a = 1
b.c = "x = [" # d = 1
"e f" = [
  "g = 1", {h = 2},
]
i = """
j = 1
"""
[k.'l']
m = {n = 1}

[[o]]
p = true
'''


def test_finds_keys() -> None:
    places = {key: line_and_column(TOML, at) for key, at in key_places(TOML).items()}
    assert places == {
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", "c"): (2, 1),
        ("e f",): (3, 1),
        ("i",): (6, 1),
        ("k",): (9, 2),
        ("k", "l"): (9, 2),
        ("k", "l", "m"): (10, 1),
        ("o",): (12, 3),
        ("o", "p"): (13, 1),
    }


values = st.sampled_from(["1", '"x = 1"', "'''\n[t]\nx = 1\n'''", "[\n1, # ]\n[2],\n]", "{a = '}'}", '"\\""'])


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c-d", '"e"']), values),
    st.sampled_from(["", "[t]\n", "# x\n"]),
)
def test_finds_each_key_where_tomllib_reads_it(pairs: dict[str, str], before: str) -> None:
    text = before + "".join(f"{key} = {value}\n" for key, value in pairs.items())
    table = tomllib.loads(text)
    prefix = ("t",) if before == "[t]\n" else ()
    for key in table["t"] if prefix else table:
        at = key_places(text)[(*prefix, key)]
        assert text[at:].strip('"').startswith(key)
        assert at == 0 or text[at - 1] == "\n"
