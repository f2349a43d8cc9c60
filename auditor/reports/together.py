"""Several audits in one document, as a gate over many datasets needs: one upload, one file, one verdict."""

from __future__ import annotations

import json
from collections.abc import Sequence

from auditor.model.errors import ConfigError, suggest
from auditor.reports import View, render

FORMATS = ("text", "json", "junit", "sarif", "github", "markdown")
"""All of `reports.FORMATS` but HTML: each audit has its own report.html."""


def together(format: str, views: Sequence[View]) -> str:  # noqa: A002  the command line's word
    """The views in one document: suites of one JUnit file, runs of one SARIF log, an array of records,
    and for people one after the other.

    Raises ConfigError for a format that cannot hold several.
    """
    if format not in FORMATS:
        raise ConfigError(f"no format {format!r} for several datasets", hint=suggest(format, FORMATS))
    parts = [render(format, view) for view in views]
    if format == "json":
        return json.dumps([json.loads(part) for part in parts], ensure_ascii=False, indent=2) + "\n"
    if format == "sarif":
        return _sarif(parts)
    if format == "junit":
        return _junit(parts)
    return "\n".join(parts)


def _sarif(parts: Sequence[str]) -> str:
    """One log. Runs of one tool and category may not share an upload's identity: each says its dataset."""
    logs = [json.loads(part) for part in parts]
    if not logs:
        return '{"version": "2.1.0", "runs": []}\n'
    runs = [run for log in logs for run in log["runs"]]
    for run in runs:
        run["automationDetails"] = {"id": f"auditor/{run['properties']['dataset']}/"}
    return json.dumps({**logs[0], "runs": runs}, ensure_ascii=True, indent=2) + "\n"


def _junit(parts: Sequence[str]) -> str:
    import io

    from junitparser import JUnitXml

    report = JUnitXml("auditor")
    for part in parts:
        for suite in JUnitXml.fromstring(part.encode()):
            report.add_testsuite(suite)
    report.update_statistics()  # type: ignore[no-untyped-call]
    written = io.BytesIO()
    report.write(written)
    return written.getvalue().decode() + "\n"
