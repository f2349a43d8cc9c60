"""embedding-drift: equal halves are alike, planted rows are seen, and nothing odd breaks it."""

from __future__ import annotations

import contextlib
import io
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from auditor import fakes
from auditor.checks.embedding_drift import LARGEST, EmbeddingDrift
from auditor.core.check import Context, build
from auditor.core.laws import program_laws
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import FINDING_SCHEMA, Measurement
from auditor.sketches.sample import drawn
from auditor.statistics import mmd
from auditor.statistics.blas import single

Records = Sequence[dict[str, Any]]


def measure(folder: Path, records: Records, real: Records, **parameters: Any) -> Measurement:
    rows, reference = (fakes.dataset(side, folder / name) for name, side in (("rows", records), ("real", real)))
    context = Context({"real": reference}, space=fakes.space(folder / "space"))
    found: Measurement = build("embedding-drift", parameters).run(rows, context, Local(2))
    return found


def values(measurement: Measurement) -> dict[str, float | None]:
    return {m.name.partition(".")[2]: m.value for m in measurement.metrics}


def texts(n: int, seed: int, words: str) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [{"text": " ".join(draw.choices(words.split(), k=draw.randint(5, 15)))} for _ in range(n)]


GARDEN = "rose fern moss oak ash elm reed sage mint thyme the a of with under beside grows tall in spring rain"
OFFICE = "memo desk clerk stamp ledger invoice the a of with under beside files early in quarter report form"


def test_halves_are_alike_and_other_texts_are_not(tmp_path: Path) -> None:
    same = values(measure(tmp_path / "same", texts(1100, 1, GARDEN), texts(1100, 2, GARDEN)))
    other = values(measure(tmp_path / "other", texts(1100, 1, GARDEN), texts(1100, 2, OFFICE)))
    assert same["mmd_p"] is not None
    assert same["mmd_p"] > 0.05
    assert other["mmd_p"] == 1 / 500
    for name, alike in (("coverage", 0.9), ("precision", 0.7), ("recall", 0.7), ("density", 0.8)):
        assert (same[name] or 0) > alike, name
        assert (other[name] or 0) < 0.2, name
    assert (other["mmd"] or 0) > 5 * (same["mmd"] or 0)
    assert abs(same["frechet"] or 0) < 0.02 < (other["frechet"] or 0)


def test_metrics_are_those_of_the_authors_package(tmp_path: Path) -> None:
    import prdc

    records, real = texts(300, 1, GARDEN), texts(300, 2, GARDEN + " memo desk")
    found = values(measure(tmp_path, records, real))
    vectors = []
    for name, side in (("rows", records), ("real", real)):
        rows = fakes.dataset(side, tmp_path / name)
        vectors.append(fakes.space(tmp_path / "space").vectors(rows, "text").take(np.arange(300)).astype(np.float64))
    with contextlib.redirect_stdout(io.StringIO()):
        wanted = prdc.compute_prdc(vectors[1], vectors[0], 5)
    for name, value in wanted.items():
        assert found[name] == pytest.approx(float(value), abs=0.004), name  # a tie or two in single precision


def test_findings_are_the_planted_rows(tmp_path: Path) -> None:
    records = [*texts(400, 1, GARDEN), *texts(20, 3, OFFICE)]
    rows, real = fakes.dataset(records, tmp_path / "rows"), fakes.dataset(texts(420, 2, GARDEN), tmp_path / "real")
    context = Context({"real": real}, space=fakes.space(tmp_path / "space"))
    check = EmbeddingDrift()
    found = check.run(rows, context, Local(1))
    (table,) = check.locate(rows, found, context)
    assert table.schema.equals(FINDING_SCHEMA)
    score = table.column("score").to_numpy()
    farthest_first = table.column("row").to_numpy()[np.argsort(-score)]
    assert set(range(400, 420)) == set(farthest_first[:20].tolist())
    assert len(table) <= LARGEST
    assert {row[1] for row in found.exhibits[0].rows if row[0] == "data"} <= set(range(400, 420))


def answered(seed: int, words: str) -> list[dict[str, Any]]:
    """300 answers to the same questions."""
    asked = [f"{at} {one['text']} {at}" for at, one in enumerate(texts(300, 3, OFFICE))]
    return [{"prompt": ask, "response": one["text"]} for ask, one in zip(asked, texts(300, seed, words), strict=True)]


