from __future__ import annotations

import pytest

from optimizer.manifests import UNKNOWN, Needs, Unsafe, needs
from tests.manifests.memory import Memory, ask, found, refused

REQUIREMENTS = {"requirements.txt": "flask\n", "app.py": "", "src/lib.py": ""}


@pytest.mark.parametrize(
    "command",
    [
        "pip install -r requirements.txt",
        "pip3 install --no-cache-dir -r requirements.txt",
        "pip3.9 install --requirement=requirements.txt",
        "/opt/venv/bin/pip install -qr requirements.txt",
        "pip install -rrequirements.txt",
        "pip install -r ./requirements.txt",
        "pip install -r /app/requirements.txt",
        "python -m pip install -U -r requirements.txt",
        "python3.11 -I -m pip install -r requirements.txt --index-url https://pypi.example/simple",
        "pip -q install -r requirements.txt",
        "pip download -d /wheels -r requirements.txt",
        "pip wheel --wheel-dir /wheels -r requirements.txt",
        "uv pip install --system -r requirements.txt",
        "uv pip install --requirements requirements.txt --no-cache",
    ],
)
def test_a_list_is_all_that_is_read(command: str) -> None:
    answer = found(command, REQUIREMENTS)
    assert answer.files == ("requirements.txt",)
    assert (answer.prefetch, answer.same_image, answer.proved) == ((), True, True)


@pytest.mark.parametrize(
    ("texts", "files"),
    [
        ({"requirements.txt": "-r base.txt", "base.txt": "-c pins.txt", "pins.txt": "six<2"}, 3),
        (
            {
                "requirements.txt": "--requirement base.txt",
                "base.txt": "--constraint=pins.txt",
                "pins.txt": "",
            },
            3,
        ),
        ({"requirements.txt": "-r deps/a.txt", "deps/a.txt": "-r b.txt", "deps/b.txt": "# end"}, 3),
        ({"requirements.txt": "-r requirements.txt\nflask"}, 1),
        ({"requirements.txt": "a==1 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\n"}, 1),
        ({"requirements.txt": "# -r missing.txt\nflask # -e ."}, 1),
        ({"requirements.txt": "a \\\n# -e .\nb"}, 1),
        ({"requirements.txt": "\ufeffflask"}, 1),
        (
            {"requirements.txt": 'a @ https://x.example/a.whl ; python_version > "3"\ngit+https://x/y@v#egg=y'},
            1,
        ),
        ({"requirements.txt": "-i https://${USER_NAME}@x.example/simple\n--trusted-host x"}, 1),
        ({"requirements.txt": "-c https://x.example/pins.txt\nflask[async]>=2"}, 1),
        ({"requirements.txt": "./wheels/a.whl", "wheels/a.whl": ""}, 2),
        ({"requirements.txt": "file:wheels/a.tar.gz", "wheels/a.tar.gz": ""}, 2),
        ({"requirements.txt": "a @ file:///app/a.whl", "a.whl": ""}, 2),
        (
            {
                "requirements.txt": "--no-index\n--find-links wheels\na",
                "wheels/a.whl": "",
                "wheels/b.whl": "",
            },
            2,
        ),
        ({"requirements.txt": "./libs/a[x]", "libs/a/pyproject.toml": "", "libs/a/a.py": ""}, 2),
        ({"requirements.txt": "-e libs/a", "libs/a/setup.py": "setup(name='a')", "libs/a/a.py": ""}, 2),
    ],
)
def test_what_lists_name_is_followed(texts: dict[str, str], files: int) -> None:
    answer = found("pip install -r requirements.txt", {**texts, "app.py": ""})
    assert len(answer.files) == files, answer.files
    assert "app.py" not in answer.files
    assert answer.evidence


