"""What was accepted as JSON Lines: judgements in our own format, or pairs with their chosen and rejected text.

Judgements are put together by Arrow, from what each name is in JSON: no Python object for each, since there are
millions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.judges.orders import keys, pairing, settled
from auditor.core.judges.panels import joined
from auditor.files import atomic
from auditor.judging.accepting import KEPT, REASONS, Accepted, paired
from auditor.model.errors import InputError
from auditor.model.rows import strings
from auditor.model.verdicts import INVALID, UNKNOWN, A, Coded, Verdicts

Longs = npt.NDArray[np.int64]

CHUNK = 1 << 16
"""Judgements that are put together at a time."""

BATCH = 4096
"""Pairs whose texts are in memory at a time."""

SAID = ("a", "b", "tie", "invalid")
"""A verdict's code as our own format has it."""


def write(accepted: Accepted, path: Path) -> int:
    """What was accepted as JSON Lines, whole or not at all; returns the number of lines.

    Raises InputError where nothing was: an empty file would look like a clean one.
    """
    if not _anything(accepted):
        reasons = ", ".join(f"{why}: {count:,}" for why, count in accepted.reasons().items() if why != REASONS[KEPT])
        raise InputError(
            f"no verdict holds by the rule {accepted.rule!r}",
            seen=reasons or "no verdicts",
            hint="judge every pair in both orders; a judge that is never consistent has nothing to keep",
        )
    lines = 0
    with atomic(path) as file:
        for block in _blocks(accepted):
            lines += block.count(b"\n")  # within a value it is escaped
            file.write(block)
    return lines


def records(accepted: Accepted) -> Iterator[dict[str, Any]]:
    """One a pair with its chosen and rejected text, or one a judgement in our own format, with people's verdicts."""
    for block in _blocks(accepted):
        yield from map(orjson.loads, block.splitlines())


def _anything(accepted: Accepted) -> bool:
    if accepted.form == "verdicts" and accepted.decision is not None:
        return bool((accepted.decision.verdict != INVALID).any())
    return bool(accepted.kept.any())


def _blocks(accepted: Accepted) -> Iterator[bytes]:
    if accepted.form == "pairs":
        return _preferences(accepted)
    decided = _judgements(accepted) if accepted.decision is None else _decided(accepted)
    return chain(decided, _people(accepted.verdicts))


def _judgements(accepted: Accepted) -> Iterator[bytes]:
    """Every judge's."""
    names, kept = _Names(accepted.verdicts, "judge", "prompt"), np.flatnonzero(accepted.kept)
    kept = kept[np.argsort(accepted.rows[kept], kind="stable")]
    rule = f',"rule":{_json(accepted.rule)}}}\n'
    for some in _cut(kept):
        rows = accepted.rows[some]
        yield _text(names.about(rows), names.repeat(rows), _said(accepted.verdict[some]), rule)


def _decided(accepted: Accepted) -> Iterator[bytes]:
    """The panel's: one a pair, with how many voted and the share of their weight that is for it."""
    decision = accepted.decision
    assert decision is not None
    names = _Names(accepted.verdicts)
    pairs = np.flatnonzero(decision.verdict != INVALID)
    pairs = pairs[np.argsort(decision.row[pairs], kind="stable")]
    jury = decision.jury
    judge = f',"judge":{_json(jury.name)},"repeat":0'
    rule = f',"rule":{_json(accepted.rule)},"vote":{_json(jury.vote)}}}\n'
    for some in _cut(pairs):
        votes, share = (_numbers(column[some]) for column in (decision.votes, decision.share.round(6)))
        about = names.about(decision.row[some])
        yield _text(about, judge, _said(decision.verdict[some]), ',"votes":', votes, ',"share":', share, rule)


def _people(verdicts: Verdicts) -> Iterator[bytes]:
    """Verdicts of people, as they are: what the others are held against."""
    names = _Names(verdicts, "judge", "prompt")
    for rows in _cut(np.flatnonzero(~verdicts.by_machine & (verdicts.judge.codes != UNKNOWN))):
        said = _said(verdicts.verdict[rows])
        yield _text(names.about(rows), names.repeat(rows), said, ',"human":true}\n')


