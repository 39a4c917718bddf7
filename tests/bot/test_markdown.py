from __future__ import annotations

import re

import pytest

from optimizer.bot.markdown import block, code, plain, table

HOSTILE = {
    "<script>alert(1)</script>": r"&lt;script\>alert\(1\)&lt;/script\>",
    "@all look": "@<!-- -->all look",
    "fixes #1 and !2": r"fixes \#<!-- -->1 and \!<!-- -->2",
    "http://evil.example/?a=b": r"http:<!-- -->//evil.example/?a\=b",
    "see www.evil.example": "see www<!-- -->.evil.example",
    "[click](javascript:x)": r"\[click\]\(javascript:x\)",
    "![](https://t/p.png)": r"\!<!-- -->\[\]\(https:<!-- -->//t/p.png\)",
    "a | b": r"a \| b",
    "one\n\n/close\n# head": r"one /close \# head",
    "\x1b[31mred\x07": r"\\x1b\[31mred\\x07",
    "a\u202eb": r"a\\u202eb",
    "<!-- dockopt: plan=0 -->": r"&lt;\!\-\- dockopt: plan\=0 \-\-\>",
    "https://user:pass@host/x": r"https:<!-- -->//\*\*\*@<!-- -->host/x",
}


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_repository_means_nothing(text: str) -> None:
    assert plain(text) == HOSTILE[text]


def test_what_stands_between_back_ticks_is_code() -> None:
    assert plain("runs `pip install -r x|y` again") == r"runs `pip install -r x\|y` again"
    assert plain("a `b` and ` c") == "a `b` and ' c"
    assert plain("`@all`") == "`@all`"


def test_code_ends_only_where_it_should() -> None:
    assert code("a`b") == "``a`b``"
    assert code("`a") == "`` `a ``"
    assert code("a|b\nc") == r"`a\|b c`"


def test_a_block_of_code_ends_only_where_it_should() -> None:
    assert block("a\n```\n/close\n", "diff") == "````diff\na\n```\n/close\n````\n"


def test_a_block_of_code_shows_what_a_terminal_would_obey() -> None:
    assert block("a\x1b[1m\tb\n\u202ec\n", "") == "```\na\\x1b[1m\tb\n\\u202ec\n```\n"


def test_long_text_is_cut() -> None:
    assert len(plain("x" * 10_000)) == 300


def test_a_table_has_a_line_a_row() -> None:
    assert table(("A", "B"), [("1", plain("x\ny"))]) == "| A | B |\n| --- | --- |\n| 1 | x y |\n"


def test_no_marker_can_be_smuggled_in() -> None:
    assert not re.search(r"<!-- dockopt", plain("<!-- dockopt: plan=" + "0" * 32 + " -->"))
