"""What becomes of the results of a run: they are written, shown, and make the exit status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Literal, NamedTuple, get_args

from optimizer.problem import Problem
from optimizer.report import terminal
from optimizer.report.console import Console
from optimizer.runner import Result
from optimizer.source import CHANGES_NEEDED, USAGE, Failure

Format = Literal["json", "sarif", "gitlab", "github", "junit", "html"]
"""A report for programs, or for a browser: each is made by the module of its name."""

Show = Literal["diff", "text", "lines", "nothing"] | Format
"""What goes to standard output: a diff, the rewritten file, a line a fix, a report."""


class Wish(NamedTuple):
    """What the user wants of a run."""

    show: Show = "diff"
    write: bool = False
    judge: bool = False
    """A file that changes makes the exit status 1."""
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


class Reporter:
    """What is told of the results, and the highest exit status among them."""

    def __init__(self, wish: Wish, console: Console, total: int) -> None:
        self.wish = wish
        self.console = console
        self.total = total
        self.status = 0
        self.files = self.changed = self.fixes = self.suggestions = self.warnings = self.failed = 0

    def fail(self, path: str, failure: Failure) -> None:
        """Tell of something that went wrong, whatever else is to be shown."""
        self.failed += 1
        self.status = max(self.status, failure.status)
        self.console.err(terminal.failure_line(path, failure, self.console.err_style))
        if self.wish.debug and failure.traceback:
            self.console.err(failure.traceback)

    def note(self, problem: Problem) -> None:
        """Tell of something that does not keep a file from being rewritten."""
        if not self.wish.quiet:
            place = (problem.path, problem.line, problem.column, problem.message)
            self.console.err(terminal.problem_line(*place, self.console.err_style))

    def take(self, results: Iterable[Result]) -> Iterator[Result]:
        """Write and count each result, and tell what went wrong; what comes out is what happened."""
        for result in results:
            self.files += 1
            self.console.progress(self.files, self.total)
            failure = result.failure or (_write(result) if self.wish.write else None)
            if failure:
                self.fail(result.task.path, failure)
                yield Result(result.task, failure)
                continue
            self.changed += result.changed
            self.fixes += len(result.fixes)
            self.suggestions += len(result.suggestions)
            self.warnings += sum(each.warning for each in result.refusals)
            if result.changed and self.wish.judge:
                self.status = max(self.status, CHANGES_NEEDED)
            yield result

    def show(self, results: Iterable[Result]) -> None:
        """Show the results in the way that was asked for, and close with a line."""
        if self.wish.show in get_args(Format):
            for piece in import_module(f"optimizer.report.{self.wish.show}").report(self.take(results)):
                self.console.out(piece)
            return
        for result in self.take(results):
            if result.failure is None:
                self._show(result)
        if not self.wish.quiet and self.total:
            done = "rewritten" if self.wish.write else "would change"
            counts = (self.files, self.changed, self.fixes, self.suggestions, self.warnings, self.failed)
            self.console.err(terminal.summary(*counts, done))

    def _show(self, result: Result) -> None:
        if self.wish.show == "text":
            self._show_text(result)
        elif result.diff:
            self.console.out(result.diff)
        if self.wish.quiet or self.wish.show == "nothing":
            return
        to_out = self.wish.show == "lines"
        style = self.console.out_style if to_out else self.console.err_style
        path = result.task.path
        told = [(each.line, terminal.fix(each, style)) for each in result.fixes]
        told += ((each.line, terminal.refusal(each, style)) for each in result.refusals)
        if self.wish.verbose:
            told += ((each.line, terminal.suggestion(each, style)) for each in result.suggestions)
        lines = [terminal.at(path, line, text, style) for line, text in sorted(told, key=lambda each: each[0])]
        if lines and to_out:
            self.console.out("".join(f"{line}\n" for line in lines))
        elif lines:
            self.console.err("\n".join(lines))

    def _show_text(self, result: Result) -> None:
        """The file as it comes out, where it came in through standard input."""
        path = result.task.path
        self.console.out(next((each.after for each in result.changes if each.path == path), result.task.data or b""))
        for change in result.changes if not self.wish.quiet else ():
            if change.path != path:
                said = "left as it is, for only the Dockerfile went through standard input: give its path instead"
                self.console.err(terminal.problem_line(change.path, 0, 0, said, self.console.err_style))


def _write(result: Result) -> Failure | None:
    """Write what changes; why it could not be done, or None."""
    from optimizer.write import WriteError, replace

    for change in result.changes:
        try:
            replace(change.path, change.before, change.after)
        except WriteError as error:
            return Failure(USAGE, 0, 0, f"{change.path}: {error}" if change.path != result.task.path else str(error))
    return None
