"""The room of templates: planted ones in real rows, what it says of real data, and bad input."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.templated_text import TemplatedText
from auditor.core.check import Context, build
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import Measurement
from auditor.sketches.sample import drawn

TEMPLATES = (
    "What is the capital of {}?",
    "What is the currency of {}, and who prints it?",
    "Write a poem about {} and {}.",
    "Explain {} to a five year old child.",
    "Give me three good tips for {}.",
    "List the main uses of {} at home.",
    "Compare {} and {} in terms of cost and of quality.",
    "How many {} does it take to fill a {} to the brim?",
    "Tell me the story of {} in your own words.",
    "Imagine that you are a {}. What would your day look like?",
)


Records = Sequence[Mapping[str, Any]]


def measured(
    rows: Records,
    folder: Path,
    shard_rows: int = 1000,
    real: Records | None = None,
    **given: Any,
) -> Measurement:
    dataset = fakes.dataset(rows, folder, shard_rows=shard_rows, by=("generator",) if "generator" in rows[0] else ())
    beside = {} if real is None else {"real": fakes.dataset(real, folder / "real", shard_rows=shard_rows)}
    context = Context(references=beside)
    measurement: Measurement = build("templated-text", given).run(dataset, context, Local(2))
    return measurement


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.partition(".")[2]: metric.value for metric in measurement.metrics}


def filled(seed: int, each: int, words: Sequence[str]) -> list[tuple[int, str]]:
    draw = random.Random(seed)
    rows = [(k, template) for k, template in enumerate(TEMPLATES) for _ in range(each)]
    return [(k, one.format(*(" ".join(draw.sample(words, draw.randint(1, 2))) for _ in range(2)))) for k, one in rows]


@pytest.mark.data
def test_planted_in_dolly(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    dolly = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    words = sorted({w for row in dolly for w in row["instruction"].lower().split() if w.isalpha() and len(w) > 3})
    planted = filled(3, 60, words[:: len(words) // 60])
    real = [{"text": f"{row['instruction']}\n{row['output']}"} for row in dolly]
    natural = measured(real, tmp_path / "real")
    found = measured([*real, *({"text": text} for _, text in planted)], tmp_path / "both")
    members = found.tables["members"].to_pydict()
    pairs = Counter(
        (planted[row - len(real)][0], template)
        for row, template in zip(members["row"], members["template"], strict=True)
        if row >= len(real)
    )
    assert sum(pairs.values()) >= 0.97 * len(planted)
    large = [pair for pair, rows in pairs.items() if rows >= 10]
    assert len(large) == len(TEMPLATES) == len({template for _, template in large})
    assert values(found)["templates"] - values(natural)["templates"] in (len(TEMPLATES), len(TEMPLATES) + 1)
    told = {row[0] for row in found.exhibits[0].rows}
    assert {"What is the capital of ⟨…⟩?", "⟨…⟩ to a five year old child."} <= told
    assert "Tell me the story of ⟨…⟩ in your own words." in told


@pytest.mark.data
def test_real_data(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Schoolbook sums by people are of no template; tool calls by a program's prompt all are."""
    gsm = [json.loads(line) for line in shared_data("gsm8k/train.jsonl").read_text().splitlines()]
    people = values(measured(gsm, tmp_path / "people"))
    assert people["rate"] < 0.02
    tools = json.loads(shared_data("gpteacher/toolformer-similarity-0.6-dataset.json").read_text())
    program = measured(tools, tmp_path / "program")
    assert values(program)["rate"] > 0.9
    assert "toolformer access: " in program.exhibits[0].rows[0][0]  # type: ignore[operator]
    alpaca = measured(json.loads(shared_data("alpaca/random_9k.json").read_text()), tmp_path / "alpaca")
    assert alpaca.exhibits[0].rows[0][0] == "Generate a list of ⟨…⟩."
    assert [row[0] for row in alpaca.exhibits[2].rows[:3]] == ["rewrite … sentence", "generate … list", "create … list"]
    assert alpaca.exhibits[1].rows[0][0] == "Once upon a time there"


