"""Trends over stored records and rounds: declines, their absence by chance, lost topics, and the command line."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from auditor.checks.generation_trend import GenerationTrend
from auditor.cli import group
from auditor.core.check import Context, registered
from auditor.core.lineage.history import History
from auditor.core.lineage.series import BETTER
from auditor.model.card import Card, Lineage, Registered, Standing
from auditor.model.result import Measurement, Metric, Record, Slice, Status, Vocabulary
from auditor.model.rows import Dataset
from auditor.reports.findings import worst
from auditor.statistics.vocabularies import vocabulary

DISTINCT, RATE, BLEU = (
    "low_lexical_diversity.distinct_2",
    "templated_text.rate",
    "low_lexical_diversity.self_bleu",
)
UNITS = {DISTINCT: "share", RATE: "share", BLEU: "score"}


def metric(name: str, value: float | None, half: float | None = 0.01, n: int = 1000) -> Metric:
    ends = (None, None) if half is None or value is None else (value - half, value + half)
    return Metric(name, value, UNITS.get(name, "share"), n, "" if value is not None else "none", *ends)


def context(
    series: Mapping[str, Sequence[float | Metric | None]],
    standing: Mapping[int, Standing] | None = None,
) -> Context:
    """The last value of each series is measured now, the others are in records of versions 1, 2 …"""
    made = {
        name: [one if isinstance(one, Metric) else metric(name, one) for one in values]
        for name, values in series.items()
    }
    count = len(next(iter(made.values())))
    records = {
        place + 1: Record(
            {}, {}, {}, (), {name: one[place] for name, one in made.items()}, (), (), (), Status.PASS,
        )
        for place in range(count - 1)
    }  # fmt: skip
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    versions = tuple(
        Registered(n, day, "d.jsonl", "sha256:00", 9, Lineage(), status=(standing or {}).get(n, "superseded"))
        for n in records
    )
    now = Measurement(tuple(one[-1] for one in made.values()))
    return Context(history=History(Card("d", "synthetic", versions), records), measured={"any": now})


def looked(given: Context) -> dict[str, Any]:
    return {m.name.partition(".")[2]: m.value for m in GenerationTrend().inspect(given).metrics}


def test_worse_than_before() -> None:
    found = GenerationTrend().inspect(context({DISTINCT: (0.45, 0.44, 0.30), RATE: (0.1, 0.1, 0.11)}))
    values = {m.name.partition(".")[2]: m for m in found.metrics}
    assert values["significantly_declining"].value == 1
    assert values["significantly_declining"].n == 2
    assert values["worst_slope"].value == pytest.approx(-0.075 / 0.45)
    faults = found.tables["faults"].to_pylist()
    assert [fault["row"] for fault in faults] == [None]
    assert faults[0]["score"] == pytest.approx(0.15 / 0.45)
    assert faults[0]["evidence"] == f"{DISTINCT} worse than before: 0.45 (version 1), 0.44 (2), 0.3 (3)"
    (series,) = found.exhibits
    assert series.columns == (
        "metric",
        "better",
        "version 1",
        "version 2",
        "version 3",
        "gain a step",
        "low",
        "high",
        "p",
        "verdict",
    )
    assert series.rows[0][:5] == (DISTINCT, "more", 0.45, 0.44, 0.30)


def test_creeping_decline() -> None:
    """No step is beyond its interval; over three versions the ends are, over five the order tells as well."""
    assert looked(context({DISTINCT: (0.45, 0.43, 0.41)}))["significantly_declining"] == 1
    assert looked(context({DISTINCT: (0.45, 0.44)}))["significantly_declining"] == 0
    blind = [metric(DISTINCT, value, None) for value in (0.45, 0.43, 0.42, 0.40)]
    found = GenerationTrend().inspect(context({DISTINCT: blind}))
    assert (
        found.tables["faults"]
        .column("evidence")[0]
        .as_py()
        .startswith(f"{DISTINCT} worsens: 0.45 (version 1), 0.43 (2), 0.42 (3), 0.4")
    )
    assert looked(context({DISTINCT: blind[:3]}))["significantly_declining"] == 0  # three values and no intervals


def test_less_is_better() -> None:
    assert looked(context({RATE: (0.0, 0.3)}))["significantly_declining"] == 1
    assert looked(context({RATE: (0.3, 0.0)}))["significantly_declining"] == 0
    assert looked(context({BLEU: (0.1, 0.3)}))["significantly_declining"] == 1
    assert looked(context({BLEU: (0.3, 0.1)}))["significantly_declining"] == 0
    assert looked(context({RATE: (0.001, 0.012)}))["significantly_declining"] == 0  # 1 % of what is well


def test_false_alarms() -> None:
    """Histories in which nothing changes but for noise of the stated size: alarms within 5 %, tests and versions
    together."""
    draw = np.random.default_rng(0)
    for versions in (2, 3, 5):
        alarms = 0
        for _ in range(400):
            noise = {
                name: [metric(name, float(0.5 + draw.normal(0, 0.03)), 1.96 * 0.03) for _ in range(versions)]
                for name in UNITS
            }
            alarms += looked(context(noise))["significantly_declining"] > 0
        assert alarms <= 400 * 0.05 + 9


def test_only_what_may_be_compared() -> None:
    other = metric(DISTINCT, 0.9, n=50)
    found = GenerationTrend().inspect(context({DISTINCT: (other, 0.45), RATE: (0.1, 0.1)}))
    assert found.notes[1].endswith(f"not compared: {DISTINCT}")
    assert looked(context({DISTINCT: (0.9, 0.45)}, standing={1: "rejected"})) == {}
    assert looked(context({DISTINCT: (None, 0.45)})) == {}
    assert "round" in GenerationTrend().inspect(Context()).notes[0]
    assert "no earlier version" in GenerationTrend().inspect(context({RATE: (0.1,)})).notes[0]
    unmeasured = context({RATE: (0.1, None)})
    assert "this version has no number" in GenerationTrend().inspect(unmeasured).notes[0]


def test_slope_of_two_versions_is_as_sure_as_they_are() -> None:
    """The difference over its distance, and the root of the squared errors, at 5 % over all series together."""
    found = GenerationTrend().inspect(context({DISTINCT: (0.50, 0.40), RATE: (0.1, 0.1)}))
    slope = {m.name.partition(".")[2]: m for m in found.metrics}["worst_slope"]
    assert slope.n == 2
    assert slope.value == pytest.approx(-0.2)
    half = NormalDist().inv_cdf(1 - 0.05 / 4) * (0.01 / 1.959964) * 2**0.5 / 0.5
    assert (slope.low, slope.high) == pytest.approx((-0.2 - half, -0.2 + half), rel=1e-4)
    blind = {DISTINCT: [metric(DISTINCT, value, None) for value in (0.5, 0.4)]}
    (_, slope, _) = GenerationTrend().inspect(context(blind)).metrics
    assert (slope.low, slope.high) == (None, None)


def words(texts: Sequence[str], by: str = "", group: str = "") -> Vocabulary:
    return vocabulary(texts, by, group)


def test_lost_topics() -> None:
    draw = random.Random(0)
    plain = [" ".join(draw.choices([f"word{i}" for i in range(300)], k=12)) for _ in range(1000)]
    sailing = [f"{text} sail boat harbour" for text in plain[:40]]
    before, now = words([*sailing, *plain[40:]]), words(plain[:900])
    history = context({RATE: (0.1, 0.1)})
    assert history.history is not None
    record = replace(history.history.records[1], vocabularies=(before,))
    given = replace(
        history,
        history=replace(history.history, records={1: record}),
        measured={**history.measured, "more": Measurement((), vocabularies=(now,))},
    )
    found = GenerationTrend().inspect(given)
    lost = {m.name.partition(".")[2]: m for m in found.metrics}["lost_topics"]
    assert (lost.value, lost.n) == (1, 900)
    (evidence,) = found.tables["faults"].column("evidence").to_pylist()
    assert evidence.startswith(
        "boat, harbour, sail: 'boat' stood in 40 of 1,000 rows of version 1, and stands in at most"
    )
    rounds = tuple(words(texts, "round", f"r{n}") for n, texts in ((2, plain), (1, [*sailing, *plain[40:]])))
    slices = tuple(Slice("round", f"r{n}", metric(DISTINCT, 0.5)) for n in (1, 2))
    found = GenerationTrend().inspect(Context(measured={"any": Measurement((), slices, vocabularies=rounds)}))
    assert "rows of round r1" in found.tables["faults"].column("evidence")[0].as_py()
    without = {m.name: m for m in GenerationTrend().inspect(history).metrics}
    assert without["generation_trend.lost_topics"].value is None
    assert without["generation_trend.lost_topics"].why


def test_a_topic_that_fades_is_named_once() -> None:
    """70, 40, 10 and no rows of 800: the last round beside the one before and beside the first."""
    draw = random.Random(0)
    plain = [" ".join(draw.choices([f"word{i}" for i in range(300)], k=12)) for _ in range(3200)]
    parts = [plain[800 * k : 800 * (k + 1)] for k in range(4)]
    read = [
        [*(f"{t} sail boat" for t in part[:many]), *part[many:]]
        for many, part in zip((70, 40, 10, 0), parts, strict=True)
    ]
    first, before = (words(read[k], "round", f"{k + 1}") for k in (0, 2))
    last = vocabulary(read[3], "round", "4", [word for v in (first, before) for word, _, _ in v.words])
    slices = tuple(Slice("round", f"{k}", metric(DISTINCT, 0.5)) for k in (1, 2, 3, 4))
    measured = {"any": Measurement((), slices, vocabularies=(first, before, last))}
    found = GenerationTrend().inspect(Context(measured=measured))
    (evidence,) = found.tables["faults"].column("evidence").to_pylist()
    assert evidence.startswith("boat, sail: 'boat' stood in 70 of 800 rows of round 1, and stands in 0 of 800")
    assert {m.name: m.value for m in found.metrics}["generation_trend.lost_topics"] == 1
    whole = [replace(v, by="", group="") for v in (first, before, last)]
    given = context({RATE: (0.1, 0.1, 0.1)})
    assert given.history is not None
    kept = {n: replace(given.history.records[n], vocabularies=(v,)) for n, v in enumerate(whole[:2], 1)}
    now = {**given.measured, "more": Measurement((), vocabularies=(whole[2],))}
    found = GenerationTrend().inspect(replace(given, history=replace(given.history, records=kept), measured=now))
    (evidence,) = found.tables["faults"].column("evidence").to_pylist()
    assert "70 of 800 rows of version 1" in evidence


def test_versions_that_share_a_larger_size_are_compared_at_it() -> None:
    """4,000, 2,500 and 3,500 rows: all have 1,000, where the copies of the last hardly show, two have 3,000."""
    name = "near_duplicates.effective_share"
    at = {
        1: {1000: 0.99, 3000: 0.98, 4000: 0.97},
        2: {1000: 0.99, 2500: 0.98},
        3: {1000: 0.975, 3000: 0.88, 3500: 0.86},
    }
    made = {v: [metric(name, value, 0.01, n) for n, value in sizes.items()] for v, sizes in at.items()}
    given = context({name: [made[v][-1] for v in at]})
    assert given.history is not None
    records = {v: replace(one, ladder=tuple(made[v][:-1])) for v, one in given.history.records.items()}
    now = {"any": Measurement((made[3][-1],), ladder=tuple(made[3][:-1]))}
    found = GenerationTrend().inspect(replace(given, history=replace(given.history, records=records), measured=now))
    (evidence,) = found.tables["faults"].column("evidence").to_pylist()
    assert evidence == f"{name} over 3,000 worse than before: 0.98 (version 1), 0.88 (3)"
    assert found.metrics[0].n == 2
    assert [row[:5] for row in found.exhibits[0].rows] == [
        (f"{name} over 3,000", "more", 0.98, None, 0.88),
        (name, "more", 0.99, 0.99, 0.975),
    ]
    assert found.notes[1:] == (f"brought to equal size, 1,000: {name}", f"brought to equal size, 3,000: {name}")
    made[3][0] = metric(name, 0.9, 0.01, 1000)
    both = {"any": Measurement((made[3][-1],), ladder=tuple(made[3][:-1]))}
    found = GenerationTrend().inspect(replace(given, history=replace(given.history, records=records), measured=both))
    (evidence,) = found.tables["faults"].column("evidence").to_pylist()  # at both sizes, and one metric
    assert evidence == f"{name} worse than before: 0.99 (version 1), 0.99 (2), 0.9 (3)"
    near = {1: made[1][:1], 2: made[2][:1]}
    records = {v: replace(one, metrics={name: near[v][0]}, ladder=()) for v, one in records.items()}
    found = GenerationTrend().inspect(replace(given, history=replace(given.history, records=records), measured=now))
    assert found.metrics[0].n == 1  # nothing larger is shared


def test_a_loss_is_below_nought_whichever_way_the_metric_goes() -> None:
    """Of faults 0.1 and then 0.19, a tenth of the 0.9 without is lost; 2.0 times and then 2.5 are a quarter more."""
    times = "low_lexical_diversity.compression_ratio"
    made = [Metric(times, value, "times", 1000, "", value - 0.01, value + 0.01) for value in (2.0, 2.5)]
    found = GenerationTrend().inspect(context({RATE: (0.1, 0.19), times: made, DISTINCT: (0.5, 0.6)}))
    (series,) = found.exhibits
    gain = series.columns.index("gain a step")
    assert {row[0]: row[gain] for row in series.rows} == pytest.approx({RATE: -0.1, times: -0.25, DISTINCT: 0.2})
    assert found.notes[0] == f"steepest: {times}, a step as a share of its first value, over 2 versions"
    found = GenerationTrend().inspect(context({RATE: (0.1, 0.19)}))
    assert found.notes[0] == f"steepest: {RATE}, a step as a share of what was without at first, over 2 versions"


def test_the_steepest_is_one_that_declines() -> None:
    wide = [metric(BLEU, 0.2, 0.2), metric(BLEU, 0.3, 0.2)]
    found = GenerationTrend().inspect(context({BLEU: wide, DISTINCT: (0.50, 0.40)}))
    assert found.notes[0].startswith(f"steepest: {DISTINCT}")
    assert (
        GenerationTrend()
        .inspect(context({BLEU: wide, DISTINCT: (0.50, 0.499)}))
        .notes[0]
        .startswith(f"steepest: {BLEU}")
    )


def test_what_is_over_few_is_not_compared() -> None:
    tails = "lost_tails.unreached_share"
    made = [metric(tails, value, 0.01, 4) for value in (0.0, 0.5)]
    found = GenerationTrend().inspect(context({tails: made, RATE: (0.1, 0.1)}))
    assert found.metrics[0].value == 0
    assert found.notes[1:] == (f"over fewer than 10, and not compared: {tails}",)
    slices = tuple(Slice("round", f"{k}", one) for k, one in enumerate((metric(RATE, 0.1), metric(RATE, 0.1)), 1))
    slices += tuple(Slice("round", f"{k}", one) for k, one in enumerate(made, 1))
    found = GenerationTrend().inspect(Context(measured={"any": Measurement((), slices)}))
    assert found.metrics[0].n == 1
    assert found.notes[1:] == (f"over fewer than 10 in some round, and not compared there: {tails}",)


def test_other_sizes_are_brought_to_one() -> None:
    """Version 1 has 0.6 of 20 words and .5 of 50, version 2 .5 of 50 and .4 of 100: nothing was lost."""
    steps = {1: ((20, 0.6), (50, 0.5)), 2: ((20, 0.6), (50, 0.5), (100, 0.4))}
    given = context({DISTINCT: (metric(DISTINCT, 0.5, n=50), metric(DISTINCT, 0.4, n=100))})
    assert given.history is not None
    ladder = {v: tuple(metric(DISTINCT, value, n=n) for n, value in steps[v][:-1]) for v in steps}
    record = replace(given.history.records[1], ladder=ladder[1])
    measured = Measurement((metric(DISTINCT, 0.4, n=100),), ladder=ladder[2])
    given = replace(given, history=replace(given.history, records={1: record}), measured={"any": measured})
    found = GenerationTrend().inspect(given)
    assert {m.name.partition(".")[2]: m.value for m in found.metrics}["significantly_declining"] == 0
    assert found.notes[1] == f"brought to equal size, 50: {DISTINCT}"
    stored = replace(record, metrics={DISTINCT: metric(DISTINCT, 0.4, n=100)}, ladder=ladder[2])
    assert given.history is not None
    alone = replace(given, history=replace(given.history, present=stored), measured={})
    assert GenerationTrend().inspect(alone).exhibits == found.exhibits


def test_rounds() -> None:
    slices = tuple(Slice("round", f"round {n}", metric(DISTINCT, 0.5 - 0.04 * n)) for n in (10, 1, 3, 2))
    slices += (Slice("generator", "gpt-4", metric(DISTINCT, 0.1)),)
    found = GenerationTrend().inspect(Context(measured={"any": Measurement((), slices)}))
    (shown,) = found.exhibits
    assert shown.columns[2:6] == ("round 1", "round 2", "round 3", "round 10")
    assert {m.name.partition(".")[2]: m.value for m in found.metrics}["significantly_declining"] == 1


def test_rounds_by_names_of_versions_and_of_none() -> None:
    def looked_at(names: Sequence[str]) -> Measurement:
        slices = [Slice("round", name, metric(DISTINCT, 0.5 - 0.04 * n)) for n, name in enumerate(names)]
        return GenerationTrend().inspect(Context(measured={"any": Measurement((), tuple(slices))}))

    found = looked_at(("v1.8", "v1.9", "v1.10", "v1.11"))
    assert found.exhibits[0].columns[2:6] == ("round 8", "round 9", "round 10", "round 11")
    assert "rounds in order: v1.8 (8), v1.9 (9), v1.10 (10), v1.11 (11)" in found.notes
    assert {m.name.partition(".")[2]: m.value for m in found.metrics}["significantly_declining"] == 1
    none = looked_at(("alpha", "beta"))
    assert not none.metrics
    assert none.notes == ("the rounds (alpha, beta) have no numbers to be put in order by: name them 1, 2, 3 …",)


def test_what_is_against_other_real_data_is_not_compared() -> None:
    tails = "lost_tails.lost_words"
    series = (0.01, 0.2)
    made = [Metric(tails, value, "share", 900, "", value - 0.005, value + 0.005) for value in series]
    given = context({tails: made, RATE: (0.1, 0.1)})
    assert given.history is not None
    for digest, count in (("sha256:aa", 1), ("sha256:bb", 0)):
        record = replace(given.history.records[1], references={"real": {"dataset": {"digest": digest}, "metrics": {}}})
        real = Dataset("real", "sha256:aa", "jsonl", 9, (), (), {}, {})
        there = replace(given, references={"real": real}, history=replace(given.history, records={1: record}))
        found = GenerationTrend().inspect(there)
        assert {m.name.partition(".")[2]: m.value for m in found.metrics}["significantly_declining"] == count
        note = f"measured against other real data than before, and not compared: {tails}"
        assert (note in found.notes) == (not count)


def test_rounds_that_are_left_out_are_named() -> None:
    slices = tuple(Slice("round", f"round {n}", metric(DISTINCT, 0.5)) for n in (1, 2))
    slices += tuple(Slice("round", label, metric("x.rate", 0.5, n=n)) for label, n in (("(none)", 12), ("round 3", 9)))
    slices += (Slice("round", "(none)", metric(DISTINCT, 0.5, n=1000)),)  # over words
    found = GenerationTrend().inspect(Context(measured={"any": Measurement((), slices)}))
    assert found.notes[1:] == (
        "rows without a number in 'round' are left out: 12 or more",
        "left out, with too few rows to be measured: round 3",
    )


def test_the_worst_is_shown_first() -> None:
    """By share of what was there; a long series says how many of its values it leaves out."""
    values = {DISTINCT: (0.5, 0.49, 0.48, 0.47, 0.46, 0.45, 0.3), BLEU: (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9)}
    faults = GenerationTrend().inspect(context(values)).tables["faults"]
    first, second = (faults.column("evidence")[int(place)].as_py() for place in worst(faults, {}, 2))
    assert first.startswith(BLEU)
    assert second.endswith("0.5 (version 1), 0.49 (2), 2 more, 0.46 (5), 0.45 (6), 0.3 (7)")


def test_rounds_are_seen_without_being_asked_for(tmp_path: Path) -> None:
    """A field `generation` that holds what was generated is none."""
    draw = random.Random(1)
    vocabulary = [f"w{i}" for i in range(3000)]
    rows = [
        {
            "text": " ".join(draw.choices(vocabulary[: 3000 // k**2], k=40)),
            "round": f"round {k}",
            "generation": f"t{i} x",
        }
        for k in (1, 2, 3, 4)
        for i in range(50)
    ]
    Path("rounds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    only = ["--only", "generation-trend", "--only", "low-lexical-diversity"]
    audited = CliRunner().invoke(group, ["audit", "rounds.jsonl", *only, "--format", "json", "--quiet"])
    assert audited.exit_code == 0, audited.stderr
    record = json.loads(audited.stdout)
    assert record["metrics"]["generation_trend.significantly_declining"]["value"] >= 3
    assert {s["by"] for s in record["slices"]} == {"round"}
    one = CliRunner().invoke(
        group, ["audit", "rounds.jsonl", "--only", "generation-trend", "--format", "json", "--quiet"]
    )
    (check,) = json.loads(one.stdout)["checks"]
    assert "low-lexical-diversity" in f"{check['why']} {check['notes']}"


def test_three_versions_by_the_command_line(tmp_path: Path) -> None:
    draw = random.Random(1)
    words = [f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "re", "so", "ta", "vu") for b in "abcdefghijklmnopqrstuvwxyz"]
    rows = [
        {"prompt": " ".join(draw.choices(words, k=12)), "response": " ".join(draw.choices(words, k=30))}
        for _ in range(400)
    ]
    for version, same in enumerate((0, 120, 240), 1):
        poor = [
            {
                "prompt": f"Write a poem about {words[i % 200]} in spring.",
                "response": f"The spring is here, and {words[i % 97]} too.",
            }
            for i in range(same)
        ]
        Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*poor, *rows[same:]]))
        registered = CliRunner().invoke(
            group, ["register", "sft", "data.jsonl", "--generator", "gpt-4o@2024-08-06", "--no-dvc"]
        )
        assert registered.exit_code == 0, registered.output
        only = ["--only", "generation-trend", "--only", "templated-text", "--only", "low-lexical-diversity"]
        audited = CliRunner().invoke(group, ["audit", "sft", *only, "--format", "json", "--quiet"])
        assert audited.exit_code == 0, (audited.stderr, audited.exception)
        record = json.loads(audited.stdout)
        values = {name: one["value"] for name, one in record["metrics"].items() if name.startswith("generation_trend")}
        if version == 1:
            assert values == {}
            assert next(c for c in record["checks"] if c["name"] == "generation-trend")["status"] == "skipped"
        else:
            assert values["generation_trend.significantly_declining"] >= 2
            assert values["generation_trend.worst_slope"] < -0.1
    alone = CliRunner().invoke(group, ["audit", "sft", "--only", "generation-trend", "--format", "json", "--quiet"])
    assert json.loads(alone.stdout)["metrics"] == {
        name: one for name, one in record["metrics"].items() if name.startswith("generation_trend")
    }
    told = CliRunner().invoke(group, ["log", "sft", "--metric", RATE]).stdout
    assert "a version" in told
    assert "+30%" in told
    series = next(e for e in record["exhibits"] if e["name"] == "generation_trend.series")
    rate = next(row for row in series["rows"] if row[0] == RATE)
    assert rate[2:5] == [0.0, 0.3, 0.6]


def test_every_metric_of_the_trend_is_measured_by_a_room() -> None:
    known = {cls.spec.metric(measure.name) for cls in registered().values() for measure in cls.spec.measures}
    assert set(BETTER) <= known
