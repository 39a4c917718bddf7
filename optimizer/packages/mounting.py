"""What a cache mount needs of the file and of the other commands, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from optimizer.document import Document
from optimizer.fix import Edit
from optimizer.images import parse_reference
from optimizer.landing import touch
from optimizer.packages import caches
from optimizer.packages.places import Reading, reading_of
from optimizer.packages.reading import program_name, unwrap
from optimizer.packages.stores import Store, builds_nothing, call_of
from optimizer.rewrite import WIDTH, style_of
from optimizer.runs import Run
from optimizer.words import BLANK

_REMOVERS = frozenset({"rm", "find", "mv", "unlink"})


def knows_mounts(syntax: str) -> bool:
    """Whether a frontend is known to have ``--mount=type=cache``, which is in docker/dockerfile since 1.2."""
    reference = parse_reference(syntax)
    if reference.name.removeprefix("docker.io/") not in ("docker/dockerfile", "docker/dockerfile-upstream"):
        return False
    major, _, minor = (reference.tag or "latest").removesuffix("-labs").partition(".")
    minor = minor.partition(".")[0].partition("-")[0]
    return major in ("latest", "labs", "master", "experimental") or (major == "1" and (not minor or int(minor) >= 2))


def reads(run: Run, store: Store) -> str | None:
    """Why a later RUN may need the store and finds it empty; None where it does not, or gets its own mount."""
    found, line = reading_of(run), run.instruction.line
    if found is None:
        return f"line {line} could not be read, and may need it"
    calls = [(place, call_of(place)) for place in found.commands]
    mine = [call for _, call in calls if call is not None and call.store is store]
    if any(call.has(store.offline) for call in mine):
        return f"line {line} takes from it without the network, and may find it empty"
    if any(call.fills for call in mine):
        return None
    strange = next((place for place, call in calls if call is None and not builds_nothing(place)), None)
    return f"line {line} runs `{strange.command.words[0].text}`, which may need it" if strange else None


def emptied(
    found: Reading | None, mounts: Mapping[Store, Sequence[str]], places: Sequence[str], home: str | None
) -> str | None:
    """Which command of the script would empty a mount, or fail at it."""
    for place in found.commands if found else ():
        words = place.command.words[unwrap(place.command.words) :]
        call = call_of(place)
        if call is not None and call.cleans and call.store in mounts:
            return f"`{' '.join(word.text for word in words[:3])}` empties it"
        if not words or program_name(words[0]) not in _REMOVERS:
            continue
        for word in words[1:]:
            path = caches.absolute(word.text, home).partition("*")[0]
            if path.startswith("/") and any(touch(path.rstrip("/") or "/", target) for target in places):
                return f"`{program_name(words[0])} {word.text}` would empty it"
    return None


def flag_edits(document: Document, run: Run, flags: Sequence[str]) -> Iterator[Edit]:
    """Put flags behind those that are there, each on a line of its own where one line would be long."""
    at = run.instruction
    behind = max((flag.end for flag in at.flags), default=len(at.text[: at.args_start].rstrip(BLANK)))
    start, end = at.offset_after(behind), at.offset(at.args_start)
    gap = document.text[start:end]
    broken = len(at.segments) > 1 or len(flags) > 1 or len(at.text) + len(flags[0]) + 1 > WIDTH
    if not broken or at.heredocs:
        yield Edit(start, start, "".join(f" {flag}" for flag in flags))
        return
    style = style_of(document, at)
    line_end = f" {style.escape}{style.newline}{style.indent}"
    text = " " + line_end.join(flags)
    yield Edit(start, start, text) if "\n" in gap else Edit(start, end, text + line_end)