def _preferences(accepted: Accepted) -> Iterator[bytes]:
    verdicts, kept = accepted.verdicts, np.flatnonzero(accepted.kept)
    cells = settled(paired(verdicts, accepted.rows[kept]), accepted.verdict[kept], kept)
    whole = keys(*pairing(verdicts))
    alone = len(np.unique(whole)) == len(np.unique(verdicts.item.codes))
    order = np.argsort(accepted.rows[cells.rows], kind="stable")
    more = {"rule": accepted.rule} | ({"vote": accepted.decision.jury.vote} if accepted.decision else {})
    for some in _cut(order, BATCH):
        rows = accepted.rows[cells.rows[some]]
        texts = verdicts.take(rows, ["prompt", "response", "rejected"]).to_pydict()
        lines = []
        for place, row, prompt, ours, theirs in zip(
            some, rows, texts["prompt"], texts["response"], texts["rejected"], strict=True
        ):
            a, b = ("a", ours), ("b", theirs)
            (won, chosen), (lost, rejected) = (a, b) if cells.verdict[place] == A else (b, a)
            about = _about(verdicts, int(row))
            name = about["item"] if alone else "/".join(about[key] for key in ("item", "a", "b") if key in about)
            models = {f"{role}_model": about.get(side) for role, side in (("chosen", won), ("rejected", lost))}
            line = {
                "id": name,
                **({"prompt": prompt} if prompt is not None else {}),
                "chosen": chosen,
                "rejected": rejected,
                **{role: model for role, model in models.items() if model is not None},
                "judgements": int(cells.sizes[place]),
                **more,
            }
            lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        yield b"".join(lines)


class _Names:
    """Who and what verdicts are of, as members of a JSON object. more: columns beside item, a and b."""

    def __init__(self, verdicts: Verdicts, *more: str) -> None:
        self._verdicts = verdicts
        columns = _columns(verdicts)
        leads = [("item", '{"item":'), *((key, f',"{key}":') for key in ("a", "b", *more))]
        self._members = [(columns[key], joined(lead, _quoted(columns[key].names))) for key, lead in leads]
        if verdicts.models:
            self._members = [
                (coded, _modelled(members, verdicts) if coded is verdicts.judge else members)
                for coded, members in self._members
            ]

    def about(self, rows: Longs) -> pa.Array:
        empty = pa.scalar("", pa.large_string())
        taken = []
        for coded, members in self._members:
            codes = coded.codes[rows]
            taken.append(members.take(pa.array(codes, mask=codes < 0)).fill_null(empty))
        return joined(*taken)

    def repeat(self, rows: Longs) -> pa.Array:
        return joined(',"repeat":', _numbers(self._verdicts.repeat[rows]))


def _modelled(members: pa.Array, verdicts: Verdicts) -> pa.Array:
    """Judges with their models."""
    models = [verdicts.models.get(name) for name in verdicts.judge.names]
    return joined(
        members, pa.array([f',"judge_model":{_json(one)}' if one else "" for one in models], pa.large_string())
    )


def _columns(verdicts: Verdicts) -> Mapping[str, Coded]:
    columns = (verdicts.item, verdicts.a, verdicts.b, verdicts.judge, verdicts.prompt)
    return dict(zip(("item", "a", "b", "judge", "prompt"), columns, strict=True))


def _about(verdicts: Verdicts, row: int) -> dict[str, str]:
    columns = _columns(verdicts)
    return {key: coded.names[coded.codes[row]] for key, coded in columns.items() if coded.codes[row] != UNKNOWN}


def _cut(places: Longs, most: int = CHUNK) -> Iterator[Longs]:
    for low in range(0, len(places), most):
        yield places[low : low + most]


def _text(*parts: pa.Array | str) -> bytes:
    """Texts one after the other, row by row: what the array of them holds is the block."""
    view = strings(joined(*parts))
    return view.data[view.offsets[0] : view.offsets[-1]].tobytes()


def _said(verdict: npt.NDArray[np.int8]) -> pa.Array:
    return pa.array([f',"verdict":"{word}"' for word in SAID], pa.large_string()).take(pa.array(verdict))


def _numbers(values: npt.NDArray[Any]) -> pa.Array:
    return pa.array(values).cast(pa.large_string())


def _quoted(names: Sequence[str]) -> pa.Array:
    """Names as JSON has them; one by one only those with a character that has to be escaped."""
    plain = pa.array(names, pa.large_string())
    quoted = joined('"', plain, '"')
    strange = pc.match_substring_regex(plain, r'["\\\x00-\x1f]')
    if pc.any(strange).as_py():
        mended = [_json(name) for name in plain.filter(strange).to_pylist()]
        quoted = pc.replace_with_mask(quoted, strange, pa.array(mended, pa.large_string()))
    return quoted


def _json(name: str) -> str:
    return orjson.dumps(name).decode()
