"""The record of an audit: the rows, who made them, every number and every verdict, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.concluding.planning import Plan
from auditor.core import verdict as judging
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measured, Metric, Record, Status
from auditor.model.verdicts import Audited


def recorded(
    plan: Plan,
    rows: Audited,
    measured: Sequence[Measured],
    verdicts: Sequence[Any],
    verdict: Status,
    references: Mapping[str, Any],
    pedigree: Pedigree | None,
) -> Record:
    from auditor import __version__

    policy, checks = plan.policy, plan.checks
    status = judging.by_check(verdicts)
    described = tuple(
        {
            "name": m.check,
            "title": check.spec.title,
            "version": m.version,
            "parameters": dict(m.parameters),
            "status": str(status[m.check]),
            "why": m.why,
            "rows": m.rows,
            "findings": m.findings,
            "notes": list(m.measurement.notes) if m.measurement else [],
        }
        for m, check in zip(measured, checks, strict=True)
    )
    done = [m.measurement for m in measured if m.measurement]
    return Record(
        tool={"name": "auditor", "version": __version__},
        dataset={**about(rows), **_registered(pedigree)},
        policy={
            "name": policy.name,
            "digest": policy.digest,
            "required": list(policy.required),
            **({"left_out": list(plan.left_out)} if plan.left_out else {}),
            **({"sizes": policy.sizes} if policy.sizes else {}),
        },
        checks=described,
        metrics={m.name: m for m in metrics(measured)},
        slices=tuple(s for m in done for s in m.slices),
        distributions=tuple(d for m in done for d in m.distributions),
        exhibits=tuple(e for m in done for e in m.exhibits),
        ladder=tuple(one for m in done for one in m.ladder),
        vocabularies=tuple(v for m in done for v in m.vocabularies),
        verdicts=tuple(verdicts),
        verdict=verdict,
        references=references,
        waivers=plan.waivers.described(),
        baseline=_ratchet(plan, rows),
    )


def _ratchet(plan: Plan, rows: Audited) -> dict[str, Any] | None:
    baseline, options = plan.baseline, plan.options
    if baseline is None or options.baseline is None:
        return None
    why = judging.foreign(baseline, rows.name, rows.digest)
    return {"file": options.baseline.name, "dataset": baseline.dataset.get("name"), "why": why}


def metrics(measured: Sequence[Measured]) -> list[Metric]:
    return [metric for m in measured if m.measurement for metric in m.measurement.metrics]


def _registered(pedigree: Pedigree | None) -> dict[str, Any]:
    """Which version of which card the rows are, and who made them; nothing for data that nobody registered."""
    if pedigree is None:
        return {}
    lineage = pedigree.version.lineage
    return {
        "version": pedigree.card.ref(pedigree.version),
        "lineage": {
            "kind": pedigree.card.kind,
            "technique": lineage.technique,
            "generators": [str(generator.model) for generator in lineage.generators],
            "prompts": [f"{prompt.name} {prompt.digest}" for prompt in lineage.prompts],
            "seeds": [str(source) for source in lineage.seeds],
            "parents": [str(source) for source in lineage.parents],
            "judges": [str(judge) for judge in lineage.judges],
        },
    }


def about(rows: Audited) -> dict[str, Any]:
    return {
        "name": rows.name,
        "rows": rows.rows,
        "format": rows.format,
        "digest": rows.digest,
        "files": [Path(file).name for file in rows.files],
        "shapes": dict(rows.shapes),
        "fields": dict(rows.fields),
        "by": list(rows.by),
        "quarantine": {
            "count": rows.quarantine.count,
            "reasons": dict(rows.quarantine.reasons),
            "examples": [dict(example) for example in rows.quarantine.examples],
        },
        "notes": list(rows.notes),
    }
