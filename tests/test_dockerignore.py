"""The rules as moby's ignorefile and patternmatcher and fsutil's walk have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.dockerignore import parse


@pytest.mark.parametrize(
    ("text", "hidden", "visible"),
    [
        ("", [], ["a", "a/b"]),
        ("a", ["a", "a/b", "a/b/c"], ["b/a", "ab"]),
        ("/a/", ["a", "a/b"], ["b/a"]),
        ("./x/../a", ["a"], ["x"]),
        ("*.md", ["a.md"], ["docs/a.md", "a.mdx"]),
        ("*/*.md", ["docs/a.md"], ["a.md", "docs/en/a.md"]),
        ("**/*.md", ["a.md", "docs/a.md", "docs/en/a.md"], ["a.txt"]),
        ("**/a", ["a", "x/a", "x/a/b"], ["xa", "x/ab"]),
        ("**a", ["a", "xa", "x/ya"], ["ab"]),
        ("a**", ["a", "ab", "ab/c"], ["ba"]),
        ("a/**", ["a/b", "a/b/c"], ["a"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/bc"]),
        ("a**b", ["ab", "ax/b"], ["axb", "axbc"]),
        ("**", ["a", "a/b"], []),
        ("a?c", ["abc", "a☺c"], ["ac", "a/c", "abbc"]),
        ("[a-c].x", ["a.x"], ["d.x"]),
        ("a[^b]c", ["axc", "a/c"], ["abc"]),
        (r"a\*", ["a*"], ["ab"]),
        ("a.b+(c)", ["a.b+(c)"], ["axb+(c)", "a.bb"]),
        (".", [], ["a"]),
        ("..", [], ["a"]),
        ("/", [], ["a"]),
        # comments, blanks, the byte order mark, line ends
        ("# a\n\n  b  \n\ta b\t\n", ["b", "a b"], ["a", "# a"]),
        ("  # a", ["# a"], ["a"]),
        ("\ufeff# a\nb", ["b"], ["a"]),
        ("\ufeffa", ["a"], []),
        ("a\r\nb\r\n", ["a", "b"], []),
        # exceptions; the last match wins
        ("*\n!a", ["b", "b/c"], ["a", "a/b"]),
        ("!a\n*", ["a"], []),
        ("*.md\n!README.md", ["a.md"], ["README.md"]),
        ("*.md\n!README*.md\nREADME-secret.md", ["README-secret.md"], ["README-a.md"]),
        ("a\n!a/b\na/b/c", ["a", "a/x", "a/b/c"], ["a/b", "a/b/d"]),
        ("**\n!a/**", ["a", "b"], ["a/b", "a/b/c"]),
        ("*\n! /a", ["b"], ["a"]),
        ("*\n/!a", ["b"], ["a"]),
        ("!!a", [], ["a", "!a"]),
        # An exception for a folder does not reach what was not hidden when the folder was looked at.
        ("a/b\n!a", ["a/b"], ["a", "a/c"]),
        # unlike .gitignore
        ("node_modules", ["node_modules/x"], ["web/node_modules/x"]),
        ("a\n!a/b", ["a/c"], ["a/b"]),
        ("a ", ["a"], []),
    ],
)
def test_hides(text: str, hidden: list[str], visible: list[str]) -> None:
    ignore = parse(text)
    assert ignore.problems == ()
    assert [path for path in hidden if not ignore.excludes(path)] == []
    assert [path for path in visible if ignore.excludes(path)] == []


@pytest.mark.parametrize("path", ["", ".", "/", "a/.."])
def test_never_hides_the_root(path: str) -> None:
    assert not parse("*\n**\n.").excludes(path)


@pytest.mark.parametrize("path", ["/a/b", "./a//b", "../a/b", "a/c/../b", "a/b/"])
def test_takes_a_path_however_it_is_written(path: str) -> None:
    assert parse("a/b").excludes(path)


@pytest.mark.parametrize(
    ("path", "line", "pattern"), [("x", 2, "*"), ("a", 3, "a"), ("a/b", 4, "a/b"), (".git", 2, "*")]
)
def test_names_the_rule_that_decided(path: str, line: int, pattern: str) -> None:
    rule = parse("# first\n*\n!a\na/b\n").verdict(path).rule
    assert rule is not None
    assert (rule.line, rule.pattern) == (line, pattern)
    assert parse("b").verdict("a").rule is None


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a\n [b", 2, 2, "not closed"),
        ("!", 1, 1, "no pattern stands after the !"),
        ("a\n! ", 2, 1, "no pattern stands after the !"),
        ("!/", 1, 1, "no pattern stands after the !"),
        ("a\\", 1, 1, "backslash at the end"),
        (r"a\d", 1, 1, "ASCII punctuation"),
        ("[*]", 1, 1, "in brackets"),
        ("[z-a]", 1, 1, "runs backwards"),
        ("**/a**/b**/c**/d**/e**/f*", 1, 1, "too many"),
    ],
)
def test_reports_what_docker_cannot_read(text: str, line: int, column: int, words: str) -> None:
    (problem,) = parse(text, "x/.dockerignore").problems
    assert (problem.path, problem.line, problem.column) == ("x/.dockerignore", line, column)
    assert words in problem.message
    assert str(problem).startswith(f"x/.dockerignore:{line}:{column}: ")


def test_takes_no_time_for_a_hostile_pattern() -> None:
    assert not parse("*a" * 40 + "b").excludes("a" * 255)


names = st.text("ab.", min_size=1, max_size=2).filter(lambda name: name.strip("."))
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
patterns = st.lists(st.sampled_from(["a", "b", "*", "**", "a*", "?b", "a.b"]), min_size=1, max_size=3).map("/".join)
lines = st.tuples(st.sampled_from(["", "", "!"]), patterns).map("".join)


@given(st.lists(lines, max_size=5).map("\n".join), paths, names)
def test_a_folder_that_no_exception_reaches_hides_all_below(text: str, folder: str, name: str) -> None:
    ignore = parse(text)
    if ignore.excludes(folder) and not ignore.may_reach_into(folder):
        assert ignore.excludes(f"{folder}/{name}")


@given(st.lists(lines, max_size=5).map("\n".join), paths)
def test_an_exception_for_everything_at_the_end_shows_everything(text: str, path: str) -> None:
    assert not parse(f"{text}\n!**").excludes(path)
    assert parse(f"{text}\n**").excludes(path)
