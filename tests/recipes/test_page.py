"""The page of all recipes: whole, self-contained, and read in headless Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from keras2torch.cli import main
from keras2torch.recipes import catalogue, find

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
SAME = "17_conv_same_stride"
DESKTOP, PHONE = (1400, 1000), (390, 844)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "site" / "index.html"
    result = CliRunner().invoke(main, ["recipes", "site", "-o", str(path)])
    assert result.exit_code == 0, result.output
    return path


class Reader(HTMLParser):
    """What the page refers to, and its elements' names."""

    def __init__(self) -> None:
        super().__init__()
        self.refers: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.refers += [given[k] or "" for k in ("href", "src") if k in given]
        self.ids += [given["id"] or ""] if "id" in given else []


def test_it_needs_no_network_and_its_links_lead_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(text)
    assert len(reader.ids) == len(set(reader.ids))
    for link in reader.refers:
        inside = link.startswith("#") and (link == "#" or link[1:] in reader.ids)
        assert inside or link == "data:," or link.startswith("https://"), link
    assert "@import" not in text
    for style in re.findall(r"<style.*?</style>", text, flags=re.S):
        assert "url(" not in style
    for script in re.findall(r"<script.*?</script>", text, flags=re.S):
        assert not re.search(r"fetch\(|XMLHttpRequest|import\(", script)


def test_writing_keeps_what_was_there_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.html"
    path.write_text("before")
    monkeypatch.setattr("keras2torch.recipes.page.page", lambda: 1 / 0)
    CliRunner().invoke(main, ["recipes", "site", "-o", str(path)])
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


class Browser:
    """Headless Chromium with a page open."""

    def __init__(self, driver: Any, file: Path) -> None:
        self.driver = driver
        self.file = file

    def open(self, name: str, size: tuple[int, int], *, dark: bool = False) -> None:
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        metrics = {
            "width": size[0],
            "height": size[1],
            "deviceScaleFactor": 1,
            "mobile": size[0] < 600,
        }
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [theme]})
        self.driver.get("about:blank")
        self.driver.get(f"{self.file.as_uri()}#{name}")
        self("localStorage.clear()")

    def turn(self, name: str) -> None:
        """Go to another recipe of the open page, as a click on its link does."""
        self.driver.execute_async_script(
            "const [name, done] = arguments;"
            "if (location.hash === name) return done();"
            "addEventListener('hashchange', () => done(), {once: true});"
            "location.hash = name;",
            f"#{name}",
        )

    def __call__(self, script: str) -> Any:
        return self.driver.execute_script(f"return {script}")

    def type(self, text: str) -> None:
        from selenium.webdriver.common.by import By

        self.driver.find_element(By.ID, "search").send_keys(text)

    def seen(self, selector: str) -> list[str]:
        """The texts of what is really drawn."""
        found: list[str] = self(
            f"[...document.querySelectorAll({selector!r})]"
            ".filter((e) => e.checkVisibility()).map((e) => e.innerText)"
        )
        return found

    def boxes(self) -> list[list[dict[str, float]]]:
        """Where the two halves of each region of the open recipe lie."""
        found: list[list[dict[str, float]]] = self(
            "[...document.querySelectorAll('article.shown .region')].map((r) =>"
            "[...r.querySelectorAll('.half')].map((h) => h.getBoundingClientRect()"
            ".toJSON()))"
        )
        return found


@pytest.fixture(scope="module")
def browser(file: Path) -> Iterator[Browser]:
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no chromium and chromedriver on this machine")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(flag)
    options.add_argument("--disable-dev-shm-usage")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield Browser(driver, file)
    driver.quit()


def test_the_front_lists_the_course_and_nothing_is_fetched(browser: Browser) -> None:
    browser.open("", DESKTOP)
    assert len(browser.seen("nav li")) == len(catalogue())
    assert browser.seen("article") == []
    assert browser("performance.getEntriesByType('resource').length") == 0
    errors = [e for e in browser.driver.get_log("browser") if e["level"] == "SEVERE"]
    assert errors == []


