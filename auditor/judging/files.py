"""The files of recorded verdicts: which, of what kind, and their records one by one, with the line of each."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa

from auditor.model.errors import InputError, UnreadableFile
from auditor.model.rows import Quarantine

ENDINGS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
PACKED = (".gz", ".bz2", ".xz", ".zst")
TABLES = ("data", "rows", "records", "examples", "verdicts")
"""Names of an object's field that holds the records."""

THIRD = frozenset({"c", "model_c", "model_3", "output_c", "output_3", "response_c", "response_3", "response3",
                   "Answer3", "generator_3", "candidate_3", "score_c"})  # fmt: skip
"""Fields of a third candidate."""

EXAMPLES = 20
SEEN = 200

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class File:
    """index: its place among the files of the call. name: as reports call it. asked: named by the caller, not found
    in a folder."""

    index: int
    path: Path
    name: str
    asked: bool = True

    @property
    def ending(self) -> str:
        path = Path(self.path.stem) if self.path.suffix.lower() in PACKED else self.path
        return path.suffix.lower()

    @property
    def stem(self) -> str:
        name = "stdin" if self.name == "-" else Path(self.name).name
        while Path(name).suffix.lower() in (*ENDINGS, *PACKED):
            name = Path(name).stem
        return name

    def open(self) -> IO[bytes]:
        """The bytes, unpacked. Raises UnreadableFile."""
        try:
            with self.path.open("rb") as raw:
                head = raw.read(6)
            if head.startswith(b"\x1f\x8b"):
                return gzip.open(self.path)  # type: ignore[return-value]
            if head.startswith(b"BZh"):
                return bz2.open(self.path)
            if head.startswith(b"\xfd7zXZ"):
                return lzma.open(self.path)
            if head.startswith(b"\x28\xb5\x2f\xfd"):
                return pa.CompressedInputStream(pa.OSFile(str(self.path)), "zstd")  # type: ignore[no-any-return]
            return self.path.open("rb")
        except OSError as error:
            raise UnreadableFile(str(error.strerror), file=self.name, wanted="a file of verdicts") from error


@dataclass
class Told:
    """What reading has to tell: notes for the report, and records that could not be read. path: where each of these is
    written, as a JSON object a line; the first are kept."""

    path: Path | None = None
    notes: list[str] = field(default_factory=list)
    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, str | int]] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def bad(self, file: File, line: int, reason: str, seen: bytes | str) -> None:
        text = seen.decode("utf-8", "backslashreplace") if isinstance(seen, bytes) else seen
        cut = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:SEEN])
        record: dict[str, str | int] = {"file": file.name, "line": line, "reason": reason, "seen": cut[:SEEN]}
        if self.path is not None:
            with self.path.open("ab" if self.count else "wb") as lines:
                lines.write(orjson.dumps(record) + b"\n")
        self.count += 1
        self.reasons[reason] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(record)

    def quarantine(self) -> Quarantine:
        return Quarantine(self.count, dict(self.reasons), tuple(self.examples), self.path if self.count else None)


def find(sources: Sequence[str | os.PathLike[str] | File]) -> list[File]:
    """Files, and those of known endings under folders, in the order of their names. Raises UnreadableFile."""
    found: list[File] = []
    for source in sources:
        if isinstance(source, File):
            found.append(source)
            continue
        path = Path(source)
        if path.is_dir():
            inside = [one for one in sorted(path.rglob("*")) if one.is_file() and _known(one)]
            if not inside:
                raise UnreadableFile(
                    "no file of verdicts lies in this folder", file=str(path), wanted=" ".join(ENDINGS)
                )
            found += [File(0, one, _shown(one, path), asked=False) for one in inside]
        else:
            found.append(File(0, path, _shown(path, None)))
    return [replace(file, index=index) for index, file in enumerate(found)]


def _known(path: Path) -> bool:
    return (path.with_suffix("") if path.suffix.lower() in PACKED else path).suffix.lower() in ENDINGS


def _shown(path: Path, folder: Path | None) -> str:
    """From the working folder; where it lies elsewhere from the folder that was asked for, or by its name alone."""
    here, place = Path.cwd(), path.absolute()
    if place.is_relative_to(here):
        return place.relative_to(here).as_posix()
    return path.name if folder is None else path.relative_to(folder.parent).as_posix()


