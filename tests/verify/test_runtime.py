from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.verify.imports import Import, imports
from optimizer.verify.programs import Script, first_line, started
from optimizer.verify.runtime import Looking
from tests.verify.elves import AARCH64, elf
from tests.verify.images import Files, file, folder, image, program, symlink
from tests.verify.systems import (
    ARCH,
    GLIBC,
    STATIC,
    alpine,
    debian,
    findings,
    ldconfig,
    library,
    looked,
    on_glibc,
    on_musl,
    python,
    site,
    without,
)

X = "/usr/local/lib/libx.so.1"
DEBIAN = {**debian(X), X: library("libx.so.1")}


@pytest.mark.parametrize(
    "files",
    [
        debian(),
        alpine(),
        {**DEBIAN, "/app/run": on_glibc("libx.so.1")},
        {**DEBIAN, "/app/run": on_glibc("libnever.so.1")},  # did not work before, either
        {**debian(), **python(), **site("flask"), "/app/x.py": file("import flask, os, never, sys")},
        {"/app": STATIC},
        {},
    ],
)
def test_what_is_as_it_was_works_as_it_did(files: Files) -> None:
    config = {"Entrypoint": ["/app/run"], "Cmd": ["x"], "WorkingDir": "/app", "User": "app:app"}
    assert findings(files, files, config) == []


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


SCRIPT = "#!/usr/bin/env node\n"
NODE = {"/usr/local/bin/node": on_glibc()}
CLI = {"/app/cli.js": program(SCRIPT), "/app/data.json": file("{}"), "/app/main.js": file("x")}


@pytest.mark.parametrize(
    ("config", "lost", "expected"),
    [
        ({"Entrypoint": ["node"], "Cmd": ["main.js"]}, "/usr/local/bin/node", ["ENTRYPOINT: node is not in the image"]),
        ({"Entrypoint": ["node"], "Cmd": ["main.js"]}, "/app/main.js", ["CMD: main.js is not in the image"]),
        (
            {"Cmd": ["/app/cli.js"]},
            "/usr/local/bin/node",
            ["CMD: /app/cli.js is run by node, which is not in the image"],
        ),
        ({"Cmd": ["./cli.js"]}, "/usr/bin/env", ["CMD: ./cli.js is run by /usr/bin/env, which is not in the image"]),
        (
            {"Cmd": ["/bin/sh", "-c", "cd /app && exec node main.js"]},
            "/usr/local/bin/node",
            ["CMD: node is not in the image"],
        ),
        ({"Cmd": ["/bin/sh", "-c", "node $MAIN"]}, "/usr/bin/dash", ["CMD: /bin/sh is not in the image"]),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "node x || exit 1"]}},
            "/usr/local/bin/node",
            ["HEALTHCHECK: node is not in the image"],
        ),
        (
            {"Healthcheck": {"Test": ["CMD", "/app/cli.js"]}},
            "/app/cli.js",
            ["HEALTHCHECK: /app/cli.js is not in the image"],
        ),
        ({"Healthcheck": {"Test": ["NONE"]}}, "/usr/local/bin/node", []),
        ({"Cmd": ["main.js"], "Env": ["PATH=/nowhere"]}, "/app/main.js", ["CMD: main.js is not in the image"]),
        ({"Cmd": ["/bin/sh", "-c", "'"]}, "/usr/local/bin/node", []),  # no script that can be read
        ({"Cmd": ["never"]}, "/usr/local/bin/node", []),  # never was there
    ],
)
def test_what_the_image_starts_is_there(config: dict[str, Any], lost: str, expected: list[str]) -> None:
    before = {**debian(), **NODE, **CLI}
    found = findings(before, without(before, lost), {"WorkingDir": "/app", **config})
    # the shell's own loss breaks more than the command
    assert [it for it in found if not it.startswith("/")] == expected


def test_what_is_started_has_to_be_executable() -> None:
    before = {**debian(), "/app/run": program("#!/bin/sh\n")}
    after = {**before, "/app/run": file("#!/bin/sh\n")}
    assert findings(before, after, {"Cmd": ["/app/run"]}) == ["CMD: /app/run may not be executed"]


def test_scripts_on_path_keep_their_interpreter() -> None:
    before = {**debian(), **NODE, "/usr/local/bin/tool": program(SCRIPT), "/opt/x/tool": program(SCRIPT)}
    assert findings(before, without(before, "/usr/local/bin/node")) == [
        "/usr/local/bin/tool is run by node, which is not in the image"
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"#!/bin/sh\n", Script("/bin/sh")),
        (b"#! /bin/sh -e  \n", Script("/bin/sh", "-e")),
        (b"#!/usr/bin/env -S node --x\r\n", Script("/usr/bin/env", "-S node --x")),
        (b"#!/bin/sh", Script("/bin/sh")),
        (b"#!\n", None),
        (b"#/bin/sh\n", None),
        (b"", None),
    ],
)
def test_first_lines(line: bytes, expected: Script | None) -> None:
    assert first_line(line) == expected


