"""Numbers and bounds in words that a person reads at a glance; the exact values are in audit.json."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditor.model.result import Metric, Number, Status

_BOUND = re.compile(r"^\s*(<=|>=|==|<|>|=)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*$")
_SENSE = {"<=": "at most", "<": "below", ">=": "at least", ">": "above", "==": "exactly", "=": "exactly"}
_KEPT: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "==": operator.eq, "=": operator.eq,
}  # fmt: skip

HEADLINES = {
    Status.PASS: "Nothing found against training on this",
    Status.WARN: "Look before you train on this",
    Status.FAIL: "Do not train on this",
    Status.MEASURED: "Nothing was judged",
    Status.SKIPPED: "Nothing was measured",
    Status.ERROR: "This audit is incomplete",
}
"""The verdict in plain words."""

JUDGED = {
    **HEADLINES,
    Status.PASS: "Nothing found against trusting these judges",
    Status.WARN: "Look before you trust these judges",
    Status.FAIL: "Do not trust these judges",
}
"""The same where the judges of recorded verdicts were audited."""

IN_PART = {**HEADLINES, Status.PASS: "Nothing found", Status.WARN: "Something to look at", Status.FAIL: "Faults found"}
"""The same where some of the checks were kept from running: none of it is advice on the whole."""

_BECAME = {
    Status.FAIL: "failed",
    Status.ERROR: "ended in an error",
    Status.WARN: "warned",
    Status.PASS: "kept their bounds",
    Status.MEASURED: "measured but not judged",
    Status.SKIPPED: "skipped",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """`<= 0.05` taken apart: sense "<=", value 0.05."""

    sense: str
    value: float

    @property
    def upper(self) -> bool:
        return self.sense.startswith("<")

    def words(self, unit: str) -> str:
        """`at most 5%`; other units stand beside the value already."""
        return f"{_SENSE[self.sense]} {quantity(self.value, 'share' if of_shares(unit) else '')}"

    def broken(self, value: Number) -> bool:
        """Whether a value does not keep it."""
        return not _KEPT[self.sense](value, self.value)


def bounds(expected: str | None) -> tuple[Bound, ...]:
    """A policy's bounds (`>= 0.1 and <= 0.5` is two); empty where they cannot be read as numbers."""
    matches = [_BOUND.match(part) for part in expected.split(" and ")] if expected else []
    found = tuple(Bound(match[1], float(match[2])) for match in matches if match)
    return found if len(found) == len(matches) else ()


def expected_words(expected: str | None, unit: str) -> str:
    """`at most 5%` for `<= 0.05`; the policy's own words where they are not bounds."""
    return " and ".join(found.words(unit) for found in bounds(expected)) or expected or ""


def quantity(value: Number | None, unit: str, *, beside: float | None = None) -> str:
    """A value with its unit: shares as per cent, thousands separated, about three digits.

    beside: a bound shown next to it; digits are added until the two read differently, because
    "5% is not at most 5%" helps nobody.
    """
    if value is None:
        return "not measured"
    text = _quantity(value, unit, 0)
    if beside is not None and value != beside:
        for extra in range(7):
            text = _quantity(value, unit, extra)
            if text != _quantity(beside, unit, extra):
                break
    return text


def measured(metric: Metric, unit: str, *, beside: float | None = None) -> str:
    """A metric's value in words; `≤0.002` for a chance that only its own interval's upper end is known of, such as
    the smallest that so many permutations can show."""
    at_most = unit in CHANCES and metric.low == 0 and metric.high == metric.value
    return ("≤" if at_most else "") + quantity(metric.value, unit, beside=beside)


def interval(low: float | None, high: float | None, unit: str) -> str:
    """`11.8–13.0%`, `-0.6 to -0.1`, or nothing where there is no interval, nor for a chance from 0 up, which `measured`
    words."""
    if low is None or high is None or (unit in CHANCES and low == 0):
        return ""
    first, last = _quantity(low, unit, 0).split(" ")[0], _quantity(high, unit, 0)
    if low < 0:  # a dash before a sign is read as another sign
        return f"{first} to {last}"
    return f"{first.removesuffix('%').removesuffix('×')}–{last}"


def count(n: int, noun: str = "") -> str:
    """`12,400 rows`, `1 row`."""
    if not noun:
        return f"{n:,}"
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def became(n: int, status: Status) -> str:
    """`12 kept their bounds`: what became of `n` checks."""
    return f"{n:,} {'kept its bounds' if n == 1 and status is Status.PASS else _BECAME[status]}"


