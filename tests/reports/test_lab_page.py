"""Pages of the lab of judges in a real browser: hostile names run nothing, in light and dark, on a phone and a desk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor import comparing_judges, fakes
from auditor.model.lab import Card, Family
from auditor.model.result import Metric, Status
from auditor.reports import judge_card, lineup
from tests.reports.test_browser import CONTRAST

HOSTILE = "<img src=x onerror=alert(1)></style><script>alert(2)</script>{{7*7}}\x1b[31m"


def compared() -> str:
    given = [
        {
            "item": f"q{n} {HOSTILE}", "a": "m", "b": "n", "first": first, "judge": judge, "prompt": f"p {HOSTILE}",
            "verdict": "a" if (n + len(judge)) % 3 else first, "output_a": "w " * (n % 9 + 1), "output_b": "w " * 4,
            "tokens_in": 100, "tokens_out": 1, "cost": 0.001 * len(judge),
        }
        for n in range(30) for first in "ab" for judge in (f"one {HOSTILE}", "other", "a third")
    ]  # fmt: skip
    return lineup.render(comparing_judges.compare(fakes.verdicts(given)), "html")


def card() -> str:
    families = tuple(
        Family(status.value, f"{status.value} {HOSTILE}", 5, 3, 2, 1,
               Metric("probes.x", 0.6, "share", 5, low=0.2, high=0.9), status, ">= 0.8", f"use {HOSTILE}")
        for status in Status
    )  # fmt: skip
    first = Metric("first_rate", 0.5, "share", 10, low=0.3, high=0.7)
    made = Card(f"j {HOSTILE}", HOSTILE, "p@1", 10, families, first, 1000, 0.01, Status.FAIL, 1, (HOSTILE,))
    return judge_card.render(made, "html")


@pytest.mark.browser
def test_in_a_browser(browser: Any, tmp_path: Path) -> None:
    sins: list[str] = []

    def refused(dialog: Any) -> None:
        sins.append(dialog.message)
        dialog.dismiss()

    for name, content in (("compared", compared()), ("card", card())):
        file = tmp_path / f"{name}.html"
        file.write_text(content, encoding="utf-8")
        for scheme, width in (("light", 1280), ("dark", 390)):
            looks: Any = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
            page = browser.new_page(**looks)
            page.on("dialog", refused)
            page.on("console", lambda message: sins.append(message.text))
            page.on("request", lambda request: None if request.url[:4] in ("file", "data") else sins.append("net"))
            page.goto(file.as_uri())
            page.wait_for_timeout(100)
            assert page.evaluate("document.scripts.length") == 1
            assert page.evaluate("document.querySelectorAll('img, iframe, [onerror], [style]').length") == 0
            told = page.inner_text("main")
            assert "<img src=x onerror=alert(1)></style><script>" in told
            assert "{{7*7}}\\x1b[31m" in told
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            low = [(round(ratio, 2), where) for ratio, where in page.evaluate(CONTRAST) if ratio < 4.5]
            assert not low, f"{name}, {scheme}: {low[:5]}"
            page.close()
    assert sins == []


def test_pictures_have_a_title_and_no_markup_of_strangers() -> None:
    page = compared()
    assert page.count("<svg") == page.count('role="img"') == 4
    assert "<img" not in page
    assert "\x1b" not in page + card()
