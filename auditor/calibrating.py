"""Bounds that need not be guessed: what each metric is where the data are real as well.

Real rows are split in two, many times over; one part is audited beside the other. The values that a metric takes then
are its null distribution for this data, embedder and size, and its bound is their quantile (`statistics.bounds`).
A metric of the rows alone is measured on one part, and its null widened to what new rows would give; a share of rows
has no bound tighter than chance allows rows that seldom have the fault. So every bound has the rate that was asked for,
whether it is tighter or laxer than one that we ship: that is a guess about all data, this is known of yours.
"""

from __future__ import annotations

import math
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xxhash

from auditor import __version__, auditing, concluding
from auditor.annotators import embedders
from auditor.annotators.space import Spaces
from auditor.auditing import Options, Progress
from auditor.core import check as checking
from auditor.core import measure as measuring
from auditor.core.calibration import Calibration
from auditor.core.check import Context, Tunes
from auditor.core.compare import directions
from auditor.core.content import kindred
from auditor.core.means import own
from auditor.core.policy import Policy
from auditor.core.sized import LEAST, alone, compares
from auditor.core.splits import Kept, Seen
from auditor.engines.local import Local
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.model.result import Measured, Status
from auditor.model.rows import Dataset
from auditor.registry.workspace import Workspace
from auditor.sketches.sample import split
from auditor.statistics.blas import single
from auditor.statistics.bounds import Bound, Doubles, as_new, by_chance, jointly, quantile

SPLITS_A_FAILURE = 10
"""Splits for each false alarm that the rate allows: fewer tell too little of the tail that the bound lies in."""

MOST = 0.95
"""Share of splits in which a metric must be measured to have a bound, from those: what a few splits cannot tell (no
booster in 300 answers) must not leave an audit without one."""

VERSION = 4
"""Of what is kept of a split."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A metric to calibrate. high: whether more is worse. alone: of the rows alone, whatever the real ones are.
    share: of rows."""

    metric: str
    high: bool
    alone: bool
    share: bool


def calibrate(
    source: Any,
    options: Options,
    *,
    rate: float,
    size: int | None,
    workspace: Workspace,
    progress: Progress,
    family: bool = False,
    data: Any = None,
) -> Calibration:
    """Measure the null distribution of every metric of which the policy or the check says which way is worse
    (`core.compare.directions`), of every check that runs on rows and real rows alone (`core.sized.alone`).

    source: real rows, as `audit` takes them. rate: of false alarms, 0 to 1: for each metric, or with `family` for all
    of them together. size: rows a side, at most half of the real ones; None is as many as `data` has, the rows that
    are to be audited, and half of the real ones without it. What was measured is kept: an interrupted run goes on where
    it was.

    Raises ConfigError for a rate or size that cannot be, InputError where there are too few rows, AuditorError where a
    check fails.
    """
    if not 0 < rate < 1:
        raise ConfigError("the rate of false alarms is no share", seen=f"{rate:g}", wanted="such as 0.05")
    if size is not None and data is not None:
        raise ConfigError("both --rows and the data to be audited say how many rows a side", wanted="one of them")
    options = auditing.settled(options, workspace)
    engine = Local(options.threads)
    selected = auditing.select(options, workspace)
    base = concluding.policy(options, workspace)
    if base.extends:
        raise ConfigError(
            f"the policy {base.name!r} extends {base.extends!r}, and one that extends it could not be used",
            wanted="one level, so that every bound is found in two files",
            hint=f"--policy {base.extends}",
        )
    wanted, stand = to_calibrate(selected, base)
    beyond = tuple(check.spec.name for check in selected if not alone(check))
    checks = [check for check in selected if any(check.spec.metric(m.name) in wanted for m in check.spec.measures)]
    if not checks:
        left = ", ".join((*stand, *beyond))
        hint = f"they need more than rows and real rows, or no way is worse: the bounds of {base.name} stand"
        raise ConfigError("none of these checks has a metric to calibrate", seen=left, hint=hint)
    splits = math.ceil(SPLITS_A_FAILURE / rate)
    with workspace.lock(), tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        version = auditing.resolved(source, workspace)
        real = auditing.prepared(version or source, replace(options, by=()), workspace, engine, checks, progress)
        if version and version.card and version.entry:
            real = replace(real, name=version.card.ref(version.entry))
        audited = None
        if data is not None:
            with progress.stage("read data") as advance:
                audited = auditing.read(data, options, workspace, advance)
        texts = _texts(real)
        side = _side(real, texts, size, audited)
        embedder = auditing.loaded(options, workspace)
        name = f"{embedder.name}@{embedder.revision}"
        context = Context(
            expectations=workspace.expectations, scratch=Path(scratch), memory=options.memory // engine.threads
        )
        watched = Spaces(embedder, workspace.cache, engine, progress.stage)
        checks, tuned = _tuned(checks, real, replace(context, space=watched))
        kept = Kept(workspace.cache / "calibrations", _key(real, checks, side, name, workspace.expectations))

        def one(seed: int, first: bool) -> Seen:
            left, right = (real.select(rows) for rows in split(real, side, seed))
            space = watched if first else Spaces(embedder, workspace.cache, Local(1))
            return seen(checks, wanted, left, right, replace(context, space=space))

        with progress.stage(f"{splits:,} splits") as advance:
            found = _run(one, splits, kept, engine, advance)
    bounds, unknown, together = _bounds(wanted, found, rate, side, real.rows, family)
    bought = embedders.bought(embedder)
    return Calibration(
        real,
        name,
        side,
        rate,
        splits,
        bounds,
        unknown,
        stand,
        beyond,
        together,
        family,
        bought,
        {check.spec.name: own(check, workspace.root) for check in checks},
        tuned,
        {check.spec.name: check.spec.version for check in checks},
        real.rows - texts,
    )


