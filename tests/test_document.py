"""The document layer against BuildKit's own reading: 3,436 real files, the corners of the syntax, and moby's parser."""

from __future__ import annotations

import base64
import contextlib

import dockerfile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.document import Document, Instruction, ParseError, parse
from optimizer.instructions import health, malformed
from tests import corpus

TRAPS = [
    "FROM a\nRUN x \\\n# comment\n\n  y\n",
    "FROM a\nRUN x \\ \t\n  y\n",
    "FROM a\nRUN x \\\\\nRUN y\n",
    "FROM a\nRUN x \\\\\\\nRUN y\n",
    "\n\n# escape=`\nFROM a\nRUN x `\ny\n",
    "# a\n# escape=`\nFROM a\nRUN x `\ny\n",
    "# syntax=x\n# escape=`\nFROM a\nRUN x `\n y\n",
    "# unknown=x\n# escape=`\nFROM a\nRUN x `\n y\n",
    "#escape=^\nFROM a\n",
    "\ufeffFROM a\nRUN b\n",
    "FROM a\nRUN <<A <<-\"B\"\nx\nA\n\ty\n\tB\nRUN z\n",
    "FROM a\nRUN cat <<EOF\nx\n",
    "FROM a\nRUN echo 'a <<EOF\nx\n",
    "FROM a\nRUN echo $((1<<2))\nRUN echo <<<x\n",
    "FROM a\nCOPY <<EOF /x\n\\\nEOF\nRUN y",
    "FROM a\nRUN [\"a\", \"b\"] \nRUN [ -f x ] && y\n",
    "FROM a\nRUN [\"a\", 1]\n",
    "FROM a\nRUN --mount=type=cache,target=/x --network=none a b\nRUN --mount='a b' c\nRUN -- --x\n",
    "FROM a\nONBUILD RUN <<EOF\nx\nEOF\nONBUILD COPY --from=b a c\n",
    "FROM a\r\nRUN a \\\r\n b\r\n\r\nRUN c",
    "FROM a\nENV a b c\nENV a=b c='d e' f=\\\n  g\nLABEL x y\nARG z\n",
    "FROM a\nHEALTHCHECK --interval=1s CMD [\"x\"]\nHEALTHCHECK NONE\n",
    "FROM a\nRUN x \\",
    "FROM a\n\\\nRUN x\n",
    "FROM a\nrun\tx\n  CMD  y  \n",
    "FROM a\nENV x\n",
    "",
    "# only a comment\n",
]  # fmt: skip


def decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def refused(text: str) -> bool:
    """Whether BuildKit's parser refuses the text: the reader's rules and those on the form of arguments."""
    try:
        document = parse(text)
    except ParseError:
        return True
    return any(malformed(each) for each in document.instructions)


def is_json(instruction: Instruction) -> bool:
    if instruction.keyword == "HEALTHCHECK":
        return health(instruction).exec_form is not None
    return (instruction.sub or instruction).exec_form is not None


def seen(document: Document) -> list[dict[str, object]]:
    """The instructions in the words of structure.jsonl."""
    return [
        {
            "keyword": each.written_keyword,
            "line": each.line,
            "end_line": each.end_line,
            "text": each.text,
            "json": is_json(each),
            "flags": [base64.b64encode(flag.text.encode("utf-8", "surrogateescape")).decode() for flag in each.flags],
            "heredocs": [
                {
                    "name": body.heredoc.name,
                    "fd": body.heredoc.fd,
                    "expand": body.heredoc.expand,
                    "chomp": body.heredoc.chomp,
                    "content": body.content,
                }
                for body in each.heredocs
            ],
        }
        for each in document.instructions
    ]


@corpus.needs_corpus
def test_reads_the_corpus_as_buildkit_does() -> None:
    truths = corpus.structure()
    examples = [(each.data, truths[each.sha256]) for each in corpus.dockerfiles()] + list(corpus.syntax())
    assert len(examples) > 3500
    for data, truth in examples:
        text = decoded(data)
        assert refused(text) == (truth.error is not None), (truth.key, truth.error)
        if truth.error is not None:
            continue
        document = parse(text)
        expected = [
            {key: one.get(key, []) for key in ("keyword", "line", "end_line", "text", "json", "flags", "heredocs")}
            for one in truth.instructions
        ]
        assert document.escape == truth.escape
        assert seen(document) == expected, truth.key
        assert_lossless(document)


@corpus.needs_corpus
def test_takes_what_moby_takes_and_says_the_same() -> None:
    """Moby's parser (an older one than the truth of the corpus) on every file of the corpus.

    It differs in the places that are listed, and only there.
    """
    differences: dict[str, str] = {}
    for each in corpus.dockerfiles():
        if b"\0" in each.data:  # the binding hands text over as a C string, which ends there
            continue
        if reason := moby_difference(decoded(each.data)):
            differences[each.sha256[:12]] = reason
    assert differences == EXPLAINED


TRAILING_TEXT = "moby read a JSON array with text behind it as exec form; newer BuildKit reads it as shell form"
EXPLAINED = {
    "1d36f74c9003": TRAILING_TEXT,
    "2df07834299b": TRAILING_TEXT,
    "3371f36b2eed": TRAILING_TEXT,
    "3cf27d1fcc8d": TRAILING_TEXT,
}


@pytest.mark.parametrize("text", TRAPS)
def test_reads_the_traps_as_moby_does(text: str) -> None:
    assert moby_difference(text) is None
    if not refused(text):
        assert_lossless(parse(text))


def moby_difference(text: str) -> str | None:
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        return None if refused(text) else f"moby refuses it: {error}"
    except UnicodeEncodeError:
        return None
    if refused(text):
        return "moby takes it"
    document = parse(text)
    ours = [
        (each.keyword, each.line, each.end_line, is_json(each), tuple(flag.text for flag in each.flags))
        for each in document.instructions
    ]
    theirs = [((each.cmd or "").upper(), each.start_line, each.end_line, each.json, each.flags) for each in commands]
    if ours == theirs:
        return None
    difference = next(((a, b) for a, b in zip(ours, theirs, strict=False) if a != b), (len(ours), len(theirs)))
    if (
        isinstance(difference[0], tuple)
        and isinstance(difference[1], tuple)
        and difference[1][3]
        and not difference[0][3]
    ):
        return TRAILING_TEXT
    return f"{difference[0]} {difference[1]}"


def assert_lossless(document: Document) -> None:
    assert "".join(document.parts()) == document.text
    for each in document.instructions:
        joined = "".join(document.text[start : start + length] for _, start, length in each.segments)
        assert joined == each.text
        assert all(document.text[each.offset(at)] == char for at, char in enumerate(each.text))


shaped = st.lists(
    st.sampled_from(
        ["FROM a", "RUN x", "RUN ", "# c", "#escape=`", "\\", "`", " ", "\t", "\r", "<<E", "<<-E", "E", '"', "'", "[",
         "]", "x", "ONBUILD ", "COPY a b", "ENV a=b ", "--f", "=", "\ufeff", "\x85", "\v"]
    )
    | st.just("\n"),
    max_size=30,
).map("".join)  # fmt: skip


@given(st.one_of(st.text(max_size=200), shaped, shaped.map(lambda text: "FROM a\n" + text)))
def test_any_text_is_read_or_refused_as_moby_does(text: str) -> None:
    with contextlib.suppress(ParseError):
        assert_lossless(parse(text))
    if "\0" not in text:
        assert moby_difference(text) is None
