"""A plan takes along what a build of it has shown to be missing."""

from __future__ import annotations

import pytest

from optimizer.context import MemoryContext
from optimizer.fix import Fix, Lesson, Options, splice
from optimizer.model import read
from optimizer.split import find
from optimizer.split.plan import Split
from optimizer.split.repair import Repaired, repair
from optimizer.split.write import write
from optimizer.verify.cause import (
    CERTIFICATES,
    Cause,
    MissingLibrary,
    MissingModule,
    MissingPath,
    MissingProgram,
    MissingUser,
    Origin,
)
from transforms.copy_from_tree import CopyFromTree
from transforms.multi_stage import MultiStage

APT = "apt-get update && apt-get install -y --no-install-recommends"
CLEAN = "rm -rf /var/lib/apt/lists/*"
TEXT = f"""\
FROM python:3.12-slim-bookworm
RUN {APT} gcc && {CLEAN}
RUN pip install example
CMD ["python", "-m", "example"]
"""
SITE = "/usr/local/lib/python3.12/site-packages"
LIBRARY = "/usr/local/lib/libown.so.1"
NEEDS = "/opt/venv/lib/x.so"


def mended(causes: list[Cause], text: str = TEXT) -> Repaired | None:
    model = read(text)
    found = find(model, model.final, None)
    assert isinstance(found, Split), found
    return repair(found, causes)


def written(split: Split, text: str = TEXT) -> list[str]:
    """The instructions of the final stage, each in one line."""
    after = splice(text, write(read(text), split).edits)
    return [" ".join(each.text.split()) for each in read(after).final.instructions]


def at(path: str, package: str = "", real: str = "") -> Origin:
    return Origin(path, real or path, package)


@pytest.mark.parametrize(
    ("cause", "line", "told"),
    [
        (
            MissingLibrary("libpq.so.5", NEEDS),
            f"RUN {APT} libpq5 && {CLEAN}",
            f"libpq5 is added: {NEEDS} needs libpq.so.5",
        ),
        (
            MissingLibrary("libodd.so.5", "", origin=at("/usr/lib/libodd.so.5", "libodd5t64")),
            f"RUN {APT} libodd5t64 && {CLEAN}",
            "libodd5t64 is added: a program needs libodd.so.5",
        ),
        (
            MissingLibrary("-lpq", "", origin=at("/usr/lib/x86_64-linux-gnu/libpq.so.5", "libpq5")),
            f"RUN {APT} libpq5 && {CLEAN}",
            "libpq5 is added: a program needs -lpq",
        ),
        (
            MissingProgram("ffmpeg", "CMD"),
            f"RUN {APT} ffmpeg && {CLEAN}",
            "ffmpeg is added: CMD calls ffmpeg",
        ),
        (
            MissingPath("/usr/share/zoneinfo/Europe/Berlin", origin=at("/usr/share/zoneinfo/Europe/Berlin", "tzdata")),
            f"RUN {APT} tzdata && {CLEAN}",
            "tzdata is added: the image did not work without /usr/share/zoneinfo/Europe/Berlin",
        ),
        (
            MissingPath(CERTIFICATES, origin=at(CERTIFICATES)),
            f"RUN {APT} ca-certificates && {CLEAN}",
            f"ca-certificates is added: the image did not work without {CERTIFICATES}",
        ),
        (
            MissingPath("/data/model.bin"),
            "COPY --from=build /data/model.bin /data/model.bin",
            "/data/model.bin is taken along: the image did not work without it",
        ),
        (
            MissingPath("/usr/share/nltk_data/words/en", origin=at("/usr/share/nltk_data")),
            "COPY --from=build /usr/share/nltk_data /usr/share/nltk_data",
            "/usr/share/nltk_data is taken along: the image did not work without /usr/share/nltk_data/words/en",
        ),
        (
            MissingPath("/usr/lib/locale/locale-archive", origin=at("/usr/lib/locale/locale-archive")),
            "COPY --from=build /usr/lib/locale/locale-archive /usr/lib/locale/locale-archive",
            "/usr/lib/locale/locale-archive is taken along: the image did not work without it",
        ),
        (
            MissingProgram("/opt/tool/run", "CMD"),
            "COPY --from=build /opt/tool/run /opt/tool/run",
            "/opt/tool/run is taken along: CMD calls /opt/tool/run",
        ),
        (
            MissingModule("other.part", ("/app/main.py",), origin=at(f"{SITE}/other")),
            f"COPY --from=build {SITE} {SITE}",
            f"{SITE} is taken along: /app/main.py imports other.part",
        ),
        (
            MissingModule(
                "numpy", ("/app/main.py",), origin=at("/usr/lib/python3/dist-packages/numpy", "python3-numpy")
            ),
            f"RUN {APT} python3-numpy && {CLEAN}",
            "python3-numpy is added: /app/main.py imports numpy",
        ),
        (
            MissingModule(".words", ("/app/main.py",), origin=at("/app/words.py")),
            "COPY --from=build /app/words.py /app/words.py",
            "/app/words.py is taken along: /app/main.py imports .words",
        ),
    ],
)
def test_what_is_missing_is_taken_along(cause: Cause, line: str, told: str) -> None:
    repaired = mended([cause])
    assert repaired is not None
    assert line in written(repaired.split)
    assert repaired.told == (told,)


