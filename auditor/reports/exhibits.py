"""Small tables of the record as people see them: numbers formatted, columns aligned, one of them drawn as bars."""

from __future__ import annotations

from auditor.core.content.features import spoken
from auditor.model.result import Exhibit, Number
from auditor.reports import wording

FEATURES = "feature_drift.features"
"""The exhibit whose first column has names of columns, as features.parquet has them."""

UNIT, SIDES = "unit", ("this data", "real data")
"""A column of units, and those whose numbers it is of."""

Table = tuple[tuple[str, ...], list[tuple[str, ...]], tuple[int, ...]]


def table(exhibit: Exhibit, rows: int | None = None) -> Table:
    """(header, cells of the first `rows`, columns aligned to the right). Texts are as in the dataset: escape them.
    Metrics are told in words; a column of units goes into the numbers of each row that have them, `SIDES`."""
    heads = exhibit.columns
    right = tuple(place for place in range(len(heads)) if _is_number(exhibit, place))
    units = [_unit(column) for column in heads]
    own = heads.index(UNIT) if UNIT in heads else None
    cells = []
    for row in exhibit.rows[:rows]:
        mine = [
            str(row[own]) if own is not None and head in SIDES else unit
            for head, unit in zip(heads, units, strict=True)
        ]
        cells.append(tuple(map(_cell, row, mine)))
    if exhibit.name == FEATURES:
        cells = [(spoken(first)[0], *others) for first, *others in cells]
    if heads[:1] == ("metric",):
        names = wording.metrics([str(row[0]) for row in exhibit.rows])
        cells = [(name, *others) for name, (_, *others) in zip(names, cells, strict=False)]
    if heads[:1] == ("measure",):
        cells = [(wording.label(f".{first}"), *others) for first, *others in cells]
    if own is not None:
        kept = [place for place in range(len(heads)) if place != own]
        cells = [tuple(row[place] for place in kept) for row in cells]
        return tuple(heads[place] for place in kept), cells, tuple(kept.index(place) for place in right)
    return heads, cells, right


def widths(exhibit: Exhibit) -> list[float | None]:
    """Length of each row's bar from 0 to 100, for the column that is drawn; None where there is no number."""
    if exhibit.bar not in exhibit.columns:
        return [None] * len(exhibit.rows)
    place = exhibit.columns.index(exhibit.bar)
    values = [_number(row[place]) for row in exhibit.rows]
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    return [None if value is None else round(max(0.0, 100 * value / top), 2) for value in values]


def _cell(value: str | Number | None, unit: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, int) and unit == "row":
        return str(value)
    return value if isinstance(value, str) else wording.quantity(value, unit)


def _number(value: str | Number | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)


def _is_number(exhibit: Exhibit, place: int) -> bool:
    return any(_number(row[place]) is not None for row in exhibit.rows)


def _unit(column: str) -> str:
    """Of what stands below a head: `share`, `share of real`, `real rows (share)`; `p`, `p-value`; and `row`, of which
    a number is a name."""
    words = column.lower().replace("(", " ").replace(")", " ").split()
    if "share" in words:
        return "share"
    return "p-value" if column in ("p", "p-value") else "row" if words[-1:] == ["row"] else ""
