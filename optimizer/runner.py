"""From Dockerfiles to results: one, or thousands of them over several processes.

Everything that is done for one file is done by process(), in this process or in another. What it gives back
is small and plain, for it has to travel. Nothing is written to disk here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from optimizer import registry
from optimizer.document import ParseError
from optimizer.engine import Accept, Outcome, optimize
from optimizer.fix import Fix, Options, Prediction, Safety
from optimizer.report.untrusted import mask, secrets
from optimizer.source import NOT_READ, Failure, Unreadable, decode, read

if TYPE_CHECKING:
    from optimizer.context import BuildContext
    from optimizer.past import Past
    from optimizer.report.terminal import Style
    from optimizer.single import Replacement
    from optimizer.verify.progress import Step

MANY = 64
"""From so many files on it pays to start processes."""

STDIN = "<stdin>"
"""The path of what comes through standard input and has no name."""

CHUNK = 16
"""Files that a process is given at a time."""


class Rules(NamedTuple):
    """The transforms to run on a file, by name, and their settings."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    suggested: bool = False
    options: Options = Options()
    enable: tuple[str, ...] = ()


class Task(NamedTuple):
    """One Dockerfile to work on."""

    path: str
    """Where it is, and how it is called in everything that is shown."""
    context: str | None = None
    """The folder of the build context, if there is one."""
    targets: tuple[str, ...] = ()
    """The stages that are built by name."""
    targets_known: bool = True
    """False where any stage may be built by its name."""
    rules: Rules = Rules()
    data: bytes | None = None
    """The content, when it does not come from the disk."""
    overlay: tuple[tuple[str, str], ...] = ()
    """Files of the build context that an earlier result changes: path in the context, and text."""


class Plan(NamedTuple):
    """What a result is to hold besides fixes and suggestions."""

    diff: Style | None = None
    """Diffs, made to be shown in this way."""
    contents: bool = False
    refusals: bool = False
    """All of them; otherwise warnings only."""
    suggestions: bool = True
    """What suggested transforms would do that are not asked for."""
    parents: bool = False
    predicted: bool = False
    """What a rebuild is expected to take, before and after."""
    places: bool = False
    """The text, and each fix alone: for reports that other programs show beside the file."""


class Note(NamedTuple):
    """A fix as it is reported; line is that of the file before."""

    transform: str
    safety: str
    line: int
    reason: str
    saves: str
    paths: tuple[str, ...]
    repairs: tuple[str, ...] = ()
    predicted: Mapping[str, float] | None = None
    """Seconds a commit that a rebuild is expected to take, before and after; None where it was not worked out."""


class Refused(NamedTuple):
    """Where a transform did nothing, as it is reported."""

    transform: str
    line: int
    reason: str
    paragraph: str
    warning: bool
    """Whether it is what the transform has to say: one that only reports."""


class Change(NamedTuple):
    """A file that changes: the Dockerfile, or one beside it. before is None for a new one."""

    path: str
    before: bytes | None
    after: bytes


class Result(NamedTuple):
    """What came of one file."""

    task: Task
    failure: Failure | None = None
    changed: bool = False
    fixes: tuple[Note, ...] = ()
    suggestions: tuple[Note, ...] = ()
    refusals: tuple[Refused, ...] = ()
    companions: tuple[tuple[str, str], ...] = ()
    """The files of the build context that change with it: path in the context, and text."""
    diff: str = ""
    changes: tuple[Change, ...] = ()
    """In the order in which they are to be written."""
    parents: tuple[str, ...] = ()
    predicted: Mapping[str, float] | None = None
    """As in a note, for all fixes together."""
    text: str = ""
    """The file as it was read."""
    alone: tuple[tuple[Replacement, ...], ...] = ()
    """What each fix, and behind them each suggestion, replaces in the file without the others."""


