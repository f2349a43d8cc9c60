"""Canonical rows: the one shape that checks see, whatever the file was.

A `Dataset` is a list of memory-mapped `Shard`s of about 64K rows. A shard's file is independent of
its position, so that two versions of a dataset share the shards that they have in common; what
depends on position (`row`, `copy`, file and line) is laid beside it when a shard is opened.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

SHARD_ROWS = 65_536
"""Records of a source file that make one shard (rows are fewer where some were quarantined)."""

MESSAGES = pa.list_(
    pa.struct([("role", pa.large_string()), ("content", pa.large_string()), ("extra", pa.large_string())])
)

SHARD_SCHEMA = pa.schema(
    [
        ("digest", pa.binary(16)),  # xxh3-128 of the canonical row's typed content
        ("id", pa.large_string()),  # the user's id, or the digest in hex where there is none
        ("prompt", pa.large_string()),
        ("response", pa.large_string()),
        ("rejected", pa.large_string()),
        ("text", pa.large_string()),  # everything a model would train on, in order; never null
        ("messages", MESSAGES),  # the conversation as given; null for formats without turns
        ("source", pa.large_string()),
        ("meta", pa.large_string()),  # JSON object of every other field; never null ("{}")
    ]
)

POSITION_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),  # position in the dataset: file order, then line order
        ("copy", pa.int32()),  # the how-manieth row with this digest, from 0
        ("file", pa.int32()),  # index into Dataset.files
        ("line", pa.int64()),  # 1-based line, or 1-based record where the format has no lines
    ]
)

OTHER, NONE = "(other)", "(none)"

ROUNDS = ("round", "generation", "iteration")
"""Fields by which a row tells of which round of generation it is."""

MAKERS = (
    "generator",
    "generator_model",
    "generator_name",
    "model",
    "model_name",
    "model_id",
    "teacher",
    "teacher_model",
    "source_model",
    "engine",
    "prompt_id",
    "prompt_name",
    "prompt_version",
    "prompt_template",
    "template",
    "template_id",
    "seed",
    "seed_id",
    "seed_task_id",
    "technique",
    "method",
)
"""Fields that name a row's generator, prompt, seed or technique: rows are attributed by them without being asked, and
they are nothing that a row is compared with real ones by."""


@dataclass(frozen=True, slots=True)
class Strings:
    """A text column as the kernels want it: value i is data[offsets[i]:offsets[i + 1]].

    offsets: int64 [n + 1], ascending, not necessarily from 0. data: uint8. A null is an empty slice
    with valid[i] False; `valid` is None where nothing is null.
    """

    offsets: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.offsets) - 1


def strings(array: pa.Array) -> Strings:
    """View a large_string array's buffers without a copy, and without leave to write, whoever owns them: kernels
    are compiled for one kind of array."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    if array.type != pa.large_string():
        array = array.cast(pa.large_string())
    n = len(array)
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + n + 1] if n else np.zeros(1, np.int64)
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    valid = None if array.null_count == 0 else np.asarray(array.is_valid())
    starts.setflags(write=False)
    content.setflags(write=False)
    return Strings(starts, content, valid)


def arrow(values: npt.NDArray[Any]) -> pa.Array:
    """View a contiguous array of numbers as Arrow, without a copy and without `pa.array`, which imports
    pandas (0.1 s) where it is installed, to ask whether it was given a series."""
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


@dataclass(frozen=True, slots=True)
class Groups:
    """One attribution column of a shard: labels[codes[i]] is row i's group. codes: int32 [n]."""

    labels: tuple[str, ...]
    codes: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Rows:
    """One opened shard: canonical, positional and annotated columns under one roof.

    Derived views are computed once and shared by all checks of a scan. Nothing here may be changed.
    """

    batch: pa.RecordBatch
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: str = ""
    """Equal identity, equal canonical and annotated content; empty where nobody vouches for it."""

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    def __contains__(self, name: str) -> bool:
        return name in self.batch.schema.names

    def column(self, name: str) -> pa.Array:
        return self.batch.column(name)

    def numpy(self, name: str) -> npt.NDArray[Any]:
        """A numeric or boolean column; nulls become NaN in a float column and are an error elsewhere."""
        key = f"numpy:{name}"
        if key not in self._views:
            self._views[key] = self.batch.column(name).to_numpy(zero_copy_only=False)
        array: npt.NDArray[Any] = self._views[key]
        return array

    def strings(self, name: str) -> Strings:
        key = f"strings:{name}"
        if key not in self._views:
            self._views[key] = strings(self.batch.column(name))
        view: Strings = self._views[key]
        return view

    @cached_property
    def _views(self) -> dict[str, Any]:
        return {}

    @cached_property
    def groups(self) -> Mapping[str, Groups]:
        """Attribution columns as codes; beyond the labels kept for the dataset lies `(other)`."""
        return {name: _groups(self.batch.column(name), labels) for name, labels in self.by.items()}


