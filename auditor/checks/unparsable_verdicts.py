"""unparsable-verdicts: answers of a judge in which no verdict could be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.judges import panels
from auditor.core.judges.orders import twice
from auditor.core.judges.panels import because
from auditor.model.result import EVIDENCE_CHARACTERS, Measurement, Metric
from auditor.model.verdicts import INVALID, A, B, Verdicts

Longs = npt.NDArray[np.int64]

NO_ORDER = "the file does not tell which output stood first"


@check
@dataclass(frozen=True, slots=True)
class UnparsableVerdicts:
    """Answers of a judge that say neither A nor B nor tie.

    What: the share of machine verdicts that are invalid (`rate`, one minus what Shi et al. call the extraction
    successful rate), by which output stood first, and the share of pairs judged in both orders of which at least one
    verdict is (`lost_pairs`), since such a pair is lost to every rule but an average.

    Why it matters: what cannot be read is dropped, and it is not dropped at random: long outputs are cut off,
    refusals come with some topics, and one order may break the format more often than the other.

    Example: "Both are fine in their own way, it depends on what you are looking for."

    Remedy: ask for a fixed format (a JSON schema, where the server can), allow more tokens, ask again; say how many
    verdicts were lost wherever a win rate is told.

    Limits: an output's score by itself is read where it is a number. What the reader could not map to a verdict counts
    as unparsable: see the notes of the file for the words.

    Reference: Shi et al. 2024, arXiv:2406.07791 (extraction successful rate); Zeng et al. 2023, arXiv:2310.07641.
    """

    spec: ClassVar[Spec] = Spec(
        name="unparsable-verdicts",
        title="Unparsable verdicts",
        over="verdicts",
        measures=(
            Measure("rate", "share", "verdicts that cannot be read", "ask again, with a fixed format", bad="high"),
            Measure("first_order", "share", "the same where A stood first"),
            Measure("swapped", "share", "the same where B stood first"),
            Measure("lost_pairs", "share", "pairs judged in both orders with an unreadable verdict"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "verdict": "a"},
                    {"item": "r", "judge": "j", "verdict": "invalid"},
                ),
                "unparsable_verdicts.rate",
            ),
        ),
        quiet=(
            Case(({"item": "q", "judge": "j", "verdict": "tie"},), "unparsable_verdicts.rate"),
            Case(({"item": "q", "judge": "j", "verdict": None, "score_a": 7},), "unparsable_verdicts.rate"),
        ),
    )

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        machine = panels.panel(verdicts, np.flatnonzero(verdicts.by_machine))
        if not len(machine.rows):
            return Measurement((), notes=("no verdict of a machine judge",))
        lost = _unread(verdicts)[machine.rows]
        first = verdicts.first[machine.rows]
        pairs = twice(verdicts, context)
        name = self.spec.metric

        def rated(at: Longs) -> Sequence[Metric]:
            return [rate(name("rate"), int(lost[at].sum()), len(at))]

        return Measurement(
            (
                rate(name("rate"), int(lost.sum()), len(lost)),
                because(rate(name("first_order"), int(lost[first == A].sum()), int((first == A).sum())), NO_ORDER),
                because(rate(name("swapped"), int(lost[first == B].sum()), int((first == B).sum())), NO_ORDER),
                because(
                    rate(name("lost_pairs"), int((~pairs.valid).sum()), len(pairs)), "no pair was judged in both orders"
                ),
            ),
            machine.slices(rated),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        rows = np.flatnonzero(verdicts.by_machine & _unread(verdicts))

        names = panels.Names(verdicts)

        def evidence(at: Longs) -> pa.Array:
            said = verdicts.take(rows[at], ["text"]).column("text").cast(pa.large_string()).combine_chunks()
            whole = panels.joined(names.asked(rows[at]), ": ", pc.fill_null(said, ""))
            return pc.utf8_slice_codeunits(whole, 0, EVIDENCE_CHARACTERS)

        yield from panels.told(rows, self.spec.metric("rate"), evidence)


def _unread(verdicts: Verdicts) -> npt.NDArray[np.bool_]:
    unread: npt.NDArray[np.bool_] = (verdicts.verdict == INVALID) & ~verdicts.graded
    return unread
