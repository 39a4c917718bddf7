from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.context import BuildContext, DirectoryContext, MemoryContext
from optimizer.trees import MAX_TEXT


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


FILES = {
    "Dockerfile": "FROM scratch\n",
    ".dockerignore": "*.log\nbuild\n!build/keep\nsecret\n",
    "a.txt": "é\r\n",
    "a/b.txt": "",
    "a/c/d.txt": "",
    "a/e.log": "",
    "build/keep/x": "",
    "build/drop": "",
    "secret/key": "",
    "e.log": "",
}


@pytest.fixture(params=["directory", "memory", "written over"])
def context(request: pytest.FixtureRequest, tmp_path: Path) -> BuildContext:
    if request.param == "memory":
        return MemoryContext(FILES)
    if request.param == "directory":
        return DirectoryContext(write(tmp_path, FILES))
    written: BuildContext = DirectoryContext(tmp_path)
    for path, text in FILES.items():
        written = written.with_file(path, text)
    return written


def test_lists_what_the_builder_gets(context: BuildContext) -> None:
    assert list(context.files()) == [
        ".dockerignore", "Dockerfile", "a.txt", "a/b.txt", "a/c/d.txt", "a/e.log", "build/keep/x",
    ]  # fmt: skip
    assert list(context.files("a/c")) == ["a/c/d.txt"]
    assert list(context.files("./build/")) == ["build/keep/x"]
    assert list(context.files("secret")) == list(context.files("a.txt")) == []
    assert not context.truncated


@pytest.mark.parametrize(
    ("path", "is_file", "is_dir", "on_disk"),
    [
        ("", False, True, True),
        (".", False, True, True),
        ("a.txt", True, False, True),
        ("/a.txt", True, False, True),
        ("../a.txt", True, False, True),
        ("a", False, True, True),
        ("a/c/", False, True, True),
        ("e.log", False, False, True),
        ("a/e.log", True, False, True),
        ("build", False, True, True),
        ("build/drop", False, False, True),
        ("secret", False, False, True),
        ("secret/key", False, False, True),
        ("nothing", False, False, False),
        ("a.txt/x", False, False, False),
        ("a\0b", False, False, False),
    ],
)
def test_hidden_paths_do_not_exist(
    context: BuildContext, path: str, is_file: bool, is_dir: bool, on_disk: bool
) -> None:
    assert (context.is_file(path), context.is_dir(path), context.on_disk(path)) == (is_file, is_dir, on_disk)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("./a/", ["a"]),
        (".", [""]),
        ("e.log", []),
        ("*", [".dockerignore", "Dockerfile", "a", "a.txt", "build"]),
        ("a*", ["a", "a.txt"]),
        ("*/*.txt", ["a/b.txt"]),
        ("a/*", ["a/b.txt", "a/c", "a/e.log"]),
        ("**/d.txt", []),
        ("?.txt", ["a.txt"]),
        ("[ab]*", ["a", "a.txt", "build"]),
        ("a[^x]b.txt", ["a/b.txt"]),
        ("Dockerfil[", []),
        ("nothing*", []),
        ("nothing/*", []),
        ("requirements*.txt", []),
    ],
)
def test_globs_like_copy(context: BuildContext, pattern: str, found: list[str]) -> None:
    assert sorted(context.glob(pattern)) == found


def test_reads_text_as_it_stands(context: BuildContext) -> None:
    assert context.read("a.txt") == "é\r\n"
    assert context.read("a/b.txt") == ""
    assert context.read("e.log") is context.read("a") is context.read("nothing") is None


def test_looks_behind_the_rules(context: BuildContext) -> None:
    assert context.names_on_disk("secret") == ("key",)
    assert context.names_on_disk("a.txt") == context.names_on_disk("none") == ()
    assert "secret" in context.names_on_disk()
    assert context.read("build/drop") is None
    assert context.read_on_disk("build/drop") == ""
    assert context.read_on_disk("secret") is None
    assert not context.truncated


