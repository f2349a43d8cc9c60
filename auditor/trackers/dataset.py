"""Our dataset and its source in MLflow's terms. Imports MLflow: only `trackers.mlflow` comes here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource
from mlflow.data.dataset_source_registry import get_registered_sources, register_dataset_source
from mlflow.types.schema import ColSpec, DataType, Schema

_TYPES = {"int": DataType.long, "float": DataType.double, "bool": DataType.boolean, "string": DataType.string}


class AuditedSource(DatasetSource):
    """The files an audit read. A record keeps their names and not their places, which may be private."""

    def __init__(self, about: Mapping[str, Any]) -> None:
        self._about = dict(about)

    @staticmethod
    def _get_source_type() -> str:
        return "auditor"

    def load(self) -> Any:
        raise NotImplementedError("the record names the files and does not hold them: ask whoever made it")

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:  # noqa: ARG004  the signature is MLflow's
        return False  # never guessed from a string: a source is made from a record

    @classmethod
    def _resolve(cls, raw_source: Any) -> AuditedSource:
        raise NotImplementedError("made from a record only")

    def to_dict(self) -> dict[str, Any]:
        return self._about

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> AuditedSource:
        return cls(source_dict)


class AuditedDataset(Dataset):
    """A dataset by name and digest, with its columns and number of rows."""

    def __init__(self, source: AuditedSource, name: str, digest: str, rows: int, fields: Mapping[str, str]) -> None:
        self._rows, self._fields = rows, dict(fields)
        super().__init__(source=source, name=name, digest=digest)

    def _compute_digest(self) -> str:
        raise ValueError("a digest is always given")

    @property
    def profile(self) -> dict[str, int]:
        return {"num_rows": self._rows}

    @property
    def schema(self) -> Schema:
        columns = {"id": "string", "text": "string"} | self._fields
        return Schema([ColSpec(_TYPES.get(kind, DataType.string), name) for name, kind in columns.items()])

    def to_dict(self) -> dict[str, str]:
        said: dict[str, str] = super().to_dict()
        colspec = json.dumps({"mlflow_colspec": self.schema.to_dict()})
        return {**said, "schema": colspec, "profile": json.dumps(self.profile)}


def audited(about: Mapping[str, Any]) -> AuditedDataset:
    """The dataset of a publication; registers its source class, so that MLflow can read it back."""
    source_class: Any = AuditedSource  # MLflow's annotations say instance where it takes the class
    if source_class not in get_registered_sources():
        register_dataset_source(source_class)
    source = AuditedSource({key: about[key] for key in ("name", "format", "files")})
    return AuditedDataset(source, about["name"], about["digest"], about["rows"], about["fields"])
