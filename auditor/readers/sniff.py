"""What a file is, by its bytes first and its name second."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson

from auditor.model.errors import UnreadableFile
from auditor.readers.files import BINARY, TEXT, Local, readable
from auditor.readers.quarantine import shown

SAMPLE = 1 << 20
_LINES = 20

_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive (or an office document): unpack it first",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x7fELF": "a program",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "an SQLite database: export the table as CSV or Parquet",
    b"\x80\x04\x95": "a Python pickle, which is code: save it as Parquet instead",
    b"ORC": "an ORC file: convert it to Parquet",
    b"FEA1": "a Feather file of version 1: write it again with pyarrow.feather.write_feather",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def kind(file: Local) -> str:
    """jsonl, json, csv, parquet, arrow (file) or arrow-stream.

    Raises UnreadableFile for an empty, binary, UTF-16 or unrecognisable file.
    """
    with readable(file.name), file.path.open("rb") as opened:
        head = opened.read(SAMPLE)
    if file.stream:
        return "arrow" if head.startswith(b"ARROW1") else "arrow-stream"
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableFile("the file is empty", file=file.name, wanted="at least one record")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "arrow"
    ending = file.path.suffix.lower()
    if ending in (".arrow", ".ipc", ".feather") and head.startswith(b"\xff\xff\xff\xff"):
        return "arrow-stream"
    text = head.removeprefix(b"\xef\xbb\xbf")
    first = text.lstrip()[:1]
    if first in (b"{", b"["):
        return _json(text, ending, whole=len(head) < SAMPLE)
    _refuse_binary(head, file.name, ending)
    if ending in (".csv", ".tsv"):
        return "csv"
    if ending in (".jsonl", ".ndjson", ".json"):
        return "jsonl"
    if head.startswith(b"\xff\xff\xff\xff"):
        return "arrow-stream"
    if _tabular(text):
        return "csv"
    raise UnreadableFile(
        "the format is not recognised",
        file=file.name,
        seen=shown(head[:60]),
        wanted="a file ending in " + " ".join((*TEXT, *BINARY)),
        hint="convert it to JSON lines: one object a line",
    )


def _json(text: bytes, ending: str, *, whole: bool) -> str:
    """Lines of objects, or one document that must be cut up."""
    lines = text.split(b"\n")
    complete = [line for line in (lines if whole else lines[:-1])[:_LINES] if line.strip()]
    if not complete:
        return "json" if ending == ".json" else "jsonl"
    parsed = [_parses(line) for line in complete]
    objects = sum(isinstance(value, dict) for value in parsed)
    if len(complete) == 1:
        value = parsed[0]
        lined = ending in (".jsonl", ".ndjson")
        single = not isinstance(value, dict) or (whole and not lined)
        return "json" if single and not (lined and value is None) else "jsonl"
    if objects:
        # `{}` alone on a line may stand in an array, one element a line.
        return "json" if text.lstrip()[:1] == b"[" and parsed[0] is None else "jsonl"
    spread = complete[0].strip()[-1:] in (b"{", b"[", b",", b":")
    if all(value is not None for value in parsed[:2]) or (ending in (".jsonl", ".ndjson") and not spread):
        return "jsonl"
    return "json"


def _parses(line: bytes) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _refuse_binary(head: bytes, name: str, ending: str) -> None:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise UnreadableFile(f"this is {what.split(':')[0]}", file=name, hint=what.partition(": ")[2] or None)
    if head.startswith(_UTF16) or _half_zeros(head):
        raise UnreadableFile(
            "the text is UTF-16, not UTF-8",
            file=name,
            hint=f"iconv -f UTF-16 -t UTF-8 {Path(name).name!r} > utf8{ending}",
        )
    sample = head[:65536]
    control = sum(sample.count(bytes([code])) for code in range(32) if code not in (9, 10, 13, 27))
    if b"\x00" in sample or control > len(sample) // 10:
        raise UnreadableFile("the file is binary", file=name, seen=shown(head[:40]), wanted="text, Parquet or Arrow")


def _half_zeros(head: bytes) -> bool:
    """Latin text in UTF-16 without a mark has a zero in every other byte."""
    sample = head[:4096]
    return (
        len(sample) >= 8
        and max(sample[0::2].count(0), sample[1::2].count(0)) > len(sample) // 2 * 0.4
        and (min(sample[0::2].count(0), sample[1::2].count(0)) < len(sample) // 50 + 1)
    )


def _tabular(text: bytes) -> bool:
    """Whether the first lines have one and the same number, two or more, of fields."""
    lines = text.decode("utf-8", "replace").splitlines()[:5]
    for delimiter in (",", "\t", ";"):
        try:
            widths = {len(row) for row in csv.reader(lines, delimiter=delimiter) if row}
        except csv.Error:
            continue
        if len(lines) > 1 and len(widths) == 1 and widths.pop() > 1:
            return True
    return False
