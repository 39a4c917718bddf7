from __future__ import annotations

import pytest

from optimizer.bot.decision import decide
from optimizer.bot.forge import Request, State
from optimizer.bot.plan import Commit, File, Plan, marker, withdrawn
from optimizer.bot.tree import Head

PLAN = Plan("dockopt/all", (Commit("x", (File("Dockerfile", b"a\n", b"b\n"),)),))
THIS, OTHER = PLAN.hash, "f" * 32
OURS, OLD, THEIRS = Head("c1", THIS), Head("c0", OTHER), Head("c2")


def request(state: State, plan: str, number: int = 1) -> Request:
    return Request(number, f"https://forge/{number}", "dockopt/all", state, f"text\n{marker(plan)}\n")


CASES: dict[str, tuple[Plan | None, list[Request], Head | None, tuple[str, str]]] = {
    "nothing there, something to propose": (PLAN, [], None, ("open", "")),
    "a branch of ours that a run left before it opened": (PLAN, [], OURS, ("open", "")),
    "open and as it should be": (PLAN, [request("open", THIS)], OURS, ("leave", "unchanged")),
    "open for another plan": (PLAN, [request("open", OTHER)], OLD, ("update", "")),
    "pushed, and the text not yet changed": (PLAN, [request("open", OTHER)], OURS, ("update", "")),
    "text changed, and the branch gone": (PLAN, [request("open", THIS)], None, ("update", "")),
    "text changed, and the branch of another plan": (PLAN, [request("open", THIS)], OLD, ("update", "")),
    "a person's commits, and a new plan": (PLAN, [request("open", OTHER)], THEIRS, ("comment", "")),
    "a person's commits, and the same plan": (PLAN, [request("open", THIS)], THEIRS, ("leave", "unchanged")),
    "a person's commits, and no request": (PLAN, [], THEIRS, ("leave", "declined")),
    "closed by a person": (PLAN, [request("closed", THIS)], OURS, ("leave", "declined")),
    "closed by a person long ago": (
        PLAN, [request("closed", OTHER, 2), request("closed", THIS)], None, ("leave", "declined")
    ),
    "closed by a person, for another plan": (PLAN, [request("closed", OTHER)], None, ("open", "")),
    "merged, and undone": (PLAN, [request("merged", THIS)], None, ("leave", "declined")),
    "merged, and there is more now": (PLAN, [request("merged", OTHER)], None, ("open", "")),
    "nothing left": (None, [request("open", THIS)], OURS, ("close", "")),
    "nothing left, and a person's commits": (None, [request("open", THIS)], THEIRS, ("leave", "unchanged")),
    "nothing left, and closed": (None, [request("closed", THIS)], OURS, ("leave", "nothing")),
    "nothing at all": (None, [], None, ("leave", "nothing")),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_done(case: str) -> None:
    plan, requests, head, (act, status) = CASES[case]
    decision = decide(plan, requests, head)
    assert decision.act == act
    assert not status or decision.status == status


def test_what_the_bot_closed_itself_may_be_opened_again() -> None:
    closed = request("closed", THIS)
    assert decide(PLAN, [closed._replace(text=withdrawn(closed.text))], None).act == "open"


def test_somebody_elses_request_from_a_branch_of_that_name_is_not_closed() -> None:
    assert decide(None, [request("open", THIS)._replace(text="mine")], None).act == "leave"


def test_a_limit_holds_only_for_new_requests() -> None:
    assert decide(PLAN, [], None, may_open="enough").status == "postponed"
    assert decide(PLAN, [request("open", OTHER)], OLD, may_open="enough").act == "update"
