"""Whatever is wrong with the input: a named error or a quarantine entry that says file, line and remedy."""

import gzip
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from auditor import readers
from auditor.model.errors import (
    AuditorError,
    ConfigError,
    InputError,
    MissingPackage,
    StorageError,
    TooManyBadRows,
    UnknownShape,
    UnreadableFile,
)
from auditor.readers import snapshot
from auditor.readers.files import find, unchanged
from auditor.readers.quarantine import limit, shown

FAULTY = Path(__file__).parent.parent / "faulty"
GOOD = [{"prompt": f"p{i}", "response": f"r{i}"} for i in range(40)]
LINES = "".join(json.dumps(record) + "\n" for record in GOOD).encode()


def zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def read(path: Path | str, **options):
    return readers.open(path, cache=Path("cache"), **options)


FILES = [
    ("empty.jsonl", b"", UnreadableFile, "the file is empty"),
    ("blank.jsonl", b"\n \n\r\n", UnreadableFile, "the file is empty"),
    ("bom.jsonl", b"\xef\xbb\xbf", UnreadableFile, "the file is empty"),
    ("none.json", b"[]", UnreadableFile, "there is no record in it"),
    ("header.csv", b"prompt,response\n", UnreadableFile, "there is no record in it"),
    ("picture.jsonl", b"\x89PNG\r\n\x1a\n" + bytes(99), UnreadableFile, "PNG"),
    ("program.csv", b"\x7fELF" + bytes(99), UnreadableFile, "program"),
    ("zip.json", b"PK\x03\x04" + bytes(99), UnreadableFile, "unpack it first"),
    ("random.parquet", bytes(range(256)) * 9, UnreadableFile, "binary"),
    ("damaged.parquet", b"PAR1" + bytes(99), UnreadableFile, "Parquet file is damaged"),
    ("damaged.arrow", b"ARROW1\0\0" + bytes(99), UnreadableFile, "Arrow file is damaged"),
    ("utf16.jsonl", LINES.decode().encode("utf-16"), UnreadableFile, "iconv -f UTF-16"),
    ("utf16le.csv", b"prompt,response\na,b\n".decode().encode("utf-16-le"), UnreadableFile, "iconv -f UTF-16"),
    ("words.txt", b"Just some words.\n", UnreadableFile, "format is not recognised"),
    ("values.jsonl", b"1\n2\n3\n", UnknownShape, "values, not records"),
    ("numbers.jsonl", b'{"alpha": 1, "beta": null}\n' * 3, UnknownShape, r"alpha, beta[\s\S]*--map prompt=KEY"),
    (
        "nested.jsonl",
        b'{"a": {"b": [1]}, "c": [[1]]}\n' * 3,
        UnknownShape,
        r"no text[\s\S]*keys a, c[\s\S]*--map prompt=KEY",
    ),
    ("nulls.jsonl", b'{"prompt": null, "response": null}\n' * 3, UnknownShape, "keys prompt, response"),
    ("broken.jsonl", b'{"prompt": "x"\n' * 3, TooManyBadRows, r"no record could be read: broken JSON \(3\)"),
    ("latin.jsonl", '{"text": "\xe9"}\n'.encode("latin-1") * 3, TooManyBadRows, r"not UTF-8 \(3\)"),
    ("deep.jsonl", b'{"text": "t", "a": ' + b"[" * 700 + b"]" * 700 + b"}\n", TooManyBadRows, "nested too deep"),
]


@pytest.mark.parametrize(("name", "data", "error", "says"), FILES, ids=[case[0] for case in FILES])
def test_files_that_are_no_dataset(workspace, name, data, error, says) -> None:
    Path(name).write_bytes(data)
    with pytest.raises(error, match=says) as told:
        read(name)
    assert name in str(told.value)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", str(told.value))
    assert not list(Path("cache").glob("snapshots/*"))
    assert not list(Path("cache").glob("spool/*"))


@pytest.mark.parametrize(("name", "reasons", "rows"), json.loads((FAULTY / "expected.json").read_text())["quarantined"])
def test_one_sin_costs_one_record(workspace, name: str, reasons: dict, rows: int) -> None:
    dataset = read(FAULTY / name)
    assert (dataset.rows, dataset.quarantine.reasons) == (rows, reasons)
    assert dataset.quarantine.count == sum(reasons.values())
    for one in dataset.quarantine.examples:
        assert (one["file"], bool(one["line"])) == (name, True)
    if reasons:
        kept = [json.loads(line) for line in dataset.quarantine.path.read_text().splitlines()]
        assert kept == list(dataset.quarantine.examples)


