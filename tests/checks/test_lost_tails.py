"""lost-tails: planted losses, the null on data that nobody here wrote, odd inputs, and what it leads to."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

import auditor
from auditor import fakes, reports
from auditor.checks.lost_tails import LostTails
from auditor.core.check import Context, build
from auditor.core.measure import measure
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import FINDING_SCHEMA, Measurement

TOPICS = 100


def word(draw: random.Random) -> str:
    return "".join(draw.choice("bcdfgklmnprstvz") + draw.choice("aeiou") for _ in range(draw.randint(2, 4)))


def texts(
    n: int, seed: int, words: int = 20, topics: int = TOPICS, halves: tuple[int, int] = (6, 20)
) -> tuple[list[str], list[int]]:
    """Texts of two halves of so many words, one of their topic's own vocabulary; the topics' sizes are Zipf's."""
    language, draw = random.Random(0), random.Random(seed)
    common = [word(language) for _ in range(400)]
    own = [[word(language) for _ in range(words)] for _ in range(topics)]
    kinds = draw.choices(range(topics), [1 / (1 + kind) for kind in range(topics)], k=n)
    said = []
    for kind in kinds:
        half = draw.randint(*halves)
        said.append(" ".join(draw.choices(own[kind], k=half) + draw.choices(common, k=half)))
    return said, kinds


def measured(
    ours: Sequence[Any], real: Sequence[Any], folder: Path, check: LostTails | None = None, shard_rows: int = 65_536
) -> Measurement:
    sides = [
        fakes.dataset(
            [one if isinstance(one, Mapping) else {"text": one} for one in side], folder / name, shard_rows=shard_rows
        )
        for name, side in (("a", ours), ("b", real))
    ]
    context = Context(references={"real": sides[1]}, space=fakes.space(folder / "space"))
    return (check or LostTails()).run(sides[0], context, Local(2))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.removeprefix("lost_tails."): metric.value for metric in measurement.metrics}


def test_the_rarest_topics_left_out_are_missed(tmp_path: Path) -> None:
    """Of 10,000 rows the rarest 0, 2 and 10 in 100 topics: nothing, 32 rows, 200 rows."""
    real, ours = (
        [{"text": text, "kind": kind} for text, kind in zip(*texts(10_000, seed), strict=True)] for seed in (11, 12)
    )
    reference, space = fakes.dataset(real, tmp_path / "real"), fakes.space(tmp_path / "space")
    found = []
    for kept in (100, 98, 90):
        rows = fakes.dataset([row for row in ours if row["kind"] < kept], tmp_path / str(kept))
        found.append(LostTails().run(rows, Context(references={"real": reference}, space=space), Local(2)))
    none, two, ten = (values(one) for one in found)
    assert (none["unreached_share"], none["gaps"], found[0].exhibits) == (0, 0, ())
    assert none["unreached_by_chance"] < 0.001
    assert two["unreached_share"] > 0
    assert two["loss_p"] < 0.01 <= none["loss_p"]
    assert two["unreached_mass"] > 0.002
    assert ten["gaps"] >= 5
    assert ten["unreached_excess"] > 0.01
    assert none["rare_word_mass"] > two["rare_word_mass"] > ten["rare_word_mass"]
    excess = next(metric for metric in found[2].metrics if metric.name.endswith("excess"))
    assert excess.low is not None
    assert excess.low > 0
    assert ten["topic_effect"] > none["topic_effect"]
    # The rarest tenth of topics is emptier than in the real data, and the commonest is not.
    (shown,) = found[2].distributions
    assert shown.counts[0] / shown.reference[0] < 0.9 < shown.counts[9] / shown.reference[9]