def test_on_a_desktop_the_sides_stand_beside_each_other(browser: Browser) -> None:
    browser.open(SAME, DESKTOP)
    assert len(browser.seen("article")) == 1
    boxes = browser.boxes()
    assert len(boxes) == len(find(SAME).sides[0].regions)
    for left, right in boxes:
        assert left["top"] == right["top"]
        assert left["right"] <= right["left"] + 1
        assert right["right"] <= DESKTOP[0]


def test_on_a_phone_every_recipe_is_stacked_and_fits(browser: Browser) -> None:
    browser.open("", PHONE)
    for recipe in catalogue():
        browser.turn(recipe.name)
        boxes = browser.boxes()
        assert len(boxes) == len(recipe.sides[0].regions), recipe.name
        for left, right in boxes:
            assert left["bottom"] <= right["top"] + 1, recipe.name
            assert left["left"] == right["left"], recipe.name
        width = browser("document.documentElement.scrollWidth")
        assert width <= PHONE[0], recipe.name
        overflowing = browser(
            "[...document.querySelectorAll('article.shown .line')].filter((e) =>"
            "e.getBoundingClientRect().right > innerWidth).length"
        )
        assert overflowing == 0, recipe.name


def test_the_code_on_the_page_is_the_file(browser: Browser) -> None:
    browser.open(SAME, DESKTOP)
    for number, side in enumerate(find(SAME).sides):
        shown = browser(
            "[...document.querySelectorAll('article.shown .region')]"
            f".map((r) => r.querySelectorAll('pre')[{number}].textContent.trimEnd())"
        )
        assert shown == [region.text for region in side.regions]


def test_the_lines_of_the_rule_are_marked(browser: Browser) -> None:
    browser.open(SAME, DESKTOP)
    marked = browser.seen("article.shown .rule")
    rules = {rule.line for rule in find(SAME).without}
    assert all(any(rule in line for line in marked) for rule in rules)
    assert all(any(rule in line for rule in rules) for line in marked)


def test_searching_a_keras_name(browser: Browser) -> None:
    browser.open("", DESKTOP)
    browser.type("MaxPooling2D")
    assert len(browser.seen("nav li")) < len(catalogue())
    assert "same" in browser.seen("nav li")[0]
    browser.type("\n")
    assert browser("location.hash") == f"#{SAME}"
    browser.type("early stopping")
    assert [t for t in browser.seen("nav li") if "EarlyStopping" in t]
    assert len(browser.seen("nav li")) == 1
    browser("(document.getElementById('search').value = '')")
    browser.type("xylophone")
    assert browser.seen("nav li") == []
    assert browser.seen("#nothing") == ["No recipe speaks of that."]


def test_searching_on_a_phone_shows_the_list(browser: Browser) -> None:
    browser.open(SAME, PHONE)
    assert browser.seen("nav li") == []
    browser.type("zero_grad")
    assert any("zero_grad" in text for text in browser.seen("nav li"))


def test_light_and_dark_follow_the_system_and_the_button(browser: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    browser.open(SAME, DESKTOP)
    light = browser(ground)
    browser.open(SAME, DESKTOP, dark=True)
    dark = browser(ground)
    assert light != dark
    browser("document.getElementById('theme').click()")
    assert browser(ground) == light
    browser("document.getElementById('theme').click()")
    assert browser(ground) == dark


@pytest.mark.parametrize("dark", [False, True])
def test_code_and_text_stand_out_from_the_ground(browser: Browser, dark: bool) -> None:
    """WCAG's contrast ratio of every piece of the open recipe, 4.5 at least."""
    browser.open(SAME, DESKTOP, dark=dark)
    colours = browser(
        "[...new Set([...document.querySelectorAll('article.shown *')].filter((e) =>"
        "e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 &&"
        "n.textContent.trim())).map((e) => getComputedStyle(e).color))]"
    )
    ground = browser("getComputedStyle(document.body).backgroundColor")
    weak = {c: contrast(c, ground) for c in colours if contrast(c, ground) < 4.5}
    assert not weak


def contrast(one: str, other: str) -> float:
    lights = sorted(_luminance(c) for c in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(p) / 255 for p in re.findall(r"\d+", colour)[:3]]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
