"""Bounds from splits of real data: their false alarms, their resumption, the policy they make."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
import yaml
from click.testing import CliRunner
from scipy.stats import binom

from auditor import auditing, calibrating, concluding
from auditor.auditing import Options, Silent, run
from auditor.calibrating import Bound, Calibration, calibrate
from auditor.cli import group
from auditor.model.errors import ConfigError, InputError
from auditor.registry.workspace import Workspace

DRIFT = ("feature-drift",)


def people(n: int, seed: int, long: float = 1.0) -> list[dict[str, str]]:
    """Questions of many lengths about many things."""
    rng = np.random.default_rng(seed)
    words = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in ("ar", "en", "il", "om", "ush")])
    rows = []
    for _ in range(n):
        asked, answered = (" ".join(rng.choice(words, max(1, int(k * rng.gamma(2, 4))))) for k in (1, long))
        rows.append({"prompt": f"What of {asked}?", "response": f"It is {answered}."})
    return rows


def calibrated(rows: list[dict[str, str]], rate: float, size: int | None = None) -> Calibration:
    return calibrate(rows, Options(only=DRIFT), rate=rate, size=size, workspace=Workspace.find(), progress=Silent())


def test_new_data_of_the_same_kind_breaks_a_bound_as_often_as_was_said(workspace: Path) -> None:
    rows = people(2000, 1)
    found = calibrated(rows, 0.1, 200)
    (bound,) = [bound for bound in found.bounds if bound.metric == "feature_drift.worst_effect"]
    assert found.splits == 100
    assert found.size == 200
    fresh = calibrate(
        people(2000, 2), Options(only=DRIFT), rate=0.2, size=200, workspace=Workspace.find(), progress=Silent()
    )
    null = next(one.null for one in fresh.bounds if one.metric == bound.metric)
    assert len(null) == 50
    alarms = sum(value > bound.limit for value in null)
    # 5 of 50 expected; the splits of one set are not independent, hence the wide room
    assert alarms <= 12
    assert bound.limit == sorted(bound.null)[math.ceil(0.9 * 101) - 1]


def test_the_policy_passes_its_like_and_fails_what_drifted(workspace: Path) -> None:
    real = people(1200, 3)
    found = calibrated(real, 0.1, 300)
    path = workspace / "ours.yaml"
    path.write_text(calibrating.policy(found, "default", "ours"))
    written = yaml.safe_load(path.read_text())
    assert written["size"] == 300
    assert written["extends"] == "default"
    options = Options(only=DRIFT, policy=str(path))
    alike = run(people(900, 4), options, real=real, workspace=Workspace.find(), progress=Silent())
    moved = run(people(900, 5, long=3), options, real=real, workspace=Workspace.find(), progress=Silent())
    assert alike.verdict.value == "pass"
    assert moved.verdict.value == "fail"
    assert alike.metrics["feature_drift.worst_effect"].n == 300, "as many rows as the bounds were found at"


def test_an_interrupted_run_goes_on_and_ends_the_same(workspace: Path) -> None:
    rows = people(400, 6)
    whole = calibrated(rows, 0.5)
    (kept,) = (workspace / ".auditor" / "cache" / "calibrations").glob("*.jsonl")
    lines = kept.read_bytes().splitlines()
    altered = [line.replace(b'"split":1,', b'"split":3,').replace(b"0.0", b"0.9") for line in lines[8:16]]
    assert altered != lines[8:16]
    kept.write_bytes(b"\n".join([*lines[:8], *altered, b"3", lines[16][: len(lines[16]) // 2]]))
    again = calibrated(rows, 0.5)
    assert again.bounds == whole.bounds
    seen = [line.partition(b" ")[2] for line in kept.read_bytes().splitlines() if line.endswith(b"}}")]
    assert {orjson.loads(line)["split"] for line in seen} == set(range(20))


def test_a_metric_without_a_bound_says_why_and_says_it_again(workspace: Path) -> None:
    """Once measured, once read from what was kept: the same words, the same bytes."""
    rows = workspace / "real.jsonl"
    rows.write_bytes(b"\n".join(orjson.dumps(row) for row in people(240, 7)))
    asked = ["calibrate", "--real", str(rows), "--rate", "0.5", "--only", "embedding-drift", "-q"]
    told, written = [], []
    for _ in range(2):
        done = CliRunner().invoke(group, asked)
        assert done.exit_code == 0, done.output
        told.append(done.output)
        written.append((workspace / "expectations" / "policies" / "calibrated.yaml").read_bytes())
    assert told[0] == told[1]
    assert written[0] == written[1]
    reasons = dict(line.split(": no bound, ") for line in told[0].splitlines() if ": no bound, " in line)
    assert reasons["embedding_drift.mauve"] == "measured in 0 of 20 splits: not asked for"
    assert "needs at least" in reasons["embedding_drift.frechet"]


def test_every_bound_of_the_default_policy_is_found_or_told(workspace: Path) -> None:
    """One-sided bounds of checks of rows: calibrated, without a bound for a reason, or standing as they are."""
    rows = people(240, 7)
    found = calibrate(rows, Options(), rate=0.9, size=None, workspace=Workspace.find(), progress=Silent())
    base = concluding.policy(Options(), Workspace.find())
    known = {check.spec.metric(m.name) for check in auditing.select(Options(), Workspace.find())
             for m in check.spec.measures}  # fmt: skip
    bounds = {bound.metric: bound for bound in found.bounds}
    told = {*bounds, *found.unknown, *found.stand}
    assert set(base.metrics) & known <= told
    assert not {*bounds, *found.unknown} & set(found.stand)
    assert all(found.unknown.values())
    high = {name: bound.high for name, bound in bounds.items()}
    assert high["few_patterns.ratio_to_real"] is False
    assert high["low_lexical_diversity.compression_ratio_to_real"] is True
    assert high["low_lexical_diversity.distinct_2_to_real"] is False
    for name, bound in bounds.items():
        signs = {one.sign[0] for level in ("warn", "fail") for one in getattr(base.metrics.get(name), level, ())}
        assert signs <= {bound.text[0]}, name
    assert {"semantic_duplicates.rate", "few_patterns.patterns_per_row", "templated_text.rate"} <= set(found.stand)


def test_checks_without_a_comparison_say_which_bounds_stand(workspace: Path) -> None:
    (workspace / "real.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in people(240, 7)))
    asked = ["calibrate", "--real", "real.jsonl", "--rate", "0.5", "-q", "--only"]
    done = CliRunner().invoke(group, [*asked, "semantic-duplicates"])
    assert isinstance(done.exception, ConfigError)
    assert "the bounds of default stand" in str(done.exception)
    assert "semantic_duplicates.rate" in str(done.exception)
    done = CliRunner().invoke(group, [*asked, "few-patterns"])
    assert done.exit_code == 0, done.output
    assert "few_patterns.ratio_to_real" in done.output
    assert "keep the bounds of default: few-patterns" in done.output


def test_a_few_splits_without_a_value_do_not_take_the_bound_away() -> None:
    seen = [({"x.y": float(i)}, {}) for i in range(96)] + [({}, {"x.y": "no word"})] * 4
    (bound,), unknown = calibrating._bounds({"x.y": "high"}, seen, 0.1)
    assert (bound.limit, len(bound.null), unknown) == (87.0, 96, {})  # ceil(.9 * 97) = 88th of 0 to 95
    bounds, unknown = calibrating._bounds({"x.y": "high"}, seen[15:], 0.1)
    assert len(bounds) == 1
    bounds, unknown = calibrating._bounds({"x.y": "high"}, seen[:1] + seen[30:], 0.1)
    assert not bounds
    assert unknown == {"x.y": "measured in 67 of 71 splits: no word"}


def test_all_bounds_together_have_the_rate(workspace: Path) -> None:
    """Of 40 metrics in normal noise, a third of them one and the same, half of them worse when low: of new splits
    five in a hundred break any of the bounds. Each at five in a hundred, more than half do."""
    rng = np.random.default_rng(3)

    def splits(n: int) -> list[dict[str, float]]:
        shared = rng.normal(size=n)
        noise = [shared if m % 3 == 0 else rng.normal(size=n) for m in range(40)]
        return [{f"x.{m}": float(np.exp(noise[m][i])) for m in range(40)} for i in range(n)]

    seen = splits(400)
    worse = {f"x.{m}": "low" if m % 2 else "high" for m in range(40)}
    each, _ = calibrating._bounds(worse, [(one, {}) for one in seen], 0.05)
    bounds = calibrating.jointly(each, seen, 0.05)
    new = splits(2_000)
    alarms, before = (sum(any(b.broken(one) for b in some) for one in new) for some in (bounds, each))
    assert before > 0.5 * len(new)
    assert 0.03 * len(new) <= alarms <= 0.075 * len(new)  # the quantile itself is of 400 splits
    assert all(bound.limit > 0 for bound in bounds)


@pytest.mark.data
def test_new_halves_of_people_pass_at_the_family_rate(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    """Bounds from the first 1,000 rows of GSM8K, held against splits of the next 1,000."""
    lines = [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()]
    asked = Options(only=("feature-drift", "low-lexical-diversity"))
    found, fresh = (
        calibrate(rows, asked, rate=0.4, size=120, family=True, workspace=Workspace.find(), progress=Silent())
        for rows in (lines[:1000], lines[1000:2000])
    )
    assert found.together <= 0.4
    assert len(found.bounds) >= 8
    at = {bound.metric: bound for bound in fresh.bounds}
    kept = calibrating._Kept
    (_, path) = sorted((workspace / ".auditor/cache/calibrations").glob("*.jsonl"), key=lambda one: one.stat().st_mtime)
    values = [values for values, _ in kept(path.parent, path.stem).read().values()]
    assert len(values) == found.splits == 25
    assert at
    alarms = sum(any(bound.broken(one) for bound in found.bounds) for one in values)
    assert alarms <= binom.ppf(0.995, 25, 0.4)
    written = calibrating.policy(found, "default", "ours")
    assert "40 % of audits of data like the real ones break any of them" in written


def test_bounds_do_not_depend_on_threads_or_on_the_order_of_rows(workspace: Path) -> None:
    rows = people(400, 7)
    first = calibrated(rows, 0.5)
    turned = calibrate(
        rows[::-1],
        Options(only=DRIFT, threads=1),
        rate=0.5,
        size=None,
        workspace=Workspace.find(),
        progress=Silent(),
    )
    assert first.bounds == turned.bounds


def test_limits_are_rounded_away_from_the_null() -> None:
    high = Bound("x.y", True, 0.12345678, (0.1,))
    assert high.text == "> 0.123457"
    assert replace(high, limit=0.12345612).text == "> 0.123457"
    assert replace(high, high=False).text == "< 0.123456"
    assert replace(high, limit=0.0).text == "> 0"


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_is_a_share(workspace: Path, rate: float) -> None:
    with pytest.raises(ConfigError, match="no share"):
        calibrated(people(200, 8), rate)


def test_too_few_rows_and_nothing_to_calibrate_are_told(workspace: Path) -> None:
    with pytest.raises(InputError, match="too few rows"):
        calibrated(people(60, 9), 0.5)
    with pytest.raises(ConfigError, match="none of these checks"):
        calibrate(
            people(200, 9),
            Options(only=("language-mix",)),
            rate=0.5,
            size=None,
            workspace=Workspace.find(),
            progress=Silent(),
        )


@pytest.mark.data
def test_halves_of_the_same_people_lie_about_their_bounds(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    source = shared_data("gsm8k/train.jsonl")
    lines = source.read_text().splitlines()
    (workspace / "one.jsonl").write_text("\n".join(lines[::2]))
    (workspace / "two.jsonl").write_text("\n".join(lines[1::2]))
    asked = ["calibrate", "--real", str(source), "--rate", "0.2", "--rows", "800", "--only", "feature-drift", "-q"]
    done = CliRunner().invoke(group, asked)
    assert done.exit_code == 0, done.output
    assert "feature_drift.worst_effect" in done.output
    options = Options(only=DRIFT, policy="calibrated")
    report = run(
        str(workspace / "one.jsonl"),
        options,
        real=str(workspace / "two.jsonl"),
        workspace=Workspace.find(),
        progress=Silent(),
    )
    # At two false alarms in ten some bound may be broken; none by much.
    bounds = yaml.safe_load((workspace / "expectations" / "policies" / "calibrated.yaml").read_text())["metrics"]
    assert bounds
    for name, bound in bounds.items():
        value, limit = report.metrics[name].value, float(bound["fail"].removeprefix(">"))
        assert value is not None
        assert value <= 1.5 * limit + 1, f"{name} is {value}, its bound {limit}"