def test_subjects_too_small_for_a_topic_are_missed_by_their_words(tmp_path: Path) -> None:
    """The rarest 4 of 200 topics, of 6 to 12 rows each in 10,000."""
    real, _ = texts(10_000, 21, topics=200)
    ours, kinds = texts(10_000, 22, topics=200)
    whole, cut = (
        measured([text for text, kind in zip(ours, kinds, strict=True) if kind < kept], real, tmp_path / str(kept))
        for kept in (200, 196)
    )
    assert values(whole)["loss_p"] > 0.05
    assert values(cut)["loss_p"] < 0.01
    assert values(cut)["lost_words"] > values(whole)["lost_words"]
    (lost_words,) = (exhibit.rows[0] for exhibit in cut.exhibits if exhibit.name == "lost_tails.lost")
    assert float(lost_words[2] or 0) == pytest.approx(values(cut)["lost_words"], abs=0.05)
    assert float(lost_words[2] or 0) > 1.2 * float(lost_words[3] or 1)
    told = str(lost_words[1]).split(", ")
    language = random.Random(0)
    own = [[word(language) for _ in range(20)] for _ in range(220)][20:]  # after the 400 words that all share
    lost = {one for topic in own[196:] for one in topic}
    assert len(lost.intersection(told)) >= 8


@pytest.mark.parametrize(
    ("topics", "rows", "percents"),
    [(100, 10_000, (0, 1)), (200, 10_000, (0, 1)), (100, 4_000, (0, 5, 10)), (200, 4_000, (0, 10))],
)
def test_a_gate_sees_rare_topics_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topics: int, rows: int, percents: tuple[int, ...]
) -> None:
    """PASS with all topics, WARN without the rarest 1 % in 10,000 rows, 10 % (of 100 topics 5 %) in 4,000."""
    monkeypatch.chdir(tmp_path)
    policy = tmp_path / "rare.yaml"
    policy.write_text("name: rare\nmetrics:\n  lost_tails.loss_p: {warn: '< 0.01'}\n")
    real, (ours, kinds) = texts(rows, 11, topics=topics)[0], texts(rows, 12, topics=topics)
    verdicts = []
    for percent in percents:
        kept = [
            {"text": text} for text, kind in zip(ours, kinds, strict=True) if kind < topics - percent * topics / 100
        ]
        report = auditor.audit(kept, [{"text": text} for text in real], only="lost-tails", policy=str(policy))
        verdicts.append(report.verdict.value)
    assert verdicts == ["pass", *["warn"] * (len(percents) - 1)]


def test_short_texts_of_wide_vocabularies_lose_topics_whose_words_are_all_rare(tmp_path: Path) -> None:
    """The rarest 2 of 100 topics of 60 words, in texts of 6 to 20: each word lost was in two rows or so."""
    real, _ = texts(10_000, 33, words=60, halves=(3, 10))
    ours, kinds = texts(10_000, 34, words=60, halves=(3, 10))
    whole, cut = (
        measured([text for text, kind in zip(ours, kinds, strict=True) if kind < kept], real, tmp_path / str(kept))
        for kept in (100, 98)
    )
    assert values(whole)["loss_p"] > 0.05
    assert values(cut)["loss_p"] < 0.01
    (lost,) = (exhibit for exhibit in cut.exhibits if exhibit.name == "lost_tails.lost")
    assert [row[0] for row in lost.rows] == ["rare words", "places"]
    assert float(lost.rows[1][4] or 0) < 0.01
    assert whole.notes[-2].startswith("rows with real ones only around them: p = ")


def test_gaps_are_named_with_real_examples(tmp_path: Path) -> None:
    draw = random.Random(5)
    subjects = [[word(draw) for _ in range(25)] for _ in range(20)]
    real = [
        {"prompt": " ".join(draw.choices(subjects[i % 20], k=14)), "response": f"Answer {i}."} for i in range(1_000)
    ]
    rare = [
        {
            "prompt": f"tax deduction filing {' '.join(draw.choices(subjects[0], k=3))} tax return form {i}",
            "response": "Yes.",
        }
        for i in range(30)
    ]
    folder = tmp_path / "m"
    measurement = measured(real[:900], real[:300] + rare + real[300:], folder)
    table = measurement.tables["gaps"]
    assert set(table.column("name").to_pylist()[0].split(", ")) <= {
        "tax",
        "deduction",
        "filing",
        "return",
        "form",
        "yes",
    }
    line = table.to_pylist()[0]
    assert (line["synthetic_rows"], 300 <= line["row"] < 330) == (0, True)
    assert line["prompt"] == rare[line["row"] - 300]["prompt"]
    assert line["missing_rows"] == line["real_seen"]  # 900 rows are compared, and 900 are there
    assert line["real_rows"] == round(line["real_seen"] * 1_030 / 900)
    exhibit = measurement.exhibits[0]
    assert exhibit.rows[0][2] == 0
    assert "tax" in str(exhibit.rows[0][4])
    (findings,) = LostTails().locate(fakes.dataset(real, tmp_path / "r"), measurement, Context())
    assert findings.schema == FINDING_SCHEMA
    assert findings.column("row").null_count == len(findings) == len(table)
    assert findings.column("related").to_pylist() == table.column("row").to_pylist()
    assert "no rows for" in findings.column("evidence").to_pylist()[0]
    assert findings.column("score").to_pylist()[0] == 1  # all that is due is missing