NOUNS = ["Rome", "tea", "the sea", "snow", "old maps", "bees", "iron", "chess", "dust", "rivers", "salt", "jazz"]


def pairs(n: int) -> list[dict[str, str]]:
    return [
        {
            "prompt": f"Write a short poem about {NOUNS[i % 12]} and number {i}.",
            "response": f"Roses are red, and {NOUNS[(i * 7) % 12]} is not; I ate {i} of them, and it was a lot.",
            "generator": "ab"[i % 2],
        }
        for i in range(n)
    ]


def test_prompt_and_response_are_one_template(tmp_path: Path) -> None:
    found = measured(pairs(60), tmp_path)
    assert values(found) == {
        "rate": 1.0,
        "largest_share": 1.0,
        "templates": 1,
        "opening_share": pytest.approx(1.0),
        "instruction_share": 1.0,
        "ratio_to_real": None,
        "opening_ratio_to_real": None,
    }
    template, of, rows, share, example = found.exhibits[0].rows[0]
    asked, _, answered = str(template).partition(" → ")
    assert asked == "Write a short poem about ⟨…⟩ and number ⟨…⟩."
    assert answered == "Roses are red, and ⟨…⟩ is not; I ate ⟨…⟩ of them, and it was a lot."
    assert (of, rows, share, example) == ("prompt and response", 60, 1.0, 0)
    assert [(s.group, s.metric.value) for s in found.slices] == [("a", 1.0), ("b", 1.0)]
    assert found.columns["template_rows"].tolist() == [60.0] * 60
    dataset = fakes.dataset(pairs(60), tmp_path / "again")
    (table,) = TemplatedText().locate(dataset, found, Context())
    assert table.column("row").to_pylist() == list(range(60))
    assert set(table.column("cluster").to_pylist()) == {0}
    assert set(table.column("score").to_pylist()) == {60.0}
    assert table.column("evidence")[59].as_py().startswith("Write a short poem about ⟨…⟩")


def test_scopes(tmp_path: Path) -> None:
    for scope, of in (("prompt", "prompt"), ("response", "response")):
        found = measured(pairs(40), tmp_path / scope, scope=scope)
        assert found.exhibits[0].rows[0][1] == of
        assert values(found)["templates"] == 1


def test_row_order_and_sharding(tmp_path: Path) -> None:
    rows = [{"text": text} for _, text in filled(5, 15, NOUNS)]
    one = measured(rows, tmp_path / "one")
    other = measured(random.Random(2).sample(rows, len(rows)), tmp_path / "other", shard_rows=37)
    assert values(one) == values(other)
    assert sorted(row[:1] + row[2:4] for row in one.exhibits[0].rows) == sorted(
        row[:1] + row[2:4] for row in other.exhibits[0].rows
    )


@pytest.mark.parametrize(
    "texts",
    [
        ["the same words in every row of this"] * 50,
        [""] * 50,
        ["a"] * 50,
        [f"今日は{i}月の天気がとても良いですね。散歩に行きましょう。" for i in range(50)],
        ["x" * 1_000_000, "word " * 200_000, *[f"row {i}" for i in range(30)]],
        [f"\x00\x1b[31m<script>alert(1)</script> is number {i} of many things" for i in range(40)],
    ],
)
def test_odd_input(texts: list[str], tmp_path: Path) -> None:
    found = measured([{"text": text} for text in texts], tmp_path)
    rate = values(found)["rate"]
    assert rate is not None
    assert 0 <= rate <= 1
    assert np.isfinite(found.columns["template_rows"]).all()
    list(TemplatedText().locate(fakes.dataset([{"text": t} for t in texts], tmp_path / "again"), found, Context()))


