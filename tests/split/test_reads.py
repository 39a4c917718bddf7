"""What a program is seen to call and to read when it runs."""

from __future__ import annotations

import pytest

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.engine import optimize
from optimizer.model import read
from optimizer.split.python_reads import look
from optimizer.split.reads import MOST_TREES, Reads, seen
from optimizer.split.view import View


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("import subprocess\nsubprocess.run(['git', 'log'])", ["git"]),
        ("import subprocess as sp\nsp.check_output('git log', shell=True)", ["git"]),
        ("from subprocess import Popen as P\nP(('git',))", ["git"]),
        ("import subprocess\nsubprocess.run(args=['git'])", ["git"]),
        ("import os\nos.system('cd /tmp && wget x | tar xz')", ["cd", "wget", "tar"]),
        ("import os\nos.spawnvp(os.P_WAIT, 'git', ['git'])", ["git"]),
        ("import os\nos.execvp('git', ['git'])", ["git"]),
        ("import subprocess\nsubprocess.run(['sh', '-c', 'git log | less'])", ["sh", "git", "less"]),
        ("import subprocess\nGIT = 'git'\nsubprocess.run([GIT, 'log'])", ["git"]),
        ("import subprocess\ndef f(x):\n    cmd = ['git', x]\n    subprocess.run(cmd + [x])", ["git"]),
        ("import subprocess\nsubprocess.run(f'git log {x}', shell=True)", ["git"]),
        ("import subprocess\nsubprocess.run('git log %s' % x, shell=True)", ["git"]),
        ("import subprocess\nsubprocess.run('git log {}'.format(x).split())", ["git"]),
        ("import shlex, subprocess\nsubprocess.run(shlex.split('git log'))", ["git"]),
        ("import subprocess\nsubprocess.run('git' ' log', shell=True)", ["git"]),
        ("import shutil\nshutil.which('git')", ["git"]),
        ("import asyncio\nasync def f():\n    await asyncio.create_subprocess_exec('git')", ["git"]),
        ("import sh\nsh.docker_compose('up')", ["docker-compose"]),
        ("from sh import git", ["git"]),
        ("import pexpect\npexpect.spawn('ssh a')", ["ssh"]),
        ("self.run_command(['git', 'log'])", ["git"]),
        ("import re\nre.compile('git')", []),
        ("import sys, subprocess\nsubprocess.run([sys.executable, 'a.py'])", []),
        ("match x:\n    case 1:\n        import os\n        os.system('git')", ["git"]),
        ("# subprocess.run(['git'])\n'''\nsubprocess.run(['git'])\n'''", []),
    ],
)  # fmt: skip
def test_programs_that_python_starts(text: str, programs: list[str]) -> None:
    found = look(text)
    assert (list(found.starts), found.problem) == (programs, "")


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess\ndef f(x):\n    subprocess.run(x)",
        "import subprocess\nsubprocess.run([x, 'log'])",
        "import os\nos.system(f'{x} log')",
    ],
)
def test_a_program_whose_name_is_computed_is_said(text: str) -> None:
    assert look(text).computed


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("open('/etc/a.conf')", ["/etc/a.conf"]),
        ("from pathlib import Path\nPath('templates') / 'a.html'", ["templates"]),
        ("import os\nos.path.join('/usr/share', 'dict')", ["/usr/share/dict"]),
        ("from jinja2 import FileSystemLoader\nFileSystemLoader('templates')", ["templates"]),
        ("Flask(__name__, template_folder='html')", ["html"]),
        ("def f(x):\n    open(x)\n    open(f'{x}.txt')", []),
        ("open(file='a')", ["a"]),
        ("open('\\N{no such character}')", []),
    ],
)
def test_files_that_python_opens(text: str, paths: list[str]) -> None:
    assert list(look(text).opens) == paths


def test_libraries_that_python_loads() -> None:
    text = "from ctypes.util import find_library\nimport ctypes\nctypes.CDLL('libmagic.so.1')\nfind_library('zbar')\n"
    assert look(text).loads == ("libmagic.so.1", "zbar")


def of(files: dict[str, str], start: str = 'CMD ["python", "app.py"]') -> Reads:
    """What a program of these files is seen to do."""
    model = read(f"FROM python:3.12\nWORKDIR /app\nCOPY . .\n{start}\n")
    return seen(View(model, model.final, MemoryContext(files)), ())


GIT = "import subprocess\nsubprocess.run(['git'])\n"


