"""The report as a document: one file, strict policy, everything told, nothing of the data's making."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from auditor.model.errors import ConfigError
from auditor.model.result import LINEAGE
from auditor.reports import dashboards, render
from auditor.reports.view import View

VOID = {"wbr", "meta", "link", "br", "input"}


class Page(HTMLParser):
    """Elements, their attributes and the text of a document; refuses wrong nesting."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.text: list[str] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in self.raw:
            self.raw[self.open[-1]].append(data)
        else:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module", params=["view", "hostile"])
def page(request: pytest.FixtureRequest) -> Page:
    view: View = request.getfixturevalue(request.param)
    return Page(render("html", view))


def test_the_policy_allows_this_style_and_script_and_nothing_else(page: Page) -> None:
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    def source(tag: str) -> str:
        assert len(page.raw[tag]) == 1
        return f"'sha256-{base64.b64encode(hashlib.sha256(page.raw[tag][0].encode()).digest()).decode()}'"

    assert rules == {
        "default-src": "'none'",
        "style-src": source("style"),
        "script-src": source("script"),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_is_fetched_and_nothing_of_the_data_is_code(page: Page) -> None:
    assert len(page.all("script")) == len(page.all("style")) == 1
    for tag, attributes in page.elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "foreignobject"}
        for key, value in attributes.items():
            assert not key.startswith("on"), (tag, key)
            assert key not in {"style", "src", "srcset", "action", "formaction"}, (tag, key)
            if key.endswith("href"):
                assert value is not None
                assert value.startswith("#") or value == "data:,"


def test_every_id_is_single_and_every_reference_has_its_target(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for key in ("aria-labelledby", "for"):
            if attributes.get(key):
                assert attributes[key] in ids
        target = attributes.get("href") or ""
        if target.startswith("#") and len(target) > 1:
            assert target[1:] in ids


def test_headings_tables_and_pictures_are_named(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("table")) == len(page.all("caption"))
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("role") == "img"
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("a")[0]["class"] == "skip"


def test_verdict_first_then_failed_checks_then_facts(view: View) -> None:
    source = render("html", view)
    order = [
        "Do not train on this.",
        'class="because"',
        'id="near-duplicates"',
        'id="record-integrity"',
        'id="repetition"',
        'id="exact-duplicates"',
        'id="preference-pairs"',
        'id="facts"',
        "quarantine.jsonl",
        "auditor audit data.jsonl",
    ]
    places = [source.index(part) for part in order]
    assert places == sorted(places)
    assert "12 of 86" in render("html", replace(view, top=12))


def test_differences_of_a_pair_are_marked(view: View) -> None:
    source = render("html", view)
    assert "<mark>photosynthesis</mark>" in source
    assert "<mark>the water cycle</mark>" in source


def test_hostile_text_is_shown_as_text(hostile: View) -> None:
    told = "".join(Page(render("html", hostile)).text)
    for attack in ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "{{7*7}} {% for x in () %}"):
        assert attack in told
    assert not set("\u202e\u2066\x1b\x00\x07") & set(told)
    assert "\\u202egnp.exe" in told
    assert "--mlflow-uri" in told


def test_a_huge_row_does_not_swell_the_report(hostile: View) -> None:
    assert max(len(a["text"]) for a in hostile.dataset.take([14], ["text"]).to_pylist()) > 500_000
    assert len(render("html", hostile)) < 2_000_000


def test_a_report_is_quick(view: View) -> None:
    render("html", view)  # the first pays for importing matplotlib and jinja2
    begun = time.process_time()
    render("html", view)
    assert time.process_time() - begun < 1


def test_a_workspace_s_own_files_stand_before_ours(view: View, tmp_path: Path) -> None:
    own = tmp_path / "dashboards"
    own.mkdir()
    (own / "report.css").write_text("body { color: rebeccapurple }\r\n", encoding="utf-8", newline="")
    source = render("html", replace(view, dashboards=own))
    assert "rebeccapurple" in source
    page = Page(source)
    assert hashlib.sha256(page.raw["style"][0].encode()).digest() in [
        base64.b64decode(found) for found in re.findall(r"sha256-([A-Za-z0-9+/=]+)", source)
    ]
    (own / "report.html.j2").write_text("<p>{{ view.headline }} {{ ''.__class__ }}</p>", encoding="utf-8")
    assert render("html", replace(view, dashboards=own)) == "<p>Do not train on this </p>"
    assert render("html", replace(view, dashboards=tmp_path / "absent")) == render("html", view)


@pytest.mark.parametrize("sin", ["</style>", "</SCRIPT >", "<!--"])
def test_a_style_that_would_leave_its_element_is_refused(view: View, tmp_path: Path, sin: str) -> None:
    (tmp_path / "report.css").write_text(f"/* {sin} */", encoding="utf-8")
    with pytest.raises(ConfigError, match="closing tag"):
        render("html", replace(view, dashboards=tmp_path))


def test_our_files_are_where_the_wheel_and_the_checkout_have_them() -> None:
    assert {"report.html.j2", "report.css", "report.js", "auditor.mplstyle"} <= {
        path.name for path in dashboards.shipped().iterdir()
    }


def test_checks_skipped_for_one_reason_are_told_together_and_linked_one_by_one(view: View) -> None:
    names = [section.name for section in view.sections][-4:]
    why = "needs 'real': give real data to compare with: --real FILE"
    checks = tuple(
        {**check, "status": "skipped", "why": why if check["name"] in names[1:] else "something else"}
        if check["name"] in names
        else check
        for check in view.record.checks
    )
    left = replace(view, record=replace(view.record, checks=checks, verdicts=()))
    page = Page(render("html", left))
    text = " ".join(page.text)
    assert text.count(why) == 1
    assert text.count("3 checks") == 2  # its card and its link
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {section.name for section in view.sections} <= set(ids)
    links = {str(attributes.get("href")).removeprefix("#") for attributes in page.all("a")}
    assert links <= set(ids)
    assert render("markdown", left).count("| ⏭️ SKIPPED | 3 checks |") == 1
    assert [len(group) for group in left.groups if len(group) > 1] == [3]


def test_names_break_between_their_parts_and_long_words_anywhere() -> None:
    assert dashboards._names("lineage") == "lineage"
    assert dashboards._names("dataset:sft_v3/a.jsonl") == "dataset:<wbr>sft_<wbr>v3/<wbr>a.<wbr>jsonl"
    assert dashboards._names("0.05 is - <b>") == "0.05 is - &lt;b&gt;"
    assert dashboards._names("x" * 30 + " y") == f'<span class="long">{"x" * 30}</span> y'


def test_what_is_of_the_rows_as_a_whole_has_no_row_and_no_place(view: View) -> None:
    section = view.bad[0]
    found = replace(section.examples[0], row=None, related=None, related_dataset="this version", whose=LINEAGE)
    made = replace(section, examples=(found,), of_lineage=False)
    assert made.found("row") == "Found in the rows as a whole"
    assert replace(made, of_lineage=True).found("row") == "Faults of the lineage"
    assert found.name == "this version"
    fresh = View(view.record, view.findings, view.dataset, view.specs)
    fresh.__dict__["sections"] = (made,)
    fresh.__dict__["counts"] = view.counts
    heads = re.findall(r"<th scope=\"col\"[^>]*data-sort[^>]*>([^<]*)</th>", render("html", fresh))
    assert heads in (["Score", "generator", "Seen"], ["Score", "Seen"])
