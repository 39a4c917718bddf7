"""Traps of the language against shfmt, dash and bash; words, and what the parser must survive."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from optimizer.shell import Opaque, Script, Simple, Word, parse, walk
from tests.shell.family import bodies
from tests.shell.oracle import accepted, plain, shfmt
from tests.shell.test_truth import check_spans
from tests.shell.traps import BASH, FRAGMENTS, POSIX, REFUSED_BY_BOTH

WITHOUT_SHRINKING = (Phase.explicit, Phase.generate)  # a smaller batch is no smaller script

snippets = st.sampled_from(POSIX + BASH)


def read(text: str) -> Script:
    script = parse(text)
    assert isinstance(script, Script), (text, script)
    return script


def simple(text: str) -> Simple:
    command = read(text).body.items[0].pipeline.commands[0]
    assert isinstance(command, Simple)
    return command


def word(text: str) -> Word:
    found = simple(f"c {text}").words
    assert len(found) == 2
    assert found[1].text == text
    return found[1]


@pytest.mark.parametrize("text", POSIX + BASH)
def test_traps_are_read_as_shfmt_reads_them(text: str) -> None:
    script = read(text)
    assert plain(script) == shfmt(text)
    check_spans(script)


WRAPPINGS = ("{0}\n{1}", "{{ {0}\n}} && {{\n{1}\n}}", 'echo $(\n{0}\n) "$({1}\n)"', "if {0}\nthen {1}\nfi; (\n{0}\n)")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(WRAPPINGS), snippets | bodies, snippets | bodies)
def test_traps_inside_each_other_are_read_as_shfmt_reads_them(wrapping: str, one: str, other: str) -> None:
    text = wrapping.format(one, other)
    script, truth = parse(text), shfmt(text)
    if isinstance(script, Script) and truth is not None:
        assert plain(script) == truth
        check_spans(script)


def test_dash_accepts_what_has_no_construct_of_bash() -> None:
    for texts, shell in ((POSIX, "dash"), (POSIX + BASH, "bash")):
        with tempfile.TemporaryDirectory() as folder:
            taken = accepted(shell, texts, Path(folder))
        assert [text for text, good in zip(texts, taken, strict=True) if not good] == []
    assert [text for text in POSIX if any(not one.differs for one in read(text).dialect)] == []
    assert [text for text in BASH if not read(text).dialect] == []


@pytest.mark.parametrize("text", REFUSED_BY_BOTH)
def test_refuses_what_both_shells_refuse(text: str) -> None:
    opaque = parse(text)
    assert isinstance(opaque, Opaque)
    assert opaque.text == text
    assert 0 <= opaque.offset <= len(text)
    assert opaque.reason.startswith("the shell script is not understood: ")


shell_like = st.builds(
    lambda separator, parts: separator.join(parts),
    st.sampled_from(("", " ", " ", " ")),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12),
)
mutated = st.builds(
    lambda text, at, piece, drop: text[: at % len(text)] + piece + text[at % len(text) + drop :],
    snippets | bodies,
    st.integers(0, 10_000),
    st.sampled_from(("", *FRAGMENTS)),
    st.integers(0, 3),
)


@settings(max_examples=25, phases=WITHOUT_SHRINKING, suppress_health_check=list(HealthCheck))
@given(st.lists(shell_like | mutated, min_size=40, max_size=40))
def test_whatever_is_accepted_the_shells_accept(texts: list[str]) -> None:
    scripts = [script for script in map(parse, texts) if isinstance(script, Script)]
    for script in scripts:
        check_spans(script)
    everywhere = [one for one in scripts if all(each.differs and not each.structure for each in one.dialect)]
    for shell, chosen in (("bash", scripts), ("dash", everywhere)):
        with tempfile.TemporaryDirectory() as folder:
            taken = accepted(shell, [script.text for script in chosen], Path(folder))
        assert [one.text for one, good in zip(chosen, taken, strict=True) if not good] == []


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(alphabet="()${}`\"'\\\n;&|<>#aif \t") | shell_like)
def test_never_raises(text: str) -> None:
    script = parse(text)
    assert script.text == text
    if isinstance(script, Script):
        check_spans(script)


@pytest.mark.parametrize(
    "unit",
    [
        *("a && ", "$(", "`", "(", "((", "$((", "${a:-", '"$(', "{ ", "if a; then ", "case a in b) ", "[[ ("),
        *("f() { ", "cat <<E\n", "a=(", "'", '"', "\\", "#", "a; ", "| a ", "${a:-b} ", '"${a:-"b"}" ', "! "),
        *("a\\\n", "((a) "),
    ],
)
def test_takes_time_in_proportion_and_never_nests_too_deep(unit: str) -> None:
    fresh = itertools.count()

    def spent(count: int) -> float:
        text = f"{next(fresh)}\n{unit * count}"  # never the same twice: scripts that were read are remembered
        begin = time.process_time()
        parse(text)
        return time.process_time() - begin

    spent(1000)
    assert min(spent(40_000) for _ in range(3)) < 0.05 + 40 * min(spent(4_000) for _ in range(3))


def test_deep_nesting_is_opaque() -> None:
    assert isinstance(parse("( " * 30 + "a" + " )" * 30), Script)
    opaque = parse("( " * 3000 + "a" + " )" * 3000)
    assert isinstance(opaque, Opaque)
    assert "deep" in opaque.reason


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("a", "a"),
        ("'a b'", "a b"),
        ('"a b"', "a b"),
        ('"a\\"b\\$c\\d"', 'a"b$c\\d'),
        ("a\\ b\\\\", "a b\\"),
        ("a'b'\"c\"d", "abcd"),
        ("''", ""),
        ("a\\\nb", "ab"),
        ('"a\\\nb"', "ab"),
        ("a#b", "a#b"),
        ("[", "["),
        ("{}", "{}"),
        ("{a}", "{a}"),
        ("a~", "a~"),
        ("!", "!"),
        ("f$", "f$"),
        ("'*'", "*"),
        ("\\*", "*"),
        ("'~'", "~"),
        ("*", None),
        ("a?", None),
        ("[a]", None),
        ("~", None),
        ("~/a", None),
        ("--to=~/a", None),
        ("{a,b}", None),
        ("{1..3}", None),
        ("$a", None),
        ('"$a"', None),
        ("a$(b)", None),
        ("`a`", None),
        ("$'a'", None),
        ('$"a"', None),
    ],
)
def test_literal_is_what_the_command_gets(text: str, literal: str | None) -> None:
    found = word(text)
    assert found.literal == literal
    if literal is not None and "\0" not in literal:
        got = subprocess.run(["bash", "-c", f"printf %s {text}"], capture_output=True, text=True, check=True)
        assert got.stdout == literal


@pytest.mark.parametrize(
    ("text", "expansions"),
    [
        ("$a", [("parameter", "a", "")]),
        ("${a:-b}", [("parameter", "a", ":-")]),
        ("${#a}", [("parameter", "a", "#")]),
        ("${#}", [("parameter", "#", "")]),
        ("$?$10", [("parameter", "?", ""), ("parameter", "1", "")]),
        ("${10}", [("parameter", "10", "")]),
        ("${!a}", [("parameter", "a", "!")]),
        ("${a[0]##b}", [("parameter", "a", "[##")]),
        ("${a:1:2}", [("parameter", "a", ":")]),
        ("'$a'\"$b\"\\$c", [("parameter", "b", "")]),
        ("$(a)$((b))`c`", [("command", None, ""), ("arithmetic", None, ""), ("command", None, "")]),
        ("<(a)", [("process", None, "")]),
    ],
)
def test_expansions(text: str, expansions: list[tuple[str, str | None, str]]) -> None:
    assert [(each.kind, each.name, each.operator) for each in word(text).expansions] == expansions


def test_heredoc() -> None:
    text = "cat <<-'A' <<B; b\n\ta $x\n\tA\n$x `y`\nB\nc"
    script = read(text)
    first, second = script.heredocs
    assert (text[first.content_start : first.content_end], first.quoted, first.strip_tabs) == ("\ta $x\n", True, True)
    assert (text[second.content_start : second.content_end], second.quoted) == ("$x `y`\n", False)
    assert (first.expansions, len(second.expansions)) == ((), 2)
    assert [redirect.heredoc for redirect in simple(text).redirects] == [first, second]
    assert [item.connector for item in script.body.items] == ["", ";", "\n"]


def test_walk_tells_where_commands_run() -> None:
    text = "a; (b); c $(d) | e; f || g; if h; then i; fi; for x in y; do j; done; k() { l; }; m & n && o"
    found = {command.name: where for command, where in walk(read(text))}
    assert list(found) == list("abcdefghijlmno")
    assert "".join(str(name) for name, where in found.items() if where.subshell) == "bcdem"
    assert "".join(str(name) for name, where in found.items() if where.conditional) == "gijl"
    assert [name for name, where in found.items() if where.background] == ["m"]
    assert [name for name, where in found.items() if where.loop] == ["j"]
    assert found["l"].function == "k"


def test_background_is_the_whole_chain() -> None:
    found = {command.name: where.background for command, where in walk(read("a; b && c || d & e"))}
    assert found == {"a": False, "b": True, "c": True, "d": True, "e": False}


@pytest.mark.parametrize(
    ("text", "kind", "shown", "differs", "structure"),
    [
        ("a &> b", "&>", "&> b", True, True),
        ("[[ a == b ]]", "[[", "[[ a == b ]]", True, False),
        ("[[ a && b ]]", "[[", "[[ a && b ]]", True, True),
        ("((a))", "((", "((a))", True, True),
        ("a=(b)", "array", "(b)", False, False),
        ("a <(b)", "process substitution", "<(b)", False, False),
        ("a {b,c}", "brace expansion", "{b,c}", True, False),
        ("a $'b'", "$'", "$'b'", True, False),
        ("a $'b\\'c'", "$'", "$'b\\'c'", True, True),
        ("a+=b", "+=", "a+=", True, False),
        ("a ${b//c}", "${}", "${b//c}", False, False),
        ("a <<< b", "<<<", "<<< b", False, False),
        ("a |& b", "|&", "|&", False, False),
        ("source a", "source", "source", True, False),
        ("function f { a; }", "function", "function", False, False),
        ("time a", "time", "time a", True, False),
        ("time { a; }", "time", "time { a; }", True, True),
    ],
)
def test_dialect(text: str, kind: str, shown: str, differs: bool, structure: bool) -> None:
    (found,) = read(text).dialect
    assert (found.kind, text[found.start : found.end]) == (kind, shown)
    assert (found.differs, found.structure) == (differs, structure)


def test_import_is_cheap() -> None:
    code = (
        "import dataclasses, enum, re, functools, collections.abc, typing, time; t = time.process_time();"
        "import optimizer.shell; print(time.process_time() - t)"
    )
    spent = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    assert min(spent) < 0.05
