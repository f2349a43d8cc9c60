"""length-bias: the longer output wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.judges.biases import LENGTH, Control, Decided, doublings
from auditor.core.judges.panels import short
from auditor.core.judges.traits import Trait, Traitwise
from auditor.model.result import EXHIBIT_ROWS, Distribution, Exhibit
from auditor.model.verdicts import Codes, Verdicts

EDGES = tuple(place / 2 for place in range(-10, 11))
"""Of the histogram, in doublings."""


def _times(left: Codes, right: Codes) -> npt.NDArray[np.float64]:
    """How many times as long the longer of two is; no word counts as one."""
    times: npt.NDArray[np.float64] = np.maximum(np.maximum(left, right), 1) / np.maximum(np.minimum(left, right), 1)
    return times


TRAIT = Trait(
    of=lambda verdicts: (verdicts.words_a, verdicts.words_b),
    more="longer",
    less="shorter",
    factor=LENGTH,
    unit="words",
    fewer="shorter",
    apart=_times,
    edges=(1.0, 1.1, 1.25, 1.5, 2.0, 4.0),
    bins=("1 to 1.1", "1.1 to 1.25", "1.25 to 1.5", "1.5 to 2", "2 to 4", "4 or more"),
    title="How often the longer output wins, by how many times as long it is",
    head="times as long",
    wins="longer wins",
)


@check
@dataclass(frozen=True, slots=True)
class LengthBias(Traitwise):
    """Judges that prefer the longer of two outputs.

    What: of the decided verdicts of machine judges on outputs that differ in words, the share won by the longer one
    (`longer_wins`), and the odds that a doubling of the ratio of their lengths adds (`longer_odds`; 1 is no bias) while
    the place of the outputs, their marks (lists, headings, bold), the strength of their makers and, where people judged
    the same pairs, people's verdicts are held fixed. Against people: `people_longer_wins`, and how often the judge
    takes the longer output where people prefer the shorter (`longer_though_worse`), or the other way about
    (`shorter_though_worse`). The report shows all of it by how many times as long the longer one is, and each maker's
    win rate had both outputs been as long.

    Why it matters: a model trained on such preferences learns to say more, not better; and a leaderboard can be
    climbed by asking for longer answers.

    Example: of two correct answers, the one with an added summary of itself wins.

    Remedy: compare at matched length, tell the length-controlled win rate, put "length does not matter" into the
    judge's prompt and measure again, or take a judge whose odds are nearer to 1.

    Limits: better answers are often longer, so that `longer_wins` above a half is no bias by itself; without people's
    verdicts `longer_odds` holds the makers' strength fixed but not each answer's quality. Verdicts of one item are
    counted for as many as they are worth by their design effect. Ties are left out.

    Reference: Dubois et al. 2024, "Length-controlled AlpacaEval: a simple way to debias automatic evaluators",
    arXiv:2404.04475; Zheng et al. 2023, "Judging LLM-as-a-judge with MT-bench and Chatbot Arena", arXiv:2306.05685,
    section 3.3 (verbosity bias).
    """

    spec: ClassVar[Spec] = Spec(
        name="length-bias",
        title="Length of the outputs",
        over="verdicts",
        measures=(
            Measure(
                "longer_wins",
                "share",
                "decided verdicts won by the longer output",
                "compare at matched length, or tell length-controlled win rates",
                bad="high",
            ),
            Measure(
                "longer_odds", "times", "as good odds of winning with twice the length, all else equal", bad="high"
            ),
            Measure("people_longer_wins", "share", "the same pairs where people prefer the longer"),
            Measure(
                "longer_though_worse",
                "share",
                "verdicts for the longer output where people prefer the shorter",
                "drop the verdict, or take the people's",
                bad="high",
            ),
            Measure("shorter_though_worse", "share", "verdicts for the shorter output where people prefer the longer"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "verdict": "a", "output_a": "Yes, it is.", "output_b": "Yes."},
                    {"item": "r", "judge": "j", "verdict": "b", "output_a": "No.", "output_b": "No, not at all."},
                ),
                "length_bias.longer_wins",
            ),
        ),
        quiet=(
            Case(
                ({"item": "q", "judge": "j", "verdict": "b", "output_a": "Yes, it is.", "output_b": "Yes."},),
                "length_bias.longer_wins",
            ),
        ),
    )

    trait: ClassVar[Trait] = TRAIT

    def beside(
        self, verdicts: Verdicts, these: Decided, held: Control
    ) -> tuple[Sequence[Distribution], Sequence[Exhibit]]:
        rows = these.panel.rows
        ratio = doublings(verdicts.words_a[rows], verdicts.words_b[rows], 0)
        return (self._distribution(np.where(these.won, ratio, -ratio)),), tuple(self._equal(verdicts, held))

    def _distribution(self, ratio: npt.NDArray[np.float64]) -> Distribution:
        counts = np.histogram(np.clip(ratio, EDGES[0], EDGES[-1]), EDGES)[0]
        return Distribution(
            self.spec.metric("winner"),
            "Length of the winner against the loser",
            "doublings",
            EDGES,
            tuple(int(count) for count in counts),
        )

    def _equal(self, verdicts: Verdicts, held: Control) -> Iterator[Exhibit]:
        lines = tuple((maker, n, short(share), short(level)) for maker, n, share, level in held.equal(verdicts, LENGTH))
        if lines:
            yield Exhibit(
                self.spec.metric("at_equal_length"),
                "Win rates, and what they would be were both outputs as long",
                ("maker", "decided verdicts", "win rate", "at equal length"),
                lines[:EXHIBIT_ROWS],
                "length-controlled as in Dubois et al. 2024, without a term for each instruction",
                bar="at equal length",
            )
