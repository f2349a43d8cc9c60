"""What is said of an audit to a tracker: plain data, so that it can wait on disk and be sent later."""

from __future__ import annotations

import hashlib
import html
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from auditor.model.result import Record, Status

RECORD = "audit.json"

ARTIFACTS = (RECORD, "report.html", "findings.parquet")
"""What goes along. Features and quarantined lines are raw data in bulk: they stay in the workspace."""

FIGURES = (".svg", ".png")

LONGEST = 500
"""Characters of a parameter: what every MLflow server has accepted since 1.0 (newer ones take 6,000)."""

EXPLAINED = 25
"""Failed checks in the description; the rest is a line. The report has them all."""

_KEY = re.compile(r"[^\w\-./ ]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Publication:
    """One audit, as a tracker sees it.

    digest: SHA-256 of the record's bytes, the run block included: the same audit published twice is
    one run, the same data audited twice is two. started, ended: milliseconds since 1970. dataset:
    name, digest, rows, format, files, fields. artifacts: file name -> folder in the run.
    """

    digest: str
    experiment: str
    name: str
    started: int
    ended: int
    description: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    dataset: Mapping[str, Any]
    artifacts: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, text: str) -> Publication:
        """Raises ValueError where the text is not that of `to_dict`."""
        try:
            seen = json.loads(text)
            made = cls(**seen)
        except (TypeError, RecursionError) as error:
            raise ValueError(f"not a publication: {error}") from error
        texts = (made.digest, made.experiment, made.name, made.description)
        tables = (made.parameters, made.metrics, made.tags, made.dataset, made.artifacts)
        whole = (
            all(isinstance(value, str) for value in texts)
            and all(isinstance(value, dict) for value in tables)
            and all(isinstance(value, int) for value in (made.started, made.ended))
            and all(Path(name).name == name for name in made.artifacts)
        )
        if not whole:
            raise ValueError("not a publication: a field is of the wrong kind")
        return made


def describe(record: Record, files: Mapping[str, Path], experiment: str) -> Publication:
    """The record as parameters, metrics, tags and words. Reads `audit.json` among `files` for its digest."""
    dataset, run = record.dataset, record.run
    digest = hashlib.sha256(files[RECORD].read_bytes()).hexdigest()
    started = _milliseconds(run.get("started"))
    short = str(dataset["digest"]).split(":")[-1]
    return Publication(
        digest=digest,
        experiment=experiment,
        name=f"{dataset['name']} @ {short[:12]}",
        started=started,
        ended=started + round(1000 * float(run.get("seconds", 0.0))),
        description=_description(record),
        parameters=_parameters(record),
        metrics={
            _key(name): float(metric.value)
            for name, metric in sorted(record.metrics.items())
            if metric.value is not None and math.isfinite(metric.value)
        },
        tags=_tags(record),
        dataset={
            # MLflow keeps 36 characters of a digest; the tag `auditor.dataset.digest` has all of it.
            "name": str(dataset["name"]),
            "digest": short[:36],
            "rows": int(dataset["rows"]),
            "format": str(dataset.get("format", "")),
            "files": [str(file) for file in dataset.get("files", ())][:100],
            "fields": {str(name): str(kind) for name, kind in dict(dataset.get("fields", {})).items()},
        },
        artifacts={name: "" for name in ARTIFACTS if name in files}
        | {name: "figures" for name in sorted(files) if name.lower().endswith(FIGURES)},
    )


def _milliseconds(started: object) -> int:
    import datetime as dt

    try:
        return round(dt.datetime.fromisoformat(str(started)).timestamp() * 1000)
    except ValueError:
        return 0


def _key(name: str) -> str:
    """A name that MLflow takes: word characters, - . / and spaces, at most 250."""
    return _KEY.sub("-", name)[:250]


def _cut(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _parameters(record: Record) -> dict[str, str]:
    given = {
        "policy": str(record.policy.get("name", "")),
        "format": str(record.dataset.get("format", "")),
        "by": ", ".join(map(str, record.dataset.get("by", ()))),
    }
    for check in record.checks:
        for name, value in check["parameters"].items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
            given[f"{check['name']}.{name}"] = text
    return {_key(name): _cut(text) for name, text in given.items()}


def _tags(record: Record) -> dict[str, str]:
    tags = {
        "auditor.verdict": record.verdict.value,
        "auditor.version": str(record.tool.get("version", "")),
        "auditor.dataset": str(record.dataset["name"]),
        "auditor.dataset.digest": str(record.dataset["digest"]),
        "auditor.policy": str(record.policy.get("name", "")),
        "auditor.policy.digest": str(record.policy.get("digest", "")),
    }
    tags |= {f"auditor.verdict.{check['name']}": str(check["status"]) for check in record.checks}
    return {_key(name): _cut(text) for name, text in tags.items()}


def _description(record: Record) -> str:
    """Markdown for the run's page: the verdict, and a table of what failed."""
    dataset = record.dataset
    name, policy = _cell(str(dataset["name"])), _cell(str(record.policy.get("name", "")))
    lines = [f"**{record.verdict.value.upper()}**: {name}, {int(dataset['rows']):,} rows, policy {policy}", ""]
    bad = [v for v in record.verdicts if v.status.gravity > Status.SKIPPED.gravity]
    bad.sort(key=lambda v: -v.status.gravity)
    if bad:
        lines += ["| status | check | metric | observed | expected | why |", "| --- | --- | --- | --- | --- | --- |"]
        for v in bad[:EXPLAINED]:
            observed = "" if v.observed is None else f"{v.observed:.4g}"
            cells = [v.status.value.upper(), v.check, v.metric or "", observed, v.expected or "", v.why]
            lines.append("| " + " | ".join(_cell(_cut(cell, 200)) for cell in cells) + " |")
        if len(bad) > EXPLAINED:
            lines.append(f"\n… and {len(bad) - EXPLAINED} more in `report.html`.")
    else:
        lines.append("Every check that ran is within its bounds.")
    skipped = [v.check for v in record.verdicts if v.status is Status.SKIPPED]
    if skipped:
        lines += ["", "Skipped: " + ", ".join(_cell(name) for name in dict.fromkeys(skipped))]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text of anyone as the text of one Markdown table cell: no markup, no HTML, no second line."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return html.escape(re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", flat), quote=False)
