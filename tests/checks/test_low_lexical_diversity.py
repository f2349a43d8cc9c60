"""The room of lexical diversity: what it says of real data, equal sizes, and bad input."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.low_lexical_diversity import LowLexicalDiversity
from auditor.core.check import Context, build
from auditor.core.lineage.history import History
from auditor.engines.local import Local
from auditor.model.card import Card
from auditor.model.errors import ConfigError
from auditor.model.result import Measurement, Metric

Records = Sequence[Mapping[str, Any]]


def measured(
    rows: Records, folder: Path, real: Records | None = None, shard_rows: int = 1000, threads: int = 2, **given: Any
) -> Measurement:
    by = ("generator",) if "generator" in rows[0] else ()
    dataset = fakes.dataset(rows, folder / "rows", shard_rows=shard_rows, by=by)
    references = {} if real is None else {"real": fakes.dataset(real, folder / "real", shard_rows=shard_rows)}
    context = Context(references=references)
    measurement: Measurement = build("low-lexical-diversity", given).run(dataset, context, Local(threads))
    return measurement


def metrics(measurement: Measurement) -> dict[str, Metric]:
    return {metric.name.partition(".")[2]: metric for metric in measurement.metrics}


def texts(seed: int, n: int, kinds: int = 2000, most: int = 60) -> list[dict[str, str]]:
    draw = random.Random(seed)
    weights = [1 / (rank + 3) for rank in range(kinds)]
    return [{"text": " ".join(f"w{i}" for i in draw.choices(range(kinds), weights, k=most))} for _ in range(n)]


def test_poorer_text_is_told(tmp_path: Path) -> None:
    found = metrics(measured(texts(1, 400, kinds=150), tmp_path, texts(2, 900)))
    for name in ("distinct_2_to_real", "unique_ngram_product_to_real"):
        metric = found[name]
        assert metric.high is not None
        assert metric.high < 1, metric
    for name in ("self_bleu_to_real", "compression_ratio_to_real"):
        metric = found[name]
        assert metric.low is not None
        assert metric.low > 1.1, metric


def test_a_registered_version_is_measured_at_smaller_sizes_too(tmp_path: Path) -> None:
    """What the larger one says of 5,000 words is what the room says of its first 5,000; and its words are counted."""
    rows = texts(1, 400)
    dataset = fakes.dataset(rows, tmp_path / "rows", shard_rows=100, by=())
    history = History(Card("d", "synthetic"))
    context = Context(history=history)
    found = LowLexicalDiversity().run(dataset, context, Local(2))
    assert {metric.n for metric in found.ladder} == {1_000, 5_000}
    smaller = LowLexicalDiversity(words=5_000).run(dataset, Context(), Local(1))
    assert smaller.ladder == smaller.vocabularies == ()
    steps = {metric.name: metric for metric in found.ladder if metric.n == 5_000}
    assert len(steps) == 9
    for metric in smaller.metrics:
        if metric.name in steps:
            assert metric.value == pytest.approx(steps[metric.name].value, rel=0.02)  # a text cut at the end
    (counted,) = found.vocabularies
    assert counted.rows == 400
    word, many, _ = counted.words[0]
    assert many == sum(word in row["text"].split() for row in rows)


def test_rounds_are_measured_in_full(tmp_path: Path) -> None:
    rows = [{"text": row["text"], "round": k} for k in (1, 2, 3, 4) for row in texts(k, 60)]
    dataset = fakes.dataset(rows, tmp_path / "rows", by=("round",))
    found = LowLexicalDiversity().run(dataset, Context(), Local(2))
    sliced = {s.metric.name.partition(".")[2] for s in found.slices if s.by == "round"}
    assert {"self_bleu", "mtld", "ngram_entropy", "compression_ratio"} <= sliced
    assert [(v.by, v.group, v.rows) for v in found.vocabularies] == [("round", k, 60) for k in ("1", "3", "4")]
    first, before, last = ({word: rows for word, rows, _ in v.words} for v in found.vocabularies)
    seen = [set(row["text"].split()) for row in texts(4, 60)]
    exact = {word: sum(word in one for one in seen) for word in {*first, *before} & set(last)}
    assert {word: last[word] for word in exact} == exact
    assert min(exact.values()) < found.vocabularies[-1].floor


def test_equal_sources_are_equal(tmp_path: Path) -> None:
    """Of the same source, one four times as large: every ratio is one within its interval, widened for ten of them."""
    beyond = 0
    for seed in range(5):
        found = metrics(measured(texts(seed, 350), tmp_path / str(seed), texts(100 + seed, 1400)))
        for name, metric in found.items():
            if name.endswith("_to_real"):
                assert metric.value == pytest.approx(1, abs=0.1)
                beyond += not metric.low <= 1 <= metric.high  # type: ignore[operator]
        assert found["distinct_2"].n == 20_000
    assert beyond <= 4  # of 20, at 5 % each: more by chance once in 400


def test_rows_that_repeat_themselves(tmp_path: Path) -> None:
    rows = [*texts(1, 300), *({"text": f"all is well with {i} and so it goes " * 8} for i in range(4))]
    found = measured(rows, tmp_path)
    assert found.tables["rows"].column("row").to_pylist() == [300, 301, 302, 303]
    assert metrics(found)["rate"].value == 4 / 304
    dataset = fakes.dataset(rows, tmp_path / "again")
    (table,) = LowLexicalDiversity().locate(dataset, found, Context())
    assert table.column("evidence")[0].as_py().startswith("0% unique: all is well with 0")
    assert found.columns["unique_ngrams"].shape == (304,)


def _chinese(n: int, seed: int, looped: float) -> list[dict[str, str]]:
    """Rows of eight templates; this share of them says one clause over and over."""
    draw = random.Random(seed)
    known = [chr(0x4E00 + place) for place in draw.sample(range(3000), 600)]
    templates = ["".join(draw.choices(known, k=30)) for _ in range(8)]
    found = []
    for _ in range(n):
        slot = "".join(draw.choices(known, k=6))
        text = f"{draw.choice(templates)}{slot}，"
        found.append(
            {"text": text[:9] * 4 if draw.random() < looped else f"{text}{''.join(draw.choices(known, k=4))}。"}
        )
    return found


@pytest.mark.parametrize("looped", [0.1, 0.25, 0.4])
def test_halves_of_one_set_have_rates_alike(looped: float, tmp_path: Path) -> None:
    """One cut-off for both sides, whatever it is. Where about a quarter of the rows loops each side by itself finds all
    of these, or none: a quartile lies among them or does not."""
    seen = []
    for seed in range(5):
        rows = _chinese(800, seed, looped)
        data, real = rows[:400], rows[400:]
        beside = metrics(measured(data, tmp_path / f"{seed}", real))["rate"]
        theirs = metrics(measured(real, tmp_path / f"{seed} real"))["rate"]  # as an audit measures real data: alone
        assert beside.low - 0.05 <= theirs.value <= beside.high + 0.05  # type: ignore[operator]
        seen += [theirs.value, metrics(measured(data, tmp_path / f"{seed} alone"))["rate"].value]
    if looped == 0.25:
        assert min(seen) == 0  # type: ignore[type-var]
        assert max(seen) > 0.2  # type: ignore[type-var, operator]


def test_rows_are_held_against_real_ones_as_long(tmp_path: Path) -> None:
    """Half of all rows loop, which is usual here; beside real data it is not. Lengths that it lacks say themselves what
    is usual."""
    loops = [{"text": f"{i} is the number and this is the answer. " * 6} for i in range(100)]
    rows = [*texts(1, 100), *loops]
    assert metrics(measured(rows, tmp_path / "alone"))["rate"].value == 0
    found = measured(rows, tmp_path / "beside", texts(2, 300))
    assert found.tables["rows"].column("row").to_pylist() == list(range(100, 200))
    longer = [*rows, *texts(3, 100, most=1500)]
    found = measured(longer, tmp_path / "longer", texts(2, 300))
    assert found.tables["rows"].column("row").to_pylist() == list(range(100, 200))


def test_slices(tmp_path: Path) -> None:
    rows = [{**row, "generator": "poor"} for row in texts(1, 120, kinds=80)]
    rows += [{**row, "generator": "rich"} for row in texts(2, 120)]
    found = {(s.group, s.metric.name.partition(".")[2]): s.metric for s in measured(rows, tmp_path).slices}
    assert found["poor", "distinct_2"].n == found["rich", "distinct_2"].n == 5000
    assert found["poor", "distinct_2"].high < found["rich", "distinct_2"].low  # type: ignore[operator]
    assert found["poor", "compression_ratio"].low > found["rich", "compression_ratio"].high  # type: ignore[operator]


def test_row_order_sharding_and_threads(tmp_path: Path) -> None:
    rows, real = texts(1, 300), texts(2, 200)
    one = measured(rows, tmp_path / "one", real)
    other = measured(random.Random(1).sample(rows, 300), tmp_path / "other", real, shard_rows=41, threads=1)
    assert one.metrics == other.metrics
    assert one.exhibits == other.exhibits


@pytest.mark.data
def test_real_data(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Tool calls of one prompt are poorer than people's instructions by far, Alpaca's a little."""
    people = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    tools = json.loads(shared_data("gpteacher/toolformer-similarity-0.9-dataset.json").read_text())
    found = metrics(measured(tools, tmp_path / "tools", people))
    assert found["compression_ratio_to_real"].low > 3  # type: ignore[operator]
    assert found["self_bleu_to_real"].low > 5  # type: ignore[operator]
    alpaca = json.loads(shared_data("alpaca/random_9k.json").read_text())
    found = metrics(measured(alpaca, tmp_path / "alpaca", people))
    assert 1.0 < found["compression_ratio_to_real"].low < 1.1  # type: ignore[operator]
    assert found["self_bleu_to_real"].low > 1  # type: ignore[operator]
    assert found["distinct_2_to_real"].high < 0.95  # type: ignore[operator]


