"""The report for reviewers, in a real browser. `DOCKOPT_SCREENSHOTS=FOLDER` keeps what it looks like."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.probes import dockopt

DOCKERFILE = """\
FROM python:3.12
WORKDIR /app
COPY . .
RUN apt-get update
RUN apt-get install -y curl
RUN pip install -r requirements.txt
ADD main.py /opt/
CMD ["python", "main.py"]"""
ATTACK = "<script>document.title='owned'</script><img src=x onerror=document.title='owned'>"


_TEXTS = ("body", ".state", ".saves", ".safety", ".line", ".gone .code", ".come mark", ".error", ".hunk td")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    driver, program = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if not driver or not program:
        pytest.skip("chromium and chromedriver are not there")
    options = ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = Chrome(options, ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture
def page(browser: Chrome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chrome:
    """The report of four files: one with fixes, one that is good, one that cannot be read, one that attacks."""
    monkeypatch.chdir(tmp_path)
    hidden = f"# {ATTACK} \u202e \x1b[31m"
    texts = {
        "app": DOCKERFILE,
        "good": "FROM scratch\n",
        "bad": f"FROM debian\nRUM {ATTACK}\n",
        "hostile": f"FROM debian\n{hidden}\nRUN apt-get update\nRUN apt-get install -y curl\n",
    }
    for name, text in texts.items():
        Path(name).mkdir()
        Path(name, "Dockerfile").write_text(text)
    Path("app/requirements.txt").write_text("flask\n")
    Path("app/main.py").write_text("import flask\n")
    Path("report.html").write_text(dockopt("fix", "--format", "html", "--ignore", "multi_stage", ".")[1])
    browser.set_window_size(1200, 1400)
    browser.get(f"file://{tmp_path}/report.html")
    return browser


def section(page: Chrome, name: str) -> WebElement:
    return next(each for each in page.find_elements(By.CSS_SELECTOR, ".file") if name in each.text.splitlines()[0])


def rows(page: Chrome) -> list[WebElement]:
    return section(page, "app/Dockerfile").find_elements(By.CSS_SELECTOR, ".beside tr:not(.hunk)")


def press(page: Chrome, keys: str) -> None:
    page.find_element(By.TAG_NAME, "body").send_keys(keys)


def shown(page: Chrome, selector: str) -> list[str]:
    return [each.text for each in page.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()]


def colour(page: Chrome, name: str) -> str:
    return str(page.execute_script(f"return getComputedStyle(document.body).{name}"))


def keep(page: Chrome, name: str) -> None:
    if folder := os.environ.get("DOCKOPT_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.save_screenshot(str(Path(folder, f"{name}.png")))


def test_what_a_reviewer_sees(page: Chrome) -> None:
    (counts,) = shown(page, "#counts")
    assert counts.startswith("4 files, 2 would change, ")
    assert counts.endswith(f" {len(page.find_elements(By.CSS_SELECTOR, 'details[open] .safety'))} fixes")
    app = section(page, "app/Dockerfile")
    rules = [each.text for each in app.find_elements(By.CSS_SELECTOR, "details[open] .rule")]
    assert set(rules) >= {"update_with_install", "manifests_first", "copy_over_add", "clean_package_caches"}
    removed = [each.text for each in app.find_elements(By.CSS_SELECTOR, ".unified .gone .code")]
    assert "ADD main.py /opt/" in removed
    before, after = app.find_elements(By.CSS_SELECTOR, ".layers figure")
    assert before.text.splitlines()[0] == "Before: 6 layers"
    assert "FROM python:3.12" in before.text
    assert "COPY requirements.txt" in after.text
    assert "stays as it is" in section(page, "good").text
    assert "cannot be read" in section(page, "bad").text


def test_nothing_in_a_dockerfile_does_anything(page: Chrome) -> None:
    assert page.title == "dockopt"
    assert ATTACK in section(page, "hostile").text
    assert "\\x1b[31m" in section(page, "hostile").text
    assert "\\u202e" in section(page, "hostile").text
    assert not page.find_elements(By.CSS_SELECTOR, "main img, main script")
    assert page.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_side_by_side(page: Chrome) -> None:
    assert not shown(page, ".beside")
    page.find_element(By.ID, "layout").click()
    assert not shown(page, ".unified")
    sides = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, ".code")] for row in rows(page)]
    assert ["ADD main.py /opt/", "COPY main.py /opt/"] in sides
    keep(page, "beside")
    press(page, "s")
    assert not shown(page, ".beside")


def test_numbers_of_lines(page: Chrome) -> None:
    page.find_element(By.ID, "layout").click()
    old = DOCKERFILE.split("\n")
    for row in rows(page):
        number, code = row.find_elements(By.CSS_SELECTOR, "td")[:2]
        if value := number.get_attribute("data-number"):
            assert code.text.removesuffix("⏎̸") == old[int(value) - 1]


def test_the_keyboard_is_enough(page: Chrome) -> None:
    def focused() -> str:
        return str(page.execute_script("return document.activeElement.id"))

    press(page, "j")
    assert focused() == "file-1"
    press(page, "jj")
    assert focused() == "file-3"
    press(page, "k")
    assert focused() == "file-2"
    press(page, "n")
    assert len(page.find_elements(By.CSS_SELECTOR, ".hunk.here")) == 1
    assert shown(page, "#keys") == []
    press(page, "?")
    assert len(shown(page, "#keys")) == 1


def test_tab_goes_from_one_control_to_the_next_and_shows_where_it_is(page: Chrome) -> None:
    controls = page.execute_script(
        "return [...document.querySelectorAll('button, summary, a[href], [tabindex=\"0\"]')]"
        ".filter(each => each.checkVisibility())"
    )
    assert {"button", "summary"} <= {each.tag_name for each in controls}
    reached = []
    for _ in controls:
        page.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(page.switch_to.active_element)
        assert page.execute_script("return getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached == controls


def test_light_and_dark(page: Chrome) -> None:
    def prefer(scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    prefer("light")
    light = colour(page, "backgroundColor")
    keep(page, "light")
    prefer("dark")
    dark = colour(page, "backgroundColor")
    assert light != dark
    keep(page, "dark")
    press(page, "t")  # light, whatever the system is
    assert colour(page, "backgroundColor") == light
    press(page, "tt")
    assert colour(page, "backgroundColor") == dark
    prefer("light")


def test_a_narrow_window_scrolls_only_in_the_diffs(page: Chrome) -> None:
    page.set_window_size(500, 1200)
    keep(page, "narrow")
    assert page.execute_script("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_contrast(page: Chrome) -> None:
    """Source: WCAG 2.1, 1.4.3: 4.5 to 1 for text."""
    for theme in ("light", "dark"):
        page.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
        for selector in (
            "body",
            ".state",
            ".saves",
            ".safety",
            ".line",
            ".gone .code",
            ".come mark",
            ".error",
            ".hunk td",
        ):
            element = page.find_element(By.CSS_SELECTOR, f"main {selector}" if selector != "body" else selector)
            front, back = page.execute_script(
                """const of = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                     if (!c.endsWith(", 0)")) return c; } };
                   return [getComputedStyle(arguments[0]).color, of(arguments[0])];""",
                element,
            )
            assert ratio(front, back) >= 4.5, (theme, selector, front, back)


def ratio(front: str, back: str) -> float:
    bright, dim = sorted(map(luminance, (front, back)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.split("(")[1].rstrip(")").split(",")[:3]]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
