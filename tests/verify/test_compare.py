from __future__ import annotations

import tarfile
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.verify.compare import Comparison, compare
from optimizer.verify.difference import Place, Verb
from optimizer.verify.entry import Config, Entry, Image, Kind
from optimizer.verify.patterns import Patterns, with_folders
from tests.verify.images import Files, Item, file, folder, hard_link, image, program, symlink

PATHS = st.sampled_from(["/app", "/app/a", "/app/b", "/app/b/c", "/etc/x", "/usr/bin/y", "/ü\n"])
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(Kind),
    mode=st.sampled_from([0o644, 0o755, 0o4755]),
    uid=st.integers(0, 2),
    gid=st.integers(0, 2),
    size=st.integers(0, 2),
    sha256=st.sampled_from(["a" * 64, "b" * 64]),
    link=st.sampled_from(["", "x"]),
    device=st.sampled_from([(0, 0), (1, 3)]),
    xattrs=st.sampled_from([(), (("security.capability", b"x"),)]),
    mtime=st.floats(0, 9),
)
CONFIGS = st.builds(
    Config,
    env=st.dictionaries(st.sampled_from("AB"), st.sampled_from("xy")),
    cmd=st.sampled_from([(), ("a",), ("a", "b")]),
    entrypoint=st.sampled_from([(), ("e",)]),
    labels=st.dictionaries(st.sampled_from("AB"), st.sampled_from("xy")),
    exposed_ports=st.frozensets(st.sampled_from(["80/tcp", "53/udp"])),
)
IMAGES = st.builds(Image, CONFIGS, st.dictionaries(PATHS, ENTRIES))

ENTRY_CHANGES: dict[str, object] = {
    "kind": Kind.FIFO, "mode": 0o700, "uid": 9, "gid": 9, "size": 99, "sha256": "c" * 64, "link": "elsewhere",
    "device": (9, 9), "xattrs": (("user.x", b""),),
}  # fmt: skip
CONFIG_CHANGES: dict[str, object] = {
    "platform": "linux/arm64", "env": {"NEW": ""}, "cmd": ("other",), "entrypoint": ("other",), "user": "nobody",
    "working_dir": "/elsewhere", "exposed_ports": frozenset({"9/tcp"}), "volumes": frozenset({"/v"}),
    "labels": {"l": ""},
    "healthcheck": {"Test": ("CMD", "x")}, "stop_signal": "SIGINT", "shell": ("/bin/bash", "-c"),
    "on_build": ("RUN x",),
}  # fmt: skip


def test_every_field_has_its_change() -> None:
    assert set(CONFIG_CHANGES) == {each.name for each in fields(Config)}
    assert set(ENTRY_CHANGES) == set(Entry._fields) - {"mtime", "found"}


@given(IMAGES)
def test_an_image_never_differs_from_itself(it: Image) -> None:
    aged = {path: entry._replace(mtime=entry.mtime + 1, found="something") for path, entry in it.entries.items()}
    assert compare(it, replace(it, entries=aged)) == Comparison(())


@given(IMAGES, st.sampled_from(sorted(ENTRY_CHANGES)), st.data())
def test_any_change_of_one_entry_is_found(it: Image, name: str, data: st.DataObject) -> None:
    if not it.entries:
        return
    path = data.draw(st.sampled_from(sorted(it.entries)))
    changed = it.entries[path]._replace(**{name: ENTRY_CHANGES[name]})  # type: ignore[arg-type]
    found = compare(it, replace(it, entries={**it.entries, path: changed})).failures
    if changed == it.entries[path]:
        assert not found
    else:
        assert [(each.name, each.verb, len(each.changes)) for each in found] == [(path, Verb.CHANGED, 1)]


@given(IMAGES, st.sampled_from(sorted(CONFIG_CHANGES)))
def test_any_change_of_the_configuration_is_found(it: Image, name: str) -> None:
    changed = replace(it.config, **{name: CONFIG_CHANGES[name]})  # type: ignore[arg-type]
    found = compare(it, replace(it, config=changed)).failures
    assert found
    assert all(each.place is Place.CONFIG for each in found)


