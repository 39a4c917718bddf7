from __future__ import annotations

import pytest

from optimizer.wildcard import BadPattern, clean, compiled, has_wildcard


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("src/main.py", ["src/main.py"], ["src/main.pyc", "x/src/main.py", "src"]),
        ("*", ["a", ".hidden", ""], ["a/b"]),
        ("*.txt", ["a.txt", ".txt"], ["a/b.txt", "a.txt/b", "a.txtx"]),
        ("a*b*c", ["abc", "axxbyyc", "abcbc"], ["ab/c", "acb"]),
        ("?.py", ["a.py", "é.py"], [".py", "ab.py", "/.py"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "abx"]),
        ("[^a-c]x", ["dx", "/x"], ["ax"]),
        ("[!a]x", ["!x", "ax"], ["bx"]),
        ("[z-a]x", [], ["ax", "zx"]),
        (r"\*\[", ["*["], ["a["]),
        (r"[\]\-]", ["]", "-"], ["a"]),
        ("a+(b).{c}|$", ["a+(b).{c}|$"], ["aab"]),
        # A * never gives back what it took first, so the class eats the slash and nothing is left for it.
        ("*[^a]*", ["ab"], ["z/b"]),
    ],
)
def test_matches_like_go(pattern: str, matching: list[str], other: list[str]) -> None:
    assert [text for text in matching if not compiled(pattern).fullmatch(text)] == []
    assert [text for text in other if compiled(pattern).fullmatch(text)] == []


@pytest.mark.parametrize("pattern", ["[", "[]a]", "[a", "[-a]", "[a-]", "a\\", "[\\", "x[^]"])
def test_refuses_what_go_refuses(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("", "."), ("a//b/./c/../d/", "a/b/d"), ("//a", "/a"), ("/../a", "/a"), ("../a", "../a"), ("/", "/")],
)
def test_cleans_like_go(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.txt", False),
        ("a*", True),
        (r"a\*", False),
        (r"a\\*", True),
        ("[a]", True),
        ("a?", True),
        ("a]", False),
    ],
)
def test_knows_wildcards(pattern: str, expected: bool) -> None:
    assert has_wildcard(pattern) is expected


def test_takes_no_time_for_a_hostile_pattern() -> None:
    assert compiled("*a" * 40 + "b").fullmatch("a" * 255) is None
