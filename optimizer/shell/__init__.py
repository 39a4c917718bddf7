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
from optimizer.shell.join import JoinRefusal, Part, Plan, Shell, plan, render
from optimizer.shell.parser import parse
from optimizer.shell.state import ProcessUse, StateChange, effects, programs, uses
from optimizer.shell.walk import Where, walk

__all__ = [
    "Assignment",
    "Command",
    "Comment",
    "Compound",
    "Dialect",
    "Expansion",
    "Heredoc",
    "Item",
    "JoinRefusal",
    "List",
    "Opaque",
    "Part",
    "Pipeline",
    "Plan",
    "ProcessUse",
    "Redirect",
    "Script",
    "Shell",
    "Simple",
    "StateChange",
    "Where",
    "Word",
    "effects",
    "parse",
    "plan",
    "programs",
    "render",
    "uses",
    "walk",
]
