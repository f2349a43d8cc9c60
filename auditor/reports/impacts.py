"""What a model, a prompt or a seed touched: for people, for machines, for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

from auditor.core.lineage.impact import Impact, Touched
from auditor.reports import tables, wording
from auditor.reports.drawings.parts import ROLES, facts
from auditor.reports.escaping import one_line, visible
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Impact], str]] = {
    "text": lambda impact: _text(impact),  # noqa: PLW0108  defined below
    "json": lambda impact: json.dumps(_document(impact), indent=2) + "\n",
    "csv": lambda impact: _csv(impact),  # noqa: PLW0108  defined below
}

FORMATS = tuple(_FACES)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(impact: Impact, format: str) -> str:  # noqa: A002  the command line's word
    """The impact in one of `FORMATS`, ending in a line feed. Raises ConfigError for an unknown format."""
    return face(_FACES, format)(impact)


def _text(impact: Impact) -> str:
    lines = [
        f"{one_line(str(cause), 120)}  {' · '.join(one_line(f, 120) for f in facts(cause))}" for cause in impact.causes
    ]
    if not impact.datasets and not impact.models:
        return "\n".join([*lines, "", "nothing that is registered was made from it"]) + "\n"
    names = len({touched.node.name for touched in impact.datasets})
    versions = wording.count(len(impact.datasets), "version")
    touched = f"touched {versions} of {wording.count(names, 'dataset')}, {wording.count(impact.rows, 'row')}"
    now = f"{wording.count(len(impact.current), 'version')} in use now"
    lines += ["", f"{touched}; {now}; {wording.count(len(impact.models), 'model')} learnt from it", ""]
    if impact.datasets:
        rows = [
            [str(t.node), t.node.status or "", _of(t), t.node.data or "", str(t.distance), _via(t)]
            for t in impact.datasets
        ]
        lines += tables.lines(["dataset", "status", "rows touched", "kind", "steps", "through"], rows, right=(2, 4))
    if impact.models:
        rows = [[str(t.node), _withdrawn(t), str(t.distance), _via(t)] for t in impact.models]
        lines += ["", *tables.lines(["model", "", "steps", "through"], rows, right=(2,))]
    return "\n".join(lines) + "\n"


def _of(touched: Touched) -> str:
    if touched.rows is None:
        return "unknown"
    whole = touched.node.rows
    return f"{touched.rows:,}" if whole in (None, touched.rows) else f"{touched.rows:,} of {whole:,}"


def _via(touched: Touched) -> str:
    return f"{touched.via} ({ROLES[touched.role]})"


def _withdrawn(touched: Touched) -> str:
    return "" if touched.node.withdrawn is None else f"WITHDRAWN {touched.node.withdrawn}"


def _document(impact: Impact) -> dict[str, Any]:
    return {
        "causes": [
            {"id": c.id, "kind": c.kind, "name": c.name, "version": c.version, "withdrawn": c.withdrawn}
            for c in impact.causes
        ],
        "rows": impact.rows,
        "datasets": [
            _touched(t) | {"rows": t.rows, "of": t.node.rows, "status": t.node.status} for t in impact.datasets
        ],
        "models": [_touched(t) | {"withdrawn": t.node.withdrawn} for t in impact.models],
    }


def _touched(touched: Touched) -> dict[str, Any]:
    node = touched.node
    return {
        "id": node.id,
        "name": node.name,
        "version": node.version,
        "distance": touched.distance,
        "via": touched.via.id,
        "role": touched.role,
    }


def _csv(impact: Impact) -> str:
    """One line a version or model. What a spreadsheet would run as a formula is quoted (OWASP, "CSV Injection")."""
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["kind", "name", "version", "status", "rows_touched", "rows", "steps", "role", "through"])
    for t in (*impact.datasets, *impact.models):
        node = t.node
        cells = [node.kind, node.name, node.version, node.status, t.rows, node.rows, t.distance, t.role, str(t.via)]
        writer.writerow(["" if cell is None else _cell(cell) for cell in cells])
    return page.getvalue()


def _cell(cell: str | int) -> str | int:
    if isinstance(cell, int):
        return cell
    text = visible(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