def prose(n: int, seed: int = 1) -> list[dict[str, str]]:
    """Rows of made-up words, no three of which return."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(3000)]
    return [{"prompt": " ".join(draw.sample(words, 9)), "response": " ".join(draw.sample(words, 12))} for _ in range(n)]


def test_a_templated_task_is_judged_by_the_ratio(tmp_path: Path) -> None:
    """Half of the real rows are of a template, and all of ours: a bound for prose would fail both."""
    real = [*pairs(300)[100:200], *prose(100)]
    by_name = {m.name.partition(".")[2]: m for m in measured(pairs(200), tmp_path, real=real).metrics}
    for absolute, ratio in (("rate", "ratio_to_real"), ("opening_share", "opening_ratio_to_real")):
        assert by_name[absolute].value is None
        assert by_name[absolute].why.startswith("real rows are templated too (0.5, above 0.")
        assert by_name[absolute].why.endswith(f"see {ratio}")
        assert by_name[ratio].value == pytest.approx(2)
        assert by_name[ratio].n == 200
        assert (by_name[ratio].low or 0) > 1.5
        assert 2 < (by_name[ratio].high or 0) < 2.5


def test_each_share_by_its_own_real_one(tmp_path: Path) -> None:
    """All real answers open with the same three words, and no row is of a template."""
    opened = [[{**row, "response": f"Sure, here goes: {row['response']}"} for row in prose(n, n)] for n in (120, 60)]
    found = values(measured([*opened[1], *prose(60, seed=3)], tmp_path, real=opened[0], opening=3))
    assert (found["rate"], found["ratio_to_real"]) == (0, None)
    assert (found["opening_share"], found["opening_ratio_to_real"]) == (None, pytest.approx(0.5))


def test_beside_prose_the_rate_is_judged(tmp_path: Path) -> None:
    found = measured(pairs(120), tmp_path / "one", real=prose(120))
    alone = measured(pairs(120), tmp_path / "other")
    assert values(found) == values(alone)
    why = {m.name: m.why for m in found.metrics}
    assert why["templated_text.ratio_to_real"] == (
        "real rows are not templated (0, at most 0.3): see templated_text.rate"
    )
    few = values(measured(pairs(120), tmp_path / "few", real=pairs(19)))
    assert (few["rate"], few["ratio_to_real"]) == (1, None)


def test_sides_are_compared_at_one_size(tmp_path: Path) -> None:
    """The oracle measures the drawn rows of each side as datasets of their own."""
    ours, real = [*pairs(200), *prose(200, seed=4)], [*pairs(460)[260:], *prose(40, seed=5)]
    n = len(real)
    found = measured(ours, tmp_path / "a", real=real)
    shares = []
    for side, rows in (("ours", ours), ("theirs", real)):
        dataset = fakes.dataset(rows, tmp_path / side)
        chosen = [rows[i] for i in sorted(drawn(dataset, n))]
        shares.append(values(measured(chosen, tmp_path / f"{side} drawn"))["rate"])
    ratio = next(m for m in found.metrics if m.name == "templated_text.ratio_to_real")
    assert ratio.value == pytest.approx(shares[0] / shares[1])
    assert ratio.n == n


@pytest.mark.data
def test_tool_calls_beside_tool_calls(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Halves of one templated task: neither fails the other."""
    tools = json.loads(shared_data("gpteacher/toolformer-similarity-0.6-dataset.json").read_text())
    found = values(measured(tools[::2], tmp_path, real=tools[1::2]))
    assert (found["rate"], found["opening_ratio_to_real"]) == (None, None)
    assert found["ratio_to_real"] == pytest.approx(1, abs=0.02)
    assert found["opening_share"] < 0.1


def test_too_few_rows(tmp_path: Path) -> None:
    found = measured([{"text": f"row number {i} of a few"} for i in range(19)], tmp_path)
    assert found.metrics == ()
    assert found.notes == ("needs at least 20 rows, has 19",)


def test_parameters() -> None:
    for given in ({"scope": "rejected"}, {"rows": 1}, {"opening": 0}, {"templated": 0.0}, {"templated_openings": 1.5}):
        with pytest.raises(ConfigError):
            build("templated-text", given)


def test_every_number_has_an_exhibit_that_shows_what_is_behind_it(tmp_path: Path) -> None:
    rows = [
        {"prompt": f"Write a poem about {n} cats.", "response": f"Here is a poem about {n}. " * 3} for n in range(60)
    ]
    names = {exhibit.name.partition(".")[2] for exhibit in measured(rows, tmp_path).exhibits}
    assert {measure.shown for measure in TemplatedText.spec.measures} == names
