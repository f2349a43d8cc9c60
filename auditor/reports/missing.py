"""What to generate next: the topics of the real data that the audited rows lack, as JSON Lines."""

from __future__ import annotations

from typing import Any

import orjson

from auditor.reports.view import View

CHECK = "lost-tails"
"""The check that finds them."""


def lines(view: View) -> str | None:
    """One line a gap, the largest first: name, real_rows, synthetic_rows, missing_rows (how many more give it its
    share of a dataset of this size), all of the whole datasets by what was compared, and up to five real examples;
    empty where nothing is missing, None where the check that finds them measured nothing."""
    table = view.tables.get(CHECK, {}).get("gaps")
    if table is None:
        return None
    gaps: dict[int, dict[str, Any]] = {}
    for line in table.to_pylist():
        about = {key: line[key] for key in ("name", "real_rows", "synthetic_rows", "missing_rows")}
        gaps.setdefault(line["region"], {**about, "examples": []})["examples"].append(_example(line))
    return "".join(f"{orjson.dumps(gap).decode()}\n" for gap in gaps.values())


def _example(line: dict[str, Any]) -> dict[str, Any]:
    said = ("text",) if line["prompt"] is None else ("prompt", "response")
    return {key: line[key] for key in ("row", *said) if line[key] is not None}
