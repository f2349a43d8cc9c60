"""Markdown for a pull request or a step summary. Whatever comes from the data is shown as written."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.model.result import Status
from auditor.reports import exhibits, tables, wording
from auditor.reports.escaping import markdown as escaped
from auditor.reports.examples import Example
from auditor.reports.section import Section
from auditor.reports.view import View

MARKS = {
    Status.PASS: "✅",
    Status.WARN: "⚠️",
    Status.FAIL: "❌",
    Status.ERROR: "💥",
    Status.MEASURED: "📏",
    Status.SKIPPED: "⏭️",
}
"""Always beside the word, never instead of it."""

EXAMPLES = 5
"""Findings shown a check: a comment is read, not searched."""


LIMIT = 60_000
"""Characters after which details are left out: GitHub refuses a comment of more than 65,536."""


def comment(view: View) -> str:
    """Verdict, a table of the checks, and the details of each that did not pass, folded."""
    about = view.record.dataset
    against = f", {escaped(view.against)}" if view.against else ""
    lines = [
        f"### {MARKS[view.tone]} {view.label}: {view.headline}",
        "",
        f"**{escaped(str(about['name']))}**: {view.summary}{against}.",
        *([f"**To do:** {view.advice}."] if view.advice else []),
        *([escaped(view.made, 300)] if view.made else []),
        *([escaped(view.caution, 300)] if view.caution else []),
        "",
        "| | Check | Result |",
        "| --- | --- | --- |",
        *map(_check, view.groups),
        "",
    ]
    written = sum(map(len, lines))
    for place, section in enumerate(view.bad):
        details = _details(section)
        written += sum(len(line) + 1 for line in details)
        if written > LIMIT:
            lines += [f"The details of {wording.count(len(view.bad) - place, 'more check')} are in report.html.", ""]
            break
        lines += details
    digest = str(about["digest"])
    lines.append(f"<sub>{digest[:19]}, policy {escaped(str(view.record.policy['name']))}, ")
    lines[-1] += f"auditor {escaped(str(view.record.tool['version']))}</sub>"
    return "\n".join(lines) + "\n"


def _check(sections: Sequence[Section]) -> str:
    """A line of the table: one check, or those that were skipped for one reason."""
    first, many = sections[0], len(sections)
    name = first.name if many == 1 else wording.count(many, "check")
    return f"| {MARKS[first.status]} {first.status.value.upper()} | {name} | {escaped(first.reason)} |"


def _details(section: Section) -> list[str]:
    lines = [f"<details><summary>{MARKS[section.status]} {section.name}</summary>", ""]
    if section.remarks:
        lines += [escaped(section.remarks, 600), ""]
    for aside in section.asides:
        lines += [escaped(aside, 600), ""]
    if section.remedy:
        lines += [f"**Fix:** {escaped(section.remedy, 600)}", ""]
    lines += [f"- From **{escaped(culprit.name, 80)}**: {escaped(culprit.words)}" for culprit in section.culprits[:5]]
    if section.culprits:
        lines.append("")
    for exhibit in section.exhibits:
        lines += [f"**{escaped(exhibit.title)}**", ""]
        header, cells, right = exhibits.table(exhibit, EXAMPLES)
        lines += [*tables.markdown_lines(header, cells, right), ""]
    shown = section.examples[:EXAMPLES]
    if shown:
        lines += ["| Row | Where | Fault | Seen |", "| ---: | --- | --- | --- |"]
        lines += [_row(example) for example in shown]
        if section.findings > len(shown):
            lines += ["", f"{len(shown)} of {section.findings:,} findings; all are in `findings.parquet`."]
        lines.append("")
    return [*lines, "</details>", ""]


def _row(example: Example) -> str:
    fault = " ".join(part for part in (example.label, example.score_words) if part)
    like = "" if example.related is None else f", like {example.noun} {example.related}"
    name, seen = escaped(example.name.removeprefix(f"{example.noun} "), 80), escaped(example.seen, 160)
    return f"| {name} | {escaped(example.place)} | {escaped(fault)}{like} | {seen} |"
