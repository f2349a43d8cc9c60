"""One dataset at the gate: its rows as they lie in their place, judged, and the verdict on its card."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from auditor import auditing, readers, registration, registry, reports
from auditor.auditing import Options, Progress, Report
from auditor.core import places
from auditor.core.verdict import FAILED
from auditor.model.card import Card, Judged, Registered, Standing, digest_of
from auditor.model.result import Record, Status, Verdict
from auditor.registry import cards, index
from auditor.registry.versions import Version, is_url, place
from auditor.registry.workspace import Workspace
from auditor.reports import View

ALTERED = "altered-versions"
"""Named like a check, and none: it reads git and no rows."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One dataset at the gate. card: as it stands afterwards, with the verdict on it where the rows were its own.
    own_rows: whether the rows that were audited are those which the version was registered with. altered: what
    registered versions of the card are not any more (see `gating.changed`)."""

    card: Card
    version: Registered
    report: Report
    own_rows: bool
    altered: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        return self.card.ref(self.version)

    @property
    def passed(self) -> bool:
        return self.exit_code == 0

    @property
    def exit_code(self) -> int:
        """That of the audit; rows that nobody registered do not pass, whatever the policy says of them, and
        neither does a card on which the past was changed."""
        return self.report.exit_code or (0 if self.own_rows and not self.altered else FAILED)

    @property
    def view(self) -> View:
        """The report for CI: with a verdict on the card beside those on its rows, where one is due."""
        view = self.report.view
        if not self.altered:
            return view
        why = f"{'; '.join(self.altered)}: versions never change once they are registered"
        about = {"name": ALTERED, "title": "Registered versions that were changed", "version": 1, "parameters": {}}
        told = {**about, "status": str(Status.FAIL), "why": why, "rows": 0, "findings": 0, "notes": []}
        record = replace(
            view.record,
            checks=(*view.record.checks, told),
            verdicts=(*view.record.verdicts, Verdict(ALTERED, None, Status.FAIL, None, None, why)),
            verdict=max(view.record.verdict, Status.FAIL, key=lambda status: status.gravity),
        )
        return replace(view, record=record)


def gate(
    ref: str, options: Options, workspace: Workspace, progress: Progress, altered: tuple[str, ...] = ()
) -> Outcome:
    """Audit `NAME[@VERSION]` and record the verdict on its card.

    `NAME` means the candidate that waits for its gate, where the newest version is one, and else the
    current version; and the rows that lie in its place, so that others than those registered are turned
    away. `NAME@VERSION` of an older version means its rows, wherever DVC keeps them.

    A candidate that passes becomes the current version; one that does not is rejected, and the version
    that was current stays so. What the card says (policy, real reference, mapping) holds where the
    options say nothing. Rows that are not the version's are judged, but say nothing of the version: its
    card is left as it is.

    Raises ConfigError for an unknown dataset, InputError where its bytes are not at hand.
    """
    card, version = index.find(ref, workspace)
    newest = card.versions[-1]
    if "@" not in ref and newest.status == "candidate":
        version = newest
    in_place = "@" not in ref or version == newest
    source = _source(card, version, workspace, in_place)
    report = auditing.run(
        source,
        replace(
            options,
            name=card.name,
            policy=options.policy or _policy(card, workspace),
        ),
        real=None,
        workspace=workspace,
        progress=progress,
    )
    digest = report.dataset.digest
    again = registry.reread(version, digest, readers.VERSION, source.source, workspace)
    if digest != version.digest and not again:
        return Outcome(card, version, report, own_rows=False, altered=altered)
    status: Standing = version.status
    if status == "candidate":
        status = "current" if report.exit_code == 0 else "rejected"
    verdict = judged(report.record)
    verdict = replace(verdict, digests={**verdict.digests, **_evals(version, workspace)})
    card = registration.record_verdict(card.ref(version), verdict, status, workspace)
    judged_one = card.version(version.version) or version
    if options.track or options.tracking_uri or workspace.tracking_uri:
        registration.publish(card, judged_one, workspace, uri=options.tracking_uri, fields=report.fields)
    return Outcome(card, judged_one, report, own_rows=True, altered=altered)


def judged(record: Record) -> Judged:
    """The verdict of a record as a card keeps it, with the digests of what it was judged by."""
    references = {role: str(beside["dataset"]["digest"]) for role, beside in record.references.items()}
    return Judged(
        status=str(record.verdict),
        policy=str(record.policy["name"]),
        date=dt.datetime.fromisoformat(record.run["started"]),
        record=digest_of(reports.to_json(replace(record, run={}))),
        digests={"policy": str(record.policy["digest"]), **references},
    )


def _evals(version: Registered, workspace: Workspace) -> dict[str, str]:
    """What the eval sets of the version were at its verdict: `eval:NAME@V` -> digest of the current version."""
    known = index.cards(workspace) if version.lineage.evals else {}
    found = {}
    for source in version.lineage.evals:
        card = known.get((source.dataset or "").rpartition("@")[0])
        digest = card.current.digest if card is not None and card.current else source.digest
        if digest is not None:
            found[f"eval:{source}"] = digest
    return found


def _source(card: Card, version: Registered, workspace: Workspace, in_place: bool) -> Version:
    """What lies in the working tree where it is to be judged, and is there; else the version's own bytes."""
    if in_place and not is_url(version.path):
        lies = place(card, version, workspace)
        if lies.exists():
            return Version(card.name, str(lies), card, version)
    return registry.resolve(card.ref(version), workspace)


def _policy(card: Card, workspace: Workspace) -> str | None:
    """The card's policy, a name or a file of the workspace."""
    said = card.policy
    if said is None or not places.is_path(said):
        return said
    return str(cards.confined(said, workspace, card.name, "policy"))