def test_a_file_written_over_the_context_counts(context: BuildContext) -> None:
    written = context.with_file("new/x.log", "x").with_file(".dockerignore", "a\n")
    gone = {path for path in FILES if path.startswith("a/")}
    assert list(written.files()) == sorted({*FILES, "new/x.log"} - gone)
    assert written.read("new/x.log") == "x"
    assert written.is_dir("new")
    assert not context.on_disk("new")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_reads_text_that_says_how_it_is_encoded(encoding: str, tmp_path: Path) -> None:
    context = DirectoryContext(write(tmp_path, {"a": "-r é\n".encode(encoding)}))
    assert context.read("a") == "-r é\n"
    assert (context.read_on_disk("a") is None) == (encoding in ("utf-16", "utf-32"))


def test_reads_only_small_utf8(tmp_path: Path) -> None:
    files = {"latin": b"\xe9", "large": b"x" * (MAX_TEXT + 1), "fits": b"x" * MAX_TEXT}
    context = DirectoryContext(write(tmp_path, files))
    assert context.read("latin") is context.read("large") is None
    assert context.read("fits") == "x" * MAX_TEXT
    assert [context.size(path) for path in ("fits", "large", "none")] == [MAX_TEXT, MAX_TEXT + 1, None]


def test_never_opens_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    context = DirectoryContext(tmp_path)
    assert context.read("pipe") is None  # opening it would wait for a writer, for ever
    assert not context.is_file("pipe")
    assert context.on_disk("pipe")
    assert list(context.files()) == []


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("real.txt", "real"),
        ("sub/../real.txt", "real"),
        ("/real.txt", "real"),  # the builder's root, not the machine's
        ("../../real.txt", "real"),  # stops at the root
        ("{outside}/outside.txt", None),
        ("../outside.txt", None),
        ("hidden.txt", None),
        ("link", None),  # a loop
        ("nothing", None),
        ("sub", None),
    ],
)
def test_follows_links_inside_the_context_only(tmp_path: Path, target: str, text: str | None) -> None:
    write(tmp_path, {"outside.txt": "outside"})
    root = write(
        tmp_path / "root",
        {"real.txt": "real", "hidden.txt": "hidden", "sub/x": "", ".dockerignore": "hidden.txt"},
    )
    (root / "link").symlink_to(target.format(outside=tmp_path))
    context = DirectoryContext(root)
    assert context.read("link") == text
    assert context.is_file("link") is (text is not None)
    assert "link" in context.files()


def test_knows_links_from_what_they_lead_to(tmp_path: Path) -> None:
    root = write(tmp_path, {"real/a": ""})
    (root / "link").symlink_to("real")
    (root / "away").symlink_to("/srv/data")
    context = DirectoryContext(root)
    assert context.is_link("link")
    assert context.is_link("away")
    assert not any(map(context.is_link, ("", "real", "real/a", "link/a", "missing")))


def test_a_hidden_link_leads_nowhere(tmp_path: Path) -> None:
    root = write(tmp_path, {"real/a": "", ".dockerignore": "link"})
    (root / "link").symlink_to("real")
    assert not DirectoryContext(root).is_file("link/a")
    (root / ".dockerignore").unlink()
    assert DirectoryContext(root).is_file("link/a")
    assert list(DirectoryContext(root).files("link")) == ["real/a"]
    assert DirectoryContext(root).glob("link/*") == ("real/a",)


@pytest.mark.parametrize(
    ("files", "dockerfile", "ignore_path", "visible"),
    [
        ({"a": "", "b": ""}, "Dockerfile", None, ["a", "b"]),
        ({"a": "", "b": "", ".dockerignore": ".*\na"}, "Dockerfile", ".dockerignore", ["b"]),
        (
            {"a": "", "b": "", ".dockerignore": "a", "D.dockerignore": "*.*\nb"},
            "D",
            "D.dockerignore",
            ["a"],
        ),
        ({"a": "", "x/.dockerignore": "a", ".dockerignore": "x\n.*"}, "x/D", ".dockerignore", ["a"]),
        ({"a": "", "b": "", "x/D.dockerignore": "x\na"}, "x/D", "x/D.dockerignore", ["b"]),
    ],
)
def test_takes_the_dockerfiles_own_ignore_file_first(
    tmp_path: Path, files: dict[str, str], dockerfile: str, ignore_path: str | None, visible: list[str]
) -> None:
    root = write(tmp_path, files)
    for context in (DirectoryContext(root, root / dockerfile), MemoryContext(files, dockerfile)):
        assert context.ignore_path == ignore_path
        assert (context.ignore is None) is (ignore_path is None)
        assert list(context.files()) == visible