@pytest.mark.parametrize(
    ("command", "texts", "reason"),
    [
        ("pip install .", {}, "the project itself"),
        ("pip install -e .", {"setup.py": "setup(long_description=open('README.md').read())"}, "README.md"),
        ("pip install -e .[dev]", {}, "the project itself"),
        ("pip install /app", {}, "the project itself"),
        ("pip install file:///app", {}, "the project itself"),
        ("pip install -r requirements.txt", {"requirements.txt": "-e ."}, "the project itself"),
        ("pip install -r requirements.txt", {"requirements.txt": "flask\n."}, "the project itself"),
        ("pip install -r requirements.txt", {}, "not among the copied files"),
        ("pip install -r requirements.txt", {"requirements.txt": "-r gone.txt"}, "gone.txt"),
        ("pip install -r requirements.txt", {"requirements.txt": "./gone"}, "gone"),
        ("pip install -r requirements.txt", {"requirements.txt": "-r ${DEPS}/a.txt"}, "variable"),
        (
            "pip install -r requirements.txt",
            {"requirements.txt": "-r https://x.example/a.txt"},
            "local paths",
        ),
        ("pip install -r requirements.txt", {"requirements.txt": "--strange x"}, "--strange"),
        ("pip install -r *.txt", {"requirements.txt": ""}, "*.txt"),
        ("pip install --only-deps .", {}, "--only-deps"),
        ("pip install -C--build-option=./x a", {}, "./x"),
        (
            "pip install -r r.txt",
            {"r.txt": "./libs/a", "libs/a/setup.py": "open('../../VERSION')"},
            "'../../VERSION'",
        ),
        (
            "pip install -r r.txt",
            {"r.txt": "./libs/a", "libs/a/setup.py": "subprocess.run(['git', 'describe'])"},
            "subprocess.run()",
        ),
        ("pip install -r r.txt", {"r.txt": "./libs/a", "libs/a/a.egg-info/PKG-INFO": ""}, "egg-info"),
        ("pip wheel -r r.txt", {"r.txt": ""}, "among the sources"),
        ("pip install -t lib a", {"lib/b.py": ""}, "writes lib"),
        ("pip install -r r.txt", {"r.txt": "-e git+https://x/y#egg=y", "src/app.py": ""}, "writes src"),
        ("python -m pip install a", {"logging.py": ""}, "logging"),
        ("venv/bin/pip install a", {"venv/bin/pip": ""}, "venv/bin/pip"),
        (
            "uv pip install -r pyproject.toml",
            {"pyproject.toml": '[project]\ndynamic = ["dependencies"]'},
            "builds",
        ),
        ("uv pip install -r setup.py", {"setup.py": ""}, "builds"),
        ("uv pip install .", {}, "the project itself"),
        ("uv pip sync requirements.txt", {"requirements.txt": ""}, "removes"),
    ],
)
def test_what_reads_sources_is_refused(command: str, texts: dict[str, str], reason: str) -> None:
    assert reason in refused(command, texts)


def test_lists_are_installed_before_a_project_that_waits() -> None:
    answer = found("pip install --no-cache-dir -r requirements.txt -e .", {**REQUIREMENTS, "setup.py": ""})
    assert answer.prefetch == (("pip", "install", "--no-cache-dir", "-r", "requirements.txt"),)
    assert answer.files == ("requirements.txt",)
    assert not answer.same_image


@pytest.mark.parametrize(
    ("variable", "value", "files"),
    [
        ("PIP_CONSTRAINT", "pins.txt", ("pins.txt", "requirements.txt")),
        ("PIP_NO_CACHE_DIR", "1", ("requirements.txt",)),
        ("PIP_ROOT_USER_ACTION", "ignore", ("requirements.txt",)),
        ("PIP_INDEX_URL", None, ("requirements.txt",)),
        ("PIPENV_VENV_IN_PROJECT", "1", ("requirements.txt",)),
    ],
)
def test_settings_from_the_environment(variable: str, value: str | None, files: tuple[str, ...]) -> None:
    project = {**REQUIREMENTS, "pins.txt": "six<2"}
    assert found("pip install -r requirements.txt", project, "/app", **{variable: value}).files == files


@pytest.mark.parametrize(("variable", "value"), [("PIP_CONFIG_FILE", "pip.conf"), ("PIP_CONSTRAINT", None)])
def test_unknown_settings_are_refused(variable: str, value: str | None) -> None:
    refused("pip install -r requirements.txt", REQUIREMENTS, "/app", **{variable: value})


@pytest.mark.parametrize(
    "command", ["pip freeze", "pip config set a b", "pip uninstall -y x", "python app.py", "python -m app", "ls", ""]
)
def test_other_commands_are_not_known(command: str) -> None:
    assert ask(command, REQUIREMENTS) is None


def test_packages_by_name_read_nothing() -> None:
    answer = found("pip install --upgrade pip 'flask>=2' git+https://x.example/y", REQUIREMENTS)
    assert answer.files == ()


