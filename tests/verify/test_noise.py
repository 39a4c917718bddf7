from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from optimizer.verify.compare import compare
from optimizer.verify.entry import Image
from optimizer.verify.noise import KNOWN, measure
from optimizer.verify.patterns import Patterns
from tests.verify.images import Files, Item, file, folder, hard_link, image, program, symlink
from tests.verify.systems import without
from tests.verify.test_compare import IMAGES

A: Files = {"/stamp": file("1"), "/app/x": file("x"), "/tmp/build-a1b2": folder(), "/tmp/build-a1b2/log": file("1")}
B: Files = {"/stamp": file("2"), "/app/x": file("x"), "/tmp/build-c3d4": folder(), "/tmp/build-c3d4/log": file("2")}


def failing(first: Files, second: Files, after: Files, *configs: Any) -> list[str]:
    one, two, three = configs or (None, None, None)
    noise = measure(image(first, one), image(second, two))
    return [each.name for each in compare(image(first, one), image(after, three), noise=noise).failures]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"/stamp": file("3")}, []),
        ({"/stamp": file("3", uid=5)}, ["/stamp"]),  # only its content is noise
        ({"/stamp": file("3", mode=0o600)}, ["/stamp"]),
        ({"/stamp": symlink("x")}, ["/stamp"]),
        ({"/tmp/build-zzzz": folder()}, ["/tmp/build-zzzz"]),  # one more than each build has
        ({"/tmp/build-much-longer": folder()}, ["/tmp/build-much-longer"]),
        ({"/tmp/other": folder()}, ["/tmp/other"]),
        ({"/app/build-a1b2": folder()}, ["/app/build-a1b2"]),
        ({"/app/x": file("y")}, ["/app/x"]),
    ],
)
def test_what_two_builds_of_the_original_show_is_noise_and_no_more(change: Files, expected: list[str]) -> None:
    """The third build is the second, with a change."""
    assert failing(A, B, {**B, **change}) == expected


def test_what_both_builds_have_may_not_be_lost_because_its_content_is_noise() -> None:
    after = {path: item for path, item in B.items() if path != "/stamp"}
    assert failing(A, B, after) == ["/stamp"]


def test_what_only_one_build_has_may_come_and_go() -> None:
    less = {path: item for path, item in A.items() if not path.startswith("/tmp")}
    assert failing(A, less, less) == failing(A, less, A) == failing(less, A, A) == []


def cache(*names: str, **contents: str) -> Files:
    """A cache as uv has it: each package in a folder whose name is drawn by lot, and linked into the application."""
    files: dict[str, Item] = {"/cache": folder(), "/app": folder()}
    for name, (package, content) in zip(names, contents.items(), strict=True):
        at = f"/cache/{name}"
        files |= {at: folder(), f"{at}/{package}": folder(), f"{at}/{package}/code.py": file(content)}
        files |= {f"{at}/stamp": file(name), f"/app/{package}.py": hard_link(f"{at}/{package}/code.py")}
    return files


FIRST, SECOND = cache("q7Xe", "0aBc", one="1", two="2"), cache("Zz9k", "m_-4", one="1", two="2")


@pytest.mark.parametrize(
    ("third", "expected"),
    [
        (cache("AAAA", "BBBB", one="1", two="2"), []),
        (cache("BBBB", "AAAA", one="1", two="2"), []),
        (FIRST, []),
        (SECOND, []),
        (cache("AAAA", "BBBB", one="1", two="3"), ["/app/two.py", "/cache/0aBc/two/code.py"]),
        (
            cache("AAAA", one="1"),
            ["/app/two.py", "/cache/0aBc", "/cache/0aBc/stamp", "/cache/0aBc/two", "/cache/0aBc/two/code.py"],
        ),
        (without(cache("AAAA", "BBBB", one="1", two="2"), "/cache/AAAA/stamp"), ["/cache/q7Xe/stamp"]),
        (without(cache("AAAA", "BBBB", one="1", two="2"), "/app/one.py"), ["/app/one.py"]),
        ({**cache("AAAA", "BBBB", one="1", two="2"), "/cache/BBBB/x": file()}, ["/cache/0aBc/x"]),
        ({**cache("AAAA", "BBBB", one="1", two="2"), "/cache/CCCC": folder()}, ["/cache/CCCC"]),
        ({**cache("AAAA", "BBBB", one="1", two="2"), "/app/AAAA": folder()}, ["/app/AAAA"]),
        (
            {**cache("AAAA", one="1"), "/cache/longer": folder(), "/app/two.py": file("2")},
            ["/cache/0aBc", "/cache/0aBc/stamp", "/cache/0aBc/two", "/cache/0aBc/two/code.py", "/cache/longer"],
        ),
    ],
)
def test_names_drawn_by_lot_are_paired_by_what_lies_below_and_hide_nothing(third: Files, expected: list[str]) -> None:
    assert sorted(failing(FIRST, SECOND, third)) == expected