def test_order_and_shards_change_nothing(tmp_path: Path) -> None:
    real, _ = texts(600, 1)
    ours, _ = texts(500, 2)
    first = measured(ours, real, tmp_path / "1")
    second = measured(ours, real, tmp_path / "2", shard_rows=97)
    turned = measured(ours[::-1], real, tmp_path / "3")
    assert first.metrics == second.metrics == turned.metrics
    assert first.notes == second.notes


LONG = "word " * 200_000


@pytest.mark.parametrize(
    "rows",
    [
        ["the same text in every row"] * 300,
        [{"prompt": f"Question {i}?", "response": ""} for i in range(300)],
        [LONG, *(f"short {i}" for i in range(299))],
        ["".join(chr(0x4E00 + (i * step) % 2_000) for step in range(1, 20)) for i in range(300)],
        [" " if i % 2 else "?!" for i in range(300)],
    ],
    ids=["equal", "empty answers", "a megabyte", "no spaces", "no words"],
)
def test_odd_rows_give_a_number_or_a_reason(rows: list[Any], tmp_path: Path) -> None:
    plain, _ = texts(300, 1)
    for number, (ours, real) in enumerate(itertools.product((rows, plain), repeat=2)):
        measurement = measured(ours, real, tmp_path / str(number))
        assert measurement.metrics or measurement.notes
        for metric in measurement.metrics:
            assert metric.why if metric.value is None else np.isfinite(metric.value)
    same = measured(plain, plain, tmp_path / "same")
    assert values(same)["gaps"] == 0
    assert values(same)["unreached_mass"] == 0


def test_too_little_is_skipped_and_says_so(tmp_path: Path) -> None:
    rows, _ = texts(400, 1)
    few = measured(rows, rows[:10], tmp_path / "1")
    assert (few.metrics, few.notes) == ((), ("needs at least 200 rows a side with text, has 400 and 10",))
    answers = measured(rows, rows, tmp_path / "2", LostTails(scope="response"))
    assert (answers.metrics, "has 0 and 0" in answers.notes[0]) == ((), True)


@pytest.mark.parametrize("given", [{"scope": "all"}, {"sample": 3}, {"part": 1.0}, {"least": 0}])
def test_parameters_are_checked(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"scope|sample"):
        LostTails(**given)


