"""What judges said of each row, as columns: for policies, suites, curation and `--by`.

judge_verdict (string): who made the output that wins, or "tie"; null where no verdict holds.
judge_accepted (bool): a verdict holds, is no tie, and is not for the rejected answer; null where nobody judged.
judge_consistent (bool): every judge that was asked in both orders said the same twice; null where none was.
judge_votes (int): judges with a verdict that holds; 0 where none does, null where nobody judged.
judge_score (float): mean of the scores that the row's answer got; null where it got none.

The two orders of a judge are one verdict by the strict rule, and one judge has one vote (`core.judges.juries`); what a
file tells without an order counts as it is. Of several pairs of outputs to one row, the output that wins most of them
wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from auditor.annotators.store import annotation
from auditor.core.judges import items, juries
from auditor.core.judges.juries import Jury
from auditor.core.judges.orders import both
from auditor.model.errors import InputError
from auditor.model.rows import Dataset
from auditor.model.verdicts import INVALID, UNKNOWN, A, B, Verdicts

VERSION = 1

COLUMNS = ("judge_verdict", "judge_accepted", "judge_consistent", "judge_votes", "judge_score")

MINE = ("chosen", "response")
"""Makers that are the row's own answer, as `judge run` names them."""

REJECTED = "rejected"

GRAIN = 1 << 20
"""Scores are summed in 2**-20, so that sums are the same in any order."""

EXAMPLES = 3

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def joined(rows: Dataset, said: Verdicts, cache: Path) -> Dataset:
    """The dataset with a column of each of COLUMNS, and a note on what was joined. A field of such a name stays what
    it is: the column is called `verdicts.NAME` then.

    Verdicts on texts that are no longer those of the row are left out, and told.

    Raises InputError where no item of the verdicts is a row.
    """
    names = items.named(rows)
    row_of = items.places(names, pa.array(said.item.names, pa.large_string()))
    known = int((row_of >= 0).sum())
    if not known:
        raise _nothing(rows, names, said)
    stale = _stale(rows, said, row_of)
    row_of[stale] = -1
    notes = [_told(rows, said, row_of, known, int(stale.sum()))]
    columns = _columns(said, row_of, rows.rows)
    called = {name: f"verdicts.{name}" if name in rows.fields else name for name in COLUMNS}
    notes += [f"the rows have a field {name}: what judges said is in {called[name]}" for name in called
              if called[name] != name]  # fmt: skip
    batch = pa.RecordBatch.from_arrays(columns, names=list(called.values()))
    paths = []
    for shard in rows.shards:
        part = pa.RecordBatch.from_arrays(
            [pa.concat_arrays([column.slice(shard.start, shard.rows)]) for column in batch.columns], schema=batch.schema
        )
        content = xxhash.xxh3_128_hexdigest(part.serialize())
        paths.append(annotation(cache / "annotations", shard, "verdicts", VERSION, {"content": content}, _given(part)))
    return replace(rows.annotated(paths), notes=(*rows.notes, *notes))


def _given(batch: pa.RecordBatch) -> Callable[[], pa.RecordBatch]:
    return lambda: batch


def _columns(said: Verdicts, row_of: Longs, n: int) -> list[pa.Array]:
    row = np.append(row_of, -1)[said.item.codes]
    machine = said.by_machine & (row >= 0)
    judged = np.zeros(n, np.bool_)
    judged[row[machine & ~said.graded]] = True
    winner, votes = _winners(said, row, n)
    names = pa.array([*said.a.names, "A", "B", "tie"], pa.large_string())
    verdict = names.take(pa.array(winner, mask=winner < 0))
    tie = len(names) - 1
    rejected = said.a.names.index(REJECTED) if REJECTED in said.a.names else UNKNOWN - 1
    accepted = (winner >= 0) & (winner != tie) & (winner != rejected)
    consistent, asked = _consistent(said, machine, row, n)
    score, scored = _scores(said, machine, row, n)
    return [
        verdict,
        pa.array(accepted, mask=~judged),
        pa.array(consistent, mask=~asked),
        pa.array(votes, mask=~judged),
        pa.array(score, mask=~scored),
    ]


