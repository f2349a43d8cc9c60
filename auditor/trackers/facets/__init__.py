"""Our own OpenLineage facets; their JSON Schemas lie beside this file.

Imports the OpenLineage client: only `trackers.openlineage` comes here. A schema that is
published never changes: a new one gets a new version in its name.
"""

from __future__ import annotations

from typing import Any

import attr
from openlineage.client.generated.base import DatasetFacet

SCHEMAS = "https://auditor-data.github.io/auditor/schemas/facets"


@attr.define
class SynthesisDatasetFacet(DatasetFacet):
    """`auditor_synthesis`: how a version was made; the fields are those of synthesis-1-0-0.schema.json."""

    kind: str
    digest: str
    generators: list[dict[str, Any]]
    prompts: list[dict[str, Any]]
    seeds: list[dict[str, Any]]
    parents: list[dict[str, Any]]
    judges: list[dict[str, Any]]
    fields: dict[str, str]
    technique: str | None = None
    licence: str | None = None

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMAS}/synthesis-1-0-0.schema.json#/$defs/SynthesisDatasetFacet"


@attr.define
class JudgingDatasetFacet(DatasetFacet):
    """`auditor_judging`: who gave verdicts; the fields are those of judging-1-0-0.schema.json."""

    judges: list[dict[str, Any]]
    rule: str
    vote: str | None = None
    weights: dict[str, float] | None = None
    verdicts: dict[str, int] | None = None
    selfJudged: str | None = None  # noqa: N815  OpenLineage's spelling

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMAS}/judging-1-0-0.schema.json#/$defs/JudgingDatasetFacet"


@attr.define
class VerdictDatasetFacet(DatasetFacet):
    """`auditor_verdict`: what an audit decided; the fields are those of verdict-1-0-0.schema.json."""

    verdict: str
    policy: str
    digest: str
    rows: int
    checks: dict[str, str]
    policyDigest: str | None = None  # noqa: N815  OpenLineage's spelling

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMAS}/verdict-1-0-0.schema.json#/$defs/VerdictDatasetFacet"
