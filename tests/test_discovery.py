from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from optimizer.discovery import Discovery, Found, discover


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository, the working folder."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(files: Mapping[str, str]) -> None:
    for path, text in files.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(dedent(text))


def search(*paths: str, context: str | None = None) -> Discovery:
    return discover(map(Path, paths or ["."]), Path(context) if context else None)


def the_only(discovery: Discovery) -> Found:
    assert discovery.errors == discovery.notes == ()
    (found,) = discovery.found
    return found


NAMES = {
    "Dockerfile": True,
    "Dockerfile.dev": True,
    "app.Dockerfile": True,
    "app.dockerfile": True,
    "Containerfile": True,
    "Containerfile.x86_64": True,
    "dockerfile": True,
    "Dockerfile.dockerignore": False,
    "Dockerfile.j2": False,
    "Dockerfile.tmpl": False,
    "Dockerfile.dev.orig": False,
    "Dockerfile~": False,
    "Dockerfiles": False,
    "MyDockerfile": False,
    "docker-compose.yml": False,
}


def test_finds_files_by_their_names(tree: Path) -> None:
    write({f"sub/{name}": "" for name in NAMES})
    expected = [Path("sub", name) for name, is_one in NAMES.items() if is_one]
    assert [found.path for found in search().found] == sorted(expected)


def test_the_hooks_of_pre_commit_take_the_same_files() -> None:
    hooks = yaml.safe_load((Path(__file__).parents[1] / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        taken = {
            name: bool(re.search(hook["files"], path) and not re.search(hook["exclude"], path))
            for name in NAMES
            for path in [f"sub/{name}"]
        }
        assert taken == NAMES


def test_stays_out_of_what_is_not_the_projects_own(tree: Path) -> None:
    write({
        f"{folder}/Dockerfile": ""
        for folder in (".git", "node_modules/x", ".venv", "py/env", "src", "Dockerfile.d")
    })  # fmt: skip
    write({"py/env/pyvenv.cfg": ""})
    Path("loop").symlink_to(".")
    assert [str(found.path) for found in search().found] == ["Dockerfile.d/Dockerfile", "src/Dockerfile"]


def test_a_link_that_leads_round_in_a_circle_hides_nothing(tree: Path) -> None:
    write({"Dockerfile": ""})
    Path("Containerfile").symlink_to("Containerfile")
    assert the_only(search()).path == Path("Dockerfile")


def test_gives_each_file_once_in_any_order(tree: Path) -> None:
    write({"a/Dockerfile": "", "b/Dockerfile": "", "b/odd": ""})
    Path("b/Dockerfile.link").symlink_to("Dockerfile")
    orders = itertools.permutations(["b", "a/Dockerfile", ".", "b/odd", "a"])
    (only,) = {search(*paths).found for paths in orders}
    assert [(str(each.path), each.explicit) for each in only] == [
        ("a/Dockerfile", True),
        ("b/Dockerfile", False),
        ("b/odd", True),
    ]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing/Dockerfile", "no such file or folder"),
        ("empty", "no Dockerfile in this folder"),
        ("Dockerfile", "no Dockerfile in this folder"),
        ("link", "the link leads nowhere"),
        ("/dev/null", "neither a file nor a folder"),
    ],
)
def test_says_what_is_wrong_with_a_path(tree: Path, path: str, words: str) -> None:
    write({"empty/readme": "", "Dockerfile/readme": "", "good/Dockerfile": ""})
    Path("link").symlink_to("gone")
    discovery = search(path, "good")
    assert [str(found.path) for found in discovery.found] == ["good/Dockerfile"]
    (error,) = discovery.errors
    assert str(error).startswith(f"{path}: ")
    assert words in error.message


def test_takes_the_dockerfiles_folder_as_context_when_nothing_says_more(tree: Path) -> None:
    write({"a/Dockerfile": ""})
    for path in ("a", "a/Dockerfile", "."):
        found = the_only(search(path))
        assert (found.context, found.sources, found.targets_known) == (Path("a"), (), True)
    assert the_only(search("a", context="b")).context == Path("b")
    assert the_only(search(str(tree / "a"))).context == tree / "a"


