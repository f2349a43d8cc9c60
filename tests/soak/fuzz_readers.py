"""Byte-level mutation of every file format: each outcome is rows, a quarantine entry or a named error.

    python tests/soak/fuzz_readers.py --count 12000 --seed 1

A crash of the interpreter is an outcome too, and the worst: the file being read when it came stays in
the folder that is printed. The short form is tests/readers/test_fuzz.py.
"""

from __future__ import annotations

import argparse
import bz2
import faulthandler
import gzip
import json
import lzma
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from auditor import readers
from auditor.model.errors import AuditorError
from auditor.model.rows import Dataset

RECORDS = [
    {
        "id": i,
        "prompt": f"Wie heißt Frage {i}?",
        "response": f"Antwort {i}: \u4f60\u597d " + "words " * (i % 5),
        "score": i / 4,
        "tags": ["a", "b"][: i % 3],
        "nested": {"deep": {"n": i}, "maybe": None if i % 2 else "x"},
    }
    for i in range(24)
]
CHATS = [
    {"messages": [{"role": "user", "content": f'Q{i} \\ " \n'}, {"role": "assistant", "content": f"A{i}"}]}
    for i in range(24)
]
SEVERAL = [
    {"turns": ["Q1", "Q2 "], "category": "x"},
    {"instruction": "I", "instances": [{"input": "", "output": "O"}, {"input": "X", "output": "P"}]},
    {"instruction": "I", "completions": [{"response": "A", "overall_score": 1.5}, {"response": "B"}]},
    {"prompt": "P", "responses": ["A", "B"]},
] * 6
INTERESTING = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\r\n", b"\\ud800",
    b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"null", b"[" * 3000, b'{"a":' * 1500, b"\x80", b"\xed\xa0\x80",
    b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff" * 8, b"PAR1", b"ARROW1", b"\x1f\x8b",
)  # fmt: skip


def seeds() -> dict[str, bytes]:
    """A small valid file of every format, by name."""
    lines = "".join(json.dumps(r, ensure_ascii=i % 2 == 0) + "\n" for i, r in enumerate(RECORDS)).encode()
    flat = [{"prompt": r["prompt"], "response": r["response"] + ', "quoted"\nline'} for r in RECORDS]
    csv = "prompt,response\n" + "".join(
        f'{r["prompt"]},"{r["response"].replace(chr(34), chr(34) * 2)}"\n' for r in flat
    )
    table, chats = pa.Table.from_pylist(RECORDS), pa.Table.from_pylist(CHATS)
    files = {
        "lines.jsonl": lines,
        "chat.ndjson": "".join(json.dumps(r) + "\n" for r in CHATS).encode(),
        "array.json": json.dumps(RECORDS, indent=1).encode(),
        "compact.json": json.dumps(CHATS).encode(),
        "wrapped.json": json.dumps({"version": 1, "data": RECORDS}).encode(),
        "index.json": json.dumps({str(i): record for i, record in enumerate(RECORDS)}).encode(),
        "columns.json": json.dumps({k: {str(i): r[k] for i, r in enumerate(flat)} for k in flat[0]}).encode(),
        "several.jsonl": "".join(json.dumps(r) + "\n" for r in SEVERAL).encode(),
        "table.csv": csv.encode(),
        "unknown.csv": b"city,height\n" + b"\n".join(b"town %d,%d" % (i, i) for i in range(24)),
        "table.tsv": b"prompt\tresponse\n" + b"\n".join(b"q%d\ta%d" % (i, i) for i in range(24)),
        "lines.jsonl.gz": gzip.compress(lines, mtime=0),
        "lines.jsonl.bz2": bz2.compress(lines),
        "lines.jsonl.xz": lzma.compress(lines),
        "lines.jsonl.zst": pa.Codec("zstd").compress(lines, asbytes=True),
    }
    for name, rows in (("table", table), ("chat", chats)):
        sink = pa.BufferOutputStream()
        pq.write_table(rows, sink, row_group_size=10)
        files[f"{name}.parquet"] = sink.getvalue().to_pybytes()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=10)
        files[f"{name}.arrow"] = sink.getvalue().to_pybytes()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        files[f"stream-{name}.arrow"] = sink.getvalue().to_pybytes()
    sink = pa.BufferOutputStream()
    pyarrow.feather.write_feather(table, sink, compression="lz4")
    files["table.feather"] = sink.getvalue().to_pybytes()
    return files


