"""`auditor log`: what its slopes are of is said where it is not what stands beside them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli import group

RATE, PRODUCT = "low_lexical_diversity.distinct_2", "low_lexical_diversity.unique_ngram_product"


@pytest.fixture(scope="module")
def of_two_sizes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Versions of 9,000 and 3,000 words, audited."""
    folder = tmp_path_factory.mktemp("log")
    draw = random.Random(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "auditor.yaml").write_text("")
        for rows in (300, 100):
            made = [{"text": " ".join(draw.choices([f"w{i}" for i in range(60)], k=30))} for _ in range(rows)]
            Path("data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made))
            for words in (
                ["register", "d", "data.jsonl", "--generator", "gpt-4o@2024-08-06", "--no-dvc"],
                ["audit", "d", "--only", "low-lexical-diversity", "--format", "json", "--quiet"],
            ):
                done = CliRunner().invoke(group, words)
                assert done.exit_code == 0, done.output
    return folder


def test_values_of_a_slope_at_another_size_are_told(of_two_sizes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(of_two_sizes)
    told = CliRunner().invoke(group, ["log", "d", "--metric", RATE, "--metric", PRODUCT]).stdout.splitlines()
    document = json.loads(CliRunner().invoke(group, ["log", "d", "--format", "json"]).stdout)
    first, last = (version["metrics"][RATE] for version in document["versions"])
    (line,) = [line for line in told if "the slope is of" in line]
    name, values = line.split(": the slope is of the numbers over 1,000, ")
    assert name == RATE
    before, after = (value.split("%")[0] for value in values.split(", "))
    assert f"{100 * last:.3g}%" in line  # 3,000 words are measured over 1,000
    assert float(before) > 100 * first + 1  # 9,000 over 5,000, where more has stood before
    assert (float(after) - float(before)) / 100 == pytest.approx(document["slopes"][RATE]["a_version"], abs=1e-3)


def test_what_is_of_the_values_shown_is_not_told(of_two_sizes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(of_two_sizes)
    assert "the slope is of" not in CliRunner().invoke(group, ["log", "d", "--metric", PRODUCT]).stdout
    found = CliRunner().invoke(group, ["log", "d", "--metric", RATE, "--format", "json"])
    json.loads(found.stdout)