@pytest.mark.parametrize("name", ["nan.jsonl", "half-surrogate.jsonl"])
def test_what_was_mended_is_told(workspace, name: str) -> None:
    dataset = read(FAULTY / name)
    assert dataset.notes == ("1 rows held NaN, Infinity or half a surrogate pair: read as null and U+FFFD",)
    row = dataset.take([2], ["response", "meta"]).to_pylist()[0]
    wanted = {
        "nan.jsonl": {"response": "r", "meta": "{}"},
        "half-surrogate.jsonl": {"response": "\ufffd", "meta": "{}"},
    }
    assert row == wanted[name]


def test_missing_files_and_folders(workspace) -> None:
    Path("train.jsonl").write_bytes(LINES)
    Path("nothing").mkdir()
    with pytest.raises(UnreadableFile, match=r"did you mean 'train.jsonl'"):
        read("trian.jsonl")
    with pytest.raises(UnreadableFile, match="no file matches"):
        read("*.parquet")
    with pytest.raises(UnreadableFile, match="holds no data"):
        read("nothing")
    with pytest.raises(UnreadableFile, match="neither a file nor a folder"):
        read("/dev/null")


def test_forbidden_files(workspace, monkeypatch) -> None:
    Path("x.jsonl").write_bytes(LINES)
    real = Path.open

    def refuse(self, *arguments, **options):  # the tests may run as root, whom no mode stops
        if self.name == "x.jsonl":
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UnreadableFile, match=r"Permission denied[\s\S]*right to read"):
        read("x.jsonl")


def test_a_protocol_that_is_not_installed_says_what_to_install(workspace, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(MissingPackage, match=r"pip install 'auditor\[s3\]'"):
        read("s3://bucket/x.jsonl")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("foo://x/y.jsonl", r"unknown protocol 'foo'[\s\S]*known: file, gcs, gs, hf, http, https, s3"),
        ("s33://x/y.jsonl", r"unknown protocol 's33'[\s\S]*did you mean 's3'"),
    ],
)
def test_an_unknown_protocol_is_not_blamed_on_credentials(workspace, address: str, said: str) -> None:
    with pytest.raises(UnreadableFile, match=said) as error:
        read(address)
    assert "credentials" not in str(error.value)


def test_what_fsspec_knows_and_has_no_package_for_is_said_in_its_words(workspace, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "adlfs", None)
    with pytest.raises(MissingPackage, match=r"abfs://[\s\S]*Install adlfs"):
        read("abfs://x/y.jsonl")


