"""A dataset in MLflow's terms. Imports MLflow: only functions come here.

The classes with which MLflow reads it back stand in `auditor.mlflow_source`, where rows can be read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.types.schema import ColSpec, DataType, Schema
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

from auditor.trackers.publication import SOURCE_TYPE

_TYPES = {"int": DataType.long, "float": DataType.double, "bool": DataType.boolean, "string": DataType.string}


def given(entry: Mapping[str, Any]) -> DatasetInput:
    """The input of a run that `publication.entry` describes."""
    dataset = Dataset(
        name=entry["name"],
        digest=entry["digest"],
        source_type=SOURCE_TYPE,
        source=json.dumps(entry["source"]),
        schema=json.dumps({"mlflow_colspec": schema(entry["fields"]).to_dict()}),
        profile=json.dumps(profile(entry["rows"])),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, entry["context"])])


def schema(fields: Mapping[str, str]) -> Schema:
    """Columns of the canonical rows that every dataset has, then its own."""
    columns = {"id": "string", "text": "string"} | dict(fields)
    return Schema([ColSpec(_TYPES.get(kind, DataType.string), name) for name, kind in columns.items()])


def profile(rows: int | None) -> dict[str, int]:
    return {} if rows is None else {"num_rows": rows}
