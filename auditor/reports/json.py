"""`audit.json`: the record, whole. Its JSON Schema is `audit.schema.json` beside this file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from auditor.model.errors import ConfigError
from auditor.model.result import Distribution, Exhibit, Metric, Record, Slice, Status, Verdict, Vocabulary

SCHEMA_VERSION = 1
# What JSON allows in a string and a terminal obeys: C1 controls, line separators, bidirectional overrides.
_DRIVING = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
SCHEMA = Path(__file__).with_name("audit.schema.json")


def to_json(record: Record) -> bytes:
    """The record as UTF-8 JSON, keys sorted, numbers unrounded.

    A file name that is not UTF-8 keeps its lone surrogates as `\\udcXX` escapes. Raises ValueError
    for NaN and infinity, which a metric never holds (`model.result`).
    """
    about = {
        "schema_version": SCHEMA_VERSION,
        "tool": record.tool,
        "verdict": record.verdict.value,
        "dataset": record.dataset,
        "policy": record.policy,
        "checks": record.checks,
        "metrics": {name: _metric(metric) for name, metric in record.metrics.items()},
        "slices": [{"metric": s.metric.name, "by": s.by, "group": s.group, **_metric(s.metric)} for s in record.slices],
        "distributions": [asdict(distribution) for distribution in record.distributions],
        "exhibits": [asdict(exhibit) for exhibit in record.exhibits],
        "ladder": [asdict(metric) for metric in record.ladder],
        "vocabularies": [_vocabulary(one) for one in record.vocabularies],
        "verdicts": [asdict(verdict) for verdict in record.verdicts],
        "references": {
            role: {**reference, "metrics": {name: _metric(m) for name, m in reference.get("metrics", {}).items()}}
            for role, reference in record.references.items()
        },
        "waivers": record.waivers,
        "baseline": record.baseline,
        "run": record.run,
    }
    text = json.dumps(about, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True, default=_plain)
    return _DRIVING.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode("utf-8", "backslashreplace") + b"\n"


def from_json(content: bytes) -> Record:
    """The record that `to_json` wrote.

    Raises ConfigError where the content is no record, or one of a schema version unknown here.
    """
    try:
        seen = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"not a record: {error}", wanted="an audit.json") from error
    version = seen.get("schema_version") if isinstance(seen, dict) else None
    if version is None:
        raise ConfigError("not a record: it has no schema_version", wanted="an audit.json")
    if version != SCHEMA_VERSION:
        raise ConfigError(
            "the record is of another schema version",
            seen=repr(version),
            wanted=str(SCHEMA_VERSION),
            hint="read it with the version of auditor that wrote it (`tool.version`), or audit the dataset again",
        )
    try:
        return _record(seen)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"the record is damaged: {type(error).__name__} {error}", wanted="an audit.json") from error


def is_record(content: bytes) -> bool:
    """Whether the bytes claim to be a record: an object with a schema version."""
    if not content.lstrip().startswith(b"{") or b'"schema_version"' not in content:
        return False
    try:
        seen = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(seen, dict) and {"schema_version", "verdicts"} <= set(seen)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of `audit.json`."""
    loaded: dict[str, Any] = json.loads(SCHEMA.read_bytes())
    return loaded


def _record(seen: Mapping[str, Any]) -> Record:
    return Record(
        tool=seen["tool"],
        dataset=seen["dataset"],
        policy=seen["policy"],
        checks=tuple(seen["checks"]),
        metrics={name: _read_metric(name, m) for name, m in seen["metrics"].items()},
        slices=tuple(Slice(s["by"], s["group"], _read_metric(s["metric"], s)) for s in seen["slices"]),
        distributions=tuple(
            Distribution(
                **{
                    **d,
                    "edges": tuple(d["edges"]),
                    "counts": tuple(d["counts"]),
                    "reference": tuple(d.get("reference", ())),
                }
            )
            for d in seen["distributions"]
        ),
        exhibits=tuple(
            Exhibit(**{**e, "columns": tuple(e["columns"]), "rows": tuple(tuple(row) for row in e["rows"])})
            for e in seen.get("exhibits", ())  # records of the first releases have none
        ),
        ladder=tuple(_read_metric(m["name"], m) for m in seen.get("ladder", ())),
        vocabularies=tuple(_read_vocabulary(v) for v in seen.get("vocabularies", ())),
        verdicts=tuple(Verdict(**{**v, "status": Status(v["status"])}) for v in seen["verdicts"]),
        verdict=Status(seen["verdict"]),
        references={
            role: {**reference, "metrics": {name: _read_metric(name, m) for name, m in reference["metrics"].items()}}
            for role, reference in seen["references"].items()
        },
        waivers=tuple(seen["waivers"]),
        baseline=seen["baseline"],
        run=seen["run"],
    )


def _metric(metric: Metric) -> dict[str, Any]:
    """Its fields but for the name, under which it stands."""
    return {key: value for key, value in asdict(metric).items() if key != "name"}


def _read_metric(name: str, m: Mapping[str, Any]) -> Metric:
    value = m["value"]
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ):
        raise ValueError(f"{name} is {value!r}, not a number")
    return Metric(name, value, m["unit"], m["n"], m["why"], m["low"], m["high"])


def _vocabulary(one: Vocabulary) -> dict[str, Any]:
    """A word a line: `recipe 120 ingredients oven cook`."""
    words = [" ".join((word, str(rows), *near)) for word, rows, near in one.words]
    return {**asdict(one), "words": words, "common": " ".join(one.common)}


def _read_vocabulary(v: Mapping[str, Any]) -> Vocabulary:
    split = (line.split(" ") for line in v["words"])
    words = tuple((word, int(rows), tuple(near)) for word, rows, *near in split)
    return Vocabulary(v["by"], v["group"], int(v["rows"]), int(v["floor"]), words, tuple(v["common"].split()))


def _plain(value: object) -> Any:
    """Mappings that are not dicts, paths, dates, and NumPy's scalars."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"a record cannot hold a {type(value).__name__}")