def test_a_version_need_not_be_known() -> None:
    for view in (Memory(REQUIREMENTS), None):
        answer = needs(["pip", "install", f"flask=={UNKNOWN}", f"x[{UNKNOWN}]>=1", "-i", UNKNOWN], view)
        assert isinstance(answer, Needs)
        assert answer.files == ()
    for word in (UNKNOWN, None, f"./{UNKNOWN}", f"-r{UNKNOWN}", f"x{UNKNOWN}"):
        assert isinstance(needs(["pip", "install", word], Memory(REQUIREMENTS)), Unsafe)


def test_below_the_project() -> None:
    texts = {"api/requirements.txt": "-r ../base.txt", "base.txt": ""}
    answer = found("pip install -r requirements.txt", texts, "/app/api")
    assert answer.files == ("../base.txt", "requirements.txt")


def test_without_a_context_only_the_text_counts() -> None:
    answer = found("pip install -r requirements.txt -c pins.txt", None)
    assert answer.files == ("requirements.txt", "pins.txt")
    assert not answer.proved
    assert "no build context" in refused("pip install -e .", None)


def test_uv_pip_reads_its_settings_and_projects() -> None:
    texts = {
        "pyproject.toml": '[project]\nname = "a"\ndependencies = ["x @ file:///app/x.whl"]',
        "x.whl": "",
        "uv.toml": 'find-links = ["./wheels"]',
        "wheels/y.whl": "",
    }
    answer = found("uv pip install --system -r pyproject.toml", texts)
    assert answer.files == ("pyproject.toml", "uv.toml", "wheels/", "x.whl")


@pytest.mark.parametrize("line", ["-e git+file:///app/lib#egg=x", "x @ git+file:///app/lib", "hg+file:///app/lib"])
def test_a_repository_in_the_project_is_no_download(line: str) -> None:
    reason = refused("pip install -r requirements.txt", {"requirements.txt": line, "lib/setup.py": ""})
    assert "from a repository in" in reason


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("pip install -r requirements.txt", {"PATH": "/root/.pyenv/shims:/usr/bin"}),
        ("pip install -r requirements.txt", {"ASDF_DIR": "/opt/asdf"}),
        ("/root/.local/share/mise/shims/pip install -r requirements.txt", {}),
    ],
)
def test_a_stand_in_for_python_looks_for_the_version(command: str, environment: dict[str, str]) -> None:
    texts = {"api/requirements.txt": "flask", ".python-version": "3.12"}
    answer = found(command, texts, workdir="/app/api", **environment)
    assert answer.files == ("../.python-version", "requirements.txt")
    assert found("pip install -r requirements.txt", texts, workdir="/app/api").files == ("requirements.txt",)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"lib/pyproject.toml": '[tool.setuptools_scm]\nroot = ".."'}, "outside of lib: .."),
        ({"lib/pyproject.toml": '[project]\nreadme = "../README.md"'}, "outside of lib: ../README.md"),
        ({"lib/setup.cfg": "[metadata]\nversion = file: ../VERSION"}, "outside of lib: ../VERSION"),
        ({"lib/pyproject.toml": 'requires = ["hatch-vcs"]', ".git/HEAD": ""}, "above lib: hatch-vcs"),
        ({"lib/setup.py": "setup(use_scm_version=True)", ".git/HEAD": ""}, "above lib: use_scm_version"),
    ],
)
def test_a_package_that_reads_what_lies_above_it(texts: dict[str, str], reason: str) -> None:
    assert reason in refused("pip install -r requirements.txt", {"requirements.txt": "./lib", **texts})


@pytest.mark.parametrize(
    "texts",
    [
        {"lib/pyproject.toml": 'requires = ["hatch-vcs"]'},
        {"lib/pyproject.toml": 'requires = ["hatch-vcs"]', "lib/.git": ""},
        {"lib/pyproject.toml": 'description = "Well... and so on .../x"', ".git/HEAD": ""},
    ],
)
def test_a_package_that_reads_nothing_above_it(texts: dict[str, str]) -> None:
    answer = found("pip install -r requirements.txt", {"requirements.txt": "./lib", "lib/setup.cfg": "", **texts})
    assert answer.files == ("lib/", "requirements.txt")
