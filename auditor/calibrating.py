"""Bounds that need not be guessed: what each metric is where the data are real as well.

Real rows are split in two, many times over; one part is audited against the other. The values that a metric takes
then are its null distribution for this data, embedder and size, and its bound is their quantile: at most `rate` of
such audits break it (the ceil((1 - rate)(splits + 1))-th of the values in order: Vovk, Gammerman and Shafer 2005,
"Algorithmic learning in a random world", on conformal prediction).
"""

from __future__ import annotations

import decimal
import math
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import xxhash

from auditor import auditing, concluding
from auditor.annotators import embedders
from auditor.annotators.space import Spaces
from auditor.auditing import Options, Progress
from auditor.core import check as checking
from auditor.core import measure as measuring
from auditor.core.check import Context
from auditor.core.compare import directions
from auditor.core.sized import compares
from auditor.engines.local import Local
from auditor.model.errors import ConfigError, InputError
from auditor.model.result import Measured
from auditor.model.rows import Dataset
from auditor.registry.workspace import Workspace
from auditor.sketches.sample import split
from auditor.statistics.blas import single

SPLITS_A_FAILURE = 10
"""Splits for each false alarm that the rate allows: fewer tell too little of the tail that the bound lies in."""

MOST = 0.95
"""Share of splits in which a metric must be measured to have a bound, from those: what a few splits cannot tell (no
booster in 300 answers) must not leave an audit without one."""

LEAST = 50
"""Rows a side below which no room measures much."""

Values = Mapping[str, float]
Seen = tuple[Values, Mapping[str, str]]
"""What a split gave: metrics with their values, and those without with the reason."""

