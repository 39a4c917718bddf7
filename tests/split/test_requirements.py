"""What the files of a project say that it depends on."""

from __future__ import annotations

import pytest

from optimizer.context import MemoryContext
from optimizer.model import read
from optimizer.split.shapes._requirements import named
from optimizer.split.view import View

SETUP = """\
from setuptools import setup
needs = ["psycopg2>=2.9", "flask"]
setup(name="x", install_requires=needs, extras_require={"test": ["pytest"]})
"""
CFG = """\
[options]
install_requires =
    lxml; os_name == 'posix'
    six; sys_platform == "win32"
"""


@pytest.mark.parametrize(
    ("run", "files", "names"),
    [
        (
            "pip install .",
            {"pyproject.toml": '[project]\ndependencies = ["Flask >= 2", "psycopg[c]"]\n'},
            "flask psycopg",
        ),
        ("pip install -e './[test]'", {"setup.cfg": CFG}, "lxml"),
        ("pip install . gunicorn", {"setup.py": SETUP}, "flask gunicorn psycopg2"),
        ("pip install /app", {"setup.py": SETUP.replace("=needs", '=["six", other]')}, "six"),
        ("pip install .", {"setup.py": "install_requires = ["}, ""),
        ("pip install .", {"pyproject.toml": "[project", "setup.cfg": "a = 1"}, ""),
        ("pip install .", {"pyproject.toml": "project = 1\n[tool]\npoetry = []\n"}, ""),
        ("pip install gunicorn", {"pyproject.toml": '[project]\ndependencies = ["flask"]\n'}, "gunicorn"),
        ("pip install -r wanted.txt", {"wanted.txt": "flask==1 # why\n-e .\n# no\nlxml\n"}, "flask lxml"),
        ("pip install https://example.org/x.whl", {"setup.py": SETUP}, ""),
        (
            "poetry install",
            {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.9"\nlxml = "*"\n'},
            "lxml python",
        ),
        ("pipenv sync", {"Pipfile": '[packages]\nlxml = {extras = ["x"]}\n[dev-packages]\nsix = "*"\n'}, "lxml"),
        ("flit install", {"pyproject.toml": '[project]\ndependencies = ["six"]\n'}, "six"),
    ],
)
def test_what_an_install_names(run: str, files: dict[str, str], names: str) -> None:
    model = read(f"FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN {run}\n")
    view = View(model, model.final, MemoryContext(files))
    assert " ".join(sorted(each.name for call in view.calls for each in named(view, call))) == names
