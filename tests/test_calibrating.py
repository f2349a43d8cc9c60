"""Bounds from splits of real data: their false alarms, their resumption, the policy they make."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc
import pytest
import yaml
from click.testing import CliRunner
from scipy.stats import binom

import auditor
from auditor import auditing, calibrating, concluding
from auditor.annotators import embedders
from auditor.annotators.space import Spaces
from auditor.auditing import Options, Silent, run
from auditor.calibrating import Wanted, calibrate
from auditor.cli import group
from auditor.core.calibration import Calibration
from auditor.core.check import Context
from auditor.core.measure import measure
from auditor.core.splits import Kept, Seen
from auditor.engines.local import Local
from auditor.model.errors import ConfigError, InputError
from auditor.registry.workspace import Workspace
from auditor.sketches.sample import drawn
from auditor.statistics.blas import single
from tests.annotators.embedders.test_embedders import model2vec

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
    path.write_text(found.policy("default", "ours"))
    written = yaml.safe_load(path.read_text())
    assert written["size"] == 300
    assert written["extends"] == "default"
    options = Options(only=DRIFT, policy=str(path))
    alike = run(people(900, 4), options, real=real, workspace=Workspace.find(), progress=Silent())
    moved = run(people(900, 5, long=3), options, real=real, workspace=Workspace.find(), progress=Silent())
    assert alike.verdict.value == "pass"
    assert moved.verdict.value == "fail"
    assert alike.metrics["feature_drift.worst_effect"].n == 300, "as many rows as the bounds were found at"


def test_bounds_judge_only_what_they_were_found_with(workspace: Path) -> None:
    """By another embedder or version of a check, with other parameters, or against other real rows, its metrics are
    skipped, and the others judged."""
    real, rows = people(240, 3), people(130, 4)
    asked = {"embedding-drift": {"scope": "prompt"}, "too-clean-text": {"scope": "response"}}
    rooms = ("embedding-drift", "exact-duplicates", "feature-drift", "off-topic-responses", "too-clean-text")
    options = Options(only=rooms, checks=asked)
    found = calibrate(real, options, rate=0.8, size=None, workspace=Workspace.find(), progress=Silent())
    (workspace / "ours.yaml").write_text(text := found.policy("default", "ours"))
    written = yaml.safe_load(text)
    assert written["found_with"] == {
        "real": {"name": "data", "rows": 240, "digest": found.real.digest},
        "embedder": found.embedder,
        "versions": found.versions,
        "checks": {name: one for name, one in asked.items() if name.replace("-", "_") in text},
    }
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert not any(found.embedder in line for line in comments), "it is data"

    def skipped(real: Any = real, judged: bool = True, **more: Any) -> dict[str, str]:
        options = Options(only=rooms, policy="ours.yaml", **{"checks": asked, **more})
        report = run(rows, options, real=real, workspace=Workspace.find(), progress=Silent())
        assert {one.check for one in report.record.verdicts} == set(rooms)
        of = {str(one.metric): one for one in report.record.verdicts if one.metric in written["metrics"]}
        assert of["exact_duplicates.rate"].status.value == "pass"
        assert of["feature_drift.worst_effect"].status.judged is judged
        told = {name: one.why for name, one in of.items() if one.status.value == "skipped" and " found " in one.why}
        for name in told:
            assert report.metrics[name].value is None
        return told

    assert skipped() == {}
    own = {name: one for name, one in asked.items() if name != "embedding-drift"}
    drift = {name for name in written["metrics"] if name.startswith("embedding_drift.")}
    assert "embedding_drift.mmd" in drift
    told = skipped(checks=own)
    assert set(told) == drift
    assert "found with embedding-drift.scope=prompt, this audit has embedding-drift.scope=text" in told.popitem()[1]
    (workspace / "ours.yaml").write_text(text.replace(found.embedder, "m2v@1"))
    told = skipped()
    assert set(told) == {name for name in written["metrics"] if name.startswith(("embedding_drift.", "off_topic_"))}
    assert f"by the embedder m2v@1, this audit uses {found.embedder}: calibrate with" in told.popitem()[1]
    assert found.versions["feature-drift"] > 1
    (workspace / "ours.yaml").write_text(
        text.replace(f"feature-drift: {found.versions['feature-drift']}", "feature-drift: 1")
    )
    told = skipped(judged=False)
    assert set(told) == {name for name in written["metrics"] if name.startswith("feature_drift.")}
    assert "found by version 1 of feature-drift, this is" in told.popitem()[1]
    (workspace / "ours.yaml").write_text(text)
    told = skipped(real=[*real, *people(1, 9)], judged=False)
    rooms_of_real = ("embedding_drift.", "feature_drift.", "too_clean_text.")
    assert set(told) == {name for name in written["metrics"] if name.startswith(rooms_of_real)}
    assert "found among data (240 rows, sha256:" in (why := told.popitem()[1])
    assert "this audit compares with data (241 rows, sha256:" in why


def test_registered_real_rows_are_named_with_their_version_and_other_versions_are_others(workspace: Path) -> None:
    (workspace / "auditor.yaml").touch()

    def grown(n: int) -> Workspace:
        (workspace / "people.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in people(n, 3)))
        auditor.register("people", "people.jsonl", technique="human", people=["Ada"], dvc=False)
        return Workspace.find()

    known = grown(200)
    found = calibrate("people", Options(only=DRIFT), rate=0.8, size=None, workspace=known, progress=Silent())
    (workspace / "ours.yaml").write_text(found.policy("default", "ours"))
    options = Options(only=DRIFT, policy="ours.yaml")
    same = run(people(120, 4), options, real="people", workspace=known, progress=Silent())
    assert same.verdict.judged
    more = run(people(120, 4), options, real="people", workspace=grown(201), progress=Silent())
    assert more.metrics["feature_drift.worst_effect"].why.startswith("its bounds were found among people@1 (200 rows,")
    assert more.metrics["feature_drift.worst_effect"].why.endswith("calibrate again, or audit with --real people@1")
    assert not more.verdict.judged


def test_a_threshold_is_found_for_an_embedder_without_one_and_bounds_hold_with_it(workspace: Path) -> None:
    model2vec(workspace / "weights")
    words = "the cat sat on a mat plain sentence dog ran far".split()
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(11), 240)
    rows = [{"text": " ".join(rng.choice(words, rng.integers(6, 30), p=share))} for share in shares]
    (workspace / "real.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    asked = ["--only", "semantic-duplicates", "--embedder", "weights", "-q"]
    done = CliRunner().invoke(group, ["calibrate", "--real", "real.jsonl", "--rate", "0.5", *asked])
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("semantic-duplicates.threshold by weights")]
    threshold = float(line.split(": ")[1].split(",")[0])
    written = yaml.safe_load((workspace / "expectations/policies/calibrated.yaml").read_text())
    assert written["found_with"]["checks"] == {"semantic-duplicates": {"threshold": threshold}}
    audit = ["audit", "real.jsonl", "--policy", "calibrated", "--format", "json", *asked]
    said = CliRunner().invoke(group, audit).stdout
    assert f"audit with --set semantic-duplicates.threshold={threshold}, or calibrate again" in said
    (workspace / "auditor.yaml").write_text(f"checks: {{semantic-duplicates: {{threshold: {threshold}}}}}\n")
    judged = run("real.jsonl", Options(only=("semantic-duplicates",), policy="calibrated", embedder="weights"),
                 real=None, workspace=Workspace.find(), progress=Silent())  # fmt: skip
    assert judged.verdict.judged


def test_the_data_to_be_audited_says_how_many_rows(workspace: Path) -> None:
    for name, n in (("real", 300), ("few", 49), ("data", 70), ("many", 900)):
        (workspace / f"{name}.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in people(n, 7)))
    written = workspace / "expectations" / "policies" / "calibrated.yaml"
    asked = ["--real", "real.jsonl", "--rate", "0.9", "--only", "exact-duplicates", "-q"]
    for given, size in ((["data.jsonl"], 70), (["many.jsonl"], 150), ([], 150), (["--rows", "60"], 60)):
        done = CliRunner().invoke(group, ["calibrate", *given, *asked])
        assert done.exit_code == 0, done.output
        assert yaml.safe_load(written.read_text())["size"] == size
        assert f"at {size} rows a side" in done.output
    for given, error, message in (
        (["few.jsonl"], InputError, "few has too few rows to find bounds for"),
        (["--rows", "10"], ConfigError, "seen: --rows 10"),
        (["data.jsonl", "--rows", "60"], ConfigError, "both --rows and the data"),
        (["gone.jsonl"], InputError, "gone.jsonl"),
    ):
        done = CliRunner().invoke(group, ["calibrate", *given, *asked])
        assert isinstance(done.exception, error)
        assert message in str(done.exception)
        assert "more real data" not in str(done.exception)


def test_under_a_sized_policy_metrics_are_those_of_the_drawn_rows(workspace: Path) -> None:
    """The oracle audits the drawn rows of both sides alone. What is a share of rows is of all rows, as without the
    policy; findings are of all rows."""
    texts = [*people(400, 4), *people(40, 4)]  # forty come twice
    real, rows = people(260, 3), [{"id": f"r{i}", **row} for i, row in enumerate(texts)]
    sized = {
        "exact_duplicates.rate": "> 1",
        "near_duplicates.rate": "> 1",
        "few_patterns.patterns_per_row": "< 0",
        "few_patterns.ratio_to_real": "< 0",
        "low_lexical_diversity.compression_ratio": "> 99",
        "low_lexical_diversity.distinct_2_to_real": "< 0",
        "skewed_labels.worst_effect": "> 1",
        "feature_drift.worst_effect": "> 1",
    }
    shares = {"refusals_and_artifacts.rate": "> 1", "off_topic_responses.rate": "> 1", "record_integrity.empty": "> 1"}
    bounds = {metric: {"fail": bound} for metric, bound in {**sized, **shares}.items()}
    (workspace / "at.yaml").write_text(yaml.safe_dump({"size": 200, "metrics": bounds}))
    rooms = tuple(sorted({metric.partition(".")[0].replace("_", "-") for metric in bounds}))

    def audited(rows: Any, real: Any, **asked: Any) -> dict[str, Any]:
        options = Options(only=rooms, **asked)
        report = run(rows, options, real=real, workspace=Workspace.find(), progress=Silent())
        record, view = report.record, report.view
        return {"metrics": record.metrics, "findings": view.findings, "checks": record.checks, "view": view}

    whole = audited(rows, real)
    at = audited(rows, real, policy="at.yaml")
    known = [auditing.read(side, Options(), Workspace.find()) for side in (rows, real)]
    ours, theirs = ([side[i] for i in sorted(drawn(one, 200))] for side, one in zip((rows, real), known, strict=True))
    alone = audited(ours, theirs)
    for metric in sized:
        assert at["metrics"][metric] == alone["metrics"][metric], metric
    for metric in shares:
        assert at["metrics"][metric] == whole["metrics"][metric], metric
    assert at["metrics"]["exact_duplicates.rate"].value < whole["metrics"]["exact_duplicates.rate"].value / 1.5
    copies = [report["findings"].filter(pc.equal(report["findings"].column("check"), "exact-duplicates"))
              for report in (at, whole)]  # fmt: skip
    assert copies[0].num_rows == copies[1].num_rows >= 40
    notes = {check["name"]: check["notes"] for check in at["checks"]}
    told = f"over all 440: rate {whole['metrics']['exact_duplicates.rate'].value:.4g}"
    assert any(note.endswith(told) for note in notes["exact-duplicates"])
    few = audited(rows[:199], real, policy="at.yaml")
    assert {few["metrics"][metric].value for metric in bounds if metric in few["metrics"]} == {None}
    named = sum("needs n >= 200 (rows" in section.reason for section in few["view"].sections)
    assert named > 5
    assert f"too few for {named} of them" in few["view"].summary


def test_rows_of_a_draw_are_shown_by_their_own_numbers(workspace: Path) -> None:
    """In the table of the rows far from real, and in the gaps, as the findings have them."""
    gone = [{"prompt": f"Which knot holds rope {i}?", "response": f"A bowline holds rope {i} well."} for i in range(60)]
    ours, real = people(700, 4), [*people(600, 5), *gone]
    bounds = {"embedding_drift.mmd": {"fail": "> 9"}, "lost_tails.gaps": {"fail": "> 99"}}
    (workspace / "drawn.yaml").write_text(yaml.safe_dump({"name": "drawn", "size": 500, "metrics": bounds}))
    options = Options(
        only=("embedding-drift", "lost-tails"), policy=str(workspace / "drawn.yaml"), gaps=workspace / "gaps.jsonl"
    )
    report = run(ours, options, real=real, workspace=Workspace.find(), progress=Silent())
    sides = {"data": ours, "real": real}
    (far,) = [shown for shown in report.record.exhibits if shown.name == "embedding_drift.far"]
    assert len(far.rows) == 10
    for side, row, _, text in far.rows:
        assert text.startswith(sides[side][row]["prompt"][:20]), (side, row)
    examples = [
        e for line in (workspace / "gaps.jsonl").read_bytes().splitlines() for e in orjson.loads(line)["examples"]
    ]
    assert examples
    assert all(real[one["row"]]["prompt"] == one["prompt"] for one in examples)


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
    assert b"# Without a bound from these rows: embedding_drift.frechet, embedding_drift.mauve.\n" in written[0]
    lines = [line.removeprefix("no bound for ") for line in told[0].splitlines() if line.startswith("no bound for ")]
    reasons = dict(line.split(": ", 1) for line in lines)
    assert reasons["embedding_drift.mauve"] == "not asked for"
    assert "needs at least" in reasons["embedding_drift.frechet"]


def test_every_bound_of_the_default_policy_is_found_or_told(workspace: Path) -> None:
    """Of checks of rows: calibrated, without a bound for a reason, standing as they are, or of a check that needs more
    than rows."""
    rows = people(240, 7)
    found = calibrate(rows, Options(), rate=0.9, size=None, workspace=Workspace.find(), progress=Silent())
    base = concluding.policy(Options(), Workspace.find())
    checks = auditing.select(Options(), Workspace.find())
    known = {check.spec.metric(m.name): check.spec.name for check in checks for m in check.spec.measures}
    bounds = {bound.metric: bound for bound in found.bounds}
    beyond = {metric for metric, name in known.items() if name in found.beyond}
    told = {*bounds, *found.unknown, *found.stand}
    assert set(base.metrics) & set(known) <= told | beyond
    assert not told & beyond
    assert not {*bounds, *found.unknown} & set(found.stand)
    assert found.stand == ("preference_pairs.longer_wins",)
    assert {"expired", "undeclared-source", "generation-trend", "seeds-not-reflected"} <= set(found.beyond)
    assert all(found.unknown.values())
    high = {name: bound.high for name, bound in bounds.items()}
    assert high["few_patterns.ratio_to_real"] is False
    assert high["low_lexical_diversity.compression_ratio_to_real"] is True
    assert high["few_patterns.patterns_per_row"] is False
    assert high["skewed_labels.worst_effect"] is True
    alone = {"exact_duplicates.rate", "refusals_and_artifacts.refusal", "templated_text.rate", "repetition.rate"}
    for name in alone:  # none of 120 rows has any of these
        assert bounds[name].limit == pytest.approx(1 - 0.9 ** (1 / 120)), name
    for name, bound in bounds.items():
        signs = {one.sign[0] for level in ("warn", "fail") for one in getattr(base.metrics.get(name), level, ())}
        assert signs <= {bound.text[0]}, name


def test_a_split_gives_the_values_of_an_audit(workspace: Path) -> None:
    """Of all metrics to calibrate, though it makes neither intervals nor exhibits: the oracle measures everything."""
    known = Workspace.find()
    options = auditing.settled(Options(skip=("expectations",)), known)
    selected = auditing.select(options, known)
    wanted, _ = calibrating.to_calibrate(selected, concluding.policy(options, known))
    wanted["embedding_drift.mmd_p"] = Wanted("embedding_drift.mmd_p", high=False, alone=False, share=False)
    checks = [check for check in selected if any(check.spec.metric(m.name) in wanted for m in check.spec.measures)]
    real = auditing.prepared(people(2060, 7), options, known, Local(), checks, Silent())
    left, right = (real.select(np.arange(first, 2060, 2)) for first in (0, 1))
    space = Spaces(auditing.loaded(options, known), known.cache, Local(1))
    context = Context(expectations=known.expectations, scratch=workspace, space=space)
    with single():
        found = calibrating.seen(checks, wanted, left, right, context).values
        whole = measure(checks, left, replace(context, references={"real": right}), Local(1))
        bare = calibrating.seen(checks, {"embedding_drift.mmd": wanted["embedding_drift.mmd"]}, left, right, context)
    every = {one.name: (one.value, one.n) for of in whole if of.measurement for one in of.measurement.metrics}
    assert {"embedding_drift.mmd_p", "embedding_drift.frechet", "few_patterns.vendi_ratio_to_real"} <= set(found)
    assert len(found) >= 60
    assert found == {name: every[name] for name in found}
    assert {name for name in wanted if name in every and every[name][0] is not None} == set(found)
    assert bare.values["embedding_drift.mmd"] == (pytest.approx(every["embedding_drift.mmd"][0], rel=1e-9), 1030)
    assert len(bare.values) == 1


def test_copies_among_the_real_rows_are_told(workspace: Path) -> None:
    rows = people(200, 7)
    for copies, told in ((10, False), (50, True)):
        found = calibrate([*rows, *rows[:copies]], Options(only=("exact-duplicates",)), rate=0.9, size=None,
                          workspace=Workspace.find(), progress=Silent())  # fmt: skip
        assert found.copies == copies
        assert found.caution.startswith(f"{copies} of the 250 real rows are copies of another") is told
        assert ("copies of another" in found.policy("default", "ours")) is told


def test_what_is_not_calibrated_is_told(workspace: Path) -> None:
    (workspace / "real.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in people(240, 7)))
    asked = ["calibrate", "--real", "real.jsonl", "--rate", "0.5", "-q", "--only"]
    done = CliRunner().invoke(group, [*asked, "expired"])
    assert isinstance(done.exception, ConfigError)
    assert "the bounds of default stand" in str(done.exception)
    done = CliRunner().invoke(group, [*asked, "preference-pairs", "--only", "expired", "--only", "exact-duplicates"])
    assert done.exit_code == 0, done.output
    assert "exact_duplicates.rate" in done.output
    assert "no bound for preference-pairs: no row has a 'rejected'" in done.output, "all of its metrics"
    assert "keep the bounds of default: preference_pairs.longer_wins" in done.output
    assert "they need more than rows and real rows: expired" in done.output


def test_a_few_splits_without_a_value_do_not_take_the_bound_away() -> None:
    wanted = {"x.y": Wanted("x.y", high=True, alone=False, share=False)}
    seen = [Seen({"x.y": (float(i), 9)}, {}) for i in range(96)] + [Seen({}, {"x.y": "no word"})] * 4
    (bound,), unknown, _ = calibrating._bounds(wanted, seen, 0.1, 50, 100, family=False)
    assert (bound.limit, len(bound.null), unknown) == (87.0, 96, {})
    bounds, unknown, _ = calibrating._bounds(wanted, seen[15:], 0.1, 50, 100, family=False)
    assert len(bounds) == 1
    bounds, unknown, _ = calibrating._bounds(wanted, seen[:1] + seen[30:], 0.1, 50, 100, family=False)
    assert not bounds
    assert unknown == {"x.y": "measured in 67 of 71 splits: no word"}


def test_a_share_of_the_rows_alone_has_no_bound_tighter_than_chance_and_all_together_one_rate() -> None:
    wanted = {f"x.{i}": Wanted(f"x.{i}", high=True, alone=True, share=True) for i in range(40)}
    seen = [Seen({f"x.{i}": (i / 1000 if i > 37 else 0.0, 1000) for i in range(40)}, {})] * 200
    each, _, together = calibrating._bounds(wanted, seen, 0.05, 1000, 2000, family=False)
    assert [bound.limit for bound in each[:38]] == pytest.approx([1 - 0.05 ** (1 / 1000)] * 38)
    assert each[39].limit > each[38].limit > 0.038, "beyond what the real rows have"
    assert together == 0
    family, _, _ = calibrating._bounds(wanted, seen, 0.05, 1000, 2000, family=True)
    assert [bound.limit for bound in family[:38]] == pytest.approx([1 - (0.05 / 40) ** (1 / 1000)] * 38)


@pytest.mark.data
def test_new_halves_of_people_pass_at_the_family_rate(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    """Of all checks but expectations, whose library takes as long as all others: bounds from 240 rows of GSM8K, held
    against splits of the next 240."""
    lines = [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()]
    asked = Options(skip=("expectations",))
    found, _ = (
        calibrate(rows, asked, rate=0.4, size=120, family=True, workspace=Workspace.find(), progress=Silent())
        for rows in (lines[:240], lines[240:480])
    )
    assert found.together <= 0.4
    rooms = {bound.metric.partition(".")[0] for bound in found.bounds}
    assert {"exact_duplicates", "few_patterns", "feature_drift", "record_integrity", "tells_of_synthesis"} <= rooms
    assert len(found.bounds) >= 60
    (_, path) = sorted((workspace / ".auditor/cache/calibrations").glob("*.jsonl"), key=lambda one: one.stat().st_mtime)
    values = [plain(seen) for seen in Kept(path.parent, path.stem).read().values()]
    assert len(values) == found.splits == 25
    alarms = sum(any(bound.broken(one) for bound in found.bounds) for one in values)
    assert alarms <= binom.ppf(0.995, 25, 0.4)
    written = found.policy("default", "ours")
    assert "40 % of audits of data like the real ones break any of them" in written


def plain(seen: Seen) -> dict[str, float]:
    return {metric: value for metric, (value, _) in seen.values.items()}


@pytest.mark.data
@pytest.mark.slow
def test_other_people_pass_at_the_rate(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    """Bounds of all checks from 1,000 rows of GSM8K at 150 a side; 43 sets of 150 other rows, no row in two of them."""
    lines = [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()]
    known, rate, size = Workspace.find(), 0.1, 150
    options = auditing.settled(Options(), known)
    each, family = (
        calibrate(lines[:1000], options, rate=rate, size=size, family=family, workspace=known, progress=Silent())
        for family in (False, True)
    )
    selected = auditing.select(options, known)
    wanted, _ = calibrating.to_calibrate(selected, concluding.policy(options, known))
    checks = [check for check in selected if any(check.spec.metric(m.name) in wanted for m in check.spec.measures)]
    others = auditing.prepared(lines[1000:], options, known, Local(), checks, Silent())
    embedder = embedders.load(embedders.DEFAULT, known.answers)
    context = Context(expectations=known.expectations, scratch=workspace)
    order = np.random.default_rng(2).permutation(others.rows)
    sets = [others.select(np.sort(order[i : i + size])) for i in range(0, others.rows - size + 1, size)]
    assert len(sets) == 43

    def measured(place: int) -> dict[str, float]:
        beside = replace(context, space=Spaces(embedder, known.cache, Local(1)))
        return plain(calibrating.seen(checks, wanted, sets[place], sets[place - 1], beside))

    values = [measured(place) for place in range(len(sets))]
    alarms = [[bound.metric for bound in family.bounds if bound.broken(one)] for one in values]
    assert sum(map(bool, alarms)) <= binom.ppf(0.995, len(sets), rate), alarms
    # Of 70 metrics one may be unlucky in the 1,000 rows that its bound is of.
    broken = {bound.metric: sum(bound.broken(one) for one in values) for bound in each.bounds}
    assert max(broken.values()) <= binom.ppf(0.9999, len(sets), rate), broken
    assert np.mean(list(broken.values())) <= rate * len(sets), broken


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


def test_a_policy_that_could_not_be_extended_is_refused_before_the_work(workspace: Path) -> None:
    options = Options(only=DRIFT, policy="strict")
    with pytest.raises(ConfigError, match="extends 'default'") as told:
        calibrate(people(200, 8), options, rate=0.5, size=None, workspace=Workspace.find(), progress=Silent())
    assert told.value.hint == "--policy default"


@pytest.mark.parametrize("rate", [0.0, 1.0, -1.0, float("nan")])
def test_a_rate_is_a_share(workspace: Path, rate: float) -> None:
    with pytest.raises(ConfigError, match="no share"):
        calibrated(people(200, 8), rate)


def test_too_few_rows_and_nothing_to_calibrate_are_told(workspace: Path) -> None:
    for rows, few in ((people(60, 9), "60 rows\n"), (people(1, 9), "1 row\n")):
        with pytest.raises(InputError, match=f"too few rows to split\n  seen: {few}"):
            calibrated(rows, 0.5)
    with pytest.raises(InputError, match=r"seen: 200 rows, 2 distinct\n  wanted: at least 100 distinct rows"):
        calibrated(people(2, 9) * 100, 0.5)
    with pytest.raises(ConfigError, match="none of these checks"):
        calibrate(
            people(200, 9),
            Options(only=("expired",)),
            rate=0.5,
            size=None,
            workspace=Workspace.find(),
            progress=Silent(),
        )


@pytest.mark.data
def test_halves_of_the_same_people_lie_about_their_bounds(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("gsm8k/train.jsonl").read_text().splitlines()
    (workspace / "one.jsonl").write_text("\n".join(lines[::2]))
    (workspace / "two.jsonl").write_text("\n".join(lines[1::2]))
    asked = ["calibrate", "--real", "two.jsonl", "--rate", "0.2", "--rows", "800", "--only", "feature-drift", "-q"]
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