VERSION = 3
"""Of what is kept of a split."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric's bound: at fault beyond `limit`, to the side that is worse. null: its values over the splits,
    ascending."""

    metric: str
    high: bool
    limit: float
    null: tuple[float, ...]

    @property
    def text(self) -> str:
        """Six digits, rounded away from the null."""
        direction = decimal.ROUND_CEILING if self.high else decimal.ROUND_FLOOR
        limit = decimal.Context(prec=6, rounding=direction).create_decimal_from_float(self.limit)
        return f"{'>' if self.high else '<'} {float(limit):.6g}"

    def broken(self, values: Values) -> bool:
        value = values.get(self.metric)
        return value is not None and (value > self.limit if self.high else value < self.limit)

    @property
    def median(self) -> float:
        return self.null[len(self.null) // 2]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was found. unknown: metric -> why it has no bound. stand: metrics of the rows alone, or of labels, that keep
    the bounds of the policy that is extended. together: share of the splits that broke any bound: as often will the
    whole policy fail data as good as the real ones. family: whether `rate` is of all bounds together."""

    real: Dataset
    embedder: str
    size: int
    rate: float
    splits: int
    bounds: tuple[Bound, ...]
    unknown: Mapping[str, str]
    stand: tuple[str, ...]
    together: float
    family: bool = False


def calibrate(
    source: Any,
    options: Options,
    *,
    rate: float,
    size: int | None,
    workspace: Workspace,
    progress: Progress,
    family: bool = False,
) -> Calibration:
    """Measure the null distribution of every comparison with real data of which the policy or the check says which way
    is worse (`core.compare.directions`).

    source: real rows, as `audit` takes them. rate: of false alarms, 0 to 1: for each metric, or with `family` for all
    of them together. size: rows a side; None is half of the real rows. What was measured is kept: an interrupted run
    goes on where it was.

    Raises ConfigError for a rate or size that cannot be, InputError where there are too few rows.
    """
    if not 0 < rate < 1:
        raise ConfigError("the rate of false alarms is no share", seen=f"{rate:g}", wanted="such as 0.05")
    options = auditing.settled(options, workspace)
    engine = Local(options.threads)
    selected = auditing.select(options, workspace)
    base = concluding.policy(options, workspace)
    worse, stand = _wanted(selected, directions(base), base.metrics)
    checks = [check for check in selected if any(check.spec.metric(m.name) in worse for m in check.spec.measures)]
    if not checks:
        hint = (
            f"they are of the rows alone, or of labels: the bounds of {base.name} stand"
            if stand
            else "see `auditor checks`"
        )
        raise ConfigError("none of these checks has a metric to calibrate", seen=", ".join(stand), hint=hint)
    splits = math.ceil(SPLITS_A_FAILURE / rate)
    with workspace.lock(), tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        real = auditing.prepared(source, replace(options, by=()), workspace, engine, checks, progress)
        side = min(size or real.rows, real.rows // 2)
        if side < LEAST:
            raise InputError(
                "too few rows to split",
                seen=f"{real.rows} rows",
                wanted=f"at least {2 * LEAST}",
                hint="give more real data",
            )
        embedder = embedders.load(options.embedder or embedders.DEFAULT, workspace.answers)
        name = f"{embedder.name}@{embedder.revision}"
        kept = _Kept(workspace.cache / "calibrations", _key(real, checks, side, name))

        def one(seed: int, context: Context) -> Seen:
            left, right = (real.select(rows) for rows in split(real, side, seed))
            space = Spaces(embedder, workspace.cache, Local(1))
            beside = replace(context, references={"real": right}, space=space, size=side)
            measured = measuring.measure(checks, left, beside, Local(1))
            return _seen(checks, measured, worse)

        context = Context(
            expectations=workspace.expectations, scratch=Path(scratch), memory=options.memory // engine.threads
        )
        with progress.stage(f"{splits:,} splits") as advance:
            found = _run(lambda seed: one(seed, context), splits, kept, engine, advance)
    values = [values for values, _ in found]
    bounds, unknown = _bounds(worse, found, rate)
    if family:
        bounds = jointly(bounds, values, rate)
    together = sum(any(bound.broken(one) for bound in bounds) for one in values) / splits
    return Calibration(real, name, side, rate, splits, bounds, unknown, stand, together, family)


def jointly(bounds: Sequence[Bound], splits: Sequence[Values], rate: float) -> tuple[Bound, ...]:
    """Bounds that at most `rate` of audits break any of: each is moved away from its median by one factor, which is
    the quantile over the splits of the largest excess of any metric, in units of median to own bound (max-T: Westfall
    and Young 1993, "Resampling-based multiple testing"). So correlated metrics do not pay for one another.

    Metrics that are worse when low and never 0 (ratios, p) are measured on a log scale, where a limit stays above 0.
    """
    scales = [_Scale.of(bound) for bound in bounds]
    excess = sorted(max((scale.excess(one) for scale in scales), default=0.0) for one in splits)
    factor = excess[min(math.ceil((1 - rate) * (len(excess) + 1)), len(excess)) - 1]
    return tuple(replace(scale.bound, limit=scale.limit(factor)) for scale in scales)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How far a metric is from its median, in units of how far its own bound is (where that is the median itself, the
    worst value of the null). unit: 0 where nothing is worse than the median."""

    bound: Bound
    log: bool
    middle: float
    unit: float

    @classmethod
    def of(cls, bound: Bound) -> _Scale:
        log = not bound.high and bound.null[0] > 0
        middle, limit, last = (
            math.log(value) if log else value
            for value in (bound.median, bound.limit, bound.null[-1] if bound.high else bound.null[0])
        )
        return cls(bound, log, middle, abs(limit - middle) or abs(last - middle))

    def excess(self, values: Values) -> float:
        value = values.get(self.bound.metric)
        if value is None or not self.unit:
            return 0.0
        return ((math.log(value) if self.log else value) - self.middle) / self.unit * (1 if self.bound.high else -1)

    def limit(self, factor: float) -> float:
        moved = self.middle + factor * self.unit * (1 if self.bound.high else -1)
        return math.exp(moved) if self.log else moved


def _wanted(
    checks: Sequence[Any], worse: Mapping[str, str], bounded: Mapping[str, Any]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """(metric -> which way is worse, of those to calibrate; those with a bound that are not)."""
    wanted: dict[str, str] = {}
    stand = []
    for check in checks:
        for measure in check.spec.measures:
            metric = check.spec.metric(measure.name)
            if worse.get(metric) and compares(check.spec, measure):
                wanted[metric] = worse[metric]
            elif metric in bounded:
                stand.append(metric)
    return wanted, tuple(stand)


def policy(found: Calibration, base: str, name: str) -> str:
    """The calibration as a policy in YAML, with the bounds of `base` for all else."""
    import yaml

    head = [
        f"# Bounds found by `auditor calibrate` on {found.real.rows:,} real rows ({found.real.digest[:19]}):",
        f"# {found.splits:,} splits in two times {found.size:,} rows, embedder {found.embedder}.",
        *(
            f"# {bound.metric} from the {len(bound.null):,} splits in which it could be measured."
            for bound in found.bounds
            if len(bound.null) < found.splits
        ),
        *(
            (f"# At most {100 * found.rate:g} % of audits of data like the real ones break any of them (--family).",)
            if found.family
            else (
                f"# Each metric breaks its bound in at most {100 * found.rate:g} % of audits of data like the real.",
                f"# All of them together fail {100 * found.together:.3g} % of such audits: see --family.",
            )
        ),
        "# They hold for this embedder and size; `size` has audits draw as many rows a side.",
    ]
    entries = {bound.metric: {"fail": bound.text} for bound in found.bounds}
    body = yaml.safe_dump(
        {"name": name, "extends": base, "size": found.size, "metrics": entries}, sort_keys=False, allow_unicode=True
    )
    return "\n".join(head) + "\n" + body


def _seen(checks: Sequence[Any], measured: Sequence[Measured], wanted: Mapping[str, str]) -> Seen:
    """Of the metrics to calibrate."""
    values: dict[str, float] = {}
    whys: dict[str, str] = {}
    for check, outcome in zip(checks, measured, strict=True):
        found = outcome.measurement
        metrics = {} if found is None else {metric.name: metric for metric in found.metrics}
        for name in (check.spec.metric(measure.name) for measure in check.spec.measures):
            if name not in wanted:
                continue
            metric = metrics.get(name)
            if metric is not None and metric.value is not None:
                values[name] = float(metric.value)
            elif metric is not None:
                whys[name] = metric.why
            else:
                whys[name] = outcome.why or "; ".join(found.notes if found is not None and not metrics else ())
    return values, whys


def _run(
    one: Callable[[int], Seen], splits: int, kept: _Kept, engine: Local, advance: Callable[[int, int], None]
) -> list[Seen]:
    known = kept.read()
    todo = [seed for seed in range(splits) if seed not in known]
    done, lock = [splits - len(todo)], threading.Lock()

    def measured(seed: int) -> None:
        seen = one(seed)
        with lock:
            kept.add(seed, seen)
            known[seed] = seen
            done[0] += 1
            advance(done[0], splits)

    with single():  # held around all threads: which of them leaves first must not matter
        engine.map(measured, todo)
    return [known[seed] for seed in range(splits)]


def _bounds(worse: Mapping[str, str], splits: Sequence[Seen], rate: float) -> tuple[tuple[Bound, ...], dict[str, str]]:
    bounds, unknown = [], {}
    for metric, bad in worse.items():
        seen = sorted(values[metric] for values, _ in splits if metric in values)
        place = math.ceil((1 - rate) * (len(seen) + 1))
        if place > len(seen) or len(seen) < MOST * len(splits):
            why = next((whys[metric] for _, whys in splits if whys.get(metric)), "not asked for")
            unknown[metric] = f"measured in {len(seen):,} of {len(splits):,} splits: {why}"
            continue
        limit = seen[place - 1] if bad == "high" else seen[len(seen) - place]
        bounds.append(Bound(metric, bad == "high", limit, tuple(seen)))
    return tuple(bounds), unknown


def _key(real: Dataset, checks: Sequence[Any], side: int, embedder: str) -> str:
    asked = [[check.spec.name, check.spec.version, checking.parameters(check)] for check in checks]
    about = [VERSION, real.digest, [shard.digest for shard in real.shards], asked, side, embedder]
    return xxhash.xxh3_128_hexdigest(orjson.dumps(about, option=orjson.OPT_SORT_KEYS))


class _Kept:
    """Values by split, a sealed line each: what was measured before an interruption is read again. A line that was
    cut by a kill, or altered, is measured again."""

    def __init__(self, folder: Path, key: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{key}.jsonl"

    def read(self) -> dict[int, Seen]:
        found: dict[int, Seen] = {}
        if self._path.is_file():
            for line in self._path.read_bytes().splitlines():
                seal, _, content = line.partition(b" ")
                if seal == _seal(content):
                    one = orjson.loads(content)
                    found[one["split"]] = (one["values"], one["whys"])
        return found

    def add(self, seed: int, seen: Seen) -> None:
        values, whys = seen
        with self._path.open("ab") as file:
            content = orjson.dumps({"split": seed, "values": dict(values), "whys": dict(whys)})
            file.write(b"\n" + _seal(content) + b" " + content)


def _seal(content: bytes) -> bytes:
    return xxhash.xxh3_64_hexdigest(content).encode()
