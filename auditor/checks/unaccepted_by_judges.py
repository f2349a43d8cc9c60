"""Rows that judges do not accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.rowwise import Flags, Rowwise, cut
from auditor.model.rows import Rows


@check
@dataclass(frozen=True, slots=True)
class UnacceptedByJudges(Rowwise):
    """Rows that judges were asked about and did not accept.

    What: of the rows that the verdicts given with `--verdicts` are about, the share (`rate`) on which no verdict holds,
    or it is a tie (`undecided`), or the judges prefer the rejected answer (`overruled`). `unjudged` is the share of all
    rows that nobody judged. Two orders of a judge are one verdict where they say the same; judges decide by majority.

    Why it matters: a preference that a judge takes back once the answers change places teaches noise, and one that
    several judges turn round teaches the opposite. Trained people agree on 73 % of such pairs (Ouyang et al. 2022).

    Example: the chosen answer to `What is 2 + 2?` is `5`, and both judges prefer the rejected one, `4`.

    Remedy: drop undecided rows (`auditor judge accept`), and have overruled ones judged by people, or turned round.

    Limits: it is as good as its judges: audit the verdicts first (`auditor judge audit`). A row that was judged on
    other texts than it has now counts as unjudged.

    Source: L. Ouyang et al. 2022, "Training language models to follow instructions with human feedback",
    arXiv:2203.02155, section 5.
    """

    spec: ClassVar[Spec] = Spec(
        name="unaccepted-by-judges",
        title="Rows that judges do not accept",
        measures=(
            Measure("rate", "share", "judged rows that are not accepted"),
            Measure("undecided", "share", "judged rows on which no verdict holds, or a tie", "drop them", bad="high"),
            Measure(
                "overruled",
                "share",
                "judged rows whose rejected answer the judges prefer",
                "have a person judge them, turn them round, or drop them",
                bad="high",
            ),
            Measure("unjudged", "share", "rows that nobody judged"),
        ),
        reads=("judge_accepted",),
        annotations=("fields",),
        fires=(
            Case(
                ({"text": "5", "judge_accepted": False, "judge_verdict": "rejected"},),
                moves="unaccepted_by_judges.overruled",
            ),
            Case(
                ({"text": "5", "judge_accepted": False, "judge_verdict": "tie"},),
                moves="unaccepted_by_judges.undecided",
            ),
        ),
        quiet=(
            Case(
                ({"text": "4", "judge_accepted": True, "judge_verdict": "chosen"},),
                moves="unaccepted_by_judges.rate",
            ),
        ),
    )

    def flag(self, rows: Rows) -> Flags:
        judged, accepted = _known(rows)
        overruled = judged & ~accepted & (_words(rows) == "rejected")
        undecided = judged & ~accepted & ~overruled
        return Flags(
            {"rate": judged & ~accepted, "undecided": undecided, "overruled": overruled, "unjudged": ~judged},
            {"rate": judged, "undecided": judged, "overruled": judged},
        )

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        if measure == "unjudged":
            return ["nobody judged it"] * len(hits)
        said = [word or "no verdict that holds" for word in _words(rows)[hits]]
        if "judge_votes" in rows:
            votes = rows.column("judge_votes").take(pa.array(hits)).to_pylist()
            said = [f"{word}; {count} votes" for word, count in zip(said, votes, strict=True)]
        return [cut(word) for word in said]


def _known(rows: Rows) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each row was judged, and accepted. A field of this name that is not true or false says nothing."""
    column = rows.column("judge_accepted")
    if not pa.types.is_boolean(column.type):
        none = np.zeros(len(rows), np.bool_)
        return none, none
    return np.asarray(column.is_valid()), np.asarray(pc.fill_null(column, False))


def _words(rows: Rows) -> npt.NDArray[Any]:
    """What the judges prefer, empty where nothing (object [n])."""
    if "judge_verdict" not in rows:
        return np.full(len(rows), "", object)
    words = pc.fill_null(rows.column("judge_verdict").cast(pa.large_string()), "")
    found: npt.NDArray[Any] = np.array(words.to_pylist(), object)
    return found
