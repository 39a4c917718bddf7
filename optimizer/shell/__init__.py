"""Reads shell scripts (bodies of RUN) into a tree, and knows what joining two of them would change."""

from __future__ import annotations

from optimizer.shell.ast import (
    Assignment,
    Command,
    Comment,
    Compound,
    Dialect,
    Expansion,
    Heredoc,
    Item,
    List,
    Opaque,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Word,
)
from optimizer.shell.parser import parse

__all__ = [
    "Assignment",
    "Command",
    "Comment",
    "Compound",
    "Dialect",
    "Expansion",
    "Heredoc",
    "Item",
    "List",
    "Opaque",
    "Pipeline",
    "Redirect",
    "Script",
    "Simple",
    "Word",
    "parse",
]
