"""What an audit returns: the record, and views of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from auditor import reports
from auditor.model.result import Metric, Record, Status
from auditor.model.rows import Dataset
from auditor.model.verdicts import Audited
from auditor.reports.view import View


@dataclass(frozen=True)
class Report:
    """What an audit returns. `record` is the truth, everything else a view of it.

    places: format or file name -> where it was written. exit_code: as the command line would end.
    """

    record: Record
    exit_code: int
    places: Mapping[str, Path]
    view: View = field(repr=False)

    @property
    def verdict(self) -> Status:
        return self.record.verdict

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return self.record.metrics

    @property
    def dataset(self) -> Audited:
        return self.view.dataset

    @property
    def fields(self) -> Mapping[str, str]:
        """Of the records as they were given (see `Dataset.schema`); none of judges' verdicts."""
        return self.dataset.schema if isinstance(self.dataset, Dataset) else {}

    @cached_property
    def findings(self) -> pa.Table:
        """Every affected row: one line a row and metric, with evidence, partner and remedy."""
        return pq.read_table(self.places["findings.parquet"])

    def render(self, format: str) -> str:  # noqa: A002  the command line's word
        return reports.render(format, self.view)

    def __repr__(self) -> str:
        return self.render("text")

    def _repr_html_(self) -> str:
        from html import escape

        page = escape(self.render("html"), quote=True)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" style="width:100%;height:720px;border:0"></iframe>'
