"""What is shown of untrusted text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.report.untrusted import mask, printable, secrets


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_is_shown_is_printable(text: str) -> None:
    assert printable(text).isprintable()
    assert printable(text, "\t").replace("\t", "").isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("RUN héllo 漢字 😀", "RUN héllo 漢字 😀"),
        ("\x1b[31m\x07\r\n\t\x7f\x9b", "\\x1b[31m\\x07\\x0d\\x0a\\x09\\x7f\\x9b"),
        ("\u202eevil\u2066\u2028\U000e0041", "\\u202eevil\\u2066\\u2028\\U000e0041"),
        (b"\xff\xfe".decode("utf-8", "surrogateescape"), "\\xff\\xfe"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("ENV DB_PASSWORD=hunter2 USER=root", ("hunter2",)),
        ("ENV GITHUB_TOKEN ghp_abc def", ("ghp_abc def",)),
        ("ARG api_key='k3y-k3y'", ("k3y-k3y",)),
        ('ENV A_SECRET="one one" B_SECRET=one-one-one', ("one-one-one", "one one")),
        ("ONBUILD ENV PASSPHRASE=sesame", ("sesame",)),
        ("ENV A_TOKEN=$OTHER B_TOKEN=abc AUTHOR=somebody", ()),
        ("ARG A_TOKEN", ()),
        ("RUN echo PASSWORD=hunter2", ()),
    ],
)
def test_credentials_by_their_name(line: str, values: tuple[str, ...]) -> None:
    assert secrets(f"FROM x\n{line}\n") == values


def test_credentials_are_masked() -> None:
    assert mask("curl -u joe:hunter2 x; hunter2x", ("hunter2",)) == "curl -u joe:*** x; ***x"
    assert (
        mask("git clone https://joe:t0ken@example.com/a.git joe@x:y", ())
        == "git clone https://***@example.com/a.git joe@x:y"
    )
    assert secrets("RUM PASSWORD\n") == ()
