"""A real judge, through the command line: asked, audited, compared and probed. It is as bad as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.cli import group
from tests.judging import small

PAIRS = 30


def cli(*words: str) -> tuple[int, Any]:
    """(exit code, what was printed, as JSON where it is)."""
    done = CliRunner().invoke(group, ["judge", *words, "-q"], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value or 0, json.loads(done.stdout) if "json" in words else done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.data
def test_a_small_judge_takes_the_first(shared_data: Callable[[str], Path]) -> None:
    """SmolLM2-135M on 30 pairs of LLMBar Natural, then on the probes: "A", whatever stands first. Three and a half
    minutes of one processor."""
    rows = json.loads(shared_data("llmbar/Natural/dataset.json").read_text())
    named = [{"id": f"natural-{place}", **row} for place, row in enumerate(rows)]
    Path("llmbar.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    labels = [
        {"item": row["id"], "a": "output_1", "b": "output_2", "verdict": f"output_{row['label']}", "judge": "label"}
        for row in named
    ]
    Path("labels.jsonl").write_text("".join(json.dumps(one | {"human": True}) + "\n" for one in labels))
    with small.serving() as url:
        Path("judges.yaml").write_text(
            f"judges:\n  small:\n    endpoint: {url}\n    model: smollm2-135m-instruct\n    concurrency: 1\n"
            "    max_tokens: 24\n    timeout: 300\n    price_in: 0.1\n    price_out: 0.3\n"
        )
        asked = ["--a", "output_1", "--b", "output_2", "--map", "prompt=input", "--sample", str(PAIRS)]
        cli("run", "llmbar.jsonl", "--judge", "judges.yaml", "-o", "verdicts.jsonl", *asked)
        code, card = cli("probe", "--judge", "judges.yaml", "--format", "json")
    failed, record = cli("audit", "verdicts.jsonl", "--format", "json")
    metrics = {name: one["value"] for name, one in record["metrics"].items()}
    assert failed == 1
    assert metrics["position_inconsistency.consistency"] <= 0.1
    assert metrics["position_inconsistency.first_rate"] >= 0.9
    assert metrics["unparsable_verdicts.rate"] == 0
    _, compared = cli("compare", "verdicts.jsonl", "labels.jsonl", "--format", "json")
    assert (compared["pairs"], compared["against"]) == (PAIRS, "people")
    (one,) = compared["judges"]
    assert one["verdicts"] == 2 * PAIRS
    assert 0.4 <= one["metrics"]["accuracy"]["value"] <= 0.6, "each is right in one order"
    assert one["metrics"]["accepted"]["value"] <= 0.1
    assert one["metrics"]["cost"]["value"] is None or one["metrics"]["cost"]["value"] > 0
    assert (code, card["verdict"], card["asked"]) == (1, "fail", 89)
    assert card["families"]["control"]["right"] <= 2
    assert not card["no_fault_found_for"]
