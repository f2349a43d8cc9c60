"""What lies between two versions: for a terminal, for a pull request, for machines, and row by row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from auditor.core.compare import Change
from auditor.core.lineage.difference import Difference, Side
from auditor.model.result import Metric
from auditor.model.rows import Dataset
from auditor.reports import tables, wording
from auditor.reports.escaping import markdown, one_line
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Difference, int], str]] = {
    "text": lambda difference, examples: "\n".join(_text(difference, examples)) + "\n",
    "markdown": lambda difference, examples: "\n".join(_markdown(difference, examples)) + "\n",
    # ASCII: rows may hold what a terminal obeys.
    "json": lambda difference, examples: json.dumps(_document(difference, examples), indent=2) + "\n",
}

FORMATS = tuple(_FACES)

BLOCK = 8_192
"""Rows read at once for the rows' file."""

CONTEXT = 20
"""Characters shown of what two texts share before they part."""

_SHOWN = ("id", "prompt", "response", "rejected", "text", "source", "meta")


def render(difference: Difference, format: str, examples: int = 3) -> str:  # noqa: A002
    """The difference in one of `FORMATS`, ending in a line feed. examples: rows of each kind that are shown.

    Raises ConfigError for an unknown format.
    """
    return face(_FACES, format)(difference, examples)


def rows(difference: Difference, most: int | None = None) -> Iterator[bytes]:
    """Every row that was removed, added or changed, as JSON lines. most: of each kind."""
    changes, left, right = difference.rows, difference.left.rows, difference.right.rows
    for change, dataset, which in (("removed", left, changes.removed), ("added", right, changes.added)):
        for block in _blocks(which, most):
            for row in _taken(dataset, block):
                yield orjson.dumps({"change": change, **row}, option=orjson.OPT_APPEND_NEWLINE)
    for places in _blocks(np.arange(len(changes.changed)), most):
        pairs = changes.changed[places]
        sides = zip(places, _taken(left, pairs[:, 0]), _taken(right, pairs[:, 1]), strict=True)
        for place, before, after in sides:
            columns = [column for column, differs in changes.differs.items() if differs[place]]
            line = {"change": "changed", "columns": columns, "before": before, "after": after}
            yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _blocks(which: Any, most: int | None) -> Iterator[Any]:
    which = which if most is None else which[:most]
    for begin in range(0, len(which), BLOCK):
        yield which[begin : begin + BLOCK]


def _taken(dataset: Dataset, which: Any) -> Iterator[dict[str, Any]]:
    """Rows with their columns; nothing is left out but what is nothing."""
    for number, row in zip(which, dataset.take(which, _SHOWN).to_pylist(), strict=True):
        yield {"row": int(number), **{column: value for column, value in row.items() if value not in (None, "{}")}}


def _counts(difference: Difference) -> list[list[str]]:
    changes, left, right = difference.rows, difference.left, difference.right
    columns = ", ".join(f"{name} in {n:,}" for name, n in sorted(changes.columns.items(), key=lambda c: -c[1]))
    by = ", ".join(f"{name} {n:,}" for name, n in changes.by.items())
    return [
        ["rows", f"{left.rows.rows:,}", f"{right.rows.rows:,}", _signed(right.rows.rows - left.rows.rows)],
        ["same", "", f"{changes.same:,}", ""],
        ["removed", f"{len(changes.removed):,}", "", ""],
        ["added", "", f"{len(changes.added):,}", ""],
        ["changed", "", f"{len(changes.changed):,}", "; ".join(filter(None, (columns, by and f"paired by {by}")))],
        ["verdict", *(side.verdict or side.partial or "–" for side in (left, right)), ""],
    ]


def _signed(number: int) -> str:
    return f"{number:+,}" if number else ""


def _sections(difference: Difference) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """(title, header, rows) of each table."""
    left, right = difference.left.ref, difference.right.ref
    yield "", ["", left, right, ""], _counts(difference)
    if difference.lineage:
        changed = [[d.fact, d.before or "–", d.after or "–"] for d in difference.lineage]
        yield "lineage", ["lineage", left, right], changed
    if difference.metrics:
        yield "metrics", *metrics(difference.metrics, left, right)


