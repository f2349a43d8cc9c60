"""A panel of judges beside its members: in lines for the terminal, and as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from auditor.core.judges.juries import Decision, Standing
from auditor.reports import tables
from auditor.reports.escaping import one_line


def described(decision: Decision) -> dict[str, Any]:
    """`panel` of what `judge accept --format json` says."""
    standings = [asdict(one) for one in decision.standings()]
    return {"vote": decision.jury.vote, **standings[0], "members": standings[1:]}


def lines(decision: Decision) -> list[str]:
    """A table: the panel's line first."""
    standings = decision.standings()
    weighted = any(one.weight is not None for one in standings)
    labelled = any(one.labelled for one in standings)
    header = ("", *(("weight",) if weighted else ()), "votes", "as the panel")
    header += ("right, where people judged", "95 % interval") if labelled else ()
    cells = [_cells(one, weighted=weighted, labelled=labelled) for one in standings]
    return tables.lines((*header, f"{_first(decision)} wins"), cells, right=tuple(range(1, len(header) + 1)))


def _first(decision: Decision) -> str:
    """Who A is, where it is the same one for all pairs."""
    makers = np.unique(decision.verdicts.a.codes)
    return one_line(decision.verdicts.a.names[makers[0]], 30) if len(makers) == 1 and makers[0] >= 0 else "A"


def _cells(one: Standing, *, weighted: bool, labelled: bool) -> tuple[str, ...]:
    cells = [one_line(one.name, 60)]
    if weighted:
        cells.append("" if one.weight is None else f"{one.weight:.3f}")
    cells += [f"{one.votes:,}", _share(one.agreement)]
    if labelled:
        of = f" of {one.labelled:,}" if one.labelled else ""
        cells += [f"{_share(one.accuracy)}{of}", f"{_share(one.low)} to {_share(one.high)}" if of else ""]
    return (*cells, _share(one.win_rate))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
