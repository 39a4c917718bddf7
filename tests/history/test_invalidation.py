"""Which instructions a commit makes the builder execute again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.context import BuildContext, DirectoryContext, MemoryContext
from optimizer.history import Commit, invalidated, invalidations
from optimizer.model import read

CONTEXT = MemoryContext({
    ".dockerignore": "*.log\n/ignored\n!ignored/kept\n",
    "package.json": "", "package-lock.json": "", "src/a.js": "", "src/deep/b.js": "",
    "ignored/x": "", "ignored/kept": "",
})  # fmt: skip


def shown(
    text: str, *paths: str, instructions: tuple[int, ...] = (), stage: int = -1, context: BuildContext | None = CONTEXT
) -> list[str]:
    """The invalidated instructions of a stage, each by its text."""
    model = read(text)
    which = model.stages[stage]
    commit = Commit("c", 1.0, frozenset(paths), frozenset(instructions))
    return [which.instructions[place].text for place in sorted(invalidated(commit, which, context, model))]


@pytest.mark.parametrize(
    ("instruction", "path", "hit"),
    [
        ("COPY . /app", "src/a.js", True),
        ("COPY . /app", "x.log", False),
        ("COPY . /app", "ignored/x", False),
        ("COPY . /app", "ignored/kept", True),
        ("COPY . /app", "removed/long/ago", True),
        ("COPY src /app", "src/removed", True),
        ("COPY src/ /app", "src/deep/b.js", True),
        ("COPY src /app", "src2/a.js", False),
        ("COPY src/deep /app", "src", True),  # a submodule, or a link that became a folder
        ("COPY package.json /app/", "package.json", True),
        ("COPY package.json /app/", "src/package.json", False),
        ("COPY package*.json /app/", "package-lock.json", True),
        ("COPY package*.json /app/", "package-removed.json", True),
        ("COPY package*.json /app/", "package/x.json", False),
        ("COPY s*/ /app/", "src/deep/b.js", True),
        ("COPY s*/deep /app/", "src/a.js", False),
        ('COPY ["a b", "/app"]', "a b", True),
        ("COPY a[]x /app/", "a[]x", False),  # no pattern: the builder refuses it
        ("COPY ${WHAT} /app/", "anything", True),
        ("ADD src /app/", "src/a.js", True),
        ("ADD https://example.com/src /app/", "src", False),
        ("COPY <<E /app/x\nsrc\nE", "src", False),
        ("RUN --mount=type=bind,source=src,target=/s make", "src/a.js", True),
        ("RUN --mount=type=bind,target=/s make", "src/a.js", True),
        ("RUN --mount=type=cache,target=/s make", "src/a.js", False),
        ("RUN make src", "src/a.js", False),
    ],
)
def test_what_an_instruction_reads(instruction: str, path: str, hit: bool) -> None:
    text = f"FROM a\nENV A=b\n{instruction}\nRUN last\n"
    assert len(shown(text, path)) == hit
    assert shown(text, path) == shown(text, path, "other.log")


def test_a_file_behind_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "f").write_text("")
    os.symlink("real", tmp_path / "link")
    context = DirectoryContext(tmp_path)
    assert shown("FROM a\nCOPY link/ /x\n", "real/f", context=context)
    assert not shown("FROM a\nCOPY link/ /x\n", "other/f", context=context)


def test_a_changed_instruction_is_executed_again() -> None:
    text = "FROM a\nENV A=b\nRUN x\nCMD y\nLABEL z=1\n"
    assert shown(text, instructions=(1, 2)) == ["ENV A=b", "RUN x"]
    assert shown(text, instructions=(3, 4)) == []  # only the image's configuration


def test_a_new_base_is_new_for_all() -> None:
    text = "FROM a AS b\nRUN x\nFROM b\nRUN y\nCOPY . .\n"
    assert shown(text, instructions=(0,), stage=0) == ["RUN x"]
    assert shown(text, instructions=(1,)) == ["RUN y", "COPY . ."]
    assert shown(text, "src/a.js") == ["COPY . ."]


def test_an_argument_in_front_of_the_stages() -> None:
    text = "ARG V=1\nARG W=1\nARG X=1\nFROM a:$V AS b\nRUN x\nFROM c\nARG W\nARG X=2\nRUN y\n"
    assert shown(text, instructions=(0,), stage=0) == ["RUN x"]
    assert shown(text, instructions=(0,)) == []
    assert shown(text, instructions=(1,)) == ["ARG W"]
    assert shown(text, instructions=(2,)) == []


def test_what_comes_from_another_stage() -> None:
    text = (
        "FROM a AS build\nCOPY src /s\nRUN make\nFROM b\nRUN --mount=from=build,target=/m x\n"
        "COPY --from=build /s /s\nCOPY --from=image /t /t\nCOPY package.json .\n"
    )
    expected = ["RUN --mount=from=build,target=/m x", "COPY --from=build /s /s"]
    assert shown(text, "src/a.js") == expected
    assert shown(text, instructions=(2,)) == expected
    assert shown(text, "package.json") == ["COPY package.json ."]
    stage = read(text).final
    assert not invalidated(Commit("c", 1.0, frozenset({"src/a.js"})), stage, CONTEXT)  # the text of a stage alone


def test_without_a_context_everything_is_seen() -> None:
    assert shown("FROM a\nCOPY . .\n", "x.log", context=None) == ["COPY . ."]


def test_commits_that_invalidate_the_same_are_added_up() -> None:
    model = read("FROM a\nCOPY package.json .\nCOPY src src\n")
    commits = [
        Commit("1", 0.2, frozenset({"src/a.js"})),
        Commit("2", 0.3, frozenset({"src/a.js", "package.json"})),
        Commit("3", 0.4, frozenset({"src/deep/b.js"})),
        Commit("4", 0.1, frozenset({"README.md"})),
    ]
    found = invalidations(commits, model.final, CONTEXT, model)
    assert [set(which) for _, which in found] == [{1}, {0, 1}]
    assert [weight for weight, _ in found] == pytest.approx([0.6, 0.3])
