"""JUnit XML, for the test tab of any CI: a test case a check, and one more for each bound it broke."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from auditor.model.result import Status
from auditor.reports.decisions import Decision
from auditor.reports.escaping import one_line, xml
from auditor.reports.examples import Example
from auditor.reports.section import Section
from auditor.reports.view import View

if TYPE_CHECKING:
    from junitparser import TestCase


def document(view: View) -> str:
    """The document. ERROR is an `error`, FAIL a `failure`, SKIPPED and MEASURED are `skipped`: nothing was tested. WARN
    passes and says so in `system-out`, because JUnit knows no warning."""
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite(xml(f"auditor: {view.record.dataset['name']}"))
    for name, value in (
        ("auditor.version", view.record.tool["version"]),
        ("dataset.digest", view.record.dataset["digest"]),
        ("dataset.rows", view.record.dataset["rows"]),
        ("policy", view.record.policy["name"]),
        ("verdict", view.record.partial or view.record.verdict.value),
        ("summary", f"{view.headline}: {view.summary}{f'. {view.advice}' if view.advice else ''}"),
    ):
        suite.add_property(name, xml(str(value)))
    for section in sorted(view.sections, key=lambda s: s.name):
        suite.add_testcase(_check(section))
        for decision in section.decisions:
            if decision.status is Status.FAIL:
                suite.add_testcase(_metric(section, decision))
    report = JUnitXml("auditor")
    report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]
    written = io.BytesIO()
    report.write(written)
    return written.getvalue().decode() + "\n"


def _check(section: Section) -> TestCase:
    from junitparser import Error, Failure, Skipped, TestCase

    case = TestCase(section.name, "auditor.checks", section.seconds or 0.0)
    reason = xml(one_line(section.reason, 1000))
    if not section.status.judged:
        case.result = [Skipped(reason)]
    elif section.status is Status.ERROR:
        error = Error(reason, "error")
        error.text = xml(section.why)
        case.result = [error]
    elif section.status is Status.FAIL:
        failure = Failure(reason, "bound")
        failure.text = xml(_details(section))
        case.result = [failure]
    elif section.status is Status.WARN:
        case.system_out = xml(f"WARN {reason}\n{_details(section)}")
    return case


def _metric(section: Section, decision: Decision) -> TestCase:
    from junitparser import Failure, TestCase

    case = TestCase(xml(decision.metric.name), f"auditor.checks.{section.name}", 0.0)
    said = f"{decision.observed_words}, {decision.expected_words}"
    failure = Failure(xml(said), "bound")
    failure.text = xml("\n".join(part for part in (decision.what, decision.remarks, decision.remedy) if part))
    case.result = [failure]
    return case


def _details(section: Section) -> str:
    lines = [f"from {one_line(c.name, 80)}: {c.words}" for c in section.culprits[:3]]
    lines += [_line(example) for example in section.examples]
    if section.findings > len(section.examples):
        lines.append(f"{len(section.examples):,} of {section.findings:,} findings; all are in findings.parquet")
    if section.remedy:
        lines.append(f"fix: {section.remedy}")
    return "\n".join(lines)


def _line(example: Example) -> str:
    like = "" if example.related is None else f" like row {example.related}"
    return f"{one_line(example.place)} {one_line(example.name, 80)} {example.label}{like}: {one_line(example.seen)}"
