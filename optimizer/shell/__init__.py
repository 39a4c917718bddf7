"""Reads shell scripts (bodies of RUN) into a tree with exact offsets, and knows what joining two of them changes."""

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
]
