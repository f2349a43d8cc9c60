"""Labels, languages and groups of people that are commoner or rarer than they should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core import documents
from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content.features import text_of
from auditor.core.content.lexicons import FOLDER
from auditor.core.intervals import rate
from auditor.core.rowwise import cut, findings
from auditor.kernels.swaps import pairs, twins
from auditor.kernels.wording import Lists, lists, tally
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import FINDING_SCHEMA, Exhibit, Measurement, Metric, Slice
from auditor.model.rows import Dataset, Rows
from auditor.statistics import balance, tails
from auditor.statistics.balance import Distance

LABELS = 50
"""Different values up to which a field is taken for a label."""

GROUPS = 62
"""Groups of people that can be counted at once."""

SMALL = 0.1
"""Distance from which a field is skewed: a tenth of the rows would have to change their label. Cohen 1988, "Statistical
Power Analysis", takes the same share of a standard deviation for nothing."""

DUE = 8
"""Rows due to a label from which its absence is no accident: by chance one label in 3,000 of them would be missed."""

PAIRED = 0.2
"""Share of the rows with gendered words that have a twin from which the set was made in pairs."""

SHOWN, UNPAIRED = 30, 500
"""Lines of the exhibit, and rows without a twin that are named."""

SEXES = (("gender", "male"), ("gender", "female"))
OTHER = "(other)"
ROUNDING = 1e-9

Longs = npt.NDArray[np.int64]
Label = tuple[str, str]
"""Field and label."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The lexicon. words: of each (dimension, group). swaps: gendered words by pairs."""

    words: Mapping[Label, tuple[str, ...]]
    swaps: tuple[tuple[str, str], ...]


@dataclass
class Side:
    """What was counted in one dataset. rows: of each label. first: the first row of it. gendered: int64 [2], rows that
    name a man, a woman, by context. many: fields of too many values to be labels. asked: fields and dimensions that
    were looked for. size: rows in all."""

    rows: dict[Label, int] = field(default_factory=dict)
    first: dict[Label, int] = field(default_factory=dict)
    gendered: dict[Label, Longs] = field(default_factory=dict)
    many: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    size: int = 0

    def add(self, other: Side) -> None:
        for label, count in other.rows.items():
            self.rows[label] = self.rows.get(label, 0) + count
            self.first.setdefault(label, other.first[label])
        for context, both in other.gendered.items():
            self.gendered[context] = self.gendered.get(context, np.zeros(2, np.int64)) + both
        self.many |= other.many
        self.asked |= other.asked
        self.size += other.size

    def fields(self) -> list[str]:
        return sorted({name for name, _ in self.rows} - self.many)

    def of(self, name: str) -> dict[str, int]:
        """Rows by label of a field; nothing where it has too many."""
        found = {label: count for (one, label), count in sorted(self.rows.items()) if one == name}
        return {} if name in self.many or len(found) > LABELS else found


