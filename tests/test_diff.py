from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from optimizer.diff import Line, heading, highlight, hunks, unified

TEXT = st.lists(
    st.sampled_from(
        [
            "FROM a",
            "RUN x",
            " y",
            "",
            "\r",
            "a\rb",
            "\v",
            "\f",
            "\x85",
            "\u2028z",
            "é",
            "\udcff",
            "-- a",
            "++ b",
            "+",
            "\\",
        ]
    )
).flatmap(lambda lines: st.sampled_from(["\n", "\r\n"]).map(lambda end: end.join(lines)))
APPLY = {
    "git": ["git", "apply", "-p1", "-"],
    "patch": ["patch", "-p1", "--silent", "--no-backup-if-mismatch"],
}


def apply(tool: str, folder: Path, diff: str) -> None:
    command = APPLY[tool]
    subprocess.run(command, cwd=folder, input=diff.encode("utf-8", "surrogateescape"), check=True, capture_output=True)


@pytest.mark.parametrize("tool", APPLY)
@given(before=TEXT, after=TEXT)
@example(before="FROM a\nRUN b", after="FROM a\nRUN b\n")
@example(before="FROM a\n", after="FROM a")
@example(before="", after="FROM a")
@example(before="FROM a", after="")
def test_the_tools_apply_it_byte_for_byte(
    tool: str, before: str, after: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("apply")
    file = folder / "Dockerfile"
    file.write_bytes(before.encode("utf-8", "surrogateescape"))
    diff = unified("Dockerfile", before, after)
    if before == after:
        assert diff == ""
        return
    apply(tool, folder, diff)
    left = file.read_bytes() if file.exists() else b""  # an emptied file may be taken for a removed one
    assert left == after.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("tool", APPLY)
@pytest.mark.parametrize(
    "name",
    ["a b", "sub folder/Dockerfile", 'quo"te', "back\\slash", "tab\there", "né", "\u2028", "\x1b[31m", "-p1"],
)
def test_the_tools_find_the_file_by_its_name(tool: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("FROM a\n")
    apply(tool, tmp_path, unified(name, "FROM a\n", "FROM b\n"))
    assert file.read_text() == "FROM b\n"


@pytest.mark.parametrize("tool", APPLY)
@pytest.mark.parametrize("text", [".git\n", "no newline"])
def test_a_new_file(tool: str, text: str, tmp_path: Path) -> None:
    apply(tool, tmp_path, unified(".dockerignore", None, text))
    assert (tmp_path / ".dockerignore").read_text() == text


def test_several_hunks_and_files_in_one_diff(tmp_path: Path) -> None:
    before = "".join(f"RUN {number}\n" for number in range(40))
    after = before.replace("RUN 3\n", "").replace("RUN 30\n", "RUN 30a\nRUN 30b")
    diff = unified("a", before, after) + unified("b", before, after)
    assert diff.count("@@ -") == 4
    for tool in APPLY:
        (tmp_path / "a").write_text(before)
        (tmp_path / "b").write_text(before)
        apply(tool, tmp_path, diff)
        assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == after


def test_an_absolute_path_is_named_from_the_root() -> None:
    assert heading("/srv/app/Dockerfile") == "--- a/srv/app/Dockerfile\n+++ b/srv/app/Dockerfile\n"


def words(before: str, after: str) -> list[tuple[str, list[str]]]:
    def of(line: Line) -> list[str]:
        return [line.text[start:end] for start, end in line.changed]

    return [(line.mark, of(line)) for hunk in hunks(before, after) for line in highlight(hunk).lines]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("ADD a b\n", "COPY a b\n", [("-", ["ADD"]), ("+", ["COPY"])]),
        ("RUN a\nRUN b\n", "RUN a && \\\n    b\n", [("-", []), ("-", ["RUN"]), ("+", ["&& \\"]), ("+", [])]),
        ("RUN curl\n", "COPY x /y/z q\n", [("-", []), ("+", [])]),
        ("a\nb\n", "a\nb\nc\n", [(" ", []), (" ", []), ("+", [])]),
        ("RUN x\r\n", "RUN x y\r\n", [("-", []), ("+", ["y"])]),
    ],
)
def test_the_changed_words(before: str, after: str, expected: list[tuple[str, list[str]]]) -> None:
    assert words(before, after) == expected


@given(before=TEXT, after=TEXT)
def test_the_marked_words_are_pieces_of_their_line(before: str, after: str) -> None:
    for hunk in hunks(before, after):
        marked = highlight(hunk)
        assert [line[:2] for line in marked.lines] == [line[:2] for line in hunk.lines]
        for line in marked.lines:
            ends = [offset for piece in line.changed for offset in piece]
            assert ends == sorted(set(ends))
            assert not ends or ends[-1] <= len(line.text)