def test_the_program_behind_env_is_the_one_that_reads() -> None:
    assert Script("/usr/bin/env", "-S node --x").program == "node"
    assert Script("/usr/bin/env", "").program == "/usr/bin/env"


def test_a_ring_of_interpreters_ends() -> None:
    ring = {"/app/a": program("#!/app/b\n"), "/app/b": program("#!/app/a\n")}
    assert findings(ring, ring, {"Cmd": ["/app/a"]}) == []


def test_words_that_start_something() -> None:
    config = image(
        {}, {"Entrypoint": ["tini", "--"], "Cmd": ["bash", "-lc", "exec env A=1 gunicorn -w 2 'app:x' | tee log"]}
    ).config
    assert [(word.field, word.text) for word in started(config)] == [
        ("ENTRYPOINT", "tini"), ("CMD", "bash"), ("CMD", "gunicorn"), ("CMD", "2"), ("CMD", "app:x"), ("CMD", "tee"),
        ("CMD", "log"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "change", "expected"),
    [
        (
            "app",
            {"/etc/passwd": file("root:x:0:0::/:/bin/sh\n")},
            ["USER: the user app had the number 1000:1000, and is gone"],
        ),
        (
            "app",
            {"/etc/passwd": file("app:x:7:7::/:/bin/sh\n")},
            ["USER: the user app had the number 1000:1000, and now 7:7"],
        ),
        ("root:app", {"/etc/group": file("app:x:7:\n")}, ["USER: the group app had the number 1000, and now 7"]),
        ("1000:1000", {"/etc/passwd": file(), "/etc/group": file()}, []),
        ("", {"/etc/passwd": file()}, []),
        ("nobody", {"/etc/passwd": file()}, []),
    ],
)
def test_the_user_is_the_same_one(user: str, change: Files, expected: list[str]) -> None:
    assert findings(debian(), {**debian(), **change}, {"User": user}) == expected


SITE = "/usr/local/lib/python3.11/site-packages"
PYTHON = {**debian(), **python(), **site("flask"), **site("yaml")}
STARTS = {"Cmd": ["python", "app.py"], "WorkingDir": "/app"}


@pytest.mark.parametrize(
    ("code", "lost", "expected"),
    [
        ("import flask", f"{SITE}/flask", "imports flask"),
        ("from flask import Flask", f"{SITE}/flask", "imports flask"),
        ("import a.b", "/app/a/b.py", "imports a.b"),
        ("from a import b, c", "/app/a/b.py", "imports a.b"),
        ("from a import *", "/app/a", "imports a"),
        ("def f():\n  try:\n    import yaml as y\n  except ImportError: pass", f"{SITE}/yaml", "imports yaml"),
        ("if x: import yaml", f"{SITE}/yaml", "imports yaml"),
        ("x = 1; import yaml", f"{SITE}/yaml", "imports yaml"),
        ("import json", "/usr/local/lib/python3.11/json", "imports json"),
        ("import own", "/opt/own/own.py", "imports own"),
        ("import linked", "/srv/linked.py", "imports linked"),
        ("import flask", "/app/a", ""),
        ("import never, sys", f"{SITE}/flask", ""),
        ("'import flask'", f"{SITE}/flask", ""),
        ("this is no Python import flask", f"{SITE}/flask", ""),
    ],
)  # fmt: skip
def test_what_the_application_imports_is_found(code: str, lost: str, expected: str) -> None:
    before = {
        **PYTHON, "/app/app.py": file(code), "/app/a/__init__.py": file(), "/app/a/b.py": file(),
        "/opt/own/own.py": file(),
        f"{SITE}/x.pth": file("# x\nimport os\n/srv\n"), "/srv/linked.py": file(),
    }  # fmt: skip
    found = findings(before, without(before, lost), {**STARTS, "Env": ["PYTHONPATH=/opt/own"]})
    suffix = ", which /usr/local/bin/python does not find any more"
    assert found == ([f"/app/app.py {expected}{suffix}"] if expected else [])


def test_relative_imports_are_relative_to_the_file() -> None:
    before = {**PYTHON, "/app/p/q/x.py": file("from .y import a\nfrom ..z import b\nfrom . import w"),
              "/app/p/q/y.py": file(), "/app/p/z.py": file(), "/app/p/q/w.py": file()}  # fmt: skip
    assert findings(before, before, STARTS) == []
    for lost, name in (("/app/p/q/y.py", ".y"), ("/app/p/z.py", "..z"), ("/app/p/q/w.py", ".w")):
        (found,) = findings(before, without(before, lost), STARTS)
        assert found.startswith(f"/app/p/q/x.py imports {name},")


