"""Make a large JSONL of instruction rows for benchmarks: fast, seeded, near-duplicates only where planted.

    python benchmarks/make_corpus.py --out FILE [--rows 1000000] [--bytes 1000] [--copies 0.02] [--near 0.05] [--seed 7]

Words follow Zipf's law over 50,000 made-up words, so documents share common words as text does, and two rows
that were not planted share hardly any 5-word shingle. Rows are `instruction`, `response`, `generator`,
`prompt_id`, `id`. `--copies` is the share of rows that repeat an earlier one, `--near` of those that repeat it
with a tenth of the words at the end replaced (Jaccard of 5-word shingles about .8, either side of it). Beside
FILE, FILE.planted.npy holds int32 [rows, 2]: the row each was made from or -1, and the words replaced.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

WORDS = 50_000
BLOCK = 10_000
"""Rows made at a time, each block from a generator of its own: the first rows do not depend on how many follow."""


def vocabulary() -> list[str]:
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    found = []
    for number in range(WORDS):
        word, rest = "", number
        while True:
            rest, index = divmod(rest, len(syllables))
            word += syllables[index]
            if not rest:
                break
        found.append(word)
    return found


def write(path: Path, rows: int, size: int, copies: float, near: float, seed: int) -> None:
    words = np.array(vocabulary(), dtype=object)
    chances = 1.0 / (np.arange(WORDS) + 2.7) ** 1.05  # Zipf-Mandelbrot with the usual constants for English
    edges = np.cumsum(chances / chances.sum())
    lengths = np.array([len(word) + 1 for word in words])
    mean = float((lengths * chances / chances.sum()).sum())
    planted = np.full((rows, 2), -1, np.int32)
    planted[:, 1] = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for start in range(0, rows, BLOCK):
            draw = np.random.default_rng((seed, start))
            count = min(BLOCK, rows - start)
            many = np.maximum(12, (draw.gamma(9.0, 1 / 9.0, count) * (size - 90) / mean).astype(np.int64))
            ends = np.cumsum(many)
            drawn = words[np.minimum(np.searchsorted(edges, draw.random(int(ends[-1]))), WORDS - 1)]
            kind = draw.random(count)
            lines: list[str] = []
            texts: list[list[str]] = []
            for i in range(count):
                own = drawn[ends[i] - many[i] : ends[i]].tolist()
                if i and kind[i] < copies + near:
                    origin = int(draw.integers(0, i))
                    own = list(texts[origin])
                    replaced = 0 if kind[i] < copies else max(1, int(len(own) * draw.uniform(0.02, 0.2)))
                    if replaced:
                        own[-replaced:] = words[draw.integers(0, WORDS, replaced)].tolist()
                    planted[start + i] = (start + origin, replaced)
                texts.append(own)
                row = start + i
                lines.append(
                    f'{{"id": "r{row:08d}", "instruction": "{" ".join(own[:10])}?", '
                    f'"response": "{" ".join(own[10:])}.", "generator": "model-{row % 4}", '
                    f'"prompt_id": "p{row % 64}"}}\n'
                )
            file.writelines(lines)
    np.save(path.with_name(path.name + ".planted.npy"), planted)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=1000, help="mean size of a row")
    parser.add_argument("--copies", type=float, default=0.02, help="share of exact copies")
    parser.add_argument("--near", type=float, default=0.05, help="share of near-copies")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write(given.out, given.rows, given.bytes, given.copies, given.near, given.seed)
    print(f"{given.out}: {given.rows} rows, {given.out.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
