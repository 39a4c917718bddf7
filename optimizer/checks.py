"""What must hold after every rewrite, checked on the result before anybody sees it (semantics, section 9).

A fix says what it changes. Here the result is read again and held against the input, instruction by instruction and
command by command: whatever no fix admits to must be there as it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from optimizer import shell
from optimizer.document import Document, Instruction
from optimizer.fix import Edit, Fix
from optimizer.model import Model
from optimizer.runs import Run

Problem = str


def problems(before: Model, after: Model, fixes: Sequence[Fix]) -> Iterator[Problem]:
    """Everything in ``after`` that the fixes do not account for; nothing when the rewrite is sound."""
    edits = sorted((edit for fix in fixes for edit in fix.edits), key=lambda edit: (edit.start, edit.end))
    move = mover(edits)
    claimed = {index for fix in fixes for index in fix.claims}
    starts = {instruction.start: instruction for instruction in after.document.instructions}
    kept: dict[int, Instruction] = {}
    for old in before.document.instructions:
        if old.index in claimed:
            continue
        new = starts.get(move(old.start))
        if new is None or new.reading != old.reading:
            yield f"line {old.line}: {old.keyword} would be read in another way"
            return
        kept[old.index] = new
    order = [new.index for new in kept.values()]
    if order != sorted(order):
        yield "instructions that no fix names would change places"
    yield from _comments(before.document, after.document)
    if [(d.name, d.value) for d in before.document.directives] != [
        (d.name, d.value) for d in after.document.directives
    ]:
        yield "a parser directive would change"
    yield from _references(before, after, kept)
    here = set(order)
    fresh = [new for new in after.document.instructions if new.index not in here]
    for fix in fixes:
        at = _place_of([before.document.instructions[index].reading for index in fix.order], fresh)
        if at is None:
            yield f"the instructions from line {fix.line} on would not stand in the order that is meant"
            return
        del fresh[at : at + len(fix.order)]
    yield from _commands(before, after, fixes, fresh)
    yield from _scripts(after, fixes, fresh)


def _place_of(readings: Sequence[object], instructions: Sequence[Instruction]) -> int | None:
    """Where instructions that read like this stand one after the other; None where they do not."""
    found = [each.reading for each in instructions]
    return next(
        (at for at in range(len(found) - len(readings) + 1) if found[at : at + len(readings)] == [*readings]), None
    )


def mover(edits: Sequence[Edit]) -> Callable[[int], int]:
    """Where a character that no edit touches stands after the (sorted, disjoint) edits."""
    ends = [edit.end for edit in edits]
    shifts = [0]
    for edit in edits:
        shifts.append(shifts[-1] + len(edit.text) - (edit.end - edit.start))
    return lambda offset: offset + shifts[bisect_right(ends, offset)]


def comment_texts(document: Document) -> Counter[str]:
    """Every comment line between instructions and inside their continuations, with how often it is there."""
    spans = [*document.comments, *(span for each in document.instructions for span in each.comments)]
    return Counter(document.text[span.start : span.end].strip() for span in spans)


def _comments(before: Document, after: Document) -> Iterator[Problem]:
    for comment in comment_texts(before) - comment_texts(after):
        yield f"the comment {comment!r} would be lost"


def _references(before: Model, after: Model, kept: dict[int, Instruction]) -> Iterator[Problem]:
    if [stage.name for stage in before.stages if stage.name] != [
        name for stage in after.stages if (name := stage.name) in {old.name for old in before.stages} and name
    ]:
        yield "the names of the stages would change"
    if before.final.name != after.final.name:
        yield "another stage would be the last one"
    new_origins = {source.instruction.index: source.origin for source in after.sources}
    for source in before.sources:
        new = kept.get(source.instruction.index)
        if new is None or source.origin is None:
            continue
        now = new_origins.get(new.index)
        then = kept.get(source.origin.origin.index)
        if now is None or (then is not None and now.origin.index != then.index):
            yield f"line {source.instruction.line}: --from={source.name} would mean another stage"


def _commands(before: Model, after: Model, fixes: Sequence[Fix], fresh: Sequence[Instruction]) -> Iterator[Problem]:
    claimed = sorted({index for fix in fixes for index in fix.claims if index not in fix.order})
    removed = Counter(command for fix in fixes for command in fix.removes)
    added = Counter(command for fix in fixes for command in fix.adds)
    old = contents(before, (before.document.instructions[index] for index in claimed))
    new = contents(after, fresh)
    for kind in ("RUN", ""):
        stays = _without([text for which, text in old if which == kind], removed)
        comes = _without([text for which, text in new if which == kind], added)
        if missing := Counter(stays) - Counter(comes):
            yield f"{next(iter(missing))!r} would be lost"
        elif extra := Counter(comes) - Counter(stays):
            yield f"{next(iter(extra))!r} would appear, and no fix says so"
        elif stays != comes:
            yield "commands would change places"


def _scripts(after: Model, fixes: Sequence[Fix], fresh: Sequence[Instruction]) -> Iterator[Problem]:
    """Layout is done on the text of the file; what a fix means is said as a script: both must have the same tree."""
    meant = [text for fix in fixes for text in fix.scripts]
    if not meant:
        return
    scripts = [run.parsed for run in runs_of(after, fresh) if run.parsed is not None]
    there = {shape(script) for script in scripts}
    for text in meant:
        script = shell.parse(text)
        if isinstance(script, shell.Opaque) or shape(script) not in there:
            yield f"the new RUN would not mean {text!r}"


def shape(node: shell.Script | shell.List | shell.Pipeline | shell.Command) -> object:
    """A script's tree without places and layout: equal shapes are the same commands under the same operators."""
    match node:
        case shell.Script():
            heredocs = tuple(node.text[each.content_start : each.content_end] for each in node.heredocs)
            return shape(node.body), heredocs
        case shell.List():
            connectors = tuple(item.connector.replace("\n", ";") for item in node.items)
            return connectors, tuple(shape(item.pipeline) for item in node.items), node.terminator == "&"
        case shell.Pipeline():
            return node.negated, node.timed, tuple(shape(command) for command in node.commands)
        case shell.Simple():
            return command_text(node)
        case shell.Compound():
            words = tuple(word.text for word in node.words)
            redirects = tuple(f"{each.fd or ''}{each.op}{each.target.text}" for each in node.redirects)
            return node.kind, node.name, words, tuple(shape(body) for body in node.bodies), redirects


