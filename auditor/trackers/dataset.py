"""A dataset in MLflow's terms. Imports MLflow: only functions come here.

The classes with which MLflow reads it back stand in `auditor.mlflow_source`, where rows can be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from auditor.trackers.publication import SOURCE_TYPE

_TYPES: Mapping[str, Any] = {
    "integer": DataType.long,
    "float": DataType.double,
    "boolean": DataType.boolean,
    "nested": AnyType(),  # type: ignore[no-untyped-call]
}
"""By the words of `Dataset.schema`; text is what is left."""


def given(entry: Mapping[str, Any]) -> DatasetInput:
    """The input of a run that `publication.entry` describes."""
    dataset = Dataset(
        name=entry["name"],
        digest=entry["digest"],
        source_type=SOURCE_TYPE,
        source=json.dumps(entry["source"]),
        schema=columns(entry["fields"]),
        profile=json.dumps(profile(entry["rows"])),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, entry["context"])])


def columns(fields: Mapping[str, str]) -> str | None:
    """The schema as an input of a run has it; None where it is not known."""
    return json.dumps({"mlflow_colspec": schema(fields).to_dict()}) if fields else None


def schema(fields: Mapping[str, str]) -> Schema:
    """fields: of the records as they were given, as `Dataset.schema`."""
    return Schema([ColSpec(_TYPES.get(kind, DataType.string), name) for name, kind in fields.items()])


def profile(rows: int | None) -> dict[str, int]:
    return {} if rows is None else {"num_rows": rows}
