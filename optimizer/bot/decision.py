"""What is to be done about one branch of the bot. Pure: everything that it depends on comes as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from optimizer.bot.forge import Request
from optimizer.bot.plan import Plan, marked
from optimizer.bot.tree import Head

Act = Literal["open", "update", "close", "comment", "leave"]


class Decision(NamedTuple):
    """What to do, with which request if there is one, and why; ``status`` is what comes of "leave"."""

    act: Act
    request: Request | None = None
    status: Literal["unchanged", "declined", "postponed", "nothing"] = "nothing"
    why: str = ""


def decide(plan: Plan | None, requests: Sequence[Request], head: Head | None, *, may_open: str = "") -> Decision:
    """Decide about a branch.

    :param plan: what would be proposed; None for nothing.
    :param requests: those from this branch, the newest first.
    :param head: the branch as the forge has it; None where it has none.
    :param may_open: why no request may be opened; "" where one may.
    """
    request = next((each for each in requests if each.state == "open"), None)
    theirs = head is not None and not head.plan
    if plan is None:
        if request is None or marked(request.text) is None:
            return Decision("leave")
        if theirs:
            return Decision(
                "leave", request, "unchanged", "nothing is left to propose, but the branch has other commits"
            )
        return Decision("close", request)
    if request is not None:
        known = marked(request.text) == plan.hash
        if theirs:
            why = "the branch has commits of somebody else, which stay as they are"
            return Decision("leave", request, "unchanged", why) if known else Decision("comment", request, why=why)
        if known and head is not None and head.plan == plan.hash:
            return Decision("leave", request, "unchanged")
        return Decision("update", request)
    for each in requests:
        if marked(each.text) == plan.hash:
            why = "a person has closed this" if each.state == "closed" else "it was merged once, and undone since"
            return Decision("leave", each, "declined", why)
    if theirs:
        return Decision("leave", None, "declined", "the branch is there with commits of somebody else: delete it")
    if may_open:
        return Decision("leave", None, "postponed", may_open)
    return Decision("open")
