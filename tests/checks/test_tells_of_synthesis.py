"""tells-of-synthesis: what is planted is named, copies do not flatter, and equal halves are not told apart."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from auditor import fakes
from auditor.checks.tells_of_synthesis import TellsOfSynthesis
from auditor.core.check import Context, build
from auditor.core.content import detector as detectors
from auditor.core.content.detector import Detector
from auditor.core.laws import program_laws
from auditor.engines.local import Local
from auditor.kernels import marks
from auditor.kernels.texts import normal, spans
from auditor.model.errors import ConfigError, InputError
from auditor.model.result import FINDING_SCHEMA, Measurement
from auditor.model.rows import strings

Records = Sequence[dict[str, Any]]
COMMON = "the of and to in is that it was for on are with as his they at be this have from or one had by".split()
TOPICS = "river bread engine letter garden market winter school doctor bridge candle forest ticket mirror".split()


def texts(n: int, seed: int, extra: Sequence[str] = (), **more: Any) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        words = [*draw.choices(COMMON, k=draw.randint(10, 25)), *draw.choices(TOPICS, k=3)]
        draw.shuffle(words)
        made.append({"text": " ".join([*extra, *words]), **more})
    return made


def context(folder: Path, real: Records) -> Context:
    reference = fakes.dataset(real, folder / "real")
    return Context({"real": reference}, space=fakes.space(folder / "space"))


def measure(folder: Path, records: Records, real: Records, by: Sequence[str] = ()) -> Measurement:
    rows = fakes.dataset(records, folder / "rows", by=by)
    return TellsOfSynthesis().run(rows, context(folder, real), Local(2))


def values(measurement: Measurement) -> dict[str, Any]:
    return {m.name.partition(".")[2]: m.value for m in measurement.metrics}


def test_planted_words_are_named_and_score_high(tmp_path: Path) -> None:
    marked = [*texts(300, 1, ("Certainly!", "delve", "into")), *texts(300, 2)]
    found = measure(tmp_path, marked, texts(600, 3))
    seen = values(found)
    assert seen["auc"] == pytest.approx(0.75, abs=0.04)  # half of the rows are told for sure, the others not at all
    assert seen["p"] < 1e-6
    named = [row[0] for row in found.exhibits[0].rows]
    assert {"“certainly”", "“delve”", "“delve into”", "“certainly delve”"} <= set(named)
    assert any(str(name).startswith("! in 1,000 bytes") for name in named)
    shares = {row[0]: row[1:3] for row in found.exhibits[0].rows}
    assert shares["“delve”"] == (0.5, 0.0)
    score = found.columns["score"]
    assert score.dtype == np.float32
    assert score[:300].min() > score[300:].max()
    assert "left out" not in found.notes[0]  # nothing was


def test_findings_are_the_most_telling_rows(tmp_path: Path) -> None:
    rows = fakes.dataset([*texts(300, 2), *texts(30, 1, ("As", "an", "AI"))], tmp_path / "rows")
    around = context(tmp_path, texts(330, 3))
    check = TellsOfSynthesis()
    measurement = check.run(rows, around, Local(1))
    assert values(measurement)["p"] < 0.01
    (table,) = check.locate(rows, measurement, around)
    assert table.schema.equals(FINDING_SCHEMA)
    assert set(table.column("row").to_pylist()) <= set(range(300, 330))
    assert 0 < len(table) <= detectors.MOST
    assert all("“an" in text for text in table.column("evidence").to_pylist())


def test_copies_of_real_rows_do_not_flatter(tmp_path: Path) -> None:
    real, marked = texts(400, 3), texts(200, 1, ("Certainly!",))
    copied = [{"text": one["text"].upper() + "  "} for one in real[:200]]
    nearly = [{"text": one["text"] + " x"} for one in texts(400, 3)[200:250]]
    found = measure(tmp_path, [*marked, *copied, *nearly], real)
    assert values(found)["auc"] > 0.98
    assert found.metrics[0].n < 2 * 215
    assert "left out as real ones" in found.notes[0]


def test_only_copies_are_not_measured(tmp_path: Path) -> None:
    same = texts(300, 3)
    found = measure(tmp_path, same, same)
    assert not found.metrics
    assert "300 copies of real rows" in found.notes[0]


def test_repeated_rows_do_not_stand_on_both_sides_of_a_fold(tmp_path: Path) -> None:
    """Each row four times: a fit that had seen a copy would know the row."""
    found = measure(tmp_path, texts(120, 1) * 4, texts(120, 2) * 4)
    assert abs(values(found)["auc"] - 0.5) < 0.15


def about(subjects: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """A row a subject: its four words, twice each, among others."""
    made = []
    for number, subject in enumerate(subjects):
        words = ["".join(random.Random(subject * 31 + at).choices("bdfgklmnprstvaeiou", k=6)) for at in range(4)]
        draw = random.Random(seed * 100_003 + number)
        said = [*words, *words, *draw.choices(COMMON, k=16), *draw.choices(TOPICS, k=16)]
        draw.shuffle(said)
        made.append({"prompt": f"tell me of {words[0]} and all that", "response": " ".join(said)})
    return made


@pytest.mark.parametrize("scope", ["text", "response"])
def test_answers_to_the_same_prompts_stand_in_one_fold(tmp_path: Path, scope: str) -> None:
    """A fit that has seen the other side's answer would take each for the other's."""
    rows = fakes.dataset(about(range(400), 1), tmp_path / "rows")
    around = context(tmp_path, about(range(400), 2))
    found = TellsOfSynthesis(scope).run(rows, around, Local(2))
    assert abs(values(found)["auc"] - 0.5) < 0.08
    assert found.notes[1] == "800 rows share a text, prompt, source or beginning with another: kept in one fold"
    assert len(found.notes) == 3


def test_rows_and_the_seeds_they_were_made_from_stand_in_one_fold(tmp_path: Path) -> None:
    """Each row names the real one that it was made from."""
    real = [{"text": one["response"]} for one in about(range(300), 2)]
    made = [{"text": one["response"], "seed": its["text"]} for one, its in zip(about(range(300), 1), real, strict=True)]
    around = context(tmp_path, real)
    for name, mapping, low, high in (("known", {"source": "seed"}, 0.45, 0.55), ("unknown", None, 0.0, 0.45)):
        rows = fakes.dataset(made, tmp_path / name, mapping=mapping)
        assert low < values(TellsOfSynthesis().run(rows, around, Local(2)))["auc"] < high


def test_pairs_that_nothing_tells_of_are_told_by_an_auc_below_one_half(tmp_path: Path) -> None:
    paired, real = ([{"text": one["response"]} for one in about(range(400), seed)] for seed in (1, 2))
    found = measure(tmp_path / "paired", paired, real)
    assert values(found)["auc"] < 0.45
    assert found.notes[1].startswith(f"below 0.5 with all of its interval: auc {values(found)['auc']:.2f} (")
    alone = measure(tmp_path / "alone", [{"text": one["response"]} for one in about(range(400, 800), 1)], real)
    assert not any("below 0.5" in note for note in alone.notes)


@pytest.mark.parametrize(
    ("paired", "splits"),
    [(True, 40), pytest.param(True, 400, marks=pytest.mark.slow), pytest.param(False, 400, marks=pytest.mark.slow)],
)
def test_false_alarms_where_rows_share_their_prompts(tmp_path: Path, paired: bool, splits: int) -> None:
    """Both sides answer each prompt once, or one of them four times."""
    alarms, areas = 0, []
    for seed in range(splits):
        many, times = (150, 1) if paired else (40, 4)
        first = range(1_000 * seed, 1_000 * seed + many)
        second = first if paired else range(first.stop, first.stop + many)
        sides = [about([*subjects] * times, 2 * seed + at) for at, subjects in enumerate((first, second))]
        seen = values(measure(tmp_path / str(seed), *sides))
        alarms += seen["p"] <= 0.05
        areas.append(seen["auc"])
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= alarms <= high
    assert abs(np.mean(areas) - 0.5) < 4 * np.std(areas) / np.sqrt(splits)


def test_each_generator_has_its_own_auc(tmp_path: Path) -> None:
    records = [*texts(150, 1, ("Certainly!",), generator="a"), *texts(150, 2, generator="b")]
    slices = {one.group: one.metric.value for one in measure(tmp_path, records, texts(300, 3), ("generator",)).slices}
    assert slices["a"] is not None
    assert slices["b"] is not None
    assert slices["a"] > 0.97
    assert abs(slices["b"] - 0.5) < 0.15


def test_any_sharding_and_order_gives_the_same(tmp_path: Path) -> None:
    records = [*texts(150, 1, ("Certainly!",)), *texts(50, 2)]
    around = context(tmp_path, texts(180, 3))
    shardings = [fakes.dataset(records, tmp_path / str(size), shard_rows=size) for size in (200, 61)]
    program_laws(TellsOfSynthesis(sample=150), shardings, [Local(1), Local(3)], around)
    backwards = fakes.dataset(records[::-1], tmp_path / "backwards")
    one, other = (TellsOfSynthesis().run(rows, around, Local(1)) for rows in (shardings[0], backwards))
    assert one.metrics == other.metrics
    assert one.exhibits == other.exhibits


FEW = [(texts(500, 1), texts(10, 2)), (texts(1, 1), texts(500, 2)), ([{"text": " "}] * 200, texts(200, 2))]


@pytest.mark.parametrize(("records", "real"), FEW)
def test_too_little_to_tell_is_not_measured(tmp_path: Path, records: Records, real: Records) -> None:
    found = measure(tmp_path, records, real)
    assert not found.metrics
    assert "needs at least 100 rows" in found.notes[0]
    assert "without 0" not in found.notes[0]


def test_odd_rows_are_measured_calmly(tmp_path: Path) -> None:
    odd = [{"text": "x " * 500_000}, {"text": ""}, {"text": "天空是蓝色的" * 30}, {"text": "…—“”"}]
    found = measure(tmp_path / "odd", [*texts(150, 1), *odd], [*texts(150, 2), {"text": "y" * 1_000_000}])
    assert values(found)["auc"] is not None
    assert np.isnan(found.columns["score"]).tolist() == [False] * 151 + [True, False, False]


@pytest.mark.parametrize("distinct", [1, 5, 20, 99])
def test_few_distinct_texts_are_not_measured(tmp_path: Path, distinct: int) -> None:
    """They would have AUCs of .4 to .99, though every one of them is told at a glance."""
    few, many = texts(distinct, 1) * (400 // distinct), texts(600, 2)
    for number, (mine, real) in enumerate(((few, many), (many, few))):
        found = measure(tmp_path / str(number), mine, real)
        assert not found.metrics
        assert f"needs 100 distinct texts a side, has {distinct if mine is few else ''}" in found.notes[0]
        assert found.notes[0].endswith("see exact-duplicates")


def test_a_detector_is_kept_and_reads_back_the_same(tmp_path: Path) -> None:
    rows = fakes.dataset(texts(150, 1, ("Certainly!",)), tmp_path / "rows")
    around = context(tmp_path, texts(150, 2))
    found = TellsOfSynthesis().run(rows, around, Local(1))
    content = found.artifacts["detector.json"]
    made = Detector.from_json(content, "detector.json")
    assert made.to_json() == content
    assert (made.real, made.synthetic) == (around.references["real"].digest, rows.digest)
    for damaged in (b"", b"[]", b"{}", content[: len(content) // 2], content.replace(b'"detector":1', b'"detector":9')):
        with pytest.raises(InputError, match="detector"):
            Detector.from_json(damaged, "file")
    about = json.loads(content)
    about["wording"].pop()
    with pytest.raises(InputError):
        Detector.from_json(json.dumps(about).encode(), "file")


def test_marks_and_words_are_those_of_plain_python() -> None:
    samples = ["Hello, World! (2 + 2 = 4)\nIt’s “so” — yes…", "", "  a\tb ", "天空 blue_sky été", "#1: *x* [y] {z} `q`"]
    view = strings(pa.array(samples, pa.large_string()))
    counted = marks.counts(spans(view.offsets, view.data, fold=False))
    for text, row in zip(samples, counted.tolist(), strict=True):
        found = dict(zip(marks.NAMES, row, strict=True))
        assert found["bytes"] == len(text.encode())
        assert found["words"] == len(text.split())
        assert found["lines"] == text.count("\n")
        assert found["capitals"] == sum("A" <= one <= "Z" for one in text)
        assert found["digits"] == sum("0" <= one <= "9" for one in text)
        assert found["bytes beyond ASCII"] == sum(one > 127 for one in text.encode())
        for name in marks.NAMES[6:]:
            assert found[name] == sum(text.count(mark) for mark in name.split(" or ")), name
    assert detectors.words_in("It’s a Blue_Sky, 天空 x²") == ["it", "s", "a", "blue_sky", "天", "空", "x²"]
    assert normal("É") == "é"
    wordings = detectors.read(view)
    for at, text in enumerate(samples):
        words = detectors.words_in(text)
        distinct = len(set(words)) + len(set(pairwise(words)))
        assert wordings.offsets[at + 1] - wordings.offsets[at] == distinct + (len(words) == 1)


def test_wrong_parameters_are_refused() -> None:
    for parameters in ({"scope": "title"}, {"sample": 10}):
        with pytest.raises(ConfigError):
            build("tells-of-synthesis", parameters)


def lines(path: Path) -> Records:
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


@pytest.mark.data
@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_false_alarms_on_halves_of_real_data(tmp_path: Path, shared_data: Callable[[str], Path], splits: int) -> None:
    records = lines(shared_data("gsm8k/train.jsonl"))
    alarms = tells = 0
    for seed in range(splits):
        chosen = random.Random(seed).sample(records, 300)
        seen = values(measure(tmp_path / str(seed), chosen[:150], chosen[150:]))
        alarms += seen["p"] <= 0.05
        tells += seen["tells"] > 0
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= alarms <= high
    assert tells <= binom.ppf(0.995, splits, 0.01)


AUCS = {
    "squad_gpt-j-6B": (0.959, 0.556, 0.960),
    "squad_gpt-neo-2.7B": (0.949, 0.601, 0.958),
    "squad_gpt-neox-20b": (0.931, 0.516, 0.942),
    "squad_gpt2-xl": (0.964, 0.618, 0.968),
    "squad_opt-2.7b": (0.957, 0.567, 0.972),
    "xsum_gpt-j-6B": (0.993, 0.623, 0.996),
    "xsum_gpt-neo-2.7B": (0.995, 0.650, 0.998),
    "xsum_gpt-neox-20b": (0.996, 0.611, 0.998),
    "xsum_gpt2-xl": (0.995, 0.595, 0.995),
    "xsum_opt-2.7b": (0.993, 0.605, 0.997),
}
"""AUC of both parts, of embeddings and of features alone, as docs/embedders.md has them."""


@pytest.mark.data
def test_human_and_machine_continuations(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    """All ten files of Fast-DetectGPT, each as it is reported."""
    seen = {}
    for path in sorted(shared_data("fastdetect/data").glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        sides = [[{"text": text} for text in content[side]] for side in ("sampled", "original")]
        found = measure(tmp_path / path.stem, *sides)
        of = values(found)
        seen[path.name.removesuffix(".raw_data.json")] = (of["auc"], of["auc_embeddings"], of["auc_features"])
        assert f"{found.metrics[0].n:,} rows share a" in found.notes[1]  # the pairs, by how they begin
        assert "line ends: none" in {row[0] for row in found.exhibits[0].rows}, path.name
    assert seen.keys() == AUCS.keys()
    for name, aucs in AUCS.items():
        assert seen[name] == pytest.approx(aucs, abs=0.01), name


@pytest.mark.data
@pytest.mark.parametrize("scope", ["text", "response"])
def test_answers_to_the_same_questions_are_told_as_well_as_to_others(
    tmp_path: Path, shared_data: Callable[[str], Path], scope: str
) -> None:
    """A 6B model's solutions of GSM8K against people's: .80 and .76, of answers alone .81 and .79. With folds that know
    no questions those of the same ones have .58 and .73."""
    solved = lines(shared_data("gsm8k/example_model_solutions.jsonl"))
    machine = [{"question": one["question"], "answer": one["6b_finetuning"]["solution"]} for one in solved]
    people = [{"question": one["question"], "answer": one["ground_truth"]} for one in solved]
    order = random.Random(1).sample(range(len(solved)), 1_300)
    rows = fakes.dataset([machine[at] for at in order[:650]], tmp_path / "rows")
    same, other = (
        values(TellsOfSynthesis(scope).run(rows, context(tmp_path / name, [people[at] for at in chosen]), Local(2)))
        for name, chosen in (("same", order[:650]), ("other", order[650:]))
    )
    assert same["auc"] > other["auc"] - 0.03 > 0.68


@pytest.mark.data
def test_alpaca_against_dolly(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    found = measure(tmp_path, lines(shared_data("alpaca/random_9k.json")), lines(shared_data("alpaca/dolly_3k.json")))
    assert 0.9 < values(found)["auc"] < 1
    assert values(found)["tells"] > 100


def test_scores_order_rows_as_the_auc_says(tmp_path: Path) -> None:
    marked, real = texts(400, 1, ("so",)), texts(400, 2)
    around = context(tmp_path, real)
    found = TellsOfSynthesis().run(fakes.dataset(marked, tmp_path / "rows"), around, Local(1))
    made = Detector.from_json(found.artifacts["detector.json"], "table")
    theirs = detectors.odds(around.references["real"], None, made, Local(1))
    ours = np.log(found.columns["score"].astype(float)) - np.log1p(-found.columns["score"].astype(float))
    both = np.concatenate((ours, theirs))
    assert roc_auc_score(np.arange(800) < 400, both) > 0.9
