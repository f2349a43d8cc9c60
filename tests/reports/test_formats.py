"""JUnit, SARIF, GitHub and Markdown: read back by other software, whatever the rows hold."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from sarif_pydantic.sarif import Sarif

from auditor.model.errors import ConfigError
from auditor.model.result import Status, Verdict
from auditor.reports import FORMATS, markdown, render, summary
from auditor.reports import escaping as escape
from auditor.reports.view import View

TEXT = st.text(st.characters(codec=None), max_size=60)


def test_unknown_format_is_refused_with_a_suggestion(view: View) -> None:
    with pytest.raises(ConfigError, match="did you mean 'junit'"):
        render("junits", view)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_utf8_and_ends_its_last_line(name: str, hostile: View) -> None:
    written = render(name, hostile)
    assert written.encode("utf-8")
    assert written.endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_an_error_is_an_error_in_every_format(name: str, view: View) -> None:
    record = view.record
    broken = Verdict("repetition", None, Status.ERROR, None, None, "ZeroDivisionError: by zero (flag, line 3)")
    checks = tuple({**c, "status": "error"} if c["name"] == "repetition" else c for c in record.checks)
    verdicts = (*(v for v in record.verdicts if v.check != "repetition"), broken)
    view = replace(view, record=replace(record, checks=checks, verdicts=verdicts, verdict=Status.ERROR))
    written = render(name, view)
    assert "ZeroDivisionError" in written
    assert "error" in written.lower()


# --- JUnit


def test_junit_has_a_case_a_check_and_one_a_broken_bound(view: View) -> None:
    suite = next(iter(JUnitXml.fromstring(render("junit", view).encode())))
    cases = {case.name: case for case in suite}
    checks = {section.name: section for section in view.sections}
    broken = {v.metric for v in view.record.verdicts if v.status is Status.FAIL}
    assert set(cases) == set(checks) | broken
    kinds = {
        Status.FAIL: [Failure],
        Status.MEASURED: [Skipped],
        Status.SKIPPED: [Skipped],
        Status.ERROR: [Error],
    }
    for name, section in checks.items():
        assert [type(result) for result in cases[name].result] == kinds.get(section.status, [])
    assert cases["repetition"].system_out.startswith("WARN rate 0.83%")
    assert (suite.tests, suite.failures, suite.skipped) == (len(cases), 3 + len(broken), 2)


def test_junit_is_readable_whatever_the_rows_hold(hostile: View) -> None:
    root = ET.fromstring(render("junit", hostile))
    told = "".join(root.itertext())
    assert "<script>alert(1)</script>" in told  # as text
    assert "\\x1b[31m" in told
    assert root.find(".//script") is None


@given(TEXT)
def test_xml_holds_any_text(text: str) -> None:
    element = ET.Element("a")
    element.text = escape.xml(text)
    ET.fromstring(ET.tostring(element, encoding="utf-8"))


# --- SARIF


def sarif(view: View) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(render("sarif", view))
    Sarif.model_validate(seen)
    assert seen["version"] == "2.1.0"
    return seen["runs"][0]


def test_sarif_has_a_rule_a_check_with_help_from_its_docstring(view: View) -> None:
    run = sarif(replace(view, docs={"repetition": "Text that goes round.\n\nIt matters because it does."}))
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert set(rules) == set(view.specs)
    assert rules["repetition"]["help"]["text"].startswith("Text that goes round.\n\nIt matters")
    assert rules["repetition"]["fullDescription"]["text"] == "Text that goes round."
    assert "near_duplicates.rate (share)" in rules["near-duplicates"]["help"]["text"]


@pytest.mark.parametrize("top", [0, 5])
def test_sarif_results_stand_at_their_lines_with_the_level_of_their_status(view: View, top: int) -> None:
    view = replace(view, top=top)
    run = sarif(view)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        by_rule.setdefault(result["ruleId"], []).append(result)
    for section in view.bad:
        verdict, *findings = by_rule.pop(section.name)
        assert verdict["level"] == ("warning" if section.status is Status.WARN else "error")
        assert f"of {section.findings:,} findings" in verdict["message"]["text"]
        lines = [f["locations"][0]["physicalLocation"]["region"]["startLine"] for f in findings]
        assert lines == [example.line for example in section.examples]
        assert len(findings) <= top
    assert by_rule == {}
    prints = [result["partialFingerprints"]["auditor/v1"] for result in run["results"]]
    assert len(prints) == len(set(prints))


def test_sarif_places_are_relative_uris_and_messages_hold_no_links(hostile: View) -> None:
    run = sarif(hostile)
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9%._~/-]+", uri)
        assert not re.search(r"(?<!\\)\[[^\]]*(?<!\\)\]\(", result["message"]["text"])


# --- GitHub


def parse(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it (actions/runner, ActionCommand.cs)."""
    match = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
    assert match, line
    unescape = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}
    plain = lambda s: re.sub("%25|%0D|%0A|%3A|%2C", lambda m: unescape[m[0]], s)  # noqa: E731
    properties = dict(part.split("=", 1) for part in match[2].split(","))
    return match[1], {key: plain(value) for key, value in properties.items()}, plain(match[3])