def _without(commands: Sequence[str], some: Counter[str]) -> list[str]:
    """The commands less those counted in ``some``, which is used up by it: of equal ones the last are left out."""
    kept = []
    for command in reversed(commands):
        if some[command]:
            some[command] -= 1
        else:
            kept.append(command)
    return kept[::-1]


def contents(model: Model, instructions: Iterable[Instruction]) -> list[tuple[str, str]]:
    """What the instructions do: ("RUN", command) a shell command, ("", text) an instruction that is no readable RUN."""
    found: list[tuple[str, str]] = []
    for instruction in instructions:
        run = next(runs_of(model, [instruction]), None)
        if run is not None and run.parsed is not None:
            found += (("RUN", command) for command in command_texts(run.parsed))
        else:
            found.append(("", instruction_text(instruction)))
    return found


def runs_of(model: Model, instructions: Iterable[Instruction]) -> Iterator[Run]:
    """Those of the instructions that are RUNs, under their shell."""
    for instruction in instructions:
        if instruction.keyword == "RUN" and (stage := model.stage_of(instruction)) is not None:
            yield Run(instruction, stage.state(instruction).shell)


@lru_cache(maxsize=1024)
def command_texts(script: shell.Script) -> tuple[str, ...]:
    """The simple commands of a script, nested ones too, each in one line."""
    return tuple(command_text(command) for command, _ in shell.walk(script))


def command_text(command: shell.Simple) -> str:
    """A simple command in one line: its assignments, words and redirections as written, one blank between them."""
    if not command.assignments and not command.redirects:
        return " ".join([word.text for word in command.words])
    parts = sorted(
        [*((each.start, f"{each.name}{'+' if each.append else ''}={each.value.text}") for each in command.assignments),
         *((word.start, word.text) for word in command.words),
         *((each.start, f"{each.fd or ''}{each.op}{each.target.text}") for each in command.redirects)]
    )  # fmt: skip
    return " ".join(text for _, text in parts)


def instruction_text(instruction: Instruction) -> str:
    """An instruction in one line, its keyword in capitals, heredocs left out."""
    return " ".join((instruction.keyword, *(flag.text for flag in instruction.flags), instruction.args))
