"""self-preference: judges that prefer what they, or their relatives, wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.judges import panels
from auditor.core.judges.biases import averaged, clustered, doublings, judged_once
from auditor.core.judges.orders import gold, keys, paired, settled, summed
from auditor.core.judges.panels import Panel, because, short
from auditor.model import kinship
from auditor.model.kinship import Family, Kinship
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric, Slice
from auditor.model.verdicts import INVALID, UNKNOWN, Verdicts

Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

NONE, DISTILLED, FAMILY, SAME = range(4)
"""How closely a judge and a maker are related, rising."""

RELATIONS: Mapping[int, str] = {SAME: "same", FAMILY: "family", DISTILLED: "distilled"}
CODES: Mapping[str | None, int] = {None: NONE, "distilled": DISTILLED, "family": FAMILY, "same": SAME}

POINTS = np.array([1.0, 0.0, 0.5, np.nan])
"""Of A for a verdict: A, B, tie, invalid."""

STRATA = (-1.0, -0.32, 0.32, 1.0)
"""Edges of the ratio of lengths, own to other, in doublings: within 0.32, a quarter longer or shorter, is alike."""

ALIKE = 2
"""Place of the stratum of alike lengths."""

ANNOTATORS = ("alpaca_eval_gpt4=gpt4", "alpaca_eval_gpt4_fn=gpt4", "weighted_alpaca_eval_gpt4_turbo=gpt4_1106_preview")
"""Judges that are named after their instructions, and their models (tatsu-lab/alpaca_eval, evaluators_configs)."""

NO_OWN = "no judge met such an output beside one that is less its own"
NO_OTHERS = "nobody else judged these pairs: give verdicts of people or of unrelated judges on them"


@check
@dataclass(frozen=True, slots=True)
class SelfPreference:
    """Judges that prefer outputs of their own model, of its family, or of models that learnt from them.

    What: of the decided verdicts of a machine judge on a pair with one output of the judge's own model, the share won
    by that output (`rate`). Its own may simply be better: `excess` is the same, a tie as half, minus what people say
    of the same pairs, or where no people judged, judges that are related to neither maker (`others_rate` is theirs).
    `matched_rate` and `matched_excess` are of pairs whose lengths are within a quarter of each other. `equal_chance`
    is Wataoka's measure: how often the judge takes its own where others prefer its own, minus how often it takes the
    other one where others prefer that. `family_rate`, `family_excess`, `distilled_rate` and `distilled_excess` are the
    same for pairs with a model of the judge's family, or one that learnt from it or that it learnt from, and nothing
    closer on the other side; relatives are those of `expectations/lineage`.

    Why it matters: rows that a judge selects from its own model's output drift towards that model, generation by
    generation, and a leaderboard with a contestant on the jury is none.

    Example: GPT-4 judges GPT-4 against Claude; GPT-4 wins 70 %, by people's verdicts 55 %: an excess of 0.15.

    Remedy: judge with a model of another family, with a panel of several families, or drop the verdicts on own outputs.

    Limits: judge and makers are known by their names alone; give `models` (judge=model, several by commas) where a
    judge is called after its prompt. A relation that its maker did not publish is not in the tables. Judges may share
    a taste that people do not: people's verdicts are the better reference.

    Reference: Panickssery, Bowman and Feng 2024, "LLM evaluators recognize and favor their own generations",
    arXiv:2404.13076; Wataoka, Takahashi and Ri 2024, "Self-preference bias in LLM-as-a-judge", arXiv:2410.21819; Li et
    al. 2025, "Preference leakage", arXiv:2502.01534, for the three relations.
    """

    models: tuple[str, ...] = ANNOTATORS

    spec: ClassVar[Spec] = Spec(
        name="self-preference",
        title="Judges of their own outputs",
        over="verdicts",
        measures=(
            Measure(
                "rate",
                "share",
                "decided verdicts on an own output that it won",
                "judge with a model of another family, or with a panel",
                bad="high",
            ),
            Measure("others_rate", "share", "points of the same outputs by people or unrelated judges"),
            Measure("excess", "points", "points the judge gives its own, above those of others", bad="high"),
            Measure("matched_rate", "share", "the rate where both outputs are about as long"),
            Measure("matched_excess", "points", "the excess where both outputs are about as long", bad="high"),
            Measure("equal_chance", "points", "own wins where others say so, less the other's where others say that"),
            Measure("family_rate", "share", "decided verdicts on an output of the judge's family that it won"),
            Measure("family_excess", "points", "points the judge gives its family, above those of others", bad="high"),
            Measure("distilled_rate", "share", "decided verdicts on an output of its teacher or pupil that it won"),
            Measure("distilled_excess", "points", "points the judge gives these, above those of others", bad="high"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "gpt-4-0613", "a": "gpt-4", "b": "llama-2", "verdict": "a"},
                    {"item": "q", "judge": "claude-2", "a": "gpt-4", "b": "llama-2", "verdict": "b"},
                ),
                "self_preference.rate",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "gpt-4-0613", "a": "gpt-4", "b": "llama-2", "verdict": "b"},
                    {"item": "q", "judge": "claude-2", "a": "gpt-4", "b": "llama-2", "verdict": "a"},
                ),
                "self_preference.rate",
            ),
        ),
    )

    def __post_init__(self) -> None:
        for pair in self.models:
            judge, equals, model = pair.partition("=")
            if not (judge.strip() and equals and model.strip()):
                raise ValueError(f"{pair!r} in 'models' is no judge=model")

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        tables = _tables(context)
        own = _own(verdicts, self._related(verdicts, tables))
        if not len(own.rows):
            return Measurement(
                (), notes=("no judge met an output of its own or of a relative: name makers a and b, and judges",)
            )
        name = self.spec.metric
        sets = {code: np.flatnonzero(own.relation == code) for code in RELATIONS}
        alike = own.stratum == ALIKE
        same = sets[SAME]
        overall = [
            *self._own(own, same),
            own.rate(name("matched_rate"), same[alike[same]]),
            own.excess(name("matched_excess"), same[alike[same]]),
            own.equal_chance(name("equal_chance"), same),
        ]
        for code, word in ((FAMILY, "family"), (DISTILLED, "distilled")):
            overall += [own.rate(name(f"{word}_rate"), sets[code]), own.excess(name(f"{word}_excess"), sets[code])]
        if tables is None:
            why = "no table of model families was given"
            overall = [because(m, why) if "family" in m.name or "distilled" in m.name else m for m in overall]
            overall = [Metric(m.name, None, m.unit, m.n, why) if m.why == why else m for m in overall]
        order = panels.places(self.spec)
        panel = Panel(verdicts, own.rows, own.draw)
        return Measurement(
            tuple(sorted(overall, key=lambda metric: order[metric.name])),
            (*panel.slices(lambda at: self._own(own, at[own.relation[at] == SAME])), *self._relations(own, sets)),
            notes=own.notes,
            exhibits=(*self._pairs(verdicts, own), *self._lengths(own, same)),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Verdicts for an own output against what others say of the pair."""
        own = _own(verdicts, self._related(verdicts, _tables(context)))
        at = np.flatnonzero((own.relation == SAME) & (own.points == 1) & (own.others == 0))
        at = at[np.argsort(own.rows[at], kind="stable")]
        rows = own.rows[at]

        names = panels.Names(verdicts)

        def evidence(places: Longs) -> pa.Array:
            some = rows[places]
            who = pa.array(np.where(own.by_people[at[places]], "people", "others").tolist(), pa.large_string())
            said, judge = panels.words(verdicts.verdict[some]), names.judge(some)
            return panels.joined(names.asked(some), ": ", said, " by ", judge, ", the other by ", who)

        yield from panels.told(rows, self.spec.metric("rate"), evidence)

    def _own(self, own: Own, at: Longs) -> list[Metric]:
        name = self.spec.metric
        return [
            own.rate(name("rate"), at),
            own.others_rate(name("others_rate"), at),
            own.excess(name("excess"), at),
        ]

    def _relations(self, own: Own, sets: Mapping[int, Longs]) -> list[Slice]:
        """The same for each relation."""
        return [
            Slice("relation", RELATIONS[code], metric)
            for code in sorted(RELATIONS)
            if len(sets[code])
            for metric in self._own(own, sets[code])
        ]

    def _related(self, verdicts: Verdicts, tables: Kinship | None) -> Small:
        """How judges (rows) and makers (columns) are related, by their names; the last of each is nobody."""
        known = {judge.strip(): model.strip() for judge, _, model in (pair.partition("=") for pair in self.models)}
        names = ([known.get(name, name) for name in verdicts.judge.names], verdicts.a.names)
        families = {name: _family(name, tables) for name in {*names[0], *names[1]}}
        kin = {family.name: family for family in families.values() if family is not None}
        akin = np.zeros((len(kin) + 1, len(kin) + 1), np.int8)  # the last has no family
        if tables is not None:
            for i, mine in enumerate(kin.values()):
                for j, theirs in enumerate(kin.values()):
                    akin[i, j] = CODES[tables.akin(mine, theirs)]
        place = {name: i for i, name in enumerate(kin)}
        judges, makers = (
            np.array([len(kin) if (one := families[name]) is None else place[one.name] for name in side], np.int64)
            for side in names
        )
        spelt = [np.array([_spelt(name) for name in side], np.str_) for side in names]
        found = np.zeros((len(judges) + 1, len(makers) + 1), np.int8)
        found[:-1, :-1] = np.where(spelt[0][:, None] == spelt[1], SAME, akin[judges[:, None], makers])
        found[:-1][verdicts.humans] = NONE
        return found

    def _pairs(self, verdicts: Verdicts, own: Own) -> Iterator[Exhibit]:
        """Every judge with each of its relatives."""
        a, b = verdicts.a.codes[own.rows], verdicts.b.codes[own.rows]
        mine = np.where(own.is_a, a, b)
        cell = keys(verdicts.judge.codes[own.rows], mine, own.relation)
        distinct, first, counts = np.unique(cell, return_index=True, return_counts=True)
        lines = []
        for place in np.lexsort((distinct, -counts, -own.relation[first]))[:EXHIBIT_ROWS]:
            at = np.flatnonzero(cell == distinct[place])
            row, relation = int(own.rows[first[place]]), RELATIONS[int(own.relation[first[place]])]
            share, others, excess = own.rate("", at), own.others_rate("", at), own.excess("", at)
            maker = verdicts.a.names[mine[first[place]]]
            numbers = map(short, (share.value, others.value, excess.value, excess.low, excess.high))
            lines.append((panels.named(verdicts.judge, row), maker, relation, share.n, *numbers))
        yield Exhibit(
            self.spec.metric("judges"),
            "Judges and their relatives",
            ("judge", "maker", "relation", "decided", "it wins", "by others", "excess", "low", "high"),
            tuple(lines),
            "others: people where they judged the pair, else judges related to neither maker",
            bar="it wins",
        )

    def _lengths(self, own: Own, same: Longs) -> Iterator[Exhibit]:
        """Own outputs by how long they are beside the other."""
        words = ("half or less", "shorter", "alike (within a quarter)", "longer", "twice or more")
        lines = []
        for place, told in enumerate(words):
            at = same[own.stratum[same] == place]
            if len(at):
                share, others, excess = own.rate("", at), own.others_rate("", at), own.excess("", at)
                numbers = (share.value, share.low, share.high, others.value, excess.value)
                lines.append((told, share.n, *map(short, numbers)))
        if lines:
            yield Exhibit(
                self.spec.metric("by_length"),
                "Own outputs, by their length beside the other",
                ("own output is", "decided", "own wins", "low", "high", "by others", "excess"),
                tuple(lines),
                bar="own wins",
            )


