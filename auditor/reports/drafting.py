"""The sections of a report, drafted from the record and the findings: every check, failed ones first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from auditor.core.check import Spec
from auditor.model.result import Exhibit, Record, Status
from auditor.model.verdicts import Audited
from auditor.reports.decisions import ORDER, Decision, culprits, decided
from auditor.reports.examples import Example, examples
from auditor.reports.findings import by_check, cluster_sizes, counted
from auditor.reports.section import Section


def sections(
    record: Record, findings: pa.Table, dataset: Audited, specs: Mapping[str, Spec], top: int, noun: str
) -> tuple[Section, ...]:
    """Every check of `record`, failed ones first, with at most `top` examples each. noun: what the audit is of."""
    of = by_check(findings)
    drafts = []
    for described in record.checks:
        name = str(described["name"])
        spec = specs.get(name)
        decisions, found = decided(record, name, spec), of(name)
        shown = examples(found, [decision.metric.name for decision in decisions], dataset, top, noun)
        drafts.append(_section(record, described, spec, decisions, found, shown))
    return tuple(sorted(drafts, key=lambda s: (ORDER.index(s.status), s.name)))


def _section(
    record: Record,
    described: Mapping[str, Any],
    spec: Spec | None,
    decisions: tuple[Decision, ...],
    found: pa.Table,
    shown: tuple[Example, ...],
) -> Section:
    name, status = str(described["name"]), Status(described["status"])
    prefix = name.replace("-", "_") + "."
    run = record.run.get("checks", {}).get(name, {})
    # Where a number decided, what was said of the check as a whole stands aside.
    settled = any(decision.status is status for decision in decisions)
    why = str(described.get("why") or ("" if settled else _why(record, name)))
    return Section(
        name=name,
        title=str(described.get("title") or name),
        status=status,
        why=why,
        version=int(described["version"]),
        parameters=described["parameters"],
        notes=tuple(described.get("notes", ())),
        asides=_asides(record, name, decisions, why),
        decisions=decisions,
        culprits=culprits(decisions, record.slices),
        slices=tuple(s for s in record.slices if s.metric.name.startswith(prefix)),
        distributions=tuple(d for d in record.distributions if d.name.startswith(prefix)),
        exhibits=_exhibits(record, prefix, decisions, spec),
        findings=len(found),
        by_metric=counted(found),
        examples=shown,
        clusters=cluster_sizes(found),
        seconds=run.get("seconds"),
        of_lineage=spec is None or "lineage" in spec.needs,
    )


def _exhibits(record: Record, prefix: str, decisions: Sequence[Decision], spec: Spec | None) -> tuple[Exhibit, ...]:
    """Those that show what is behind a broken bound first, the worst one's before others."""
    behind = {spec.metric(m.name): spec.metric(m.shown) for m in spec.measures if m.shown} if spec else {}
    broken = [d for d in decisions if d.status in (Status.FAIL, Status.WARN)]
    order = {behind[d.metric.name]: -place for place, d in enumerate(reversed(broken)) if d.metric.name in behind}
    mine = (e for e in record.exhibits if e.name.startswith(prefix))
    return tuple(sorted(mine, key=lambda e: order.get(e.name, 1)))


def _why(record: Record, name: str) -> str:
    return next((v.why for v in record.verdicts if v.check == name and v.metric is None), "")


def _asides(record: Record, name: str, decisions: tuple[Decision, ...], why: str) -> tuple[str, ...]:
    """What was said of the check and stands beside none of its numbers."""
    told = {decision.why for decision in decisions} | {why}
    said = [v for v in record.verdicts if v.check == name and v.why and v.why not in told]
    return tuple(f"{v.metric}: {v.why}" if v.metric else v.why for v in said)
