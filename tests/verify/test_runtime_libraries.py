from __future__ import annotations

from typing import Any

import pytest

from tests.verify.elves import AARCH64, elf
from tests.verify.images import file
from tests.verify.systems import (
    ARCH,
    DEBIAN,
    GLIBC,
    STATIC,
    X,
    alpine,
    debian,
    findings,
    ldconfig,
    library,
    on_glibc,
    on_musl,
    python,
    without,
)

PLACES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, str], bool]] = [
    # path of the library; the program's header; the library's; environment; is it found?
    (f"{ARCH}/libx.so.1", {}, {}, {}, True),
    ("/lib/libx.so.1", {}, {}, {}, True),
    ("/usr/local/lib/libx.so.1", {}, {}, {}, False),  # nobody ran ldconfig
    ("/opt/libx.so.1", {}, {}, {"LD_LIBRARY_PATH": "/none:/opt"}, True),
    ("/opt/libx.so.1", {"rpath": "/opt"}, {}, {}, True),
    ("/opt/libx.so.1", {"runpath": "/none:/opt"}, {}, {}, True),
    ("/app/lib/libx.so.1", {"runpath": "$ORIGIN/../lib"}, {}, {}, True),
    ("/app/bin/libx.so.1", {"rpath": "${ORIGIN}"}, {}, {}, True),
    ("/opt/libx.so.1", {"rpath": "/opt", "runpath": "/none"}, {}, {}, False),  # RUNPATH takes RPATH's place
    (f"{ARCH}/libx.so.1", {}, {"machine": AARCH64}, {}, False),
    (f"{ARCH}/libx.so.1", {}, {"bits": 32}, {}, False),
]


@pytest.mark.parametrize(("path", "header", "of_library", "env", "there"), PLACES)
def test_shared_libraries_are_found_as_glibc_finds_them(
    path: str, header: dict[str, Any], of_library: dict[str, Any], env: dict[str, str], there: bool
) -> None:
    config = {"Env": [f"{key}={value}" for key, value in env.items()]}
    after = {**debian(), "/app/bin/run": on_glibc("libx.so.1", **header), path: library("libx.so.1", **of_library)}
    before = {**after, "/lib/libx.so.1": library("libx.so.1")}
    expected = [] if there else ["/app/bin/run needs the shared library libx.so.1, which is not found"]
    assert findings(before, after, config) == expected


def test_rpath_is_for_the_libraries_too_and_runpath_is_not() -> None:
    libraries = {"/opt/liba.so": library("liba.so", "libb.so"), "/opt/libb.so": library("libb.so")}
    for header, expected in (({"rpath": "/opt"}, 0), ({"runpath": "/opt"}, 1)):
        after = {**debian(), **libraries, "/app/run": on_glibc("liba.so", **header)}
        before = {**after, "/lib/libb.so": library("libb.so")}
        assert len([it for it in findings(before, after) if "/app/run" in it]) == expected


def test_shared_libraries_are_found_as_musl_finds_them() -> None:
    for path, there in (("/usr/local/lib/libx.so.1", True), ("/usr/lib/libx.so.1", True), ("/opt/libx.so.1", False)):
        after = {**alpine(), "/app/run": on_musl("libx.so.1"), path: file(elf(soname="libx.so.1"))}
        before = {**after, "/lib/libx.so.1": file(elf(soname="libx.so.1"))}
        assert (findings(before, after) == []) is there
        path_file = {"/etc/ld-musl-x86_64.path": file("/lib\n/opt\n")}
        assert (findings({**before, **path_file}, {**after, **path_file}) == []) is (path == "/opt/libx.so.1")


def test_a_missing_library_is_told_once_with_those_that_cannot_be_loaded_without() -> None:
    programs = {f"/app/{n}": on_glibc("liba.so") for n in range(3)}
    after = {**debian(), **programs, "/lib/liba.so": library("liba.so", "libb.so")}
    assert findings({**after, "/lib/libb.so": library("libb.so")}, after) == [
        "/usr/lib/liba.so needs the shared library libb.so, which is not found "
        "(/app/0 and 2 more cannot be loaded without)"
    ]


def test_an_older_glibc_is_told_by_the_versions_it_lacks() -> None:
    app = {"/app/run": on_glibc(requires=[("libc.so.6", "GLIBC_2.34")], weak=[("libc.so.6", "GLIBC_9")])}
    old = debian(versions=["GLIBC_2.2.5", "GLIBC_2.31"])
    assert findings({**debian(), **app}, {**old, **app}) == [
        f"/app/run needs GLIBC_2.34 of libc.so.6, which {ARCH}/libc.so.6 has not: it is older, or another one"
    ]
    assert findings({**debian(), **app}, {**debian(versions=["GLIBC_2.34", "GLIBC_2.38"]), **app}) == []


def test_a_program_for_the_other_libc_has_no_loader() -> None:
    on_debian, on_alpine = {"/app/run": on_glibc()}, {"/app/run": on_musl()}
    assert findings({**debian(), **on_debian}, {**alpine(), **on_debian}) == [
        f"/app/run needs glibc's loader {GLIBC}, which is not in the image, where the libc is musl"
    ]
    (found,) = findings({**alpine(), **on_alpine}, {**debian(), **on_alpine})
    assert found == "/app/run needs musl's loader /lib/ld-musl-x86_64.so.1, which is not in the image"
    assert findings({**debian(), "/app/run": STATIC}, {**alpine(), "/app/run": STATIC}) == []
    assert findings({**debian(), **on_debian}, on_debian)


def test_what_moved_is_known_by_its_content() -> None:
    """A plugin that lacked a library where it was may lack it where it is; a program that lacked none may not."""
    plugin = {"lib/p.so": library("p.so", "libcuda.so.1"), "bin/run": on_glibc("libx.so.1")}
    before = {**DEBIAN, **{f"/build/{path}": item for path, item in plugin.items()}}
    after = {**DEBIAN, **{f"/app/{path}": item for path, item in plugin.items()}}
    assert findings(before, after) == []
    assert findings(before, without(after, X)) == [
        "/app/bin/run needs the shared library libx.so.1, which is not found"
    ]


def test_what_the_fixes_declare_may_be_broken() -> None:
    tk = {"/usr/local/lib/python3.11/lib-dynload/_tkinter.cpython-311-x86_64-linux-gnu.so": library("", "libtk8.6.so")}
    before = {**debian(), **python(), **tk, "/lib/libtk8.6.so": library("libtk8.6.so")}
    after = without(before, "/lib/libtk8.6.so")
    assert len(findings(before, after)) == 1
    assert findings(before, after, allowed=["/usr/local/lib/python*/lib-dynload/_tkinter*"]) == []
    uses_it = {"/app/x.py": file("import tkinter"), "/usr/local/lib/python3.11/tkinter/__init__.py": file()}
    assert findings({**before, **uses_it}, {**after, **uses_it}, allowed=["/**/_tkinter*"]) == [
        "/app/x.py imports _tkinter, which /usr/local/bin/python3, /usr/local/bin/python does not find any more"
    ]


def test_a_damaged_cache_of_ldconfig_is_no_cache() -> None:
    content = ldconfig([X, f"{ARCH}/libc.so.6"]).content
    app = {"/app/run": on_glibc("libx.so.1"), X: library("libx.so.1")}
    for damaged in (
        content[:60],
        content[:100],
        content[:20] + b"\xff" * 200,
        b"",
        content[:52] + b"\xff" * 8 + content[60:],
    ):
        assert findings({**debian(X), **app}, {**debian(X), **app, "/etc/ld.so.cache": file(damaged)})
