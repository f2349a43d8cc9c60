"""feature-drift against SciPy, on planted drifts, on halves of real data, and on awkward input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from scipy import stats

from auditor import annotators, fakes
from auditor.checks.feature_drift import FeatureDrift
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model.result import EXHIBIT_ROWS, Measurement
from auditor.model.rows import Dataset
from auditor.statistics import drift

Records = Sequence[Mapping[str, Any]]


def prepared(records: Records, folder: Path, *, shard_rows: int = 1000, by: Sequence[str] = ()) -> Dataset:
    made = fakes.dataset(records, folder, shard_rows=shard_rows, by=by)
    return annotators.annotate(made, ["surface", "fields"], cache=folder, engine=Local(1))


def run(mine: Dataset, real: Dataset, threads: int = 1, **parameters: Any) -> Measurement:
    return FeatureDrift(**parameters).run(mine, Context({"real": real}), Local(threads))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.partition(".")[2]: metric.value for metric in measurement.metrics}


def sliced(measurement: Measurement, feature: str, name: str) -> float | None:
    found = [s.metric.value for s in measurement.slices if (s.by, s.group) == ("feature", feature)
             and s.metric.name == f"feature_drift.{name}"]  # fmt: skip
    return found[0] if found else None


def texts(lengths: Sequence[int], **fields: Sequence[Any]) -> list[dict[str, Any]]:
    rows = [{"prompt": "Say it.", "response": "ab " * int(n)} for n in lengths]
    for name, column in fields.items():
        for row, value in zip(rows, column, strict=True):
            row[name] = value
    return rows


def test_every_number_of_the_table_is_scipy_s(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mine, theirs = random.poisson(20, 700) + 1, random.poisson(17, 900) + 1
    scores, real_scores = random.normal(3, 1, 700), random.normal(3, 2, 900)
    topics, real_topics = random.choice(list("abc"), 700), random.choice(list("abcd"), 900)
    measurement = run(
        prepared(texts(mine, score=scores.tolist(), topic=topics.tolist()), tmp_path / "a"),
        prepared(texts(theirs, score=real_scores.tolist(), topic=real_topics.tolist()), tmp_path / "b"),
    )
    for feature, left, right in (("response_words", mine, theirs), ("score", scores, real_scores)):
        expected = stats.ks_2samp(left, right, method="asymp").statistic
        assert sliced(measurement, feature, "ks") == pytest.approx(expected, abs=1e-9)
        moved = stats.wasserstein_distance(left, right) / stats.iqr(right)
        assert sliced(measurement, feature, "wasserstein") == pytest.approx(moved, abs=1e-9)
    shares = [[np.mean(side == label) for label in "abcd"] for side in (topics, real_topics)]
    expected = sum(abs(p - q) for p, q in zip(*shares, strict=True)) / 2
    assert sliced(measurement, "topic", "ks") == pytest.approx(expected)
    assert sliced(measurement, "topic", "wasserstein") is None
    (exhibit,) = measurement.exhibits
    effects = [row[1] for row in exhibit.rows]
    assert exhibit.name == "feature_drift.features"
    assert effects == sorted(effects, reverse=True)
    assert len(effects) == values(measurement)["features"] <= EXHIBIT_ROWS
    assert values(measurement)["worst_effect"] == effects[0]
    table = {row[0]: dict(zip(exhibit.columns, row, strict=True)) for row in exhibit.rows}
    assert (table["score"]["rows"], table["score"]["real rows"]) == (700, 900)
    drifted = [row for row in table.values() if row["effect"] >= 0.1 and row["p"] <= 0.05]
    assert values(measurement)["drifted"] == len(drifted) > 0
    drawn = {one.name: one for one in measurement.distributions}
    words = drawn["feature_drift.response_words"]
    assert (sum(words.counts), sum(words.reference)) == (700, 900)


def test_the_index_of_a_published_table(tmp_path: Path) -> None:
    """Siddiqi's index over ten equal bins, shares given: computed by hand from the formula in the book."""
    actual = np.array([60, 80, 90, 95, 100, 105, 110, 115, 120, 125]) / 1000
    real = np.full(10, 0.1)
    by_hand = sum((a - e) * np.log(a / e) for a, e in zip(actual, real, strict=True))
    lengths = np.repeat(np.arange(1, 11), (actual * 1000).astype(int))
    found = run(
        prepared(texts(lengths), tmp_path / "a"), prepared(texts(np.repeat(np.arange(1, 11), 100)), tmp_path / "b")
    )
    assert sliced(found, "response_words", "psi") == pytest.approx(by_hand)


