"""The manual page dockopt(1), from what the command line says of itself.

Source: man-pages(7) for the sections, groff_man(7) for the macros.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from optimizer import __version__
from optimizer.commands import app

MADE = '.\\" Made by `python -m docs.generate`: change the command line instead.\n'
STATUSES = (
    ("0", "Nothing to do, or done."),
    ("1", "A file would change, with --check or --exit-code."),
    ("2", "Wrong usage or settings."),
    ("3", "No Dockerfile there, or it cannot be read."),
    ("4", "A Dockerfile is no text that BuildKit would take."),
    ("5", "A verification failed."),
)
FILES = (
    (
        ".dockopt.toml",
        "Settings, from the Dockerfile's folder up to the root of the repository; the nearest one counts.",
    ),
    ("pyproject.toml", "The same in its table tool.dockopt."),
    (".dockerignore", "What is not in the build context."),
)
ENVIRONMENT = (
    ("NO_COLOR, FORCE_COLOR", "No colours, or colours also where standard output is no terminal."),
    ("DOCKER_HOST, DOCKER_CONFIG", "Where the Docker builder is, and its settings."),
)


def page() -> str:
    """The page, in the macros of man."""
    return MADE + "".join(_lines())


def _lines() -> Iterator[str]:
    command: Any = typer.main.get_command(app)
    yield f'.TH DOCKOPT 1 "" "dockopt {__version__}" "User Commands"\n'
    yield ".SH NAME\ndockopt \\- smaller images and faster rebuilds from the same Dockerfile\n"
    yield ".SH SYNOPSIS\n"
    commands = list(_commands(command, ()))
    for names, _ in commands:
        yield f".B dockopt {_text(' '.join(names))}\n[\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n.br\n"
    yield f".SH DESCRIPTION\n{_text(command.help)}\n"
    for names, each in commands:
        yield f".SH {_text(' '.join(names)).upper()}\n{_text(each.help)}\n"
        for parameter in each.params:
            if parameter.param_type_name == "argument":
                yield f".TP\n.I {_text(parameter.metavar or parameter.name.upper())}\n{_text(parameter.help)}\n"
        for parameter in each.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                yield f".TP\n{_names(parameter)}\n{_text(parameter.help)}\n"
    for title, rows in (("EXIT STATUS", STATUSES), ("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT)):
        yield f".SH {title}\n" + "".join(f".TP\n.B {_text(name)}\n{_text(told)}\n" for name, told in rows)
    yield ".SH SEE ALSO\n.BR docker (1),\n.BR git\\-apply (1)\n"


def _commands(group: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, each in group.commands.items():
        if getattr(each, "commands", None):
            yield from _commands(each, (*above, name))
        else:
            yield (*above, name), each


def _names(option: Any) -> str:
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} \\fI{_text(option.metavar or option.name.upper())}\\fR"


def _text(text: str | None) -> str:
    """Text in which roff reads no request and no escape, and hyphens stay what is to be typed."""
    told = " ".join((text or "").split()).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{told}" if told.startswith((".", "'")) else told
