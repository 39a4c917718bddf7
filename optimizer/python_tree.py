"""Python sources as libcst's trees: read, and never run. libcst is imported here alone, when a file is to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

_NESTING = 2_500
"""How deep a tree may be at the most: libcst goes down a level at a time, and three thousand can end the process."""
_FLAT = frozenset(",:;=)]}")
_CHAINED = frozenset({"elif", "else"})


class NotRead(Exception):
    """A text of which there is no tree; the message reads on from the file's name."""


def tree(text: str) -> cst.Module:
    """The tree of a module.

    :raises NotRead: where it does not parse, or is nested too deeply.
    """
    from tokenize import TokenError

    import libcst as cst

    try:
        if _nesting(text) > _NESTING:
            raise RecursionError
        return cst.parse_module(text)
    except RecursionError as error:
        raise NotRead("is nested too deeply to be read") from error
    except (cst.ParserSyntaxError, SyntaxError, TokenError) as error:
        raise NotRead("does not parse") from error


def visit(module: cst.Module, visitor: cst.CSTVisitor) -> None:
    """Walk through a tree.

    :raises NotRead: where it is nested too deeply.
    """
    try:
        module.visit(visitor)
    except RecursionError as error:
        raise NotRead("is nested too deeply to be read") from error


def _nesting(text: str) -> int:
    """An upper bound of how deep the tree is: the deepest line, the deepest block, and all branches as one chain."""
    import io
    import keyword
    import tokenize

    line = deepest = blocks = most = chain = 0
    for each in tokenize.generate_tokens(io.StringIO(text).readline):
        if each.type == tokenize.NEWLINE:
            line = 0
        elif each.type == tokenize.INDENT:
            blocks += 1
        elif each.type == tokenize.DEDENT:
            blocks -= 1
        elif each.type == tokenize.NAME:
            line += keyword.iskeyword(each.string)
            chain += each.string in _CHAINED
        elif each.type == tokenize.OP:
            line += each.string not in _FLAT
        elif each.type == tokenize.STRING:
            formatted = "f" in each.string[:3].lower()
            line += 1 + (sum(not letter.isalnum() for letter in each.string) if formatted else 0)
        deepest, most = max(deepest, line), max(most, blocks)
    return deepest + 4 * most + 2 * chain


def dotted(node: object) -> str:
    """A name with its attributes, ``os.path.join``; "" for any other expression."""
    import libcst as cst

    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        front = dotted(node.value)
        return front and f"{front}.{node.attr.value}"
    return ""


def literal(node: object) -> str | None:
    """The value of a plain string; None for any other expression, and for one that Python would refuse."""
    import libcst as cst

    if not isinstance(node, cst.SimpleString):
        return None
    try:
        value = node.evaluated_value
    except (SyntaxError, ValueError):  # libcst reads escapes that name no character
        return None
    return value if isinstance(value, str) else None