def metrics(changes: Sequence[Change], left: str, right: str) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table: each metric before and after, and whether it became worse or better."""
    moved = [
        [
            change.metric,
            _number(change.before),
            _number(change.after),
            "" if change.delta is None else f"{change.delta:+.4g}",
            change.sense,
            change.certainty,
        ]
        for change in changes
    ]
    return ["metric", left, right, "change", "which is", "beyond chance"], moved


def told(changes: Sequence[Change]) -> str:
    """`5 metrics differ: 2 worse (1 beyond chance), 3 better`."""
    if not changes:
        return "no metric differs"
    parts = []
    for sense in ("worse", "better"):
        mine = [change for change in changes if change.sense == sense]
        certain = sum(change.certainty == "yes" for change in mine)
        parts += [f"{len(mine)} {sense}" + (f" ({certain} beyond chance)" if certain else "")] if mine else []
    said = "1 metric differs" if len(changes) == 1 else f"{len(changes)} metrics differ"
    return f"{said}: {', '.join(parts)}" if parts else said


def _number(metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return "–"
    if metric.unit in wording.CHANCES:
        return wording.quantity(metric.value, metric.unit)
    return f"{metric.value:.4g}" if isinstance(metric.value, float) else str(metric.value)


def _unsaid(difference: Difference) -> Iterator[str]:
    """Why a table is not there."""
    if difference.lineage is None:
        yield "lineage: not compared, because not both are registered"
    elif not difference.lineage:
        yield "lineage: the same"
    if difference.metrics is None:
        missing = [side.ref for side in (difference.left, difference.right) if side.record is None]
        yield f"metrics: no audit of {' or '.join(missing)} is stored here; auditor compare audits both"
    elif not difference.metrics:
        yield "metrics: no metric differs"


def _text(difference: Difference, examples: int) -> Iterator[str]:
    for title, header, table in _sections(difference):
        right = (1, 2) if not title else ()
        yield from tables.lines(header, table, right)
        yield ""
    for words in _unsaid(difference):
        yield one_line(words, 200)
    for line in _examples(difference, examples):
        yield one_line(line, 200)


def _markdown(difference: Difference, examples: int) -> Iterator[str]:
    yield f"### {markdown(difference.left.ref)} → {markdown(difference.right.ref)}"
    for _, header, table in _sections(difference):
        yield ""
        yield from tables.markdown_lines(header, table)
    for words in _unsaid(difference):
        yield ""
        yield markdown(words)
    for number, line in enumerate(_examples(difference, examples)):
        if not number:
            yield ""
        yield f"- {markdown(line)}"


def _examples(difference: Difference, most: int) -> Iterator[str]:
    signs = {"removed": "-", "added": "+", "changed": "~"}
    for line in rows(difference, most):
        row = orjson.loads(line)
        sign = signs[row["change"]]
        if row["change"] == "changed":
            column = next((c for c in row["columns"] if c in row["before"] or c in row["after"]), "text")
            before, after = map(_cut, _parting(row["before"].get(column), row["after"].get(column)))
            yield f"{sign} {row['before']['row']}→{row['after']['row']} {column}: {before} → {after}"
        else:
            yield f"{sign} {row['row']} {_cut(row.get('prompt') or row.get('text'))}"


def _parting(before: Any, after: Any) -> tuple[Any, Any]:
    """Both texts from a word or two before they part, where that is far from their beginning."""
    if not isinstance(before, str) or not isinstance(after, str):
        return before, after
    shared = min(len(before), len(after))
    common = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), shared)
    if common < 2 * CONTEXT:
        return before, after
    start = before.find(" ", common - CONTEXT, common) + 1 or common - CONTEXT
    return f"… {before[start:]}", f"… {after[start:]}"


def _cut(value: Any) -> str:
    return one_line(str(value), 80) if value is not None else "nothing"


def _document(difference: Difference, examples: int) -> dict[str, Any]:
    changes = difference.rows
    return {
        "left": _side(difference.left),
        "right": _side(difference.right),
        "rows": {
            "same": changes.same,
            "removed": len(changes.removed),
            "added": len(changes.added),
            "changed": len(changes.changed),
            "changed_by": dict(changes.by),
            "changed_columns": dict(changes.columns),
            "examples": [orjson.loads(line) for line in rows(difference, examples)],
        },
        "lineage": None
        if difference.lineage is None
        else [{"fact": d.fact, "before": d.before, "after": d.after} for d in difference.lineage],
        "metrics": None if difference.metrics is None else [change.described() for change in difference.metrics],
    }


def _side(side: Side) -> dict[str, Any]:
    return {
        "ref": side.ref,
        "rows": side.rows.rows,
        "digest": side.rows.digest,
        "version": side.version.version if side.version else None,
        "verdict": side.verdict,
        "partial": side.partial,
    }