def test_rows_that_carry_the_drift_are_named(tmp_path: Path) -> None:
    lengths = [10 + i % 7 for i in range(400)]
    mine = prepared(texts([*lengths[:300], *([90] * 60), 200, 5]), tmp_path / "a")
    real = prepared(texts(lengths), tmp_path / "b")
    measurement = run(mine, real, effect=0.05)
    found = FeatureDrift(effect=0.05).locate(mine, measurement, Context({"real": real}))
    rows = [row for table in found for row in table.to_pylist()]
    assert {row["row"] for row in rows} == {*range(300, 362)}
    assert values(measurement)["outside"] == pytest.approx(62 / 362)
    words = [row for row in rows if row["evidence"].startswith("Words of the response ")]
    # Widths of 10 to 16 beyond it.
    assert {row["row"]: row["score"] for row in words} == {
        **dict.fromkeys(range(300, 360), 74 / 6),
        360: 184 / 6,
        361: 5 / 6,
    }
    assert words[-1]["evidence"] == "Words of the response 5: 99.8 % of real rows have 10 to 16"
    assert [row["row"] for row in rows] == sorted(row["row"] for row in rows)


def test_named_rows_are_bounded(tmp_path: Path) -> None:
    mine = prepared(texts(np.arange(500, 1500).tolist()), tmp_path / "a")
    real = prepared(texts([i % 9 + 1 for i in range(500)]), tmp_path / "b")
    measurement = run(mine, real)
    rows = sum(len(table) for table in FeatureDrift().locate(mine, measurement, Context()))
    assert values(measurement)["outside"] == 1
    assert 100 <= rows <= 800


def test_the_generator_that_drifts_stands_out(tmp_path: Path) -> None:
    half = [10 + i % 7 for i in range(300)]
    records = texts([*half, *(3 * n for n in half)], generator=["plain"] * 300 + ["wordy"] * 300)
    measurement = run(prepared(records, tmp_path / "a", by=("generator",)), prepared(texts(half), tmp_path / "b"))
    effect = {s.group: s.metric.value for s in measurement.slices if s.by == "generator"}
    assert effect["plain"] < 0.05 < 0.95 < effect["wordy"]
    assert sliced(measurement, "generator", "ks") is None


def test_identifiers_are_no_feature_and_lonely_fields_are_told(tmp_path: Path) -> None:
    lengths = [10 + i % 7 for i in range(300)]
    mine = prepared(texts(lengths, index=list(range(300)), style=["x", "y", "z"] * 100), tmp_path / "a")
    real = prepared(texts(lengths, index=list(range(900, 1200)), mood=["p", "q", "r"] * 100), tmp_path / "b")
    measurement = run(mine, real)
    assert values(measurement)["worst_effect"] == 0
    assert sliced(measurement, "index", "ks") is None
    assert any("mood, style" in note for note in measurement.notes)


def test_a_field_of_many_values_is_compared_beyond_chance(tmp_path: Path) -> None:
    """Half sets of one source do not drift; nine rows in ten of one persona do, and so do personas of one's own."""
    random = np.random.default_rng(3)
    length = [10] * 1000
    real, same = (prepared(texts(length, persona=[f"p{i}" for i in random.integers(0, 200, 1000)]), tmp_path / name)
                  for name in ("real", "same"))  # fmt: skip
    assert sliced(run(same, real), "persona", "ks") < 0.06  # type: ignore[operator]
    assert sliced(run(same, real), "persona", "psi") is None
    one = prepared(texts(length, persona=[f"p{i if i % 10 == 0 else 7}" for i in range(1000)]), tmp_path / "one")
    measurement = run(one, real)
    found = values(measurement)
    assert found["worst_effect"] > 0.8
    assert found["drifted"] == 1
    assert measurement.notes[0] == "largest effect: persona (p7 1.0% in real, p7 90.0% here)"
    own = prepared(texts(length, persona=[f"own {i % 200}" for i in range(1000)]), tmp_path / "own")
    assert values(run(own, real))["worst_effect"] == pytest.approx(1)


