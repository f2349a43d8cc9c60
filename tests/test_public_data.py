"""What the checks say of datasets that nobody here wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import auditor

pytestmark = pytest.mark.data

TOOLFORMER = (
    "toolformer-dedupe-only-dataset.json",
    "toolformer-similarity-0.9-dataset.json",
    "toolformer-similarity-0.8-dataset.json",
    "toolformer-similarity-0.7-dataset.json",
    "toolformer-similarity-0.6-dataset.json",
)
"""One GPT-4 set as its author deduplicated it at ever stricter thresholds (rows: 7,673 to 2,396)."""


def metrics(path: Path, *only: str, **options: object) -> dict[str, float]:
    report = auditor.audit(path, only=only, **options)
    return {name: metric.value for name, metric in report.metrics.items() if metric.value is not None}


@pytest.mark.parametrize(("method", "threshold"), [("sketch", 0.8), ("exact", 0.8), ("exact", 0.5)])
def test_stricter_deduplication_leaves_fewer_near_duplicates(
    shared_data: Callable[[str], Path], method: str, threshold: float
) -> None:
    checks = {"near-duplicates": {"method": method, "threshold": threshold}}
    rates = [
        metrics(shared_data(f"gpteacher/{name}"), "near-duplicates", checks=checks)["near_duplicates.rate"]
        for name in TOOLFORMER
    ]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > rates[1] > rates[2]
    assert rates[0] > 1.5 * rates[-1]


def test_sketch_and_exact_agree_on_real_rows(shared_data: Callable[[str], Path]) -> None:
    path = shared_data(f"gpteacher/{TOOLFORMER[0]}")
    seen = [
        metrics(path, "near-duplicates", checks={"near-duplicates": {"method": method}})
        for method in ("sketch", "exact")
    ]
    assert seen[0]["near_duplicates.rows"] >= 0.999 * seen[1]["near_duplicates.rows"]
    assert seen[0]["near_duplicates.rate"] <= seen[1]["near_duplicates.rate"]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("alpaca/dolly_3k.json", 0.003),
        ("gsm8k/train.jsonl", 0.002),
        ("selfinstruct/seed_tasks.jsonl", 0.002),
    ],
)
def test_human_data_has_few_copies_and_little_damage(
    shared_data: Callable[[str], Path], name: str, most: float
) -> None:
    seen = metrics(
        shared_data(name), "near-duplicates", "exact-duplicates", "record-integrity", "repetition",
        "refusals-and-artifacts",
    )  # fmt: skip
    for check in ("near_duplicates", "exact_duplicates", "record_integrity", "repetition"):
        assert seen[f"{check}.rate"] <= most, check
    # Two of the 175 seeds are letters that people ended in "[Name]".
    assert seen["refusals_and_artifacts.rate"] - seen["refusals_and_artifacts.template_slot"] <= 0.005


def test_alpaca_has_the_artifacts_its_cleaners_found(shared_data: Callable[[str], Path]) -> None:
    seen = metrics(shared_data("alpaca/random_9k.json"), "refusals-and-artifacts", "near-duplicates")
    assert seen["refusals_and_artifacts.no_input_placeholder"] == pytest.approx(144 / 9229)
    assert seen["refusals_and_artifacts.template_slot"] > 0
    assert seen["near_duplicates.rate"] < 0.01


def test_identical_seed_files_of_two_publishers_are_one_dataset(shared_data: Callable[[str], Path]) -> None:
    report = auditor.audit(shared_data("alpaca/seed_tasks.jsonl"), only=("exact-duplicates",))
    other = auditor.audit(shared_data("selfinstruct/seed_tasks.jsonl"), only=("exact-duplicates",))
    assert report.record.dataset["digest"] == other.record.dataset["digest"]


def test_the_questions_of_mt_bench_are_sound(shared_data: Callable[[str], Path]) -> None:
    seen = metrics(shared_data("mtbench/mt_bench_question.jsonl"), "record-integrity", "exact-duplicates")
    assert not seen.get("record_integrity.broken_role_order")
    assert seen["record_integrity.rate"] <= 0.02
    assert seen["exact_duplicates.prompt_rate"] == 0
