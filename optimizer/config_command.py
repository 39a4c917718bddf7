"""`dockopt config`; thin."""

import os
from typing import Annotated, Literal

import typer

from optimizer.source import USAGE

app = typer.Typer(help="Show the settings, and where each comes from.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A Dockerfile, or the folder of one.")] = ".",
    format: Annotated[Literal["text", "json"], typer.Option(help="For people, or for programs.")] = "text",
) -> None:
    """Show the settings for a Dockerfile: each with its value, and where that comes from."""
    from pathlib import Path

    from optimizer import config, registry
    from optimizer.config_shown import as_json, as_text
    from optimizer.report.terminal import PLAIN, problem_line

    if not os.path.exists(path):
        raise typer.BadParameter(f"{path}: there is no such file or folder")
    dockerfile = Path(path, "Dockerfile") if os.path.isdir(path) else Path(path)
    found = config.load(dockerfile, {each.name for each in registry.load()})
    for problem in found.problems:
        typer.echo(problem_line(*problem, PLAIN), err=True)
    typer.echo(as_json(found) if format == "json" else as_text(found))
    if found.problems:
        raise typer.Exit(USAGE)


@app.command()
def schema() -> None:
    """Print the JSON schema of .dockopt.toml, and of the table tool.dockopt in pyproject.toml."""
    import json

    from optimizer.config_shown import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
