"""judge-disagreement: judges against people, and against each other; and what they make of the makers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.judges import panels, rules
from auditor.core.judges.orders import Both, counted, gold, paired, twice
from auditor.core.judges.panels import Panel, because, short
from auditor.core.judges.raters import MOST, Raters, raters
from auditor.core.judges.winning import Standing, share, standing
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric, Number, Slice
from auditor.model.verdicts import INVALID, TIE, WORDS, A, B, Verdicts
from auditor.statistics import agreement

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]

NO_PEOPLE = "no person judged the same pairs: give their verdicts, or gold labels, with human: true"
NO_RATERS = "no pair was judged by two of them"


@check
@dataclass(frozen=True, slots=True)
class JudgeDisagreement:
    """Judges that say otherwise than people, or than each other.

    What: every machine verdict against what people say of the pair (their majority; a gold label is a person).
    `accuracy` is the share that say the same, and `rate` the rest; an unparsable verdict is wrong.
    `accuracy_first_order` is that of verdicts with A shown first (LLMBar's `swap = False`), `accuracy_swapped` with B
    first, `accuracy_both` the share of pairs judged in both orders and right in both. `kappa` (Cohen) and `ac1`
    (Gwet) are the agreement with people beyond chance; `unparsable` is a category of its own there. `alpha` is
    Krippendorff's (nominal) among judges, a judge with another prompt being another judge, each with one opinion of
    a pair (the majority of its verdicts, a tie without one); `people_alpha` that among people, the most that a judge
    can be asked for; `among_judges` the plain share of judges that agree, two by two.

    `win_rate` is how often an output beats that of `reference`, a tie being half, and a recorded preference what it
    says: AlpacaEval's. Verdicts in both orders are made one by `rule`; unparsable ones are dropped. The reference is
    the maker that is named, or that stands in most pairs, of equals the last by name.

    Why it matters: a judge that people do not agree with optimises something, but not what people want; and judges
    that agree with each other and not with people share a bias.

    Example: people say B, the judge says A: in 5 of 100 pairs of LLMBar Natural for GPT-4, in 29 for Falcon.

    Remedy: read the pairs that are told apart, change the prompt, or use the judge only where it agrees with people.

    Limits: people err, too: no judge can agree with them more than they agree with each other. Kappa falls where
    nearly all verdicts are of one class; AC1 does not.

    Reference: Cohen 1960; Gwet 2008; Krippendorff 2011; Zeng et al. 2023, arXiv:2310.07641 (LLMBar); Li et al. 2023,
    AlpacaEval; Wang et al. 2023, arXiv:2306.05087 (PandaLM).
    """

    rule: str = "average"
    reference: str = ""

    spec: ClassVar[Spec] = Spec(
        name="judge-disagreement",
        title="Judges against people and each other",
        over="verdicts",
        measures=(
            Measure(
                "rate",
                "share",
                "verdicts that people disagree with",
                "read the pair: change the judge's prompt, or the label",
                bad="high",
            ),
            Measure("accuracy", "share", "verdicts that people agree with", bad="low"),
            Measure("accuracy_first_order", "share", "the same where A stood first"),
            Measure("accuracy_swapped", "share", "the same where B stood first"),
            Measure("accuracy_both", "share", "pairs judged right in both orders", bad="low"),
            Measure("kappa", "kappa", "agreement with people beyond chance (Cohen)", bad="low"),
            Measure("ac1", "AC1", "agreement with people beyond chance (Gwet)", bad="low"),
            Measure("alpha", "alpha", "agreement among judges beyond chance (Krippendorff)", bad="low"),
            Measure("among_judges", "share", "judges that say the same of a pair, two by two"),
            Measure("people_alpha", "alpha", "agreement among people beyond chance (Krippendorff)"),
            Measure("win_rate", "share", "how often an output beats that of the reference, ties as half"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a"},
                    {"item": "q", "judge": "a person", "verdict": "b", "human": True},
                ),
                "judge_disagreement.rate",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a"},
                    {"item": "q", "judge": "a person", "verdict": "a", "human": True},
                ),
                "judge_disagreement.rate",
            ),
        ),
    )

    def __post_init__(self) -> None:
        rules.known(self.rule)

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        if not len(verdicts):
            return Measurement((), notes=("no verdicts",))
        asked = paired(verdicts)
        machine, truth = verdicts.by_machine, gold(verdicts, asked)
        labelled = panels.panel(verdicts, np.flatnonzero(machine & (truth != INVALID)))
        pairs = twice(verdicts, context)
        of_pairs = panels.panel(verdicts, pairs.rows_first)
        everyone = raters(verdicts, asked)
        del asked
        stands = standing(verdicts, pairs, self.rule, self.reference)
        overall = [
            *self._against(labelled, truth),
            self._twice(pairs, of_pairs, truth),
            *self._among(everyone),
            self._win_rate(stands),
        ]
        slices = (
            *labelled.slices(lambda at: self._against(labelled, truth, at)),
            *of_pairs.slices(lambda at: [self._twice(pairs, of_pairs, truth, at)]),
            *self._makers(stands),
        )
        order = panels.places(self.spec)
        return Measurement(
            tuple(sorted(overall, key=lambda metric: order[metric.name])),
            tuple(one for one in slices if one.metric.value is not None),
            notes=stands.notes,
            exhibits=(
                *self._confusion(labelled, truth),
                *self._matrix(everyone),
                *self._labels(everyone),
                *self._table(stands),
            ),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Every machine verdict that people disagree with."""
        truth = gold(verdicts)
        rows = np.flatnonzero(verdicts.by_machine & (truth != INVALID) & (truth != verdicts.verdict))

        names = panels.Names(verdicts)

        def evidence(at: Longs) -> pa.Array:
            judge, asked = names.judge(rows[at]), names.asked(rows[at])
            said, wanted = panels.words(verdicts.verdict[rows[at]]), panels.words(truth[rows[at]])
            return panels.joined(asked, ": ", judge, " says ", said, ", people say ", wanted)

        yield from panels.told(rows, self.spec.metric("rate"), evidence)

    def _against(self, labelled: Panel, truth: Small, at: Longs | None = None) -> list[Metric]:
        """Verdicts against people: of all that people judged, too, or of those at these places."""
        some = slice(None) if at is None else at
        rows, draw = labelled.rows[some], labelled.draw[some]
        said, wanted, first = labelled.verdicts.verdict[rows], truth[rows], labelled.verdicts.first[rows]
        right = said == wanted
        name, n = self.spec.metric, len(rows)
        order = NO_PEOPLE if not n else "the file does not tell which output stood first"
        table = counted(16, draw, said.astype(np.int64) * 4 + wanted)
        scale = agreement.used(table.sum(0).reshape(4, 4)) if n else np.zeros(4, np.bool_)
        cells = table.reshape(-1, 4, 4)[:, scale][:, :, scale].reshape(len(table), int(scale.sum()) ** 2)
        k = int(scale.sum())
        one = "all say the same always: chance leaves no room"

        def beyond(metric: str, unit: str, of: agreement.Statistic) -> Metric:
            if k < 2:
                return Metric(name(metric), None, unit, n, why=one if n else NO_PEOPLE)
            return panels.estimated(name(metric), unit, cells, lambda sums: of(sums.reshape(-1, k, k)), n, one)

        return [
            because(rate(name("rate"), int((~right).sum()), n), NO_PEOPLE),
            because(rate(name("accuracy"), int(right.sum()), n), NO_PEOPLE),
            because(rate(name("accuracy_first_order"), int(right[first == A].sum()), int((first == A).sum())), order),
            because(rate(name("accuracy_swapped"), int(right[first == B].sum()), int((first == B).sum())), order),
            beyond("kappa", "kappa", agreement.kappa),
            beyond("ac1", "AC1", agreement.ac1),
        ]

    def _twice(self, pairs: Both, panel: Panel, truth: Small, at: Longs | None = None) -> Metric:
        wanted = truth[panel.rows]
        at = np.flatnonzero(wanted != INVALID) if at is None else at[wanted[at] != INVALID]
        right = (pairs.shown_first[at] == wanted[at]) & (pairs.shown_second[at] == wanted[at])
        why = "no pair that people judged was judged in both orders" if len(pairs) else "no pair in both orders"
        return because(rate(self.spec.metric("accuracy_both"), int(right.sum()), len(at)), why)

    def _among(self, everyone: Raters) -> list[Metric]:
        name = self.spec.metric
        judges, people = everyone.spread(people=False), everyone.spread(people=True)
        one = "all say the same always: chance leaves no room"
        made = [
            panels.estimated(name(metric), "alpha", of.table, of.alpha, of.opinions, one if of.opinions else NO_RATERS)
            for metric, of in (("alpha", judges), ("people_alpha", people))
        ]
        same = panels.estimated(name("among_judges"), "share", judges.table, judges.same, judges.opinions, NO_RATERS)
        return [*made, same]

    def _win_rate(self, stands: Standing) -> Metric:
        sums = stands.against()
        why = "the file names no two makers" if stands.reference < 0 else "every judgement was dropped"
        return panels.estimated(self.spec.metric("win_rate"), "share", sums, share, int(sums[:, 0].sum()), why)

    def _makers(self, stands: Standing) -> Iterator[Slice]:
        for maker in islice(stands.makers(), panels.MOST):
            sums = stands.against(maker)
            n = int(sums[:, 0].sum())
            metric = panels.estimated(self.spec.metric("win_rate"), "share", sums, share, n, "never met the reference")
            yield Slice("maker", stands.names[maker], metric)

    def _confusion(self, labelled: Panel, truth: Small) -> Iterator[Exhibit]:
        if not len(labelled.rows):
            return
        said = labelled.verdicts.verdict[labelled.rows].astype(np.int64)
        table = np.bincount(truth[labelled.rows] * 4 + said, minlength=16).reshape(4, 4)
        yield Exhibit(
            self.spec.metric("confusion"),
            "What judges say of what people say",
            ("people say", *(f"judge says {word}" for word in WORDS)),
            tuple((WORDS[code], *map(int, table[code])) for code in (A, B, TIE)),
        )

    def _matrix(self, everyone: Raters) -> Iterator[Exhibit]:
        lines = []
        for left, right, table in everyone.crossed():
            n = int(table.sum())
            scale = agreement.used(table)
            square = table[scale][:, scale]
            ac1 = agreement.ac1(square) if len(square) > 1 else np.nan
            numbers = (float(np.trace(table)) / n, float(agreement.kappa(square)), float(ac1))
            lines.append((everyone.names[left], everyone.names[right], n, *map(short, numbers)))
        if lines:
            more = len(everyone.names) - MOST
            yield Exhibit(
                self.spec.metric("matrix"),
                "Agreement of every two who judged the same pairs",
                ("one", "other", "pairs", "same", "kappa", "AC1"),
                tuple(lines[:EXHIBIT_ROWS]),
                f"the {MOST} with the most opinions; {more:,} more are left out" if more > 0 else "",
                bar="same",
            )

    def _labels(self, everyone: Raters) -> Iterator[Exhibit]:
        lines: list[tuple[str | int, ...]] = [
            (name, "person" if person else "judge", *map(int, everyone.counts(rater)))
            for rater, (name, person) in enumerate(zip(everyone.names, everyone.people, strict=True))
            if rater < EXHIBIT_ROWS - 1
        ]
        if everyone.people.sum() > 1:
            lines.append(("people together", "majority", *map(int, everyone.together())))
        if lines:
            yield Exhibit(
                self.spec.metric("opinions"), "What each said of the pairs", ("who", "kind", *WORDS), tuple(lines)
            )

    def _table(self, stands: Standing) -> Iterator[Exhibit]:
        lines = []
        for maker in islice(stands.makers(), EXHIBIT_ROWS):
            rates: list[Number | None] = []
            for sums in (stands.against(maker), stands.overall(maker)):
                metric = panels.estimated("", "share", sums, share, int(sums[:, 0].sum()), "none")
                rates.extend((metric.n, *map(short, (metric.value, metric.low, metric.high))))
            lines.append((stands.names[maker], *rates))
        if lines:
            reference = stands.names[stands.reference]
            yield Exhibit(
                self.spec.metric("makers"),
                "Win rates",
                (
                    "maker",
                    *("against the reference", "win rate", "low", "high"),
                    *("against all", "of all", "low of all", "high of all"),
                ),
                tuple(lines),
                f"the reference is {reference[:80]}; two orders are made one by the rule {self.rule!r}; ties as half",
            )
