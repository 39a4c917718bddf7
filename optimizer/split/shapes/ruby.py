"""Ruby: the gems that bundler installs, at the place where the official image keeps them.

Source: the official image's Dockerfile (GEM_HOME) and bundler's documentation of its settings.
"""

from __future__ import annotations

from optimizer.split import bases
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"bundle", "bundler", "gem"})
BASES = frozenset({"ruby"})
_GEMS = "/usr/local/bundle"
_MANIFESTS = frozenset({"Gemfile", "Gemfile.lock", ".ruby-version", "Gemfile*"})
_HAS = frozenset({"gmp-dev", "libc-dev", "libffi-dev", "openssl-dev", "yaml-dev", "zlib-dev"})
"""Source: the official image's Dockerfile for Alpine, which keeps what Ruby itself is linked with."""
_LIBRARIES = {
    "pg": "libpq-dev", "mysql2": "default-libmysqlclient-dev", "sqlite3": "libsqlite3-dev",
    "rmagick": "libmagickwand-dev", "charlock_holmes": "libicu-dev", "curb": "libcurl4-openssl-dev",
    "psych": "libyaml-dev", "ffi": "libffi-dev", "ruby-vips": "libvips-dev",
}  # fmt: skip
"""Gems that are linked with a library of the system, and the package by which they are built."""


def find(view: View) -> Found | Refused | None:
    """The gems that the stage installs."""
    calls = [call for call in view.calls if call.name in PROGRAMS and call.subcommand == "install"]
    if not any(call.name != "gem" for call in calls):
        return None
    last = calls[-1].instruction
    for call in view.calls:
        local = call.name in PROGRAMS and (
            "path" in call.operands
            or call.has("--path", "--standalone", "--install-dir", "-i", "--user-install", "--bindir", "-n")
        )
        if (
            local
            or call.environment.get("BUNDLE_PATH", _GEMS) != _GEMS
            or call.environment.get("GEM_HOME", _GEMS) != _GEMS
        ):
            return Refused(call.instruction, "gems are installed at a place of their own")
    base = bases.slim(view.stage)
    lock = next((text for call in calls if (text := view.text(call.at("Gemfile.lock")))), None)
    names = {line.strip().partition(" ")[0] for line in (lock or "").splitlines() if line.startswith("    ")}
    needs = tuple(package for gem, package in _LIBRARIES.items() if gem in names) if base.slimmed else ()
    questions = []
    if base.slimmed and lock is None:
        questions.append(Question(f"whether a gem needs a library that {base.written} lacks: there is no Gemfile.lock"))
    build = frozenset(
        number for number, call in enumerate(view.calls) if call.instruction.index <= last.index and _installs(call)
    )
    return Found(
        "ruby", last, (Artifact(_GEMS, _GEMS, "gems are installed into it"),), base.written, build, has=_HAS,
        manifests=_MANIFESTS if _covered(view, last.index) else frozenset(), needs=needs, questions=tuple(questions),
    )  # fmt: skip


def _installs(call: Call) -> bool:
    return call.name in PROGRAMS and call.subcommand != "exec"


def _covered(view: View, last: int) -> bool:
    """Whether the sources are copied behind the install, its manifests with them."""
    return any(each.broad for at, each in view.brought.items() if at > last)
