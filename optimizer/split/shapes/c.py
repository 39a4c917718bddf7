"""C and C++: what is installed under a prefix, or the program that the compiler is told to write.

Source: the GNU make and GNU coding standards (DESTDIR, prefix), cmake's and meson's documentation of install.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.independence import UNKNOWN
from optimizer.landing import inside
from optimizer.split import bases
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.shapes._compiled import INTERPRETERS, build_of, data, program, started
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"make", "gmake", "cmake", "ninja", "meson", "gcc", "g++", "cc", "c++", "clang", "clang++"})
BASES = frozenset({"debian", "ubuntu", "alpine"})
_COMPILERS = frozenset({"gcc", "g++", "cc", "c++", "clang", "clang++"})
_PREFIX = ("--prefix", "-DCMAKE_INSTALL_PREFIX", "-DCMAKE_INSTALL_PREFIX:PATH")
_PATH = ("/usr/local/bin", "/usr/local/sbin")
_GUESSED = "the image starts it"
_SYSTEM = ("/usr", "/", "/usr/lib", "/usr/bin", "/etc")


def _is_build(call: Call) -> bool:
    return call.name in PROGRAMS or call.program in PROGRAMS or call.program == "configure"


def find(view: View) -> Found | Refused | None:
    """What make and the like install, or what the compiler writes."""
    build = build_of(view, _is_build, ("/usr/local", "/opt"))
    if build is None or isinstance(build, Refused):
        return build
    start = started(view)
    if (start is None and view.starts) or (start is not None and start.name in INTERPRETERS):
        return Refused(build.last, "which program the image starts cannot be told")
    prefixes = tuple(dict.fromkeys(_prefixes(view)))
    if None in prefixes or any(prefix in _SYSTEM for prefix in prefixes):
        return Refused(build.last, "it is installed among the files of the system")
    folders = [prefix for prefix in prefixes if prefix is not None]
    if folders and start is None:
        artifacts = [Artifact(folder, folder, "the build installs into it") for folder in folders]
    elif start is None:
        return Refused(build.last, "there is no CMD or ENTRYPOINT that says what runs in the image")
    elif folders:
        place = start.path or next(
            (f"{folder}/bin/{start.name}" for folder in folders if f"{folder}/bin" in _PATH), None
        )
        if place is None or not any(inside(place, folder) for folder in folders):
            return Refused(build.last, f"{start.call.argv[0]} is started, and not what is built")
        artifacts = [Artifact(folder, folder, "the build installs into it") for folder in folders]
    else:
        compiles = [(call, out) for call in view.calls if call.program in _COMPILERS and (out := call.option("-o"))]
        outputs = {path: call.text for call, out in compiles if (path := call.at(out))}
        found = program(view, build, [posixpath.dirname(path) for path in outputs], _GUESSED)
        if found is None:
            return Refused(
                build.last, f"{start.call.argv[0]} is started, and whether the build makes it cannot be told"
            )
        artifacts = [found._replace(evidence=f"`{outputs[found.path]}` makes it") if found.path in outputs else found]
    more, questions = data(view, build, (".c", ".cc", ".cpp", ".h", ".hpp"), artifacts)
    if artifacts[0].evidence == _GUESSED:
        questions.append(Question(f"whether the build makes {artifacts[0].path}"))
    # The loader finds libraries in /usr/local/lib by its cache alone, which make may have brought up to date.
    linked = any(call.name == "ldconfig" for call in view.calls) or (
        "/usr/local" in folders and view.stage.image.family in ("debian", "ubuntu")
    )
    return Found(
        "c", build.last, (*artifacts, *more), bases.slim(view.stage).written, build.numbers, build.sources,
        has=frozenset({"libc-dev"} if _is_cpp(view) else {"libc-dev", "libstdc++"}),
        leaves=("the sources and object files",), questions=tuple(questions), after=("RUN ldconfig",) if linked else (),
    )  # fmt: skip


def _is_cpp(view: View) -> bool:
    """Whether there may be C++ among the sources."""
    if view.context is None or any(call.name == "git" for call in view.calls):
        return True
    return any(path.endswith((".cc", ".cpp", ".cxx", ".C", ".hpp")) for path in view.context.files())


def _prefixes(view: View) -> Iterator[str | None]:
    """The folders that the installs write to; None where one is not known."""
    prefix = "/usr/local"
    for call in view.calls:
        if not _is_build(call):
            continue
        for name in _PREFIX:
            if (text := call.option(name)) is not None:
                prefix = text
        installs = "install" in call.operands or call.has("--install") or "install/strip" in call.operands
        if not installs:
            continue
        given = dict(word.partition("=")[::2] for word in call.argv if "=" in word)
        target = given.get("DESTDIR") or given.get("PREFIX") or given.get("prefix") or prefix
        yield None if UNKNOWN in target else call.at(target)
