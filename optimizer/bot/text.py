"""The text of a request: what is changed and why, what it brings, what was left, and how to be rid of the bot."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.bot.markdown import block, code, plain, table
from optimizer.bot.plan import About, Measured, Plan, marker
from optimizer.config import FILE

LONGEST = 60_000
"""Characters: GitHub takes 65,536."""
ROWS = 60
"""Lines of a table, of which a person reads fewer."""


def description(plan: Plan, noun: str) -> str:
    """The text of a plan's request, with its marker.

    :param noun: what the forge calls a request.
    """
    parts = _onboarding(noun) if not plan.abouts else _changes(plan, noun)
    text, end = "", f"\n{marker(plan.hash)}\n"
    for part in parts:
        if len(text) + len(part) + len(end) > LONGEST:
            text += "\nMore would be too long for this place: `dockopt fix --verbose` tells all of it.\n"
            break
        text += part
    return text + end


def comment(plan: Plan, noun: str) -> str:
    """What is said where the branch holds commits of somebody else."""
    text = (
        f"There are commits on this branch that are not mine, so I leave it as it is. What I would propose has changed "
        f"since; this is all of it, against the target of this {noun}. Delete the branch to have it made anew.\n\n"
    )
    diff = block(plan.diff, "diff")
    if len(diff) > LONGEST:
        diff = "The diff is too long for this place: `dockopt fix` shows it.\n"
    return f"{text}{diff}\n{marker(plan.hash)}\n"


def _onboarding(noun: str) -> Iterator[str]:
    yield (
        "dockopt rewrites Dockerfiles so that images get smaller and rebuilds faster, with the smallest diff that does "
        f"it. Merge this to let it open {noun}s here; close it, and it will not ask again.\n"
    )


def _changes(plan: Plan, noun: str) -> Iterator[str]:
    count = sum(len(about.fixes) for about in plan.abouts)
    changed = sum(bool(about.fixes) for about in plan.abouts)
    yield (
        f"{_count(count, 'fix', 'fixes')} in {_count(changed, 'Dockerfile', 'Dockerfiles')}, by dockopt. Each commit "
        "holds one kind of change, and after each the files are whole: drop what you do not want.\n\n"
    )
    rows = [
        (code(f"{about.path}:{note.line}"), code(note.transform), plain(note.reason), plain(note.saves) or "–")
        for about in plan.abouts
        for note in sorted(about.fixes, key=lambda note: note.line)
    ]
    yield table(("Where", "What", "Why", "Saves"), rows[:ROWS])
    if len(rows) > ROWS:
        yield f"\nand {len(rows) - ROWS} more.\n"
    if any(note.safety != "safe" for about in plan.abouts for note in about.fixes):
        yield "\nSome of these are suggestions: right for nearly everybody, but not to be proved from the text alone.\n"
    yield from _measured(plan.abouts)
    yield from _left(plan.abouts)
    yield _closing(plan, noun)


def _measured(abouts: tuple[About, ...]) -> Iterator[str]:
    rows = [
        (code(about.path + (f", {each.target}" if each.target else "")), what, before, after, change)
        for about in abouts
        for each in about.measured
        for what, before, after, change in _figures(each)
    ]
    if rows:
        yield "\n### Measured by real builds of both versions\n\n"
        yield table(("Dockerfile", "What", "Before", "After", "Change"), rows[:ROWS])


def _figures(measured: Measured) -> Iterator[tuple[str, str, str, str]]:
    size = (f"{each / 1e6:.1f} MB" for each in (measured.before, measured.after))
    yield ("image, compressed", *size, _change(measured.before, measured.after))  # type: ignore[misc]
    for name, before, after in measured.times:
        yield (f"build: {plain(name)}", f"{before:.1f} s", f"{after:.1f} s", _change(before, after))


def _change(before: float, after: float) -> str:
    return f"{(after - before) / before:+.0%}" if before else "–"


def _left(abouts: tuple[About, ...]) -> Iterator[str]:
    warnings, refusals = (
        [
            (code(f"{about.path}:{each.line}"), code(each.transform), plain(each.reason))
            for about in abouts
            for each in about.refusals
            if each.warning is warning
        ]
        for warning in (True, False)
    )
    if warnings:
        yield "\n### Only you can know what is meant here\n\n"
        yield table(("Where", "What", "Why"), warnings[:ROWS])
    if refusals:
        yield "\n<details><summary>Left as it is, and why</summary>\n\n"
        yield table(("Where", "What", "Why"), refusals[:ROWS])
        yield "\n</details>\n"
    if suggestions := sum(about.suggestions for about in abouts):
        yield (
            f"\n{_count(suggestions, 'suggestion', 'suggestions')} could not be proved from the text and "
            "stayed out: `dockopt fix --suggested` shows them.\n"
        )


def _closing(plan: Plan, noun: str) -> str:
    names = sorted({note.transform for about in plan.abouts for note in about.fixes})
    return (
        "\n### How to switch things off\n\n"
        f"- One of them here: a comment `# dockopt: ignore={names[0] if names else 'NAME'}` above the instruction.\n"
        f'- One of them everywhere: `ignore = ["NAME"]` in `{FILE}` or under `[tool.dockopt]` in `pyproject.toml`.\n'
        f"- All of it: `enabled = false` under `[bot]` in `{FILE}`.\n"
        f"- This once: close the {noun}; it is not opened again for the same changes. Commits that you push to the "
        "branch stay.\n"
    )


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