@pytest.mark.parametrize(
    ("real", "copied"),
    [
        ("/usr/local/lib/libown.so.1.2.3", "/usr/local/lib/libown.so.1.2.3"),
        ("/usr/lib/x86_64-linux-gnu/libown.so.1.2.3", "/usr/lib/x86_64-linux-gnu/libown.so.1.2.3"),
        ("/opt/own/lib/libown.so.1.2.3", "/opt/own/lib"),
    ],
)
def test_a_library_that_the_author_built_comes_with_what_the_loader_needs(real: str, copied: str) -> None:
    repaired = mended([MissingLibrary("libown.so.1", NEEDS, origin=at(LIBRARY, real=real))])
    assert repaired is not None
    lines = written(repaired.split)
    assert lines.index(f"COPY --from=build {copied} {copied}") < lines.index("RUN ldconfig")


@pytest.mark.parametrize(
    ("path", "link", "line"),
    [
        ("/opt/tool/current", "v 2", "RUN ln -s 'v 2' /opt/tool/current"),
        ("/opt/venv/lib/x", "y", None),  # it comes with the folder
        ("/usr/lib/x", "y", "RUN ln -s y /usr/lib/x"),
    ],
)
def test_a_link_stays_a_link(path: str, link: str, line: str | None) -> None:
    """COPY would follow it, and make a file of it."""
    repaired = mended([MissingPath(path, origin=Origin(path, "/x", link=link))])
    assert (repaired and written(repaired.split)[-2]) == line
    if repaired:
        assert repaired.told == (f"{path} is taken along: the image did not work without it",)


def test_several_are_mended_at_once_and_a_folder_takes_the_place_of_what_lies_in_it() -> None:
    repaired = mended([MissingPath("/opt/more/x"), MissingProgram("ffmpeg", "CMD"), MissingPath("/opt")])
    assert repaired is not None
    assert [each.path for each in repaired.split.artifacts] == ["/opt"]
    assert f"RUN {APT} ffmpeg && {CLEAN}" in written(repaired.split)


@pytest.mark.parametrize(
    "cause",
    [
        MissingLibrary("libnosuch.so.7", ""),
        MissingLibrary("-lpq", ""),
        MissingLibrary("libc.so.6", "/usr/local/bin/x", "GLIBC_2.99"),
        MissingPath("/usr/lib/x86_64-linux-gnu/libz.so"),
        MissingPath("/opt/venv/lib/example.py"),
        MissingPath("/var/lib/dpkg/status", origin=at("/var/lib/dpkg/status")),
        MissingPath("/proc/1/exe", origin=at("/proc/1/exe")),
        MissingModule("example", ("/app/main.py",)),
        MissingUser("nobody-made"),
    ],
)
def test_what_is_not_known_to_help_is_left_alone(cause: Cause) -> None:
    assert mended([cause]) is None


def test_a_plan_that_lacks_nearly_everything_is_not_mended() -> None:
    assert mended([MissingPath(f"/data/{number}") for number in range(9)]) is None