def mutate(data: bytes, rnd: random.Random) -> bytes:
    """One to four random edits."""
    out = bytearray(data)
    for _ in range(rnd.randint(1, 4)):
        at = rnd.randrange(len(out) + 1) if out else 0
        size = min(len(out) - at, int(rnd.expovariate(1 / 20)) + 1)
        match rnd.randrange(8):
            case 0 if at < len(out):
                out[at] ^= 1 << rnd.randrange(8)
            case 1 if at < len(out):
                out[at] = rnd.randrange(256)
            case 2:
                del out[at : at + size]
            case 3:
                out[at:at] = rnd.choice(INTERESTING)
            case 4:
                out[at : at + size] = rnd.choice(INTERESTING)
            case 5:
                out[at:at] = out[at : at + size]
            case 6 if rnd.random() < 0.5:
                del out[at:]
            case _:
                other = rnd.randrange(len(out) + 1)
                out[at:at] = out[other : other + size]
    return bytes(out)


def outcome(path: Path, cache: Path) -> str:
    """What reading `path` came to; AssertionError where the rows are not what rows must be."""
    try:
        dataset = readers.open(path, cache=cache, max_bad_rows="50%", processes=1)
    except AuditorError as error:
        told = error
    else:
        return _rows(dataset)
    assert str(told).strip(), "an error without words"
    assert "\x1b" not in str(told), "an error that carries escape codes"
    return type(told).__name__


def _rows(dataset: Dataset) -> str:
    assert dataset.rows == sum(len(rows) for rows in dataset)
    assert dataset.rows > 0
    for rows in dataset:
        rows.batch.validate(full=True)
        assert rows.column("text").null_count == 0
        assert all(isinstance(json.loads(meta), dict) for meta in rows.column("meta").to_pylist())
    return f"rows and {min(dataset.quarantine.count, 1)} quarantine"


def campaign(count: int, seed: int, folder: Path) -> Counter[str]:
    """Read `count` mutated files; outcomes by format."""
    rnd = random.Random(seed)
    files = sorted(seeds().items())
    seen: Counter[str] = Counter()
    for number in range(count):
        name, data = files[number % len(files)]
        path = folder / name
        path.write_bytes(data if number < len(files) else mutate(data, rnd))
        try:
            came = outcome(path, folder / "cache")
        except BaseException:  # noqa: BLE001  whatever it is, it is what we are looking for
            kept = folder / f"failed-{seed}-{number}-{name}"
            path.rename(kept)
            print(f"{kept}:")
            traceback.print_exc(file=sys.stdout)
            came = "NEITHER"
        if number < len(files):
            assert came == "rows and 0 quarantine", f"the unmutated {name}: {came}"
        seen[f"{name.partition('.')[2]}: {came}"] += 1
        if number % 500 == 499:
            shutil.rmtree(folder / "cache", ignore_errors=True)
    return seen


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--count", type=int, default=12_000)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    warnings.simplefilter("error")
    faulthandler.enable()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-readers-"))
    print(f"{given.count} mutated files, seed {given.seed}, in {folder}", flush=True)
    seen = campaign(given.count, given.seed, folder)
    for came, times in sorted(seen.items()):
        print(f"{times:7d}  {came}")
    failed = sum(times for came, times in seen.items() if came.endswith("NEITHER"))
    if not failed:
        shutil.rmtree(folder)
    print(f"{failed} of {sum(seen.values())} came to neither rows, quarantine nor a named error")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
