"""position-inconsistency: verdicts that change when the two outputs change places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.judges import panels, rules
from auditor.core.judges.gaps import Gaps, gaps
from auditor.core.judges.orders import Both, counted, summed, twice
from auditor.core.judges.panels import Panel, because, short
from auditor.model.result import Exhibit, Measurement, Metric
from auditor.model.verdicts import UNKNOWN, A, Verdicts
from auditor.statistics import agreement
from auditor.statistics.chance import coin

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

GAPS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Edges of the gap in quality (see `core.judges.gaps`)."""

MAKERS = 12
"""Makers in the table of rules: four rules of twelve fit an exhibit."""

CLOSE = 0.2
"""The gap up to which a pair is nearly even: a win rate between 40 and 60 %."""

GRAIN = 1 << 10
"""Gaps are summed as multiples of 1 / GRAIN: integers, so that no order of adding shows."""

NO_GAP = "no win rate of the outputs is known from other verdicts: name makers a and b, or have several judges"
ONE_ORDER = "no pair was judged in both orders: judge each again with the outputs swapped"
NO_ORDER = "the file does not tell which output stood first"


@check
@dataclass(frozen=True, slots=True)
class PositionInconsistency:
    """Verdicts that depend on which of two outputs stands first.

    What: of the pairs that a machine judge judged in both orders (same item, makers, judge, prompt and repeat), the
    share with the same verdict in both (`consistency`; twice unparsable is the same) and the share with two valid
    verdicts that differ (`conflict_rate`). A conflict favours what stood first (primacy) or last (recency):
    `preference_fairness_raw` is (recency - primacy) / pairs with two valid verdicts, -1 to 1, to which the
    normalisation of Shi et al. by the least and largest score that the pairs allow comes down;
    `preference_fairness` is the same from 0 (all primacy) over 0.5 (fair) to 1 (all recency). `primacy_share` is
    the share of conflicts that favour the first. `first_rate` is how often the output shown first wins, ties and
    unparsable verdicts apart, and `first_p` the exact binomial test of that against a half. `kappa_agreement` is
    Cohen's kappa between the two orders for "A wins" against everything else, as LLMBar reports it.

    By the gap in quality, 2 |win rate - 1/2| (people's on the two outputs; else other judges'; else of one maker
    against the other, without the pair itself; else the difference of the judge's scores): `gap_correlation` is
    Pearson's correlation between a pair's gap and its consistency, and `close_consistency` the consistency of pairs
    with a gap below 0.2. A correlation above 0 is what sound judges have: unsure where there is little to choose.

    Why it matters: a judge that picks a place measures the shuffle of the file, not the outputs; preferences that
    are learnt from it are noise, or the order in which models were written down.

    Example: "A" with A first and "B" with B first: the first one, both times.

    Remedy: judge both orders and keep what is consistent (`auditor judge accept`), or take another judge.

    Limits: a verdict without its twin in the other order says nothing about consistency. Where no pair was judged
    twice, `first_rate` is of all verdicts and mixes place with quality, unless orders were drawn by lot. Verdicts on
    the same pair are not independent, which makes `first_p` too large rather than too small.

    Reference: Shi et al. 2024, "Judging the judges: a systematic study of position bias in LLM-as-a-judge",
    arXiv:2406.07791; Zeng et al. 2023, "Evaluating large language models at evaluating instruction following"
    (LLMBar), arXiv:2310.07641; Wang et al. 2023, "Large language models are not fair evaluators", arXiv:2305.17926.
    """

    spec: ClassVar[Spec] = Spec(
        name="position-inconsistency",
        title="Order of the outputs",
        over="verdicts",
        measures=(
            Measure("consistency", "share", "pairs judged in both orders with the same verdict", bad="low"),
            Measure(
                "conflict_rate",
                "share",
                "pairs whose two valid verdicts differ",
                "drop the pair, count it as a tie, or judge it by another judge",
                bad="high",
            ),
            Measure("preference_fairness", "share", "what conflicts favour: 0 the first, 0.5 neither, 1 the last"),
            Measure("preference_fairness_raw", "points", "the same from -1 (first) to 1 (last)"),
            Measure("primacy_share", "share", "conflicts that favour the output shown first"),
            Measure("first_rate", "share", "decided verdicts won by the output shown first"),
            Measure("first_p", "p-value", "how likely as many by chance (two-sided binomial test)"),
            Measure("kappa_agreement", "kappa", "agreement of the two orders beyond chance, A against the rest"),
            Measure("both_orders", "share", "pairs with a twin in the other order"),
            Measure("gap_correlation", "correlation", "between the gap in quality of a pair and its consistency"),
            Measure("close_consistency", "share", "consistency of pairs that are nearly even in quality", bad="low"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a"},
                    {"item": "q", "judge": "j", "first": "b", "verdict": "b"},
                ),
                "position_inconsistency.conflict_rate",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a"},
                    {"item": "q", "judge": "j", "first": "b", "verdict": "a"},
                ),
                "position_inconsistency.conflict_rate",
            ),
        ),
    )

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        machine = verdicts.by_machine
        if not machine.any():
            return Measurement((), notes=("no verdict of a machine judge",))
        pairs = twice(verdicts, context)
        of_pairs = panels.panel(verdicts, pairs.rows_first)
        shown = np.flatnonzero(machine & (verdicts.first != UNKNOWN) & (verdicts.verdict < 2))
        # In both orders, quality cancels out: each output stands first as often as last.
        shown = np.concatenate([pairs.rows_first, pairs.rows_second]) if len(pairs) else shown
        decided = panels.panel(verdicts, np.sort(shown[verdicts.verdict[shown] < 2]))
        found = gaps(verdicts, pairs)
        of_gaps = panels.panel(verdicts, pairs.rows_first[found.at if found else slice(0)])
        overall = (
            *self._consistency(pairs, of_pairs),
            *self._places(decided),
            self._twins(pairs),
            *self._close(pairs, found, of_gaps),
        )
        slices = (
            *of_gaps.slices(lambda at: self._close(pairs, found, of_gaps, at)),
            *of_pairs.slices(lambda at: self._consistency(pairs, of_pairs, at)),
            *decided.slices(lambda at: self._places(decided, at)),
        )
        order = panels.places(self.spec)
        return Measurement(
            tuple(sorted(overall, key=lambda metric: order[metric.name])),
            slices,
            notes=self._notes(verdicts, pairs, machine),
            exhibits=(
                *self._judges(pairs, of_pairs),
                *self._rules(verdicts, pairs),
                *self._gaps(pairs, found, of_gaps),
            ),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Every pair with a conflict, at its verdict with A first; the other is `related`."""
        pairs = twice(verdicts, context)
        at = np.flatnonzero(pairs.valid & ~pairs.agree)
        at = at[np.argsort(pairs.rows_first[at], kind="stable")]

        names = panels.Names(verdicts)

        def evidence(places: Longs) -> pa.Array:
            first, second = (panels.words(said[at[places]]) for said in (pairs.shown_first, pairs.shown_second))
            asked = names.asked(pairs.rows_first[at[places]])
            return panels.joined(asked, ": ", first, " with A first, ", second, " with B first")

        metric = self.spec.metric("conflict_rate")
        yield from panels.told(pairs.rows_first[at], metric, evidence, pairs.rows_second[at])

    def _consistency(self, pairs: Both, panel: Panel, at: Longs | None = None) -> list[Metric]:
        """Of all pairs, or of those at these places."""
        some = slice(None) if at is None else at
        name = self.spec.metric
        agree, valid, lean = pairs.agree[some], pairs.valid[some], pairs.lean[some]
        lacking = _unpaired(panel.verdicts)
        n, settled, primacy = len(agree), int(valid.sum()), int((lean < 0).sum())
        conflicts = int((valid & ~agree).sum())
        # Primacy, neither, recency, unparsable; and the four cells of "A wins" by order.
        fair = counted(4, panel.draw[some], np.where(valid, lean + 1, 3))
        wins = (pairs.shown_first[some] == A) * 2 + (pairs.shown_second[some] == A)
        crossed = counted(4, panel.draw[some], wins)
        raw = panels.estimated(name("preference_fairness_raw"), "points", fair, _leaning, settled, lacking)
        return [
            because(rate(name("consistency"), int(agree.sum()), n), lacking),
            because(rate(name("conflict_rate"), conflicts, n), lacking),
            _as_share(raw, name("preference_fairness")),
            raw,
            because(rate(name("primacy_share"), primacy, conflicts), "no pair has a conflict" if n else lacking),
            panels.estimated(
                name("kappa_agreement"),
                "kappa",
                crossed,
                lambda cells: agreement.kappa(cells.reshape(*cells.shape[:-1], 2, 2)),
                n,
                "A wins always or never: chance leaves no room" if n else lacking,
            ),
        ]

    def _places(self, decided: Panel, at: Longs | None = None) -> list[Metric]:
        rows = decided.rows if at is None else decided.rows[at]
        n = len(rows)
        first = int((decided.verdicts.verdict[rows] == decided.verdicts.first[rows]).sum())
        told = NO_ORDER if not (decided.verdicts.first != UNKNOWN).any() else "no verdict is decided"
        p = Metric(self.spec.metric("first_p"), coin(first, n) if n else None, "p-value", n, why="" if n else told)
        return [because(rate(self.spec.metric("first_rate"), first, n), told), p]

    def _twins(self, pairs: Both) -> Metric:
        return because(rate(self.spec.metric("both_orders"), len(pairs), len(pairs) + len(pairs.alone)), NO_ORDER)

    def _notes(self, verdicts: Verdicts, pairs: Both, machine: npt.NDArray[np.bool_]) -> tuple[str, ...]:
        unknown = int((machine & (verdicts.first == UNKNOWN)).sum())
        notes = []
        if unknown:
            notes.append(f"{unknown:,} verdicts do not tell which output stood first: left out")
        if not len(pairs) and unknown < int(machine.sum()):
            notes.append("no pair was judged in both orders: first_rate mixes place with quality")
        if len(pairs) and (several := int((~pairs.once).sum())):
            notes.append(f"{several:,} pairs have several verdicts in one order and repeat: their majority counts")
        return tuple(notes)

    def _judges(self, pairs: Both, panel: Panel) -> Iterator[Exhibit]:
        lines = []
        for judge, prompt, at in panel.cells():
            agree, valid, lean = pairs.agree[at], pairs.valid[at], pairs.lean[at]
            same = rate("", int(agree.sum()), len(at))
            primacy, recency = int((lean < 0).sum()), int((lean > 0).sum())
            numbers = (short(same.value), short(same.low), short(same.high))
            lines.append((judge, prompt, len(at), *numbers, primacy, recency, int((~valid).sum())))
        if lines:
            yield Exhibit(
                self.spec.metric("judges"),
                "Judges in both orders",
                ("judge", "prompt", "pairs", "consistency", "low", "high", "primacy", "recency", "unparsable"),
                tuple(lines),
                bar="consistency",
            )

    def _rules(self, verdicts: Verdicts, pairs: Both) -> Iterator[Exhibit]:
        """What each rule for combining two orders would have concluded, for the makers with the most pairs."""
        if not len(pairs):
            return
        a, b = verdicts.a.codes[pairs.rows_first], verdicts.b.codes[pairs.rows_first]
        names = verdicts.a.names
        met = np.bincount(a + 1, minlength=len(names) + 1)[1:] + np.bincount(b + 1, minlength=len(names) + 1)[1:]
        if not met.any():  # one A for all
            names, met, a, b = ("A",), np.ones(1, np.int64), np.zeros_like(a), np.full_like(b, UNKNOWN)
        most = [int(maker) for maker in np.lexsort((np.arange(len(met)), -met))[:MAKERS] if met[maker]]
        lines = []
        for rule in rules.RULES:
            combined = rules.combine(rule, pairs, verdicts)
            left, right = _outcomes(a, combined, len(names)), _outcomes(b, combined.turned(), len(names))
            for maker in most:
                wins, losses, ties, rejected, points = (left + right)[maker].tolist()
                kept = wins + losses + ties
                share = points / kept / rules.GRAIN if kept else None
                lines.append((rule, names[maker], wins, ties, losses, rejected, short(share)))
        yield Exhibit(
            self.spec.metric("rules"),
            "What each rule for two orders would have concluded",
            ("rule", "maker", "wins", "ties", "losses", "rejected", "win rate (tie as half)"),
            tuple(lines),
            "strict: the same twice, else rejected; tie: a conflict is a tie; one-win: a win and a tie are a win; "
            "average: the mean of both preferences",
        )

    def _close(self, pairs: Both, found: Gaps | None, panel: Panel, at: Longs | None = None) -> list[Metric]:
        """How much the gap decides, and consistency where there is next to none."""
        name = self.spec.metric
        if found is None:
            return [Metric(name("gap_correlation"), None, "correlation", 0, NO_GAP),
                    Metric(name("close_consistency"), None, "share", 0, NO_GAP)]  # fmt: skip
        some = np.arange(len(found.at)) if at is None else at
        agree, grains = pairs.agree[found.at[some]].astype(np.int64), np.rint(found.gap[some] * GRAIN).astype(np.int64)
        columns = [np.ones_like(grains), grains, grains * grains, agree, agree * grains]
        sums = summed(panel.draw[some], columns)
        close = found.gap[some] < CLOSE
        alike = "all pairs have one gap, or all are consistent, or none is"
        return [
            panels.estimated(name("gap_correlation"), "correlation", sums, _correlation, len(some), alike),
            because(rate(name("close_consistency"), int(agree[close].sum()), int(close.sum())), "no pair is close"),
        ]

    def _gaps(self, pairs: Both, found: Gaps | None, panel: Panel) -> Iterator[Exhibit]:
        """Consistency by how far apart the two outputs are."""
        if found is None:
            return
        agree, valid, lean = pairs.agree[found.at], pairs.valid[found.at], pairs.lean[found.at]
        bins = np.clip(np.searchsorted(GAPS, found.gap, side="right") - 1, 0, len(GAPS) - 2)
        lines = []
        for place, (low, high) in enumerate(pairwise(GAPS)):
            mine = np.flatnonzero(bins == place)
            if not len(mine):
                continue
            same = rate("", int(agree[mine].sum()), len(mine))
            settled = int(valid[mine].sum())
            fair = float(lean[mine].sum()) / settled if settled else None
            lines.append((f"{low:g} to {high:g}", same.n, *map(short, (same.value, same.low, same.high, fair))))
        looked = f"; {len(found.at):,} of {len(pairs):,} pairs" if len(found.at) < len(pairs) else ""
        yield Exhibit(
            self.spec.metric("by_gap"),
            "Consistency by the gap in quality",
            ("gap", "pairs", "consistency", "low", "high", "fairness (-1 first, 1 last)"),
            tuple(lines),
            f"0 is even, 1 always the same winner, by {found.by}; judges are steady where outputs differ much "
            f"(Shi et al. 2024){looked}",
            bar="consistency",
        )


def _unpaired(verdicts: Verdicts) -> str:
    return ONE_ORDER if (verdicts.first[verdicts.by_machine] != UNKNOWN).any() else NO_ORDER


def _outcomes(makers: npt.NDArray[np.int32], combined: rules.Combined, n: int) -> Longs:
    """By maker of the first output: how often it wins, loses, ties and is rejected, and its points in GRAINs."""
    cells = (makers.astype(np.int64) + 1) * 4 + combined.verdict
    counts = np.bincount(cells, minlength=4 * n + 4).reshape(-1, 4)
    grains = np.rint(np.nan_to_num(combined.points) * rules.GRAIN)
    points = np.bincount(makers + 1, grains, n + 1).astype(np.int64)
    return np.column_stack([counts, points])[1:]


def _correlation(sums: Floats) -> Floats:
    """Pearson's between gap and consistency, of sums [..., 5]: pairs, gaps, their squares, consistent pairs, their
    gaps."""
    n, gap, squares, agree, both = (sums[..., place] for place in range(5))
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = (n * both - gap * agree) / np.sqrt((n * squares - gap * gap) * (n * agree - agree * agree))
    return value


def _leaning(cells: Floats) -> Floats:
    """(recency - primacy) / valid pairs, of counts [..., 4]: primacy, neither, recency, unparsable."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = (cells[..., 2] - cells[..., 0]) / cells[..., :3].sum(-1)
    return value


def _as_share(raw: Metric, name: str) -> Metric:
    low, value, high = (None if x is None else (x + 1) / 2 for x in (raw.low, raw.value, raw.high))
    return Metric(name, value, "share", raw.n, raw.why, low, high)
