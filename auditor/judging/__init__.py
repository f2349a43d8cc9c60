"""Judges: what they said, read from any file into `model.verdicts.Verdicts`.

    judging.open(["verdicts.jsonl"])        files and folders, in any format of `formats`, or with a column map
    judging.from_records([{"item": …}])     records in our own format

`formats` has a module a format, `columns` reads our own by Arrow, `labels` knows the words that verdicts are written
in (`wordings` what they leave open), `variants` tells several texts of one item apart, `build` makes the arrays. How
good the judges are is asked in `checks`.
"""

from __future__ import annotations

from auditor.judging.build import SCHEMA
from auditor.judging.files import File
from auditor.judging.formats import FORMATS
from auditor.judging.reading import from_records, open  # noqa: A004  `judging.open(files)` reads as what it does

__all__ = ["FORMATS", "SCHEMA", "File", "from_records", "open"]
