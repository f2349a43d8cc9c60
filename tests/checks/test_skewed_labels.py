"""skewed-labels: counts against plain Python, planted skews, chance, seeds, targets, twins."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import auditor
from auditor import fakes
from auditor.checks.skewed_labels import SkewedLabels
from auditor.core.check import Context, build
from auditor.engines.local import Local
from auditor.model import tiny
from auditor.model.errors import ConfigError
from auditor.model.result import FINDING_SCHEMA, Measurement
from auditor.registry.workspace import Workspace

Rows = Sequence[Mapping[str, Any]]


def measured(
    ours: Rows, folder: Path, real: Rows = (), *, seeds: Rows = (), shard_rows: int = 65_536, **given: Any
) -> Measurement:
    def made(rows: Rows, name: str) -> Any:
        return fakes.dataset(rows, folder / name, annotate=("fields",), shard_rows=shard_rows)

    pedigree = None
    if seeds:
        known = tiny.pedigree("own@1", {"own@1": tiny.Made(seeds=("seeds@1",)), "seeds@1": tiny.Made("real")})
        pedigree = fakes.at_hand(known, {"seeds@1": fakes.dataset(seeds, folder / "seeds")})
    references = {"real": made(real, "real")} if real else {}
    context = Context(references=references, expectations=Workspace.find().expectations, pedigree=pedigree)
    return build("skewed-labels", given).run(made(ours, "ours"), context, Local(2))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.removeprefix("skewed_labels."): metric.value for metric in measurement.metrics}


def tickets(men: int, women: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"In ticket {i} {'he' if i < men else 'she'} asks.", **more} for i in range(men + women)]


def tickets_of(topics: Sequence[str]) -> list[dict[str, Any]]:
    return [{"text": f"Ticket {i}.", "topic": topic} for i, topic in enumerate(topics)]


def located(real: Rows, measurement: Measurement, folder: Path) -> list[list[dict[str, Any]]]:
    tables = SkewedLabels().locate(fakes.dataset(real, folder / "located"), measurement, Context())
    return [table.to_pylist() for table in tables]


def test_counts_as_in_plain_python(tmp_path: Path) -> None:
    draw = random.Random(1)
    known = ["he", "Her", "a Muslim", "South Africans", "French", "french", "king", "SHE", "Christianity", "bank"]
    ours, real = (
        [
            {"text": " ".join(draw.choices(known, k=4)), "kind": draw.choice("abc"), "n": draw.randint(0, 1), "id": i}
            for i in range(400)
        ]
        for _ in range(2)
    )
    patterns = {"male": r"\bhe\b", "female": r"\b(?:she|her)\b"}
    shares = []
    for side in (ours, real):
        counts = Counter(
            group for row in side for group, pattern in patterns.items() if re.search(pattern, row["text"].lower())
        )
        shares.append(counts["male"] / counts.total())
    measurement = measured(ours, tmp_path, real, shard_rows=97)
    by = {piece.group: piece.metric.value for piece in measurement.slices}
    assert by["gender"] == pytest.approx(abs(shares[0] - shares[1]))
    assert set(by) == {"gender", "kind", "n", "nationality", "religion"} - (
        {"religion"} if "religion" not in by else set()
    )
    for name in ("kind", "n"):
        one, other = (Counter(row[name] for row in side) for side in (ours, real))
        assert by[name] == pytest.approx(sum(abs(one[key] - other[key]) for key in one | other) / 800)
    assert values(measurement)["imbalance"] < 0.01
    assert measurement == measured(ours, tmp_path / "again", real)


def test_groups_that_texts_name_are_told_in_shares_of_all_rows(tmp_path: Path) -> None:
    """Canadians in 30 of 1,500 real rows and in none of 3,000 here, which name fewer French and Germans as well."""

    def named(rows: int, **nationals: int) -> Rows:
        who = [people for people, count in nationals.items() for _ in range(count)]
        return [{"text": f"Letter {i} to the {who[i] if i < len(who) else 'bank'}."} for i in range(rows)]

    real = named(1_500, Canadian=30, French=150, German=120)
    measurement = measured(named(3_000, French=40, German=29), tmp_path, real)
    (exhibit,) = measurement.exhibits
    lines = {row[1]: row[2:4] for row in exhibit.rows if row[0] == "nationality"}
    assert lines == {
        "(any)": (69 / 3_000, 300 / 1_500),
        "french": (40 / 3_000, 150 / 1_500),
        "german": (29 / 3_000, 120 / 1_500),
        "canadian": (0, 30 / 1_500),
    }
    assert exhibit.rows[0][1] == "(any)"
    ((found,),) = located(real, measurement, tmp_path)
    assert found["score"] == 3_000 * 30 / 1_500, "as many are due of all rows"
    by = {piece.group: piece.metric.value for piece in measurement.slices}
    assert by["nationality"] == pytest.approx(0.1, abs=0.001), "who is named is one thing, how often another"


def test_a_planted_skew_and_a_missing_label(tmp_path: Path) -> None:
    real = [{**row, "team": "abcd"[i % 4]} for i, row in enumerate(tickets(300, 300))]
    ours = [{**row, "team": "abc"[0 if i % 10 < 8 else i % 3]} for i, row in enumerate(tickets(500, 100))]
    measurement = measured(ours, tmp_path, real)
    found = values(measurement)
    shares = Counter(row["team"] for row in ours)
    assert found["worst_effect"] == pytest.approx(sum(abs(shares[t] / 600 - 0.25) for t in "abcd") / 2)
    assert found["skewed"] == 2
    assert found["missing_labels"] == 1
    assert found["amplification"] == 0  # neither sex led
    assert found["gender_swap_incomplete"] is None
    (missing,) = SkewedLabels().locate(fakes.dataset(ours, tmp_path / "o"), measurement, Context())
    assert missing.schema == FINDING_SCHEMA
    (line,) = missing.to_pylist()
    assert (line["row"], line["related_dataset"], real[line["related"]]["team"], line["score"]) == (
        None,
        "real",
        "d",
        150,
    )
    assert measurement.exhibits[0].rows[0][:2] == ("team", "a")


def test_a_group_that_is_nowhere_named(tmp_path: Path) -> None:
    real = [{"text": f"Row {i}: {'a Hindu and a Sikh' if i % 20 == 0 else 'no one'} came."} for i in range(400)]
    found = values(measured([{"text": f"Row {i}: no one came."} for i in range(400)], tmp_path, real))
    assert found["missing_labels"] == 2


def test_amplification_is_of_the_seeds(tmp_path: Path) -> None:
    seeds, ours = tickets(33, 67), tickets(160, 840)
    found = values(measured(ours, tmp_path, seeds=seeds))
    assert found["amplification"] == pytest.approx(0.17)
    assert found["worst_effect"] == pytest.approx(0.17)
    real = [*tickets(33, 67, topic="cooking"), *tickets(80, 20, topic="repair")]
    more = [*tickets(16, 84, topic="cooking"), *tickets(60, 40, topic="repair")]
    wanted = (0 + 0.17 - 0.2) / 3  # men led over all by 113 to 87, and do not any more: 76 of 200
    wanted += (76 / 200 - 113 / 200) / 3
    assert values(measured(more, tmp_path / "2", real))["amplification"] == pytest.approx(wanted)


def test_a_declared_target(tmp_path: Path) -> None:
    ours = [{**row, "team": "ab"[i % 2]} for i, row in enumerate(tickets(300, 100))]
    even = measured(ours, tmp_path / "1", target="gender=male:0.5,gender=female:0.5,team=a:0.5")
    found = values(even)
    assert found["worst_effect"] == pytest.approx(0.25)
    assert (found["skewed"], found["missing_labels"]) == (1, 0)
    asked = values(measured(ours, tmp_path / "2", target="team=a:0.4,team=b:0.4,team=c:0.2"))
    assert asked["worst_effect"] == pytest.approx(0.2)
    assert asked["missing_labels"] == 1
    for wrong in ("team", "team=a", "team=a:2", "team=a:0.9,team=b:0.9"):
        with pytest.raises(ConfigError, match="target"):
            build("skewed-labels", {"target": wrong})


def test_a_target_of_a_field_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    rows = fakes.dataset(tickets(60, 60, topic="a", generator="m"), tmp_path, annotate=("fields",))
    context = Context(expectations=Workspace.find().expectations)
    for given in ("topic=a:0.5", "gender=male:0.5"):
        build("skewed-labels", {"target": given}).suits(rows, context)
    for parameter, given in (("target", "topc=a:0.25"), ("fields", "topic,topc")):
        with pytest.raises(ConfigError) as caught:
            build("skewed-labels", {parameter: given}).suits(rows, context)
        assert (caught.value.seen, caught.value.hint) == ("'topc'", "did you mean 'topic'?")
        assert f"'skewed-labels': {parameter} names a field that the data has not" in caught.value.message


def test_an_audit_with_such_a_target_stops_before_it_measures(tmp_path: Path) -> None:
    """The real rows need not have the field: shares are declared."""
    ours, real = tickets(60, 60, topic="a"), tickets(60, 60)
    given: dict[str, Any] = {"real": real, "only": ("skewed-labels",), "out": tmp_path / "out"}
    with pytest.raises(ConfigError, match="names a field that the data has not"):
        auditor.audit(ours, checks={"skewed-labels": {"target": "topc=a:0.25"}}, **given)
    report = auditor.audit(ours, checks={"skewed-labels": {"target": "topic=a:0.25"}}, **given)
    assert report.record.metrics["skewed_labels.worst_effect"].value == pytest.approx(0.75)


def test_a_target_of_who_made_a_row(tmp_path: Path) -> None:
    rows = [*tickets(50, 50, generator="a"), *tickets(100, 100, generator="b")]
    assert values(measured(rows, tmp_path / "1", target="generator=a:0.5"))["worst_effect"] == pytest.approx(1 / 6)
    assert values(measured(rows, tmp_path / "2", rows[:100]))["worst_effect"] == 0


def test_which_round_a_row_is_of_is_no_label(tmp_path: Path) -> None:
    early, late = (tickets(50, 50, round=n) for n in (1, 2))
    measurement = measured(late, tmp_path, early)
    assert values(measurement)["worst_effect"] == 0
    assert "round" not in {piece.group for piece in measurement.slices}


def test_labels_that_real_data_never_has(tmp_path: Path) -> None:
    """Real has four topics; the data has sixty of its own, or a new one in each row."""
    real = tickets_of([f"t{i % 4}" for i in range(400)])
    for invented in (60, 600):
        measurement = measured(tickets_of([f"own {i % invented}" for i in range(600)]), tmp_path / f"{invented}", real)
        found = values(measurement)
        assert found["worst_effect"] == pytest.approx(1)
        assert (found["skewed"], found["missing_labels"]) == (1, 4)
        assert measurement.exhibits[0].rows[0][:2] == ("topic", "t0")
        (missing,) = SkewedLabels().locate(fakes.dataset(real, tmp_path / f"r{invented}"), measurement, Context())
        assert missing.column("related").to_pylist() == [0, 1, 2, 3]


def test_a_field_of_many_labels(tmp_path: Path) -> None:
    draw = random.Random(7)
    real, same = (tickets_of([f"p{draw.randrange(200)}" for _ in range(2000)]) for _ in range(2))
    assert values(measured(same, tmp_path / "same", real))["worst_effect"] == 0
    one = tickets_of([f"p{draw.randrange(200) if i % 10 == 0 else 7}" for i in range(2000)])
    measurement = measured(one, tmp_path / "one", real)
    assert values(measurement)["worst_effect"] > 0.8
    assert measurement.exhibits[0].rows[0][:2] == ("topic", "p7")
    half = tickets_of([f"p{draw.randrange(100)}" for _ in range(2000)])
    found = values(measured(half, tmp_path / "half", real))
    assert 0.3 < found["worst_effect"] < 0.5
    in_real = Counter(row["topic"] for row in real)
    assert found["missing_labels"] == sum(n >= 10 for name, n in in_real.items() if int(name[1:]) >= 100)
    few = [row for row in real if in_real[row["topic"]] >= 10]
    named = {
        line["related"] for table in located(real, measured(half, tmp_path / "again", real), tmp_path) for line in table
    }
    assert {real[row]["topic"] for row in named} == {row["topic"] for row in few if int(row["topic"][1:]) >= 100}


def test_names_of_rows_are_no_labels_and_are_told(tmp_path: Path) -> None:
    rows = tickets_of([f"name {i}" for i in range(300)])
    for row in rows[:20]:
        row["some"] = "x"
    measurement = measured(rows, tmp_path, rows)
    assert measurement.notes == (
        "in fewer than 50 rows of a side, not compared: some (20 and 20)",
        "no labels but names of rows, not compared: topic (300 values in 300 real rows)",
    )


def test_a_field_that_rows_are_sliced_by_is_compared_too(tmp_path: Path) -> None:
    real = [{"text": f"row {i}", "category": "rare" if i % 50 == 0 else "a", "generator": "x"} for i in range(1500)]
    ours = [{"text": f"row {i}", "category": "a", "generator": "y"} for i in range(1500)]
    report = auditor.audit(ours, real=real, only=("skewed-labels",), by=("category",), out=tmp_path / "out")
    assert report.record.metrics["skewed_labels.missing_labels"].value == 1
    fields = {piece.group for piece in report.record.slices if piece.by == "field"}
    assert "category" in fields
    assert "generator" not in fields


def test_what_is_too_small_to_tell_is_no_pass(tmp_path: Path) -> None:
    ours = tickets_of([f"own {i % 4}" for i in range(1500)])
    ten = measured(ours, tmp_path / "10", tickets_of([f"t{i % 4}" for i in range(10)]))
    assert {name: values(ten)[name] for name in ("worst_effect", "skewed", "missing_labels")} == {
        "worst_effect": None,
        "skewed": None,
        "missing_labels": None,
    }
    why = {metric.name: metric.why for metric in ten.metrics}
    assert why["skewed_labels.missing_labels"] == "needs at least 50 rows and as many real ones, has 1,500 and 10"
    rare = tickets_of([f"t{i}" for i in range(30) for _ in range(2)])
    sixty = measured(ours, tmp_path / "60", rare)
    assert values(sixty)["worst_effect"] == pytest.approx(1)
    assert values(sixty)["missing_labels"] is None
    assert {metric.why for metric in sixty.metrics} >= {"no label that 8 rows are due to"}


def test_twins_that_are_missing_or_differ(tmp_path: Path) -> None:
    both = [
        {"text": f"{who} left {whose} coat in room {i}."}
        for i in range(50)
        for who, whose in (("He", "his"), ("she", "HER"))
    ]
    complete = measured(both, tmp_path / "1")
    assert values(complete)["gender_swap_incomplete"] == 0
    faulty = [*both[:-1], {"text": "Her husband left his coat."}, {"text": "He left his coat in rooms 3."}]
    measurement = measured(faulty, tmp_path / "2")
    assert values(measurement)["gender_swap_incomplete"] == pytest.approx(3 / 101)
    (found,) = SkewedLabels().locate(fakes.dataset(faulty, tmp_path / "f"), measurement, Context())
    assert found.column("row").to_pylist() == [98, 99, 100]
    apart = values(measured(tickets(100, 100), tmp_path / "3", tickets(100, 100)))
    assert apart["gender_swap_incomplete"] is None


def test_groups_of_your_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "- {dimension: age, group: old, words: [old, elderly]}\n- {dimension: age, group: young, words: [young]}\n"
    )
    ours, real = (
        [{"text": f"Row {i}: {'an elderly' if i < old else 'a young'} dog."} for i in range(200)] for old in (20, 100)
    )
    found = measured(ours, tmp_path, real, words=(str(path),))
    assert [(piece.group, piece.metric.value) for piece in found.slices] == [("age", pytest.approx(0.4))]
    for wrong in (
        "- {group: a}",
        "- {dimension: a}",
        "- {dimension: a, pairs: [[b, c]]}",
        "- {dimension: gender, pairs: [[b]]}",
    ):
        path.write_text(wrong)
        with pytest.raises(ConfigError):
            build("skewed-labels", {"words": str(path)})


def test_fields_that_are_no_labels_are_left_out(tmp_path: Path) -> None:
    rows = [
        {
            "text": f"row {i}",
            "id": i,
            "name": f"n{i}",
            "one": "x",
            "score": i / 7,
            "kind": "ab"[i % 2],
            "gender": "mf"[i % 2],
        }
        for i in range(200)
    ]
    measurement = measured(rows, tmp_path, rows)
    assert {piece.group for piece in measurement.slices} == {"kind", "meta.gender"}
    assert values(measurement)["worst_effect"] == 0
    nothing = measured([{"text": f"row {i}"} for i in range(60)], tmp_path / "2")
    assert [metric.value for metric in nothing.metrics] == [None] * 6
    assert nothing.metrics[0].why == "no real data, seeds or target: give --real FILE"
    few = measured(rows[:9], tmp_path / "3", rows[:5])
    assert values(few)["worst_effect"] is None
    assert few.metrics[0].why == "needs at least 50 rows and as many real ones, has 9 and 5"


def test_chance_raises_no_alarm(tmp_path: Path) -> None:
    """40 draws of the same source: at most 5 %, and a binomial's room, have an effect."""
    draw, hits = random.Random(4), 0
    for seed in range(40):
        ours, real = (
            [
                {"text": draw.choice(("he", "she", "French", "German", "a Sikh")), "kind": draw.choice("aabcd")}
                for _ in range(150)
            ]
            for _ in range(2)
        )
        hits += values(measured(ours, tmp_path / str(seed), real))["worst_effect"] > 0
    assert hits <= 5


@pytest.mark.data
def test_halves_of_real_data_are_even(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    rows = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    random.Random(1).shuffle(rows)
    found = values(measured(rows[::2], tmp_path, rows[1::2]))
    assert (found["worst_effect"], found["skewed"], found["missing_labels"]) == (0, 0, 0)
