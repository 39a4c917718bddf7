"""What the documentation says is so."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import pytest

from docs import generate
from optimizer import config, registry
from optimizer.context import MemoryContext
from optimizer.engine import optimize
from optimizer.fix import Transform

ROOT = generate.ROOT
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
every_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
every_transform = pytest.mark.parametrize("transform", registry.load(), ids=lambda transform: transform.name)
FLASK = ROOT / "fixtures" / "apps" / "flask"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_what_is_made_is_fresh() -> None:
    stale = [path.name for path, text in generate.made() if not path.exists() or path.read_text() != text]
    left_over = set(generate.PAGES.glob("*.md")) - {path for path, _ in generate.made()}
    assert (stale, left_over) == ([], set()), "run python -m docs.generate"


@every_transform
def test_the_example_of_a_transform_becomes_what_stands_under_instead(transform: Transform) -> None:
    text = cleandoc(transform.__doc__ or "")
    example, instead = text.split("## Example\n")[1].split("## When it refuses")[0].split("## Instead\n")
    (before,) = blocks(example, "dockerfile")
    beside = [path for block in blocks(example, "text") for path in block.splitlines()]
    context = MemoryContext(dict.fromkeys(beside, "PASSWORD=x\n")) if beside else None
    outcome = optimize(before, [transform], suggested={transform.name}, context=context)
    made = {"dockerfile": [outcome.after], "text": [each.text for each in outcome.companions]}
    for language, found in made.items():
        assert blocks(instead, language) in (found, [] if outcome.after == before else None), language
    assert optimize(outcome.after, [transform], suggested={transform.name}).after == outcome.after


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for block in blocks(page.read_text(), "sh"):
            for line in block.splitlines():
                if line.startswith("dockopt "):
                    yield str(page.relative_to(ROOT)), line


@pytest.mark.parametrize(("page", "line"), list(commands()))
def test_the_commands_that_are_shown_run(page: str, line: str, tmp_path: Path) -> None:
    shutil.copytree(FLASK, tmp_path / "docker")
    shutil.copy(FLASK / "Dockerfile", tmp_path)
    words = shlex.split(line, comments=True)[1:]
    stdin = None
    if "<" in words:
        at = words.index("<")
        stdin = (tmp_path / words[at + 1]).read_text()
        del words[at:]
    if ">" in words:
        del words[words.index(">") :]
    run = subprocess.run(
        [sys.executable, "-m", "optimizer", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if "--interactive" in words:
        assert "it needs a terminal" in run.stderr
    else:
        assert run.returncode == (1 if "--check" in words else 0), run.stderr
        assert run.stdout


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text()), target


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def test_every_section_that_is_cited_is_there() -> None:
    sections = re.split(r'^<a id="section-(\d)"></a>$', (ROOT / "docs" / "never.md").read_text(), flags=re.MULTILINE)
    paragraphs = {
        int(number): re.findall(r"^(\d)\. ", text, re.MULTILINE)
        for number, text in zip(sections[1::2], sections[2::2], strict=True)
    }
    assert list(paragraphs) == list(range(1, 10))
    for path in [*(ROOT / "transforms").glob("*.py"), *(ROOT / "optimizer").rglob("*.py")]:
        for section, paragraph in re.findall(r"\bsections? (\d+)(?:\.(\d+))?", path.read_text()):
            assert int(section) in paragraphs, (path.name, section)
            assert not paragraph or paragraph in paragraphs[int(section)], (path.name, section, paragraph)


@every_page
def test_settings_that_are_shown_are_settings(page: Path, tmp_path: Path) -> None:
    for text in blocks(page.read_text(), "toml"):
        (tmp_path / config.FILE).write_text(text)
        found = config.read(tmp_path / config.FILE, {each.name for each in registry.load()})
        assert found is not None
        assert found.problems == ()


@every_page
def test_dockerfiles_that_are_shown_can_be_read(page: Path) -> None:
    for text in blocks(page.read_text(), "dockerfile"):
        optimize(text if "FROM" in text else f"FROM scratch\n{text}", ())


@every_page
def test_ignore_comments_that_are_shown_name_transforms(page: Path) -> None:
    for names in re.findall(r"^# dockopt: (?:global )?ignore=([\w,]+)", page.read_text(), re.MULTILINE):
        for name in names.split(","):
            assert registry.find(name)
