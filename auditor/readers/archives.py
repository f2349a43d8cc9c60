"""Unpacking gzip, zstd, bzip2 and xz so that an archive that ends too early gives what it has, and is told."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
DAMAGE = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError)
_CHUNK = 1 << 20
_STEP = 1 << 10


def kind(head: bytes) -> str | None:
    """gzip, zstd, bz2 or xz by the first bytes; None for a plain file."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def unpack(path: Path, packed: str, out: IO[bytes]) -> bool:
    """Copy what the archive holds to `out`; False where it ends too early or is damaged from some point on."""
    with _openers()[packed](path) as archive:
        while True:
            try:
                # One step at a time: what was unpacked before the damage must not be lost with it.
                chunk = archive.read(_STEP) if packed == "zstd" else archive.read1(_CHUNK)
            except DAMAGE:
                return False
            except OSError as error:
                if error.errno is None:  # bz2 and Arrow: "Invalid data stream"
                    return False
                raise
            if not chunk:
                return packed != "zstd" or _zstd_ends(path)
            out.write(chunk)


def start(path: Path, size: int) -> bytes:
    """At most `size` of the first bytes of a file, unpacked where it is an archive. Raises OSError and `DAMAGE`."""
    with path.open("rb") as plain:
        head = plain.read(6)
        packed = kind(head)
        if packed is None:
            return head + plain.read(size - len(head))
    found = io.BytesIO()
    with _openers()[packed](path) as archive:
        while (room := size - found.tell()) > 0 and (chunk := archive.read(min(room, _CHUNK))):
            found.write(chunk)
    return found.getvalue()


def _openers() -> dict[str, Callable[[Path], Any]]:
    return {"gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open, "zstd": _zstd}


def _zstd(path: Path) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


def _zstd_ends(path: Path) -> bool:
    """Whether the last zstd frame is whole, by the lengths in its headers (RFC 8878, 3.1).

    Arrow ends a stream that is cut inside a frame as if that were its end (25.0).
    """
    size, at = path.stat().st_size, 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            head = file.read(18)
            if len(head) < 5:
                return False
            if head[:4] == b"\x28\xb5\x2f\xfd":
                at += _zstd_header(head[4])
                last = False
                while not last:
                    file.seek(at)
                    block = int.from_bytes(file.read(3), "little")
                    last, repeated = bool(block & 1), (block >> 1) & 3 == 1
                    at += 3 + (1 if repeated else block >> 3)
                    if at > size or (at == size and not last):
                        return False
                at += 4 if head[4] & 4 else 0
            elif head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:  # a skippable frame
                at += 8 + int.from_bytes(head[4:8], "little")
            else:
                return False
    return at == size


def _zstd_header(descriptor: int) -> int:
    """Length of magic and frame header, by its descriptor byte."""
    single = descriptor >> 5 & 1
    window = 0 if single else 1
    dictionary = (0, 1, 2, 4)[descriptor & 3]
    content = (1 if single else 0, 2, 4, 8)[descriptor >> 6]
    return 4 + 1 + window + dictionary + content