@pytest.mark.parametrize("invented", [60, 1000])
def test_values_that_real_data_never_has_are_not_overlooked(invented: int, tmp_path: Path) -> None:
    """Real: four topics. Data: sixty of its own, or a new one in each row; or half of its rows keep to the four."""
    real = prepared(texts([10] * 800, topic=[f"t{i % 4}" for i in range(800)]), tmp_path / "real")
    for kept, effect in ((1, 1.0), (2, 0.5)):
        topics = [f"own {i // 2 % invented} {i % 2}" if i % kept == 0 else f"t{i // 2 % 4}" for i in range(1000)]
        mine = prepared(texts([10] * 1000, topic=topics), tmp_path / f"{kept}")
        found = values(run(mine, real))
        assert found["worst_effect"] == pytest.approx(effect, abs=0.06)
        assert found["drifted"] == 1


def test_what_is_not_compared_is_told(tmp_path: Path) -> None:
    length = [10 + i % 7 for i in range(300)]
    names = [f"name {i}" for i in range(300)]
    some = ["x"] * 50 + [None] * 250
    mine = texts(length, name=names, grade=["a", "b", "c"] * 100, some=some, number=list(range(300)))
    theirs = texts(length, name=names, grade=[1, 2, 3] * 100, some=["x", "y", "z"] * 100, number=list(range(300)))
    measurement = run(prepared(mine, tmp_path / "a"), prepared(theirs, tmp_path / "b"))
    assert values(measurement)["worst_effect"] == 0
    each = "300 values in 300 real rows"
    assert measurement.notes[1:] == (
        "of another type in real, not compared: grade (string, in real int)",
        "in fewer than 100 rows of a side, not compared: some (50 and 300)",
        f"no labels but names of rows, not compared: {', '.join(f'{name} ({each})' for name in ('name', 'number'))}",
    )


def test_a_field_that_rows_are_sliced_by_is_compared_too(tmp_path: Path) -> None:
    length = [10] * 300
    records = texts(length, category=["a"] * 300, generator=["x"] * 300)
    real = prepared(texts(length, category=["a", "b", "c"] * 100, generator=["y"] * 300), tmp_path / "b")
    measurement = run(prepared(records, tmp_path / "a", by=("category",)), real)
    assert sliced(measurement, "category", "ks") == pytest.approx(2 / 3)
    assert sliced(measurement, "generator", "ks") is None, "who made a row is bound to differ"


def test_a_label_with_one_value_in_real(tmp_path: Path) -> None:
    length = [10] * 200
    mine = prepared(texts(length, tongue=["en", "de"] * 100), tmp_path / "a")
    found = run(mine, prepared(texts(length, tongue=["en"] * 200), tmp_path / "b"))
    assert sliced(found, "tongue", "ks") == 0.5


def test_a_feature_that_is_constant_in_real_moves(tmp_path: Path) -> None:
    mine = prepared([{"text": "\n".join(["line"] * (1 + i % 17))} for i in range(340)], tmp_path / "a")
    real = prepared([{"text": f"line {i}"} for i in range(340)], tmp_path / "b")
    lines = np.arange(340) % 17 + 1.0
    spread = np.sqrt(lines.var() / 2 + ((lines.mean() - 1) / 2) ** 2)
    moved = sliced(run(mine, real), "lines", "wasserstein")
    assert moved == pytest.approx((lines.mean() - 1) / spread)


@pytest.mark.parametrize("n", [1, 10, 99])
def test_too_few_rows_are_declined(n: int, tmp_path: Path) -> None:
    many, few = prepared(texts([5] * 200), tmp_path / "a"), prepared(texts([5] * n), tmp_path / "b")
    for mine, real in ((many, few), (few, many)):
        measurement = run(mine, real)
        assert not measurement.metrics
        assert "needs at least 100 rows" in measurement.notes[0]


@pytest.mark.parametrize("text", ["", "same", "猫" * 40, "x" * 100_000, "\U0001f600"])
def test_rows_all_alike_do_not_drift_from_themselves(text: str, tmp_path: Path) -> None:
    dataset = prepared([{"text": text}] * 120, tmp_path)
    found = values(run(dataset, dataset))
    assert found["worst_effect"] == found["drifted"] == found["worst_psi"] == found["outside"] == 0