@dataclass(frozen=True, slots=True)
class Own:
    """Verdicts of machines on pairs with a relative of the judge on one side, n of them, no closer on the other. is_a:
    bool [n], it is A. points: float64 [n], of the relative's output: 1, 0, or a half for a tie. others: the same by
    others on the pair, NaN where nobody gave any. by_people: bool [n], those are people. stratum: int64 [n], of the
    ratio of lengths, -1 where it is not known."""

    rows: Longs
    is_a: Mask
    relation: Small
    points: Doubles
    others: Doubles
    by_people: Mask
    stratum: Longs
    draw: npt.NDArray[np.int32]
    once: bool
    notes: tuple[str, ...]

    def rate(self, name: str, at: Longs) -> Metric:
        at = at[self.points[at] != 0.5]
        return because(clustered(name, self.points[at] == 1, self.draw[at], once=self.once), NO_OWN)

    def others_rate(self, name: str, at: Longs) -> Metric:
        return self._mean(name, "share", at, self.others)

    def excess(self, name: str, at: Longs) -> Metric:
        return self._mean(name, "points", at, self.points - self.others)

    def equal_chance(self, name: str, at: Longs) -> Metric:
        """P(judge: own | others: own) - P(judge: other | others: other) (Wataoka et al. 2024, equation 2)."""
        nobody = NO_OTHERS if len(at) else NO_OWN
        at = at[(self.points[at] != 0.5) & ~np.isnan(self.others[at]) & (self.others[at] != 0.5)]
        own, mine = self.others[at] == 1, self.points[at] == 1
        cells = summed(self.draw[at], [own, own & mine, ~own, ~own & ~mine])
        why = "others never prefer the own output, or always" if len(at) else nobody
        return panels.estimated(name, "points", cells, _gap, len(at), why)

    def _mean(self, name: str, unit: str, at: Longs, values: Doubles) -> Metric:
        nobody = NO_OTHERS if len(at) else NO_OWN
        at = at[~np.isnan(values[at])]
        halves = (values[at] * 2).astype(np.int64)  # points are halves: sums of integers know no order
        table = summed(self.draw[at], [np.ones(len(at), np.int64), halves])
        return because(averaged(name, unit, table, 2), nobody)