def test_a_path_outside_any_repository_looks_no_further_up(tree: Path) -> None:
    (tree / ".git").rmdir()
    write({"a/Dockerfile": "", "compose.yaml": "services: {x: {build: {context: ., dockerfile: a/Dockerfile}}}"})
    assert the_only(search("a")).context == Path("a")
    assert the_only(search(".")).context == Path(".")


COMPOSE = """
    x-build: &build
      context: .
      args: {VERSION: 1.0, USER: $USER}
    services:
      web:
        build:
          <<: *build
          dockerfile: docker/web.docker
          target: production
      db: {image: postgres}
      inline: {build: {dockerfile_inline: FROM scratch}}
      remote: {build: https://example.com/repo.git}
      short: {build: ./short}
      reset: !reset null
"""


@pytest.mark.parametrize("given", [".", "docker/web.docker"])
def test_reads_compose(tree: Path, given: str) -> None:
    write({"docker/web.docker": "", "short/Dockerfile": "", "compose.yaml": COMPOSE})
    discovery = search(given)
    assert discovery.notes == ()
    found = discovery.found[0]
    assert found.path == Path("docker/web.docker")
    assert found.context == Path(".")
    assert found.targets == ("production",)
    assert found.args == (("VERSION", "1.0"),)
    assert found.sources == (Path("compose.yaml"),)
    if given == ".":
        assert discovery.found[1].context == Path("short")


def test_merges_what_compose_files_override(tree: Path) -> None:
    write({
        "app/Dockerfile": "",
        "docker-compose.yml": "services: {app: {build: {context: app, target: run}}}",
        "docker-compose.override.yml": "services: {app: {build: {target: dev, args: ['A=1', B]}}}",
        "other/compose.yml": "services: {app: {build: {context: ../app, additional_contexts: [src=../src]}}}",
    })  # fmt: skip
    found = the_only(search("app", "other/../app"))
    assert (found.context, found.targets, found.contexts) == (Path("app"), ("dev", "run"), ())
    assert found.args == ()  # not the same in every build
    assert the_only(search(".")).contexts == (("src", "../src"),)


BAKE_HCL = """
    variable "TAG" { default = "latest" }
    group "default" { targets = ["app"] }
    target "_common" {
      context = "."            # from this file's folder
      args = { A = "1", "B" = TAG, C = "${TAG}", D = true, E = null }
    }
    target "app" {
      inherits   = ["_common"]
      dockerfile = "docker/Dockerfile"
      target     = "run"
      contexts   = { src = "../src" }
    }
    target "inline" { dockerfile-inline = "FROM scratch" }
"""
BAKE_JSON = """
    {"target": {"_common": {"context": ".", "args": {"A": "1", "B": "${TAG}", "D": "true"}},
                "app": {"inherits": ["_common", "app"], "dockerfile": "docker/Dockerfile", "target": "run",
                        "contexts": {"src": "../src"}},
                "odd": "no target"}}
"""


@pytest.mark.parametrize(("name", "text"), [("docker-bake.hcl", BAKE_HCL), ("docker-bake.json", BAKE_JSON)])
def test_reads_bake(tree: Path, name: str, text: str) -> None:
    write({"docker/Dockerfile": "", name: text})
    found = the_only(search("docker"))
    assert (found.context, found.targets, found.sources) == (Path("."), ("run",), (Path(name),))
    assert found.args == (("A", "1"), ("D", "true"))
    assert found.contexts == (("src", "../src"),)


def test_merges_bake_files(tree: Path) -> None:
    write({
        "a/Dockerfile": "",
        "docker-bake.hcl": 'target "app" {\n context = "a"\n target = "run"\n}\n',
        "docker-bake.override.json": '{"target": {"app": {"target": "dev"}}}',
    })  # fmt: skip
    assert the_only(search("a")).targets == ("dev",)