def test_any_sharding_order_and_thread_count_measure_the_same(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    mine = texts(random.poisson(9, 400), topic=random.choice(list("ab"), 400).tolist())
    real = prepared(texts(random.poisson(7, 300), topic=random.choice(list("ab"), 300).tolist()), tmp_path / "real")
    seen = [
        run(prepared(records, tmp_path / str(i), shard_rows=size), real, threads)
        for i, (records, size, threads) in enumerate(((mine, 400, 1), (mine, 37, 3), (mine[::-1], 90, 2)))
    ]
    assert seen[0].metrics == seen[1].metrics == seen[2].metrics
    assert seen[0].slices == seen[1].slices == seen[2].slices
    assert seen[0].tables["outside"].equals(seen[1].tables["outside"])


def columns_of(dataset: Dataset) -> dict[str, Any]:
    """Every surface feature as a complete array."""
    opened = [shard.batch for shard in dataset]
    names = (*annotators._surface.COLUMNS,)
    return {
        name: np.concatenate([part.column(name).to_numpy(zero_copy_only=False).astype(float) for part in opened])
        for name in names
        if not any(part.column(name).null_count for part in opened)
    }


def false_alarms(columns: Mapping[str, Any], splits: int) -> tuple[int, int]:
    """Of seeded splits into halves: how many call a feature drifted, and how many find one by significance alone."""
    drifted = significant = 0
    size = len(next(iter(columns.values())))
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(size)
        found = [drift.of_numbers(one[order[: size // 2]], one[order[size // 2 :]]) for one in columns.values()]
        p = drift.adjusted([one.p for one in found])
        significant += bool((p <= 0.05).any())
        drifted += any(one.effect >= 0.1 and chance <= 0.05 for one, chance in zip(found, p, strict=True))
    return drifted, significant


def gsm8k(shared_data: Callable[[str], Path]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()]


@pytest.mark.data
@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_halves_of_real_data_do_not_drift(splits: int, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    columns = columns_of(prepared(gsm8k(shared_data)[: 7473 if splits > 40 else 2000], tmp_path))
    drifted, significant = false_alarms(columns, splits)
    assert drifted == 0
    # Not above the binomial interval at 5 % (99.9 %, one-sided).
    assert significant <= stats.binom.ppf(0.999, splits, 0.05)


@pytest.mark.data
def test_gsm8k_halves_through_the_room(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    records = gsm8k(shared_data)
    found = values(run(prepared(records[::2], tmp_path / "a"), prepared(records[1::2], tmp_path / "b")))
    assert found["worst_effect"] < 0.05
    assert found["drifted"] == found["outside"] == 0
    assert found["worst_psi"] < 0.05


@pytest.mark.data
def test_alpaca_against_people(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    alpaca, dolly = (
        prepared(orjson.loads(shared_data(f"alpaca/{name}.json").read_bytes()), tmp_path / name)
        for name in ("random_9k", "dolly_3k")
    )
    measurement = run(alpaca, dolly)
    found = values(measurement)
    # People name people and places; Alpaca's instructions name categories.
    assert measurement.exhibits[0].rows[0][0] == "upper_ratio"
    assert found["worst_effect"] == pytest.approx(0.339, abs=0.002)
    assert found["drifted"] == 9
    assert found["worst_psi"] > 0.25


@pytest.mark.data
@pytest.mark.parametrize("text", ["squad", "xsum"])
@pytest.mark.parametrize("model", ["gpt-j-6B", "gpt-neo-2.7B", "gpt-neox-20b", "gpt2-xl", "opt-2.7b"])
def test_what_tells_machine_continuations(
    text: str, model: str, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    both = orjson.loads(shared_data(f"fastdetect/data/{text}_{model}.raw_data.json").read_bytes())
    machine, people = (
        prepared([{"text": one} for one in both[side]], tmp_path / side) for side in ("sampled", "original")
    )
    rows = run(machine, people).exhibits[0].rows
    assert [row[0] for row in rows[:2]] == ["lines", "whitespace_ratio"]
    effect = {row[0]: row[1] for row in rows}
    assert effect["lines"] > 0.8
    assert effect["unique_word_ratio"] > 0.1


def test_numbers_further_apart_than_a_number_holds(tmp_path: Path) -> None:
    ends = [1e308, -1e308, 1.7e308, 0.0] * 100
    mine = prepared(texts([3] * 400, score=ends), tmp_path / "a")
    real = prepared(texts([3] * 400, score=[-1.6e308, -1.5e308] * 200), tmp_path / "b")
    measurement = run(mine, real)
    assert values(measurement)["worst_effect"] == 1.0
    score = next(one for one in measurement.distributions if one.name == "feature_drift.score")
    assert sum(score.counts) == 400
    assert np.isfinite(np.diff(score.edges)).all()
    outside = measurement.tables["outside"]
    assert outside.column("score").to_pylist() == pytest.approx([32.0] * 100), "widths of 1e307 above -1.5e308"
    assert outside.column("evidence")[0].as_py() == "score 1.7e+308: 99.8 % of real rows have -1.6e+308 to -1.5e+308"
