"""From measurements to a verdict on disk, top to bottom.

measured -> locate -> judge -> record -> reports -> MLflow.
"""

from __future__ import annotations

import datetime as dt
import inspect
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from auditor import registry, reports, trackers
from auditor.concluding import tables
from auditor.concluding.planning import Plan
from auditor.concluding.recording import recorded
from auditor.concluding.report import Report
from auditor.core import means, sized
from auditor.core import verdict as judging
from auditor.core.check import Context
from auditor.files import slug, write_text
from auditor.model.result import Measured
from auditor.model.rows import Dataset
from auditor.model.verdicts import Audited
from auditor.reports.view import View


def conclude(
    plan: Plan,
    rows: Audited,
    measured: Sequence[Measured],
    context: Context,
    *,
    beside: Mapping[str, Any] | None = None,
    which: Mapping[str, Any] | None = None,
) -> Report:
    """Locate, judge, record, and write the files. beside: the references as the record has them. which: what else
    its `run` block says of the rows. context.scratch is a folder to write in."""
    options, workspace, clock, checks = plan.options, plan.workspace, plan.clock, plan.checks
    scratch = context.scratch
    assert scratch is not None
    with clock.stage("locate") as advance:
        found = scratch / "findings.parquet"
        measured, findings = tables.locate(checks, measured, rows, context, plan.engine, found, advance)
    measured = [sized.withheld(check, one, rows, context) for check, one in zip(checks, measured, strict=True)]
    known, root = plan.policy.means, workspace.root
    measured = [means.withheld(check, one, known, context, root) for check, one in zip(checks, measured, strict=True)]
    verdicts, verdict, exit_code = judging.judge(
        measured,
        plan.policy,
        baseline=plan.baseline,
        waivers=plan.waivers,
        today=dt.datetime.now(dt.UTC).date(),
        dataset=rows.name,
        digest=rows.digest,
        findings=lambda: pq.read_table(found),
        fail_on=options.fail_on,
    )
    record = recorded(plan, rows, measured, verdicts, verdict, beside or {}, context.pedigree)
    with clock.stage("report"):
        features = scratch / "features.parquet"
        tables.features(rows, measured, features)
        own = _beyond_defaults(plan, context.references)
        stored = registry.folder(rows.name, rows.digest, own, workspace)
        folder = options.out or stored
        kept = {path.name: path for path in (found, features) if path.exists()}
        if rows.quarantine.path is not None and rows.quarantine.count:
            kept["quarantine.jsonl"] = rows.quarantine.path
        made = {name: content for m in measured if m.measurement for name, content in m.measurement.artifacts.items()}
        places = {name: folder / name for name in ("audit.json", "report.html", *kept, *made)}
        record = replace(record, run={**clock.run(measured, places), **(which or {})})
        view = View(
            record=record,
            findings=findings,
            dataset=rows,
            specs={check.spec.name: check.spec for check in checks},
            places=places,
            top=options.top,
            dashboards=workspace.dashboards,
            docs={check.spec.name: inspect.getdoc(type(check)) or "" for check in checks},
            tables={m.check: m.measurement.tables for m in measured if m.measurement},
        )
        pages = {"report.html": reports.render("html", view).encode(), "audit.json": reports.to_json(record)}
        registry.save({**kept, **made, **pages}, folder)
        if context.pedigree is not None and folder != stored:  # a version's audit is its history's, wherever it goes
            registry.save({**kept, **made, **pages}, stored)
        if options.gaps is not None and (lacking := reports.gaps(view)) is not None:
            write_text(options.gaps, lacking)
            view = replace(view, gaps=options.gaps)
    return Report(record, exit_code, places, view)


def publish(plan: Plan, report: Report) -> None:
    """The audit as an MLflow run, where that was asked for."""
    options = plan.options
    if not (options.track or options.tracking_uri):
        return
    with plan.clock.stage("track"), tempfile.TemporaryDirectory() as drawn:
        for name, svg in reports.pictures(report.view).items():
            write_text(Path(drawn) / name, svg)
        sent = {**report.places, **{path.name: path for path in sorted(Path(drawn).iterdir())}}
        name = str(report.record.dataset["name"])
        trackers.publish(
            report.record,
            sent,
            uri=options.tracking_uri,
            experiment=slug(name),
            workspace=plan.workspace,
            fields=report.fields,
        )


def _beyond_defaults(plan: Plan, references: Mapping[str, Dataset]) -> dict[str, Any]:
    """What the call itself asked for that decides what the record says; nothing where it left all to the workspace."""
    asked, policy, baseline, waivers = plan.asked, plan.policy, plan.baseline, plan.waivers
    wanted = {
        "only": sorted(asked.only),
        "skip": sorted(asked.skip),
        "checks": asked.checks,
        "by": asked.by,
        "policy": policy.digest if asked.policy else None,
        "waivers": waivers.described() if asked.waivers else None,
        "baseline": baseline.dataset.get("digest", "unknown") if baseline else None,
        "embedder": asked.embedder,
        "verdicts": sorted(asked.verdicts),
        "gaps": asked.gaps is not None,
        "references": {role: rows.digest for role, rows in references.items()},
    }
    return {name: value for name, value in wanted.items() if value}