@pytest.mark.parametrize(
    "rows",
    [
        ["the same words in every row of this"] * 400,
        [f"猫と犬が{i}月の天気を見て、とても良いと言いました。" for i in range(100)],
        ["word " * 200_000, "x" * 1_000_000, *(f"row {i} is here" for i in range(300))],
        [f"{i}" for i in range(1500)],
    ],
)
def test_odd_input(rows: list[str], tmp_path: Path) -> None:
    given = [{"text": text} for text in rows]
    found = measured(given, tmp_path, given)
    assert found.metrics
    for metric in found.metrics:
        assert (metric.value is None) == bool(metric.why), metric
        assert metric.value is None or np.isfinite(metric.value)
        if metric.name.endswith("_to_real") and metric.value is not None:
            assert metric.value == pytest.approx(1)


def test_too_few_words(tmp_path: Path) -> None:
    assert measured([{"text": "a few words"}], tmp_path).notes == ("needs at least 1,000 words in 'text', has 3",)
    found = metrics(measured(texts(1, 100), tmp_path / "real", [{"text": "too little"}]))
    assert found["distinct_2_to_real"].why == "needs at least 1,000 real words, has 2"
    assert found["distinct_2"].value is not None


def test_scope(tmp_path: Path) -> None:
    rows = [{"prompt": "again and again", "response": row["text"]} for row in texts(1, 100)]
    assert measured(rows, tmp_path / "prompt", scope="prompt").metrics == ()
    assert metrics(measured(rows, tmp_path / "response", scope="response"))["distinct_2"].n == 5000
    with pytest.raises(ConfigError):
        build("low-lexical-diversity", {"scope": "rejected"})
    with pytest.raises(ConfigError):
        build("low-lexical-diversity", {"words": 10})