def test_only_names_that_were_seen_to_be_drawn_are_paired() -> None:
    assert failing(FIRST, FIRST, SECOND) != []
    more = {**FIRST, "/cache/keep": folder()}, {**SECOND, "/cache/keep": folder()}
    assert failing(*more, {**SECOND, "/cache/kept": folder()}) == ["/cache/keep", "/cache/kept"]


def test_names_drawn_by_lot_within_such_names_are_paired_too() -> None:
    def nested(outer: str, inner: str, content: str = "") -> Files:
        at = f"/tmp/{outer}"
        return {"/tmp": folder(), at: folder(), f"{at}/{inner}": folder(), f"{at}/{inner}/x": file(content)}

    assert failing(nested("a", "b"), nested("c", "d"), nested("e", "f")) == []
    assert failing(nested("a", "b"), nested("c", "d"), nested("e", "f", "other")) == ["/tmp/a/b/x"]


def test_how_many_names_are_drawn_may_be_noise_too() -> None:
    one, two = {"/tmp/tmp1x": file("1")}, {"/tmp/tmp2y": file("2"), "/tmp/tmp3z": file("3")}
    assert failing(one, two, {"/tmp/tmp4p": file("4"), "/tmp/tmp5q": file("5"), "/tmp/b": file()}) == ["/tmp/b"]


def test_names_that_have_nothing_in_common_say_nothing_of_other_names() -> None:
    first, second = {"/d/x1": file(), "/d/keep": file()}, {"/d/y2": file(), "/d/keep": file()}
    assert failing(first, second, {**first, "/d/z3": file()}) == ["/d/z3"]
    assert failing(first, second, second) == []


def test_fields_of_the_configuration_are_noise_by_key() -> None:
    def config(label: str, other: str = "x") -> dict[str, object]:
        return {"Labels": {"date": label, "other": other}}

    assert failing({}, {}, {}, config("1"), config("2"), config("3")) == []
    assert failing({}, {}, {}, config("1"), config("2"), config("3", "y")) == ["LABEL other"]


@given(IMAGES, IMAGES)
def test_the_second_build_itself_always_passes(first: Image, second: Image) -> None:
    assert compare(first, second, noise=measure(first, second)).passed
    assert compare(first, first, noise=measure(first, second)).passed


@pytest.mark.parametrize(
    ("path", "before", "after", "noise"),
    [
        ("/app/__pycache__/x.cpython-311.pyc", "1", "2", True),
        ("/app/__pycache__/x.cpython-311.pyc", "1", None, True),
        ("/app/x.pyc", "1", None, False),  # without its source beside it, a .pyc is the program
        ("/var/log/apt/history.log", "1", "2", True),
        ("/var/log/nginx/access.log", "1", None, False),
        ("/run/mysqld/here", "1", None, False),
        ("/etc/machine-id", "1", "2", True),
        ("/etc/machine-id", "1", None, False),
        ("/etc/ssh/ssh_host_rsa_key", "1", "2", True),
        ("/etc/ssh/sshd_config", "1", "2", False),
        ("/var/cache/ldconfig/aux-cache", "1", None, True),
        ("/var/cache/apt/pkgcache.bin", None, "1", True),
        ("/etc/passwd-", "1", "2", True),
        ("/etc/passwd", "1", "2", False),
        ("/etc/hosts", None, "", True),
        ("/var/lib/dpkg/status-old", "1", "2", True),
        ("/var/lib/dpkg/status", "1", "2", False),
        ("/root/.npm/_logs/2024-debug-0.log", "1", None, True),
        ("/root/.npm/_cacache/x", "1", None, False),
    ],
)
def test_known_noise(path: str, before: str | None, after: str | None, noise: bool) -> None:
    def of(content: str | None) -> Image:
        folders = {path.rpartition("/")[0]: folder()} if "__pycache__" not in path else {"/app": folder()}
        return image(folders if content is None else {**folders, path: file(content)})

    found = compare(of(before), of(after))
    assert found.passed is noise
    assert [each.name for each in (found.noise if noise else found.failures)][-1] == path


def test_known_noise_has_its_mode_and_owner_compared_where_it_has_to_be_there() -> None:
    found = compare(image({"/etc/machine-id": file("1")}), image({"/etc/machine-id": program("2")}))
    assert [change.aspect for each in found.failures for change in each.changes] == ["mode"]


def test_each_pattern_of_known_noise_can_match() -> None:
    assert all(
        Patterns([known.pattern]).covers(known.pattern.replace("**", "a/b").replace("*", "x")) for known in KNOWN
    )
    assert all(known.why for known in KNOWN)
