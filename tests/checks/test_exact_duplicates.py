"""exact-duplicates against dictionaries in plain Python."""

import random
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from auditor import readers
from auditor.checks.exact_duplicates import ExactDuplicates
from auditor.core.check import Context
from auditor.core.laws import program_laws
from auditor.model.result import FINDING_SCHEMA, Measurement
from tests.kernels import oracle


def normalised(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def records(seed: int, n: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    questions = [
        "Name a  prime.",
        "name a prime.",
        "Größe?",
        "GRÖSSE?",
        "Gro\u0308ße?",
        "\u3000why\u2003not ",
        "",
        None,
    ]
    answers = ["7", "Seven", "seven ", "It is\u00a0so", "it IS so", ""]
    return [
        {
            "prompt": rng.choice(questions),
            "response": rng.choice(answers) + rng.choice(("", "", f" {rng.randint(0, 9)}")),
        }
        for _ in range(n)
    ]


def measure(folder: Path, rows: list[dict[str, Any]]) -> Measurement:
    return ExactDuplicates().run(oracle.dataset(folder / "rows", rows), Context(), oracle.Threads())


def value(seen: Measurement, name: str) -> Any:
    return next(m.value for m in seen.metrics if m.name == f"exact_duplicates.{name}")


@pytest.mark.parametrize("seed", range(5))
def test_equals_dictionaries(tmp_path: Path, seed: int) -> None:
    rows = records(seed, 300)
    rows += [{"prompt": None, "response": f"unique {i}"} for i in range(50)]
    raw: dict[str, int] = {}
    texts: dict[str, int] = {}
    prompts: dict[str, int] = {}
    expected, tally = [], {"rate": 0, "normalised_rate": 0, "prompt_rate": 0}
    for at, row in enumerate(rows):
        content = "\n".join(filter(None, (row["prompt"], row["response"])))
        text = normalised(content)
        prompt = normalised(row["prompt"] or "")
        copy = raw.setdefault(content, at) if content else at
        same = texts.setdefault(text, at) if text else at
        fresh = copy == at and same == at
        asked = prompts.setdefault(prompt, at) if prompt and fresh else at
        tally["rate"] += copy != at
        tally["normalised_rate"] += not fresh
        tally["prompt_rate"] += asked != at
        if copy != at:
            expected.append((at, "exact_duplicates.rate", copy))
        elif same != at:
            expected.append((at, "exact_duplicates.normalised_rate", same))
        elif asked != at:
            expected.append((at, "exact_duplicates.prompt_rate", asked))
    seen = measure(tmp_path, rows)
    assert value(seen, "rate") == tally["rate"] / len(rows)
    assert value(seen, "normalised_rate") == tally["normalised_rate"] / len(rows)
    assert value(seen, "prompt_rate") == tally["prompt_rate"] / sum(bool(normalised(r["prompt"] or "")) for r in rows)
    contents = ["\n".join(filter(None, (r["prompt"], r["response"]))) for r in rows]
    sizes = [contents.count(content) for content in raw if content]
    assert value(seen, "rows") == sum(size for size in sizes if size > 1)
    assert value(seen, "clusters") == sum(size > 1 for size in sizes)
    assert value(seen, "largest_cluster") == max(sizes)
    (table,) = ExactDuplicates().locate(oracle.dataset(tmp_path / "again", rows, 64), seen, Context())
    assert table.schema == FINDING_SCHEMA
    located = zip(*(table.column(name).to_pylist() for name in ("row", "metric", "related")), strict=True)
    assert list(located) == expected


def test_any_sharding_and_threads_measure_the_same(tmp_path: Path) -> None:
    rows = [{**row, "model": f"m{at % 3}"} for at, row in enumerate(records(9, 400))]
    shardings = [oracle.dataset(tmp_path / str(size), rows, size, ["model"]) for size in (1000, 64, 7)]
    check = ExactDuplicates(min_characters=5)
    program_laws(check, shardings, [oracle.Threads(1), oracle.Threads(3)], Context())
    seen = check.run(shardings[0], Context(), oracle.Threads())
    for name in ("rate", "normalised_rate", "prompt_rate", "response_rate"):
        whole = next(m for m in seen.metrics if m.name == f"exact_duplicates.{name}")
        parts = [s.metric for s in seen.slices if s.metric.name == whole.name]
        assert sum(part.n for part in parts) == whole.n
        assert whole.value is not None
        assert sum(round((part.value or 0) * part.n) for part in parts) == round(whole.value * whole.n)


@pytest.mark.parametrize("seed", range(3))
def test_answers_given_again_equal_dictionaries(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    canned = [f"There is no single answer to it, {word}." for word in ("sadly", "they say", "Größe", "so ask")]
    rows = [
        {
            "prompt": rng.choice([f"Question {rng.randint(0, 40)}?", "question 1? ", None]),
            "response": rng.choice([*canned, canned[0].upper(), "Yes.", None, f"Unique answer number {i}, and long."]),
        }
        for i in range(400)
    ]
    texts: set[str] = set()
    first: dict[str, str] = {}
    hits = among = 0
    for row in rows:
        prompt, response = row["prompt"], row["response"]
        text = normalised(" ".join(filter(None, (prompt, response))))
        fresh = text not in texts
        texts.add(text)
        if prompt is None or response is None or len(response) < 30:
            continue
        among += 1
        if fresh:
            hits += first.setdefault(normalised(response), normalised(prompt)) != normalised(prompt)
    check = ExactDuplicates(min_characters=30)
    seen = check.run(oracle.dataset(tmp_path / "rows", rows), Context(), oracle.Threads())
    metric = next(m for m in seen.metrics if m.name == "exact_duplicates.response_rate")
    assert (metric.value, metric.n) == (hits / among, among)
    assert hits > 20
    (table,) = check.locate(oracle.dataset(tmp_path / "again", rows, 64), seen, Context())
    for one in table.to_pylist():
        if one["metric"] == metric.name:
            mine, other = rows[one["row"]], rows[one["related"]]
            assert normalised(mine["response"]) == normalised(other["response"])
            assert normalised(mine["prompt"]) != normalised(other["prompt"])


@pytest.mark.data
def test_people_do_not_give_an_answer_again(tmp_path: Path, shared_data: Any) -> None:
    for name in ("alpaca/dolly_3k.json", "gsm8k/test.jsonl"):
        rows = readers.open(shared_data(name), cache=tmp_path)
        assert value(ExactDuplicates().run(rows, Context(), oracle.Threads()), "response_rate") == 0
    rows = readers.open(shared_data("gpteacher/toolformer-dedupe-only-dataset.json"), cache=tmp_path)
    assert 0.04 < value(ExactDuplicates().run(rows, Context(), oracle.Threads()), "response_rate") < 0.08


def test_without_prompts_the_prompt_rate_has_a_reason(tmp_path: Path) -> None:
    seen = measure(tmp_path, [{"text": "x"}, {"text": "x"}])
    metric = next(m for m in seen.metrics if m.name == "exact_duplicates.prompt_rate")
    assert metric.value is None
    assert metric.why == "no row has a prompt"
    assert value(seen, "rate") == 0.5


def test_ids_and_other_fields_do_not_hide_a_copy(tmp_path: Path) -> None:
    rows = [{"id": str(i), "prompt": "Name a prime.", "response": "7", "generator": f"g{i}"} for i in range(4)]
    assert value(measure(tmp_path, rows), "rate") == 0.75


def test_no_rows_no_metrics(tmp_path: Path) -> None:
    assert not measure(tmp_path, []).metrics


def test_its_own_cases(tmp_path: Path) -> None:
    for moved, cases in ((True, ExactDuplicates.spec.fires), (False, ExactDuplicates.spec.quiet)):
        for at, case in enumerate(cases):
            seen = measure(tmp_path / f"{moved}{at}", [dict(row) for row in case.rows])
            name = case.moves.split(".")[1]
            assert bool(value(seen, name)) is moved, case
