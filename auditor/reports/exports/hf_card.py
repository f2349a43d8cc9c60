"""A dataset card for the Hugging Face Hub: front matter that its search reads, and only recorded facts.

https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from auditor.core.verdict import by_check
from auditor.model.card import Source
from auditor.model.result import Status
from auditor.reports import wording
from auditor.reports.escaping import markdown
from auditor.reports.exports.subject import Subject, told
from auditor.reports.tables import markdown_lines

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)
"""`size_categories` of the Hub."""

_LICENCES = re.compile(
    r"apache-2\.0|mit|cc0-1\.0|cc-by-(?:[234]\.[05]|sa-[34]\.0|nc-[234]\.0|nd-4\.0|nc-(?:sa|nd)-[34]\.0)|odc-by|odbl|pddl|"
    r"bsd-[23]-clause|[al]?gpl-3\.0|openrail|cdla-(?:permissive-[12]\.0|sharing-1\.0)|mpl-2\.0|unlicense"
)
"""Identifiers that the Hub knows; any other licence is `other` with its name."""

_LONG = 400


def card(subject: Subject) -> str:
    """The card as Markdown with YAML front matter, ending in a line feed. Every recorded text is escaped."""
    front = yaml.safe_dump(_front(subject), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{front}---\n\n" + "\n".join(_body(subject)) + "\n"


def _front(subject: Subject) -> dict[str, Any]:
    about, version = subject.card, subject.version
    front: dict[str, Any] = {"pretty_name": about.name}
    if about.licence:
        known = _LICENCES.fullmatch(about.licence.lower())
        front["license"] = about.licence.lower() if known else "other"
        if not known:
            front["license_name"] = about.licence
    size = next((name for bound, name in _SIZES if version.rows < bound), "n>1B")
    tags = [about.kind, *([version.lineage.technique] if version.lineage.technique else []), "auditor"]
    front |= {"size_categories": [size], "tags": tags}
    if about.kind == "synthetic":
        front["annotations_creators"] = ["machine-generated"]
    return front


def _body(subject: Subject) -> Iterator[str]:
    about, version, lineage = subject.card, subject.version, subject.version.lineage
    yield f"# {markdown(about.name)}"
    yield ""
    yield markdown(subject.description, _LONG)
    yield ""
    facts = [
        ["Version", f"{version.version}, of {version.date:%Y-%m-%d}"],
        ["Kind", about.kind],
        ["Rows", f"{version.rows:,}"],
        ["Digest of its rows", version.digest],
        ["Owner", about.owner or ""],
        ["Purpose", about.purpose or ""],
        ["Licence", about.licence or ""],
        ["Terms of the generator", about.terms or ""],
        ["Supersedes", f"version {version.supersedes}" if version.supersedes is not None else ""],
        ["Expires", about.refresh.expires.isoformat() if about.refresh.expires else ""],
    ]
    yield from markdown_lines(["", ""], [row for row in facts if row[1]])
    yield ""
    yield "## How it was made"
    yield ""
    made = [
        *([["Technique", subject.method]] if subject.method else []),
        *(
            [
                "Generator",
                ", ".join(
                    filter(
                        None,
                        (
                            str(generator.model),
                            generator.provider,
                            *(f"{key} {value}" for key, value in generator.decoding.items()),
                            wording.count(generator.rows, "row") if generator.rows is not None else None,
                        ),
                    )
                ),
            ]
            for generator in lineage.generators
        ),
        *(["Prompt", f"{prompt.name}, {prompt.digest}"] for prompt in lineage.prompts),
        *(["Seeds", _source(source)] for source in lineage.seeds),
        *(["Parent", _source(source)] for source in lineage.parents),
        *(["Measured by", _source(source)] for source in lineage.evals),
        *(["Judge", str(judge)] for judge in lineage.judges),
        *(["People", person] for person in lineage.people),
        *([key, str(value)] for key, value in lineage.facts.items()),
    ]
    if made:
        yield from markdown_lines(["", ""], made)
    else:
        yield "Nothing is recorded of how it was made."
    yield ""
    yield from _checks(subject)


def _source(source: Source) -> str:
    rows = f", {wording.count(source.rows, 'row')}" if source.rows is not None else ""
    return f"{source}{rows}" + (f", {source.digest}" if source.digest else "")


def _checks(subject: Subject) -> Iterator[str]:
    yield "## Checks"
    yield ""
    record = subject.record
    if record is None:
        yield f"Verdict: **{markdown(subject.verdict.upper())}**." if subject.verdict else "It was not audited."
        return
    judgement = subject.version.verdict
    policy = markdown(judgement.policy if judgement else str(record.policy.get("name", "")))
    tool = markdown(f"{record.tool.get('name', '')} {record.tool.get('version', '')}")
    if subject.verdict:
        yield f"Verdict: **{markdown(subject.verdict.upper())}** under the policy {policy}, by {tool}."
    else:
        yield f"No verdict: it was audited in part alone, by {tool}."
    yield ""
    if subject.partial:
        yield f"What follows is of {markdown(subject.partial, _LONG)}."
        yield ""
    judged = [verdict for verdict in record.verdicts if verdict.metric is not None and verdict.expected is not None]
    rows = []
    for verdict in judged:
        metric = record.metrics.get(verdict.metric or "")
        if metric is not None:
            wanted = wording.expected_words(verdict.expected, metric.unit)
            value = wording.measured(metric, metric.unit)
            rows.append([verdict.metric or "", value, wanted, verdict.status.value])
    yield from markdown_lines(["Metric", "Value", "Wanted", "Verdict"], rows)
    at_fault = subject.judged(Status.FAIL, Status.WARN, Status.ERROR)
    if at_fault:
        yield ""
        yield "## Limits"
        yield ""
        for verdict in at_fault:
            yield f"- {markdown(told(verdict, record), _LONG)}"
    statuses = sorted(by_check(record.verdicts).items())
    for said, status in (("Measured but not judged", Status.MEASURED), ("Not measured", Status.SKIPPED)):
        names = [name for name, one in statuses if one is status]
        if names:
            yield ""
            yield f"{said}: {markdown(', '.join(names), _LONG)}."