def kind(file: File) -> str:
    """parquet, csv, json (one document) or jsonl, by the bytes first and the name second."""
    head = _head(file)
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise UnreadableFile("the file is empty", file=file.name, wanted="at least one verdict")
    if text.startswith(b"[") or (text.startswith(b"{") and not _lines(text)):
        return "json"
    if text.startswith(b"{"):
        return "jsonl"
    if file.ending in (".csv", ".tsv") or b"\0" not in head:
        return "csv"
    raise UnreadableFile(
        "the format is not recognised", file=file.name, wanted="JSON, JSON Lines, CSV or Parquet of verdicts"
    )


def _head(file: File) -> bytes:
    try:
        with file.open() as opened:
            return opened.read(1 << 16)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise UnreadableFile("the archive is damaged", file=file.name, seen=str(error)) from error


def _lines(text: bytes) -> bool:
    """Whether there is an object a line; one alone is a document, which may hold a table."""
    first, newline, rest = text.partition(b"\n")
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError:
        return not newline or b"NaN" in first  # a line longer than what was looked at, or as Python writes it
    return bool(rest.strip())


def delimiter(file: File) -> str:
    line = next(iter(_head(file).decode("utf-8-sig", "replace").splitlines()), "")
    return max(",\t;|", key=line.count)


def of_two(file: File, line: int | None, fields: Iterable[str]) -> None:
    """Raises InputError where there is a third candidate among the fields of a record, or of a file."""
    if third := sorted(THIRD & set(fields)):
        raise InputError(
            "there are three candidates",
            file=file.name,
            line=line,
            seen=f"fields {', '.join(third)}",
            wanted="verdicts on pairs: one record a pair of candidates",
        )


def records(file: File, told: Told) -> Iterator[tuple[int, Record]]:
    """(line or record, fields) of a file. What is no record is told as bad. Raises UnreadableFile."""
    which = kind(file)
    try:
        if which == "jsonl":
            yield from _json_lines(file, told)
        elif which == "json":
            yield from _document(file, told)
        elif which == "csv":
            yield from _csv(file, told)
        else:
            yield from _parquet(file)
    except (OSError, EOFError, lzma.LZMAError, pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise UnreadableFile(
            "the file is damaged", file=file.name, seen=str(error)[:SEEN], hint="write it again, or fetch it again"
        ) from error


def _json_lines(file: File, told: Told) -> Iterator[tuple[int, Record]]:
    with file.open() as opened:
        for number, line in enumerate(io.BufferedReader(opened) if isinstance(opened, io.RawIOBase) else opened, 1):
            text = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if not text:
                continue
            try:
                record = _parsed(text)
            except ValueError as error:
                told.bad(file, number, f"broken JSON: {str(error).partition(':')[0]}", text[: SEEN * 4])
                continue
            if isinstance(record, dict):
                yield number, record
            else:
                told.bad(file, number, "not an object", text[: SEEN * 4])


def _parsed(text: bytes) -> Any:
    """JSON, and what Python writes beside it: NaN and Infinity. Raises ValueError."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if b"NaN" not in text and b"Infinity" not in text:
            raise
        return json.loads(text)


def _document(file: File, told: Told) -> Iterator[tuple[int, Record]]:
    """The objects of an array; of the table in an object (`{"data": […]}`); or the object itself."""
    with file.open() as opened:
        content = opened.read().removeprefix(b"\xef\xbb\xbf")
    try:
        document = _parsed(content)
    except ValueError as error:
        raise UnreadableFile("broken JSON", file=file.name, seen=str(error)[:SEEN]) from error
    rows = document
    if isinstance(document, dict):
        rows = next((document[name] for name in TABLES if isinstance(document.get(name), list)), [document])
    for number, record in enumerate(rows, 1):
        if isinstance(record, dict):
            yield number, record
        else:
            told.bad(file, number, "not an object", str(record)[:SEEN])


def _csv(file: File, told: Told) -> Iterator[tuple[int, Record]]:
    mark = delimiter(file)
    with file.open() as opened, io.TextIOWrapper(opened, "utf-8-sig", newline="") as text:
        rows = csv.reader(text, delimiter=mark)
        head = next(rows, [])
        for number, row in enumerate(rows, 1):
            if len(row) == len(head):
                yield number, {name: value or None for name, value in zip(head, row, strict=True)}
            elif row:
                told.bad(file, number, f"{len(row)} fields where the head has {len(head)}", mark.join(row))


def _parquet(file: File) -> Iterator[tuple[int, Record]]:
    import pyarrow.parquet as pq

    number = 0
    for batch in pq.ParquetFile(file.path).iter_batches(4096):
        for record in batch.to_pylist():
            number += 1
            yield number, record
