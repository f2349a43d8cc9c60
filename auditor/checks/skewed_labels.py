"""Labels, languages and groups of people that are commoner or rarer than they should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import groups as lists_of_groups
from auditor.core.content.features import text_of
from auditor.core.content.fields import Field, columns_of, held_against, left_out
from auditor.core.content.groups import Groups
from auditor.core.content.labels import LABELS
from auditor.core.content.mentions import ANY, Mentions, by_dimension, mentions
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.shares import DUE, Compared, Missing, targets
from auditor.core.intervals import rate
from auditor.core.rowwise import cut, findings
from auditor.kernels.swaps import pairs, twins
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import FINDING_SCHEMA, Exhibit, Measurement, Metric, Slice
from auditor.model.rows import MAKERS, ROUNDS, Dataset, Rows
from auditor.statistics import balance, tails
from auditor.statistics.balance import Distance

SMALL = 0.1
"""Distance from which a field is skewed: a tenth of the rows would have to change their label. Cohen 1988, "Statistical
Power Analysis", takes the same share of a standard deviation for nothing."""

PAIRED = 0.2
"""Share of the rows with gendered words that have a twin from which the set was made in pairs."""

SHOWN, UNPAIRED = 30, 500
"""Lines of the exhibit, and rows without a twin that are named."""

OF_ROWS = (
    f"share of the rows that have the field; of groups that texts name, of all rows, {ANY} of those that name one at "
    "all; beside a target, of what is named"
)

Longs = npt.NDArray[np.int64]


_SKEWED = tuple(
    {"text": f"Ticket {i}: {'he' if i % 10 else 'she'} asks for help.", "team": "ab"[i % 10 == 0]} for i in range(200)
)
_EVEN = tuple(
    {"text": f"Ticket {i}: {'he' if i % 2 else 'she'} asks for help.", "team": "ab"[i % 2]} for i in range(200)
)
_UNTWINNED = tuple(
    {"text": f"{who} wrote letter {i} to the bank."}
    for i in range(60)
    for who in (("He", "She") if i < 40 else ("He",))
)