@given(IMAGES, IMAGES)
def test_what_is_lost_one_way_is_added_the_other_way(one: Image, two: Image) -> None:
    there = compare(one, two).failures
    back = compare(two, one).failures
    other = {Verb.LOST: Verb.ADDED, Verb.ADDED: Verb.LOST, Verb.CHANGED: Verb.CHANGED}
    assert {(each.name, other[each.verb]) for each in there} == {(each.name, each.verb) for each in back}


@given(IMAGES, IMAGES)
def test_with_everything_declared_only_the_configuration_is_left(one: Image, two: Image) -> None:
    found = compare(one, two, allowed=["/**"])
    assert {each.place for each in found.failures} <= {Place.CONFIG}


BEFORE: Files = {
    "/app": folder(),
    "/app/main.py": file("print()"),
    "/root": folder(),
    "/root/.cache": folder(),
    "/root/.cache/pip": folder(),
    "/root/.cache/pip/x": file("cached"),
    "/usr/bin/tool": program(),
}


def without(files: Files, *paths: str) -> Files:
    return {path: item for path, item in files.items() if not any(f"{path}/".startswith(f"{it}/") for it in paths)}


ALLOWANCES: list[tuple[Mapping[str, Item], list[str], list[str]]] = [
    # after, patterns, names that fail all the same
    (without(BEFORE, "/root/.cache/pip/x"), ["/root/.cache/pip/**"], []),
    (without(BEFORE, "/root/.cache/pip"), ["/root/.cache/pip/**"], []),
    (without(BEFORE, "/root/.cache"), ["/root/.cache/pip/**"], []),  # nothing else was in it
    (without(BEFORE, "/root/.cache"), ["/**/.cache/pip/**"], []),
    (without(BEFORE, "/root/.cache"), [], ["/root/.cache", "/root/.cache/pip", "/root/.cache/pip/x"]),
    (without({**BEFORE, "/root/.cache/y": file()}, "/root/.cache"), ["/root/.cache/pip/**"], []),
    (without(BEFORE, "/root/.cache", "/app"), ["/root/.cache/pip/**"], ["/app", "/app/main.py"]),
    ({**BEFORE, "/root/.cache/pip/x": file("other")}, ["/root/.cache/pip/**"], []),
    ({**BEFORE, "/root/.cache/pip": folder(0o700)}, ["/root/.cache/pip/**"], ["/root/.cache/pip"]),
    ({**BEFORE, "/root/.cache/pip/new/deep": file()}, ["/root/.cache/pip/**"], []),
    (without(BEFORE, "/usr/bin/tool"), ["/usr/bin/t*"], []),
    (without(BEFORE, "/usr/bin/tool"), ["/usr/t*", "/bin/**", "usr/bin/tool2"], ["/usr", "/usr/bin", "/usr/bin/tool"]),
]


@pytest.mark.parametrize(("after", "patterns", "names"), ALLOWANCES)
def test_what_the_fixes_declare_may_differ(after: Files, patterns: list[str], names: list[str]) -> None:
    found = compare(image(BEFORE), image(after), allowed=patterns)
    assert sorted(each.name for each in found.failures) == names


def test_an_emptied_directory_that_also_held_something_else_is_lost() -> None:
    before = {**BEFORE, "/root/.cache/y": file()}
    found = compare(image(before), image(without(before, "/root/.cache")), allowed=["/root/.cache/pip/**"])
    assert [each.name for each in found.failures] == ["/root/.cache", "/root/.cache/y"]


def test_a_pattern_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"\[ is not closed"):
        compare(image({}), image({}), allowed=["/x/[a"])


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        ("/var/lib/apt/lists/**", "/var/lib/apt/lists/x/y", True),
        ("/var/lib/apt/lists/**", "/var/lib/apt/lists", False),
        ("/var/lib/apt/lists/**", "/app/var/lib/apt/lists/x", False),
        ("/**/.npm/**", "/home/x/.npm/y", True),
        ("/**/.npm/**", "/.npm/y", True),
        ("/**/.npm/**", "/home/x.npm/y", False),
        ("/usr", "/usr/bin/x", True),
        ("/usr", "/usr2", False),
        ("/a/*.txt", "/a/b.txt", True),
        ("/a/*.txt", "/a/c/b.txt", False),
    ],
)
def test_patterns(pattern: str, path: str, covered: bool) -> None:
    assert Patterns([pattern]).covers(path) is covered
    assert Patterns([]).covers(path) is False
    if covered:
        assert Patterns(with_folders([pattern])).covers(path)


