"""Which of today's instructions a commit changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.document import parse
from optimizer.history import Commit, History, aligned
from optimizer.history.reading import read_history
from optimizer.history.versions import align, changes
from tests.repositories import change, repository


def changed(*texts: str | None) -> list[set[int]]:
    today, *older = texts
    assert today is not None
    return [set(each) for each in changes(parse(today), older)]


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ("FROM a\nRUN b\n", "FROM a\nRUN b\n", set()),
        ("FROM a\nRUN b\n", "FROM a\nRUN c\n", {1}),
        ("FROM b\nRUN b\n", "FROM a\nRUN b\n", {0}),
        ("FROM a\nRUN n\nRUN b\n", "FROM a\nRUN b\n", {1}),
        ("FROM a\nRUN b\n", "FROM a\nRUN x\nRUN b\n", set()),
        ("FROM a\nRUN c\nRUN b\n", "FROM a\nRUN b\nRUN c\n", {1}),
        ("FROM a\n# new\nRUN b \\\n  # c\n  d\n", "FROM a\n\nRUN b \\\n  d\n", set()),
        ("FROM a\nRUN <<E\nb\nE\n", "FROM a\nRUN <<E\nc\nE\n", {1}),
        ("FROM a\nCOPY --link x y\n", "FROM a\nCOPY x y\n", {1}),
    ],
)
def test_one_step(new: str, old: str, expected: set[int]) -> None:
    assert changed(new, old) == [expected]


def test_an_instruction_is_followed_through_what_it_was() -> None:
    assert changed(
        "FROM a\nWORKDIR /x\nRUN b 3\nCOPY . .\n",
        "FROM a\nRUN b 3\nCOPY . .\n",
        "FROM a\nRUN b 2\nCOPY . .\n",
        "FROM a\nRUN b 1\nCOPY . .\n",
    ) == [{1}, {2}, {2}]


def test_an_instruction_that_moved_is_followed() -> None:
    assert changed(
        "FROM a\nCOPY . .\nRUN b 2\nRUN c\n",
        "FROM a\nRUN b 2\nRUN c\nCOPY . .\n",
        "FROM a\nRUN b 1\nRUN c\nCOPY . .\n",
    ) == [{1}, {2}]


def test_what_is_gone_today_counts_for_nothing() -> None:
    assert changed("FROM a\nCOPY . .\n", "FROM a\nRUN b 2\nCOPY . .\n", "FROM a\nRUN b 1\nCOPY . .\n") == [set(), set()]


def test_a_version_that_is_missing_or_broken_is_passed_over() -> None:
    for text in (None, "RUN <<E\n", ""):
        assert changed("FROM a\nRUN 2\n", text, "FROM a\nRUN 1\n") == [set(), {1}]


LINES = st.lists(
    st.sampled_from([f"{keyword} {it}" for keyword in ("RUN", "COPY . ", "ENV x") for it in "abc"]), max_size=8
)


@given(LINES, LINES)
def test_laws_of_alignment(old: list[str], new: list[str]) -> None:
    was, now = (parse("\n".join(["FROM a", *lines])).instructions for lines in (old, new))
    origins, fresh = align(was, now)
    assert len(set(origins.values())) == len(origins)  # none has two descendants
    assert set(range(len(now))) - fresh <= origins.keys()
    assert all(was[before].keyword == now[after].keyword for after, before in origins.items())
    assert (not fresh) or was != now
    unchanged = [origins[after] for after in sorted(origins.keys() - fresh)]
    assert unchanged == sorted(unchanged)
    counted = Counter(new) & Counter(old)  # what is there before and after is found again
    kept = [was[before].reading == now[after].reading for after, before in origins.items()]
    assert sum(kept) == counted.total() + 1


def test_the_versions_come_from_the_repository(tmp_path: Path) -> None:
    project = repository(tmp_path / "project")
    change(project, Dockerfile="FROM a\nRUN b\nCOPY . .\n")
    change(project, Dockerfile="FROM a:2\nRUN b\nCOPY . .\n", x="1")
    change(project, x="2")
    change(project, Dockerfile="FROM a:2\nRUN b c\nCOPY . .\n")
    (project / "Dockerfile").write_text("FROM a:2\nENV not=committed\nRUN b c\nCOPY . .\n")
    history = read_history(str(project), str(project / "Dockerfile"))
    assert isinstance(history, History)
    assert [set(each.instructions) for each in history.commits] == [{2}, set(), {0}]
    assert history.source == "the last 3 commits"


def test_a_reordered_dockerfile_has_the_same_history() -> None:
    commits = tuple(Commit(str(number), 0.25, frozenset(), frozenset({number})) for number in range(4))
    history = History(commits, False, "", "FROM a\nCOPY . .\nENV x=y\nRUN b\n")
    found = aligned(history, parse("FROM a\nRUN b\nENV x=y\nCOPY . .\n"))
    assert [set(each.instructions) for each in found.commits] == [{0}, {3}, {2}, {1}]


def test_a_history_is_counted_anew_in_a_rewritten_dockerfile() -> None:
    commits = (Commit("x", 1.0, frozenset(), frozenset({1, 3})), Commit("y", 0.0, frozenset({"a"})))
    history = History(commits, False, "", "FROM a\nRUN b\nCOPY . .\nRUN c\n")
    new = parse("FROM a\nCOPY a .\nRUN b\nCOPY . .\nRUN c --more\n")
    assert [set(each.instructions) for each in aligned(history, new).commits] == [{2, 4}, set()]
    assert aligned(history, new).commits[1].paths == {"a"}
