"""The report in a real browser: hostile rows run nothing, everything works by keyboard, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.reports import render
from auditor.reports.view import View
from tests.reports import made

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

# WCAG 2.2, 1.4.3 and the definitions of relative luminance and contrast ratio. Colours are read from a
# canvas so that any syntax that the browser computes is understood.
CONTRAST = """
() => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
      if (colour[3] !== 0) throw new Error("a half transparent background");
    }
    throw new Error("no background");
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility({visibilityProperty: true})) continue;
    if (element.closest("script, style, title")) continue;
    const style = getComputedStyle(element);
    const ink = rgba(element.closest("svg") ? style.fill : style.color);
    const a = luminance(ink), b = luminance(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, `${element.tagName}.${element.className}`]);
  }
  return found;
}
"""

# Everything that a pointer could use, and whether it is on the page now.
INTERACTIVE = """
() => [...document.querySelectorAll("a[href], button, input, select, summary")]
  .filter((e) => e.checkVisibility({visibilityProperty: true}))
  .map((e, i) => { e.dataset.nth = i; return i; })
"""


@pytest.fixture(scope="module")
def files(view: View, hostile: View, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, one in (("view", view), ("hostile", hostile)):
        found[name] = folder / f"{name}.html"
        found[name].write_text(render("html", one), encoding="utf-8")
    return found


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(browser: Browser, files: dict[str, Path]) -> Iterator[Visit]:
    """visit(name, width=…, scheme=…): the page, with everything it should not do collected and refused."""
    contexts = []
    sins: list[str] = []

    def opened(name: str, width: int = 1280, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        allowed = files[name].as_uri()
        page.on("dialog", lambda dialog: (sins.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda message: sins.append(f"console {message.type} {message.text}"))
        page.on("pageerror", lambda error: sins.append(f"error {error}"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split("#")[0] == allowed or request.url == "data:,"
                else sins.append(f"request {request.url}")
            ),
        )
        page.on("popup", lambda popup: sins.append(f"popup {popup.url}"))
        page.goto(allowed)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert sins == []


def test_attacks_are_text(visit: Visit) -> None:
    page = visit("hostile")
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.wait_for_timeout(200)
    assert page.evaluate("document.scripts.length") == 1
    assert page.evaluate("document.querySelectorAll('img, iframe, svg svg, [onerror], [onload], [style]').length") == 0
    told = page.inner_text("main")
    for attack in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</style>", "javascript:alert(1)"):
        assert attack in told
    assert "{{7*7}} {% for x in () %} ${7*7}" in told
    assert "\\x1b[31mred" in told
    assert "\\u202egnp.exe" in told
    assert page.evaluate("[...document.links].every((a) => a.getAttribute('href').startsWith('#'))")


def test_the_policy_blocks_even_what_would_slip_through(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context()
    page = context.new_page()
    dialogs: list[str] = []
    blocked: list[str] = []
    requests: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: blocked.append(message.text))
    page.on("requestfinished", lambda request: requests.append(request.url))
    page.goto(files["view"].as_uri())
    page.evaluate(
        """() => {
          const box = document.createElement("div");
          box.innerHTML = "<img src='http://127.0.0.1:9/x' onerror='alert(1)'><p style='color:red'>x</p>";
          document.body.append(box);
          const script = document.createElement("script");
          script.textContent = "alert(2)";
          document.body.append(script);
        }"""
    )
    page.wait_for_timeout(300)
    assert dialogs == []
    assert [url for url in requests if "127.0.0.1" in url] == []
    assert sum("Content Security Policy" in message for message in blocked) >= 3
    context.close()


def test_search_filter_and_sort(visit: Visit) -> None:
    page = visit("view")
    box = page.locator("#refusals-and-artifacts .findings")
    shown = "#refusals-and-artifacts .rows tbody tr:visible"
    total = page.locator(shown).count()
    assert total == 14
    box.locator("select").select_option("refusals_and_artifacts.template")
    assert page.locator(shown).count() == 4
    assert box.locator(".shown").inner_text() == "4 of 14 shown"
    box.locator("input").fill("DATA.JSONL:159")
    assert page.locator(shown).count() == 1
    box.locator("input").fill("nothing like this")
    assert page.locator(shown).count() == 0
    assert box.locator(".nothing").is_visible()
    box.locator("input").fill("")
    box.locator("select").select_option("")
    assert page.locator(shown).count() == total

    head = box.locator("th", has_text="Row")
    for order, reverse in (("ascending", False), ("descending", True)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        rows = [int(text) for text in page.locator(f"{shown} td:first-child").all_inner_texts()]
        assert rows == sorted(rows, reverse=reverse)
    page.locator("#near-duplicates th", has_text="Score").locator("button").click()
    scores = page.locator("#near-duplicates .rows tbody td[data-label=Score]").all_inner_texts()
    assert [float(score) for score in scores] == sorted(float(score) for score in scores)


def test_search_and_sort_stand_hostile_rows(visit: Visit) -> None:
    page = visit("hostile")
    box = page.locator("#near-duplicates .findings")
    box.locator("input").fill("onerror=alert(1)")
    assert 0 < box.locator("tbody tr:visible").count() < len(made.ATTACKS)
    box.locator("input").fill("<script>[.*(")
    assert box.locator("tbody tr:visible").count() == 0
    box.locator("input").fill("")
    for button in box.locator("th button").all():
        button.click()
    assert box.locator("tbody tr").count() == len(made.ATTACKS)


def test_keyboard_reaches_everything_and_shows_where_it_is(visit: Visit) -> None:
    page = visit("view")
    wanted = set(page.evaluate(INTERACTIVE))
    reached: set[int] = set()
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        nth = page.evaluate("document.activeElement.dataset.nth ?? null")
        if nth is not None:
            reached.add(int(nth))
            assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert reached == wanted


def test_keyboard_works_the_page(visit: Visit) -> None:
    page = visit("view")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash === '#main'", timeout=5_000)
    card = page.locator("#language-mix > details")
    assert card.get_attribute("open") is None
    card.locator("> summary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#language-mix > details[open]", timeout=5_000)
    button = page.locator("#near-duplicates th button").first
    button.focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#near-duplicates th[aria-sort=ascending]", timeout=5_000)


def test_a_link_to_a_check_opens_its_card(visit: Visit) -> None:
    page = visit("view")
    page.locator("nav a", has_text="preference-pairs").click()
    page.wait_for_selector("#preference-pairs > details[open]", state="attached", timeout=5_000)


@pytest.mark.parametrize("name", ["view", "hostile"])
@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_width_scrolls_sideways(visit: Visit, name: str, width: int) -> None:
    page = visit(name, width=width)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if width <= 360:  # nor does any part of it
        inner = page.evaluate("[...document.querySelectorAll('.wide')].map((e) => [e.scrollWidth, e.clientWidth])")
        assert all(scroll <= client for scroll, client in inner)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(visit: Visit, scheme: str) -> None:
    page = visit("view", scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    found = page.evaluate(CONTRAST)
    assert len(found) > 300
    assert [entry for entry in found if entry[0] < 4.5] == []


def test_the_theme_can_be_chosen_and_is_remembered(visit: Visit) -> None:
    page = visit("view", scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.locator("#theme").click()
    dark = page.evaluate(background)
    assert dark != light
    assert page.locator("#theme").get_attribute("aria-label") == "Light colours"
    assert min(entry[0] for entry in page.evaluate(CONTRAST)) >= 4.5
    page.reload()
    assert page.evaluate(background) == dark
    system = visit("view", scheme="dark")
    assert system.evaluate(background) == dark


def test_a_print_is_light_and_shows_every_card_that_measured_and_no_tools(visit: Visit) -> None:
    page = visit("view", scheme="dark", width=718)  # of A4 between margins of 1 cm
    page.emulate_media(media="print")
    tables = "[...document.querySelectorAll('table')].map((e) => getComputedStyle(e).display)"
    assert set(page.evaluate(tables)) == {"table"}  # and not the cards of a phone
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert min(entry[0] for entry in page.evaluate(CONTRAST)) >= 4.5
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    closed = page.locator(".card > details:not([open])")
    assert closed.count() == page.locator(".card.skipped").count() == 1
    assert not page.locator(".tools").first.is_visible()
    assert not page.locator("#theme").is_visible()
    assert page.locator("h1").is_visible()


def test_tables_are_tables_to_a_screen_reader_on_a_phone_too(visit: Visit) -> None:
    for width in (1280, 360):
        page = visit("view", width=width)
        card = page.locator("#near-duplicates")
        assert card.get_by_role("table", name="Metrics of near-duplicates").count() == 1
        assert card.get_by_role("rowheader", name="effective share").count() == 1
        assert card.get_by_role("searchbox", name="Search").count() == 1


def test_the_page_is_whole_without_script(browser: Browser, files: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files["view"].as_uri())
    assert page.locator("h1").inner_text() == "Do not train on this."
    assert page.locator("#near-duplicates .rows tbody tr").count() == 20
    assert not page.locator(".tools").first.is_visible()
    context.close()


def test_it_works_inside_a_notebook_s_sandbox(browser: Browser, files: dict[str, Path], tmp_path: Path) -> None:
    from html import escape

    outer = tmp_path / "outer.html"
    source = escape(files["view"].read_text(encoding="utf-8"), quote=True)
    outer.write_text(f'<iframe srcdoc="{source}" sandbox="allow-scripts" width="900" height="600"></iframe>')
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(outer.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#theme").click()
    assert frame.locator("#theme").get_attribute("aria-label") == "Light colours"
    frame.locator("#near-duplicates input").fill("no such row")
    assert frame.locator("#near-duplicates .rows tbody tr:visible").count() == 0
    assert errors == []
    context.close()
