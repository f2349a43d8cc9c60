"""What the records of a dataset do as a rule, known only after the scan, and faults that are faults for it alone.

A room counts such faults for every combination of customs as it scans, under names of their own (`truncated+closed`),
and takes those of the customs that hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from auditor.core.rowwise import Mask, Tally

CUSTOMS = {"answered": "empty", "closed": "truncated", "strict": "truncated"}
"""Custom -> the measure that then counts more rows. answered: prompts
have a response. closed: long answers end in punctuation. strict: nearly all of them do."""

HELD = tuple(
    (*answered, *closed) for answered in ((), ("answered",)) for closed in ((), ("closed",), ("closed", "strict"))
)
"""Every combination of customs that can hold."""

ANSWERED = 0.05
"""Share of prompts with a response from which the others lack one: below it the dataset is of prompts alone."""

COUNTED = ("prompts", "answers", "long", "ended")
"""Rows counted beside the faults, to know the customs."""


def held(state: Tally, share: float, strict: float) -> list[str]:
    """The customs that hold. share, strict: of long answers, those that end in punctuation where `closed` and `strict`
    hold."""
    hits = state.hits
    closed, long = hits.get("ended", 0), hits.get("long", 0)
    found = ["answered"] if hits.get("answers", 0) > ANSWERED * hits.get("prompts", 0) else []
    if long and closed >= share * long:
        found.append("closed")
        if closed >= strict * long:
            found.append("strict")
    return found


def joined(sure: Mapping[str, Mask], conditional: Mapping[str, Mask], held: Sequence[str]) -> dict[str, Mask]:
    """Faults by measure, with what the customs that hold add to them."""
    faults = dict(sure)
    for custom in held:
        faults[CUSTOMS[custom]] = faults[CUSTOMS[custom]] | conditional[custom]
    return faults


def variant(measure: str, held: Sequence[str]) -> str:
    """The name under which a measure is counted for these customs: `truncated+closed`."""
    return "+".join([measure, *(custom for custom in held if measure in ("rate", CUSTOMS[custom]))])


def under(state: Tally, held: Sequence[str]) -> Tally:
    """The tally as the customs that hold would have it: `empty+answered` takes the place of `empty`."""

    def plain(measure: str) -> bool:
        return "+" not in measure and measure not in COUNTED

    sliced = {}
    for key in state.sliced:
        by, group, measure, *among = orjson.loads(key)
        if plain(measure):
            sliced[key] = state.sliced[orjson.dumps([by, group, variant(measure, held), *among]).decode()]
    return Tally(
        state.rows,
        {measure: state.hits[variant(measure, held)] for measure in state.hits if plain(measure)},
        {measure: state.among[variant(measure, held)] for measure in state.among if plain(measure)},
        sliced,
        state.histograms,
    )
