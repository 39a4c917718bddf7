"""C and C++: what is installed under a prefix, or the program that the compiler is told to write.

Source: the GNU make and GNU coding standards (DESTDIR, prefix), cmake's and meson's documentation of install.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from optimizer.images import parse_reference
from optimizer.independence import UNKNOWN
from optimizer.landing import inside
from optimizer.split import bases
from optimizer.split.plan import Artifact, Found, Question, Refused
from optimizer.split.shapes._compiled import INTERPRETERS, build_of, by_scripts, data, program, started
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"make", "gmake", "cmake", "ninja", "meson", "gcc", "g++", "cc", "c++", "clang", "clang++"})
BASES = frozenset({"alpine", "debian", "gcc", "ubuntu"})
_COMPILERS = frozenset({"gcc", "g++", "cc", "c++", "clang", "clang++"})
_PREFIX = ("--prefix", "-DCMAKE_INSTALL_PREFIX", "-DCMAKE_INSTALL_PREFIX:PATH")
_PATH = ("/usr/local/bin", "/usr/local/sbin")
_GUESSED = "the image starts it"
_INSTALLED = "the build installs into it"
_COMPILER = "gcc"
"""An image that has its own GCC, newer than Debian's, in /usr/local. Source: docker-library/gcc, Dockerfile."""
_BESIDE = (
    "/usr/local/include", "/usr/local/lib/*.a", "/usr/local/lib/*.la", "/usr/local/lib/*.so", "/usr/local/lib/*.so.*",
    "/usr/local/lib/pkgconfig", "/usr/local/share/doc", "/usr/local/share/info", "/usr/local/share/man",
)  # fmt: skip
"""What an install has beside the program for building and for people; the lack of a library that is loaded is seen."""
_SYSTEM = ("/usr", "/", "/usr/lib", "/usr/bin", "/etc")


def _is_build(call: Call) -> bool:
    return call.name in PROGRAMS or call.program in PROGRAMS or call.program == "configure"


def find(view: View) -> Found | Refused | None:
    """What make and the like install, or what the compiler writes."""
    build = build_of(view, _is_build, ("/usr/local", "/opt"))
    if build is None or isinstance(build, Refused):
        return build
    base = _base(view)
    if base is None:
        return Refused(view.stage.origin, f"which release of Debian {view.stage.base} stands on is not known")
    scripted = by_scripts(view, build)
    if isinstance(scripted, Refused):
        return scripted
    start = started(view)
    if start is None and scripted is None and view.starts:
        return Refused(build.last, "which program the image starts cannot be told")
    if scripted is None and start is not None and start.name in INTERPRETERS:
        return Refused(build.last, f"{start.name} is started, and what it does with what is built is not known")
    prefixes = tuple(dict.fromkeys(_prefixes(view)))
    if None in prefixes or any(prefix in _SYSTEM for prefix in prefixes):
        return Refused(build.last, "it is installed among the files of the system")
    folders = [prefix for prefix in prefixes if prefix is not None]
    compiler = _on_compiler(view)
    if compiler and _is_cpp(view):
        return Refused(build.last, f"C++ is linked with libraries that {view.stage.base} alone has")
    questions: list[Question] = []
    compiles = [(call, out) for call in view.calls if call.program in _COMPILERS and (out := call.option("-o"))]
    outputs = {path: call.text for call, out in compiles if (path := call.at(out))}
    if scripted is not None:
        installed = [Artifact(folder, folder, _INSTALLED) for folder in folders if not compiler]
        artifacts = [*installed, *scripted.artifacts]
    elif compiler and folders:
        # The compiler is installed there as well.
        if folders != ["/usr/local"] or start is None or (start.path and not inside(start.path, "/usr/local")):
            return Refused(build.last, "it is installed among the files of the compiler")
        seen = _folder(view, start.name)
        program_path = start.path or f"/usr/local/{seen or 'bin'}/{start.name}"
        artifacts = [Artifact(program_path, program_path, f"the build installs {start.name}")]
        if seen is None:
            questions.append(Question(f"whether the build installs {program_path}"))
    elif folders and start is None:
        artifacts = [Artifact(folder, folder, _INSTALLED) for folder in folders]
    elif start is None:
        return Refused(build.last, "there is no CMD or ENTRYPOINT that says what runs in the image")
    elif folders:
        place = start.path or next(
            (f"{folder}/bin/{start.name}" for folder in folders if f"{folder}/bin" in _PATH), None
        )
        if place is None or not any(inside(place, folder) for folder in folders):
            return Refused(build.last, f"{start.call.argv[0]} is started, and not what is built")
        artifacts = [Artifact(folder, folder, _INSTALLED) for folder in folders]
    else:
        found = program(view, build, [posixpath.dirname(path) for path in outputs], _GUESSED)
        if found is None:
            return Refused(
                build.last, f"{start.call.argv[0]} is started, and whether the build makes it cannot be told"
            )
        artifacts = [found]
    more, open_ones = data(view, build, (".c", ".cc", ".cpp", ".h", ".hpp"), artifacts)
    questions += open_ones
    guessed = scripted.programs if scripted else [each for each in artifacts if each.evidence == _GUESSED]
    questions += (Question(f"whether the build makes {each.path}") for each in guessed if each.path not in outputs)
    artifacts = [
        each._replace(evidence=f"`{outputs[each.path]}` makes it") if each.path in outputs else each
        for each in artifacts
    ]
    # The loader finds libraries in /usr/local/lib by its cache alone, which make may have brought up to date.
    linked = any(call.name == "ldconfig" for call in view.calls) or (
        "/usr/local" in folders and not compiler and view.stage.image.family in ("debian", "ubuntu")
    )
    sources = scripted.sources if scripted else build.sources
    return Found(
        "c", build.last, (*artifacts, *more), base, build.numbers, sources,
        has=frozenset({"libc-dev"} if _is_cpp(view) else {"libc-dev", "libstdc++"}),
        leaves=("the sources and object files",) if sources else (), questions=tuple(questions),
        after=("RUN ldconfig",) if linked else (),
        gone=_BESIDE if compiler and folders else (),
    )  # fmt: skip


def _on_compiler(view: View) -> bool:
    return parse_reference(view.stage.base or "").official == _COMPILER


def _base(view: View) -> str | None:
    """What the program runs on; None where that is not known."""
    return bases.below(view.stage, static=False) if _on_compiler(view) else bases.slim(view.stage).written


def _folder(view: View, name: str) -> str | None:
    """Where below its prefix automake installs a program; None where no Makefile.am is seen to name it.

    Source: the manual of automake, "Program Sources".
    """
    for path in view.context.files() if view.context else ():
        if posixpath.basename(path) != "Makefile.am" or view.context is None:
            continue
        for line in (view.context.read(path) or "").replace("\\\n", " ").splitlines():
            variable, equals, programs = line.partition("=")
            if equals and name in programs.split():
                folder = variable.rstrip("+ ").strip().removesuffix("_PROGRAMS")
                if folder in ("bin", "sbin"):
                    return folder
    return None


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
