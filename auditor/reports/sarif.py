"""SARIF 2.1.0 (OASIS, 2020), for code scanning: a rule a check, a result a finding, at its file and line."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from auditor.core.check import Spec
from auditor.model.result import AUDITED, LINEAGE, Status
from auditor.reports.escaping import one_line, visible
from auditor.reports.examples import Example, relative
from auditor.reports.section import Section
from auditor.reports.view import View

if TYPE_CHECKING:
    from sarif_pydantic import sarif as s  # type: ignore[import-untyped]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warning"}


def log(view: View) -> str:
    """The log: for each check that failed or warned its verdict (at the first line of the dataset, with
    the totals), then at most `view.top` of its findings where they stand. Where nothing was judged the execution is
    not successful: no result is no pass."""
    from sarif_pydantic import sarif as s

    sections = sorted(view.sections, key=lambda section: section.name)
    rules = [_rule(view, section) for section in sections]
    results = [
        result
        for index, section in enumerate(sections)
        if section.status in _LEVELS
        for result in _results(view, section, index)
    ]
    driver = s.ToolDriver(name="auditor", version=view.record.tool["version"], rules=rules)
    finished = all(section.status is not Status.ERROR for section in sections) and not view.advice
    run = s.Run(
        tool=s.Tool(driver=driver),
        invocations=[s.Invocation(execution_successful=finished)],
        column_kind="unicodeCodePoints",
        results=results,
        properties={
            "dataset": visible(str(view.record.dataset["name"])),
            "digest": str(view.record.dataset["digest"]),
            "verdict": view.record.partial or view.record.verdict.value,
            "summary": f"{view.headline}: {view.summary}{f'. {view.advice}' if view.advice else ''}",
            "findings": {section.name: section.findings for section in sections},
        },
    )
    document = s.Sarif(**{"$schema": SCHEMA, "runs": [run]})
    content = document.model_dump(by_alias=True, exclude_none=True, mode="json")
    return json.dumps(content, ensure_ascii=True, indent=2) + "\n"


def _rule(view: View, section: Section) -> s.ReportingDescriptor:
    from sarif_pydantic import sarif as s

    spec = view.specs.get(section.name)
    told = view.docs.get(section.name) or section.title
    return s.ReportingDescriptor(
        id=section.name,
        name="".join(part.capitalize() for part in section.name.split("-")),
        short_description=s.Message(text=section.title),
        full_description=s.Message(text=told.partition("\n\n")[0].replace("\n", " ")),
        help=s.Message(text=_help(told, spec)),
        default_configuration=s.ReportingConfiguration(level=_LEVELS.get(section.status, "warning")),
        properties={"tags": ["data-quality"]},
    )


def _help(told: str, spec: Spec | None) -> str:
    measures = spec.measures if spec else ()
    prefix = f"{spec.prefix}." if spec else ""
    lines = [f"{prefix}{m.name} ({m.unit}): {m.what}" + (f" Remedy: {m.remedy}" if m.remedy else "") for m in measures]
    return "\n".join([told, "", *lines]).strip()


def _results(view: View, section: Section, index: int) -> list[s.Result]:
    from sarif_pydantic import sarif as s

    level = s.Level(_LEVELS[section.status])
    files = view.dataset.files
    shown = len(section.examples)
    cut = (
        f" {shown:,} of {section.findings:,} findings follow; all are in findings.parquet." if section.findings else ""
    )
    told = f"{one_line(section.reason, 1000)}.{cut}{_fix(section.remedy)}"
    results = []
    if files or section.examples:
        # A verdict is of the audited data or of its card, even where what it lacks stands in another file.
        own = (example.file for example in section.examples if example.whose in (AUDITED, LINEAGE))
        place = next(own, relative(str(files[0])) if files else section.examples[0].file)
        results.append(_result(section, index, level, told, place, 1, f"{section.name}:verdict"))
    for example in section.examples:
        words = _words(example)
        results.append(
            _result(section, index, level, words, example.file, example.line, f"{example.metric}:{example.id}")
        )
    return results


def _result(
    section: Section, index: int, level: s.Level, words: str, file: str, line: int | None, same: str
) -> s.Result:
    from sarif_pydantic import sarif as s

    where = s.PhysicalLocation(
        artifact_location=s.ArtifactLocation(uri=quote(file.encode("utf-8", "surrogateescape"), safe="/")),
        region=s.Region(start_line=max(1, line or 1)),
    )
    return s.Result(
        rule_id=section.name,
        rule_index=index,
        level=level,
        message=s.Message(text=_plain(words)),
        locations=[s.Location(physical_location=where)],
        partial_fingerprints={"auditor/v1": hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()[:32]},
    )


def _plain(words: str) -> str:
    """SARIF reads `[text](link)` and `{0}` in messages (sections 3.11.5 and 3.11.6): escape them."""
    return words.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace("{", "{{").replace("}", "}}")


def _words(example: Example) -> str:
    like = "" if example.related is None else f", like row {example.related}"
    score = f" ({example.score_words})" if example.score is not None else ""
    name = one_line(example.name, 80)
    # A row's name is ours; that of a model or a dataset is as its maker writes it.
    named = f"{name[:1].upper()}{name[1:]}" if example.whose != LINEAGE else name
    seen = _stopped(one_line(example.seen))
    return f"{named}: {example.label}{score}{like}.{f' {seen}' if seen else ''}{_fix(example.remedy)}"


def _stopped(words: str) -> str:
    """A sentence with a mark at its end."""
    return words if not words or words[-1] in ".!?…。！？" else f"{words}."


def _fix(remedy: str) -> str:
    return f" Fix: {_stopped(remedy)}" if remedy else ""