def seconds(value: float) -> str:
    """`0.42 s`, `12.0 s`, `3 min 5 s`."""
    if value >= 90:
        return f"{int(value) // 60} min {int(value) % 60} s"
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def label(name: str) -> str:
    """`largest cluster` for `near_duplicates.largest_cluster`."""
    return _spoken(name.partition(".")[2]) or name


def metric(name: str) -> str:
    """`near duplicates: largest cluster`, where the check is not told by what stands around; the check alone for its
    plain rate."""
    check, _, rest = name.partition(".")
    return _spoken(check) if rest in ("", "rate") else f"{_spoken(check)}: {_spoken(rest)}"


def metrics(names: Sequence[str]) -> list[str]:
    """Metrics of several checks in words: with the check where the rest would not tell which it is."""
    short = [label(name) for name in names]
    return [
        metric(name) if own.endswith("rate") or short.count(own) > 1 else own
        for name, own in zip(names, short, strict=True)
    ]


def _spoken(name: str) -> str:
    return " ".join(_WRITTEN.get(word, word) for word in re.split("[_.]", name))


_WRITTEN = {
    "ai": "AI", "auc": "AUC", "bleu": "BLEU", "frechet": "Fréchet", "js": "Jensen-Shannon", "mauve": "MAUVE",
    "mmd": "MMD", "mtld": "MTLD", "ngram": "n-gram", "ngrams": "n-grams", "psi": "PSI", "url": "URL",
    "vendi": "Vendi", "wasserstein": "Wasserstein", "zipf": "Zipf",
}  # fmt: skip
"""Words of metrics' names that people write otherwise."""


CHANCES = frozenset({"probability", "p-value"})

SMALLEST = 1e-300
"""Chances below it are what is left where the arithmetic ends: no chance is 0."""

_UNSPOKEN = CHANCES | frozenset({
    "number", "ratio", "log ratio", "kernel", "squared distance", "score", "slope", "effect", "nats",
    "patterns per row", "grade",
})  # fmt: skip
"""Units that say what kind of number it is, and not of what: `0.05 kernel` tells nobody more than `0.05`."""


def of_shares(unit: str) -> bool:
    """Whether numbers of the unit are told as per cent: `share`, and `share a version`."""
    return unit == "share" or unit.startswith("share ")


def _quantity(value: Number, unit: str, extra: int) -> str:
    if of_shares(unit):
        return f"{_percent(value, extra)}{unit.removeprefix('share')}"
    if unit in CHANCES and value < SMALLEST:
        return "<1e-300"
    text = f"{value:,}" if isinstance(value, int) else _decimal(value, extra)
    if unit == "times":
        return f"{text}×"
    # Units are plurals: `facts`, `datasets`.
    one = unit.removesuffix("s") if value == 1 else unit
    return f"{text} {one}" if unit and unit not in _UNSPOKEN else text


def _percent(value: Number, extra: int) -> str:
    percent = 100 * value
    size = abs(percent)
    digits = (1 if size >= 10 else 2) + extra
    text = f"{percent:.{digits}f}".rstrip("0").rstrip(".")
    if text in ("0", "-0") and value:
        return f"<{10**-digits:.{digits}f}%"
    if text == "100" and value < 1:
        return f">{100 - 10**-digits:.{digits}f}%"
    return f"{'0' if text == '-0' else text}%"


def _decimal(value: float, extra: int) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.{extra}f}"
    return f"{value:.{3 + extra}g}"


def bought(spent: Mapping[str, Any] | None) -> str:
    """`embeddings: 301 texts bought, 903 tokens, 0.000018 by its price`; empty where none can be bought."""
    if spent is None:
        return ""
    told = {"missing": "without a vector", "cut": "cut to what the model takes"}
    more = "".join(f"; {count(spent[name], 'text')} {words}" for name, words in told.items() if name in spent)
    if not spent["texts"]:
        return f"embeddings: nothing bought{'' if 'missing' in spent else ', all of them were kept'}{more}"
    cost = f", {money(spent['cost'])} by its price" if "cost" in spent else ""
    return f"embeddings: {count(spent['texts'], 'text')} bought, {count(spent['tokens'], 'token')}{cost}{more}"


def money(amount: float) -> str:
    """`1,234.50`; two figures of what is less than a hundredth, never with an exponent: `0.000018`."""
    if amount == 0 or abs(amount) >= 0.01:
        return f"{amount:,.2f}"
    return f"{amount:.{1 - math.floor(math.log10(abs(amount)))}f}"