def test_sides_that_share_their_prompts_are_paired_and_told(tmp_path: Path) -> None:
    plain, violet = answered(1, GARDEN), answered(2, f"{GARDEN} {GARDEN} violet")
    for scope in ("text", "response"):
        found = measure(tmp_path / scope, plain, violet, scope=scope)
        assert values(found)["mmd_p"] == 1 / 500
        assert (values(found)["mmd"] or 0) > 0
        told = found.notes[-1]
        assert told.startswith("100% of the rows share a text, prompt, source or beginning with a real one: ")
        assert " MMD leaves 300 such pairs out and its p swaps them, " in told
        assert told.endswith("answers alone are compared by scope=response") == (scope == "text")
        alike = measure(tmp_path / f"{scope}-alike", plain, answered(5, GARDEN), scope=scope)
        assert (values(alike)["mmd_p"] or 0) > 0.05
    other = measure(tmp_path / "other", plain[:150], violet[150:])
    assert not any("share a text" in note for note in other.notes)


def test_prompts_that_one_side_answers_more_often_leave_rows_as_they_are(tmp_path: Path) -> None:
    """Four answers of one side to each of a few prompts: more of a kind within it than across."""
    many = [{**one, "prompt": answered(1, GARDEN)[at // 4]["prompt"]} for at, one in enumerate(answered(2, GARDEN))]
    found = measure(tmp_path, many, answered(4, GARDEN))
    assert found.notes[-1].endswith("not more than with rows of their own side: MMD's p takes all rows for independent")


def test_any_sharding_and_order_gives_the_same(tmp_path: Path) -> None:
    records = [*texts(200, 1, GARDEN), *texts(50, 3, OFFICE)]
    real = fakes.dataset(texts(230, 2, GARDEN), tmp_path / "real", shard_rows=70)
    context = Context({"real": real}, space=fakes.space(tmp_path / "space"))
    shardings = [fakes.dataset(records, tmp_path / str(size), shard_rows=size) for size in (250, 61)]
    program_laws(EmbeddingDrift(sample=200), shardings, [Local(1), Local(3)], context)
    backwards = fakes.dataset(records[::-1], tmp_path / "backwards")
    one, other = (EmbeddingDrift().run(rows, context, Local(1)).metrics for rows in (shardings[0], backwards))
    assert one == other


@pytest.mark.parametrize(
    ("records", "real"),
    [
        (texts(500, 1, GARDEN), texts(10, 2, GARDEN)),
        (texts(1, 1, GARDEN), texts(500, 2, GARDEN)),
        ([{"text": " "}] * 200, texts(200, 2, GARDEN)),
    ],
)
def test_too_little_to_tell_is_not_measured(tmp_path: Path, records: Records, real: Records) -> None:
    found = measure(tmp_path, records, real)
    assert not found.metrics
    assert "needs at least 50 rows" in found.notes[0]


def test_odd_rows_are_measured_calmly(tmp_path: Path) -> None:
    equal = values(measure(tmp_path / "equal", [{"text": "same"}] * 200, [{"text": "same"}] * 200))
    assert equal["mmd"] == 0
    assert equal["mmd_p"] == 1
    assert equal["precision"] == equal["coverage"] == 1
    assert equal["frechet"] is None
    odd = [{"text": "x " * 500_000}, {"text": ""}, {"text": "天空是蓝色的"}]
    found = measure(tmp_path / "odd", [*texts(80, 1, GARDEN), *odd], texts(80, 2, GARDEN))
    assert {one.n for one in found.metrics} == {80}
    assert all(one.value is not None or one.why for one in found.metrics)


def test_mauve_on_request(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mauve")
    alike = values(measure(tmp_path / "a", texts(300, 1, GARDEN), texts(300, 2, GARDEN), mauve=True))
    apart = values(measure(tmp_path / "b", texts(300, 1, GARDEN), texts(300, 2, OFFICE), mauve=True))
    assert capfd.readouterr() == ("", "")  # Faiss would warn of few rows a cluster
    assert (alike["mauve"] or 0) > 0.8
    assert (apart["mauve"] or 0) < 0.1
    assert "mauve" not in values(measure(tmp_path / "c", texts(300, 1, GARDEN), texts(300, 2, OFFICE)))


def test_mauve_is_the_area_below_the_frontier_by_hand(tmp_path: Path) -> None:
    """Six texts said again and again: six clusters whoever looks for them (one for 10 rows), so that the histograms are
    known and Pillutla et al. 2021, equation 3, can be drawn by hand: the area below the points (exp(-5 KL(Q|R)),
    exp(-5 KL(P|R))) for mixtures R = w P + (1 - w) Q."""
    pytest.importorskip("mauve")
    said = [f"{one} {other} {one}" for one, other in zip(GARDEN.split()[:6], OFFICE.split()[:6], strict=True)]
    real, made = np.array([20, 14, 10, 8, 5, 3]), np.array([3, 6, 9, 12, 14, 16])
    rows = [[{"text": text} for text, n in zip(said, side, strict=True) for _ in range(n)] for side in (made, real)]
    found = values(measure(tmp_path, *rows, mauve=True))["mauve"]
    p, q = real / 60, made / 60
    points = [(0.0, 1.0), (1.0, 0.0)]
    for w in np.linspace(1e-6, 1 - 1e-6, 25):
        r = w * p + (1 - w) * q
        points.append(tuple(float(np.exp(-5 * np.sum(one * np.log(one / r)))) for one in (q, p)))  # type: ignore[arg-type]
    areas = []
    for curve in (sorted(points), sorted((y, x) for x, y in points)):
        x, y = np.array(curve).T
        areas.append(float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)))
    assert found == pytest.approx(sum(areas) / 2, abs=1e-6)


def test_wrong_parameters_are_refused() -> None:
    for parameters in ({"scope": "title"}, {"sample": 10}):
        with pytest.raises(ConfigError):
            build("embedding-drift", parameters)


def gsm8k(folder: Path, path: Path, column: str = "text") -> Any:
    records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows = fakes.dataset(records, folder)
    return fakes.space(folder / "space").vectors(rows, column).take(drawn(rows, len(rows)))


@pytest.mark.data
@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_false_alarms_on_halves_of_real_data(tmp_path: Path, shared_data: Callable[[str], Path], splits: int) -> None:
    vectors = gsm8k(tmp_path, shared_data("gsm8k/train.jsonl"))
    alarms = 0
    with single():
        for seed in range(splits):
            chosen = np.random.default_rng(seed).permutation(len(vectors))[:600]
            found = mmd.discrepancy(vectors[chosen[:300]], vectors[chosen[300:]], Local(2).map, permutations=99)
            alarms += found.p <= 0.05
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= alarms <= high


def solved(folder: Path, path: Path, column: str) -> tuple[Any, Any]:
    """Vectors of people's and of a 6B model's answers to the same questions."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    answers = ([row["ground_truth"] for row in rows], [row["6b_finetuning"]["solution"] for row in rows])
    sides = (
        [{"prompt": row["question"], "response": answer} for row, answer in zip(rows, side, strict=True)]
        for side in answers
    )
    space = fakes.space(folder / "space")
    people, model = (fakes.dataset(side, folder / str(at)) for at, side in enumerate(sides))
    every = np.arange(len(rows))
    return space.vectors(people, column).take(every), space.vectors(model, column).take(every)


@pytest.mark.data
@pytest.mark.parametrize("exact", [0, 5000])
@pytest.mark.parametrize("column", ["text", "response"])
def test_a_model_is_told_from_people_on_the_same_questions(
    tmp_path: Path, shared_data: Callable[[str], Path], column: str, exact: int
) -> None:
    """As far as on other questions, and of any 325 that are drawn."""
    people, model = solved(tmp_path, shared_data("gsm8k/example_model_solutions.jsonl"), column)
    pairs = np.column_stack((np.arange(650), np.arange(650)))
    with single():
        same = mmd.discrepancy(model[:650], people[:650], Local(2).map, exact=exact, pairs=pairs)
        other = mmd.discrepancy(model[:650], people[650:1300], Local(2).map, exact=exact)
        assert same.p == other.p == 1 / 500
        assert other.low < same.squared < other.high
        seen = []
        for seed in range(10):
            some = np.random.default_rng(seed).permutation(len(people))[:325]
            found = mmd.discrepancy(
                model[some], people[some], Local(2).map, permutations=99, exact=exact, pairs=pairs[:325]
            )
            seen.append(found.p <= 0.05)
    assert sum(seen) >= 9


@pytest.mark.data
@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exact", [0, 5000])
def test_false_alarms_on_answers_to_the_same_questions(
    tmp_path: Path, shared_data: Callable[[str], Path], splits: int, exact: int
) -> None:
    """Each question's two answers, one of people and one of a model, go to the sides by the toss of a coin."""
    both = np.stack(solved(tmp_path, shared_data("gsm8k/example_model_solutions.jsonl"), "text"), axis=1)
    pairs = np.column_stack((np.arange(300), np.arange(300)))
    alarms = 0
    with single():
        for seed in range(splits):
            draw = np.random.default_rng(seed)
            some, left = draw.permutation(len(both))[:300], draw.integers(0, 2, 300)
            found = mmd.discrepancy(
                both[some, left], both[some, 1 - left], Local(2).map, permutations=99, exact=exact, pairs=pairs
            )
            alarms += found.p <= 0.05
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= alarms <= high


def test_what_is_missing_and_what_is_too_much_have_each_its_fix() -> None:
    remedies = {measure.name: measure.remedy for measure in EmbeddingDrift.spec.measures}
    assert remedies["density"] == remedies["precision"] != ""
    assert remedies["recall"] == remedies["coverage"] != ""
    assert remedies["density"] != remedies["recall"]