def test_a_virtual_environment_needs_its_python_at_the_same_version() -> None:
    venv = {
        "/venv/pyvenv.cfg": file("home = /usr/local/bin\ninclude-system-site-packages = false\n"),
        "/venv/bin/python": symlink("/usr/local/bin/python3"), **site("flask", "/venv"),
        "/venv/bin/gunicorn": program("#!/venv/bin/python\nimport flask\n"), "/app/x.py": file("import flask"),
    }  # fmt: skip
    config = {"Env": ["PATH=/venv/bin:/usr/local/bin:/usr/bin"], "Cmd": ["gunicorn"], "WorkingDir": "/app"}
    before = {**debian(), **python(), **venv}
    assert findings(before, {**debian(), **python(), **venv}, config) == []
    assert findings(before, {**debian(), **python(version="3.12"), **venv}, config) == [
        "/app/x.py and 1 more imports flask, which /venv/bin/python does not find any more"
    ]
    elsewhere = {**debian(), **python("/usr"), **venv}
    assert "CMD: gunicorn is run by /venv/bin/python, which is not in the image" in findings(before, elsewhere, config)


def test_extension_modules_are_for_one_python() -> None:
    for suffix, works in (
        (".cpython-311-x86_64-linux-gnu.so", True),
        (".abi3.so", True),
        (".so", True),
        (".cpython-312-x.so", False),
    ):
        before = {**PYTHON, "/app/x.py": file("import fast"), f"{SITE}/fast.py": file()}
        after = without({**before, f"{SITE}/fast{suffix}": library("")}, f"{SITE}/fast.py")
        assert (findings(before, after, STARTS) == []) is works


def test_certificates_stay_where_something_speaks_tls() -> None:
    certificates = {"/etc/ssl/certs/ca-certificates.crt": file("…".encode())}
    tls = {"/lib/libssl.so.3": library("libssl.so.3"), "/app/run": on_glibc("libssl.so.3")}
    before = {**debian(), **certificates, **tls}
    (found,) = findings(before, {**debian(), **tls})
    assert found.startswith("/etc/ssl/certs/ca-certificates.crt is gone, and /app/run speaks TLS")
    assert findings({**debian(), **certificates}, debian()) == []
    assert findings({**debian(), **tls}, {**debian(), **tls}) == []


def test_imports_are_read_from_all_sorts_of_code() -> None:
    code = b"""\
# -*- coding: utf-8 -*-
import a, b.c as d
from e.f import (g,
    h as i,  # why
)
from . import j
from ...k.l import *
class C:
    def m(self):
        from n import o
        yield from p
        raise X from import_q
if r: import s; import t
x = {"import": u}
async def v():
    import w
match y:
    case 1: import z
"""
    assert imports(code) == (
        Import("a"), Import("b.c"), Import("e.f", 0, ("g", "h")), Import("", 1, ("j",)), Import("k.l", 3),
        Import("n", 0, ("o",)), Import("s"), Import("t"), Import("w"), Import("z"),
    )  # fmt: skip


@given(st.binary(max_size=200), st.sampled_from([b"", b"import a\n", b"from a import (", b"import " + b"a." * 5000]))
def test_any_bytes_are_read_for_imports(noise: bytes, code: bytes) -> None:
    assert isinstance(imports(code + noise), tuple)


def test_code_that_is_nested_without_end_does_no_harm() -> None:
    for code in (
        b"x = " + b"(" * 50_000,
        b"from x import " + b"(" * 50_000,
        b"import " + b"(" * 50_000,
        b"-" * 50_000 + b"1",
    ):
        assert imports(code + b"\nimport a\n") in ((), (Import("a"),))


def test_no_more_text_is_kept_than_is_allowed() -> None:
    files = {f"/app/{n}.py": file("import x" + "#" * 100) for n in range(10)}
    found = image(files, look=Looking(budget=300))
    assert sum(entry.found is not None for entry in found.entries.values()) == 2


def test_programs_are_looked_up_in_the_working_directory() -> None:
    files = {**debian(), "/app/bin/run": program("#!/bin/sh\n"), "/app": folder()}
    assert findings(files, without(files, "/app/bin/run"), {"Cmd": ["bin/run"], "WorkingDir": "/app"}) == [
        "CMD: bin/run is not in the image"
    ]
    assert looked(files).at("/app/bin/run") is not None
