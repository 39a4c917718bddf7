"""Instructions in another order: what the text looks like, and that no other order gets through."""

from __future__ import annotations

import pytest

from optimizer import checks
from optimizer.document import parse
from optimizer.fix import Fix, Safety, splice
from optimizer.model import read
from optimizer.moving import rearranged

TEXT = """\
FROM a
# one
RUN 1

# detached

RUN 2 \\
    two
RUN 3

# four
RUN 4

CMD 5
"""


def after(text: str, order: str) -> str:
    document = parse(text)
    numbers = {each.args[0]: each for each in document.instructions[1:]}
    return splice(text, rearranged(document, [numbers[number] for number in order]))


@pytest.mark.parametrize("order", ["2134", "4123", "1243", "4321", "2341", "3214", "1234"])
def test_moves_comments_along_and_loses_nothing(order: str) -> None:
    found = after(TEXT, order)
    assert [each.args[0] for each in parse(found).instructions] == ["a", *order, "5"]
    assert sorted(found.replace("\n\n", "\n").splitlines()) == sorted(TEXT.replace("\n\n", "\n").splitlines())
    for comment in ("one", "four"):
        assert f"# {comment}\nRUN {comment.replace('one', '1').replace('four', '4')}" in found
    assert "\n\n\n" not in found


def test_moves_few_lines() -> None:
    assert after("FROM a\nRUN 1\nRUN 2 \\\n  two\nRUN 3\n", "213") == "FROM a\nRUN 2 \\\n  two\nRUN 1\nRUN 3\n"
    assert after("FROM a\nRUN 1\n\nRUN 2\n\nRUN 3", "312") == "FROM a\nRUN 3\nRUN 1\n\nRUN 2\n"
    assert after("FROM a\nRUN 1\nRUN 2", "21") == "FROM a\nRUN 2\nRUN 1"


def test_a_paragraph_stays_one() -> None:
    assert after("FROM a\n\nRUN 1\n\nRUN 2\nRUN 3\n", "231") == "FROM a\n\nRUN 2\nRUN 3\n\nRUN 1\n"


def test_what_follows_each_other_moves_as_a_whole() -> None:
    before = "FROM a\n\n# one\nRUN 1\n\nRUN 2\n\nRUN 3 \\\n  x \\\n  y\n"
    assert after(before, "312") == "FROM a\n\nRUN 3 \\\n  x \\\n  y\n\n# one\nRUN 1\n\nRUN 2\n"
    before = "FROM a\nRUN 1\n\n# not of it\n\nRUN 2\nRUN 3 \\\n  x \\\n  y\n"
    assert after(before, "312") == "FROM a\n\n# not of it\n\nRUN 3 \\\n  x \\\n  y\nRUN 1\nRUN 2\n"


def fix(text: str, order: tuple[int, ...], new: str) -> list[str]:
    """What the checks say of a rewrite that says it puts RUN 1, 2, 3 in an order."""
    before, document = read(text), parse(text)
    edits = rearranged(document, [document.instructions[index] for index in order])
    made = Fix("x", Safety.SAFE, 2, edits, frozenset(order), "", "", order=order)
    return list(checks.problems(before, read(new or splice(text, edits)), [made]))


def test_only_the_order_that_is_meant_gets_through() -> None:
    text = "FROM a\nRUN 1\nRUN 2\nRUN 3\nCMD 5\n"
    assert fix(text, (2, 1, 3), "") == []
    assert fix(text, (2, 1, 3), "FROM a\nRUN 2\nRUN 1\nRUN 4\nCMD 5\n")
    assert fix(text, (2, 1, 3), "FROM a\nRUN 1\nRUN 2\nRUN 3\nCMD 5\n")
    assert fix(text, (2, 1, 3), "FROM a\nRUN 2\nRUN 1\nRUN 3\nRUN 3\nCMD 5\n")
