"""The laws of semantics.md, section 9, over generated Dockerfiles, with moby's parser as the judge where it can be."""

from __future__ import annotations

from collections import Counter

import dockerfile
from hypothesis import given
from hypothesis import strategies as st

from optimizer import registry
from optimizer.engine import Outcome, optimize
from optimizer.fix import Edit, overlap, splice

ALL = registry.choose(suggested=True)
SAFE = registry.choose()

RUNS = [
    "apt-get update",
    "apt-get install -y curl git",
    "apt-get update && apt-get install -y --no-install-recommends make",
    "apt-get update \\\n    && apt-get install -y \\\n        # cc\n        gcc \\\n    && rm -rf /var/lib/apt/lists/*",
    "apk add curl",
    "apk update && apk add git",
    "dnf install -y gcc",
    "pip install flask==3.0",
    "pip install -r requirements.txt",
    "python -m pip install --upgrade pip",
    "npm ci && npm run build",
    "--mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt",
    "poetry install",
    "cd /src && make",
    "cd /src",
    "set -ex; make; make install",
    "make || true",
    "make; make install",
    "export A=1",
    "umask 077 && touch /x",
    "sleep 1 &",
    "if test -e /a; then rm /a; fi",
    "f() { echo x; }; f",
    'echo "$HOME" > /home.txt',
    "rm -rf /tmp/*",
    "echo 'not closed",
    '["make", "install"]',
    "<<EOF\nmkdir /x\nEOF",
    "curl https://example.com/x.tgz | tar xz",
    "./install.sh",
]
OTHERS = [
    "WORKDIR /app", "ENV A=1 B=2", "ENV PIP_NO_CACHE_DIR=1", "ARG VERSION=1", "USER app", "COPY . .", "COPY . /app",
    "COPY requirements.txt ./", "COPY package.json package-lock.json ./", "COPY pyproject.toml poetry.lock* /tmp/",
    "ADD x.py /app/", "ADD x.tar.gz /", 'SHELL ["/bin/bash", "-o", "pipefail", "-c"]', "EXPOSE 80", 'CMD ["x"]',
    "ENTRYPOINT x", "LABEL a=b", "VOLUME /data", "ONBUILD RUN make", "HEALTHCHECK CMD curl -f http://localhost/",
    "COPY --from=s0 /usr/local /usr/local",
]  # fmt: skip
BASES = ["debian:bookworm", "python:3.12", "python:3.12-slim", "alpine:3.20", "node:20", "example.com/own:1", "ubuntu"]

run = st.sampled_from(RUNS).map(lambda body: f"RUN {body}")
other = st.sampled_from(OTHERS)
comment = st.sampled_from(["# one", "  # two", "#three", "# hadolint ignore=DL3059", "# dockopt: ignore=all", ""])
line = st.one_of(run, run, run, other, comment)
body = st.lists(line, max_size=10).map("\n".join)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """One to three stages; a later one may build on the first, copy from it, or leave it alone."""
    stages = []
    for number in range(draw(st.integers(1, 3))):
        base = draw(st.sampled_from([*BASES, *(["s0"] if number else [])]))
        lines = draw(body)
        if number == 0:
            lines = lines.replace("COPY --from=s0", "COPY --from=nginx")
        stages.append(f"FROM {base} AS s{number}\n{lines}\n")
    text = draw(st.sampled_from(["", "# syntax=docker/dockerfile:1\n", "ARG A=1\n"])) + "".join(stages)
    text = text if draw(st.booleans()) else text.rstrip("\n")
    return text.replace("\n", "\r\n") if draw(st.integers(0, 4)) == 4 else text


def rewrite(text: str, choice: registry.Choice) -> Outcome:
    return optimize(text, choice.transforms, suggested=choice.suggested)


choices = st.sampled_from([ALL, SAFE])


@given(dockerfiles(), choices)
def test_the_result_is_read_and_a_second_run_changes_nothing(text: str, choice: registry.Choice) -> None:
    after = rewrite(text, choice).after
    dockerfile.parse_string(after)
    assert rewrite(after, choice).after == after


@given(dockerfiles(), choices)
def test_no_comment_is_lost(text: str, choice: registry.Choice) -> None:
    def comments(text: str) -> Counter[str]:
        return Counter(line.strip() for line in text.split("\n") if line.lstrip().startswith("#"))

    assert not comments(text) - comments(rewrite(text, choice).after)


@given(dockerfiles())
def test_what_no_fix_is_about_stays(text: str) -> None:
    """Safe fixes change RUN, COPY and ADD only: everything else reads as before, in its order."""

    def others(text: str) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        touched = ("RUN", "COPY", "ADD")
        commands = dockerfile.parse_string(text)
        return [(c.cmd.upper(), c.flags, c.value) for c in commands if c.cmd.upper() not in touched]

    assert others(rewrite(text, SAFE).after) == others(text)


@given(dockerfiles(), choices)
def test_stages_keep_their_names_and_are_still_copied_from(text: str, choice: registry.Choice) -> None:
    def stages(text: str) -> list[str]:
        return [c.value[-1] for c in dockerfile.parse_string(text) if c.cmd.upper() == "FROM"]

    def copies(text: str) -> list[str]:
        return [flag for c in dockerfile.parse_string(text) for flag in c.flags if flag.startswith("--from")]

    after = rewrite(text, choice).after
    assert [name for name in stages(after) if name in stages(text)] == stages(text)
    assert [flag for flag in copies(after) if flag in copies(text)] == copies(text)


@given(dockerfiles(), choices)
def test_nothing_is_kept_silent_and_nothing_is_dropped(text: str, choice: registry.Choice) -> None:
    """Every fix and refusal has its reason; no fix promises what the check of the result does not find."""
    outcome = rewrite(text, choice)
    assert all(fix.reason for fix in (*outcome.fixes, *outcome.suggestions))
    assert all(refusal.reason and refusal.line >= 1 for refusal in outcome.refusals)
    assert not [refusal for refusal in outcome.refusals if "dropped by the check" in refusal.reason]
    assert bool(outcome.fixes) == outcome.changed


raw_edits = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.text(max_size=3)), max_size=4)


@given(st.text(max_size=30), raw_edits)
def test_disjoint_edits_can_be_applied_in_any_order(text: str, raw: list[tuple[int, int, str]]) -> None:
    edits: list[Edit] = []
    for start, length, new in raw:
        edit = Edit(min(start, len(text)), min(start + length, len(text)), new)
        if not overlap([edit], edits):
            edits.append(edit)
    expected = splice(text, edits)
    assert splice(text, reversed(edits)) == expected
    one_by_one = text
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        one_by_one = splice(one_by_one, [edit])
    assert one_by_one == expected