def told(before: Files, after: Files, config: Any = None, then: Any = None) -> list[str]:
    return compare(image(before, config), image(after, then)).lines()


def test_the_report_names_what_differs_and_how() -> None:
    before = {
        "/d": folder(), "/l": symlink("a"), "/f": file("abc"), "/m": file(), "/o": file(), "/t": file(),
        "/x": program(), "/c": Item(kind=tarfile.CHRTYPE, device=(1, 3)), "/h1": file(), "/h2": hard_link("/h1"),
    }  # fmt: skip
    after = {
        "/l": symlink("b"), "/f": file("abd"), "/m": file(mode=0o4755), "/o": file(uid=7, gid=8), "/t": symlink("x"),
        "/x": program(xattrs={"security.capability": b"\x01"}), "/c": Item(kind=tarfile.CHRTYPE, device=(1, 5)),
        "/h1": file(), "/h2": file(), "/n": symlink("y"),
    }  # fmt: skip
    config = {"Env": ["A=1", "B=2"], "Cmd": ["python", "x.py"], "User": "app", "Labels": {"a": "b"}}
    then = {"Env": ["A=1", "B=3"], "Entrypoint": ["/bin/sh", "-c", "python x.py"], "Labels": {}}
    assert told(before, after, config, then) == [
        "added: ENTRYPOINT: ['/bin/sh', '-c', 'python x.py']",
        "lost: CMD: ['python', 'x.py']",
        "lost: USER: app",
        "changed: ENV B: 2, now 3",
        "lost: LABEL a: b",
        "lost: /d: directory",
        "changed: /c: device 1:3, now 1:5",
        "changed: /f: content 3 bytes, sha256 ba7816bf8f01, now 3 bytes, sha256 a52d159f262b",
        "changed: /h1: hard links /h2, now none",
        "changed: /h2: hard links /h1, now none",
        "changed: /l: link target a, now b",
        "changed: /m: mode 0644, now 4755",
        "changed: /o: owner 0:0, now 7:8",
        "changed: /t: type file, now symbolic link",
        "changed: /x: extended attributes none, now security.capability=01",
        "added: /n: symbolic link to y",
    ]


def test_the_report_is_short_and_begins_with_what_tells_most() -> None:
    before = {**{f"/lib/l{n}": file(str(n)) for n in range(40)}, "/app/data": folder(), "/srv/x": program()}
    before |= {f"/app/data/{n}": file() for n in range(500)}
    before |= {f"/opt/{n}": file() for n in range(30)}
    after = {f"/lib/l{n}": file(f"{n}{n}") for n in range(40)} | {f"/opt/{n}": file(uid=1000) for n in range(30)}
    lines = told(before, after, {}, {"WorkingDir": "/app"})
    assert lines[:4] == [
        "changed: WORKDIR: /, now /app",
        "lost: /app: directory with 501 paths in it",
        "lost: /srv: directory with 1 path in it",
        "changed: /opt/0 and 29 more in /opt: owner 0:0, now 1000:0",
    ]
    assert len(lines) == 21
    assert lines[-1] == "… and 24 more"


def test_text_from_an_image_is_shown_without_what_a_terminal_would_obey() -> None:
    lines = told({}, {"/\x1b[2J\n": file(), "/l": symlink("\u202ex" + "y" * 500)}, {}, {"Labels": {"\x1b": "\x07"}})
    assert all(line.isprintable() and len(line) < 150 for line in lines)
    assert "\\x1b[2J\\x0a" in "".join(lines)


def test_credentials_are_not_repeated() -> None:
    before = {"Env": ["DB_PASSWORD=hunter2", "API_KEY=", "URL=https://me:hunter2@example.com/", "A=x"]}
    after = {"Env": ["DB_PASSWORD=hunter3", "URL=https://me:hunter3@example.com/x"]}
    assert told({}, {}, before, after) == [
        "lost: ENV A: x",
        "lost: ENV API_KEY: ***",
        "changed: ENV DB_PASSWORD: ***, now ***",
        "changed: ENV URL: https://***@example.com/, now https://***@example.com/x",
    ]
