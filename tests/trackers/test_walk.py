"""The lineage walked in a real browser, against a real `mlflow server`: by clicking alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from auditor import trackers
from auditor.registry import Workspace
from tests.trackers.cards import CARDS, PROMPT, graph
from tests.trackers.conftest import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

PAGE = "<!doctype html><title>lineage</title><p id='p'></p><script>p.append('drawn by its script')</script>"

PATIENCE = 90_000
"""Milliseconds: MLflow's page is 10 MB of script, and the machine may be busy."""


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1400, "height": 1100})
    context.set_default_timeout(PATIENCE)
    return context


def clicked(page: Page, link: str, pictures: Path, title: str) -> Page:
    """Where the link of that name in the description goes to: MLflow opens it in another tab."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name=link, exact=True).first.click()
    page.close()
    there = opened.value
    there.get_by_role("heading", name=title).first.wait_for()
    there.get_by_text("Description", exact=True).first.wait_for()
    there.screenshot(path=pictures / f"{title}.png")
    return there


def test_from_a_grandchild_to_its_seed_and_back(
    home: Workspace, server: Server, tabs: BrowserContext, tmp_path: Path
) -> None:
    """grown@1 -> made@1 -> seeds@1 -> made@1 -> its generator; and the page of the lineage beside them."""
    pictures = Path(os.environ.get("AUDITOR_PICTURES") or tmp_path)
    (home.root / "prompts").mkdir()
    (home.root / "prompts" / "grow.txt").write_text(PROMPT)
    for card in CARDS:
        run = trackers.publish_version(card, card.versions[0], graph(*CARDS), page=PAGE, uri=server.uri, workspace=home)
    page = tabs.new_page()
    outside: list[str] = []
    tabs.on("request", lambda r: None if r.url.startswith((server.uri, "data:", "blob:")) else outside.append(r.url))
    page.goto(f"{server.uri}/#/experiments")
    page.get_by_role("link", name="grown", exact=True).first.click()
    page.get_by_text("Model training").first.click()
    page.get_by_role("link", name="Runs").first.click()
    page.get_by_role("link", name="grown@1").first.click()
    page.get_by_role("heading", name="grown@1").first.wait_for()
    page.get_by_text("paraphrase").first.wait_for()
    page.screenshot(path=pictures / "grown@1.png")
    assert str(run) in page.url

    page = clicked(page, "made@1", pictures, "made@1")
    page = clicked(page, "seeds@1", pictures, "seeds@1")
    assert page.get_by_text("seeds@1").first.is_visible()
    page = clicked(page, "made@1", pictures, "made@1")
    page.get_by_text("Show more").click()
    page.get_by_role("columnheader", name="made from").scroll_into_view_if_needed()
    page.screenshot(path=pictures / "table.png")
    with tabs.expect_page() as opened:
        page.get_by_role("link", name="acme/big-model@2026-01-15").first.click()
    opened.value.get_by_text("2026-01-15").first.wait_for()
    opened.value.close()

    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_text("lineage.html").first.click()
    page.frame_locator("iframe").get_by_text("drawn by its script").wait_for()
    page.screenshot(path=pictures / "page.png")
    assert outside == []
