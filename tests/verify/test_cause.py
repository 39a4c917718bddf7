from __future__ import annotations

import pytest

from optimizer.verify.cause import (
    CERTIFICATES,
    Cause,
    MissingLibrary,
    MissingModule,
    MissingPath,
    MissingProgram,
    MissingUser,
    Problems,
    causes_in,
)
from optimizer.verify.entry import Image
from optimizer.verify.runtime import check
from tests.verify.elves import elf
from tests.verify.images import Files, file, program
from tests.verify.systems import ARCH, PASSWD, debian, library, looked, on_glibc, python, site, without


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "/app/x: error while loading shared libraries: libpq.so.5: cannot open shared object file: No such file",
            MissingLibrary("libpq.so.5", ""),
        ),
        (
            "Error loading shared library libz.so.1: No such file or directory (needed by /app/x)",
            MissingLibrary("libz.so.1", ""),
        ),
        (
            "ImportError: libpq.so.5: cannot open shared object file: No such file or directory",
            MissingLibrary("libpq.so.5", ""),
        ),
        ("- couldn't import psycopg 'python' implementation: libpq library not found", MissingLibrary("-lpq", "")),
        ("ImportError: failed to find libmagic.  Check your installation", MissingLibrary("-lmagic", "")),
        ("ImportError: Unable to find zbar shared library", MissingLibrary("-lzbar", "")),
        ('OSError: no library called "cairo-2" was found', MissingLibrary("-lcairo", "")),
        (
            'ImproperlyConfigured: Could not find the GDAL library (tried "gdal", "gdal3.4.0"). Is GDAL installed?',
            MissingLibrary("-lgdal", ""),
        ),
        ("ModuleNotFoundError: No module named 'flask.app'", MissingModule("flask.app", ())),
        ("/usr/local/bin/python: No module named gunicorn", MissingModule("gunicorn", ())),
        ("/bin/sh: 1: gcc: not found", MissingProgram("gcc", "x")),
        ("/bin/bash: line 1: gcc: command not found", MissingProgram("gcc", "x")),
        ("/bin/sh: gcc: not found", MissingProgram("gcc", "x")),
        ("env: ‘node’: No such file or directory", MissingProgram("node", "x")),
        ("/usr/bin/env: 'python3': No such file or directory", MissingProgram("python3", "x")),
        (
            'runc create failed: exec: "curl": executable file not found in $PATH: unknown',
            MissingProgram("curl", "x"),
        ),
        ('exec: "/app/run": stat /app/run: no such file or directory', MissingProgram("/app/run", "x")),
        ("crun: executable file `curl` not found in $PATH", MissingProgram("curl", "x")),
        ("OSError: libmagic.so.1: cannot open shared object file: No such file", MissingLibrary("libmagic.so.1", "")),
        ("Error: Cannot find module '/app/dist/main.js'", MissingPath("/app/dist/main.js")),
        ("Error: Unable to access jarfile app.jar", MissingPath("app.jar")),
        ("cannot load such file -- /app/lib/words (LoadError)", MissingPath("/app/lib/words")),
        (
            "zoneinfo._common.ZoneInfoNotFoundError: 'No time zone found with key Europe/Berlin'",
            MissingPath("/usr/share/zoneinfo/Europe/Berlin"),
        ),
        (
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed",
            MissingPath(CERTIFICATES),
        ),
        ("curl: (60) SSL certificate problem: unable to get local issuer certificate", MissingPath(CERTIFICATES)),
        ("x509: certificate signed by unknown authority", MissingPath(CERTIFICATES)),
        (
            "Fontconfig error: Cannot load default config file: No such file: (null)",
            MissingPath("/etc/fonts/fonts.conf"),
        ),
        (
            "bash: warning: setlocale: LC_ALL: cannot change locale (de_DE.UTF-8): No such file or directory",
            MissingPath("/usr/lib/locale/locale-archive"),
        ),
        ("locale.Error: unsupported locale setting", MissingPath("/usr/lib/locale/locale-archive")),
        ("words/en: No such file or directory", MissingPath("words/en")),
        ("open config.yaml: no such file or directory", MissingPath("config.yaml")),
        ("No such file or directory @ rb_sysopen - /etc/motd (Errno::ENOENT)", MissingPath("/etc/motd")),
        ("file_get_contents(/etc/motd): Failed to open stream: No such file or directory", MissingPath("/etc/motd")),
        ("java.io.FileNotFoundException: /etc/motd (No such file or directory)", MissingPath("/etc/motd")),
        ('ERROR: failed to compute cache key: "/nowhere": not found', None),
        ("cat: /etc/motd: No such file or directory", MissingPath("/etc/motd")),
        ("ls: cannot access '/etc/motd': No such file or directory", MissingPath("/etc/motd")),
        ("FileNotFoundError: [Errno 2] No such file or directory: '/etc/motd'", MissingPath("/etc/motd")),
        ("Error: ENOENT: no such file or directory, open '/app/x.json'", MissingPath("/app/x.json")),
        ("all is well", None),
        ("404: page not found here", None),
    ],
)
def test_what_programs_say(line: str, cause: Cause | None) -> None:
    assert list(causes_in([line, line], "x")) == ([cause] if cause else [])


