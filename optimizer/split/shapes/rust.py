"""Rust: one program, linked with the C library of the build.

Source: the Cargo book (cargo build, cargo install, the target folder).
"""

from __future__ import annotations

from optimizer.split import bases
from optimizer.split.plan import Found, Question, Refused
from optimizer.split.shapes._compiled import build_of, data, program
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"cargo"})
BASES = frozenset({"rust"})
_BINARIES = "/usr/local/cargo/bin"


def _is_build(call: Call) -> bool:
    return call.name == "cargo" and call.subcommand in ("build", "install")


def find(view: View) -> Found | Refused | None:
    """The program that cargo builds and the image starts."""
    build = build_of(view, _is_build, ("/usr/local/cargo", "/usr/local/rustup"))
    if build is None or isinstance(build, Refused):
        return build
    calls = [call for call in view.calls if _is_build(call)]
    folders = [_BINARIES] if calls[-1].subcommand == "install" else []
    found = program(view, build, folders, f"`{calls[-1].text}` makes it")
    if found is None:
        return Refused(build.last, "which file is the program that the image starts cannot be told")
    base = bases.below(view.stage, static=False)
    if base is None:
        return Refused(build.last, f"which release of Debian {view.stage.base} stands on is not known")
    more, questions = data(view, build, (".rs",), [found])
    lock = view.text(calls[-1].at("Cargo.lock")) or ""
    needs = tuple(package for crate, package in _LIBRARIES.items() if f'name = "{crate}"' in lock)
    if not lock:
        questions.append(Question("whether a crate is linked with a library: there is no Cargo.lock to look into"))
    return Found(
        "rust", build.last, (found, *more), base, build.numbers, build.sources, needs=needs,
        brings=bases.certificates(base), has=frozenset({"libc-dev", "libstdc++"}),
        builders=frozenset({"git", "protobuf-compiler", "protobuf-dev", "protoc"}),
        leaves=("the sources", "what cargo downloads and compiles"), questions=tuple(questions),
    )  # fmt: skip


_LIBRARIES = {
    "openssl-sys": "libssl-dev", "libsqlite3-sys": "libsqlite3-dev", "pq-sys": "libpq-dev",
    "mysqlclient-sys": "default-libmysqlclient-dev", "zmq-sys": "libzmq3-dev",
}  # fmt: skip
"""Crates that link a library of the system, and the package by which they are built."""
