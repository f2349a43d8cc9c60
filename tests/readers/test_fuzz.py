"""The short form of the mutation fuzzer, and Hypothesis on records. The long form is tests/soak/fuzz_readers.py.

It runs in a process of its own: a crash in native code is a failure, not the end of the suite.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import readers
from auditor.model.errors import AuditorError

FUZZER = Path(__file__).parent.parent / "soak" / "fuzz_readers.py"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
names = st.sampled_from(
    "id messages conversations prompt completion response instruction input output history system chosen rejected "
    "label question answer query text".split()
)
turns = st.lists(
    st.fixed_dictionaries(
        {}, optional={"role": values, "content": values, "from": st.text(), "value": values, "tool_calls": values}
    )
)
records = st.dictionaries(names | st.text(), values | turns | st.text())


def test_mutated_files_give_rows_quarantine_or_a_named_error() -> None:
    done = subprocess.run(
        [sys.executable, str(FUZZER), "--count", "700", "--seed", "3"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "0 of 700 came to neither" in done.stdout


@settings(max_examples=150)
@given(st.lists(records, min_size=1, max_size=6))
def test_any_records_become_rows_or_a_named_error(rows: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "any.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
        try:
            dataset = readers.open(source, cache=Path(folder) / "cache")
        except AuditorError:
            return
        assert dataset.rows + dataset.quarantine.count == len(rows)
        for opened in dataset:
            opened.batch.validate(full=True)
            assert [line - 1 for line in opened.numpy("line")] == sorted({int(i) - 1 for i in opened.numpy("line")})


finite = st.floats(allow_nan=False, allow_infinity=False)
flat = st.fixed_dictionaries(
    {
        "prompt": st.none() | st.text(max_size=8),
        "response": st.text(max_size=8),
        "n": st.none() | finite,
        "k": st.none() | st.integers(-(2**53), 2**53),
        "tags": st.none() | st.lists(st.text(max_size=3), max_size=3),
        "info": st.none() | st.fixed_dictionaries({"a": st.none() | st.integers(-9, 9), "b": st.text(max_size=3)}),
    }
)


@settings(max_examples=60)
@given(st.lists(flat, min_size=1, max_size=5), st.randoms())
def test_the_digest_survives_conversion_and_reordering(rows: list, rnd) -> None:
    with tempfile.TemporaryDirectory() as folder:
        import pyarrow.parquet as pq

        schema = pa.schema(
            [
                ("response", pa.string()),
                ("prompt", pa.string()),
                ("n", pa.float64()),
                ("k", pa.int64()),
                ("tags", pa.list_(pa.string())),
                ("info", pa.struct([("a", pa.int64()), ("b", pa.string())])),
            ]
        )
        jsonl, parquet, arrow = (Path(folder) / f"x.{end}" for end in ("jsonl", "parquet", "arrow"))
        shuffled = [dict(sorted(row.items(), key=lambda _: rnd.random())) for row in rows]
        rnd.shuffle(shuffled)
        jsonl.write_text("".join(json.dumps(row) + "\n" for row in shuffled))
        pq.write_table(pa.Table.from_pylist(rows, schema), parquet)
        with pa.ipc.new_file(str(arrow), schema) as writer:
            writer.write_table(pa.Table.from_pylist(rows, schema))
        cache = Path(folder) / "cache"
        assert len({readers.open(path, cache=cache).digest for path in (jsonl, parquet, arrow)}) == 1
