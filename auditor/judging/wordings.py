"""What the words of verdicts leave open: 0 and 1 without a 2, and several ways of writing in one file.

Each word is read by the tables of `labels`, whatever its neighbours; where these make that doubtful, a note says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from auditor.judging import labels
from auditor.model.verdicts import INVALID, TIE, A, B

READ = {A: "a", B: "b", TIE: "a tie", labels.STOOD_FIRST: "what stood first", labels.STOOD_SECOND: "what stood second"}
SHOWN, CUT = 8, 40
"""Words that a note shows, and characters of each."""


def left_open(
    words: Sequence[str],
    places: npt.NDArray[np.int32],
    files: npt.NDArray[np.int32],
    makers: Collection[str],
) -> Iterator[str]:
    """Notes on the words of verdicts. places: int32 [n], the word of each, -1 for none. files: int32 [n]."""
    ways = [_way(word, makers) for word in words]
    plain = {word: labels.plain(word) if word not in makers else "" for word in words}
    if len(set(filter(None, ways)) - {"none"}) < 2 and not {"0", "1"} <= set(plain.values()):
        return
    known = [place for place, way in enumerate(ways) if way]
    short = np.full(len(words) + 1, -1)
    short[known] = np.arange(len(known))
    mine = short[places]
    at = mine >= 0
    cells = files[at].astype(np.int64) * len(known) + mine[at]
    counts = np.bincount(cells, minlength=(int(files.max(initial=0)) + 1) * len(known)).reshape(-1, len(known))

    mixed = [len({ways[known[one]] for one in np.flatnonzero(row)} - {"none"}) > 1 for row in counts]
    if any(mixed):
        rows = counts[mixed].sum(0).tolist()
        read = sorted((-n, words[known[one]]) for one, n in enumerate(rows) if n)
        said = ", ".join(f"{word[:CUT]!r} ({-n:,}) {_read(word, makers)}" for n, word in read[:SHOWN])
        more = f" and {len(read) - SHOWN:,} more" if len(read) > SHOWN else ""
        where = "a file writes" if sum(mixed) == 1 else f"{sum(mixed):,} files write"
        yield f"{where} verdicts in several ways, read as: {said}{more}; where one means another, write all in one way"

    binary = [{plain[words[known[one]]] for one in np.flatnonzero(row)} == {"0", "1"} for row in counts]
    if any(binary):
        rows = counts[binary].sum(0)
        ties, ones = (
            int(sum(n for one, n in enumerate(rows) if plain[words[known[one]]] == digit)) for digit in ("0", "1")
        )
        yield (
            f"verdicts are 0 ({ties:,}) and 1 ({ones:,}) and never 2: 0 is read as a tie, 1 as a; where they mean a "
            "and b, or that a lost and won, write a, b and tie in their place"
        )


def _way(word: str, makers: Collection[str]) -> str | None:
    """How a word says who won; "none" of a tie, None of what is no verdict."""
    if word in makers:
        return "names of makers"
    plain = labels.plain(word)
    code = labels.VERDICTS.get(plain, INVALID)
    if code == INVALID:
        return None
    if code == TIE:
        return "none"
    if code not in (A, B):
        return "order"
    return "sides" if plain in ("left", "right") else "numbers" if plain[-1] in "12" else "letters"


def _read(word: str, makers: Collection[str]) -> str:
    return "its maker" if word in makers else READ[labels.VERDICTS[labels.plain(word)]]