def results(tasks: Sequence[Task], plan: Plan, jobs: int = 0) -> Iterator[Result]:
    """The results in the order of the tasks.

    :param jobs: how many processes; 0 takes as many as there are cores, with files enough for it to pay.
    """
    workers = min(jobs or _cores(), -(-len(tasks) // CHUNK)) if jobs or len(tasks) >= MANY else 1
    found = _over_processes(tasks, plan, workers) if workers > 1 else (process(task, plan) for task in tasks)
    yield from _one_after_the_other(found, plan)


def _one_after_the_other(found: Iterator[Result], plan: Plan) -> Iterator[Result]:
    """The results, each as if the earlier ones were written.

    Dockerfiles of one build context may change the same file beside them (.dockerignore): all but the first
    are then done again, on top of what the first makes of it.
    """
    changed: dict[str, dict[str, str]] = {}
    for result in found:
        if result.companions:
            earlier = changed.setdefault(os.path.realpath(result.task.context or ""), {})
            if any(path in earlier for path, _ in result.companions):
                result = process(result.task._replace(overlay=tuple(earlier.items())), plan)
            earlier.update(result.companions)
        yield result


def process(task: Task, plan: Plan, accept: Accept | None = None) -> Result:
    """Read one Dockerfile and rewrite it in memory. Whatever goes wrong is in the result."""
    try:
        data = read(task.path) if task.data is None else task.data
        return _result(task, plan, data, rewrite(task, decode(data), accept, plan.suggestions))
    except Unreadable as error:
        return Result(task, error.failure)
    except ParseError as error:
        return Result(task, Failure(NOT_READ, error.line, error.column, mask(error.message, ())))
    except Exception as error:
        import traceback

        message = (
            f"internal error ({type(error).__name__}), the file is left alone: please report it with the file "
            "(--debug shows where it happened)"
        )
        return Result(task, Failure(NOT_READ, 0, 0, message, traceback.format_exc()))


def rewrite(task: Task, text: str, accept: Accept | None = None, suggestions: bool = True) -> Outcome:
    """Run the transforms of a task on its text.

    :param suggestions: whether suggested transforms that are not asked for are to say what they would do.

    :raises ParseError: where BuildKit refuses it.
    """
    select, ignore, suggested, options, enable = task.rules
    choice = choose(select, ignore, suggested, enable)
    return optimize(
        text,
        choice.transforms if suggestions else choice.applied,
        suggested=choice.suggested,
        context=context_of(task),
        targets=targets(task, text),
        options=replace(options, past=past(task)),
        accept=accept,
    )


def targets(task: Task, text: str) -> tuple[str, ...]:
    """The stages that are built by name: each by its number, where any of them may be."""
    return task.targets if task.targets_known else tuple(map(str, range(text.upper().count("FROM"))))


@lru_cache
def choose(
    select: tuple[str, ...], ignore: tuple[str, ...], suggested: bool, enable: tuple[str, ...] = ()
) -> registry.Choice:
    """The transforms to run.

    :raises UnknownTransform: for a name that is no transform's.
    """
    return registry.choose(select=select, ignore=ignore, suggested=suggested, enable=enable)


def note(fix: Fix, hidden: tuple[str, ...]) -> Note:
    """A fix as it is reported, without credentials."""
    return Note(
        fix.transform,
        fix.safety.value,
        fix.line,
        mask(fix.reason, hidden),
        mask(fix.saves, hidden),
        fix.paths,
        tuple(mask(each, hidden) for each in fix.repairs),
        _predicted(fix.predicted),
    )


def _predicted(found: Prediction | None) -> Mapping[str, float] | None:
    return {"before": round(found.before, 3), "after": round(found.after, 3)} if found is not None else None


def context_of(task: Task) -> BuildContext | None:
    """The build context of a task, with what an earlier result changes in it."""
    if task.context is None:
        return None
    own_rules = task.path != STDIN and os.path.exists(f"{task.path}.dockerignore")
    context = _directory(task.context, task.path if own_rules else None)
    for path, text in task.overlay:
        context = context.with_file(path, text)
    return context


def past(task: Task) -> Past:
    """What the project's past says about a task's next builds."""
    options = task.rules.options
    return _past(task.context, task.path if os.path.isfile(task.path) else None, options.timings, options.newest)


def forget_folders() -> None:
    """Read build contexts and histories anew from now on: for programs that outlive what they have read."""
    _directory.cache_clear()
    _past.cache_clear()


@lru_cache(maxsize=8)
def _past(context: str | None, dockerfile: str | None, timings: str, newest: str) -> Past:
    from optimizer.past import Past

    return Past(context, dockerfile, timings, newest)


@lru_cache(maxsize=8)
def _directory(root: str, dockerfile: str | None) -> BuildContext:
    """A folder as build context; what it lists once it need not list for the next Dockerfile."""
    from optimizer.context import DirectoryContext

    return DirectoryContext(root, dockerfile)


def _result(task: Task, plan: Plan, data: bytes, outcome: Outcome) -> Result:
    hidden = secrets(outcome.before) if outcome.fixes or outcome.suggestions or outcome.refusals else ()
    reporting = {each.name for each in registry.load() if each.safety is Safety.REPORT}
    refusals = (
        Refused(each.transform, each.line, mask(each.reason, hidden), each.paragraph, each.transform in reporting)
        for each in outcome.refusals
        if plan.refusals or each.transform in reporting
    )
    changes = [companion_change(task, companion.path, companion.text) for companion in outcome.companions]
    if outcome.after != outcome.before:
        changes.append(Change(task.path, data, outcome.after.encode()))
    return Result(
        task,
        None,
        outcome.changed,
        tuple(note(fix, hidden) for fix in outcome.fixes),
        tuple(note(fix, hidden) for fix in outcome.suggestions),
        tuple(refusals),
        tuple((companion.path, companion.text) for companion in outcome.companions),
        _diff(changes, plan.diff) if plan.diff and changes else "",
        tuple(changes) if plan.contents else (),
        _parents(outcome) if plan.parents else (),
        predicted(task, outcome) if plan.predicted and outcome.after != outcome.before else None,
        outcome.before if plan.places else "",
        _alone(task, outcome) if plan.places else (),
    )


def companion_change(task: Task, path: str, text: str) -> Change:
    """The file at a path of the build context as it is and as it is to be."""
    full = os.path.normpath(os.path.join(task.context or "", path))
    before: bytes | None
    if (earlier := dict(task.overlay).get(path)) is not None:
        before = earlier.encode("utf-8", "surrogateescape")
    else:
        before = read(full) if os.path.exists(full) else None
    return Change(full, before, text.encode("utf-8", "surrogateescape"))


def _diff(changes: Sequence[Change], style: Style) -> str:
    from optimizer.report.terminal import show_diff

    return "".join(show_diff(change.path, change.before, change.after, style) for change in changes)


def _alone(task: Task, outcome: Outcome) -> tuple[tuple[Replacement, ...], ...]:
    from optimizer.single import alone

    return alone(task, outcome.before, (*outcome.fixes, *outcome.suggestions))


def predicted(task: Task, outcome: Outcome, timings: Sequence[Step] = ()) -> Mapping[str, float] | None:
    """Seconds a commit that a rebuild of the Dockerfile is expected to take, before and after.

    :param timings: steps of a build, in place of those of the log that the task names.
    """
    from optimizer import model
    from optimizer.past import Known
    from optimizer.rebuild import prediction

    named = targets(task, outcome.before)
    before, after = model.read(outcome.before, named), model.read(outcome.after, named)
    known = Known(past(task).history, timings) if timings else past(task)
    return _predicted(prediction(before, after, context_of(task), replace(task.rules.options, past=known)))


def _parents(outcome: Outcome) -> tuple[str, ...]:
    from optimizer import model
    from optimizer.view import view

    return tuple(stage.image for stage in view(model.read(outcome.after)).stages)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _over_processes(tasks: Sequence[Task], plan: Plan, workers: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_all_start_methods, get_context
    from sys import platform

    # Forked processes have the transforms loaded already; on macOS system libraries do not bear it.
    fork = "fork" in get_all_start_methods() and platform != "darwin"
    pool = ProcessPoolExecutor(workers, get_context("fork" if fork else "spawn"), _begin, (plan,))
    try:
        chunks = [tasks[at : at + CHUNK] for at in range(0, len(tasks), CHUNK)]
        for chunk, future in [(chunk, pool.submit(_work, chunk)) for chunk in chunks]:
            try:
                yield from future.result()
            except BrokenProcessPool:
                message = "the process working on it was ended by the system (out of memory?): try --jobs 1"
                yield from (Result(task, Failure(NOT_READ, 0, 0, message)) for task in chunk)
    except BaseException:  # Ctrl-C, or nobody wants the rest: what is being worked on is of no use
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


_plan = Plan()
"""The plan that a worker process was started with."""


def _begin(plan: Plan) -> None:
    import signal

    global _plan
    _plan = plan
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the user started
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # by which that one ends this one


def _work(tasks: Sequence[Task]) -> list[Result]:
    return [process(task, _plan) for task in tasks]
