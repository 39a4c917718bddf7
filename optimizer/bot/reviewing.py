"""Comments on other people's requests that touch a Dockerfile: what they could write instead, as suggestions.

Only lines that the request itself writes are spoken of, only by fixes that are right alone and in one place, and each
proposal once.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from itertools import islice

from optimizer import runner
from optimizer.bot.forge import Forge, Project, Suggestion
from optimizer.bot.markdown import plain
from optimizer.bot.plan import marked, marker
from optimizer.bot.planning import dockerfiles
from optimizer.bot.tree import Tree, cloned
from optimizer.config import BotSettings
from optimizer.diff import split_lines
from optimizer.discovery import NAME
from optimizer.report.untrusted import mask, secrets
from optimizer.single import Replacement
from optimizer.tasks import Ask

MOST_REQUESTS = 20
"""Of the open requests so many are looked at, the newest."""
MOST = 10
"""Comments on one request in one visit."""
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def review(
    forge: Forge, project: Project, tree: Tree, ask: Ask, settings: BotSettings, tell: Callable[[str], None] | None
) -> int:
    """Comment on the open requests of a repository; how many comments there are to make.

    :param tell: in a dry run hears what would be said; otherwise None.
    """
    count = 0
    for request in islice(forge.opened(project), MOST_REQUESTS):
        if request.branch.startswith(f"{settings.branch}/"):
            continue
        written = {
            each.path: set(added(each.patch))
            for each in forge.changed(project, request)
            if NAME.fullmatch(os.path.basename(each.path))
        }
        if not any(written.values()):
            continue
        with cloned(tree.git.access, forge.ref(request), tree.git.identity) as theirs:
            found = list(suggestions(theirs, ask, written))
        said = {marked(text) for text in forge.comments(project, request)} if found else set()
        new = [each for each in found if marked(each.reason) not in said][:MOST]
        count += len(new)
        if tell is not None:
            for each in new:
                tell(f"{request.url}: would comment on {each.path}:{each.first}\n{each.block('suggestion')}")
        elif new:
            forge.suggest(project, request, new)
    return count


def added(patch: str) -> Iterator[int]:
    """The numbers of the lines that a patch writes, in the file as it is afterwards."""
    at = 0
    for line in patch.split("\n"):
        if found := _HUNK.match(line):
            at = int(found[1])
        elif line.startswith("+"):
            yield at
            at += 1
        elif line.startswith(" ") or not line:
            at += 1


def suggestions(tree: Tree, ask: Ask, written: dict[str, set[int]]) -> Iterator[Suggestion]:
    """What could stand in place of the lines that were written; lines with credentials are not spoken of."""
    wanted = runner.Plan(places=True)
    for path, task in dockerfiles(tree, ask, []):
        if not written.get(path):
            continue
        result = runner.process(task, wanted)
        lines = split_lines(result.text)
        hidden = secrets(result.text)
        for note, replaced in zip(result.fixes, result.alone, strict=False):
            if len(replaced) != 1 or not (placed := _placed(replaced[0], lines)):
                continue
            first, last, text = placed
            if set(range(first, last + 1)) <= written[path] and mask(text, hidden) == text:
                reason = f"{plain(tree.shown(note.reason))} (`{note.transform}`)\n{marker(_hash(path, text))}"
                yield Suggestion(path, first, last, reason, text)


def _placed(replaced: Replacement, lines: list[str]) -> tuple[int, int, str] | None:
    """The lines to replace, at least one, and what comes in their place."""
    last = replaced.end_line - (replaced.end_column == 1)
    if last >= replaced.line:
        return replaced.line, last, replaced.text
    above = replaced.line - 1  # nothing is replaced: the line above takes the new ones with it
    return (above, above, lines[above - 1] + replaced.text) if above else None


def _hash(path: str, text: str) -> str:
    data = f"{path}\0{text}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(data).hexdigest()[:32]
