from __future__ import annotations

from pathlib import Path

from optimizer.bot.journal import Done, Journal, Outcome, read, weightiest

FIRST = Outcome("a/b", "opened", requests=(Done("dockopt/all", "opened", "https://x/1", "0" * 32),), fixes={"m": 2})
SECOND = Outcome("c/d", "failed", "it was “refused”\n", at=2.5)


def test_outcomes_come_back_as_they_were(tmp_path: Path) -> None:
    path = str(tmp_path / "results.jsonl")
    assert list(read(path)) == []
    for outcome in (FIRST, SECOND):
        journal = Journal(path)
        journal.add(outcome)
        journal.close()
    assert list(read(path)) == [FIRST, SECOND]


def test_a_torn_last_line_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    journal = Journal(str(path))
    journal.add(FIRST)
    journal.add(SECOND)
    journal.close()
    whole = path.read_bytes()
    start = whole.index(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert list(read(str(path)))[:1] == [FIRST]
        again = Journal(str(path))
        again.add(SECOND)
        again.close()
        assert list(read(str(path))) in ([FIRST, SECOND], [FIRST, SECOND, SECOND])


def test_the_weightiest_status_stands_for_all() -> None:
    assert weightiest([]) == "nothing"
    assert weightiest(["unchanged", "opened", "nothing"]) == "opened"
    assert weightiest(["opened", "failed"]) == "failed"


def test_what_is_to_be_done_again_is_not_final() -> None:
    assert FIRST.final
    assert SECOND.final
    assert not Outcome("a", "failed", again=True).final
    assert not Outcome("a", "postponed").final
