"""What a setup.py reads, told from its syntax tree; it is never executed."""

from __future__ import annotations

from msgspec import Struct

from optimizer.manifests.base import RefusedError

_OPENERS = frozenset({"open", "io.open", "codecs.open", "Path", "pathlib.Path", "os.path.join", "join"})
_PROCESSES = frozenset({"subprocess", "os.system", "os.popen", "exec", "execfile", "runpy", "sh", "git"})
_NESTING = 2_500
"""Operators, brackets and keywords of a file that is read: libcst goes one level down for each, and three thousand
of them can end the process."""
_FLAT = frozenset(",:;=)]}")
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
    from tokenize import TokenError

    import libcst as cst

    reads: dict[str, None] = {}
    outside: dict[str, None] = {}

    class Visitor(cst.CSTVisitor):
        def visit_Call(self, node: cst.Call) -> None:
            name = _dotted(node.func)
            for process in _PROCESSES:
                if name == process or name.startswith(process + "."):
                    outside[f"{name}()"] = None
            if name in _OPENERS:
                words = [word for argument in node.args if (word := _text(argument.value))]
                if words := [word for word in words if len(word) > 2]:  # not the mode of open()
                    reads["/".join(words)] = None

        def visit_SimpleString(self, node: cst.SimpleString) -> None:
            value = _text(node)
            if value is not None and (".." in value.split("/") or value.startswith(("/", "~"))):
                outside[repr(value)] = None

        def visit_Attribute(self, node: cst.Attribute) -> None:
            if node.attr.value in _UPWARDS:
                outside[node.attr.value] = None

    try:
        if _nesting(text) > _NESTING:
            raise RecursionError
        cst.parse_module(text).visit(Visitor())
    except RecursionError as error:
        raise RefusedError(f"{path} is nested too deeply to be read") from error
    except (cst.ParserSyntaxError, SyntaxError, TokenError) as error:
        raise RefusedError(f"{path} does not parse") from error
    return SetupFacts(tuple(reads), tuple(outside))


def _nesting(text: str) -> int:
    """An upper bound of how deep the syntax tree is."""
    import io
    import keyword
    import tokenize

    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return sum(
        keyword.iskeyword(each.string) if each.type == tokenize.NAME else each.string not in _FLAT
        for each in tokens
        if each.type in (tokenize.NAME, tokenize.OP)
    )


def _dotted(node: object) -> str:
    import libcst as cst

    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{_dotted(node.value)}.{node.attr.value}"
    return ""


def _text(node: object) -> str | None:
    import libcst as cst

    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None
