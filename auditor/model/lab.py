"""What the lab of judges says: judges side by side, and the card of one judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.model.result import Metric, Status


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge with one prompt. verdicts: that it gave on what all judged. metrics: by the columns of COLUMNS."""

    judge: str
    prompt: str
    verdicts: int
    metrics: Mapping[str, Metric]

    @property
    def name(self) -> str:
        return f"{self.judge} / {self.prompt}" if self.prompt else self.judge


@dataclass(frozen=True, slots=True)
class Comparison:
    """Judges side by side, the most accurate first.

    items, pairs: that all of them judged; every_pair: that any did. against: whom they are held against, PEOPLE, OTHERS
    or NOBODY. rule: for making one verdict of two orders. lengths: who -> (times as long, metric) a bin, how often the
    longer output wins; "people" may be among them. raters: names in the agreement matrix; kappa: [r][r], None where
    two have no pair, or chance leaves no room.
    """

    name: str
    files: tuple[str, ...]
    items: int
    pairs: int
    every_pair: int
    against: str
    rule: str
    judged: tuple[Judged, ...]
    lengths: Mapping[str, tuple[tuple[str, Metric], ...]]
    raters: tuple[str, ...]
    kappa: tuple[tuple[float | None, ...], ...]
    notes: tuple[str, ...] = ()


PEOPLE, OTHERS, NOBODY = "people", "the majority of the other judges", "nobody"

COLUMNS: Mapping[str, str] = {
    "accuracy": "says the same as whom judges are held against",
    "kappa": "the same beyond chance (Cohen)",
    "consistency": "pairs judged in both orders with the same verdict",
    "first_rate": "decided verdicts won by the output shown first",
    "longer_wins": "decided verdicts won by the longer output",
    "parsed": "answers in which a verdict could be read",
    "accepted": "judgements that hold by the rule",
    "cost": "cost of an accepted verdict, by the judges' prices",
    "tokens": "tokens read and written for an accepted verdict",
}
"""Metrics of a judge, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Family:
    """Probes of one kind. right: pairs whose two verdicts are as they should be, of `pairs`; fooled: verdicts for the
    answer that should not win; unreadable: verdicts that are none. metric: right / pairs with its interval, or a share
    of all pairs (`pairs` is 0 then). use: what a judge that passes can be used for. why: of the status."""

    name: str
    title: str
    pairs: int
    right: int
    fooled: int
    unreadable: int
    metric: Metric
    status: Status
    why: str
    use: str


@dataclass(frozen=True, slots=True)
class Card:
    """What one judge does with the probes. prompt: with its hash. asked: questions with an answer. first_rate: how
    often what is shown first wins. cost: of all answers, by the judge's prices; None where it has none."""

    judge: str
    model: str
    prompt: str
    asked: int
    families: tuple[Family, ...]
    first_rate: Metric
    tokens: int
    cost: float | None
    status: Status
    exit_code: int
    notes: tuple[str, ...] = ()

    @property
    def can(self) -> tuple[str, ...]:
        """What it can be used for: nothing where it misses what is easy."""
        return () if self.useless else tuple(one.use for one in self.families if one.status is Status.PASS)

    @property
    def cannot(self) -> tuple[str, ...]:
        return tuple(one.use for one in self.families if one.status in (Status.WARN, Status.FAIL))

    @property
    def useless(self) -> bool:
        """Whether it fails what a judge must do before anything else is asked."""
        return any(one.name == "control" and one.status is Status.FAIL for one in self.families)
