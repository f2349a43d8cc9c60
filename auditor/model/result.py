"""What an audit says: metrics, slices, distributions, findings, verdicts, the record.

A metric is a number with its interval where it has one, or `None` with the reason; never NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy.typing as npt
import pyarrow as pa

Number = int | float


class Status(StrEnum):
    """In rising order of gravity for a gate. PASS: a bound was kept. MEASURED: there are numbers, and none that a bound
    is for. SKIPPED: there are none. Of many, `core.verdict.worst` is the verdict: the last two count only where
    nothing was judged."""

    PASS = "pass"  # noqa: S105  a status, not a password
    MEASURED = "measured"
    SKIPPED = "skipped"
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"

    @property
    def gravity(self) -> int:
        return list(Status).index(self)

    @property
    def judged(self) -> bool:
        """Whether a bound, or an error, stands behind it."""
        return self not in (Status.MEASURED, Status.SKIPPED)


@dataclass(frozen=True, slots=True)
class Metric:
    """name: `near_duplicates.rate`. unit: share, rows, characters … n: what it was measured over."""

    name: str
    value: Number | None
    unit: str
    n: int
    why: str = ""
    low: float | None = None
    high: float | None = None

    def without(self, why: str) -> Metric:
        """The metric with the reason why it has no value here."""
        return replace(self, value=None, low=None, high=None, why=why)


@dataclass(frozen=True, slots=True)
class Slice:
    """The same metric for the rows of one group: by="generator", group="gpt-4"."""

    by: str
    group: str
    metric: Metric


@dataclass(frozen=True, slots=True)
class Distribution:
    """A fixed-bin histogram. counts[i] is the share of [edges[i], edges[i + 1]); the last bin is closed.

    name: `record_integrity.words`. `scale` is how its axis is best drawn: "linear" or "log". reference: counts of
    the real data in the same bins, to be drawn over them; empty where there is none.
    """

    name: str
    title: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    scale: str = "linear"
    reference: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A small table that people look at and that is part of the record: the largest patterns, the words that tell.

    name: `few_patterns.largest`. columns: heads, with the unit where there is one. rows: cells in the order of
    the columns, at most EXHIBIT_ROWS; texts come from the dataset and are hostile. note: one line below. bar: the
    column whose numbers (none below 0) are drawn as bars, where a page can.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Number | None, ...], ...]
    note: str = ""
    bar: str = ""


EXHIBIT_ROWS = 50


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """In how many rows a word stands: what tells a later version which subjects it has lost.

    by, group: of the rows of one group, as in a slice; empty for all. rows: how many were read. floor: a word that is
    in neither list stands in fewer. words: (word, rows, the words beside which it stands most tellingly), those of most
    rows first. common: words in too many rows to be of a subject. Words come from the dataset and are hostile.
    """

    by: str
    group: str
    rows: int
    floor: int
    words: tuple[tuple[str, int, tuple[str, ...]], ...]
    common: tuple[str, ...] = ()


FINDING_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("metric", pa.string()),  # full name, `near_duplicates.rate`
        ("related", pa.int64()),  # the other row of a pair, null where there is none
        ("related_dataset", pa.string()),  # null: this dataset
        ("cluster", pa.int64()),  # smallest row of the cluster, null where there is none
        ("score", pa.float64()),  # Jaccard, share, length …; null where there is none
        ("evidence", pa.large_string()),  # a cut of what was seen; at most EVIDENCE_CHARACTERS
    ]
)
"""What a check's `locate` yields. `core.measure` adds check, whose, id, file, line, remedy and attribution.
Without a row, `related` is a row of `related_dataset` (a role, such as "real") that the data has no like of; without
either, `related_dataset` is a node of the lineage."""

AUDITED, LINEAGE = "audited", "lineage"
"""Whose row a finding is of: of the audited data; of no data; or else of the reference with this role."""

EVIDENCE_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one check measured. `tables` carry what `locate` and the pictures need (partners of each row, the
    points of a map) and are not part of the record. columns: name -> one number a row, float32 or float64 [rows],
    NaN where it has none; they join features.parquet as `CHECK.NAME`. artifacts: file name -> bytes, laid beside the
    record. ladder: metrics once more, over fewer rows or words (`n`), for versions of another size to be compared
    with. Everything else is part of the record."""

    metrics: tuple[Metric, ...]
    slices: tuple[Slice, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    notes: tuple[str, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    ladder: tuple[Metric, ...] = ()
    vocabularies: tuple[Vocabulary, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One check's outcome before judgement. measurement is None where it was skipped or failed.

    status: MEASURED, or SKIPPED or ERROR with the reason in `why`. seconds: busy time in the
    check, summed over threads. findings: rows that its `locate` named.
    """

    check: str
    version: int
    parameters: Mapping[str, Any]
    measurement: Measurement | None
    status: Status = Status.MEASURED
    why: str = ""
    seconds: float = 0.0
    rows: int = 0
    findings: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One metric against one bound, or one check as a whole where `metric` is None.

    observed: the value. expected: the bound as the policy has it, `<= 0.05`.
    """

    check: str
    metric: str | None
    status: Status
    observed: Number | None
    expected: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Record:
    """The truth of one audit; `audit.json` is this, and `run` alone may differ between two runs.

    dataset: name, rows, format, digest, files (names only), shapes, fields, quarantine, notes.
    policy: name, digest, required, and where the call kept checks from running these as `left_out`.
    metrics: by name; one without a value has the reason, and one that no check gave is not there: its check, among
    `checks`, says why. references: role -> {dataset, metrics}, measured with the same checks. ladder, vocabularies:
    what later versions are compared with, beside the metrics.
    """

    tool: Mapping[str, str]
    dataset: Mapping[str, Any]
    policy: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    metrics: Mapping[str, Metric]
    slices: tuple[Slice, ...]
    distributions: tuple[Distribution, ...]
    verdicts: tuple[Verdict, ...]
    verdict: Status
    references: Mapping[str, Any] = field(default_factory=dict)
    waivers: tuple[Mapping[str, Any], ...] = ()
    baseline: Mapping[str, Any] | None = None
    run: Mapping[str, Any] = field(default_factory=dict)
    exhibits: tuple[Exhibit, ...] = ()
    ladder: tuple[Metric, ...] = ()
    vocabularies: tuple[Vocabulary, ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Checks that the call kept from running (--only, --skip): with any, the verdict is not the dataset's."""
        return tuple(self.policy.get("left_out", ()))

    @property
    def whole(self) -> str | None:
        """The verdict, where it is of all checks; None of a partial audit."""
        return None if self.left_out else self.verdict.value

    @property
    def partial(self) -> str | None:
        """`pass (1 of 40 checks)`, the verdict of a partial audit; None of a whole one."""
        return f"{self.verdict.value} ({self._share})" if self.left_out else None

    @property
    def extent(self) -> str | None:
        """`1 of 40 checks: expired`, what a partial audit ran, or what not where that is less; None of a whole one."""
        if not self.left_out:
            return None
        ran = [str(check["name"]) for check in self.checks]
        without = len(self.left_out) < len(ran)
        return f"{self._share}: {'without ' if without else ''}{', '.join(self.left_out if without else ran)}"

    @property
    def _share(self) -> str:
        ran = len(self.checks)
        return f"{ran} of {ran + len(self.left_out)} checks"
