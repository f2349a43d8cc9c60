"""Verdicts in our own column names, or in columns that are mapped to them, by Arrow: blocks, never a row in Python.

CSV, Parquet and JSON Lines are read block by block into the columns of `build.SCHEMA`; names become dictionaries as
they are read, so that ten million verdicts fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.judging.build import SCHEMA
from auditor.judging.files import File, Told, delimiter, kind, of_two
from auditor.judging.formats import own
from auditor.model.errors import ConfigError, UnreadableFile, suggest
from auditor.model.rows import arrow

BLOCK = 8 << 20
"""Bytes of text that are parsed at a time."""

NAMES = ("item", "a", "b", "first", "verdict", "judge", "judge_model", "prompt", "human")
TEXTS = ("question", "output_a", "output_b", "raw")
NUMBERS = ("repeat", "strength", "score_a", "score_b", "tokens_in", "tokens_out", "cost")
NAME, TEXT = pa.dictionary(pa.int32(), pa.string()), pa.large_string()

FIELDS = 20
"""Fields that a message shows."""

Progress = Callable[[int], None]
"""Told how many bytes more were read."""


def fields(file: File) -> list[str]:
    """The names of a file's columns; of a JSON Lines file, those of its first record."""
    which = kind(file)
    if which == "parquet":
        import pyarrow.parquet as pq

        names: list[str] = pq.read_schema(file.path).names
        return names
    if which == "csv":
        import csv

        mark = delimiter(file)
        with file.open() as opened:
            line = opened.readline().decode("utf-8-sig", "replace")
        return next(csv.reader([line], delimiter=mark), [])
    return []


def read(file: File, mapping: Mapping[str, str], told: Told, progress: Progress) -> pa.Table | None:
    """The file's verdicts in columns of SCHEMA; None where Arrow cannot read it, and records must be.

    mapping: our column -> field. Raises ConfigError for a field that no column has, UnreadableFile.
    """
    which = kind(file)
    if which == "json":
        return None
    wanted = {column: mapping.get(column, column) for column in own.COLUMNS}
    if which != "jsonl":
        known = fields(file)
        for column, field in mapping.items():
            if field not in known:
                raise no_column(file, column, field, known)
        wanted = {column: field for column, field in wanted.items() if field in known}
    texts = [field for column, field in wanted.items() if column in TEXTS]
    names = [field for column, field in wanted.items() if column not in TEXTS]
    try:
        if which == "csv":
            blocks = _csv(file, names, texts, told)
        else:
            blocks = _parquet(file, names, texts) if which == "parquet" else _jsonl(file)
        parts = []
        for block in blocks:
            progress(block.nbytes)
            of_two(file, None, block.schema.names)
            parts.append(_ours(block, wanted))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        if which == "jsonl":
            return None  # mixed types or a broken line: told of each by reading records
        raise UnreadableFile("the file is damaged", file=file.name, seen=str(error)[:200]) from error
    if not parts:
        return None
    table = pa.concat_tables(parts, promote_options="default")
    n = len(table)
    table = table.append_column("line", arrow(np.arange(1, n + 1, dtype=np.int64)))
    return table.append_column("file", arrow(_place(file.index, n)))


def no_column(file: File, column: str, field: str, known: Sequence[str]) -> ConfigError:
    """A field that the call names and no record has."""
    message = f"--map {column}={field}: the file has no column {field!r}"
    return ConfigError(message, file=file.name, seen=shown(known), hint=suggest(field, known))


def shown(names: Sequence[str]) -> str:
    """The fields of a file, for messages."""
    more = f" and {len(names) - FIELDS} more" if len(names) > FIELDS else ""
    listed = ", ".join(ascii(name) if not name.isprintable() else name for name in names[:FIELDS])
    return f"fields {listed}{more}" if names else "no record"


def _place(index: int, n: int) -> npt.NDArray[np.int32]:
    """The file of every row; zeros that nobody has written take no memory."""
    return np.full(n, index, np.int32) if index else np.zeros(n, np.int32)


def _csv(file: File, names: Sequence[str], texts: Sequence[str], told: Told) -> Iterator[pa.RecordBatch]:
    from pyarrow import csv

    def skip(row: csv.InvalidRow) -> str:
        reason = f"{row.actual_columns} fields where the head has {row.expected_columns}"
        told.bad(file, row.number or 0, reason, row.text)
        return "skip"

    with file.open() as opened:
        yield from csv.open_csv(
            opened,
            csv.ReadOptions(block_size=BLOCK, use_threads=False),  # threads do not know the lines of what they skip
            csv.ParseOptions(delimiter=delimiter(file), newlines_in_values=bool(texts), invalid_row_handler=skip),
            csv.ConvertOptions(
                include_columns=[*dict.fromkeys((*names, *texts))],
                column_types={**dict.fromkeys(names, NAME), **dict.fromkeys(texts, TEXT)},
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


def _parquet(file: File, names: Sequence[str], texts: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file.path, read_dictionary=list(names)) as opened:
        yield from opened.iter_batches(1 << 18, columns=[*dict.fromkeys((*names, *texts))])


def _jsonl(file: File) -> Iterator[pa.RecordBatch]:
    from pyarrow import json

    with file.open() as opened:
        yield from json.open_json(opened, json.ReadOptions(block_size=BLOCK))


def _ours(block: pa.RecordBatch, wanted: Mapping[str, str]) -> pa.Table:
    """A block in our columns and their types."""
    columns = {}
    for column, field in wanted.items():
        if field in block.schema.names:
            columns[column] = _typed(block.column(field), column)
    return pa.table(columns)


def _typed(values: pa.Array, column: str) -> pa.Array:
    kind_ = values.type
    if pa.types.is_nested(kind_):
        raise pa.ArrowInvalid(f"{column} is nested")
    if column in NUMBERS:
        plain = values.dictionary_decode() if pa.types.is_dictionary(kind_) else values
        return _number(plain, SCHEMA.field(column).type)
    if column in TEXTS:
        return (values.dictionary_decode() if pa.types.is_dictionary(kind_) else values).cast(TEXT)
    if pa.types.is_dictionary(kind_):
        if len(values.dictionary) > len(values) // 4:  # a Parquet file gives each block the names of all
            values = values.dictionary_decode().dictionary_encode()
        return values.cast(NAME)
    if pa.types.is_floating(kind_):
        values = pc.if_else(pc.equal(pc.floor(values), values), values.cast(pa.int64(), safe=False).cast(pa.string()),
                            values.cast(pa.string()))  # fmt: skip
    return values.cast(pa.string()).dictionary_encode()


NUMBER = r"^\s*[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+|[iI]nf(?:inity)?|[nN]a[nN])\s*$"


def _number(values: pa.Array, kind_: pa.DataType) -> pa.Array:
    """Numbers; a text that is none becomes NaN, which is counted as it is built."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        readable = pc.match_substring_regex(values, NUMBER)
        values = pc.if_else(pc.is_null(values), None, pc.if_else(readable, pc.utf8_trim_whitespace(values), "nan"))
    if pa.types.is_integer(kind_):
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_finite(values), values, None).cast(kind_, safe=False)
    return values.cast(kind_, safe=False)