def _groups(column: pa.Array, labels: tuple[str, ...]) -> Groups:
    import pyarrow.compute as pc  # 0.03 s, which opening rows should not cost

    text = column.cast(pa.large_string())
    codes = pc.index_in(text, value_set=pa.array(labels, pa.large_string()))
    codes = pc.if_else(pc.is_null(text), len(labels) + 1, pc.fill_null(codes, len(labels)))
    return Groups((*labels, OTHER, NONE), codes.to_numpy(zero_copy_only=False).astype(np.int32))


@dataclass(frozen=True, slots=True)
class Shard:
    """A place on disk that opens as `Rows`.

    digest: hex of the digest over its rows' digests, in order: equal digest, equal content.
    position: IPC file with POSITION_SCHEMA for these rows. annotations: IPC files, one an
    annotator, row-aligned with the shard. of, only: a selection holds the shard that its rows are of, and which
    (int64, ascending); its own digest is of both.
    """

    digest: str
    start: int
    rows: int
    path: Path
    position: Path
    annotations: tuple[Path, ...] = ()
    of: Shard | None = None
    only: npt.NDArray[np.int64] | None = field(default=None, compare=False)

    def open(self, by: Mapping[str, tuple[str, ...]] | None = None) -> Rows:
        if self.of is not None and self.only is not None:
            return Rows(_PICKED.known(self._picked, self.digest, self.start, *self._versions), by or {})
        columns: dict[str, pa.Array] = {}
        for path in (self.path, self.position, *self.annotations):
            batch = _MAPS.open(path)
            for name in batch.schema.names:
                columns.setdefault(name, batch.column(name))
        identity = ":".join((self.digest, *(path.name for path in self.annotations)))
        return Rows(pa.RecordBatch.from_pydict(columns), by or {}, identity)

    @property
    def _versions(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(_version, (self.path, self.position, *self.annotations)))

    def _picked(self) -> pa.RecordBatch:
        assert self.of is not None
        assert self.only is not None
        picked = self.of.open().batch.take(arrow(self.only))
        rows = arrow(np.arange(self.start, self.start + self.rows, dtype=np.int64))
        return picked.set_column(picked.schema.get_field_index("row"), "row", rows)


class Kept:
    """What was opened last and is as it was then: a small dataset is asked for thousands of times.

    room: bytes that all of it has together at most, as its pages count as the process's; what is larger is made anew
    each time, which costs little beside reading it. No file stays open: a map holds its inode, so that a file replaced
    under the same name is another one, and an inode's number names no other file while its map is kept.
    """

    def __init__(self, room: int) -> None:
        self._room, self._held = room, 0
        self._kept: OrderedDict[tuple[Any, ...], tuple[int, pa.RecordBatch]] = OrderedDict()
        self._lock = threading.Lock()

    def open(self, path: Path) -> pa.RecordBatch:
        """The rows of a file."""
        name = _version(path)
        if (known := self._get(name)) is None:
            known = _map(path)
            if _version(path) == name:  # or else it was replaced in the meantime
                self._keep(name, name[0], known)
        return known

    def known(self, make: Callable[[], pa.RecordBatch], *name: Any) -> pa.RecordBatch:
        """What was made under this name, which tells its content."""
        if (known := self._get(name)) is None:
            known = make()
            self._keep(name, known.nbytes, known)
        return known

    def _get(self, name: tuple[Any, ...]) -> pa.RecordBatch | None:
        with self._lock:
            if name not in self._kept:
                return None
            self._kept.move_to_end(name)
            return self._kept[name][1]

    def _keep(self, name: tuple[Any, ...], size: int, batch: pa.RecordBatch) -> None:
        if size > self._room:
            return
        with self._lock:
            self._held += size if name not in self._kept else 0
            self._kept[name] = size, batch
            while self._held > self._room:
                self._held -= self._kept.popitem(last=False)[1][0]


