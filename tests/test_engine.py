"""The engine: what it applies, what it drops and says so, and that it stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from optimizer.context import BuildContext
from optimizer.document import Instruction, ParseError
from optimizer.engine import Outcome, optimize
from optimizer.fix import Edit, Fix, Options, Phase, Proposal, Safety, Transform
from optimizer.model import Model

TEXT = """\
# syntax=docker/dockerfile:1
FROM debian AS base
# about one
RUN one
RUN two
FROM base
COPY --from=base /a /a
CMD ["x"]
"""

Propose = Callable[[Transform, Instruction], Iterator[Proposal]]


def transform(propose: Propose, name: str = "probe", phase: Phase = Phase.MERGE) -> Transform:
    """A transform that asks ``propose`` about each instruction."""

    class Probe(Transform):
        summary = "a probe"

        def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
            for instruction in model.document.instructions:
                yield from propose(self, instruction)

    Probe.name, Probe.phase = name, phase
    return Probe()


def replacing(old: str, new: str, *, name: str = "probe", **declared: Any) -> Transform:
    """Replaces instructions whose arguments are ``old``, and says that a command went and another came."""

    def propose(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == old:
            start = at.offset(at.args_start)
            says = declared or {"removes": [old], "adds": [new]}
            yield self.fix(at, [Edit(start, start + len(old), new)], f"{old} is not {new}", "", **says)

    return transform(propose, name)


def run(*transforms: Transform, text: str = TEXT) -> Outcome:
    return optimize(text, transforms)


def only_refusal(outcome: Outcome) -> str:
    assert outcome.after == outcome.before
    assert outcome.fixes == ()
    (refusal,) = outcome.refusals
    return refusal.reason


def test_applies_what_a_fix_says() -> None:
    outcome = run(replacing("one", "1"))
    assert outcome.after == TEXT.replace("RUN one", "RUN 1")
    assert [(fix.transform, fix.line) for fix in outcome.fixes] == [("probe", 4)]


def test_goes_on_until_nothing_changes_and_tells_lines_of_the_original() -> None:
    def shorten(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == "one":
            yield self.fix(at, [Edit(at.lead, at.end, "# about one\n")], "gone", "", removes=["one"])

    outcome = run(replacing("2", "3"), replacing("two", "2", name="second"), transform(shorten, "third", Phase.ORDER))
    assert "RUN one" not in outcome.after
    assert "RUN 3" in outcome.after
    assert [(fix.transform, fix.line) for fix in outcome.fixes] == [("third", 4), ("second", 5), ("probe", 5)]


@pytest.mark.parametrize(
    ("edit", "declared", "problem"),
    [
        (lambda at: Edit(at.start, at.end, ""), {}, "'one' would be lost"),
        (lambda at: Edit(at.end, at.end, "RUN three\n"), {}, "'three' would appear"),
        (lambda at: Edit(at.lead, at.start, ""), {}, "the comment '# about one' would be lost"),
        (lambda at: Edit(at.end - 1, at.end, " \\\n"), {}, "RUN would be read in another way"),
        (lambda at: Edit(at.end, at.end, "FOO\n"), {}, "unknown instruction: FOO"),
        (lambda at: Edit(at.start, at.end, "RUN one # "), {}, "RUN would be read in another way"),
        (lambda at: Edit(0, 28, "# syntax=other"), {}, "parser directive"),
        (lambda at: Edit(at.end, at.end, "FROM x AS y\nCOPY --from=base /x /x\n"), {}, "would appear"),
        (lambda at: Edit(at.start, at.end, "RUN one || x\n"), {"adds": ["x"], "scripts": ["one"]}, "would not mean"),
    ],
)  # fmt: skip
def test_drops_a_fix_that_changes_more_than_it_says(
    edit: Callable[[Instruction], Edit], declared: dict[str, Any], problem: str
) -> None:
    def propose(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == "one":
            yield self.fix(at, [edit(at)], "a bug", "", **declared)

    assert problem in only_refusal(run(transform(propose)))


def test_one_bad_fix_does_not_take_the_others_along() -> None:
    outcome = run(replacing("one", "1"), replacing("two", "2", name="wrong", adds=["2"]))
    assert outcome.after == TEXT.replace("RUN one", "RUN 1")
    assert [refusal.transform for refusal in outcome.refusals] == ["wrong"]


def test_a_stage_that_others_copy_from_keeps_its_name() -> None:
    def rename(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == "debian AS base":
            start = at.offset(at.args_start)
            yield self.fix(
                at, [Edit(start, start + len(at.args), "debian AS other")], "", "",
                removes=["FROM debian AS base"], adds=["FROM debian AS other"],
            )  # fmt: skip

    assert "names of the stages" in only_refusal(run(transform(rename)))


def test_fixes_that_touch_one_instruction_are_decided_one_after_the_other() -> None:
    outcome = run(replacing("one", "1"), replacing("one", "eins", name="second"))
    assert "RUN 1\n" in outcome.after
    assert [fix.transform for fix in outcome.fixes] == ["probe"]


def test_rewrites_that_undo_each_other_change_nothing() -> None:
    assert "find no end (probe, second)" in only_refusal(
        run(replacing("one", "1"), replacing("1", "one", name="second"))
    )


def test_a_rewrite_that_goes_on_for_ever_changes_nothing() -> None:
    def more(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == "two":
            yield self.fix(at, [Edit(at.end, at.end, "RUN three\n")], "more", "", adds=["three"])

    assert "find no end (probe)" in only_refusal(run(transform(more)))


@pytest.mark.parametrize(
    "comment",
    ["# dockopt: ignore=probe", "#dockopt:ignore=all", "# dockopt: ignore=x,probe; reason=as it should be",
     "# hadolint ignore=DL1,DL2"],
)  # fmt: skip
def test_comments_switch_off(comment: str) -> None:
    probe = replacing("one", "1")
    type(probe).hadolint = ("DL2",)
    reason = only_refusal(run(probe, text=TEXT.replace("# about one", comment)))
    assert reason.startswith("ignored by the comment in line 3")
    assert ("as it should be" in reason) == ("reason" in comment)


def test_a_comment_holds_for_its_instruction_or_for_the_file() -> None:
    here = "# dockopt: ignore=probe\nRUN x\n"
    assert run(replacing("one", "1"), text=TEXT + here).changed
    assert not run(replacing("one", "1"), text=TEXT + here.replace("ignore", "global ignore")).changed


def test_suggestions_wait_until_they_are_asked_for() -> None:
    def propose(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.args == "one":
            start = at.offset(at.args_start)
            yield self.fix(
                at, [Edit(start, start + 3, "1")], "", "", removes=["one"], adds=["1"], safety=Safety.SUGGESTED
            )

    probe = transform(propose)
    outcome = optimize(TEXT, [probe])
    assert not outcome.changed
    assert [fix.transform for fix in outcome.suggestions] == ["probe"]
    assert optimize(TEXT, [probe], suggested={"probe"}).after == TEXT.replace("RUN one", "RUN 1")


def test_the_user_is_asked_fix_by_fix() -> None:
    asked: list[tuple[str, str]] = []

    def accept(fix: Fix, before: str, after: str) -> bool:
        asked.append((before, after))
        return "RUN 2" in after

    outcome = optimize(TEXT, [replacing("one", "1"), replacing("two", "2", name="second")], accept=accept)
    assert outcome.after == TEXT.replace("RUN two", "RUN 2")
    assert len(asked) == 2
    assert [refusal.reason for refusal in outcome.refusals] == ["declined"]


def test_what_buildkit_refuses_is_not_touched() -> None:
    with pytest.raises(ParseError):
        run(replacing("one", "1"), text=TEXT + "FOO\n")


def test_what_moves_keeps_its_line_for_what_is_said_later() -> None:
    from optimizer.moving import rearranged

    class Swap(Transform):
        name, summary, phase = "swap", "swaps", Phase.ORDER

        def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
            one, two = model.document.instructions[1:3]
            if one.args == "one":
                yield self.fix(one, rearranged(model.document, [two, one]), "", "", order=[two, one])

    def tell(self: Transform, at: Instruction) -> Iterator[Proposal]:
        if at.keyword == "RUN":
            yield self.refuse(at, at.args, "")

    outcome = run(Swap(), transform(tell))
    assert outcome.after.index("RUN two") < outcome.after.index("# about one") < outcome.after.index("RUN one")
    assert {refusal.reason: refusal.line for refusal in outcome.refusals} == {"one": 4, "two": 5}