@pytest.mark.parametrize(
    ("files", "counts"),
    [
        ({"app.py": "import tool", "tool.py": GIT}, True),
        ({"app.py": "import x.tool", "x/__init__.py": GIT, "x/tool.py": ""}, True),
        ({"app.py": "from x import tool", "x/tool.py": GIT}, True),
        ({"app.py": "import x", "x/__init__.py": "from . import tool", "x/tool.py": GIT}, True),
        ({"app.py": "import x.y", "x/y/__init__.py": "from ..tool import f", "x/tool.py": GIT}, True),
        ({"app.py": "def f():\n    import tool", "src/tool.py": GIT}, True),
        ({"app.py": "", "release.py": GIT}, False),
        ({"app.py": "import importlib\nimportlib.import_module(x)", "release.py": GIT}, True),
        ({"app.py": "import django", "release.py": GIT}, True),
        ({"app.py": "x = (", "release.py": GIT}, True),
        ({"app.py": "", "tests/test_app.py": GIT}, False),
    ],
)  # fmt: skip
def test_sources_count_that_the_start_imports(files: dict[str, str], counts: bool) -> None:
    assert ("git" in [each.name for each in of(files).called]) == counts


@pytest.mark.parametrize(
    ("start", "counts"),
    [
        ('CMD ["python", "-m", "app"]', False),
        ('CMD ["gunicorn", "-b", ":80", "app:app"]', False),
        ("CMD exec uvicorn app:app", False),
        ('CMD ["python", "-m", "uvicorn", "app:app"]', False),
        ('CMD ["flask", "run"]', True),
        ('CMD ["python", "other.py", "app"]', True),
        ('CMD ["gunicorn", "-c", "app.py"]', True),
        ('CMD ["python", "-u", "app.py", "--port", "80"]', False),
        ('CMD ["streamlit", "run", "app.py"]', False),
        ('CMD ["tini", "--", "python", "app.py"]', False),
        ('CMD ["serve"]', True),
        ('CMD ["python", "-c", "import app"]', True),
        ('ENTRYPOINT ["./start.sh"]', False),
        ("EXPOSE 80", True),
    ],
)
def test_all_sources_count_where_the_first_is_not_known(start: str, counts: bool) -> None:
    files = {"app.py": "", "release.py": GIT, "start.sh": "#!/bin/sh\ncd /app\nexec python app.py\n"}
    assert ("git" in [each.name for each in of(files, start).called]) == counts


@pytest.mark.parametrize("text", ["x = (", "x = " + "(" * 3_000 + ")" * 3_000, "match x:\n  case (:\n"])
def test_a_file_that_is_not_read_as_a_tree_is_an_open_question_and_read_lexically(text: str) -> None:
    found = of({"app.py": f"{GIT}{text}\n"})
    assert [question.text for question in found.questions] == ["what app.py reads and calls"]
    assert "git" in [each.name for each in found.called]


def test_no_more_is_read_than_takes_a_second() -> None:
    files = {f"a{number}.py": GIT + "# " + "x" * (MOST_TREES // 3) for number in range(5)}
    found = of(files, 'CMD ["serve"]')
    assert [question.text for question in found.questions] == ["what a2.py, a3.py, a4.py reads and calls"]


START = 'CMD ["python", "app.py"]\n'


def split(files: dict[str, str], copies: str) -> str:
    text = (
        "FROM python:3.12-bookworm\nWORKDIR /app\n"
        f"COPY pyproject.toml requirements.txt ./\nRUN pip install -r requirements.txt\n{copies}\n{START}"
    )
    transform = registry.find("multi_stage")
    context = MemoryContext({"pyproject.toml": "[project]\n", "requirements.txt": "uwsgi\n", **files})
    outcome = optimize(text, [transform], suggested={transform.name}, context=context)
    assert outcome.after != text, outcome.refusals
    return outcome.after + "".join(fix.reason for fix in outcome.fixes)


@pytest.mark.parametrize(
    ("app", "stays"), [("open('pyproject.toml')", True), ("open('data.toml')", False)]
)  # fmt: skip
def test_a_manifest_that_the_program_opens_comes_along(app: str, stays: bool) -> None:
    final = split({"app.py": app}, "COPY app.py .").split("\n\nFROM ")[1]
    assert ("COPY pyproject.toml" in final) == stays


def test_files_of_the_larger_base_are_open_questions() -> None:
    found = split({"app.py": "open('/usr/share/dict/words')\nimport ctypes\nctypes.CDLL('libmagic.so.1')"}, "COPY . .")
    assert "whether python:3.12-slim-bookworm has /usr/share/dict/words, which app.py reads" in found
    assert "whether python:3.12-slim-bookworm has the library libmagic.so.1, which app.py loads" in found