def _texts(real: Dataset) -> int:
    """Distinct texts."""
    keys = [kindred.keys(shard.strings("text")) for shard in real]
    return len(np.unique(np.concatenate(keys))) if keys else 0


def _side(real: Dataset, texts: int, size: int | None, data: Dataset | None) -> int:
    """Rows a side. Raises ConfigError or InputError, by whose fault they are too few."""
    if texts < 2 * LEAST:  # copies of one row fall to both sides, which are then alike whatever they are like
        rows, of = "row" if real.rows == 1 else "rows", f", {texts:,} distinct" if texts < real.rows else ""
        raise InputError(
            "too few rows to split",
            seen=f"{real.rows:,} {rows}{of}",
            wanted=f"at least {2 * LEAST} distinct rows",
            hint="give more real data",
        )
    if size is not None and size < LEAST:
        raise ConfigError("too few rows a side to find bounds", seen=f"--rows {size}", wanted=f"at least {LEAST}")
    if data is not None and data.rows < LEAST:
        raise InputError(
            f"{data.name} has too few rows to find bounds for",
            seen=f"{data.rows} rows",
            wanted=f"at least {LEAST}",
            hint="an audit of so few rows is not judged by bounds found on more",
        )
    return min(size or (data.rows if data is not None else real.rows), real.rows // 2)


def _tuned(checks: Sequence[Any], real: Dataset, context: Context) -> tuple[list[Any], tuple[str, ...]]:
    """(the checks, with parameters that real rows find; how they were found)."""
    with single():
        found = [check.tuned(real, context) if isinstance(check, Tunes) else (check, "") for check in checks]
    return [check for check, _ in found], tuple(how for _, how in found if how)


def to_calibrate(checks: Sequence[Any], base: Policy) -> tuple[dict[str, Wanted], tuple[str, ...]]:
    """(what to calibrate, by metric; metrics with a bound of which no way is worse)."""
    worse = directions(base)
    wanted: dict[str, Wanted] = {}
    stand = []
    for check in filter(alone, checks):
        for measure in check.spec.measures:
            metric = check.spec.metric(measure.name)
            if way := worse.get(metric):
                wanted[metric] = Wanted(
                    metric, way == "high", not compares(check.spec, measure), measure.unit == "share"
                )
            elif metric in base.metrics:
                stand.append(metric)
    return wanted, tuple(stand)


def seen(checks: Sequence[Any], wanted: Mapping[str, Wanted], rows: Dataset, real: Dataset, context: Context) -> Seen:
    """The metrics to calibrate of these rows, beside real ones. Checks that do not compare are not given these: a scan
    of them would be for nothing."""
    beside = [check for check in checks if any(compares(check.spec, one) for one in check.spec.measures)]
    lone = [check for check in checks if check not in beside]
    context = replace(context, asked=frozenset(wanted))
    measured = measuring.measure(lone, rows, context, Local(1))
    measured += measuring.measure(beside, rows, replace(context, references={"real": real}), Local(1))
    return _seen([*lone, *beside], measured, wanted)


def _seen(checks: Sequence[Any], measured: Sequence[Measured], wanted: Mapping[str, Wanted]) -> Seen:
    values: dict[str, tuple[float, int]] = {}
    whys: dict[str, str] = {}
    for check, outcome in zip(checks, measured, strict=True):
        if outcome.status is Status.ERROR:  # kept as a split without a value, it would be believed for ever
            why, _, hint = outcome.why.partition("; try: ")
            hint = hint or f"mend that and run again, or --skip {outcome.check}"
            raise AuditorError(f"{outcome.check} failed in a split: {why}", hint=f"{hint}; measured splits are kept")
        found = outcome.measurement
        metrics = {} if found is None else {metric.name: metric for metric in found.metrics}
        for name in (check.spec.metric(measure.name) for measure in check.spec.measures):
            if name not in wanted:
                continue
            metric = metrics.get(name)
            if metric is not None and metric.value is not None:
                values[name] = (float(metric.value), metric.n)
            elif metric is not None:
                whys[name] = metric.why
            else:
                whys[name] = outcome.why or "; ".join(found.notes if found is not None and not metrics else ())
    return Seen(values, whys)


def _run(
    one: Callable[[int, bool], Seen], splits: int, kept: Kept, engine: Local, advance: Callable[[int, int], None]
) -> list[Seen]:
    known = kept.read()
    todo = [seed for seed in range(splits) if seed not in known]
    done, lock = [splits - len(todo)], threading.Lock()
    advance(done[0], splits)

    def measured(seed: int) -> None:
        found = one(seed, seed == todo[0])
        with lock:
            kept.add(seed, found)
            known[seed] = found
            done[0] += 1
            advance(done[0], splits)

    with single():  # held around all threads: which of them leaves first must not matter
        for part in (todo[:1], todo[1:]):  # the first by itself: it embeds, and buys, what all of them share
            engine.map(measured, part)
    return [known[seed] for seed in range(splits)]


def _bounds(
    wanted: Mapping[str, Wanted], splits: Sequence[Seen], rate: float, size: int, rows: int, family: bool
) -> tuple[tuple[Bound, ...], dict[str, str], float]:
    """(bounds; metric -> why it has none; share of the splits that break any)."""
    bounds: list[Bound] = []
    unknown: dict[str, str] = {}
    new: list[dict[str, float]] = [{} for _ in splits]
    counts: dict[str, tuple[Doubles, Doubles]] = {}
    for metric, one in wanted.items():
        at = [place for place, each in enumerate(splits) if metric in each.values]
        values, n = np.array([splits[place].values[metric] for place in at], np.float64).reshape(-1, 2).T
        null = as_new(values, one.high, size, rows) if one.alone and at else values
        bound = quantile(metric, one.high, null.tolist(), rate)
        if bound is None or len(at) < MOST * len(splits):
            why = next((each.whys[metric] for each in splits if each.whys.get(metric)), "not asked for")
            unknown[metric] = f"measured in {len(at):,} of {len(splits):,} splits: {why}" if at else why
            continue
        bounds.append(bound)
        if one.alone and one.share:
            counts[metric] = (values, n)
        for place, value in zip(at, null.tolist(), strict=True):
            new[place][metric] = value

    def lax(found: Sequence[Bound], rate: float) -> tuple[Bound, ...]:
        return tuple(
            bound.no_tighter(by_chance(*counts[bound.metric], bound.high, rate)) if bound.metric in counts else bound
            for bound in found
        )

    found = lax(bounds, rate)
    if family:  # chance has one rate for all shares together (Bonferroni), beside the splits
        found = lax(jointly(found, new, rate), rate / max(len(found), 1))
    return found, unknown, sum(any(bound.broken(one) for bound in found) for one in new) / len(splits)


def _key(real: Dataset, checks: Sequence[Any], side: int, embedder: str, expectations: Sequence[Path]) -> str:
    """Of all that decides what a split gives; expectations: folders of suites and word lists."""
    asked = [[check.spec.name, check.spec.version, checking.parameters(check)] for check in checks]
    files = sorted(path for folder in expectations for path in folder.rglob("*") if path.is_file())
    lists = [xxhash.xxh3_128_hexdigest(path.read_bytes()) for path in files if path.parent.name != "policies"]
    about = [VERSION, __version__, real.digest, [one.digest for one in real.shards], asked, lists, side, embedder]
    return xxhash.xxh3_128_hexdigest(orjson.dumps(about, option=orjson.OPT_SORT_KEYS))
