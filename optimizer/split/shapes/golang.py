"""Go: one program, static or linked with the C library of the build.

Source: the documentation of the go command (build, install, GOPATH) and of cgo.
"""

from __future__ import annotations

from optimizer.images import parse_reference
from optimizer.split import bases
from optimizer.split.plan import Found, Question, Refused
from optimizer.split.shapes._compiled import build_of, data, placed, program
from optimizer.split.view import Call, View

PROGRAMS = frozenset({"go"})
BASES = frozenset({"golang", "debian", "ubuntu", "alpine"})
_STATIC = "gcr.io/distroless/static-debian12"
_FETCHING = frozenset({"bzr", "git", "mercurial", "openssh-client", "openssh", "subversion", "upx", "upx-ucl"})
"""What the go command calls to get modules, and what makes its result smaller."""
_BUILDING = frozenset({"build", "install", "get"})


def _is_build(call: Call) -> bool:
    return call.name == "go" and call.subcommand in _BUILDING


def find(view: View) -> Found | Refused | None:
    """The program that go builds and the image starts."""
    build = build_of(view, _is_build, ("/go", "/usr/local/go", "/usr/local/bin"))
    if build is None or isinstance(build, Refused):
        return build
    if any(call.name == "go" for call in view.starts):
        return Refused(build.last, "the image starts the go command, which only the build would have")
    name = parse_reference(view.stage.base or "").official
    calls = [call for call in view.calls if _is_build(call) and call.subcommand != "get"]
    outputs = {path for call in calls if (out := call.option("-o")) and (path := call.at(out))}
    folders = [path.rpartition("/")[0] for path in outputs] if outputs else ["/go/bin"] if name == "golang" else []
    found = program(view, build, folders, f"`{calls[-1].text}` makes it" if calls else "the image starts it")
    moved = found is not None and found == placed(view)
    if found is None or (
        not moved and outputs and found.path not in outputs and not any(path in found.path for path in outputs)
    ):
        return Refused(build.last, "which file is the program that the image starts cannot be told")
    static = bool(calls) and all(call.environment.get("CGO_ENABLED") == "0" for call in calls)
    base = bases.below(view.stage, static=static)
    if base is None:
        return Refused(build.last, f"which release of its distribution {view.stage.base} stands on is not known")
    more, questions = data(view, build, (".go",), [found])
    if not moved and not outputs and not any(call.subcommand == "install" for call in calls):
        questions.append(Question(f"whether the build makes {found.path}"))
    return Found(
        "go", build.last, (found, *more), base, build.numbers, build.sources,
        brings=bases.certificates(base), leaves=("the sources", "what the go command downloads"),
        questions=tuple(questions), builders=_FETCHING,
        has=frozenset({"libc-dev", "libstdc++"} if static else {"libc-dev"}), bare=_STATIC if static else "",
    )  # fmt: skip