def test_takes_the_ignore_file_beside_a_dockerfile_outside(tmp_path: Path) -> None:
    write(tmp_path, {"docker/D.dockerignore": "a", "app/a": "", "app/b": "", "app/.dockerignore": "b"})
    context = DirectoryContext(tmp_path / "app", tmp_path / "docker/D")
    assert context.ignore_path == "../docker/D.dockerignore"
    assert list(context.files()) == [".dockerignore", "b"]


def test_names_the_ignore_file_in_problems(tmp_path: Path) -> None:
    ignore = DirectoryContext(write(tmp_path, {".dockerignore": "a\n[\n"})).ignore
    assert ignore is not None
    assert [(each.path, each.line) for each in ignore.problems] == [(f"{tmp_path}/.dockerignore", 2)]
    (tmp_path / "sub/.dockerignore").mkdir(parents=True)
    unreadable = DirectoryContext(tmp_path / "sub").ignore
    assert unreadable is not None
    assert "cannot be read" in unreadable.problems[0].message


def test_says_when_it_did_not_look_at_everything(tmp_path: Path) -> None:
    root = write(tmp_path, {"a/x": "", "b/1": "", "b/2": "", "b/3": "", "c/y": ""})
    context = DirectoryContext(root, max_entries=5)
    assert list(context.files()) == ["a/x", "c/y"]
    assert context.truncated
    assert context.is_file("b/2")
    whole = DirectoryContext(root, max_entries=8)
    assert len(list(whole.files())) == 5
    assert not whole.truncated


def test_does_not_enter_what_is_hidden_for_good(tmp_path: Path) -> None:
    root = write(tmp_path, {"node_modules/a": "", "src/b": "", ".dockerignore": "*\n!src\n"})
    context = DirectoryContext(root, max_entries=4)
    assert list(context.files()) == ["src/b"]
    assert not context.truncated


def test_is_not_lost_in_deep_folders(tmp_path: Path) -> None:
    deep = "/".join("d" * 1200)
    context = MemoryContext({f"{deep}/f": "", ".dockerignore": "*\n!**/f"})
    assert list(context.files()) == [f"{deep}/f"]
    assert context.glob("*") == ("d",)


names = st.sampled_from(["a", "b", "a.b", "-", "é", "z z"])
folders = st.lists(names, max_size=3)
trees = st.lists(st.tuples(folders, names), max_size=8).map(
    lambda found: {"/".join([*folder, f"{name}.f"]): name for folder, name in found}
)
rules = st.lists(
    st.sampled_from(["*", "a", "!a", "**/b", "!**/b.f", "*/*", "!*/a", "a/b", "!a/**", "*.f", "!a/b"]),
    max_size=4,
).map("\n".join)
globs = st.lists(st.sampled_from(["a", "*", "b*", "?.f", "[a-b]*", "[^x]*", "*.f"]), min_size=1, max_size=3)


@given(trees, rules, globs.map("/".join))
def test_a_folder_and_a_mapping_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, str], ignore: str, pattern: str
) -> None:
    files = {**tree, ".dockerignore": ignore}
    disk = DirectoryContext(write(tmp_path_factory.mktemp("root"), files))
    memory = MemoryContext(files)
    assert disk.ignore is not None
    found = list(memory.files())
    assert found == sorted(path for path in files if not disk.ignore.excludes(path)) == list(disk.files())
    assert memory.glob(pattern) == disk.glob(pattern)
    for path in files:
        folder = path.rpartition("/")[0]
        assert memory.is_file(path) is disk.is_file(path) is (path in found)
        assert memory.is_dir(folder) is disk.is_dir(folder)
        assert memory.read(path) == disk.read(path) == (files[path] if path in found else None)
