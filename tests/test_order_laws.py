"""What must hold of another order of instructions, over generated Dockerfiles, build contexts and histories."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from optimizer import registry
from optimizer.context import MemoryContext
from optimizer.effects import effects, ties
from optimizer.engine import Outcome, optimize
from optimizer.fix import Options
from optimizer.history import Commit, History
from optimizer.model import Model, read
from optimizer.moving import rearranged
from optimizer.past import Known
from optimizer.rebuild import expected_of
from tests.test_laws import comment, dockerfiles, other

FILES = dict.fromkeys((
    "requirements.txt", "package.json", "package-lock.json", "x.py", "site/index.html", "data/a.csv", "conf/app.conf",
), "flask==3.0\n")  # fmt: skip
CONTEXT = MemoryContext({**FILES, "package.json": "{}", "package-lock.json": "{}"})
KNOWN = [
    "COPY site /srv/site", "COPY --chown=1000 conf /etc/app", "COPY data /opt/data", "COPY requirements.txt /app/",
    "ADD https://example.com/x.json /srv/x.json", "RUN mkdir -p /opt/data/more", "RUN useradd app", "WORKDIR /app",
    "RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*", "RUN apt-get update",
    "RUN apt-get install -y jq", "RUN pip install -r requirements.txt", "RUN curl -fsSLo /opt/tool https://example.com/t",
    "RUN tar -xzf /opt/data/a.tgz -C /opt", "RUN chmod 755 /opt/tool", "RUN rm -rf /opt/data", "ENV C=1", "USER app",
]  # fmt: skip
line = st.one_of(st.sampled_from(KNOWN), st.sampled_from(KNOWN), st.sampled_from(KNOWN), other, comment)
staged = st.lists(line, max_size=12).map(lambda lines: "FROM debian:12-slim\n" + "\n".join(lines) + "\n")
texts = st.one_of(staged, staged, dockerfiles())
paths = st.frozensets(st.sampled_from(sorted(FILES)), max_size=3)
changes = st.lists(st.tuples(paths, st.frozensets(st.integers(0, 12), max_size=2)), min_size=10, max_size=14)
ORDER = registry.choose(select=("reorder_layers",))
ALL = registry.choose(suggested=True, enable=("cache_mounts",))


def options(text: str, found: list[tuple[frozenset[str], frozenset[int]]], min_saving: float = 0) -> Options:
    count = len(read(text).document.instructions)
    commits = tuple(
        Commit(str(number), 1 / len(found), paths, frozenset(each for each in numbers if each < count))
        for number, (paths, numbers) in enumerate(found)
    )
    return Options(min_saving=min_saving, past=Known(History(commits, False, "the commits of a test", text)))


def rewrite(text: str, choice: registry.Choice, how: Options) -> Outcome:
    return optimize(text, choice.transforms, suggested=choice.suggested, context=CONTEXT, options=how)


def readings(model: Model) -> list[object]:
    return [each.reading for each in model.document.instructions]


@given(texts, changes)
def test_an_order_keeps_every_tie_and_costs_no_more(
    text: str, found: list[tuple[frozenset[str], frozenset[int]]]
) -> None:
    how = options(text, found)
    outcome = rewrite(text, ORDER, how)
    before, after = read(text), read(outcome.after)
    assert Counter(readings(before)) == Counter(readings(after))
    for old, new in zip(before.stages, after.stages, strict=True):
        assert Counter(each.reading for each in old.instructions) == Counter(each.reading for each in new.instructions)
        if len(set(map(repr, (each.reading for each in old.instructions)))) < len(old.instructions):
            continue  # equal ones cannot be told apart
        place = {repr(each.reading): at for at, each in enumerate(new.instructions)}
        for tie in ties(effects(before, old, CONTEXT)):
            first, second = (repr(old.instructions[at].reading) for at in (tie.first, tie.second))
            assert place[first] < place[second], tie.reason
    assert expected_of(after, CONTEXT, how) <= expected_of(before, CONTEXT, how) + 1e-6


@given(texts, changes)
def test_all_together_find_an_end(text: str, found: list[tuple[frozenset[str], frozenset[int]]]) -> None:
    how = options(text, found, 5)
    outcome = rewrite(text, ALL, how)
    reasons = [each.reason for each in outcome.refusals]
    assert not [reason for reason in reasons if "dropped by the check" in reason or "find no end" in reason]
    assert rewrite(outcome.after, ALL, how).after == outcome.after


@given(
    st.lists(st.sampled_from(["RUN one", "RUN two \\\n  words", "# note\nRUN three", "", "\n# apart\n"]), max_size=8),
    st.randoms(),
)
def test_lines_are_moved_and_none_is_lost(lines: list[str], random: object) -> None:
    text = "FROM a\n" + "\n".join(f"{each} {number}" if "RUN" in each else each for number, each in enumerate(lines))
    document = read(text).document
    order = list(document.instructions[1:])
    random.shuffle(order)  # type: ignore[attr-defined]
    if not order:
        return
    from optimizer.fix import splice

    after = splice(text, rearranged(document, order))
    assert [each.reading for each in read(after).document.instructions[1:]] == [each.reading for each in order]
    assert sorted(filter(None, after.split("\n"))) == sorted(filter(None, text.split("\n")))
