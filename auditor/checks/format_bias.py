"""format-bias: the output with more lists, headings and bold wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.judges.biases import MARKS, Control, Decided, Leaning
from auditor.core.judges.panels import short
from auditor.core.judges.traits import Trait, Traitwise
from auditor.model.result import Distribution, Exhibit
from auditor.model.verdicts import Codes, Verdicts

KINDS: Mapping[str, str] = {
    "list items": r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]",
    "headings": r"(?m)^[ \t]{0,3}#{1,6}[ \t]",
    "bold": r"\*\*[^*\n]+\*\*",
}
"""The marks one by one (CommonMark 0.31, sections 5.2, 4.2 and 6.2, simplified)."""

TEXTS = 50_000
"""Verdicts whose texts are looked at kind by kind; what they say of each kind is known to within half a point."""


def _more(left: Codes, right: Codes) -> npt.NDArray[np.float64]:
    more: npt.NDArray[np.float64] = np.abs(left.astype(np.float64) - right)
    return more


TRAIT = Trait(
    of=lambda verdicts: (verdicts.marks_a, verdicts.marks_b),
    more="marked",
    less="plain",
    factor=MARKS,
    unit="marks",
    fewer="fewer",
    apart=_more,
    edges=(1.0, 2.0, 3.0, 6.0, 11.0),
    bins=("1", "2", "3 to 5", "6 to 10", "11 or more"),
    title="How often the output with more marks wins, by how many more",
    head="marks more",
    wins="more wins",
)


@check
@dataclass(frozen=True, slots=True)
class FormatBias(Traitwise):
    """Judges that prefer lists, headings and bold.

    What: a mark is a line that begins as a list item or heading, or a bold run. Of the decided verdicts of machine
    judges on outputs with different numbers of marks, the share won by the one with more (`marked_wins`), and the odds
    that a doubling of the marks (plus one) adds (`marked_odds`; 1 is no bias) while the place of the outputs, their
    length, the strength of their makers and, where people judged the same pairs, people's verdicts are held fixed.
    `people_marked_wins` is what people say of the same pairs, `marked_though_worse` how often the judge takes the
    output with more marks where people prefer the other, `plain_though_worse` the other way about.

    Why it matters: a look is easier to learn than an answer: models trained on such preferences make a list of
    everything, and style alone moves a leaderboard.

    Example: the same three sentences, once as prose and once as three bullets; the bullets win.

    Remedy: strip the markup before judging, compare outputs with the same, or tell style-controlled win rates.

    Limits: marks are counted by form and not by sense: a list may be what was asked for. Markup other than Markdown is
    not counted. Without people's verdicts the makers' strength is held fixed, not each answer's quality.

    Reference: Li, Angelopoulos and Chiang 2024, "Does style matter? Disentangling style and substance in Chatbot
    Arena", lmsys.org/blog/2024-08-28-style-control; Zhang et al. 2024, "From lists to emojis: how format bias affects
    model alignment", arXiv:2409.11704.
    """

    spec: ClassVar[Spec] = Spec(
        name="format-bias",
        title="Markup of the outputs",
        over="verdicts",
        measures=(
            Measure(
                "marked_wins",
                "share",
                "decided verdicts won by the output with more marks",
                "judge without the markup, or tell style-controlled win rates",
                bad="high",
            ),
            Measure("marked_odds", "times", "as good odds of winning with twice the marks, all else equal", bad="high"),
            Measure("people_marked_wins", "share", "the same pairs where people prefer the one with more"),
            Measure(
                "marked_though_worse",
                "share",
                "verdicts for more marks where people prefer the other",
                "drop the verdict, or take the people's",
                bad="high",
            ),
            Measure("plain_though_worse", "share", "verdicts for fewer marks where people prefer the other"),
        ),
        fires=(
            Case(
                ({"item": "q", "judge": "j", "verdict": "a", "output_a": "- one\n- two", "output_b": "one and two"},),
                "format_bias.marked_wins",
            ),
        ),
        quiet=(
            Case(
                ({"item": "q", "judge": "j", "verdict": "b", "output_a": "- one\n- two", "output_b": "one and two"},),
                "format_bias.marked_wins",
            ),
        ),
    )

    trait: ClassVar[Trait] = TRAIT

    def beside(
        self, verdicts: Verdicts, these: Decided, held: Control
    ) -> tuple[Sequence[Distribution], Sequence[Exhibit]]:
        return (), tuple(self._kinds(verdicts, these))

    def _kinds(self, verdicts: Verdicts, these: Decided) -> Iterator[Exhibit]:
        """The same for list items, headings and bold by themselves, where the file has the texts."""
        texts = verdicts.texts
        if texts is None or not {"response", "rejected"} <= set(texts.column_names):
            return
        some = these.sampled(TEXTS)
        left, right = (texts.column(side).take(pa.array(some.panel.rows)) for side in ("response", "rejected"))
        lines = []
        for kind, pattern in KINDS.items():
            one, other = (_count(side, pattern) for side in (left, right))
            more = np.sign(one - other)
            won = np.where(some.won, more, -more).astype(np.int8)
            seen = Leaning(some, won, (some.people * more).astype(np.int8))
            wins = seen.wins("", np.arange(len(some)))
            people = seen.people_wins("", np.arange(len(some)))
            lines.append((kind, wins.n, *map(short, (wins.value, wins.low, wins.high, people.value))))
        yield Exhibit(
            self.spec.metric("by_kind"),
            "How often the output with more of it wins",
            ("marks", "verdicts", "more wins", "low", "high", "people: more wins"),
            tuple(lines),
            "" if len(some) == len(these) else f"in a sample of {len(some):,} verdicts",
            bar="more wins",
        )


def _count(texts: pa.ChunkedArray, pattern: str) -> npt.NDArray[np.int32]:
    counts: npt.NDArray[np.int32] = pc.fill_null(pc.count_substring_regex(texts, pattern=pattern), 0).to_numpy()
    return counts
