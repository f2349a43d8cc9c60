"""expired: data past the day its owner gave it, or due to be made again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen, ancestry
from auditor.model import tiny
from auditor.model.card import Refresh
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import TODAY, Facts, Made

LAST_WEEK = Refresh(expires=TODAY - dt.timedelta(days=7))


@check
@dataclass(frozen=True, slots=True)
class Expired(LineageRoom):
    """A dataset used past its day.

    What: `days` counts the days since the card's `expires`; `overdue` the days since the version was due to
    be made again (`refresh.every`, from the day it was registered); `sources` the datasets behind it, to any
    depth, whose own cards have expired.

    Why it matters: expiry is how an owner says that consent, a contract or the facts hold no longer; a copy
    of a copy does not know it unless the lineage tells.

    Example: seeds collected under a consent of one year, still taught from in the third.

    Remedy: `auditor regenerate` makes what is due again from what is valid now; the owner may prolong the day
    in the card, which is seen in its review.

    Limits: the day is by the clock of the machine that audits.

    Source: Gebru et al. 2021, "Datasheets for datasets", arXiv:1803.09010, sections 3.3 (consent and its
    revocation) and 3.7 (maintenance: limits on retention).
    """

    spec: ClassVar[Spec] = Spec(
        name="expired",
        title="Data past its day",
        measures=(
            Measure("days", "days", "days past the card's expiry", "make it again, or have the owner prolong it"),
            Measure("overdue", "days", "days past the card's refresh rule", "make it again: auditor regenerate"),
            Measure("sources", "datasets", "expired datasets behind it", "make it again from sources that are valid"),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "expired.days",
                pedigree=lambda: tiny.pedigree("a@1", {"a@1": Made()}, cards={"a": Facts(refresh=LAST_WEEK)}),
            ),
            Case(
                (),
                "expired.overdue",
                pedigree=lambda: tiny.pedigree("a@1", {"a@1": Made()}, cards={"a": Facts(refresh=Refresh(every=7))}),
            ),
            Case(
                (),
                "expired.sources",
                pedigree=lambda: tiny.pedigree(
                    "b@1", {"a@1": Made(), "b@1": Made(seeds=("a@1",))}, cards={"a": Facts(refresh=LAST_WEEK)}
                ),
            ),
        ),
        quiet=tuple(
            Case(
                (),
                f"expired.{measure}",
                pedigree=lambda: tiny.pedigree(
                    "a@1", {"a@1": Made()}, cards={"a": Facts(refresh=Refresh(expires=TODAY, every=90))}
                ),
            )
            for measure in ("days", "overdue", "sources")
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        refresh, today = pedigree.card.refresh, pedigree.today
        days = _past(today, refresh.expires)
        due = pedigree.version.date.date() + dt.timedelta(days=refresh.every) if refresh.every is not None else None
        overdue = _past(today, due)
        faults = [*_behind(pedigree)]
        name = str(pedigree.graph.nodes[pedigree.node])
        if days:
            faults.append(Fault("days", pedigree.node, f"{name} expired on {refresh.expires}", days))
        if overdue:
            faults.append(Fault("overdue", pedigree.node, f"{name} was due to be made again on {due}", overdue))
        return Seen(faults, len(ancestry(pedigree)), {"days": days, "overdue": overdue})


def _past(today: dt.date, day: dt.date | None) -> int:
    return max(0, (today - day).days) if day else 0


def _behind(pedigree: Pedigree) -> Iterator[Fault]:
    for node in ancestry(pedigree)[1:]:
        about = pedigree.graph.nodes[node]
        card = pedigree.cards.get(about.name) if about.kind == "dataset" else None
        if card is not None and card.name != pedigree.card.name:
            days = _past(pedigree.today, card.refresh.expires)
            if days:
                yield Fault("sources", node, f"{about}, which is behind it, expired on {card.refresh.expires}", days)