@pytest.mark.parametrize(
    ("script", "context", "targets"),
    [
        ("docker build -f docker/Dockerfile --target run -t x .", ".", ["run"]),
        ("docker build --file=docker/Dockerfile --target=run --pull docker", "docker", ["run"]),
        ("docker buildx build --push -t a:$TAG -fdocker/Dockerfile .", ".", []),
        ("sudo podman build -f docker/Dockerfile . # a comment", ".", []),
        ("X=1 buildah bud -f docker/Dockerfile \\\n  --target run .", ".", ["run"]),
        ("# it's\ntrue && docker build -f docker/Dockerfile .; echo done", ".", []),
        ("cd docker\ndocker build --target run .", "docker", ["run"]),
        ("(cd docker && docker build --target a .)\ndocker build --target b docker", "docker", ["a", "b"]),
        ("cd $CI_PROJECT_DIR/docker\ndocker build ..\ndocker build .", "docker", []),
        ("docker build $CI_PROJECT_DIR -f ${CI_PROJECT_DIR}/docker/Dockerfile", ".", []),
        ("docker build -f docker/Dockerfile . --target run\necho 'open", ".", ["run"]),
    ],
)
@pytest.mark.parametrize("kind", ["gitlab", "gitlab before", "github"])
def test_reads_scripts_of_ci(tree: Path, kind: str, script: str, context: str, targets: list[str]) -> None:
    path = write_ci(kind, script)
    found = the_only(search("docker"))
    assert (found.context, found.sources) == (Path(context), (Path(path),))
    assert (list(found.targets), found.targets_known) == (targets, True)


@pytest.mark.parametrize(
    "script",
    [
        "docker build .",
        "docker build -f docker/Dockerfile --target run $DIR",
        "docker build -f $FILE --target run .",
        "cd $DIR\ndocker build -f docker/Dockerfile --target run .",
        "popd\ndocker build -f docker/Dockerfile --target run .",
        "docker build -f docker/Dockerfile . --target run more",
        "docker build -f",
        "echo docker build -f docker/Dockerfile .",
        "docker build -f docker/Dockerfile . 'open",
        "docker buildx imagetools create x",
        "docker build -f docker/Dockerfile --target run https://example.com/repo.git",
        "docker build -f docker/Dockerfile --target run gone",
    ],
)
@pytest.mark.parametrize("kind", ["gitlab", "gitlab before", "github"])
def test_takes_nothing_from_a_script_that_is_not_certain(tree: Path, kind: str, script: str) -> None:
    write_ci(kind, script)
    assert the_only(search("docker")) == Found(Path("docker/Dockerfile"), Path("docker"))


def write_ci(kind: str, script: str) -> str:
    """Writes docker/Dockerfile and a CI file that runs the script; gives the CI file's path."""
    write({"docker/Dockerfile": ""})
    if kind == "github":
        path = ".github/workflows/build.yml"
        document: object = {"jobs": {"build": {"steps": [{"uses": "actions/checkout@v4"}, {"run": script}]}}}
    else:
        path = ".gitlab-ci.yml"
        before, _, last = script.rpartition("\n") if kind == "gitlab before" else ("", "", script)
        if "\\" in script:
            before, last = "", script
        document = {"default": {"before_script": before.splitlines()}, "build": {"script": [last]}}
    write({path: yaml.safe_dump(document)})
    return path


def test_reads_the_build_push_action_and_working_directories(tree: Path) -> None:
    write({
        "a/Dockerfile": "",
        "b/Dockerfile": "",
        "c/x/Dockerfile": "",
        ".github/workflows/ci.yaml": """
            on: push
            jobs:
              build:
                defaults: {run: {working-directory: c}}
                steps:
                  - uses: docker/build-push-action@v6
                    with:
                      context: ${{ github.workspace }}
                      file: ./a/Dockerfile
                      target: run
                      build-args: |
                        A=1
                        B=${{ github.sha }}
                  - run: docker build --target dev .
                    working-directory: ./b
                  - run: docker build x
                  - uses: docker/build-push-action@v6
                    with: {context: "${{ matrix.image }}", target: other}
        """,
    })  # fmt: skip
    a, b, c = search().found
    assert (a.context, a.targets, a.args) == (Path("."), ("run",), (("A", "1"),))
    assert (b.context, b.targets) == (Path("b"), ("dev",))
    assert (c.context, c.sources) == (Path("c/x"), (Path(".github/workflows/ci.yaml"),))


def test_a_target_that_is_a_variable_may_be_any_stage(tree: Path) -> None:
    write({"Dockerfile": "", "compose.yaml": "services: {a: {build: {target: '${STAGE:-dev}'}}}"})
    found = the_only(search())
    assert (found.targets, found.targets_known) == ((), False)


