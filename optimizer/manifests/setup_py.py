"""What a setup.py reads, told from its syntax tree; it is never executed."""

from __future__ import annotations

from msgspec import Struct

from optimizer.manifests.base import RefusedError
from optimizer.python_tree import NotRead, dotted, literal, tree, visit

_OPENERS = frozenset({"open", "io.open", "codecs.open", "Path", "pathlib.Path", "os.path.join", "join"})
_PROCESSES = frozenset({"subprocess", "os.system", "os.popen", "exec", "execfile", "runpy", "sh", "git"})
_UPWARDS = frozenset({"parents", "pardir", "getcwd", "chdir", "environ", "getenv"})


class SetupFacts(Struct, frozen=True):
    """What a setup.py shows: `reads` are the files that it names where it opens or joins paths.

    `outside` is what may read beyond its own directory: a process, a path upwards, the environment.
    """

    reads: tuple[str, ...]
    outside: tuple[str, ...]


def facts(text: str, path: str) -> SetupFacts:
    """Read a setup.py with libcst.

    Raises RefusedError where it does not parse, or is nested too deeply.
    """
    import libcst as cst

    reads: dict[str, None] = {}
    outside: dict[str, None] = {}

    class Visitor(cst.CSTVisitor):
        def visit_Call(self, node: cst.Call) -> None:
            name = dotted(node.func)
            for process in _PROCESSES:
                if name == process or name.startswith(process + "."):
                    outside[f"{name}()"] = None
            if name in _OPENERS:
                words = [word for argument in node.args if (word := literal(argument.value))]
                if words := [word for word in words if len(word) > 2]:  # not the mode of open()
                    reads["/".join(words)] = None

        def visit_SimpleString(self, node: cst.SimpleString) -> None:
            value = literal(node)
            if value is not None and (".." in value.split("/") or value.startswith(("/", "~"))):
                outside[repr(value)] = None

        def visit_Attribute(self, node: cst.Attribute) -> None:
            if node.attr.value in _UPWARDS:
                outside[node.attr.value] = None

    try:
        visit(tree(text), Visitor())
    except NotRead as error:
        raise RefusedError(f"{path} {error}") from error
    return SetupFacts(tuple(reads), tuple(outside))
