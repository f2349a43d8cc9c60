"""An MLflow run as plain data, so that it can wait on disk and be sent later; and an audit as such a run."""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from auditor.core.verdict import by_check
from auditor.model.result import Record, Status
from auditor.trackers.notes import cell, cut, head, row

RECORD = "audit.json"

STAYS = ("features.parquet", "quarantine.jsonl")
"""Raw data in bulk: of the files of an audit, these stay in the workspace."""

FIGURES = (".svg", ".png")

SOURCE_TYPE = "auditor"
"""Of the source of every input: MLflow reads it back with `auditor.mlflow_source.AuditorSource`."""

LONGEST = 500
"""Characters of a parameter: what every MLflow server has accepted since 1.0 (newer ones take 6,000)."""

PARTIAL = "partial"
"""Instead of a verdict, of an audit that was told to run some of the checks alone."""

EXPLAINED = 25
"""Failed checks in the description; the rest is a line. The report has them all."""

_KEY = re.compile(r"[^\w\-./ ]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Publication:
    """One run, as a tracker sees it.

    digest: what it is known by; the same audit published twice is one run, the same data audited twice
    is two; a version, or the same answers of judges, is one run however often it is told. started,
    ended: milliseconds since 1970. inputs: {name, digest, rows, context, fields, source} each. artifacts:
    file name -> folder in the run.

    version: `NAME@VERSION` where the dataset is registered. Of the run of a version itself: sources and
    children ({ref, digest, role, …}: runs to link with where they are), prompts ({name, digest, text,
    version}) and models ({name, revision, role}) to be had in the registries.
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
    inputs: Sequence[Mapping[str, Any]]
    artifacts: Mapping[str, str]
    kind: Literal["audit", "version", "judging"] = "audit"
    version: str | None = None
    sources: Sequence[Mapping[str, Any]] = ()
    children: Sequence[Mapping[str, Any]] = ()
    prompts: Sequence[Mapping[str, Any]] = ()
    models: Sequence[Mapping[str, Any]] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, seen: Mapping[str, Any]) -> Publication:
        """Raises ValueError where it is not what `to_dict` makes, here or in 0.1.0 (one input, the audited)."""
        try:
            if "dataset" in seen:
                old = dict(seen["dataset"])
                source = {key: old[key] for key in ("name", "format", "files")}
                seen = {key: value for key, value in seen.items() if key != "dataset"}
                seen["inputs"] = [{**old, "context": "audit", "source": source}]
            made = cls(**seen)
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a publication: {error}") from error
        texts = (made.digest, made.experiment, made.name, made.description, made.kind)
        tables = (made.parameters, made.metrics, made.tags, made.artifacts)
        lists = (made.inputs, made.sources, made.children, made.prompts, made.models)
        whole = (
            all(isinstance(value, str) for value in texts)
            and all(isinstance(value, dict) for value in tables)
            and all(isinstance(value, list | tuple) and all(isinstance(v, dict) for v in value) for value in lists)
            and all(isinstance(value, int) for value in (made.started, made.ended))
            and all(Path(name).name == name for name in made.artifacts)
        )
        if not whole:
            raise ValueError("not a publication: a field is of the wrong kind")
        return made


def describe(
    record: Record, files: Mapping[str, Path], experiment: str, fields: Mapping[str, str] | None = None
) -> Publication:
    """The record as parameters, metrics, tags and words. Reads `audit.json` among `files` for its digest. fields: of
    the records that were audited, as `Dataset.schema`."""
    dataset, run = record.dataset, record.run
    digest = hashlib.sha256(files[RECORD].read_bytes()).hexdigest()
    started = milliseconds(run.get("started"))
    short = str(dataset["digest"]).split(":")[-1]
    version = str(dataset["version"]) if dataset.get("version") else None
    return Publication(
        digest=digest,
        experiment=experiment,
        name=f"{dataset['name']} @ {short[:12]}",
        started=started,
        ended=started + round(1000 * float(run.get("seconds", 0.0))),
        description=_description(record),
        parameters=_parameters(record),
        metrics={
            key(name): float(metric.value)
            for name, metric in sorted(record.metrics.items())
            if metric.value is not None and math.isfinite(metric.value)
        },
        tags=_tags(record),
        inputs=[
            entry(
                str(dataset["name"]),
                str(dataset["digest"]),
                int(dataset["rows"]),
                "audit",
                fields=fields,
                about={
                    "format": str(dataset.get("format", "")),
                    "files": [str(file) for file in dataset.get("files", ())][:100],
                },
                ref=version,
            )
        ],
        artifacts={
            name: "figures" if name.lower().endswith(FIGURES) else "" for name in sorted(files) if name not in STAYS
        },
        version=version,
    )


def entry(
    name: str, digest: str, rows: int | None, context: str, *,
    fields: Mapping[str, str] | None = None, about: Mapping[str, Any] | None = None, ref: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A dataset as an input of a run. MLflow keeps 36 characters of a digest; the source has all of it."""
    source = {"name": name, **({"ref": ref} if ref else {}), "digest": digest, **(about or {})}
    short = digest.rsplit(":", maxsplit=1)[-1][:36]
    return {"name": name, "digest": short, "rows": rows, "context": context, "fields": fields or {}, "source": source}


def milliseconds(started: object) -> int:
    """Since 1970, of an ISO time; 0 where it is none."""
    import datetime as dt

    try:
        return round(dt.datetime.fromisoformat(str(started)).timestamp() * 1000)
    except ValueError:
        return 0


def key(name: str) -> str:
    """A name that MLflow takes: word characters, - . / and spaces, at most 250, and no path but its own."""
    clean = _KEY.sub("-", name)[:250].strip() or "-"
    own = posixpath.normpath(clean) == clean and not clean.startswith(("/", ".."))
    return clean if own and clean != "." else clean.replace("/", "-").replace(".", "-")


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
    return {key(name): cut(text, LONGEST) for name, text in given.items()}


def _tags(record: Record) -> dict[str, str]:
    tags = {
        "auditor.run": "audit",
        "auditor.verdict": record.whole or PARTIAL,
        "auditor.version": str(record.tool.get("version", "")),
        "auditor.dataset": str(record.dataset["name"]),
        "auditor.dataset.digest": str(record.dataset["digest"]),
        "auditor.policy": str(record.policy.get("name", "")),
        "auditor.policy.digest": str(record.policy.get("digest", "")),
    }
    if record.dataset.get("version"):
        tags["auditor.dataset.version"] = str(record.dataset["version"]).rpartition("@")[2]
    if record.partial:
        tags["auditor.partial"] = f"{record.verdict.value}, {record.extent}"
    tags |= {f"auditor.verdict.{check['name']}": str(check["status"]) for check in record.checks}
    return {key(name): cut(text, LONGEST) for name, text in tags.items()}


def _description(record: Record) -> str:
    """Markdown for the run's page: the verdict, and a table of what failed."""
    dataset = record.dataset
    name, policy = cell(str(dataset["name"])), cell(str(record.policy.get("name", "")))
    said = (record.whole or PARTIAL).upper()
    lines = [f"**{said}**: {name}, {int(dataset['rows']):,} rows, policy {policy}", ""]
    if record.extent:
        told = cell(cut(record.extent, LONGEST))
        lines += [f"No verdict on the dataset: {record.verdict.value.upper()} in {told}", ""]
    bad = [v for v in record.verdicts if v.status.gravity > Status.SKIPPED.gravity]
    bad.sort(key=lambda v: -v.status.gravity)
    if bad:
        lines += head("status", "check", "metric", "observed", "expected", "why")
        for v in bad[:EXPLAINED]:
            observed = "" if v.observed is None else f"{v.observed:.4g}"
            cells = [v.status.value.upper(), v.check, v.metric or "", observed, v.expected or "", v.why]
            lines.append(row(*(cell(cut(text, 200)) for text in cells)))
        if len(bad) > EXPLAINED:
            lines.append(f"\n… and {len(bad) - EXPLAINED} more in `report.html`.")
    elif record.verdict.judged:
        lines.append("Every check that was judged keeps its bounds.")
    else:
        lines.append("Nothing was judged.")
    statuses = by_check(record.verdicts)
    for told, status in (("Measured but not judged", Status.MEASURED), ("Skipped", Status.SKIPPED)):
        names = [cell(name) for name, one in statuses.items() if one is status]
        if names:
            lines += ["", f"{told}: {', '.join(names)}"]
    return "\n".join(lines)