@check
@dataclass(frozen=True)
class SkewedLabels:
    """Labels and groups of people that are commoner or rarer than in the real data, the seeds, or as declared.

    What: fields with labels (topic, persona, grade …), the language, and groups that texts name: men and women,
    religions, nationalities. Each is held against its declared shares (`target`), else against the real data, else the
    seeds. `worst_effect` is the largest total variation distance, the share of rows that would have to change their
    label, among the fields whose difference chance does not explain (chi-square, Holm's correction); 0 where it
    explains all. Where real has more than 50 labels of a field, or fewer than eight rows for each, it is what the
    distance is beyond chance: 0 as chance has it, 1 where no label is in common. `skewed` counts fields of a tenth or
    more, `missing_labels` labels that no row has though 8 would be due. `amplification` asks whether a bias grew: over
    the contexts (all rows, and those of each label), by how much the sex that led in the seeds or the real data leads
    more here. `imbalance` needs no reference: how far the least even field is from even, by entropy.
    Where rows were made in gender-swapped pairs, `gender_swap_incomplete` is the share whose twin is missing or differs
    in more than the swap.

    Why it matters: a generator prefers what it has seen most, and a model trained on its rows prefers it more (Zhao et
    al. 2017: cooking is a third more often a woman's in the data and two thirds more in the predictions).
    Averages over rows do not show it.

    Example: tickets of two teams, half and half in the real data, come out 90 to 10: `worst_effect` is 0.4.

    Remedy: generate more of what is rare, or draw the rows to the shares wanted: `--set
    skewed-labels.target=gender=female:0.5,gender=male:0.5`.

    Limits: groups are counted by words, in English, once a row, whatever is said of them; names say nothing, and a
    person of neither sex is not counted. Fields are compared where both sides have them, whole numbers where real has
    up to 50 of them; texts with fewer than two real rows a value are names of rows, and left out with a note, and so
    are fields that say who or what made a row, without one. Of seeds only texts are read. A label that fewer than 8
    rows are due to (10 where real has 200 labels) is not missed, and where every label is such a one `missing_labels`
    has no value. `imbalance` is of fields with 2 to 50 values. Twins are found by words alone, so a swapped name breaks
    a pair. Groups of your own: `words` names files of the form of expectations/words/drift/groups.yaml.

    Reference: J. Zhao et al. 2017, "Men also like shopping", EMNLP (amplification); K. Lu et al. 2018, "Gender bias in
    neural natural language processing" (swapped pairs); the source of each list stands beside it.
    """

    scope: str = "text"
    fields: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    least: int = 50

    spec: ClassVar[Spec] = Spec(
        name="skewed-labels",
        title="Skewed labels",
        measures=(
            Measure(
                "worst_effect",
                "share",
                "rows of the worst field that would have to change their label, beyond what chance explains",
                "generate more of the rare labels, or draw the rows to the shares that are wanted",
                depends="real",
            ),
            Measure(
                "skewed",
                "fields",
                "fields of which a tenth of the rows would have to change, beyond what chance explains",
                depends="real",
            ),
            Measure(
                "missing_labels",
                "labels",
                "labels of the reference that no row has",
                "generate rows of these labels",
                depends="real",
            ),
            Measure(
                "amplification", "share", "growth of the lead of the sex that led in the reference", depends="real"
            ),
            Measure("imbalance", "share", "how far the least even field is from even, by entropy"),
            Measure(
                "gender_swap_incomplete",
                "share",
                "rows of gender-swapped pairs without their twin",
                "add the twin with nothing but the gendered words swapped, or drop the row",
                depends="size",
            ),
        ),
        reads=("text",),
        annotations=("fields",),
        version=2,
        fires=(
            Case(_SKEWED, "skewed_labels.worst_effect", references={"real": _EVEN}),
            Case(_EVEN[1::2], "skewed_labels.missing_labels", references={"real": _EVEN}),
            Case(_SKEWED, "skewed_labels.worst_effect", {"target": ("gender=male:0.5", "gender=female:0.5")}),
            Case(_SKEWED, "skewed_labels.imbalance"),
            Case(_UNTWINNED, "skewed_labels.gender_swap_incomplete"),
        ),
        quiet=(
            Case(_EVEN, "skewed_labels.worst_effect", references={"real": _EVEN}),
            Case(_SKEWED, "skewed_labels.worst_effect", references={"real": _SKEWED}),
            Case(_EVEN, "skewed_labels.imbalance"),
            Case(_UNTWINNED[:80], "skewed_labels.gender_swap_incomplete"),
        ),
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.least < 1:
            raise ValueError("least must be at least 1 row")
        targets(self.target)
        for path in self.words:
            lists_of_groups.read(Path(path))

    def suits(self, rows: Dataset, context: Context) -> None:
        """Raises ConfigError where a parameter names a field that these rows have not."""
        groups = lists_of_groups.load(context.expectations, self.words)
        every = {*rows.fields, *columns_of(rows), *(["language"] if "language" in rows.columns else [])}
        known = {"target": {*self._fields(rows, groups), *groups.dimensions}, "fields": every}
        for parameter, asked in (("target", targets(self.target)), ("fields", self.fields)):
            unknown = sorted(set(asked) - known[parameter])
            if unknown:
                raise ConfigError(
                    f"check {self.spec.name!r}: {parameter} names a field that the data has not",
                    seen=repr(cut(unknown[0], 80)),
                    wanted=f"a field of the records{' or a group that texts name' if parameter == 'target' else ''}",
                    hint=suggest(unknown[0], known[parameter]),
                )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references.get("real")
        seeds = [one for _, one in sorted(context.pedigree.seeds.items())] if context.pedigree else []
        column, notes = text_of(rows, real or rows, self.scope)
        groups = lists_of_groups.load(context.expectations, self.words)
        if real is None and not self.target and not seeds:
            groups = Groups({}, groups.swaps)  # nothing says how often who is to be named
        mine = mentions([rows], column, groups, engine)
        sides = {} if real is None else {"real": mentions([real], column, groups, engine)}
        if seeds:
            sides["seeds"] = mentions(seeds, "text", groups, engine)
        before = sides.get("seeds") or sides.get("real")
        asked, beside = self._fields(rows, groups), {} if real is None else self._fields(real, groups)
        wanted = targets(self.target)

        def one(name: str) -> Field:
            sexes = None if real is None or before is not sides["real"] else (mine.sexes, before.sexes)
            return held_against(
                name, (rows, asked[name]), (real, beside.get(name)), wanted.get(name), sexes, self.least
            )

        fields = engine.map(one, asked)
        compared = [
            *by_dimension(mine, sides, groups, wanted, self.least),
            *(one.compared for one in fields if one.compared),
        ]
        compared.sort(key=lambda one: (-one.distance.value if one.distance else 1, one.field))
        if real is not None and min(rows.rows, real.rows) >= self.least:
            few, unique = [one.few for one in fields if one.few], [one.unique for one in fields if one.unique]
            notes = (*notes, *left_out(self.least, few, unique))
        swapped, alone = self._swaps(rows, column, groups, engine)
        sizes = rows.rows, None if real is None else real.rows
        metrics = (
            *self._effects(compared, bool(sides), sizes),
            self._amplified(mine, before, fields),
            self._imbalance(fields),
            swapped,
        )
        slices = tuple(Slice("field", one.field, self._effect(one.distance, one.n)) for one in compared if one.distance)
        missing = [lost for one in compared for lost in one.missing]
        tables = {"alone": alone, "missing": _shown(missing, real, column)}
        return Measurement(metrics, slices, notes=notes, tables=tables, exhibits=self._exhibit(compared))

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Rows without their twin, and of each missing label a real row that has it."""
        alone = measurement.tables["alone"].column("row").to_numpy()
        if len(alone):
            texts = rows.take(alone, ["text"]).column(0).to_pylist()
            yield findings(alone, self.spec.metric("gender_swap_incomplete"), texts)
        missing = measurement.tables["missing"]
        if n := len(missing):
            yield pa.table(
                {
                    "row": pa.nulls(n, pa.int64()),
                    "metric": pa.repeat(self.spec.metric("missing_labels"), n),
                    "related": missing.column("row"),
                    "related_dataset": pa.repeat("real", n),
                    "cluster": pa.nulls(n, pa.int64()),
                    "score": missing.column("due"),
                    "evidence": missing.column("evidence"),
                },
                schema=FINDING_SCHEMA,
            )

    def _fields(self, rows: Dataset, groups: Groups) -> dict[str, str]:
        """Fields that may be labels, with their columns. Who made a row, and in which round, is none unless asked."""
        asked, found = {*self.fields, *targets(self.target)}, {}
        for name, column in columns_of(rows).items():
            labels = rows.fields[name] in ("string", "int", "bool") and name not in (*MAKERS, *ROUNDS)
            if not asked.isdisjoint((name, column)) or (labels and not self.fields):
                found[f"meta.{name}" if name in groups.dimensions else name] = column
        if "language" in rows.columns and (not self.fields or "language" in self.fields):
            found["language"] = "language"
        return found

    def _effects(self, compared: Sequence[Compared], beside: bool, sizes: tuple[int, int | None]) -> Iterator[Metric]:
        name, why = self.spec.metric, "no real data, seeds or target: give --real FILE"
        if beside or compared:
            why = f"no field or group with {self.least} rows on both sides"
        if sizes[1] is not None and min(sizes[0], sizes[1]) < self.least:
            why = f"needs at least {self.least} rows and as many real ones, has {sizes[0]:,} and {sizes[1]:,}"
        known = [(one, one.distance) for one in compared if one.distance]
        if known:
            sure = tails.holm(np.array([distance.p for _, distance in known]))
            beyond = [pair for pair, is_sure in zip(known, sure, strict=True) if is_sure]
            worst, distance = (beyond or known)[0]
            yield self._effect(distance, worst.n) if beyond else Metric(name("worst_effect"), 0.0, "share", worst.n)
            skewed = sum(distance.value >= SMALL for _, distance in beyond)
            yield Metric(name("skewed"), skewed, "fields", len(known))
        else:
            yield Metric(name("worst_effect"), None, "share", 0, why)
            yield Metric(name("skewed"), None, "fields", 0, why)
        asked, lost = sum(one.asked for one in compared), sum(one.lost for one in compared)
        if compared and not why.startswith("needs"):
            why = f"no label that {DUE} rows are due to"
        yield Metric(name("missing_labels"), lost if asked else None, "labels", asked, "" if asked else why)

    def _effect(self, distance: Distance, n: int) -> Metric:
        name = self.spec.metric("worst_effect")
        return Metric(name, distance.value, "share", n, low=distance.low, high=distance.high)

    def _amplified(self, mine: Mentions, before: Mentions | None, fields: Sequence[Field]) -> Metric:
        name = self.spec.metric("amplification")
        if before is None:
            return Metric(name, None, "share", 0, "needs seeds or real data: --real FILE")
        whole = tuple(side.sexes.sum(axis=0, keepdims=True) for side in (mine, before))
        parts = [whole, *(one.sexes for one in fields if one.sexes is not None)]
        ours, then = (np.concatenate([part[side] for part in parts]) for side in (0, 1))
        both = np.minimum(ours.sum(axis=1), then.sum(axis=1)) >= self.least
        if not both.any():
            return Metric(name, None, "share", 0, f"fewer than {self.least} rows on one side name men or women")
        return Metric(name, balance.amplification(ours[both], then[both]), "share", int(ours[both][0].sum()))

    def _imbalance(self, fields: Sequence[Field]) -> Metric:
        name, seen = self.spec.metric("imbalance"), [one.imbalance for one in fields if one.imbalance]
        if not seen:
            return Metric(name, None, "share", 0, f"no field has 2 to {LABELS} values in {self.least} rows")
        value, n = max(seen)
        return Metric(name, value, "share", n)

    def _swaps(self, rows: Dataset, column: str, groups: Groups, engine: Engine) -> tuple[Metric, pa.Table]:
        name, known = self.spec.metric("gender_swap_incomplete"), pairs(groups.swaps)

        def extract(shard: Rows) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], Longs]:
            own, twin, found = twins(shard.strings(column), known)
            some = np.flatnonzero(found.any(axis=1))
            return own[some], twin[some], shard.numpy("row")[some]

        own, twin, place = (np.concatenate(part) for part in zip(*engine.gather(rows, extract), strict=True))
        alone = ~np.isin(twin, own)
        n, without = len(own), int(np.count_nonzero(alone))
        if n < self.least or n - without < PAIRED * n:
            why = f"not made in pairs: {n - without:,} of {n:,} rows with gendered words have a twin"
            return Metric(name, None, "share", n, why), pa.table({"row": pa.array([], pa.int64())})
        return rate(name, without, n), pa.table({"row": pa.array(place[alone][:UNPAIRED], pa.int64())})

    def _exhibit(self, compared: Sequence[Compared]) -> tuple[Exhibit, ...]:
        lines = [
            (cut(one.field, 60), cut(label, 60), mine, due, abs(mine - due), one.against)
            for one in compared
            for label, mine, due in one.lines
        ]
        if not lines:
            return ()
        lines.sort(key=lambda line: (-line[4], line[0], line[1]))
        heads = ("field", "label", "share", "share due", "difference in share", "due by")
        return (
            Exhibit(
                self.spec.metric("labels"),
                "Labels furthest from their due",
                heads,
                tuple(lines[:SHOWN]),
                OF_ROWS,
                bar="difference in share",
            ),
        )


def _shown(missing: Sequence[Missing], real: Dataset | None, column: str) -> pa.Table:
    """Of each missing label a real row: row, due, evidence."""
    lines = [one for one in missing if one.first >= 0]
    texts = real.take([one.first for one in lines], [column]).column(0).to_pylist() if real is not None else []
    seen = [
        cut(f"({one.field} {cut(one.label, 60)}: no row, {one.due:.0f} are due) {text}")
        for one, text in zip(lines, texts, strict=True)
    ]
    return pa.table(
        {
            "row": pa.array([one.first for one in lines], pa.int64()),
            "due": pa.array([one.due for one in lines], pa.float64()),
            "evidence": pa.array(seen, pa.large_string()),
        }
    )
