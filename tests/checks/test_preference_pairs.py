"""preference-pairs against a plain-Python reading of each definition."""

from __future__ import annotations

import random
import string
from pathlib import Path

import pytest

from auditor import fakes
from auditor.checks.preference_pairs import PreferencePairs
from auditor.core.check import Case, Context
from auditor.model.result import Measurement
from tests.kernels import oracle as plain


def measured(records: list[dict[str, str]], folder: Path, shard_rows: int = 1000) -> tuple[Measurement, list[dict]]:
    check = PreferencePairs()
    dataset = fakes.dataset(records, folder, shard_rows=shard_rows)
    state = check.empty()
    for rows in dataset:
        state = check.merge(state, check.update(check.empty(), rows))
    measurement = check.measure(state, {}, Context())
    return measurement, [f for table in check.locate(dataset, measurement, Context()) for f in table.to_pylist()]


@pytest.mark.parametrize("case", PreferencePairs.spec.fires, ids=lambda case: case.moves)
def test_fires(case: Case, tmp_path: Path) -> None:
    measurement, found = measured([dict(row) for row in case.rows], tmp_path)
    assert {m.name: m.value for m in measurement.metrics}[case.moves] > 0
    assert case.moves in {f["metric"] for f in found}


def test_quiet(tmp_path: Path) -> None:
    for case in PreferencePairs.spec.quiet:
        measurement, found = measured([dict(row) for row in case.rows], tmp_path)
        assert {m.name: m.value for m in measurement.metrics}[case.moves] == 0
        assert found == []


def oracle(records: list[dict[str, str]]) -> dict[str, int]:
    drop = set(string.whitespace + "*_`#>~|\\.,;:!?\"'“”‘’()[]-")

    def bare(text: str) -> str:
        return "".join(c for c in text.lower() if c not in drop) or text

    def jaccard(a: str, b: str) -> float:
        return plain.jaccard(plain.shingles(a, 3), plain.shingles(b, 3))

    counts = dict.fromkeys(("identical", "format_only", "nearly_identical", "both_directions", "longer_wins"), 0)
    for r in records:
        c, j = r["chosen"], r["rejected"]
        if c == j:
            counts["identical"] += 1
            continue
        if bare(c) == bare(j):
            counts["format_only"] += 1
        elif jaccard(c, j) >= 0.95:
            counts["nearly_identical"] += 1
        counts["longer_wins"] += len(c) > len(j)
        counts["both_directions"] += any(
            (o["prompt"], o["chosen"], o["rejected"]) == (r["prompt"], j, c) for o in records
        )
    return counts


@pytest.mark.parametrize("shard_rows", [7, 1000])
def test_counts_equal_brute_force(tmp_path: Path, shard_rows: int) -> None:
    rng = random.Random(5)
    words = ["the", "Cat", "sat,", "on", "*a*", "mat", "été", "猫"]

    def text() -> str:
        return " ".join(rng.choices(words, k=rng.choice([1, 2, 3, 70])))

    records: list[dict[str, str]] = []
    for _ in range(200):
        chosen = text()
        base = chosen.split()
        rejected = rng.choice([text(), chosen, chosen.upper(), " ".join([*base, "end"]), chosen.replace("*", "")])
        records.append({"prompt": rng.choice("PQ"), "chosen": chosen, "rejected": rejected})
    records += [
        {"prompt": r["prompt"], "chosen": r["rejected"], "rejected": r["chosen"]} for r in rng.sample(records, 20)
    ]
    measurement, found = measured(records, tmp_path, shard_rows)
    metrics = {m.name.split(".")[1]: m for m in measurement.metrics}
    expected = oracle(records)
    unequal = sum(len(r["chosen"]) != len(r["rejected"]) for r in records)
    assert all(expected.values())
    for name, count in expected.items():
        n = unequal if name == "longer_wins" else len(records)
        assert metrics[name].value == count / n, name
        if name != "longer_wins":
            assert sum(f["metric"] == f"preference_pairs.{name}" for f in found) == count
    for f in found:
        if f["metric"] == "preference_pairs.both_directions":
            here, there = records[f["row"]], records[f["related"]]
            assert (here["prompt"], here["chosen"], here["rejected"]) == (
                there["prompt"],
                there["rejected"],
                there["chosen"],
            )
    assert sum(measurement.distributions[0].counts) == len(records)


def test_rows_without_a_rejected_answer_are_outside(tmp_path: Path) -> None:
    records = [{"prompt": "Q", "chosen": "a", "rejected": "a"}, {"prompt": "Q", "chosen": "b", "rejected": None}]
    measurement, _ = measured(records, tmp_path)
    metrics = {m.name: m for m in measurement.metrics}
    assert metrics["preference_pairs.identical"].n == 1
    assert metrics["preference_pairs.longer_wins"].value is None


def test_a_similarity_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="similarity"):
        PreferencePairs(similarity=1.5)