def test_sarif_messages_are_sentences(view: View) -> None:
    (run,) = json.loads(render("sarif", view))["runs"]
    for result in run["results"]:
        text = result["message"]["text"]
        assert not re.search(r"\.\. |  |\u2026\. ", text), text
        before, fix, remedy = text.partition(" Fix: ")
        assert not fix or (before[-1] in ".!?\u2026" and remedy.endswith("."))
    assert any(" Fix: " in result["message"]["text"] for result in run["results"])


@pytest.mark.parametrize("which", ["view", "hostile"])
def test_github_shows_ten_a_level_each_check_first(which: str, request: pytest.FixtureRequest) -> None:
    view: View = request.getfixturevalue(which)
    *commands, verdict = render("github", view).splitlines()
    parsed = [parse(line) for line in commands]
    levels = [level for level, _, _ in parsed]
    assert levels.count("error") <= 10
    assert levels.count("warning") <= 10
    assert [properties["title"] for _, properties, _ in parsed][: len(view.bad)] == [
        f"auditor: {section.name}" for section in view.bad
    ]
    assert verdict.startswith("FAIL Do not train on this")


def test_github_annotations_point_to_lines(view: View) -> None:
    first = parse(render("github", view).splitlines()[0])
    example = view.sections[0].examples[0]
    assert first[1] == {"file": "data.jsonl", "line": str(example.line), "title": "auditor: near-duplicates"}
    assert "rate 11.5% (69 of 600), at most 5%" in first[2]


@given(TEXT, TEXT)
def test_github_escapes_are_undone_by_the_runner(title: str, message: str) -> None:
    line = f"::error title={escape.command_property(title)}::{escape.command_value(message)}"
    if not any(c in title + message for c in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
        assert len(line.splitlines()) == 1
    assert parse(line)[1:] == ({"title": title}, message)


# --- Markdown


def test_summary_is_the_comment(view: View) -> None:
    assert summary(view) == render("markdown", view)
    assert "### ❌ FAIL: Do not train on this" in summary(view)


def test_markdown_tables_keep_their_columns(hostile: View) -> None:
    wide = 0
    for line in render("markdown", hostile).splitlines():
        if line.startswith("|"):
            wide += 1
            assert len(re.findall(r"(?<!\\)\|", line)) in (3, 4, 5)
    assert wide > 20


def test_markdown_of_hostile_rows_is_text(hostile: View) -> None:
    written = render("markdown", hostile)
    ours = re.sub(r"</?(?:details|summary|sub)>", "", written)
    assert "<" not in ours
    assert not re.search(r"@\w", written)
    assert not re.search(r"https?://", written)
    assert not re.search(r"(?<!\\)\]\(", written)


def test_a_comment_stays_within_what_github_takes(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    assert markdown.LIMIT < 65_536
    whole = render("markdown", view)
    monkeypatch.setattr(markdown, "LIMIT", 2_750)
    cut = render("markdown", view)
    assert len(cut) < 2_950 < len(whole)
    assert "The details of 3 more checks are in report.html." in cut
    assert cut.count("<details>") == 1


@given(TEXT)
def test_markdown_never_breaks_the_line(text: str) -> None:
    assert len(escape.markdown(text).splitlines()) <= 1


# --- what all of them stand on


@given(TEXT)
def test_visible_text_is_printable_and_plain_text_stays(text: str) -> None:
    shown = escape.visible(text)
    assert all(c.isprintable() or c in "\u200c\u200d" or c.isspace() for c in shown)
    assert not any(c in shown for c in "\x1b\n\r\t\u202e\u2066\u2028\ud800")
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize("text", ["naïve café", "日本語　全角", "ไทย", "العربية", "👩‍👩‍👧‍👦 family", "می‌خواهم"])
def test_people_s_text_is_left_alone(text: str) -> None:
    assert escape.visible(text) == text