def test_a_plan_that_would_leave_nothing_behind_is_not_mended() -> None:
    everything: list[Cause] = [MissingProgram("gcc", "CMD", origin=at("/usr/bin/gcc", "gcc"))]
    repaired = mended(everything)
    assert repaired is None or repaired.split.leaves


WITH_SOURCES = f"""\
FROM debian:bookworm
RUN {APT} gcc make && {CLEAN}
WORKDIR /src
COPY . .
RUN make && make install
RUN useradd runner && make test
USER runner
CMD ["tool"]
"""


def test_of_the_sources_only_what_is_missing_comes_back() -> None:
    missing = MissingPath("/src/rules/first.txt", origin=Origin("/src", "/src/rules/first.txt"))
    repaired = mended([missing], WITH_SOURCES)
    assert repaired is not None
    assert "COPY --from=build /src/rules /src/rules" in written(repaired.split, WITH_SOURCES)


def test_what_lies_beside_the_results_has_their_owner() -> None:
    text = """\
FROM node:20-bookworm
RUN mkdir /app && chown node:node /app
WORKDIR /app
COPY --chown=node:node package.json .
USER node
RUN npm install
COPY --chown=node:node . .
CMD ["node", "app.js"]
"""
    repaired = mended([MissingPath("/app/package-lock.json"), MissingPath("/opt/tool")], text)
    assert repaired is not None
    lines = written(repaired.split, text)
    assert "COPY --from=build --chown=node:node /app/package-lock.json /app/package-lock.json" in lines
    assert "COPY --from=build /opt/tool /opt/tool" in lines


def test_the_transform_heeds_the_lessons_of_its_stage_alone() -> None:
    model = read(TEXT)

    def proposed(*lessons: Lesson) -> Fix:
        (fix,) = MultiStage().propose(model, None, Options(lessons=lessons))
        assert isinstance(fix, Fix)
        return fix

    library = (MissingLibrary("libpq.so.5", NEEDS),)
    plain = proposed()
    assert plain.repairs == ()
    assert proposed(Lesson("multi_stage", 1, library), Lesson("slim_base", 0, library)) == plain
    once = proposed(Lesson("multi_stage", 0, library))
    assert once.repairs == (f"libpq5 is added: {NEEDS} needs libpq.so.5",)
    twice = proposed(Lesson("multi_stage", 0, library), Lesson("multi_stage", 0, (MissingPath("/data"),)))
    assert twice.repairs == (*once.repairs, "/data is taken along: the image did not work without it")
    assert "libpq5" in splice(TEXT, twice.edits)


TREE = """\
FROM rust:1.87-bookworm AS build
WORKDIR /app
COPY . .
RUN cargo build --release

FROM debian:bookworm-slim
COPY --from=build /app /srv
CMD ["/srv/target/release/server"]
"""
RUST = {"Cargo.toml": '[package]\nname = "server"\n', "Cargo.lock": "", "src/main.rs": "", "pages/a.html": ""}


@pytest.mark.parametrize(
    ("cause", "lines"),
    [
        (MissingPath("/srv/pages/a.html", origin=at("/srv/pages")), ["COPY --from=build /app/pages /srv/pages"]),
        (MissingPath("/srv/pages/a.html", origin=at("/srv")), ["COPY --from=build /app/pages /srv/pages"]),
        (MissingPath("/usr/share/words", origin=at("/usr/share/words")), []),
        (MissingProgram("ffmpeg", "CMD"), []),
    ],
)
def test_a_narrower_copy_takes_along_what_is_missing_of_its_tree(cause: Cause, lines: list[str]) -> None:
    def final(*lessons: Lesson) -> list[str]:
        found = list(CopyFromTree().propose(read(TREE), MemoryContext(RUST), Options(lessons=lessons)))
        (fix,) = found
        assert isinstance(fix, Fix), fix
        assert len(fix.repairs) == (len(lines) if lessons else 0)
        return [each.text.strip() for each in read(splice(TREE, fix.edits)).final.instructions]

    plain = final()
    assert sorted({*final(Lesson("copy_from_tree", 1, (cause,)))} - {*plain}) == lines
