"""A plan as edits of the file: the author's instructions stay as they are wherever they need not move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizer.checks import contents, instruction_text
from optimizer.document import Document, Instruction
from optimizer.fix import Edit
from optimizer.model import Model, read
from optimizer.rewrite import WIDTH, style_of
from optimizer.split.declared import paths
from optimizer.split.plan import Artifact, Part, Split, SystemPackages


class Written(NamedTuple):
    """A fix's edits, and what they admit to."""

    edits: tuple[Edit, ...]
    claims: tuple[Instruction, ...]
    removes: tuple[str, ...]
    adds: tuple[str, ...]
    paths: tuple[str, ...]


def write(model: Model, split: Split) -> Written:
    """Lay out the two stages."""
    document = model.document
    text, newline = document.text, document.newline
    origin, last = split.final.origin, split.last
    words = origin.words
    flags = "".join(f"{flag.text} " for flag in split.stage.origin.flags)
    final = f"{origin.written_keyword} {flags}{split.base}" + (f" {words[1]} {words[2]}" if len(words) == 3 else "")
    edits: list[Edit] = []
    adds: list[str] = []
    if split.builds_itself:
        keyword = words[1] if len(words) == 3 else "AS" if origin.written_keyword.isupper() else "as"
        adds.append(" ".join(("FROM", *(flag.text for flag in origin.flags), words[0], keyword, split.builder)))
        named = f"{words[0]} {keyword} {split.builder}"
        edits.append(Edit(origin.offset(origin.args_start), origin.content_end, named))

    prepared: list[str] = []
    for index, lines in split.prepare.items():
        at = document.instructions[index].lead
        prepared += lines
        edits.append(Edit(at, at, "".join(line + newline for line in lines)))
    moved = [document.instructions[index] for index, part in sorted(split.parts.items()) if part is Part.RUNTIME]
    edits += _without(text, newline, moved)

    header = list(_header(document, split))
    added = [final, *split.environment, *(piece.text for piece in header if not piece.moved)]
    taken = [_copy(split.builder, each) for each in split.artifacts]
    taken += split.after
    taken += (document.text[each.start : each.end].removesuffix(newline) for each in split.passed)
    block = [final, *split.environment, *(piece.text for piece in header), *taken]
    if split.builds_itself:
        edits.append(_behind(text, newline, last, [*split.finish, "", *block]))
    else:
        edits.append(_behind(text, newline, last, split.finish))
        edits.append(Edit(origin.start, origin.content_end, newline.join(block)))
    adds += _commands(document, [*prepared, *split.finish, *added, *taken])
    return Written(tuple(edits), (origin, *moved), (instruction_text(origin),), tuple(adds), paths(split))


def _copy(builder: str, artifact: Artifact) -> str:
    owner = f" --chown={artifact.owner}" if artifact.owner else ""
    return f"COPY --from={builder}{owner} {artifact.path} {artifact.target}"


def _behind(text: str, newline: str, last: Instruction, lines: Sequence[str]) -> Edit:
    """Put lines behind an instruction, which may be the last of the file and have no line end."""
    below = "".join(line + newline for line in lines)
    closed = text[last.end - 1 : last.end] == "\n"
    return Edit(last.end, last.end, below if closed or not below else newline + below.removesuffix(newline))


def _without(text: str, newline: str, gone: Sequence[Instruction]) -> Iterator[Edit]:
    """Take instructions with their comments out of the file, and of two blank lines around those in a row one."""
    start: int | None = None
    for each, below in zip(gone, [*gone[1:], None], strict=False):
        start = each.lead if start is None else start
        if below is not None and below.lead == each.end:
            continue
        blank = text.endswith(newline * 2, 0, start) and text.startswith(newline, each.end)
        yield Edit(start, each.end + len(newline) * blank, "")
        start = None


class _Piece(NamedTuple):
    """One instruction of the final stage that stands before the artifacts."""

    text: str
    moved: bool


def _header(document: Document, split: Split) -> Iterator[_Piece]:
    """What the final stage has of the author's instructions up to the end of the build, in their order."""
    parts = [(document.instructions[index], part) for index, part in split.parts.items()]
    late = [each for each in split.stage.instructions if each.index > split.last.index]
    kept = [*(each for each, part in parts if part is not Part.BUILD or _stands_in(split, each)), *late]
    if split.packages is not None and split.packages.place is split.stage.origin:
        yield _Piece(install(document, split.packages), False)
    for each, part in parts:
        pieces = [_Piece("RUN " + " && ".join(split.setup[each.index]), False)] if each.index in split.setup else []
        if split.packages is not None and split.packages.place is each:
            pieces.insert(0 if each.index in split.equipped else 1, _Piece(install(document, split.packages), False))
        yield from pieces
        if part is Part.RUNTIME:
            yield _Piece(document.text[each.lead : each.end].removesuffix(document.newline), True)
        elif part is Part.BOTH and not _is_passing(each, kept):
            yield _Piece(document.text[each.start : each.end].removesuffix(document.newline), False)


def _stands_in(split: Split, each: Instruction) -> bool:
    return each.index in split.setup or (split.packages is not None and split.packages.place is each)


def _is_passing(each: Instruction, kept: Sequence[Instruction]) -> bool:
    """Whether it is a WORKDIR that the next instruction replaces by another one."""
    if each.keyword != "WORKDIR":
        return False
    behind = kept[kept.index(each) + 1 :]
    return bool(behind) and behind[0].keyword == "WORKDIR" and behind[0].args.startswith("/")


def install(document: Document, packages: SystemPackages) -> str:
    """A RUN that installs packages, laid out as the author lays out the install that it stands for."""
    front = f"RUN {packages.flags} " if packages.flags else "RUN "
    line = front + " && ".join(packages.commands)
    if len(line) <= max(WIDTH, len(packages.at.text)) and len(packages.at.segments) == 1:
        return line
    style = style_of(document, packages.at)
    words = " ".join((packages.install, *packages.names))
    if len(words) + len(style.indent) > WIDTH:
        below = f" {style.escape}{style.newline}{style.indent}{style.indent}"
        words = packages.install + below + below.join(packages.names)
    return front + style.seam().join((*packages.update, words, *packages.clean))


def _commands(document: Document, lines: Sequence[str]) -> list[str]:
    """What instructions do, as the check of the result reads it."""
    directive = "# escape=`\n" if document.escape == "`" else ""
    found: list[str] = []
    for line in lines:
        text = line if line.startswith("FROM") else f"FROM scratch\n{line}"
        model = read(f"{directive}{text}\n")
        found += (command for _, command in contents(model, model.document.instructions[-1:]))
    return found
