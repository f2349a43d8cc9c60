"""What splits of real data gave, kept so that an interrupted calibration goes on where it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import xxhash


@dataclass(frozen=True, slots=True)
class Seen:
    """What a split gave: metrics with (value, what it was measured over), and those without with the reason."""

    values: Mapping[str, tuple[float, int]]
    whys: Mapping[str, str]


class Kept:
    """Values by split, a sealed line each: what was measured before an interruption is read again. A line that was
    cut by a kill, or altered, is measured again."""

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{key}.jsonl"

    def read(self) -> dict[int, Seen]:
        found: dict[int, Seen] = {}
        if self._path.is_file():
            for line in self._path.read_bytes().splitlines():
                seal, _, content = line.partition(b" ")
                if seal == _seal(content):
                    one = orjson.loads(content)
                    values = {name: (value, n) for name, (value, n) in one["values"].items()}
                    found[one["split"]] = Seen(values, one["whys"])
        return found

    def add(self, seed: int, found: Seen) -> None:
        with self._path.open("ab") as file:
            content = orjson.dumps({"split": seed, "values": dict(found.values), "whys": dict(found.whys)})
            file.write(b"\n" + _seal(content) + b" " + content)


def _seal(content: bytes) -> bytes:
    return xxhash.xxh3_64_hexdigest(content).encode()