@dataclass(frozen=True, slots=True)
class Compared:
    """A field against what it should be. labels: all that either side has. ours: rows. shares: due to each label.
    against: real, seeds or target."""

    field: str
    labels: tuple[str, ...]
    ours: Longs
    shares: npt.NDArray[np.float64]
    distance: Distance
    against: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A label without a row though `due` rows are due. first: a real row that has it, -1 where there is none."""

    field: str
    label: str
    due: float
    first: int


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

    What: fields of up to 50 values (topic, persona, label, grade …), the language, and groups that texts name: men and
    women, religions, nationalities. Each is held against its declared shares (`target`), else against the real data,
    else the seeds. `worst_effect` is the largest total variation distance, the share of rows that would have to
    change their label, among the fields whose difference chance does not explain (chi-square, Holm's correction);
    0 where it explains all. `skewed` counts those of a tenth or more, `missing_labels` labels that no row has though 8
    would be due. `amplification` asks whether a bias grew: over the contexts (all rows, and those of each label), by
    how much the sex that led in the seeds or the real data leads more here. `imbalance` needs no reference: how far the
    least even field is from even, by entropy.
    Where rows were made in gender-swapped pairs, `gender_swap_incomplete` is the share whose twin is missing or differs
    in more than the swap.

    Why it matters: a generator prefers what it has seen most, and a model trained on its rows prefers it more (Zhao et
    al. 2017: cooking is a third more often a woman's in the data and two thirds more in the predictions).
    Averages over rows do not show it.

    Example: tickets of two teams, half and half in the real data, come out 90 to 10: `worst_effect` is 0.4.

    Remedy: generate more of what is rare, or draw the rows to the shares wanted: `--set
    skewed-labels.target=gender=female:0.5,gender=male:0.5`.

    Limits: groups are counted by words, in English, once a row, whatever is said of them; names say nothing, and a
    person of neither sex is not counted. Fields are compared where both sides have them, whole numbers where they have
    few values; fields that name a generator are left out, and of seeds only texts are read. Twins are found by words
    alone, so a swapped name breaks a pair. Groups of your own: `words` names files of the form of
    expectations/words/drift/groups.yaml.

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
                "rows of the worst field that would have to change their label",
                "generate more of the rare labels, or draw the rows to the shares that are wanted",
                depends="real",
            ),
            Measure("skewed", "fields", "fields of which a tenth of the rows would have to change", depends="real"),
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
        if self.scope not in ("text", "prompt", "response"):
            raise ValueError(f"scope is {self.scope!r}, not text, prompt or response")
        if self.least < 1:
            raise ValueError("least must be at least 1 row")
        _targets(self.target)
        for path in self.words:
            _read(Path(path))

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references.get("real")
        column, notes = text_of(rows, real or rows, self.scope)
        groups = self._groups(context)
        if real is None and not self.target and not (context.pedigree and context.pedigree.seeds):
            groups = Groups({}, groups.swaps)  # nothing says how often who is to be named
        mine = self._counted(rows, column, groups, engine)
        sides: dict[str, Side] = {}
        if real is not None:
            sides["real"] = self._counted(real, column, groups, engine)
        for _, seeds in sorted(context.pedigree.seeds.items()) if context.pedigree else ():
            sides.setdefault("seeds", Side()).add(self._counted(seeds, "text", groups, engine))
        compared = self._compared(mine, sides)
        missing = _missing(compared, mine, sides)
        swapped, alone = self._swaps(rows, column, groups, engine)
        metrics = (
            *self._effects(compared, mine, sides, missing),
            self._amplified(mine, sides),
            self._imbalance(mine, groups),
            swapped,
        )
        if all(metric.value is None for metric in metrics):
            return Measurement((), notes=("; ".join(dict.fromkeys(metric.why for metric in metrics)),))
        slices = tuple(Slice("field", one.field, self._effect(one.distance, int(one.ours.sum()))) for one in compared)
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

    def _groups(self, context: Context) -> Groups:
        found = (folder / FOLDER / "groups.yaml" for folder in context.expectations)
        first = next((path for path in found if path.is_file()), None)
        if first is None:
            raise ConfigError("no word list 'groups'", hint=f"put {FOLDER / 'groups.yaml'} into your own expectations/")
        words: dict[Label, tuple[str, ...]] = {}
        swaps: tuple[tuple[str, str], ...] = ()
        for path in (first, *map(Path, self.words)):
            more = _read(path)
            swaps += more.swaps
            for label, phrases in more.words.items():
                words[label] = words.get(label, ()) + phrases
        if len(words) > GROUPS:
            raise ConfigError(f"{len(words)} groups are too many to count", wanted=f"at most {GROUPS}")
        return Groups(words, swaps)

    def _fields(self, rows: Dataset, groups: Groups) -> dict[str, str]:
        """Fields that may be labels, with their columns. Who made a row is no label of it."""
        taken = {dimension for dimension, _ in groups.words}
        found = {}
        for name, kind in sorted(rows.fields.items()):
            column = f"meta.{name}" if f"meta.{name}" in rows.columns else name
            wanted = name in self.fields if self.fields else kind in ("string", "int", "bool") and column not in rows.by
            if wanted and column in rows.columns:
                found[f"meta.{name}" if name in taken else name] = column
        if "language" in rows.columns and (not self.fields or "language" in self.fields):
            found["language"] = "language"
        return found

    def _counted(self, rows: Dataset, column: str, groups: Groups, engine: Engine) -> Side:
        named = {f"{dimension}/{group}": words for (dimension, group), words in groups.words.items()}
        known, fields = lists(named) if named else None, self._fields(rows, groups)
        whole = Side()
        for part in engine.gather(rows, lambda shard: _shard(shard, column, known, tuple(groups.words), fields)):
            whole.add(part)
        return whole

    def _compared(self, mine: Side, sides: Mapping[str, Side]) -> list[Compared]:
        """Each field against the first of target, real data and seeds that has it."""
        targets = _targets(self.target)
        unknown = sorted(set(targets) - set(mine.fields()))
        if unknown:
            raise ConfigError(
                f"target of a field that the data has not: {unknown[0]!r}", hint=suggest(unknown[0], mine.fields())
            )
        found = []
        for name in mine.fields():
            ours = mine.of(name)
            if sum(ours.values()) < self.least:
                continue
            if name in targets:
                found.append(_to_target(name, ours, targets[name]))
                continue
            for against in ("real", "seeds"):
                theirs = sides[against].of(name) if against in sides else {}
                if sum(theirs.values()) >= self.least and len(ours | theirs) > 1 and len(ours | theirs) <= LABELS:
                    found.append(_to_sample(name, ours, theirs, against))
                    break
        return sorted(found, key=lambda one: (-one.distance.value, one.field))

    def _effects(
        self, compared: Sequence[Compared], mine: Side, sides: Mapping[str, Side], missing: Sequence[Missing]
    ) -> Iterator[Metric]:
        name, why = self.spec.metric, "no real data, seeds or target: give --real FILE"
        if sides:
            why = f"no field or group with {self.least} rows on both sides"
        if compared:
            sure = tails.holm(np.array([one.distance.p for one in compared]))
            beyond = [one for one, is_sure in zip(compared, sure, strict=True) if is_sure]
            n = int((beyond or compared)[0].ours.sum())
            yield self._effect(beyond[0].distance, n) if beyond else Metric(name("worst_effect"), 0.0, "share", n)
            skewed = sum(one.distance.value >= SMALL for one in beyond)
            yield Metric(name("skewed"), skewed, "fields", len(compared))
        else:
            yield Metric(name("worst_effect"), None, "share", 0, why)
            yield Metric(name("skewed"), None, "fields", 0, why)
        labels = {label for side in sides.values() for label in side.rows}
        labels |= {(one.field, label) for one in compared for label in one.labels}
        n = len(labels)
        yield Metric(name("missing_labels"), len(missing) if n else None, "labels", n, "" if n else why)

    def _effect(self, distance: Distance, n: int) -> Metric:
        name = self.spec.metric("worst_effect")
        return Metric(name, distance.value, "share", n, low=distance.low, high=distance.high)

    def _amplified(self, mine: Side, sides: Mapping[str, Side]) -> Metric:
        name, before = self.spec.metric("amplification"), sides.get("seeds") or sides.get("real")
        if before is None:
            return Metric(name, None, "share", 0, "needs seeds or real data: --real FILE")
        both = [one for one in sorted(mine.gendered) if one in before.gendered]
        both = [one for one in both if min(mine.gendered[one].sum(), before.gendered[one].sum()) >= self.least]
        if not both:
            return Metric(name, None, "share", 0, f"fewer than {self.least} rows on one side name men or women")
        ours, then = (np.stack([side.gendered[one] for one in both]) for side in (mine, before))
        return Metric(name, balance.amplification(ours, then), "share", int(ours[0].sum()))

    def _imbalance(self, mine: Side, groups: Groups) -> Metric:
        name, told = self.spec.metric("imbalance"), {dimension for dimension, _ in groups.words} | {"language"}
        counts = [np.array(list(mine.of(one).values())) for one in mine.fields() if one not in told]
        seen = [one for one in counts if len(one) > 1 and one.sum() >= self.least]
        if not seen:
            return Metric(name, None, "share", 0, f"no field has 2 to {LABELS} values in {self.least} rows")
        value, n = max((balance.imbalance(one), int(one.sum())) for one in seen)
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
            (cut(one.field, 60), cut(label, 60), float(mine), float(due), float(abs(mine - due)), one.against)
            for one in compared
            for label, mine, due in zip(one.labels, one.ours / one.ours.sum(), one.shares, strict=True)
            if mine != due
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
                bar="difference in share",
            ),
        )


def _shard(shard: Rows, column: str, known: Lists | None, groups: Sequence[Label], fields: Mapping[str, str]) -> Side:
    side, place = Side(asked={*fields, *(name for name, _ in groups)}, size=len(shard)), shard.numpy("row")
    named = tally(shard.strings(column), known)[0] > 0 if known else np.zeros((len(shard), 0), np.bool_)
    for at, label in enumerate(groups):
        hits = np.flatnonzero(named[:, at])
        if len(hits):
            side.rows[label], side.first[label] = len(hits), int(place[hits[0]])
    sexes = [named[:, groups.index(one)] for one in SEXES if one in groups]
    if len(sexes) == 2:
        side.gendered[("", "")] = np.array([np.count_nonzero(one) for one in sexes], np.int64)
    for name, of in fields.items():
        encoded = shard.column(of).cast(pa.large_string()).dictionary_encode()
        labels = encoded.dictionary.to_pylist() if len(encoded.dictionary) <= LABELS else []
        if not labels:
            side.many |= {name} if len(encoded.dictionary) else set()
            continue
        codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        for code, label in enumerate(labels):
            mine = codes == code
            hits = np.flatnonzero(mine)
            side.rows[name, label], side.first[name, label] = len(hits), int(place[hits[0]])
            if len(sexes) == 2:
                side.gendered[name, label] = np.array([np.count_nonzero(one & mine) for one in sexes], np.int64)
    return side


def _to_sample(name: str, ours: Mapping[str, int], theirs: Mapping[str, int], against: str) -> Compared:
    labels = tuple(sorted(ours.keys() | theirs.keys()))
    mine, other = (np.array([side.get(label, 0) for label in labels], np.int64) for side in (ours, theirs))
    return Compared(name, labels, mine, other / other.sum(), balance.between(mine, other), against)


def _to_target(name: str, ours: Mapping[str, int], target: Mapping[str, float]) -> Compared:
    """What the target does not name is one label, due what it leaves."""
    rest, left = sum(count for label, count in ours.items() if label not in target), 1 - sum(target.values())
    labels, shares = [*sorted(target)], [target[label] for label in sorted(target)]
    counts = [ours.get(label, 0) for label in labels]
    if rest or left > ROUNDING:
        labels, shares, counts = [*labels, OTHER], [*shares, max(0.0, left)], [*counts, rest]
    mine, due = np.array(counts, np.int64), np.array(shares)
    return Compared(name, tuple(labels), mine, due, balance.to_shares(mine, due / due.sum()), "target")


def _missing(compared: Sequence[Compared], mine: Side, sides: Mapping[str, Side]) -> list[Missing]:
    """Labels of the reference that ought to be there, by how many rows both sides have, or by the target."""
    found = []
    declared = {one.field for one in compared if one.against == "target"}
    for one in compared:
        due = one.shares * one.ours.sum()
        if one.field in declared:
            lost = np.flatnonzero((one.ours == 0) & (due >= DUE))
            found += [Missing(one.field, one.labels[at], float(due[at]), -1) for at in lost]
    for against in ("real", "seeds"):
        side = sides.get(against, Side())
        for (name, label), count in sorted(side.rows.items()):
            # As many in the reference itself, lest a single seed ask for a thousand rows.
            wanted = count >= DUE and name in mine.asked and name not in declared and label in side.of(name)
            if wanted and (name, label) not in mine.rows and (due := count * mine.size / side.size) >= DUE:
                found.append(Missing(name, label, due, side.first[name, label] if against == "real" else -1))
        declared |= set(side.fields())
    return found


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


def _targets(given: Sequence[str]) -> dict[str, dict[str, float]]:
    """Field -> label -> share, from `field=label:share`."""
    found: dict[str, dict[str, float]] = {}
    for one in given:
        name, equals, rest = one.partition("=")
        label, colon, share = rest.rpartition(":")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not (name and equals and label and colon and 0 <= value <= 1):
            raise ValueError(f"target {one!r} is not FIELD=LABEL:SHARE with a share from 0 to 1")
        found.setdefault(name, {})[label] = value
    for name, shares in found.items():
        if sum(shares.values()) > 1 + ROUNDING:
            raise ValueError(f"the targets of {name} add up to {sum(shares.values()):g}, more than 1")
    return found


def _read(path: Path) -> Groups:
    """The lists of one file. Raises ConfigError where it is none."""
    words: dict[Label, tuple[str, ...]] = {}
    swaps: list[tuple[str, str]] = []
    for entry in documents.read(path).items("a list of groups"):
        given = entry.mapping("a list of groups", ("dimension", "group", "words", "pairs"), required=("dimension",))
        dimension = given["dimension"].text("dimension")
        if "pairs" in given:
            if set(given) != {"dimension", "pairs"} or dimension != SEXES[0][0]:
                entry.refuse("pairs are words of gender, and stand without a group")
            for pair in given["pairs"].items("pairs"):
                both = [one.text("a word") for one in pair.items("a pair")]
                if len(both) != 2 or any(len(word.split()) != 1 for word in both):
                    pair.refuse("a pair is two words")
                swaps.append((both[0], both[1]))
        elif {"group", "words"} <= set(given):
            label = dimension, given["group"].text("group")
            words[label] = words.get(label, ()) + tuple(one.text("a word") for one in given["words"].items("words"))
        else:
            entry.refuse("a list of groups has neither group and words nor pairs")
    for side, label in enumerate(SEXES) if swaps else ():
        words[label] = tuple(dict.fromkeys(pair[side] for pair in swaps))
    return Groups(words, tuple(swaps))