def test_nested_records_are_read_whole_and_told(workspace) -> None:
    rows = [{"id": i, "task": {"ask": "Add one", "n": i}, "steps": [{"say": f"It is {i}"}]} for i in range(5)]
    Path("x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read("x.jsonl")
    assert found.rows == 5
    assert found.notes[0].startswith("no shape was recognised in 5 rows")
    assert "(keys id, task, steps)" in found.notes[0]
    assert "--map text=KEY" in found.notes[0]
    Path("y.jsonl").write_text("".join(json.dumps(row | {"answer": "two"}) + "\n" for row in rows))
    assert not any("no shape was recognised" in note for note in read("y.jsonl").notes)


@pytest.mark.parametrize("packed", [("gz", gzip.compress), ("zst", zstd)], ids=lambda packed: packed[0])
@pytest.mark.parametrize("cut", [20, 200_000, -4])
def test_a_truncated_archive_is_refused_unless_its_loss_is_allowed(workspace, cut: int, packed) -> None:
    name = f"x.jsonl.{packed[0]}"
    many = "".join(
        json.dumps({"prompt": f"p{i}", "response": random.Random(i).randbytes(40).hex()}) + "\n" for i in range(10_000)
    )
    Path(name).write_bytes(packed[1](many.encode())[:cut])
    if cut == 20:
        with pytest.raises(TooManyBadRows, match="truncated archive"):
            read(name)
        return
    with pytest.raises(TooManyBadRows, match="nobody knows how many"):
        read(name)
    dataset = read(name, max_bad_rows="0.1%")
    assert 1000 < dataset.rows < 10_000 if cut == 200_000 else 9_900 < dataset.rows <= 10_000
    assert dataset.quarantine.reasons["truncated archive"] == 1
    assert any("cut short" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("allowed", "records", "borne"),
    [
        (None, 100, 10),
        (None, 50_000, 50),
        ("50", 9, 50),
        (7, 9, 7),
        ("1%", 300, 3),
        ("0.5", 9, 4),
        (0.01, 500, 5),
        ("0", 9, 0),
    ],
)
def test_limits(allowed, records, borne) -> None:
    assert limit(allowed, records) == borne


@pytest.mark.parametrize("allowed", ["many", "-1", "1.5", "200%", "nan", ""])
def test_limits_without_sense(workspace, allowed: str) -> None:
    Path("x.jsonl").write_bytes(LINES)
    with pytest.raises(ConfigError, match="--max-bad-rows"):
        read("x.jsonl", max_bad_rows=allowed)


def test_too_many_bad_rows_name_the_first_and_keep_all(workspace) -> None:
    Path("x.jsonl").write_bytes(LINES + b'{"prompt": "\x1b[31m"\n' * 11)
    with pytest.raises(TooManyBadRows, match=r"11 of 51 records") as told:
        read("x.jsonl")
    assert "x.jsonl:41: broken JSON" in str(told.value)
    assert "\x1b" not in str(told.value)
    assert read("x.jsonl", max_bad_rows="11").rows == 40
    assert len(read("x.jsonl", max_bad_rows="30%").quarantine.path.read_text().splitlines()) == 11


def test_what_is_shown_is_cut_and_harmless() -> None:
    assert shown("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
    assert len(shown(b"x" * 10_000)) == 200


def test_a_very_long_line_is_a_row(workspace) -> None:
    Path("x.jsonl").write_bytes(
        LINES + json.dumps({"prompt": "p", "response": "long " * 4_000_000}).encode() + b"\n" + LINES
    )
    dataset = read("x.jsonl")
    assert dataset.rows == 81
    assert len(dataset.take([40], ["response"]).column(0)[0].as_py()) == 20_000_000


def test_a_million_columns_of_nothing(workspace) -> None:
    Path("x.jsonl").write_text(json.dumps({f"column {i}": None for i in range(1_000_000)}) + "\n")
    with pytest.raises(UnknownShape, match="column 0, column 1") as told:
        read("x.jsonl")
    assert len(str(told.value)) < 2000
    Path("y.jsonl").write_text(json.dumps({f"c{i}": "x" for i in range(1000)}) + "\n")
    dataset = read("y.jsonl")
    assert len(dataset.fields) == 256
    assert any("744 of 1000 fields" in note for note in dataset.notes)


def test_one_row(workspace) -> None:
    Path("x.json").write_text('{"prompt": "p", "response": "r"}')
    assert read("x.json").shapes == {"prompt-response": 1}


def test_a_file_that_changes_while_it_is_read(workspace) -> None:
    Path("x.jsonl").write_bytes(LINES)
    found = find("x.jsonl", Path())
    unchanged(found)
    Path("x.jsonl").write_bytes(LINES + LINES)
    with pytest.raises(InputError, match="changed while it was read"):
        unchanged(found)


def run_limited(code: str, file_bytes: int) -> subprocess.CompletedProcess:
    def limits() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    return subprocess.run([sys.executable, "-c", code], preexec_fn=limits, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_full_disk_is_a_storage_error_and_leaves_nothing_half_written(workspace, name: str) -> None:
    data = LINES * 2000
    Path(name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    code = (
        "from pathlib import Path; from auditor import readers; from auditor.model.errors import StorageError\n"
        f"try: readers.open({name!r}, cache=Path('cache'))\n"
        "except StorageError as e: print('told:', e)"
    )
    done = run_limited(code, 1_000_000)
    assert "told: " in done.stdout, done.stderr
    assert "free some space" in done.stdout
    assert not list(Path("cache").glob("s*s/.writing-*"))
    assert not list(Path("cache").glob("snapshots/*"))
    assert read(name).rows == 80_000


def test_a_cache_that_cannot_be_written(workspace) -> None:
    Path("x.jsonl").write_bytes(LINES)
    Path("cache").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cannot write the cache"):
        read("x.jsonl")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_run_leaves_a_cache_that_the_next_run_uses(workspace, how: signal.Signals) -> None:
    Path("x.jsonl").write_bytes(b"".join(b'{"id": %d, "text": "some words %d"}\n' % (i, i) for i in range(400_000)))
    code = (
        "from pathlib import Path; from auditor import readers; from auditor.readers import workers\n"
        "workers.WORTH = 0\n"
        "readers.open('x.jsonl', cache=Path('cache'), processes=2, shard_rows=4096)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(Path("cache").glob("shards/*.arrow"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, how) if how == signal.SIGKILL else os.killpg(child.pid, how)
    words = child.communicate(timeout=60)[1].decode()
    assert child.returncode == -how or (how == signal.SIGINT and words.rstrip().endswith("KeyboardInterrupt"))
    assert words.count("Traceback") <= 1  # the parent's own interrupt; workers keep quiet
    assert not list(Path("cache").glob("snapshots/*/manifest.json"))
    time.sleep(0.3)  # workers of a killed parent end by themselves
    dataset = read("x.jsonl", shard_rows=4096)
    assert dataset.rows == 400_000
    assert not list(Path("cache").glob("s*s/.writing-*"))
    assert len(list(Path("cache").glob("shards/*.arrow"))) == len(dataset.shards)
    assert dataset.digest == readers.open("x.jsonl", cache=Path("fresh"), shard_rows=4096).digest


@pytest.mark.parametrize(
    "damage",
    [
        lambda cache: next(cache.glob("snapshots/*/manifest.json")).write_bytes(b"{}"),
        lambda cache: next(cache.glob("snapshots/*/manifest.json")).unlink(),
        lambda cache: next(cache.glob("snapshots/*/position-0001.arrow")).write_bytes(b"ARROW1"),
        lambda cache: next(cache.glob("snapshots/*/quarantine.jsonl")).unlink(),
        lambda cache: next(cache.glob("shards/*.arrow")).unlink(),
        lambda cache: next(cache.glob("shards/*.arrow")).write_bytes(b""),
        lambda cache: os.truncate(next(cache.glob("shards/*.arrow")), 100),
    ],
)
def test_a_damaged_snapshot_is_made_again(workspace, damage) -> None:
    Path("x.jsonl").write_bytes(LINES)
    before = read("x.jsonl", shard_rows=16)
    damage(Path("cache"))
    after = read("x.jsonl", shard_rows=16)
    assert after == before
    assert sum(len(rows) for rows in after) == 40


def test_versions_share_shards_and_the_second_reading_reads_nothing(workspace) -> None:
    Path("one.jsonl").write_bytes(LINES)
    one = read("one.jsonl", shard_rows=16)
    stamp = {path: path.stat().st_mtime_ns for path in Path("cache").rglob("*.arrow")}
    again = read("one.jsonl", shard_rows=16, name="other")
    assert {path: path.stat().st_mtime_ns for path in Path("cache").rglob("*.arrow")} == stamp
    assert (again.name, again.digest, again.shards) == ("other", one.digest, one.shards)
    Path("two.jsonl").write_bytes(LINES + b'{"prompt": "new", "response": "row"}\n')
    two = read("two.jsonl", shard_rows=16)
    assert [s.digest for s in two.shards[:2]] == [s.digest for s in one.shards[:2]]
    assert len(list(Path("cache").glob("shards/*"))) == 4
    snapshots, size = snapshot.usage(Path("cache"))
    assert snapshots == 2
    assert snapshot.clean(Path("cache")) == size
    assert snapshot.usage(Path("cache")) == (0, 0)


def test_two_processes_at_once_give_one_snapshot(workspace) -> None:
    Path("x.jsonl").write_bytes(LINES * 200)
    code = (
        "from pathlib import Path; from auditor import readers\n"
        "print(readers.open('x.jsonl', cache=Path('cache')).digest)"
    )
    children = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
    told = {child.communicate(timeout=120)[0] for child in children}
    assert told == {read("x.jsonl").digest.encode() + b"\n"}
    assert len(list(Path("cache").glob("snapshots/*"))) == 1


def test_bad_records_in_memory(workspace) -> None:
    dataset = readers.open_records([*GOOD, 5, "x", {"messages": [3]}], cache=Path("cache"))
    assert (dataset.rows, dataset.quarantine.reasons) == (
        40,
        {"messages: not a list of turns with role and content": 1, "not an object": 2},
    )
    with pytest.raises(UnreadableFile, match="no record"):
        readers.open_records(pa.table({"text": pa.array([], pa.string())}), cache=Path("cache"))


def test_every_error_is_an_auditor_error() -> None:
    assert all(issubclass(case[2], AuditorError) for case in FILES)


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").symlink_to("two.jsonl")
    (tmp_path / "two.jsonl").symlink_to("one.jsonl")
    (tmp_path / "gone.jsonl").symlink_to("missing.jsonl")
    for name in ("one", "gone"):
        with pytest.raises(UnreadableFile, match="a link that leads nowhere") as caught:
            readers.open(tmp_path / f"{name}.jsonl", cache=tmp_path / "cache")
        assert "did you mean" not in str(caught.value)


def test_two_colons_in_a_name_are_no_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a::b.jsonl").write_text('{"text": "some words"}\n')
    assert readers.open("a::b.jsonl", cache=tmp_path / "cache").rows == 1
    with pytest.raises(UnreadableFile, match="there is no such file"):
        readers.open("c::d.jsonl", cache=tmp_path / "cache")
