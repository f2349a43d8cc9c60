"""A made-up audit with every kind of outcome, over a real dataset on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from auditor.core.check import Measure, Spec
from auditor.core.intervals import rate
from auditor.core.measure import findings_schema
from auditor.model.result import AUDITED, Distribution, Exhibit, Metric, Record, Slice, Status, Verdict
from auditor.model.rows import MESSAGES, POSITION_SCHEMA, SHARD_SCHEMA, Dataset, Quarantine, Shard
from auditor.reports.view import View

SPECS = {
    spec.name: spec
    for spec in (
        Spec(
            "exact-duplicates",
            "Rows that are copies of another row",
            (
                Measure("rate", "share", "rows that are a copy of an earlier row", "Keep the first of each group."),
                Measure("normalised_rate", "share", "copies once case and white space are ignored", "Keep the first."),
                Measure("prompts", "share", "prompts asked more than once"),
            ),
        ),
        Spec(
            "near-duplicates",
            "Rows that say nearly the same",
            (
                Measure(
                    "rate",
                    "share",
                    "rows that are not the first of their cluster",
                    "Keep one row of each cluster (`findings.parquet` names them), then raise the sampling "
                    "temperature or vary the seeds of the generator that made them.",
                ),
                Measure("rows", "rows", "rows with a partner"),
                Measure("clusters", "clusters", "groups of near-duplicates"),
                Measure("largest_cluster", "rows", "rows of the largest cluster"),
                Measure("effective_share", "share", "rows left if each cluster counted once"),
            ),
        ),
        Spec(
            "record-integrity",
            "Rows that are damaged or incomplete",
            (
                Measure("rate", "share", "rows with any damage"),
                Measure("truncated", "share", "responses that stop in the middle", "Raise max_tokens and regenerate."),
                Measure("empty", "share", "rows with nothing to learn", "Drop these rows."),
                Measure("mojibake", "share", "text damaged by a wrong encoding", "Read the source as UTF-8."),
            ),
        ),
        Spec(
            "repetition",
            "Text that repeats itself",
            (Measure("rate", "share", "rows with a loop in them", "Regenerate with a repetition penalty."),),
        ),
        Spec(
            "refusals-and-artifacts",
            "Refusals and debris of the prompt template",
            (
                Measure("refusals", "share", "responses that refuse", "Drop them, or ask a model that answers."),
                Measure("template", "share", "left-over slots and scaffolding", "Mend the template and regenerate."),
            ),
        ),
        Spec(
            "language-mix",
            "Languages other than expected",
            (Measure("unexpected", "share", "rows in a language that was not asked for", "Filter by language."),),
        ),
        Spec(
            "preference-pairs",
            "Preference pairs without a preference",
            (Measure("equal", "share", "chosen equals rejected", "Drop these pairs."),),
        ),
        Spec(
            "few-patterns",
            "Rows that follow few patterns",
            (Measure("patterns", "patterns", "patterns in these rows"), Measure("largest", "share", "of the largest")),
        ),
        Spec("expectations", "Expectations of the record format", (Measure("unmet", "expectations", "suites unmet"),)),
    )
}

TOPICS = ("the water cycle", "photosynthesis", "compound interest", "binary search", "the French Revolution")


def chats(count: int = 600) -> list[dict[str, Any]]:
    """Rows with a prompt, a response and the model that made them."""
    rows = []
    for i in range(count):
        topic = TOPICS[i % len(TOPICS)]
        copy = i % 7 == 0
        version = (
            "Water rises as vapour, cools into clouds, and falls as rain; rivers carry it back to the sea, "
            "where the sun warms it again"
        )
        ending = ("and the cycle begins anew." if i % 2 else "and so the cycle starts again.") if copy else "always."
        rows.append(
            {
                "prompt": f"Explain {topic} to a pupil of class {i % 9 + 1}.",
                "response": f"{version}, {ending}" if copy else f"Answer {i}: {topic} in {i % 13} simple steps.",
                "generator": "small-model-v2" if copy or i % 5 == 0 else "large-model-v1",
            }
        )
    return rows


def dataset(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "sft-v3") -> Dataset:
    """The rows as one shard on disk, as readers lay it down."""
    folder.mkdir(parents=True, exist_ok=True)
    n = len(rows)
    text = [row.get("text") or "\n".join(str(row.get(k) or "") for k in ("prompt", "response")) for row in rows]
    columns = {
        "digest": pa.array(
            [xxhash.xxh3_128_digest(repr(sorted(row.items())).encode("utf-8", "replace")) for row in rows],
            pa.binary(16),
        ),
        "id": [f"r{i}" for i in range(n)],
        "prompt": [row.get("prompt") for row in rows],
        "response": [row.get("response") for row in rows],
        "rejected": [row.get("rejected") for row in rows],
        "text": text,
        "messages": pa.nulls(n, MESSAGES),
        "source": pa.nulls(n, pa.large_string()),
        "meta": [json.dumps({"generator": row.get("generator")}) for row in rows],
    }
    position = {
        "row": np.arange(n),
        "copy": np.zeros(n, np.int32),
        "file": np.zeros(n, np.int32),
        "line": np.arange(1, n + 1),
    }
    paths = []
    for stem, content, schema in (("rows", columns, SHARD_SCHEMA), ("position", position, POSITION_SCHEMA)):
        path = folder / f"{stem}.arrow"
        with pa.ipc.new_file(path, schema) as file:
            file.write_table(pa.table(content, schema=schema))
        paths.append(path)
    quarantine = Quarantine(
        2,
        {"broken JSON": 2},
        (
            {"file": "data.jsonl", "line": 88, "reason": "broken JSON", "cut": '{"prompt": "Expl'},
            {"file": "data.jsonl", "line": 412, "reason": "broken JSON", "cut": "<script>alert(1)</script>"},
        ),
    )
    return Dataset(
        name,
        "sha256:5f2b8c4e1d7a90336bfe0c1a2d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f50",
        "prompt/response",
        n,
        (Shard("0" * 32, 0, n, paths[0], paths[1]),),
        ("data.jsonl",),
        {"prompt/response": n},
        {"generator": "string"},
        quarantine,
        ("read as prompt/response: every record has the keys prompt and response",),
    )


def finding(
    rows: Sequence[Mapping[str, Any]],
    row: int,
    metric: str,
    evidence: str,
    **more: Any,
) -> dict[str, Any]:
    """One line of findings.parquet."""
    check = metric.split(".", maxsplit=1)[0].replace("_", "-")
    return {
        "row": row,
        "metric": metric,
        "related": None,
        "related_dataset": None,
        "cluster": None,
        "score": None,
        "evidence": evidence,
        "check": check,
        "whose": AUDITED,
        "id": f"r{row}",
        "file": "data.jsonl",
        "line": row + 1,
        "remedy": SPECS[check].remedy(metric),
        "by.generator": rows[row].get("generator"),
        **more,
    }


def findings(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Near-duplicates, truncations, refusals and template debris."""
    found = []
    copies = [i for i in range(len(rows)) if i % 7 == 0]
    for place, i in enumerate(copies):
        cluster = copies[place // 9 * 9] if place < 54 else copies[54 + (place - 54) // 3 * 3]
        partner = cluster if i != cluster else copies[min(place + 1, len(copies) - 1)]
        found.append(
            finding(
                rows,
                i,
                "near_duplicates.rate",
                str(rows[i]["response"])[:120],
                related=partner,
                cluster=cluster,
                score=round(0.81 + (i % 19) / 100, 2),
            )
        )
    found += [
        finding(rows, i, "record_integrity.truncated", "…in simple steps, which then contin", score=0.0)
        for i in range(3, len(rows), 31)
    ]
    found += [
        finding(rows, i, "refusals_and_artifacts.refusals", "I'm sorry, but as an AI language model I cannot")
        for i in range(5, len(rows), 60)
    ]
    found += [
        finding(rows, i, "refusals_and_artifacts.template", "Here is a rephrased version: {instruction}")
        for i in range(8, len(rows), 150)
    ]
    found += [finding(rows, i, "repetition.rate", "and then and then and then and then") for i in range(11, 400, 97)]
    return pa.Table.from_pylist(found, findings_schema({"generator": ()}))


def record(about: Dataset, found: pa.Table) -> Record:
    """Nine checks: three failed, one warned, three kept their bounds, one has none, one was skipped."""
    n = about.rows
    per_metric = {m: found.column("metric").to_pylist().count(m) for m in set(found.column("metric").to_pylist())}
    near, cut_off = per_metric["near_duplicates.rate"], per_metric["record_integrity.truncated"]
    refused, debris = per_metric["refusals_and_artifacts.refusals"], per_metric["refusals_and_artifacts.template"]
    metrics = [
        rate("exact_duplicates.rate", 3, n),
        rate("exact_duplicates.normalised_rate", 4, n),
        rate("exact_duplicates.prompts", 30, n),
        rate("near_duplicates.rate", near - 17, n),
        Metric("near_duplicates.rows", near, "rows", n),
        Metric("near_duplicates.clusters", 17, "clusters", n),
        Metric("near_duplicates.largest_cluster", 9, "rows", n),
        Metric("near_duplicates.effective_share", 1 - (near - 17) / n, "share", n),
        rate("record_integrity.rate", cut_off, n),
        rate("record_integrity.truncated", cut_off, n),
        rate("record_integrity.empty", 0, n),
        rate("record_integrity.mojibake", 0, n),
        rate("repetition.rate", per_metric["repetition.rate"], n),
        rate("refusals_and_artifacts.refusals", refused, n),
        rate("refusals_and_artifacts.template", debris, n),
        rate("language_mix.unexpected", 0, n),
        Metric("expectations.unmet", 0, "expectations", 14),
        Metric("few_patterns.patterns", 212, "patterns", n),
        rate("few_patterns.largest", 24, n),
    ]
    named = {m.name: m for m in metrics}
    judged = [
        ("exact_duplicates.rate", Status.PASS, "<= 0.01"),
        ("exact_duplicates.prompts", Status.PASS, "<= 0.1"),
        ("near_duplicates.rate", Status.FAIL, "<= 0.05"),
        ("near_duplicates.effective_share", Status.WARN, ">= 0.9"),
        ("record_integrity.truncated", Status.FAIL, "<= 0.02"),
        ("record_integrity.empty", Status.PASS, "<= 0"),
        ("repetition.rate", Status.WARN, "<= 0.005"),
        ("refusals_and_artifacts.refusals", Status.FAIL, "<= 0.01"),
        ("refusals_and_artifacts.template", Status.FAIL, "<= 0.001"),
        ("language_mix.unexpected", Status.PASS, "<= 0.02"),
        ("expectations.unmet", Status.PASS, "<= 0"),
    ]
    words = {
        "near_duplicates.rate": "0.115 breaks the bound <= 0.05; the waiver of near-duplicates by ana (on purpose) "
        "expired on 2026-10-31",
        "record_integrity.truncated": "0.03333 breaks the bound <= 0.02, but its 95 % interval from 0.02168 to 0.05092 "
        "crosses it: n = 600 is too few to be sure",
        "repetition.rate": "0.008333 breaks the bound <= 0.005; waived until 2027-01-31 by data team: known",
    }
    verdicts = [
        Verdict(m.split(".")[0].replace("_", "-"), m, s, named[m].value, e, words.get(m, "")) for m, s, e in judged
    ]
    missing = "the data has no 'rejected': map a field to it with --map rejected=FIELD"
    verdicts.append(Verdict("preference-pairs", None, Status.SKIPPED, None, None, missing))
    unbounded = "measured; the policy 'default' sets no bound"
    verdicts.append(Verdict("few-patterns", None, Status.MEASURED, None, None, unbounded))
    by_check = {
        name: max((v.status for v in verdicts if v.check == name), key=lambda s: s.gravity, default=Status.PASS)
        for name in SPECS
    }
    small = round(n / 7 + n / 35)
    slices = [
        Slice("generator", "small-model-v2", rate("near_duplicates.rate", near - 17, small)),
        Slice("generator", "large-model-v1", rate("near_duplicates.rate", 0, n - small)),
        Slice("generator", "small-model-v2", rate("record_integrity.truncated", cut_off // 3, small)),
        Slice("generator", "large-model-v1", rate("record_integrity.truncated", cut_off - cut_off // 3, n - small)),
    ]
    edges = tuple(float(x) for x in (0, 4, 8, 16, 32, 64, 128, 256, 512, 1024))
    distributions = (
        Distribution(
            "record_integrity.words",
            "Words in a row",
            "words",
            edges,
            (2, 9, 180, 300, 60, 30, 12, 6, 1),
            "linear",
            (1, 20, 60, 90, 120, 90, 60, 40, 19),
        ),
        Distribution(
            "near_duplicates.jaccard",
            "Likeness of each row to its nearest",
            "Jaccard",
            tuple(round(x / 20, 2) for x in range(21)),
            (180, 90, 60, 40, 31, 20, 18, 12, 9, 9, 7, 6, 8, 7, 5, 6, 22, 34, 30, 6),
        ),
    )
    checks = tuple(
        {
            "name": name,
            "title": spec.title,
            "version": 1,
            "parameters": {"threshold": 0.8, "method": "sketch", "ngram": 5} if name == "near-duplicates" else {},
            "status": str(by_check[name]),
            "why": missing if name == "preference-pairs" else "",
            "rows": n,
            "findings": found.column("check").to_pylist().count(name),
            "notes": ["recall of the sketch measured on a sample: 0.9994"] if name == "near-duplicates" else [],
        }
        for name, spec in SPECS.items()
    )
    return Record(
        tool={"name": "auditor", "version": "0.1.0"},
        dataset={
            "name": about.name,
            "rows": n,
            "format": about.format,
            "digest": about.digest,
            "files": list(about.files),
            "shapes": dict(about.shapes),
            "fields": dict(about.fields),
            "by": ["generator"],
            "quarantine": {
                "count": about.quarantine.count,
                "reasons": dict(about.quarantine.reasons),
                "examples": [dict(example) for example in about.quarantine.examples],
            },
            "notes": list(about.notes),
        },
        policy={"name": "default", "digest": "sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"},
        checks=checks,
        metrics=named,
        slices=tuple(slices),
        distributions=distributions,
        verdicts=tuple(verdicts),
        verdict=Status.FAIL,
        exhibits=(
            Exhibit(
                "near_duplicates.largest",
                "The largest clusters",
                ("cluster", "rows", "share", "example"),
                (
                    ("polite refusals", 31, 0.0443, "I'm sorry, but I <b>cannot</b> | help with that."),
                    ("lists of three", 12, 0.0171, "1. Plan\n2. Do\n3. Check"),
                ),
                note="names are the words that tell a cluster from the rest",
                bar="rows",
            ),
        ),
        references={
            "real": {"dataset": {"name": "human", **_reference()}, "metrics": {"repetition.rate": metrics[12]}}
        },
        waivers=({"check": "repetition", "reason": "known", "owner": "data team", "expires": "2027-01-31"},),
        baseline=None,
        run={
            "started": "2026-11-21T04:50:00+00:00",
            "seconds": 3.214,
            "host": "builder",
            "python": "3.11.9",
            "platform": "Linux",
            "command": ["auditor", "audit", "data.jsonl"],
            "stages": {"read": 0.41, "scan": 1.2},
            "checks": {name: {"seconds": 0.2, "rows_per_second": 3000} for name in SPECS},
            "paths": {"audit.json": "audits/sft-v3/audit.json"},
        },
    )


def _reference() -> dict[str, Any]:
    return {
        "rows": 200,
        "format": "text",
        "digest": "sha256:00",
        "files": ["real.jsonl"],
        "shapes": {"text": 200},
        "fields": {},
        "by": [],
        "quarantine": {"count": 0, "reasons": {}, "examples": []},
        "notes": [],
    }


def view(folder: Path, top: int = 20) -> View:
    """The whole made-up audit."""
    rows = chats()
    about = dataset(folder, rows)
    found = findings(rows)
    names = ("audit.json", "report.html", "findings.parquet")
    places = {name: Path(".auditor/audits/sft-v3/5f2b8c4e1d7a") / name for name in names}
    return View(record(about, found), found, about, SPECS, places, top)


ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "<a href='javascript:alert(1)'>click</a> javascript:alert(1)",
    "\u202egnp.exe\u202c \u2066isolate\u2069",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x07\x00",
    "{{7*7}} {% for x in () %} ${7*7} #{7*7} <%= 7*7 %>",
    "::error file=x::owned%0A\n::warning::owned",
    "| a | b |\n| --- | --- |\n@everyone #1 [x](http://evil.example) `code` <details>",
    "]]> <!-- --> <?xml version='1.0'?> &lt; &amp; \ud800 \ufffe",
    "=cmd|' /C calc'!A0",
    ']\u2028\u2029\' style="background:url(http://evil.example/x)"',
    "$\\frac{1}{2}$ \\n \\u0041",
    "A" * 300_000,
    "\u00e9" * 5 + " \u0301" * 3000,
)


def hostile(folder: Path) -> View:
    """An audit of attacks: rows, names, groups, notes and lines in quarantine."""
    calm = view(folder / "calm")
    plain = [a.encode("utf-8", "replace").decode() for a in ATTACKS]
    rows = [{"prompt": a, "response": f"{a} answered", "generator": a[:60], "rejected": a} for a in plain]
    about = dataset(folder / "rows", rows, plain[0])
    metrics = ("near_duplicates.rate", "record_integrity.truncated", "refusals_and_artifacts.refusals")
    found = [
        finding(
            rows, i, metric, plain[i], id=plain[i][:200], file=f"{plain[i][:40]}.jsonl", score=i / 20, cluster=i % 3
        )
        | ({"related": (i + 1) % len(rows)} if metric.startswith("near") else {})
        for metric in metrics
        for i in range(len(rows))
    ]
    table = pa.Table.from_pylist(found, findings_schema({"generator": ()}))
    base = calm.record
    groups = [
        Slice("generator", a[:60], rate("near_duplicates.rate", 40 if i % 2 else 0, 40)) for i, a in enumerate(plain)
    ]
    hurt = replace(
        base,
        metrics={**base.metrics, "near_duplicates.rate": rate("near_duplicates.rate", 100, 640)},
        dataset={**base.dataset, "name": ATTACKS[0], "files": list(ATTACKS[:4]), "notes": list(ATTACKS)},
        slices=tuple(groups),
        distributions=tuple(replace(d, title=plain[0], unit=plain[3]) for d in base.distributions),
        exhibits=tuple(
            replace(
                e, title=plain[0], columns=tuple(plain[:2]), rows=tuple((a, i) for i, a in enumerate(plain)), note=a
            )
            for e, a in zip(base.exhibits, plain, strict=False)
        ),
        verdicts=tuple(replace(v, why=f"x breaks the bound; {plain[1]}") for v in base.verdicts),
        checks=tuple({**c, "title": plain[2], "why": c["why"] and plain[0], "notes": plain[:3]} for c in base.checks),
        run={**base.run, "command": ["auditor", "audit", plain[0], "--mlflow-uri", "http://***@host/"]},
    )
    places = {name: Path("out\x1b[31m") / name for name in calm.places}
    return replace(calm, record=hurt, findings=table, dataset=about, places=places, docs=dict.fromkeys(SPECS, plain[0]))
