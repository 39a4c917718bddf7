"""The documentation as a site, and the files for CI that it shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_docs import ROOT, blocks


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. `strict` in mkdocs.yml makes every warning an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    seen = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f": {page.name}\n" in listed, page.name
        built = site / "index.html" if page.stem == "index" else site / page.stem / "index.html"
        assert built.exists()
    for page in (ROOT / "docs" / "transforms").glob("*.md"):
        assert (site / "transforms" / ("" if page.stem == "README" else page.stem) / "index.html").exists()


def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'href="([^"]+)"', page.read_text()):
            path = link.partition("#")[0].partition("?")[0]
            if not path or "://" in path or path.startswith(("mailto:", "/")):
                continue
            target = (page.parent / path).resolve()
            assert target.exists() or not target.is_relative_to(site), (page.relative_to(site), link)


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"', page.read_text())
        loaded += re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="(https?:[^"]+)"', page.read_text())
        assert loaded == [], page.relative_to(site)


@pytest.mark.parametrize(
    ("heading", "schema"),
    [("## GitLab", "vendor.gitlab-ci"), ("## GitHub", "vendor.github-workflows")],
)
def test_files_for_ci_fit_their_schema(heading: str, schema: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "ci.md").read_text()
    section = text[text.index(heading) :]
    (shown, *_) = blocks(section, "yaml")
    (tmp_path / "ci.yml").write_text(shown)
    checker = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    assert checker is not None
    seen = subprocess.run(
        [checker, "--builtin-schema", schema, "--data-transform=gitlab-ci", str(tmp_path / "ci.yml")]
        if "gitlab" in schema
        else [checker, "--builtin-schema", schema, str(tmp_path / "ci.yml")],
        capture_output=True,
        text=True,
    )
    assert seen.returncode == 0, seen.stdout + seen.stderr