@pytest.mark.data
def test_halves_of_real_data_lose_nothing(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    for name in ("gsm8k/train.jsonl", "alpaca/dolly_3k.json"):
        path = shared_data(name)
        rows = (
            [json.loads(line) for line in path.read_text().splitlines()]
            if path.suffix == ".jsonl"
            else json.loads(path.read_text())
        )
        random.Random(1).shuffle(rows)
        found = values(measured(rows[::2], rows[1::2], tmp_path / path.stem))
        assert (found["unreached_share"], found["gaps"]) == (0, 0)
        assert 0.9 < found["rare_word_mass"] < 1.1
        assert 0.9 < found["rare_ngram_mass"] < 1.1


@pytest.mark.data
def test_alpaca_lacks_what_dolly_asks(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Dolly's classification tasks ("string or percussion: Tifa, Pipa") and its long answers from a text."""
    ours = json.loads(shared_data("alpaca/random_9k.json").read_text())
    real = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    measurement = measured(ours, real, tmp_path)
    found = values(measurement)
    assert found["gaps"] >= 5
    assert found["length_tail"] < 0.5
    assert any("instrument" in name for name in measurement.tables["gaps"].column("name").to_pylist())


def test_gaps_as_json_lines(tmp_path: Path) -> None:
    real, kinds = texts(1_500, 3)
    ours = [text for text, kind in zip(*texts(1_500, 4), strict=True) if kind not in (2, 5)]
    rows, path = [{"text": text} for text in ours], tmp_path / "gaps.jsonl"
    report = auditor.audit(rows, [{"text": text} for text in real], only="lost-tails", gaps=path)
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert len(lines) == report.metrics["lost_tails.gaps"].value == 2
    for line in lines:
        assert line["missing_rows"] > 0.9 * line["real_rows"] * len(rows) / len(real)
        assert 1 <= len(line["examples"]) <= 5
        for example in line["examples"]:
            assert example == {"row": example["row"], "text": real[example["row"]]}
            assert kinds[example["row"]] in (2, 5)
    assert {kinds[line["examples"][0]["row"]] for line in lines} == {2, 5}
    # Every report shows whose row it is, and where it stands.
    shown = report.view.sections[0].examples
    assert {example.name[-17:] for example in shown} == {" of the real data"}
    found = report.findings.to_pylist()
    assert {one["whose"] for one in found} == {"real"}
    assert [one["line"] for one in found] == [one["related"] + 1 for one in found]
    for name in reports.FORMATS:
        assert reports.render(name, report.view)
    (run,) = orjson.loads(reports.render("sarif", report.view))["runs"]
    verdict, *results = (one["locations"][0]["physicalLocation"] for one in run["results"])
    assert verdict["region"]["startLine"] == 1
    assert [one["region"]["startLine"] for one in results] == [example.line for example in shown]
    with pytest.raises(ConfigError, match="real data"):
        auditor.audit(rows, gaps=path)
    with pytest.raises(ConfigError, match="the check that finds them"):
        auditor.audit(rows, rows, skip="lost-tails", gaps=path)
    few = auditor.audit(rows[:20], rows, only="lost-tails", gaps=tmp_path / "none.jsonl")
    assert (few.exit_code, few.view.unmet) == (3, ("lost-tails",))
    assert "needs at least 200 rows" in few.view.sections[0].reason
    assert not (tmp_path / "none.jsonl").exists()


SHRINKING = (1.0, 0.66, 0.33, 0.0)


def rounds(seed: int, kept: Sequence[float], folder: Path, rows: int = 1_500) -> tuple[Measurement, Measurement]:
    """What the room and the trend say of as many rounds; of the 6 rarest of 60 topics (2 % of the rows) each keeps such
    a share."""
    draw, made = random.Random(seed), []
    for number, share in enumerate(kept, 1):
        for text, kind in zip(*texts(rows, 10 * seed + number, topics=60), strict=True):
            if kind < 54 or draw.random() < share:
                made.append({"text": text, "round": f"round {number}"})
    draw.shuffle(made)
    return trend(made, [{"text": text} for text in texts(rows + 500, 10 * seed, topics=60)[0]], folder)


def trend(rows: Sequence[Mapping[str, Any]], real: Sequence[Any], folder: Path) -> tuple[Measurement, Measurement]:
    sides = fakes.dataset(rows, folder / "a", by=("round",)), fakes.dataset(real, folder / "b")
    context = Context(references={"real": sides[1]}, space=fakes.space(folder / "space"))
    found = LostTails().run(sides[0], context, Local(2))
    return found, build("generation-trend", {}).inspect(Context(measured={"lost-tails": found}))


def declining(found: Measurement) -> int:
    metrics = {metric.name: metric.value for metric in found.metrics}
    return int(metrics["generation_trend.significantly_declining"] or 0)


def test_tails_that_shrink_from_round_to_round(tmp_path: Path) -> None:
    found, told = rounds(1, SHRINKING, tmp_path)
    (note,) = [note for note in found.notes if note.startswith("by round")]
    smallest = min(one.metric.n for one in found.slices if one.by == "round" and one.metric.name.endswith("lost_words"))
    assert note == f"by round, each group compared at {smallest:,} rows a side"
    assert {one.group for one in found.slices if one.by == "round"} == {f"round {n}" for n in (1, 2, 3, 4)}
    assert declining(told) == 1
    (evidence,) = told.tables["faults"].column("evidence").to_pylist()
    assert evidence.startswith("lost_tails.lost_words (less is better) worse")
    assert "(round 1)" in evidence
    assert len(told.exhibits[0].rows) == 5  # topics are too few to be compared


def test_a_round_as_another_one_has_its_numbers(tmp_path: Path) -> None:
    """Each slice is what the room says of those rows alone beside as many real ones; rounds without a number and those
    too small are left out."""
    of = {f"r{n}": texts(300, n, topics=20)[0] for n in (1, 2)}
    rows: list[dict[str, str | None]] = [{"text": text, "round": label} for label, said in of.items() for text in said]
    rows += [{"text": f"odd {i}", "round": None} for i in range(250)]
    rows += [{"text": f"few {i}", "round": "r3"} for i in range(150)]
    real = [{"text": text} for text in texts(700, 9, topics=20)[0]]
    found, told = trend(rows, real, tmp_path / "1")
    alone = values(measured(of["r2"], real, tmp_path / "2", LostTails(sample=300)))
    sliced = {
        one.metric.name.removeprefix("lost_tails."): one.metric.value
        for one in found.slices
        if (one.by, one.group) == ("round", "r2")
    }
    assert {"lost_words", "unreached_excess", "topic_effect", "gaps"} <= set(sliced)
    assert {name: alone[name] for name in sliced} == sliced
    assert "by round, groups of fewer than 200 rows are left out: r3 (150)" in found.notes
    assert {one.group for one in found.slices if one.by == "round"} == {"r1", "r2"}
    assert told.exhibits[0].columns[2:4] == ("round 1", "round 2")
    turned, _ = trend(rows[::-1], real[::-1], tmp_path / "3")
    assert turned.slices == found.slices


@pytest.mark.slow
def test_tails_that_shrink_are_told_and_equal_ones_are_not(tmp_path: Path) -> None:
    """Of 20 draws each at least 18 and at most 3 (the chance of more at 5 % is 1.6 %)."""
    told = [declining(rounds(seed, SHRINKING, tmp_path / f"a{seed}")[1]) > 0 for seed in range(20)]
    none = [declining(rounds(seed, (1, 1, 1, 1), tmp_path / f"b{seed}")[1]) > 0 for seed in range(20)]
    assert (sum(told) >= 18, sum(none) <= 3) == (True, True), (told, none)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("parts", [2, 4])
def test_halves_of_real_data_as_rounds_do_not_decline(
    parts: int, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """40 halves of Dolly in rounds against the other half: at most 6 alarms (at 5 % more have a chance of 1.4 %)."""
    of, alarms = json.loads(shared_data("alpaca/dolly_3k.json").read_text()), 0
    for seed in range(40):
        random.Random(seed).shuffle(of)
        half = len(of) // 2
        rows = [{**row, "round": f"round {1 + place * parts // half}"} for place, row in enumerate(of[:half])]
        alarms += declining(trend(rows, of[half:], tmp_path / str(seed))[1]) > 0
    assert alarms <= 6


def test_gaps_on_a_draw_are_rows_of_the_whole(tmp_path: Path) -> None:
    """A calibrated policy has the room compare 1,000 rows a side; what is missing is of all 3,000."""
    real, _ = texts(2_000, 3)
    ours = [text for text, kind in zip(*texts(3_400, 4), strict=True) if kind != 2][:3_000]
    sides = [fakes.dataset([{"text": t} for t in side], tmp_path / name) for name, side in (("a", ours), ("b", real))]
    context = Context({"real": sides[1]}, space=fakes.space(tmp_path / "space"), sizes={"lost_tails.gaps": 1_000})
    (outcome,) = measure([LostTails()], sides[0], context, Local(1))
    assert outcome.measurement is not None
    (line, *_) = outcome.measurement.tables["gaps"].to_pylist()
    assert line["real_rows"] == 2 * line["real_seen"]
    assert line["synthetic_rows"] == 3 * line["synthetic_seen"]
    assert line["missing_rows"] == 3 * (line["real_seen"] - line["synthetic_seen"])
    assert line["text"] == real[line["row"]]
    assert outcome.measurement.notes[0] == "compared at 1,000 rows a side, drawn from 3,000 and 2,000"
