"""Datasets for tests, made by the real reader: for our own suite and for checks of third parties.

rows = fakes.dataset([{"prompt": "Why?", "response": "Because."}], tmp_path, by=("generator",))
opened = fakes.rows([{"text": "one shard, in memory"}])
judged = fakes.verdicts([{"item": "q1", "a": "x", "b": "y", "first": "a", "verdict": "b", "judge": "z"}])
pedigree = fakes.at_hand(tiny.pedigree("train@1", {…}), {"seeds@1": rows})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from auditor import judging
from auditor.core.content.space import Space
from auditor.model.card import Registered, Source
from auditor.model.pedigree import Pedigree
from auditor.model.rows import POSITION_SCHEMA, SHARD_ROWS, Dataset, Rows
from auditor.model.verdicts import Verdicts
from auditor.readers import open_records
from auditor.readers import rows as reading

__all__ = ["at_hand", "dataset", "rows", "space", "verdicts"]


def dataset(
    records: Iterable[Mapping[str, Any]],
    folder: Path,
    *,
    name: str = "fake",
    shard_rows: int = SHARD_ROWS,
    by: Sequence[str] = (),
    annotate: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
) -> Dataset:
    """Canonical rows of `records` on disk under `folder`, as reading a file of them gives.

    by: fields of the records to slice by. annotate: annotators to run (`surface`, `fields`, …).
    No records at all give an empty dataset.
    """
    given = list(records)
    if not given:
        return Dataset(name, "sha256:" + "0" * 64, "records", 0, (), ("<memory>",), {}, {})
    made = open_records(given, cache=folder, name=name, mapping=mapping, shard_rows=shard_rows)
    if annotate:
        from auditor import annotators
        from auditor.engines.local import Local

        made = annotators.annotate(made, sorted(annotate), cache=folder, engine=Local(1))
    if not by:
        return made
    paths = []
    for index, opened in enumerate(made):
        path = folder / f"by-{index:04d}.arrow"
        table = pa.table(_attribution(opened.column("meta"), by))
        with pa.OSFile(str(path), "wb") as target, pa.ipc.new_file(target, table.schema) as writer:
            writer.write_table(table)
        paths.append(path)
    return replace(made.annotated(paths), by=_labels(given, by))


def rows(
    records: Iterable[Mapping[str, Any]], by: Sequence[str] = (), *, mapping: Mapping[str, str] | None = None
) -> Rows:
    """Canonical rows of `records` as one shard in memory; positions as in a file of their own."""
    given = list(records)
    batch = reading.batch(given, mapping)
    seen: Counter[bytes] = Counter()
    copies = []
    for digest in batch.column("digest").to_pylist():
        copies.append(seen[digest])
        seen[digest] += 1
    n = len(given)
    columns = {column: batch.column(column) for column in batch.schema.names}
    columns |= {
        "row": pa.array(np.arange(n), POSITION_SCHEMA.field("row").type),
        "copy": pa.array(copies, POSITION_SCHEMA.field("copy").type),
        "file": pa.array(np.zeros(n), POSITION_SCHEMA.field("file").type),
        "line": pa.array(np.arange(1, n + 1), POSITION_SCHEMA.field("line").type),
    }
    for name, column in _attribution(batch.column("meta"), by).items():
        columns.setdefault(name, column)
    return Rows(pa.RecordBatch.from_pydict(columns), _labels(given, by))


def verdicts(records: Iterable[Mapping[str, Any]], *, name: str = "fake") -> Verdicts:
    """Recorded verdicts of `records` in our own format (`auditor.judging.SCHEMA`)."""
    return judging.from_records(records, name=name)


def space(folder: Path, embedder: str = "hashed") -> Space:
    """Embeddings for tests, kept in `folder`."""
    from auditor.annotators import embedders
    from auditor.annotators.space import Spaces
    from auditor.engines.local import Local

    return Spaces(embedders.load(embedder, folder), folder, Local(1))


def at_hand(pedigree: Pedigree, datasets: Mapping[str, Dataset]) -> Pedigree:
    """The pedigree with the rows of some of its sources: `NAME@VERSION` or file -> rows, whose digests its
    cards then have."""
    digests = {ref: rows.digest for ref, rows in datasets.items()}

    def source(one: Source) -> Source:
        return replace(one, digest=digests.get(str(one), one.digest))

    def version(name: str, one: Registered) -> Registered:
        seeds, parents, evals = (
            tuple(map(source, sources)) for sources in (one.lineage.seeds, one.lineage.parents, one.lineage.evals)
        )
        lineage = replace(one.lineage, seeds=seeds, parents=parents, evals=evals)
        return replace(one, digest=digests.get(f"{name}@{one.version}", one.digest), lineage=lineage)

    cards = {
        name: replace(card, versions=tuple(version(name, one) for one in card.versions))
        for name, card in pedigree.cards.items()
    }
    own = version(pedigree.card.name, pedigree.version)
    seeds = {str(seed): datasets[str(seed)] for seed in own.lineage.seeds if str(seed) in datasets}
    return replace(
        pedigree,
        card=replace(pedigree.card, versions=cards[pedigree.card.name].versions),
        version=own,
        cards=cards,
        seeds=seeds,
        open=datasets.get,
    )


def _attribution(meta: pa.Array, by: Sequence[str]) -> dict[str, pa.Array]:
    fields = [orjson.loads(value) for value in meta.to_pylist()]
    return {name: pa.array([_label(one.get(name)) for one in fields], pa.large_string()) for name in by}


def _labels(records: Sequence[Mapping[str, Any]], by: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Labels by falling frequency, ties by name."""
    counts = {name: Counter(_label(record.get(name)) for record in records) for name in by}
    return {
        name: tuple(sorted((label for label in count if label is not None), key=lambda label: (-count[label], label)))
        for name, count in counts.items()
    }


def _label(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