def test_several_contexts_are_none(tree: Path) -> None:
    write({
        "Dockerfile": "",
        "a/x": "",
        "compose.yaml": "services: {one: {build: .}, two: {build: {context: a, dockerfile: ../Dockerfile}}}",
    })  # fmt: skip
    discovery = search()
    assert discovery.found[0].context is None
    (note,) = discovery.notes
    assert str(note).startswith("Dockerfile: it is built with several contexts, . (compose.yaml), a (compose.y")
    assert the_only(search(context="a")).context == Path("a")


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("compose.yaml", "services:\n  a: [b\n", "compose.yaml:3:1", "not valid YAML"),
        ("compose.yaml", "a: &a [*a, *b]\n", "compose.yaml:1:12", "not valid YAML"),
        ("compose.yaml", "a: &a {<<: *a}", "compose.yaml:1:4", "recursive"),
        ("compose.yaml", "? [a]\n: b\n", "compose.yaml:1:3", "not valid YAML"),
        ("compose.yaml", "a: \0", "compose.yaml", "not valid YAML"),
        (".gitlab-ci.yml", "docker: build: x", ".gitlab-ci.yml:1:14", "not valid YAML"),
        (".gitlab-ci.yml", "docker: " + "[" * 900 + "]" * 900, ".gitlab-ci.yml", "nested too deeply"),
        ("docker-bake.json", '{"target":\n}', "docker-bake.json:2:1", "not valid JSON"),
        ("docker-bake.json", "[" * 100_000, "docker-bake.json", "nested too deeply"),
        ("docker-bake.hcl", 'target "a" {\n  x = \n}', "docker-bake.hcl:2:", "not valid HCL"),
        ("compose.yml", "x" * (1 << 20) + "x", "compose.yml", "1 MiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_note(tree: Path, name: str, text: str, place: str, words: str) -> None:
    write({"Dockerfile": "", name: text})
    discovery = search()
    assert discovery.found == (Found(Path("Dockerfile"), Path(".")),)
    (note,) = discovery.notes
    assert str(note).startswith(place)
    assert words in note.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "services: []",
        "services: {a: }",
        "services: {a: {build: }, b: {build: []}, c: []}",
        "a: &a {}\nservices: {b: {build: {<<: [*a, *a], context: $X}}, <<: 1}",
        "services: {a: {build: {context: [], target: {}, args: [1, {}], dockerfile: 1}}}",
        "--- 1\n--- {services: 1}",
    ],
)
def test_odd_compose_files_say_nothing(tree: Path, text: str) -> None:
    write({"Dockerfile": "", "compose.yaml": text, ".gitlab-ci.yml": f"# docker\n{text}"})
    assert the_only(search()).path == Path("Dockerfile")


def test_not_utf8_is_a_note(tree: Path) -> None:
    write({"Dockerfile": ""})
    Path("compose.yaml").write_bytes(b"a: \xe9")
    assert "UTF-8" in search().notes[0].message


def test_takes_a_folder_above_as_context_that_has_what_is_copied(tree: Path) -> None:
    dockerfile = "FROM scratch\nCOPY --from=build /x /x\nCOPY src/ go.mod* /\nRUN --mount=type=bind,source=go.sum ls\n"
    write({"docker/Dockerfile": dockerfile, "src/a": "", "go.sum": ""})
    assert the_only(search()).context == Path()
    assert the_only(search("docker")).context == Path()
    assert the_only(search(str(tree / "docker"))).context == tree
    write({"docker/src/a": "", "docker/go.sum": ""})
    assert the_only(search()).context == Path("docker")


def test_no_folder_is_the_context_where_the_dockerfiles_own_has_nothing_to_copy(tree: Path) -> None:
    write({"docker/Dockerfile": "FROM scratch\nCOPY . /\n", "docker/Dockerfile.dockerignore": "", "src/a": ""})
    assert the_only(search()).context is None
    write({"docker/entrypoint.sh": ""})
    assert the_only(search()).context == Path("docker")
    write({"alone/Dockerfile": "FROM scratch\nCOPY app.py /\n"})
    assert the_only(search("alone")).context is None
    write({"alone/app.py": ""})
    assert the_only(search("alone")).context == Path("alone")
