"""Makes what in the documentation is made: `python -m docs.generate`; with --check it only tells what is stale.

A page a transform from its docstring, the list of them, the schema of the settings, and in some pages the output of the
commands shown there, between `<!-- begin: COMMAND -->` and `<!-- end -->`. `table MODULE` is that module's `table()`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pathlib import Path

from docs import manual
from optimizer import described, registry
from optimizer.config_shown import json_schema
from optimizer.fix import Transform
from optimizer.report.json import PARTS, Report

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "transforms"
WITH_OUTPUT = ("README.md", "docs/usage.md", "docs/history.md")
MADE = "<!-- Made from the docstring by `python -m docs.generate`: change it there. -->\n"
SECTIONS = ("What it does", "Why", "Example", "Instead", "When it refuses", "Safety")
HADOLINT = "https://github.com/hadolint/hadolint/wiki"
_SHOWN = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


_CITED = re.compile(r"\((?:semantics, )?(sections?)\s+(\d)([\d., ]*(?:and \d[\d.]*)?)\)")


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: python -m docs.generate [--check]")
    wanted = dict(made())
    left_over = [path for path in PAGES.glob("*.md") if path not in wanted]
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in (*stale, *left_over):
        print(f"{path.relative_to(ROOT)}: {'stale, run python -m docs.generate' if check else 'made anew'}")
    if not check:
        PAGES.mkdir(exist_ok=True)
        for path in stale:
            path.write_text(wanted[path])
        for path in left_over:
            path.unlink()
    return int(check and bool(stale or left_over))


def made() -> Iterator[tuple[Path, str]]:
    """Every file that is made, wholly or in part, with its text."""
    transforms = registry.load()
    for transform in transforms:
        yield PAGES / f"{transform.name}.md", page(transform)
    yield PAGES / "README.md", index(transforms)
    yield ROOT / "docs" / "settings.schema.json", json.dumps(json_schema(), indent=2) + "\n"
    report = described.schema(Report, PARTS, "The report of dockopt fix --format json")
    yield ROOT / "docs" / "report.schema.json", json.dumps(report, indent=2) + "\n"
    yield ROOT / "docs" / "dockopt.1", manual.page()
    for name in WITH_OUTPUT:
        yield ROOT / name, _SHOWN.sub(_run, (ROOT / name).read_text())


def page(transform: Transform) -> str:
    """The page of one transform."""
    title, _, sections = cleandoc(transform.__doc__ or "").partition("\n\n")
    found = [line.removeprefix("## ") for line in sections.split("\n") if line.startswith("## ")]
    if found != list(SECTIONS):
        sys.exit(f"{transform.name}: its docstring has the sections {found}, and should have {list(SECTIONS)}")
    rules = ", ".join(f"[{rule}]({HADOLINT}/{rule})" for rule in transform.hadolint)
    facts = [f"[{kind(transform)}](../safety.md)", *([f"hadolint {rules}"] if rules else [])]
    body = _CITED.sub(r"([\1 \2\3](../never.md#section-\2))", sections)
    return f"{MADE}\n# {transform.name}\n\n{title}\n\n*{'; '.join(facts)}*\n\n{body}\n"


def kind(transform: Transform) -> str:
    """Its safety, and whether it has to be named."""
    return transform.safety.value + (", only when named" if transform.opt_in else "")


def index(transforms: tuple[Transform, ...]) -> str:
    """The list of the transforms, in the order in which they run."""
    rows = "".join(f"| [{each.name}]({each.name}.md) | {each.summary} | {kind(each)} |\n" for each in transforms)
    return (
        f"{MADE}\n# Transforms\n\nIn the order in which they run; [what the last column means](../safety.md).\n\n"
        f"| Name | What becomes of it | Safety |\n|---|---|---|\n{rows}"
    )


def _run(shown: re.Match[str]) -> str:
    """The output of a command as a code block; `dockopt` is the one of this checkout."""
    command = shown[2]
    program, *arguments = shlex.split(command)
    if program == "cat":
        text = (ROOT / arguments[0]).read_text()
        return f"{shown[1]}```dockerfile\n{text}```\n{shown[3]}"
    if program == "table":
        return f"{shown[1]}{import_module(arguments[0]).table()}{shown[3]}"
    result = subprocess.run(
        [sys.executable, "-m", "optimizer", *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in (0, 1):
        sys.exit(f"{command}: {result.stderr}")
    language = "diff" if "fix" in arguments else "text"
    notes = "".join(f"{line}\n" for line in result.stderr.splitlines())
    said = f"\n```text\n{notes}```\n" if notes and language == "diff" else ""
    return f"{shown[1]}```{language}\n{result.stdout}```\n{said}{shown[3]}"


if __name__ == "__main__":
    sys.exit(main())
