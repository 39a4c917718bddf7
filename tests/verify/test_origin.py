"""What the original image has in the place of what another one lacks, and whose it is there."""

from __future__ import annotations

import pytest

from optimizer.verify.cause import (
    Cause,
    MissingLibrary,
    MissingModule,
    MissingPath,
    MissingProgram,
    MissingUser,
    Origin,
)
from optimizer.verify.entry import Image
from optimizer.verify.origin import Origins
from tests.verify.images import Files, file, folder, program, symlink
from tests.verify.systems import ARCH, debian, library, looked, on_glibc, python, site, without

INFO = "/var/lib/dpkg/info"
LIBPQ = f"{ARCH}/libpq.so.5"
OWN = "/usr/local/lib/libown.so.1"
SITE = "/usr/local/lib/python3.11/site-packages"
FILES: Files = {
    **debian(), **python(), **site("flask"),
    LIBPQ: symlink("libpq.so.5.15"), f"{LIBPQ}.15": library("libpq.so.5"),
    f"{INFO}/libpq5:amd64.list": file(f"/.\n/usr\n/lib/x86_64-linux-gnu\n{LIBPQ.removeprefix('/usr')}\n{LIBPQ}.15\n"),
    OWN: symlink("libown.so.1.2"), f"{OWN}.2": library("libown.so.1"),
    "/usr/bin/curl": on_glibc(), f"{INFO}/curl.list": file("/.\n/usr/bin\n/usr/bin/curl\n"),
    "/usr/local/bin/tool": program("#!/bin/sh\n"), "/opt/kit/bin/run": program("#!/bin/sh\n"),
    "/usr/share": folder(), "/usr/share/words/en/a": file("a"), "/app/app.py": file("import flask\n"),
    "/app/words.py": file(""), "/app/settings.json": file("{}"),
}  # fmt: skip
CONFIG = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "WorkingDir": "/app"}


def image(files: Files) -> Image:
    return looked(files, CONFIG)


AFTER = image({
    **debian(), "/usr/local/bin": folder(), "/usr/share": folder(), "/app/app.py": file("import flask\n"),
})  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "origin"),
    [
        (MissingLibrary("libpq.so.5", "/x"), Origin(LIBPQ, f"{LIBPQ}.15", "libpq5")),
        (MissingLibrary("libown.so.1", "/x"), Origin(OWN, f"{OWN}.2")),
        (MissingLibrary("libpq.so.5", "/x", "PQ_9"), None),
        (MissingLibrary("libnosuch.so", "/x"), None),
        (MissingLibrary("-lpq", ""), Origin(LIBPQ, f"{LIBPQ}.15", "libpq5")),
        (MissingLibrary("-lp", ""), None),
        (MissingProgram("curl", "CMD"), Origin("/usr/bin/curl", "/usr/bin/curl", "curl")),
        (MissingProgram("tool", "CMD"), Origin("/usr/local/bin/tool", "/usr/local/bin/tool")),
        (MissingProgram("/opt/kit/bin/run", "CMD"), Origin("/opt", "/opt/kit/bin/run")),
        (MissingProgram("make", "the build"), None),
        (MissingPath("/usr/share/words/en/a"), Origin("/usr/share/words", "/usr/share/words/en/a")),
        (MissingPath("settings.json"), Origin("/app/settings.json", "/app/settings.json")),
        (MissingModule("flask.app", ("/app/app.py",)), Origin(f"{SITE}/flask", f"{SITE}/flask")),
        (MissingModule(".words", ("/app/app.py",)), Origin("/app/words.py", "/app/words.py")),
        (MissingUser("app"), None),
    ],
)
def test_where_the_original_has_it(cause: Cause, origin: Origin | None) -> None:
    (found,) = Origins(image(FILES)).known([cause], AFTER)
    assert found.origin == origin


@pytest.mark.parametrize("cause", [MissingPath("/no/such"), MissingPath("no/such"), MissingProgram("/no/such", "x")])
def test_what_the_original_lacks_as_well_is_no_cause(cause: Cause) -> None:
    assert list(Origins(image(FILES)).known([cause], AFTER)) == []


def test_of_a_build_that_fails_only_the_path_itself_is_known() -> None:
    (found,) = Origins(image(FILES)).known([MissingPath("/usr/share/words/en/a")], None)
    assert found.origin == Origin("/usr/share/words/en/a", "/usr/share/words/en/a")


def test_what_a_link_leads_to_is_missing_by_itself() -> None:
    files = {"/opt": folder(), "/opt/now": symlink("v2"), "/opt/v2": program("2")}
    for cause in (MissingPath("/opt/now"), MissingProgram("/opt/now", "CMD")):
        link, target = Origins(image(files)).known([cause], image({"/opt": folder()}))
        assert link.origin == Origin("/opt/now", "/opt/v2", link="v2")
        assert target == MissingPath("/opt/v2")
        assert target.origin == Origin("/opt/v2", "/opt/v2")
        (alone,) = Origins(image(files)).known([cause], image({"/opt": folder(), "/opt/v2": program("2")}))
        assert alone.origin == link.origin
        (above,) = Origins(image(files)).known([cause], image({}))
        assert above.origin == Origin("/opt", "/opt/v2")


def test_a_package_that_is_there_and_leaves_a_file_out_does_not_bring_it() -> None:
    after = image(without(FILES, LIBPQ, f"{LIBPQ}.15"))
    (found,) = Origins(image(FILES)).known([MissingLibrary("libpq.so.5", "/x")], after)
    assert found.origin == Origin(LIBPQ, f"{LIBPQ}.15")


def test_of_alpine_the_database_tells() -> None:
    database = "P:libpq\nF:usr/lib\nR:libpq.so.5\n\nP:musl\nF:lib\nR:ld-musl-x86_64.so.1\n"
    files = {"/usr/lib/libpq.so.5": library("libpq.so.5"), "/lib/apk/db/installed": file(database)}
    (found,) = Origins(image(files)).known([MissingLibrary("libpq.so.5", "/x")], image({}))
    assert found.origin == Origin("/usr/lib/libpq.so.5", "/usr/lib/libpq.so.5", "libpq")