_MAPS = Kept(32 << 20)
"""GSM8K's 7,473 rows with two annotations are 10 MB."""

_PICKED = Kept(32 << 20)
"""Selections, of which 3,700 rows of GSM8K are 5 MB."""


def _version(path: Path) -> tuple[int, ...]:
    """Size, and what tells one file's content from another's."""
    seen = path.stat()
    return seen.st_size, seen.st_dev, seen.st_ino, seen.st_mtime_ns


def _map(path: Path) -> pa.RecordBatch:
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Rows that could not be read: how many, and the first of them as (file, line, reason, cut)."""

    count: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[Mapping[str, str | int], ...] = ()
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Canonical rows on disk. Opening a shard costs a memory map; no row is held by this object.

    digest: `sha256:HEX` over the sorted SHA-256 of the canonical rows (order-independent).
    fields: typed columns found in `meta` (name -> "int" | "float" | "bool" | "string"), which the
    fields annotator brings out. schema: the top-level fields of the records as they were given (name ->
    "text" | "integer" | "float" | "boolean" | "nested"); empty where nobody looked. shapes: recognised record
    shape -> rows. notes: what a reader of the report should know about how the data was read.
    """

    name: str
    digest: str
    format: str
    rows: int
    shards: tuple[Shard, ...]
    files: tuple[str, ...]
    shapes: Mapping[str, int]
    fields: Mapping[str, str]
    quarantine: Quarantine = Quarantine()
    notes: tuple[str, ...] = ()
    by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schema: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.rows

    def __iter__(self) -> Iterator[Rows]:
        for shard in self.shards:
            yield shard.open(self.by)

    def shard(self, index: int) -> Rows:
        return self.shards[index].open(self.by)

    @property
    def columns(self) -> tuple[str, ...]:
        if not self.shards:
            return (*SHARD_SCHEMA.names, *POSITION_SCHEMA.names)
        return tuple(self.shard(0).batch.schema.names)

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """The given rows, in the order given: random access for evidence, never for a scan."""
        wanted = np.asarray(rows, np.int64)
        starts = np.array([shard.start for shard in self.shards], np.int64)
        home = np.searchsorted(starts, wanted, side="right") - 1
        pieces, order = [], []
        for index in np.unique(home):
            mine = np.flatnonzero(home == index)
            opened = self.shard(int(index))
            picked = pa.table({name: opened.column(name) for name in columns}).take(wanted[mine] - starts[index])
            pieces.append(picked)
            order.append(mine)
        if not pieces:
            return self._empty(columns)
        return pa.concat_tables(pieces).take(np.argsort(np.concatenate(order), kind="stable"))

    def _empty(self, columns: Sequence[str]) -> pa.Table:
        known = {**{f.name: f.type for f in SHARD_SCHEMA}, **{f.name: f.type for f in POSITION_SCHEMA}}
        return pa.table({name: pa.array([], known.get(name, pa.null())) for name in columns})

    def select(self, rows: npt.NDArray[np.int64]) -> Dataset:
        """The given rows (ascending) as a dataset, numbered from 0; nothing is copied until a shard is opened.

        Attributes of the whole (digest, shapes, notes) stay as they are.
        """
        cuts = np.searchsorted(rows, [shard.start for shard in self.shards] + [self.rows])
        shards: list[Shard] = []
        for shard, low, high in zip(self.shards, cuts[:-1], cuts[1:], strict=True):
            if high > low:
                only = rows[low:high] - shard.start
                digest = f"{shard.digest}:{hashlib.blake2b(only.tobytes(), digest_size=16).hexdigest()}"
                start = sum(one.rows for one in shards)
                of, chosen = shard, only
                if shard.of is not None and shard.only is not None:  # rows of a selection are taken out once, not twice
                    of, chosen = shard.of, shard.only[only]
                shards.append(replace(shard, digest=digest, start=start, rows=len(only), of=of, only=chosen))
        return replace(self, shards=tuple(shards), rows=len(rows))

    def annotated(self, paths: Sequence[Path]) -> Dataset:
        """The same dataset with one more annotation file a shard (in shard order)."""
        shards = tuple(
            replace(shard, annotations=(*shard.annotations, path))
            for shard, path in zip(self.shards, paths, strict=True)
        )
        return replace(self, shards=shards)
