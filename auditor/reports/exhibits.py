"""Small tables of the record as people see them: numbers formatted, columns aligned, one of them drawn as bars."""

from __future__ import annotations

from auditor.core.content.features import spoken
from auditor.model.result import Exhibit, Number
from auditor.reports import wording

FEATURES = "feature_drift.features"
"""The exhibit whose first column has names of columns, as features.parquet has them."""

Table = tuple[tuple[str, ...], list[tuple[str, ...]], tuple[int, ...]]


def table(exhibit: Exhibit, rows: int | None = None) -> Table:
    """(header, cells of the first `rows`, columns aligned to the right). Texts are as in the dataset: escape them."""
    right = tuple(place for place in range(len(exhibit.columns)) if _is_number(exhibit, place))
    units = [_unit(column) for column in exhibit.columns]
    cells = [tuple(map(_cell, row, units)) for row in exhibit.rows[:rows]]
    if exhibit.name == FEATURES:
        cells = [(spoken(first)[0], *others) for first, *others in cells]
    return exhibit.columns, cells, right


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
