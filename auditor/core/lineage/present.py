"""The rows that are audited now beside the earlier versions of their dataset: numbers over as much, words, and what
cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.core.check import Context
from auditor.core.lineage.history import (
    TURNED_AWAY,
    History,
    against_real,
    called,
    in_order,
    known,
    real_of,
    sizes,
    sizes_against,
)
from auditor.core.lineage.series import BETTER, FEWEST, Series, enough, over
from auditor.model.result import Metric, Record, Vocabulary


@dataclass(frozen=True, slots=True)
class Present:
    """What is known of the rows that are audited: by this audit, and for what it did not measure by the stored one of
    the same rows. version: their number. real: digest of the real data they are held against, empty where there is
    none. earlier: version -> stored audit, rising, of those that no gate turned away."""

    version: int
    metrics: tuple[Metric, ...]
    ladder: tuple[Metric, ...]
    vocabularies: tuple[Vocabulary, ...]
    real: str
    earlier: Mapping[int, Record]

    def sizes(self, name: str) -> list[Metric]:
        """The metric over each number of rows or words that it was measured over."""
        return known(name, self.metrics, self.ladder)

    def series(self) -> Iterator[Series]:
        """Metrics over the versions, this one the last."""
        if not self.earlier:
            return iter(())
        places = {
            name: [
                *((float(version), sizes_against(one, name, self.real)) for version, one in self.earlier.items()),
                (float(self.version), self.sizes(name)),
            ]
            for name in BETTER
        }
        return over("", places)

    def words(self) -> Iterator[tuple[str, Vocabulary, Vocabulary]]:
        """(what it was, its words, the words now) of the version or round before, and of the first one."""
        here = {(v.by, v.group): v for v in self.vocabularies}
        whole = here.get(("", ""))
        kept = [(version, v) for version, one in self.earlier.items() for v in one.vocabularies if not v.by]
        if whole is not None:
            for version, theirs in (*kept[-1:], *kept[:-1][:1]):
                yield f"version {version}", theirs, whole
        for by in sorted({v.by for v in self.vocabularies if v.by}):
            order = in_order(group for of, group in here if of == by)
            for before in (*order[-2:-1], *order[:-2][:1]):
                yield f"{by} {called(by, before)}", here[by, before], here[by, order[-1]]

    def unlike(self, series: Sequence[Series]) -> Iterator[str]:
        """Of series over the versions: those that are over less than all there is, and what could not be compared."""
        whole = {metric.name: metric.n for metric in self.metrics}
        less: dict[int, list[str]] = {}
        for one in series:
            if not one.by and one.values[-1].n != whole.get(one.metric):
                less.setdefault(one.values[-1].n, []).append(one.metric)
        for n, names in sorted(less.items()):
            yield f"brought to equal size, {n:,}: {', '.join(names)}"
        compared, records = {one.metric for one in series if not one.by}, self.earlier.values()
        left = [name for name in BETTER if name not in compared and self.sizes(name)]
        left = [name for name in left if any(sizes(record, name) for record in records)]
        few = [name for name in left if not enough(self.sizes(name))]
        if few:
            yield f"over fewer than {FEWEST}, and not compared: {', '.join(few)}"
        left = [name for name in left if name not in few]
        other = [name for name in left if not any(sizes_against(record, name, self.real) for record in records)]
        if other:
            yield f"measured against other real data than before, and not compared: {', '.join(other)}"
        if left := [name for name in left if name not in other]:
            yield f"measured over another number of rows or words than before, and not compared: {', '.join(left)}"


def present(context: Context) -> Present:
    """Of a check that is asked after all others."""
    made = list(context.measured.values())
    metrics = [metric for one in made for metric in one.metrics]
    ladder = [metric for one in made for metric in one.ladder]
    words = tuple(v for one in made for v in one.vocabularies)
    real = context.references["real"].digest if "real" in context.references else ""
    earlier = _standing(context.history)
    version = context.pedigree.version.version if context.pedigree else max(earlier, default=0) + 1
    stored = context.history.present if context.history else None
    if stored is None:
        return Present(version, tuple(metrics), tuple(ladder), words, real, earlier)
    rooms = {metric.name.partition(".")[0] for metric in metrics}

    def new(metric: Metric) -> bool:
        same = not real or real == real_of(stored) or not against_real(metric.name)
        return same and metric.name.partition(".")[0] not in rooms

    return Present(
        version,
        (*metrics, *filter(new, stored.metrics.values())),
        (*ladder, *filter(new, stored.ladder)),
        words or stored.vocabularies,
        real or real_of(stored),
        earlier,
    )


def _standing(history: History | None) -> dict[int, Record]:
    if history is None:
        return {}
    kept = (one.version for one in history.versions if one.status not in TURNED_AWAY)
    return {version: history.records[version] for version in sorted(kept) if version in history.records}
