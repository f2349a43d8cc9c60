"""An audit as an event: its verdicts are assertions on the dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from openlineage.client.generated.base import DatasetFacet, InputDataset
from openlineage.client.generated.data_quality_assertions_dataset import Assertion, DataQualityAssertionsDatasetFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet

from auditor.model.card import Card, Registered
from auditor.model.result import Record, Status
from auditor.trackers.facets import VerdictDatasetFacet
from auditor.trackers.openlineage.datasets import columns, described
from auditor.trackers.openlineage.runs import complete, default_namespace
from auditor.trackers.transport import Event


def audit_event(
    record: Record, card: Card | None, version: Registered | None, *,
    fields: Mapping[str, str] | None = None, namespace: str | None = None,
) -> Event:  # fmt: skip
    """An audit, with each verdict as an assertion on its dataset.

    The run is COMPLETE whatever the verdict, which is a fact about the data; it is FAIL where a check
    ended in ERROR, so that nothing can be said of them. An audit of some of the checks alone asserts what they
    found, and has no facet of the dataset's verdict. card, version: None for data nobody registered.
    """
    space, dataset = namespace or default_namespace(), record.dataset
    name = card.name if card else str(dataset["name"])
    facets: dict[str, DatasetFacet] = described(card, version, fields) if card and version else columns(fields)
    if record.whole:
        facets["auditor_verdict"] = VerdictDatasetFacet(
            verdict=record.whole,
            policy=str(record.policy.get("name", "")),
            digest=str(dataset["digest"]),
            rows=int(dataset["rows"]),
            checks={str(check["name"]): str(check["status"]) for check in record.checks},
            policyDigest=str(record.policy["digest"]) if record.policy.get("digest") else None,
        )
    audited = InputDataset(
        space,
        name,
        facets=facets,
        inputFacets={
            "dataQualityAssertions": DataQualityAssertionsDatasetFacet(_assertions(record)),
            "inputStatistics": InputStatisticsInputDatasetFacet(rowCount=int(dataset["rows"])),
        },
    )
    begun = dt.datetime.fromisoformat(str(record.run["started"]))
    ended = begun + dt.timedelta(seconds=float(record.run.get("seconds", 0.0)))
    broken = sorted({v.check for v in record.verdicts if v.status is Status.ERROR})
    policy, host = str(record.policy.get("digest", "")), str(record.run.get("host", ""))
    return complete(
        "audit", name, space, begun.isoformat(), ended.isoformat(),
        [str(dataset["digest"]), policy, begun.isoformat(), host],
        inputs=[audited], outputs=[], error=f"could not measure: {', '.join(broken)}" if broken else None,
    )  # fmt: skip


def _assertions(record: Record) -> list[Any]:
    """A verdict on a metric, or a check that broke, is an assertion. What was not judged asserts nothing, and
    stands in our own facet. severity is what the failing did; a bound that held has none that we know."""
    severity = {Status.FAIL: "error", Status.ERROR: "error", Status.WARN: "warn"}
    return [
        Assertion(
            assertion=verdict.check,
            success=verdict.status is Status.PASS,
            severity=severity.get(verdict.status),
            name=verdict.metric or verdict.check,
            description=verdict.why or None,
            expected=verdict.expected,
            actual=None if verdict.observed is None else str(verdict.observed),
        )
        for verdict in record.verdicts
        if verdict.status.judged and (verdict.metric or verdict.status is not Status.PASS)
    ]