def test_problems_add_up() -> None:
    one, two = Problems(("a",), (MissingPath("/a"),)), Problems(("b",), (MissingPath("/a"), MissingPath("/b")))
    assert one + two == Problems(("a", "b"), (MissingPath("/a"), MissingPath("/b")))
    assert one
    assert not Problems()


LIBPQ = f"{ARCH}/libpq.so.5"
FILES: Files = {
    **debian(), **python(), **site("flask"), LIBPQ: library("libpq.so.5"),
    "/usr/bin/bash": on_glibc(), "/usr/local/bin/start": program("#!/bin/bash\n"), "/usr/bin/curl": on_glibc(),
    "/app/tool": program(elf(["libpq.so.5", "libc.so.6"], interpreter="/lib64/ld-linux-x86-64.so.2")),
    "/app/app.py": file("import flask\n"), "/app/settings.json": file("{}"),
}  # fmt: skip
CONFIG = {
    "Entrypoint": ["start"], "Cmd": ["/app/settings.json"], "User": "app",
    "Healthcheck": {"Test": ["CMD", "curl", "-f", "http://localhost"]},
    "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "WorkingDir": "/app",
}  # fmt: skip


def image(files: Files) -> Image:
    return looked(files, CONFIG)


@pytest.mark.parametrize(
    ("lost", "causes"),
    [
        (LIBPQ, {MissingLibrary("libpq.so.5", "/app/tool")}),
        ("/usr/local/lib/python3.11/site-packages/flask", {MissingModule("flask", ("/app/app.py",))}),
        ("/usr/bin/curl", {MissingProgram("curl", "HEALTHCHECK")}),
        ("/usr/local/bin/start", {MissingProgram("start", "ENTRYPOINT")}),
        ("/usr/bin/bash", {MissingProgram("/bin/bash", "/usr/local/bin/start")}),
        ("/app/settings.json", {MissingPath("/app/settings.json")}),
    ],
)
def test_what_is_found_missing_says_what_it_is_and_who_asks(lost: str, causes: set[Cause]) -> None:
    assert {each.cause for each in check(image(FILES), image(without(FILES, lost)))} == causes


def test_a_library_too_old_and_a_user_that_is_gone() -> None:
    needs = program(
        elf(["libc.so.6"], interpreter="/lib64/ld-linux-x86-64.so.2", requires=[("libc.so.6", "GLIBC_2.36")])
    )
    before = {**FILES, "/app/tool": needs}
    after = {**before, **debian(versions=["GLIBC_2.2.5"]), "/etc/passwd": file(PASSWD.splitlines()[0] + "\n")}
    found = {each.cause for each in check(image(before), image(after))}
    assert found == {MissingLibrary("libc.so.6", "/app/tool", "GLIBC_2.36"), MissingUser("app")}
