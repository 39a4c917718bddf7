from __future__ import annotations

from collections import Counter

from optimizer.document import ParseError
from optimizer.instructions import settings
from optimizer.model import Model, Stage, read
from optimizer.view import StageView, view
from tests.corpus import dockerfiles, needs_corpus

UNREADABLE = """\
# escape=`
ARG tag=3.9
FROM python:${tag:-3} AS build
ENV A=1 `
    # a comment

    B=$A

RUN <<EOF
FROM nothing
EOF
ARG one two=2
COPY x C:\\
FROM $unknown
LABEL "a b"=c maintainer=me
RUN x
"""


def test_what_dockerfile_parse_alone_would_misread() -> None:
    seen = view(read(UNREADABLE))
    assert seen.stages == (
        StageView("python:3.9", ("A", "B"), ()),
        StageView("$unknown", (), ("a b", "maintainer")),
    )
    assert seen.structure == (
        ("ARG", "tag=3.9"),
        ("FROM", "python:3.9 AS build"),
        ("ENV", "A=1     B=$A"),
        ("RUN", "<<EOF"),
        ("ARG", "one= two=2"),
        ("COPY", "x C:\\"),
        ("FROM", "\\$unknown"),
        ("LABEL", '"a b"=c maintainer=me'),
        ("RUN", "x"),
    )


def test_an_instruction_that_ends_with_an_escaped_escape_character() -> None:
    seen = view(read("FROM a\nRUN x \\\\\nRUN y\n"))
    assert seen.structure == (("FROM", "a"), ("RUN", "x \\\\"), ("RUN", "y"))


def names(stage: Stage, keyword: str) -> list[str | None]:
    """The names that a stage sets, as the model reads them, in order."""
    found = dict.fromkeys(
        stage.state(each).expand(setting.name, each.escape)
        for each in stage.instructions
        if each.keyword == keyword
        for setting in settings(each)
    )
    return list(found)


def models() -> list[tuple[str, Model]]:
    found = []
    for file in dockerfiles():
        try:
            found.append((f"{file.repo}/{file.path}", read(file.data.decode())))
        except (ParseError, UnicodeDecodeError):
            continue
    return found


@needs_corpus
def test_it_agrees_with_the_model_on_the_corpus() -> None:
    differences: Counter[str] = Counter()
    for name, model in models():
        seen = view(model)
        assert [keyword for keyword, _ in seen.structure] == [each.keyword for each in model.document.instructions], (
            name
        )
        for stage, shown in zip(model.stages, seen.stages, strict=True):
            assert shown.image == (stage.base or stage.origin.words[0])
            for kind, theirs, ours in (
                ("environment", shown.environment, names(stage, "ENV")),
                ("labels", shown.labels, names(stage, "LABEL")),
            ):
                if None in ours:
                    # ENV "NAME=value" (BuildKit misses the second quote of the name), and ENV $UNKNOWN value
                    differences[f"{kind}: a name that cannot be expanded"] += 1
                elif list(theirs) != ours:
                    differences[f"{kind}: {name}"] += 1
    assert differences == {"environment: a name that cannot be expanded": 2}
