"""English: rows by the identifier's word, counted by hand; samples, short rows, mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from auditor import annotators, fakes
from auditor.core.content.english import English, english, withheld
from auditor.engines.local import Local
from auditor.model.rows import Dataset

ENGLISH = "The committee will meet again on Thursday to discuss the new budget for the school, number {}."
GERMAN = "Der Ausschuss trifft sich am Donnerstag wieder und spricht über das Geld für die Schule, Nummer {}."
SHORT = "No {}"


def told(codes: Sequence[tuple[str | None, float]], folder: Path, shard_rows: int = 1000) -> Dataset:
    """Rows whose languages were identified as given."""
    made = fakes.dataset([{"text": f"row {i}"} for i in range(len(codes))], folder, shard_rows=shard_rows)
    paths = []
    for shard in made.shards:
        part = codes[shard.start : shard.start + shard.rows]
        columns = {
            "language": pa.array([code for code, _ in part], pa.string()),
            "language_confidence": pa.array([None if code is None else sure for code, sure in part], pa.float32()),
        }
        paths.append(folder / f"language-{shard.start}.arrow")
        table = pa.table(columns)
        with pa.OSFile(str(paths[-1]), "wb") as target, pa.ipc.new_file(target, table.schema) as writer:
            writer.write_table(table)
    return made.annotated(paths)


def test_of_rows_that_nobody_asked_all_count(tmp_path: Path) -> None:
    found = english(fakes.dataset([{"text": GERMAN.format(i)} for i in range(3)], tmp_path))
    assert found.rows.tolist() == [True] * 3
    assert not found.none
    assert not found.other


def test_no_rows_are_not_without_english() -> None:
    assert not English(np.zeros(0, np.bool_)).none


def test_real_texts_by_the_real_identifier(tmp_path: Path) -> None:
    texts = [form.format(i) for i in range(40) for form in (ENGLISH, GERMAN, SHORT)]
    found = english(fakes.dataset([{"text": text} for text in texts], tmp_path, annotate=("language",)))
    # Half of what could be told is German: what is too short to tell might be as well.
    assert found.rows.tolist() == [True, False, False] * 40
    assert str(found) == "40 of 120 rows (33.3 % de)"
    mostly = [*(ENGLISH.format(i) for i in range(95)), *(GERMAN.format(i) for i in range(5)), SHORT.format(1)]
    few = english(fakes.dataset([{"text": text} for text in mostly], tmp_path / "b", annotate=("language",)))
    assert few.rows.tolist() == [True] * 95 + [False] * 5 + [True]


def test_rows_outside_of_the_sample_are_as_the_sample(tmp_path: Path) -> None:
    for share, rest in ((0.02, True), (0.3, False)):
        texts = [(GERMAN if i < share * 500 else ENGLISH).format(i) for i in range(500)]
        rows = fakes.dataset([{"text": text} for text in texts], tmp_path / f"{share}", shard_rows=90)
        asked = annotators.annotate(rows, ("language",), cache=tmp_path, engine=Local(1), language_rows=200)
        codes = np.concatenate([shard.column("language").to_numpy(zero_copy_only=False) for shard in asked])
        found = english(asked).rows
        assert found[codes == "en"].all()
        assert not found[codes == "de"].any()
        assert (found[codes == None] == rest).all()  # noqa: E711


def test_what_the_identifier_is_not_sure_of_accuses_no_row(tmp_path: Path) -> None:
    codes = [("en", 0.6), ("la", 0.79), ("la", 0.8), *[("en", 0.9)] * 40, (None, 0.0)]
    for size in (1000, 7):
        found = english(told(codes, tmp_path / str(size), size))
        assert found.rows.tolist() == [True, True, False, *[True] * 41]
        assert found.other == "2.33 % la"
    abroad = english(told([("la", 0.9), ("es", 0.9), ("und", 0.0), (None, 0.0)], tmp_path / "abroad"))
    assert abroad.none
    assert abroad.other == "33.3 % es"


def test_what_is_told(tmp_path: Path) -> None:
    whole = English(np.ones(9, np.bool_))
    half = English(np.arange(10) < 5, "50 % de")
    none = English(np.zeros(7, np.bool_), "90 % zh")
    assert withheld(whole, whole) == ((), "")
    assert withheld(whole, half) == (("only rows in English are counted: 5 of 10 rows (50 % de) of the real data",), "")
    assert withheld(none, half) == ((), "needs English text: 0 of 7 rows (90 % zh)")
    assert withheld(half, none) == ((), "needs English text: 0 of 7 rows (90 % zh) of the real data")
