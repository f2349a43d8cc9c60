"""Datasets, files and models as inputs and outputs of a run: how they are named, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from openlineage.client.generated.base import DatasetFacet, InputDataset
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.documentation_dataset import DocumentationDatasetFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
from openlineage.client.generated.ownership_dataset import Owner, OwnershipDatasetFacet
from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields

from auditor.model.card import Card, Model, Registered, Source
from auditor.model.graph import Graph

_TYPES = {"text": "string", "integer": "int", "nested": "struct"}
"""Of `Dataset.schema`, where the word is another here."""


def described(card: Card, version: Registered, fields: Mapping[str, str] | None) -> dict[str, DatasetFacet]:
    """What is said of a registered version wherever it stands."""
    facets: dict[str, DatasetFacet] = {
        "version": DatasetVersionDatasetFacet(str(version.version)),
        **columns(fields),
        "datasetType": DatasetTypeDatasetFacet("FILE", subType=card.kind.upper()),
    }
    if card.owner:
        facets["ownership"] = OwnershipDatasetFacet([Owner(card.owner, "OWNER")])
    about = "\n\n".join(text for text in (card.description, card.purpose and f"Purpose: {card.purpose}") if text)
    if about:
        facets["documentation"] = DocumentationDatasetFacet(about, "text/plain")
    return facets


def columns(fields: Mapping[str, str] | None) -> dict[str, DatasetFacet]:
    """The fields of the records as they were given, as `Dataset.schema`; nothing where they are not known."""
    found: list[Any] = [
        SchemaDatasetFacetFields(name, type=_TYPES.get(kind, kind), ordinal_position=place)
        for place, (name, kind) in enumerate((fields or {}).items(), 1)
    ]
    return {"schema": SchemaDatasetFacet(found)} if found else {}


def source_input(source: Source, space: str, graph: Graph) -> InputDataset:
    """A seed or parent; one that nobody registered is a file, named as OpenLineage names files."""
    version: str | None
    if source.dataset:
        (name, _, version), where = source.dataset.rpartition("@"), space
    else:
        (where, name), version = _place(source), source.digest
    node = graph.nodes.get(f"dataset:{source.dataset}")
    facets: dict[str, DatasetFacet] = {
        "datasetType": DatasetTypeDatasetFacet("FILE", subType=node.data.upper() if node and node.data else None)
    }
    if version:
        facets["version"] = DatasetVersionDatasetFacet(version)
    rows = source.rows if source.rows is not None else node.rows if node else None
    counted = {} if rows is None else {"inputStatistics": InputStatisticsInputDatasetFacet(rowCount=rows)}
    return InputDataset(where, name, facets=facets, inputFacets=dict(counted))


def model_input(model: Model, space: str) -> InputDataset:
    """A model is an input like a dataset (type MODEL), so that what it touched is found downstream of it."""
    facets: dict[str, DatasetFacet] = {"datasetType": DatasetTypeDatasetFacet("MODEL")}
    if model.revision:
        facets["version"] = DatasetVersionDatasetFacet(model.revision)
    return InputDataset(space, f"models/{model.name}", facets=facets)


def _place(source: Source) -> tuple[str, str]:
    """(namespace, name) of a file: https://openlineage.io/docs/spec/naming."""
    url = urlsplit(source.file or "")
    if url.scheme and url.netloc:
        host = url.netloc.rpartition("@")[2]
        return f"{url.scheme}://{host}", url.path.strip("/") or "/"
    return "file", str(source)
