"""What a calibration found, and the policy that it makes."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auditor.core.means import Real
from auditor.model.rows import Dataset
from auditor.statistics.bounds import Bound

COPIES = 0.05
"""Share of the real rows that are copies, from which it is told."""

HOLD = (
    "They hold at this size, by this embedder, with these versions and parameters of the checks (defaults where none "
    "is named), and of comparisons among these real rows: an audit draws as many rows for what depends on their "
    "number, and skips metrics where it has fewer, other means, or other real rows (the same that grew)."
)
"""What bounds that were found are of."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found. unknown: metric -> why it has no bound. stand: metrics that keep the bounds of the policy that is
    extended, for nothing says which way they are worse. beyond: checks that need more than rows and real rows.
    together: share of the splits that broke any bound: as often will the whole policy fail data as good as the real
    ones. family: whether `rate` is of all bounds together. bought: texts, tokens and cost of embeddings, where they are
    bought. parameters: of the checks, where they are not the defaults. tuned: how those that depend on the embedder
    were found. versions: of the checks. copies: real rows whose text an earlier one has."""

    real: Dataset
    embedder: str
    size: int
    rate: float
    splits: int
    bounds: tuple[Bound, ...]
    unknown: Mapping[str, str]
    stand: tuple[str, ...]
    beyond: tuple[str, ...]
    together: float
    family: bool = False
    bought: Mapping[str, Any] | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tuned: tuple[str, ...] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    copies: int = 0

    @property
    def caution(self) -> str:
        """What makes these bounds mean less than they seem, or an empty string."""
        if self.copies <= COPIES * self.real.rows:
            return ""
        return (
            f"{self.copies:,} of the {self.real.rows:,} real rows are copies of another, and fall to both sides: new "
            "rows lie further from real ones than that, and will break bounds of comparisons more often. "
            "Leave copies out first."
        )

    def without(self) -> list[tuple[str, str]]:
        """(metrics without a bound, or the check where these are all it has; why), a line a check and reason."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for metric, why in self.unknown.items():
            reasons.setdefault((metric.partition(".")[0], why), []).append(metric)
        bounded = {bound.metric.partition(".")[0] for bound in self.bounds}
        alike = Counter(check for check, _ in reasons)
        return [
            (check.replace("_", "-") if alike[check] == 1 and check not in bounded else ", ".join(metrics), why)
            for (check, why), metrics in reasons.items()
        ]

    def policy(self, base: str, name: str) -> str:
        """The calibration as a policy in YAML, with the bounds of `base` for all else."""
        import yaml

        rate = f"{100 * self.rate:g} %"
        told = [
            f"Bounds found by `auditor calibrate` on {self.real.rows:,} real rows:",
            f"{self.splits:,} splits in two times {self.size:,} rows.",
            *(
                f"{bound.metric} from the {len(bound.null):,} splits in which it could be measured."
                for bound in self.bounds
                if len(bound.null) < self.splits
            ),
            f"At most {rate} of audits of data like the real ones break any of them (--family)."
            if self.family
            else f"Each metric breaks its bound in at most {rate} of audits of data like the real ones. All of them "
            f"together fail {100 * self.together:.3g} % of such audits: see --family.",
            HOLD,
            self.caution,
            f"Without a bound from these rows: {', '.join(self.unknown)}." if self.unknown else "",
        ]
        head = [f"# {line}" for one in told for line in textwrap.wrap(one, 116)]
        entries = {bound.metric: {"fail": bound.text} for bound in self.bounds}
        asked = {check: dict(values) for check, values in self.parameters.items() if values}
        means = {
            "real": Real.of(self.real).described,
            "embedder": self.embedder,
            "versions": dict(self.versions),
            **({"checks": asked} if asked else {}),
        }
        content = {"name": name, "extends": base, "size": self.size, "found_with": means, "metrics": entries}
        body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        return "\n".join(head) + "\n" + body
