from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.verify.imports import Import, imports
from optimizer.verify.runtime import Looking
from tests.verify.images import Files, file, image, program, symlink
from tests.verify.systems import (
    DEBIAN,
    STATIC,
    alpine,
    debian,
    findings,
    library,
    on_glibc,
    python,
    site,
    without,
)


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
