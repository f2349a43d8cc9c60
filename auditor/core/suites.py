"""Great Expectations suites as data: read, checked, and said in words. Nothing here imports the library.

A suite is a file in a folder `suites/`; `meta.shapes` says to which shapes of record it applies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from auditor.model.errors import ConfigError, suggest

SHAPES = (
    *("alpaca", "completions", "input-output", "instances", "kto", "mapped", "messages", "preference"),
    *("problem-solution", "prompt-completion", "prompt-response", "query-response", "question-answer"),
    *("record", "sharegpt", "text", "turns"),
)
"""Record shapes that a suite may name in `meta.shapes`."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of a suite. place: file and position, for messages."""

    type: str
    kwargs: Mapping[str, Any]
    place: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads; none where it is about the table."""
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        listed = self.kwargs.get("column_list", ())
        return tuple(str(name) for name in (*named, *(listed if isinstance(listed, list) else ())))

    @property
    def whole(self) -> bool:
        """Whether it may read any column: it is about the table, or of rows under a condition."""
        return not self.columns or "row_condition" in self.kwargs

    @property
    def label(self) -> str:
        """`words between 1 and 20000`."""
        about = ", ".join(self.columns) or "table"
        if self.type.startswith("expect_column_values_"):
            return f"{about} {self.wanted}"
        words = self.type.removeprefix("expect_").removeprefix("table_").removeprefix("column_").replace("_", " ")
        statistic, _, _ = words.partition(" to be between")
        if self.type.endswith("_to_be_between"):
            return f"{statistic} of {about} {self.wanted}"
        return f"{about}: {words} {self._arguments}".strip()

    @property
    def wanted(self) -> str:
        """`between 1 and 20000`, of its values."""
        low, high = self.kwargs.get("min_value"), self.kwargs.get("max_value")
        mostly = self.kwargs.get("mostly")
        most = f" in at least {mostly:.6g} of rows" if isinstance(mostly, int | float) and mostly < 1 else ""
        if low is not None or high is not None:
            if low is None or high is None:
                return (f"at least {shown(low)}" if high is None else f"at most {shown(high)}") + most
            return f"between {shown(low)} and {shown(high)}{most}"
        verb = self.type.removeprefix("expect_column_values_").removeprefix("expect_").removeprefix("to_")
        verb = verb.removeprefix("be_").replace("_", " ")
        return f"{verb} {self._arguments}".strip() + most

    @property
    def _arguments(self) -> str:
        plumbing = ("column", "column_A", "column_B", "column_list", "mostly", "ignore_row_if", "meta")
        return ", ".join(shown(value) for key, value in sorted(self.kwargs.items()) if key not in plumbing)


def read(folders: Sequence[Path], of: Collection[str]) -> tuple[list[Expectation], list[str]]:
    """Expectations of the suites that apply to records of these shapes, and which suites these were; the first
    file of a name wins. Raises ConfigError for a suite that is wrong, or that would pass anything."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "suites").glob("*.json")):
            files.setdefault(path.name, path)
    found: list[Expectation] = []
    notes = []
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        shapes, expectations = _suite(name, content)
        if shapes and not set(shapes) & set(of):
            continue
        digest = hashlib.sha256(content).hexdigest()[:12]
        notes.append(f"suite {name} ({len(expectations)} expectations, sha256 {digest})")
        found += expectations
    return found, notes


def _suite(name: str, content: bytes) -> tuple[tuple[str, ...], list[Expectation]]:
    try:
        suite = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error}", file=name, line=error.lineno) from error
    listed = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(listed, list):
        raise ConfigError("not a suite", file=name, wanted='{"name": …, "expectations": […], "meta": {"shapes": […]}}')
    if not listed:
        raise ConfigError(
            "the suite is empty, and would pass anything", file=name, hint="add expectations or delete it"
        )
    meta = suite.get("meta") or {}
    shapes = tuple(meta.get("shapes", ())) if isinstance(meta, dict) else ()
    for shape in shapes:
        if shape not in SHAPES:
            raise ConfigError(f"unknown shape {shape!r} in meta.shapes", file=name, hint=suggest(str(shape), SHAPES))
    expectations = []
    for position, each in enumerate(listed, 1):
        place = f"{name}, expectation {position}"
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            raise ConfigError("an expectation has no type", file=place, wanted='{"type": "expect_…", "kwargs": {…}}')
        expectations.append(Expectation(each["type"], each.get("kwargs") or {}, place))
    return shapes, expectations


def shown(value: Any) -> str:
    """A value in words, short."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(shown(one) for one in value[:8]) + (", …" if len(value) > 8 else "")
    return repr(value)[:120]
