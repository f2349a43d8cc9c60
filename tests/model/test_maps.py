"""Files that stay mapped: which, how many, and that what is read is what stands there."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from auditor.files import atomic
from auditor.model.rows import Kept

SYSTEM = Path("/proc/self")
linux = pytest.mark.skipif(not (SYSTEM / "maps").exists(), reason="the kernel does not tell what is mapped")


def write(path: Path, first: int, rows: int = 1000) -> int:
    """Numbers counting up, in a file that appears whole. Its size."""
    batch = pa.RecordBatch.from_pydict({"n": pa.array(range(first, first + rows), pa.int64())})
    with atomic(path) as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    return path.stat().st_size


def mapped(folder: Path) -> int:
    return sum(str(folder) in line for line in (SYSTEM / "maps").read_text().splitlines())


def test_the_same_file_is_mapped_once(tmp_path: Path) -> None:
    maps = Kept(1 << 20)
    write(tmp_path / "a", 5)
    seen = maps.open(tmp_path / "a")
    assert seen.column("n").to_pylist() == list(range(5, 1005))
    assert maps.open(tmp_path / "a") is seen


def test_a_replaced_file_is_read_anew_and_the_old_one_stays_whole(tmp_path: Path) -> None:
    maps = Kept(1 << 20)
    write(tmp_path / "a", 1)
    old = maps.open(tmp_path / "a")
    for first in range(2, 30):  # the file system gives numbers of deleted files to new ones
        write(tmp_path / "a", first)
        assert maps.open(tmp_path / "a").column("n")[0].as_py() == first
    assert old.column("n").to_pylist() == list(range(1, 1001))
    (tmp_path / "a").unlink()
    with pytest.raises(FileNotFoundError):
        maps.open(tmp_path / "a")


def test_a_file_written_over_is_read_anew(tmp_path: Path) -> None:
    maps = Kept(1 << 20)
    write(tmp_path / "a", 1)
    maps.open(tmp_path / "a")
    write(tmp_path / "b", 7, rows=500)
    (tmp_path / "a").write_bytes((tmp_path / "b").read_bytes())
    assert maps.open(tmp_path / "a").column("n").to_pylist() == list(range(7, 507))


@linux
def test_no_more_is_mapped_than_there_is_room_for(tmp_path: Path) -> None:
    size = write(tmp_path / "0", 0)
    maps = Kept(4 * size + 1)
    descriptors = len(os.listdir(SYSTEM / "fd"))  # noqa: PTH208  counted the same way before and after
    for name in range(40):
        write(tmp_path / str(name), name)
        maps.open(tmp_path / str(name))
    assert mapped(tmp_path) == 4
    assert len(os.listdir(SYSTEM / "fd")) == descriptors  # noqa: PTH208
    kept = maps.open(tmp_path / "36")
    write(tmp_path / "new", 100)
    maps.open(tmp_path / "new")
    assert maps.open(tmp_path / "36") is kept, "the one not asked for longest goes first"
    write(tmp_path / "large", 0, rows=5000)
    large = maps.open(tmp_path / "large")
    assert maps.open(tmp_path / "large") is not large
    del large
    assert mapped(tmp_path) == 4
    del maps, kept
    assert mapped(tmp_path) == 0


def test_what_was_made_under_a_name_is_kept_while_there_is_room() -> None:
    def of(rows: int) -> pa.RecordBatch:
        return pa.RecordBatch.from_pydict({"n": pa.array(range(rows), pa.int64())})

    kept = Kept(2 * of(1000).nbytes + 1)
    first = kept.known(lambda: of(1000), "a", (1, 2))
    assert kept.known(lambda: of(7), "a", (1, 2)) is first
    assert kept.known(lambda: of(7), "a", (1, 3)).num_rows == 7
    kept.known(lambda: of(1000), "b")
    kept.known(lambda: of(1000), "c")
    assert kept.known(lambda: of(8), "a", (1, 2)).num_rows == 8, "the one not asked for longest has gone"
    assert kept.known(lambda: of(9000), "large").num_rows == 9000
    assert kept.known(lambda: of(9), "large").num_rows == 9


@linux
def test_threads_read_whole_files_while_these_are_replaced(tmp_path: Path) -> None:
    names = [tmp_path / str(i) for i in range(6)]
    size = max(write(name, 0) for name in names)
    maps, over = Kept(3 * size), threading.Event()

    def read(turn: int) -> None:
        last = dict.fromkeys(names, 0)
        for i in range(400):
            name = names[(i * (turn + 1)) % 6]
            numbers = maps.open(name).column("n").to_pylist()
            assert numbers == list(range(numbers[0], numbers[0] + 1000))
            assert numbers[0] >= last[name], "an older file than was there before"
            last[name] = numbers[0]

    def replace() -> None:
        first = 0
        while not over.is_set():
            first += 1
            for name in names:
                write(name, first)

    with ThreadPoolExecutor(5) as pool:
        writer = pool.submit(replace)
        readers = [pool.submit(read, turn) for turn in range(4)]
        try:
            for one in readers:
                one.result()
        finally:
            over.set()
        writer.result()
    assert mapped(tmp_path) <= 3