def _own(verdicts: Verdicts, related: Small) -> Own:
    judge, a, b = verdicts.judge.codes, verdicts.a.codes, verdicts.b.codes
    left, right = related[judge, a], related[judge, b]
    rows = np.flatnonzero(verdicts.by_machine & (left != right) & (verdicts.verdict != INVALID) & (a >= 0) & (b >= 0))
    left, right = left[rows], right[rows]
    is_a = left > right
    points = POINTS[verdicts.verdict[rows]]
    others, by_people, notes = _others(verdicts, related, rows)
    ratio = doublings(verdicts.words_a[rows], verdicts.words_b[rows], 0)
    known = (verdicts.words_a[rows] != UNKNOWN) & (verdicts.words_b[rows] != UNKNOWN)
    stratum = np.searchsorted(STRATA, np.where(is_a, ratio, -ratio), side="right")
    return Own(
        rows,
        is_a,
        np.maximum(left, right),
        np.where(is_a, points, 1 - points),
        np.where(is_a, others, 1 - others),
        by_people,
        np.where(known, stratum, -1),
        panels.panel(verdicts, rows).draw,
        judged_once(verdicts, rows),
        notes,
    )


def _others(verdicts: Verdicts, related: Small, rows: Longs) -> tuple[Doubles, Mask, tuple[str, ...]]:
    """A's points by others on the pair of each row: people, else the majority of judges related to neither maker."""
    pairs = paired(verdicts)
    pair = pairs[0]
    said = gold(verdicts, pairs)[rows]
    by_people = said != INVALID
    wanted = np.zeros(pairs[1], np.bool_)
    wanted[pair[rows[~by_people]]] = True
    judge, a, b = verdicts.judge.codes, verdicts.a.codes, verdicts.b.codes
    jury = np.flatnonzero(wanted[pair] & verdicts.by_machine & (verdicts.verdict != INVALID) & (a >= 0) & (b >= 0))
    apart = (related[judge[jury], a[jury]] == NONE) & (related[judge[jury], b[jury]] == NONE)
    cells = settled(pair[jury[apart]], verdicts.verdict[jury[apart]], jury[apart])
    told = np.full(pairs[1], INVALID, np.int8)
    told[cells.keys] = cells.verdict
    said = np.where(by_people, said, told[pair[rows]]).astype(np.int8)
    people, judges = int(by_people.sum()), int((~by_people & (said != INVALID)).sum())
    note = (
        f"of {len(rows):,} verdicts on a relative, {people:,} are held against people, {judges:,} against other judges"
    )
    return POINTS[said], by_people, (note,)


def _tables(context: Context) -> Kinship | None:
    return context.pedigree.kinship if context.pedigree is not None else context.kinship


def _family(name: str, tables: Kinship | None) -> Family | None:
    """The family by the name as it is, or with hyphens where files have underscores."""
    if tables is None:
        return None
    return tables.family(name) or tables.family(name.replace("_", "-"))


def _spelt(name: str) -> str:
    """One spelling for `gpt4`, `GPT-4` and `openai/gpt-4-0613`."""
    return re.sub(r"[\s_-]+", "", kinship.key(re.sub(r"[\s_]+", "-", name.strip())))


def _gap(cells: Doubles) -> Doubles:
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Doubles = cells[..., 1] / cells[..., 0] - cells[..., 3] / cells[..., 2]
    return value
