"""The lineage page in a real browser: chosen, searched, walked by keys, on a desk and on a phone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditor.model.graph import Edge, Graph, Node
from auditor.reports import lineage
from tests.reports.test_drawings import CHAIN, hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def large(count: int = 500) -> Graph:
    """A model with two hundred datasets, and chains from them."""
    chance = random.Random(1)
    nodes = {"model:m@1": Node("model:m@1", "model", "m", "1")}
    edges = []
    for n in range(count - 1):
        ident = f"dataset:d{n}@1"
        source = "model:m@1" if n < 200 else chance.choice([f"dataset:d{p}@1" for p in range(n - 100, n)])
        nodes[ident] = Node(ident, "dataset", f"d{n}", "1", data="synthetic", rows=n, status="current")
        edges.append(Edge(source, ident, "generator" if source.startswith("model") else "parent"))
    return Graph(nodes, tuple(edges))


PAGES = {"chain": (CHAIN, "dataset:more@1"), "hostile": (hostile(), "dataset:bad"), "large": (large(), "model:m@1")}


Visit = Callable[..., "Page"]


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """visit(name, width=…, scheme=…): the page; whatever it should not do is collected and refused."""
    sins: list[str] = []
    contexts = []

    def opened(name: str, width: int = 1280, scheme: Any = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: sins.append(message.text))
        page.on("pageerror", lambda error: sins.append(str(error)))
        page.on("dialog", lambda dialog: sins.append(dialog.message))
        page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or sins.append(asked.url))
        path = tmp_path / f"{name}.html"
        path.write_text(lineage(*PAGES[name], "html"), encoding="utf-8")
        page.goto(path.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert sins == []


def lit(page: Page) -> set[str]:
    return set(page.evaluate("[...document.querySelectorAll('.node.lit .name')].map((e) => e.textContent)"))


def test_a_click_tells_the_facts_and_lights_ancestors_and_descendants(visit: Visit) -> None:
    page = visit("chain")
    assert page.locator("aside").is_hidden()
    page.locator(".node", has_text="made@1").click()
    assert page.locator("aside h2").inner_text() == "made@1"
    assert "1,000" in page.locator("aside dl").inner_text()
    assert lit(page) == {"made@1", "seeds@1", "gpt@1", "more@1", "student@1"}
    page.locator("aside li button", has_text="seeds@1").click()
    assert page.locator("aside h2").inner_text() == "seeds@1"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("seeds@1")
    page.keyboard.press("Escape")
    assert page.locator("aside").is_hidden()
    assert lit(page) == set()


def test_a_frame_that_gets_its_size_later_shows_the_whole_picture_until_it_is_moved(visit: Visit) -> None:
    """As MLflow shows an artifact."""
    page = visit("chain", width=1)
    page.set_viewport_size({"width": 900, "height": 700})
    seen = "[...document.querySelectorAll('.node')].map((e) => e.getBoundingClientRect())"
    page.wait_for_function(f"{seen}.every((box) => box.left >= 0 && box.right <= 900 && box.width > 60)")
    page.mouse.move(450, 400)
    page.mouse.wheel(0, 240)
    moved = page.locator("#view").get_attribute("transform")
    page.set_viewport_size({"width": 1000, "height": 700})
    page.wait_for_timeout(200)
    assert page.locator("#view").get_attribute("transform") == moved


def test_keys_walk_the_graph(visit: Visit) -> None:
    page = visit("chain")
    page.keyboard.press("/")
    page.keyboard.type("student")
    page.keyboard.press("Enter")
    assert page.locator("aside h2").inner_text() == "student@1"
    for key, name in (
        ("ArrowLeft", "more@1"),
        ("ArrowLeft", "gpt@1"),
        ("ArrowDown", "seeds@1"),
        ("ArrowRight", "made@1"),
    ):
        page.keyboard.press(key)
        assert page.locator("aside h2").inner_text() == name


def test_search_says_what_it_found(visit: Visit) -> None:
    page = visit("chain")
    page.fill("#search", "synthetic ma")
    assert page.locator("#found li").all_inner_texts() == ["made@1 dataset"]
    page.fill("#search", "zebra")
    assert page.locator("#found").inner_text() == "nothing is called so"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_start_is_in_sight_and_legible(visit: Visit, name: str, width: int) -> None:
    page = visit(name, width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    start, place = page.locator(".node.start .box").bounding_box(), page.locator("#canvas").bounding_box()
    assert start
    assert place
    assert start["width"] > 120  # 208 at full size: letters of 8 px and more
    assert place["x"] <= start["x"]
    assert start["x"] + start["width"] <= place["x"] + place["width"]
    assert place["y"] <= start["y"]
    assert start["y"] + start["height"] <= place["y"] + place["height"]


def test_a_chosen_node_is_not_under_the_facts_of_a_phone(visit: Visit) -> None:
    page = visit("chain", 390)
    page.fill("#search", "student")
    page.keyboard.press("Enter")
    node, facts = page.locator(".node.here .box").bounding_box(), page.locator("aside").bounding_box()
    assert node
    assert facts
    assert node["y"] + node["height"] <= facts["y"]


def test_fit_shows_all_and_wheels_zoom(visit: Visit) -> None:
    page = visit("large")
    page.locator("#fit").click()
    place = page.locator("#canvas").bounding_box()
    assert place
    boxes = page.evaluate("[...document.querySelectorAll('.node')].map((e) => e.getBoundingClientRect().toJSON())")
    assert len(boxes) == 500
    assert all(place["x"] <= b["left"] and b["right"] <= place["x"] + place["width"] for b in boxes)
    assert all(place["y"] <= b["top"] and b["bottom"] <= place["y"] + place["height"] for b in boxes)
    before = boxes[0]["width"]
    page.mouse.move(640, 400)
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"document.querySelector('.node').getBoundingClientRect().width > {1.5 * before}")


def test_dragging_moves_and_chooses_nothing(visit: Visit) -> None:
    page = visit("chain")
    before = page.locator(".node.start").bounding_box()
    assert before
    page.mouse.move(before["x"] + 20, before["y"] + 20)
    page.mouse.down()
    page.mouse.move(before["x"] + 120, before["y"] + 70, steps=4)
    page.mouse.up()
    after = page.locator(".node.start").bounding_box()
    assert after
    assert (round(after["x"] - before["x"]), round(after["y"] - before["y"])) == (100, 50)
    assert page.locator("aside").is_hidden()


def test_both_schemes_and_the_switch(visit: Visit) -> None:
    page = visit("chain", scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.locator("#theme").click()
    assert page.evaluate(colour) != dark
    page.locator("#theme").click()
    assert page.evaluate(colour) == dark


def test_the_list_says_the_same(visit: Visit) -> None:
    page = visit("chain")
    page.locator(".list summary").click()
    rows = page.locator(".list tbody tr").all_inner_texts()
    assert len(rows) == len(CHAIN.nodes)
    assert any("made@1" in row and "seed: seeds@1" in row and "generator: gpt@1" in row for row in rows)


def test_hostile_names_run_nothing(visit: Visit) -> None:
    page = visit("hostile")
    page.locator(".node").first.click()
    page.locator("aside li button").first.click()
    assert "alert(1)" in page.locator("aside").inner_text()
    assert page.locator("aside script").count() == 0
