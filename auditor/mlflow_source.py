"""How MLflow reads our datasets back: `mlflow.data.get_source(run.inputs.dataset_inputs[0]).load()`.

    with mlflow.start_run():
        mlflow.log_input(auditor.mlflow_source.dataset("sft@3"), context="training")

MLflow finds `AuditorSource` by the entry point `mlflow.dataset_source` whenever it is imported, so this
module imports nothing of ours until rows are asked for. It stands above `auditing`, which reads them. A run
that logs a dataset so is how `auditor impact` knows the models that were trained on it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource

if TYPE_CHECKING:
    import pyarrow as pa
    from mlflow.types.schema import Schema


class AuditorSource(DatasetSource):
    """The rows of a registered version, or of the files that an audit read.

    A record keeps names of files and not their places, which may be private: what nobody registered
    cannot be loaded.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        self._about = about

    @staticmethod
    def _get_source_type() -> str:
        return "auditor"

    @property
    def ref(self) -> str | None:
        """`NAME@VERSION`, or None for data that nobody registered."""
        return self._about.get("ref")

    def load(self) -> pa.Table:
        """Canonical rows, from the workspace of the current folder.

        Raises InputError where the version is not in it, or where its rows are not those that were logged.
        """
        from auditor.model.errors import InputError

        if self.ref is None:
            raise InputError(
                f"nobody registered {str(self._about.get('name'))!r}: where its files lie is not known",
                hint="register it with `auditor register`, and log that version",
            )
        rows = _rows(self.ref)
        if rows.digest != self._about.get("digest"):
            raise InputError(
                f"{self.ref} of this workspace is not the dataset that was logged",
                seen=rows.digest,
                wanted=str(self._about.get("digest")),
                hint="load it from the workspace that logged it",
            )
        return _table(rows)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:  # noqa: ARG004  the signature is MLflow's
        return False  # never guessed from a string: a path of any other kind must stay what it is

    @classmethod
    def _resolve(cls, raw_source: Any) -> AuditorSource:
        raise NotImplementedError("made of a version only: auditor.mlflow_source.dataset")

    def to_dict(self) -> dict[str, Any]:
        return self._about

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> AuditorSource:
        return cls(source_dict)


class AuditorDataset(Dataset):
    """A registered version as `mlflow.log_input` takes it."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self._entry = entry
        super().__init__(source=AuditorSource(entry["source"]), name=entry["name"], digest=entry["digest"])

    def _compute_digest(self) -> str:
        return str(self._entry["digest"])

    @property
    def profile(self) -> dict[str, int]:
        from auditor.trackers.dataset import profile

        return profile(self._entry["rows"])

    @property
    def schema(self) -> Schema:
        from auditor.trackers.dataset import schema

        return schema(self._entry["fields"])

    def to_dict(self) -> dict[str, str]:
        said: dict[str, str] = super().to_dict()
        from auditor.trackers.dataset import columns

        known = columns(self._entry["fields"])
        return {**said, **({"schema": known} if known else {}), "profile": json.dumps(self.profile)}


def dataset(ref: str) -> AuditorDataset:
    """The version `NAME[@VERSION]` of the current folder's workspace. Raises InputError where there is none."""
    from auditor import registry
    from auditor.registry.workspace import Workspace
    from auditor.trackers.publication import entry

    card, version = registry.find(ref, Workspace.find())
    rows = _rows(card.ref(version))
    return AuditorDataset(
        entry(card.name, rows.digest, rows.rows, card.kind, fields=rows.schema, ref=card.ref(version))
    )


def _rows(ref: str) -> Any:
    from auditor.auditing import Options, read
    from auditor.registry.workspace import Workspace

    return read(ref, Options(), Workspace.find())


def _table(rows: Any) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches([shard.batch for shard in rows])
