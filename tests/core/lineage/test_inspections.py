"""Findings of lineage: no row, the node, the card's file; beside findings that have rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from auditor import fakes
from auditor.checks.unregistered_source import UnregisteredSource
from auditor.core.check import Context, Measure, Spec
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen
from auditor.core.measure import findings_schema, located, measure
from auditor.core.rowwise import findings
from auditor.engines.local import Local
from auditor.model.pedigree import Pedigree
from auditor.model.result import FINDING_SCHEMA, Measurement, Metric, Status
from auditor.model.rows import Dataset
from auditor.model.tiny import Made, pedigree

GIVEN = pedigree("train@1", {"train@1": Made(seeds=("seeds.jsonl",))})
RECORDS = [{"text": f"row {i}", "id": f"id-{i}", "generator": "a"} for i in range(5)]


@dataclass(frozen=True, slots=True)
class Both(LineageRoom):
    """Faults of lineage and of rows in one room, as verified lineage has them."""

    spec: ClassVar[Spec] = Spec("both", "both", (Measure("faults", "faults", "what", "mend it"),), needs=("lineage",))

    def look(self, pedigree: Pedigree) -> Seen:
        return Seen([Fault("faults", pedigree.node, "the lineage is wrong", 2.5, by=("kind", "lineage"))], among=7)

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        yield findings(np.array([3, 1]), "both.faults", ["row three", "row one"])
        mixed = [*super(Both, self).locate(rows, measurement, context)]
        yield pa.concat_tables([findings(np.array([4]), "both.faults", ["row four"]), *mixed])


def located_by(room: LineageRoom, folder: Path, rows: Dataset) -> list[dict[str, object]]:
    context = Context(pedigree=GIVEN)
    (measured,) = measure([room], rows, context, Local(1))
    measured = located(room, measured, rows, context, folder / "found.arrows", findings_schema(rows.by))
    assert measured.status is Status.MEASURED, measured.why
    table = pa.ipc.open_stream((folder / "found.arrows").read_bytes()).read_all()
    assert measured.findings == len(table)
    return table.to_pylist()


def test_a_fault_of_lineage_has_no_row_and_names_its_node_and_card(tmp_path: Path) -> None:
    rows = fakes.dataset(RECORDS, tmp_path, by=("generator",), annotate=("surface",))
    (found,) = located_by(UnregisteredSource(), tmp_path, rows)
    (node,) = (node for node in GIVEN.graph.nodes if node.startswith("file:"))
    assert found == {
        "row": None, "metric": "unregistered_source.sources", "related": None, "related_dataset": node, "cluster": None,
        "score": None, "evidence": f"a file that is not registered: {GIVEN.graph.nodes[node]} -> train@1",
        "check": "unregistered-source", "whose": "lineage", "id": None, "file": "datasets/train.yaml", "line": None,
        "remedy": "register them: auditor register NAME FILE", "by.generator": None,
    }  # fmt: skip


def test_findings_with_and_without_rows_stand_beside_each_other(tmp_path: Path) -> None:
    rows = fakes.dataset(RECORDS, tmp_path, by=("generator",))
    found = located_by(Both(), tmp_path, rows)
    assert [one["row"] for one in found] == [3, 1, 4, None]
    assert [one["whose"] for one in found] == ["audited", "audited", "audited", "lineage"]
    assert [one["id"] for one in found] == ["id-3", "id-1", "id-4", None]
    assert [one["line"] for one in found] == [4, 2, 5, None]
    assert [one["by.generator"] for one in found] == ["a", "a", "a", None]
    assert found[-1]["file"] == "datasets/train.yaml"
    assert found[-1]["score"] == 2.5


def test_an_empty_dataset_has_findings_of_its_lineage_too(tmp_path: Path) -> None:
    (found,) = located_by(UnregisteredSource(), tmp_path, fakes.dataset([], tmp_path))
    assert found["file"] == "datasets/train.yaml"


def test_without_a_pedigree_the_room_is_skipped_and_says_what_to_do(tmp_path: Path) -> None:
    (measured,) = measure([UnregisteredSource()], fakes.dataset(RECORDS, tmp_path), Context(), Local(1))
    assert measured.status is Status.SKIPPED
    assert "auditor register" in measured.why


def test_faults_are_counted_sliced_and_cut() -> None:
    measurement = Both().inspect(Context(pedigree=GIVEN))
    (metric,), (piece,) = measurement.metrics, measurement.slices
    assert (metric.name, metric.value, metric.unit, metric.n) == ("both.faults", 1, "faults", 7)
    assert (piece.by, piece.group, piece.metric.value) == ("kind", "lineage", 1)
    assert measurement.tables["faults"].column("evidence").to_pylist() == ["the lineage is wrong"]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Names rows of the real data that the data has no like of, between a row of its own and one of its lineage."""

    spec: ClassVar[Spec] = Spec("lacking", "lacking", (Measure("gaps", "gaps", "what"),), needs=("real",))

    def run(self, rows: Dataset, context: Context, engine: Local) -> Measurement:
        return Measurement((Metric("lacking.gaps", 2, "gaps", 7),))

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        mine = findings(np.array([1]), "lacking.gaps", ["mine"], related=pa.array([5]))
        other = {"related_dataset": ["real", "real", "model:x"], "related": [5, 0, None], "row": [None] * 3}
        said = {"metric": ["lacking.gaps"] * 3, "cluster": [None] * 3, "score": [None] * 3, "evidence": ["e"] * 3}
        yield pa.concat_tables([pa.table(other | said, schema=FINDING_SCHEMA).slice(0, 1), mine])
        yield pa.table(other | said, schema=FINDING_SCHEMA).slice(1)


def test_a_row_that_the_data_lacks_is_in_the_file_of_the_real_data(tmp_path: Path) -> None:
    rows = fakes.dataset(RECORDS, tmp_path / "rows", by=("generator",))
    theirs = [{"id": f"real-{i}", "prompt": f"theirs {i}", "response": "a"} for i in range(6)]
    real = replace(fakes.dataset(theirs, tmp_path / "real", shard_rows=4), files=("real.jsonl",))
    context = Context(references={"real": real})
    (measured,) = measure([Lacking()], rows, context, Local(1))
    located(Lacking(), measured, rows, context, tmp_path / "found.arrows", findings_schema(rows.by))
    found = pa.ipc.open_stream((tmp_path / "found.arrows").read_bytes()).read_all().to_pylist()
    places = [(one["whose"], one["id"], one["file"], one["line"], one["by.generator"]) for one in found]
    own = rows.files[0]
    assert places == [
        ("real", "real-5", "real.jsonl", 6, None),
        ("audited", "id-1", own, 2, "a"),
        ("real", "real-0", "real.jsonl", 1, None),
        ("lineage", None, own, None, None),
    ]
