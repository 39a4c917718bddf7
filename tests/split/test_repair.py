"""A plan takes along what a build of it has shown to be missing."""

from __future__ import annotations

import pytest

from optimizer.fix import splice
from optimizer.model import read
from optimizer.split import find
from optimizer.split.plan import Split
from optimizer.split.repair import repair
from optimizer.split.write import write
from optimizer.verify.cause import Cause, MissingLibrary, MissingModule, MissingPath, MissingProgram

APT = "apt-get update && apt-get install -y --no-install-recommends"
TEXT = f"""\
FROM python:3.12-slim-bookworm
RUN {APT} gcc && rm -rf /var/lib/apt/lists/*
RUN pip install example
CMD ["python", "-m", "example"]
"""


def split_of(text: str) -> Split:
    model = read(text)
    found = find(model, model.final, None)
    assert isinstance(found, Split), found
    return found


def written(split: Split, text: str) -> str:
    return splice(text, write(read(text), split).edits)


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (MissingLibrary("libpq.so.5", "/opt/venv/lib/x.so"), f"RUN {APT} libpq5 && rm -rf /var/lib/apt/lists/*"),
        (MissingProgram("ffmpeg", "example"), f"RUN {APT} ffmpeg && rm -rf /var/lib/apt/lists/*"),
        (MissingPath("/data/model.bin"), "COPY --from=build /data/model.bin /data/model.bin"),
        (MissingProgram("/opt/tool/run", "CMD"), "COPY --from=build /opt/tool/run /opt/tool/run"),
    ],
)
def test_what_is_missing_is_taken_along(cause: Cause, line: str) -> None:
    mended = repair(split_of(TEXT), [cause])
    assert mended is not None
    text = written(mended, TEXT)
    assert line in [" ".join(each.text.split()) for each in read(text).final.instructions]
    assert repair(mended, [cause]) is None, "a second time the same would not help"


@pytest.mark.parametrize(
    "cause",
    [
        MissingLibrary("libnosuch.so.7", ""),
        MissingLibrary("libc.so.6", "/usr/local/bin/x", "GLIBC_2.99"),
        MissingPath("/usr/lib/x86_64-linux-gnu/libz.so"),
        MissingPath("/opt/venv/lib/example.py"),
        MissingModule("example", ("/app/main.py",)),
    ],
)
def test_what_is_not_known_to_help_is_left_alone(cause: Cause) -> None:
    assert repair(split_of(TEXT), [cause]) is None


def test_a_folder_takes_the_place_of_what_lies_in_it() -> None:
    mended = repair(split_of(TEXT), [MissingPath("/opt")])
    assert mended is not None
    assert [each.path for each in mended.artifacts] == ["/opt"]
