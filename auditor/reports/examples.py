"""Findings with what is needed to look at them: where the row stands, what was seen, its partner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from auditor.model.result import AUDITED, EVIDENCE_CHARACTERS
from auditor.model.verdicts import Audited
from auditor.reports import wording
from auditor.reports.findings import at, worst

SHOWN_CHARACTERS = 4_000
"""Of a row's text shown beside a finding: enough to judge it by, and a huge row cannot swell a report."""

CONTEXT_CHARACTERS = 40
"""Shown before the place where two rows part."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The text of one row, cut to `SHOWN_CHARACTERS`, and where the row stands."""

    row: int
    place: str
    prompt: str | None
    response: str | None
    rejected: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """One finding, with what is needed to look at it. row: None where the fault is of no row of the audited data:
    `related_dataset` names the node of the lineage, or the row of another dataset, which `file` and `line` point to.
    """

    row: int | None
    id: str
    file: str
    line: int | None
    metric: str
    score: float | None
    evidence: str
    remedy: str
    cluster: int | None
    related: int | None
    related_dataset: str | None
    by: tuple[tuple[str, str], ...]
    shown: Shown | None = None
    partner: Shown | None = None
    noun: str = "row"
    whose: str = AUDITED

    @property
    def name(self) -> str:
        """`row 41`; the model, prompt or dataset concerned where the fault is of no row."""
        if self.row is not None:
            return f"{self.noun} {self.row}"
        node = self.related_dataset or "lineage"
        return node.partition(":")[2] or node

    @property
    def label(self) -> str:
        """The fault in words: `truncated`; the check's name where the metric is its plain rate."""
        found = wording.label(self.metric)
        return self.metric.partition(".")[0].replace("_", " ") if found == "rate" else found

    @property
    def place(self) -> str:
        """File and line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def seen(self) -> str:
        """What to show of the row on a line or two: for a pair that begins alike, where it parts."""
        if self.shown is not None and self.partner is not None and self.shown.text != self.partner.text:
            return _parting(self.shown.text, self.partner.text)
        return self.evidence or (self.shown.text if self.shown else "")

    @property
    def seen_of_partner(self) -> str:
        """The same of the other row, where there is a difference to show."""
        if self.shown is None or self.partner is None or self.shown.text == self.partner.text:
            return ""
        return _parting(self.partner.text, self.shown.text)

    @property
    def score_words(self) -> str:
        if self.score is None:
            return ""
        return f"{self.score:.3g}" if abs(self.score) < 100 else f"{self.score:,.0f}"


def example(finding: Mapping[str, Any], shown: Mapping[int, Shown], noun: str = "row") -> Example:
    by = tuple((key[3:], str(value)) for key, value in finding.items() if key.startswith("by.") and value is not None)
    related, dataset = finding["related"], finding["related_dataset"]
    own = dataset is None
    if finding["row"] is None and related is not None:  # a row of another dataset that this one has no like of
        related, dataset = None, f"{dataset}:row {related} of the {dataset} data"
    return Example(
        row=finding["row"],
        id=str(finding["id"] or ""),
        file=relative(str(finding["file"] or "")),
        line=finding["line"],
        metric=str(finding["metric"]),
        score=finding["score"],
        evidence=str(finding["evidence"] or ""),
        remedy=str(finding["remedy"] or ""),
        cluster=finding["cluster"],
        related=related,
        related_dataset=dataset,
        by=by,
        shown=shown.get(finding["row"]),
        partner=shown.get(int(finding["related"])) if own and finding["related"] is not None else None,
        noun=noun,
        whose=str(finding["whose"]),
    )


def examples(found: pa.Table, metrics: Sequence[str], dataset: Audited, top: int, noun: str) -> tuple[Example, ...]:
    """The `top` of these findings, with the text of their rows. metrics: the gravest first."""
    if not len(found) or not top:
        return ()
    rank = {metric: place for place, metric in enumerate(metrics)}
    picked = at(found, worst(found, rank, top)).to_pylist()
    wanted = {int(f["row"]) for f in picked if f["row"] is not None}
    wanted |= {int(f["related"]) for f in picked if f["related"] is not None and f["related_dataset"] is None}
    shown = _shown(sorted(wanted), dataset)
    return tuple(example(f, shown, noun) for f in picked)


def _shown(rows: list[int], dataset: Audited) -> dict[int, Shown]:
    known = [row for row in rows if 0 <= row < dataset.rows]
    if not known:
        return {}
    texts = ("prompt", "response", "rejected", "text")
    table = dataset.take(known, ["file", "line", *texts])
    # Cut in Arrow: a row of 200 MB never becomes a Python string.
    columns = {name: pc.utf8_slice_codeunits(table.column(name), 0, SHOWN_CHARACTERS) for name in texts}
    places = zip(table.column("file").to_pylist(), table.column("line").to_pylist(), strict=True)
    cells = zip(*(columns[name].to_pylist() for name in texts), strict=True)
    return {
        row: Shown(row, f"{relative(dataset.files[file])}:{line}", *values)
        for row, (file, line), values in zip(known, places, cells, strict=True)
    }


def relative(file: str) -> str:
    """A file's name from the working folder where it is inside, else its last part: no absolute path
    of somebody's machine gets into a report."""
    path = PurePath(file)
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name


def _parting(text: str, other: str) -> str:
    """The text from a little before its first difference; whole where that is near the beginning."""
    shared = min(len(text), len(other))
    common = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), shared)
    if common <= 2 * CONTEXT_CHARACTERS:
        return text
    start = text.find(" ", common - CONTEXT_CHARACTERS, common) + 1 or common - CONTEXT_CHARACTERS
    return "… " + text[start : start + EVIDENCE_CHARACTERS]