def _winners(said: Verdicts, row: Longs, n: int) -> tuple[Longs, Longs]:
    """(int64 [n], the winner's place among the makers, "A", "B" and "tie", UNKNOWN where no verdict holds; int64 [n],
    judges with a verdict that holds)."""
    makers = len(said.a.names)
    tie = makers + 2
    if not said.by_machine.any():
        return np.full(n, UNKNOWN, np.int64), np.zeros(n, np.int64)
    decision = juries.decide(said, *juries.judgements(said, "strict"), Jury())
    pairs = np.flatnonzero((decision.verdict != INVALID) & (decision.row != UNKNOWN))
    at, verdict = decision.row[pairs], decision.verdict[pairs]
    home = row[at]
    joined = home >= 0
    at, verdict, home = at[joined], verdict[joined], home[joined]
    sides = [np.where(c.codes[at] == UNKNOWN, makers + k, c.codes[at]) for k, c in ((0, said.a), (1, said.b))]
    won = np.where(verdict == A, sides[0], np.where(verdict == B, sides[1], tie))
    winner = np.full(n, UNKNOWN, np.int64)
    winner[home] = tie
    cells, wins = np.unique(home[won != tie] * tie + won[won != tie], return_counts=True)
    rows, who = cells // tie, cells % tie
    best = np.zeros(n, np.int64)
    np.maximum.at(best, rows, wins)
    leads = wins == best[rows]
    alone = np.bincount(rows[leads], minlength=n) == 1
    clear = leads & alone[rows]
    winner[rows[clear]] = who[clear]
    voters = row[decision.row[decision.pair]]
    seen = np.unique(voters[voters >= 0] * len(decision.members) + decision.who[voters >= 0])
    return winner, np.bincount(seen // max(1, len(decision.members)), minlength=n)


def _consistent(said: Verdicts, machine: Mask, row: Longs, n: int) -> tuple[Mask, Mask]:
    pairs = both(said, machine)
    home = row[pairs.rows_first]
    asked, broken = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    asked[home] = True
    broken[home[~(pairs.agree & pairs.valid)]] = True
    return ~broken, asked


def _scores(said: Verdicts, machine: Mask, row: Longs, n: int) -> tuple[npt.NDArray[np.float64], Mask]:
    """The mean score of the row's own answer, and whether it has one."""
    own = [np.append([name in MINE for name in side.names], False)[side.codes] for side in (said.a, said.b)]
    alone = np.isfinite(said.score_a) & ~np.isfinite(said.score_b)
    score = np.where(own[0] | alone, said.score_a, np.where(own[1], said.score_b, np.nan)).astype(np.float64)
    at = np.flatnonzero(machine & np.isfinite(score))
    count = np.bincount(row[at], minlength=n)
    whole = np.zeros(n, np.int64)
    np.add.at(whole, row[at], np.rint(score[at] * GRAIN).astype(np.int64))
    return whole / GRAIN / np.maximum(count, 1), count > 0


def _stale(rows: Dataset, said: Verdicts, row_of: Longs) -> Mask:
    """Items (bool) whose verdicts show other texts than their row has: they are of an earlier version of it."""
    stale = np.zeros(len(row_of), np.bool_)
    texts = said.texts
    shown = [name for name in ("prompt", "response", "rejected") if texts is not None and name in texts.column_names]
    if texts is None or not shown:
        return stale
    item, first = np.unique(said.item.codes, return_index=True)
    item, first = item[row_of[item] >= 0], first[row_of[item] >= 0]
    order = np.argsort(row_of[item], kind="stable")
    item, first = item[order], first[order]
    for shard in rows.shards:
        low, high = np.searchsorted(row_of[item], (shard.start, shard.start + shard.rows))
        if low == high:
            continue
        batch = shard.open().batch
        at = pa.array(row_of[item[low:high]] - shard.start)
        mine = [batch.column(name).take(at) for name in ("prompt", "response", "rejected")]
        theirs = [texts.column(name).take(pa.array(first[low:high])).combine_chunks() for name in shown]
        same = pa.array(np.ones(high - low, np.bool_))
        for text in theirs:
            found = pc.is_null(text)
            for column in mine:
                found = pc.or_(found, pc.fill_null(pc.equal(text, column), False))
            same = pc.and_(same, found)
        doubtful = np.flatnonzero(~np.asarray(same))
        meta = batch.column("meta").take(at).take(pa.array(doubtful)).to_pylist()
        for place, fields in zip(doubtful.tolist(), meta, strict=True):
            held = {value for value in orjson.loads(fields or "{}").values() if isinstance(value, str)}
            held |= {column[place].as_py() for column in mine}
            stale[item[low + place]] = any(text[place].as_py() not in held for text in theirs if text[place].is_valid)
    return stale


def _told(rows: Dataset, said: Verdicts, row_of: Longs, known: int, stale: int) -> str:
    judged = len(np.unique(row_of[row_of >= 0]))
    words = f"{len(said):,} verdicts of {said.name} ({said.digest[:19]}): {judged:,} of {rows.rows:,} rows are judged"
    if stale:
        words += f"; {stale:,} items are left out, since they show other texts than their rows have now"
    if strangers := len(row_of) - known:
        words += f"; {strangers:,} items are no row of this data"
    return words


def _nothing(rows: Dataset, names: pa.ChunkedArray, said: Verdicts) -> InputError:
    theirs = ", ".join(repr(name[:40]) for name in said.item.names[:EXAMPLES])
    mine = ", ".join(repr(str(name)[:40]) for name in names.slice(0, EXAMPLES).to_pylist())
    return InputError(
        "no verdict is about a row of this data",
        file=", ".join(said.files)[:200],
        seen=f"items such as {theirs}; rows such as {mine}" if len(rows) else f"items such as {theirs}; and no row",
        wanted="items that are ids of rows, as `auditor judge run` names them",
        hint="was another file judged, or were the ids lost, or read from another field (--map id=FIELD)?",
    )
