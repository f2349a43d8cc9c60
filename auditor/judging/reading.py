"""Files of recorded verdicts -> `Verdicts`: recognised by shape, said aloud, put together.

By Arrow where the columns are our own or mapped to them (`columns`), record by record in every other format.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from auditor.judging import columns, labels
from auditor.judging.build import SCHEMA, Columns, build
from auditor.judging.files import File, Record, Told, find, of_two, records
from auditor.judging.formats import FORMATS, own, recognised
from auditor.model.errors import ConfigError, InputError, UnknownShape, suggest
from auditor.model.verdicts import Verdicts

MAPPED = "mapped"
"""The format of files whose columns the call has named."""

LOOKED_AT = 20
"""Records of a file that are asked for its format: the first may be an exception."""

Advance = Callable[[int, int], None]


def open(  # noqa: A001  `judging.open(files)` reads as what it does
    sources: Sequence[str | os.PathLike[str] | File],
    *,
    form: str | None = None,
    mapping: Mapping[str, str] | None = None,
    name: str | None = None,
    progress: Advance = lambda done, total: None,
    quarantine: Path | None = None,
) -> Verdicts:
    """The verdicts of files, and of all files under folders.

    form: a name of `formats.FORMATS`, where it is not to be recognised. mapping: our column -> field, for any flat
    file. A file of a folder that is in no format is passed over, and told. quarantine: where records that could not
    be read are written.

    Raises UnreadableFile, UnknownShape, InputError (three candidates, no item) and ConfigError.
    """
    mapping = _mapping(mapping or {})
    if form is not None and form not in FORMATS:
        raise ConfigError(f"no format of verdicts is called {form!r}", hint=suggest(form, FORMATS))
    files = find(sources)
    told = Told(quarantine)
    total = max(1, sum(file.path.stat().st_size for file in files if file.path.exists()))
    done = [0]

    def read(count: int) -> None:
        done[0] += count
        progress(min(done[0], total), total)

    forms = _forms(files, form, mapping, told)
    files = [replace(file, index=index) for index, file in enumerate(forms)]
    forms = dict(zip(files, forms.values(), strict=True))
    fields = {file: mapped for file, (_, mapped) in forms.items()}
    tables: list[pa.Table] = []
    titles: list[str] = []
    shapes: Counter[str] = Counter()
    for which in dict.fromkeys(form for form, _ in forms.values()):
        mine = [file for file in files if forms[file][0] == which]
        before = told.count
        held = len(tables)
        met: set[str] = set()
        tables.extend(_read(which, mine, fields, told, read, met))
        rows = sum(len(part) for part in tables[held:])
        shapes[which] += rows
        called = "columns mapped by the call" if which == MAPPED else FORMATS[which].TITLE
        several = f" in {len(mine)} files" if len(mine) > 1 else ""
        told.notes.insert(0, f"recognised as {called}{several}: {rows:,} verdicts")
        if not rows and told.count == before:
            raise InputError("there is no verdict in it", file=mine[0].name, wanted="at least one verdict")
        if which == MAPPED:
            _met(met, mapping, mine)
        titles.append(called)
    together = _together(tables)
    _askable(together, files)
    progress(total, total)
    return build(
        together,
        name=name or _name(files),
        format=", ".join(titles),
        files=[file.name for file in files],
        shapes=shapes,
        fields={c: field for mapped in fields.values() for c, field in mapped.items() if c != field},
        quarantine=told.quarantine(),
        notes=told.notes,
    )


def from_records(
    given: Iterable[Mapping[str, Any]], *, name: str = "verdicts", mapping: Mapping[str, str] | None = None
) -> Verdicts:
    """Verdicts of records in our own format, as reading a file of them gives. mapping: our column -> field."""
    told = Told()
    mapping = _mapping(mapping or {})
    held = list(given)
    mapping = _graded({name for record in held for name in record}, mapping, told)
    ours = (
        {**{column: record.get(mapping.get(column, column)) for column in own.COLUMNS}, "file": 0, "line": line}
        for line, record in enumerate(held, 1)
    )
    tables = list(_tables(ours, told)) or [SCHEMA.empty_table()]
    return build(
        _together(tables),
        name=name,
        format="records",
        files=("<memory>",),
        shapes={"own": len(held)},
        fields={column: field for column, field in mapping.items() if column != field},
        notes=told.notes,
    )


def _mapping(mapping: Mapping[str, str]) -> Mapping[str, str]:
    for column in mapping:
        if column not in own.COLUMNS:
            raise ConfigError(f"verdicts have no column {column!r}", hint=suggest(column, own.COLUMNS))
    return mapping


def _graded(fields: Collection[str], mapping: Mapping[str, str], told: Told) -> Mapping[str, str]:
    """The mapping, and a field that scores one output by itself, which is told."""
    found = own.graded({*fields, *mapping} - set(mapping.values()))
    for column, field in found.items():
        told.note(f"{field} is read as {column}: the score of one output by itself")
    return {**mapping, **found}


def _forms(
    files: Sequence[File], asked: str | None, mapping: Mapping[str, str], told: Told
) -> dict[File, tuple[str, Mapping[str, str]]]:
    """The format of every file that is in one, and our column -> its field."""
    forms: dict[File, tuple[str, Mapping[str, str]]] = {}
    passed: list[str] = []
    for file in files:
        seen = [record for _, record in islice(records(file, Told()), LOOKED_AT)]
        for line, record in enumerate(seen, 1):
            of_two(file, line, record)
        if mapping:
            form: str | None = MAPPED
        else:
            form = asked or next(filter(None, map(recognised, seen)), None)
        names = {name for record in seen for name in record}
        if form is None and own.ASKED & names and own.graded(names):
            form = "own"
        if form is not None:
            forms[file] = form, _graded(names, mapping, told) if form in (MAPPED, "own") else mapping
        elif file.asked:
            raise _unknown(file, seen)
        else:
            passed.append(file.name)
    if not forms:
        raise UnknownShape("no file is in a format of verdicts", seen=", ".join(passed[:5]), wanted=_known())
    if passed:
        more = f" and {len(passed) - 3} more" if len(passed) > 3 else ""
        told.note(f"{len(passed)} files are in no format of verdicts, and passed over: {', '.join(passed[:3])}{more}")
    return forms


def _unknown(file: File, seen: Sequence[Record]) -> UnknownShape:
    return UnknownShape(
        "these are no verdicts in a format that is known",
        file=file.name,
        seen=columns.shown(_names(seen)),
        wanted=_known(),
        hint="name the fields: --map item=FIELD --map verdict=FIELD (and a, b, first, judge, output_a, output_b …; "
        "of scores score_a, score_b)",
    )


def _names(seen: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(str(name) for record in seen for name in record))


def _met(met: Collection[str], mapping: Mapping[str, str], files: Sequence[File]) -> None:
    """Raises ConfigError where no record has a field that the call names."""
    for column, field in mapping.items():
        if column not in met:
            seen = [record for file in files for _, record in islice(records(file, Told()), LOOKED_AT)]
            raise columns.no_column(files[0], column, field, _names(seen))


def _known() -> str:
    return "; ".join(form.TITLE for form in FORMATS.values())


def _read(
    form: str,
    files: Sequence[File],
    fields: Mapping[File, Mapping[str, str]],
    told: Told,
    read: columns.Progress,
    met: set[str],
) -> Iterator[pa.Table]:
    if form not in (MAPPED, "own"):
        yield from _tables(FORMATS[form].verdicts(files, told), told)
        for file in files:
            read(file.path.stat().st_size)
        return
    for file in files:
        table = columns.read(file, fields[file], told, read)
        if table is not None:
            met.update(table.column_names)
            yield table
        else:
            yield from _tables(_of(file, fields[file], told, met), told)


def _of(file: File, mapping: Mapping[str, str], told: Told, met: set[str]) -> Iterator[dict[str, Any]]:
    """Records with fields that the call has named. met: gets the columns whose fields there are."""
    for line, record in records(file, told):
        of_two(file, line, record)
        met.update(column for column, field in mapping.items() if field in record)
        yield {
            **{column: record.get(mapping.get(column, column)) for column in own.COLUMNS},
            "file": file.index,
            "line": line,
        }


CHUNK = 65_536
"""Verdicts that are held as Python objects at a time."""


def _tables(verdicts: Iterator[dict[str, Any]], told: Told) -> Iterator[pa.Table]:
    strange: Counter[str] = Counter()
    while chunk := list(islice(verdicts, CHUNK)):
        made = {
            field.name: pa.array([_cell(one.get(field.name), field, strange) for one in chunk], field.type)
            for field in SCHEMA
        }
        yield pa.table(
            {name: column for name, column in made.items() if name == "verdict" or column.null_count < len(chunk)}
        )
    for name, count in strange.items():
        told.note(f"{count:,} values of {name} are of the wrong type, and taken as none")


def _cell(value: Any, field: pa.Field, strange: Counter[str]) -> Any:
    """A value as its column wants it; None for what it cannot be."""
    if value is None:
        return None
    if pa.types.is_large_string(field.type):
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # as by Arrow
        return (
            value if isinstance(value, str) else str(value) if isinstance(value, int | float) else _odd(field, strange)
        )
    if pa.types.is_boolean(field.type):
        truth = value if isinstance(value, bool) else labels.truth(str(value))
        return truth if truth is not None else _odd(field, strange)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _odd(field, strange)
    if pa.types.is_integer(field.type):
        return int(number) if math.isfinite(number) and 0 <= number < 2**31 else _odd(field, strange)
    return number


def _odd(field: pa.Field, strange: Counter[str]) -> None:
    strange[field.name] += 1


def _together(tables: list[pa.Table]) -> Columns:
    """The columns of all tables, which are let go; names as dictionaries."""
    every = list(dict.fromkeys(name for table in tables for name in table.column_names))
    columns_ = {}
    for name in every:
        kind = columns.NAME if name in columns.NAMES else SCHEMA.field(name).type
        chunks: list[pa.Array] = []
        for table in tables:
            if name in table.column_names:
                column = table.column(name)
                if name in columns.NAMES and not pa.types.is_dictionary(column.type):
                    column = column.cast(pa.string()).dictionary_encode()
                chunks += column.cast(kind).chunks
                del column
            else:
                chunks.append(pa.nulls(len(table), kind))
        columns_[name] = pa.chunked_array(chunks, kind)
    tables.clear()
    return columns_


def _askable(has: Collection[str], files: Sequence[File]) -> None:
    """Raises InputError where there is nothing to tell a verdict by, or no verdict."""
    if not {"verdict", "score_a"} & set(has):
        raise InputError("there is no verdict in it", file=files[0].name, wanted="a column of verdicts, or of scores",
                         hint="name it: --map verdict=FIELD (or score_a=FIELD, and score_b=FIELD)")  # fmt: skip
    if not set(has) & {"item", "question", "output_a"}:
        raise InputError("nothing says what was judged", file=files[0].name, wanted="an item, or a question",
                         hint="name it: --map item=FIELD (or --map question=FIELD)")  # fmt: skip


def _name(files: Sequence[File]) -> str:
    """`verdicts.jsonl` -> verdicts; several files by the folder that they have in common."""
    if len(files) == 1:
        return files[0].stem or "verdicts"
    return os.path.basename(os.path.commonpath([file.path.absolute().parent for file in files])) or "verdicts"  # noqa: PTH119
