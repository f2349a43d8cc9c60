"""What came of asking: the panel's verdict, and what trackers are told."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path

from auditor import concluding, judging, registration, trackers
from auditor.asking.polling import Poll
from auditor.asking.questioning import Asked
from auditor.core import check as checking
from auditor.core import measure as measuring
from auditor.core.check import Context
from auditor.core.judges import juries, rules
from auditor.core.judges.juries import Decision
from auditor.engines.local import Local
from auditor.files import slug
from auditor.judging.questions import Seat
from auditor.model.card import Card, Registered
from auditor.registry import index, kinship
from auditor.registry.workspace import Workspace

ROOMS = ("position-inconsistency", "unparsable-verdicts")
"""What a tracker is told of verdicts: whether they hold in both orders, and can be read."""


def decided(poll: Poll, out: Path) -> Decision | None:
    """What the panel makes of the verdicts at `out`; None where the judges are no panel, where its weights wait for
    people to judge, and where outputs were graded one by one."""
    if poll.jury is None or poll.jury.learns:
        return None
    said = judging.open([out])
    rows, verdict = juries.judgements(said, poll.jury.rule)
    return juries.decide(said, rows, verdict, poll.jury) if len(rows) else None


def tell(poll: Poll, asked: Asked, out: Path, workspace: Workspace, *, track: bool, uri: str | None) -> None:
    """The work of the judges as an MLflow run, where that is wanted, and of a registered version as an OpenLineage
    event. Never raises for a tracker's sake."""
    wanted = uri or workspace.tracking_uri
    uri = trackers.checked(wanted) if wanted else None
    if not (track or uri or poll.pedigree):
        return
    told = _told(poll, asked, out, workspace)
    if track or uri:
        trackers.publish_judging(told, uri=uri, experiment=slug(told.name), workspace=workspace)
    if poll.pedigree:
        from auditor.trackers import openlineage

        event = openlineage.judging_event(told, poll.pedigree.card, poll.pedigree.version)
        trackers.tell([event], workspace, url=workspace.openlineage_url)


def tell_accepted(card: Card, version: Registered, files: Sequence[Path], workspace: Workspace) -> None:
    """Verdicts of `files` that became a version, as an OpenLineage event. Never raises for a tracker's sake."""
    from auditor.trackers import openlineage

    given = [(_within(path, workspace), _digest(path)) for path in sorted(files) if path.is_file()]
    graph = index.graph(workspace)
    fields = registration.fields(card, version, workspace)
    event = openlineage.accepting_event(card, version, graph, given, fields=fields)
    trackers.tell([event], workspace, url=workspace.openlineage_url)


def _told(poll: Poll, asked: Asked, out: Path, workspace: Workspace) -> trackers.Judging:
    rows, pedigree, jury = poll.rows, poll.pedigree, poll.jury
    panel = None
    if jury is not None:
        panel = {"name": jury.name, "vote": jury.vote, **({"weights": dict(jury.weights)} if jury.weights else {})}
    return trackers.Judging(
        name=pedigree.card.name if pedigree else rows.name,
        digest=rows.digest,
        rows=rows.rows,
        fields=rows.schema,
        version=pedigree.card.ref(pedigree.version) if pedigree else None,
        judges=tuple(_as_asked(seat) for seat in poll.seats),
        file=_within(out, workspace),
        verdicts=_digest(out),
        counts=asked.verdicts,
        rule=jury.rule if jury else rules.DEFAULT,
        started=asked.started,
        ended=asked.ended,
        panel=panel,
        metrics=_measured(out, workspace),
        self_judged=poll.allowed,
    )


def _as_asked(seat: Seat) -> trackers.Asked:
    judge, prompt = seat.judge, seat.prompt
    return trackers.Asked(
        judge.name, judge.model, judge.endpoint, prompt.name, f"sha256:{prompt.digest}", prompt.text, seat.repeats,
        judge.temperature, judge.seed,
    )  # fmt: skip


def _measured(out: Path, workspace: Workspace) -> dict[str, float]:
    """What the rooms say of the verdicts, of all and by judge; and what they cost, in this run or before."""
    said = judging.open([out])
    checks = [checking.build(name, {}) for name in ROOMS]
    measured = measuring.measure(checks, said, Context(kinship=kinship.load(workspace)), Local(1))
    found = {metric.name: metric.value for metric in concluding.metrics(measured)}
    if len(said.judge.names) > 1:
        slices = [one for m in measured if m.measurement for one in m.measurement.slices if one.by == "judge"]
        found |= {f"{one.metric.name}/{one.group}": one.metric.value for one in slices}
    for name, column in (("tokens_in", said.tokens_in), ("tokens_out", said.tokens_out), ("cost", said.cost)):
        if column is not None:
            found[f"judges.{name}"] = math.fsum(column[column >= 0].tolist())
    return {name: float(value) for name, value in found.items() if value is not None}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _within(path: Path, workspace: Workspace) -> str:
    """Its place in the workspace; its name alone where it lies elsewhere, which is nobody's business."""
    place = path.resolve()
    return place.relative_to(workspace.root).as_posix() if place.is_relative_to(workspace.root) else path.name
