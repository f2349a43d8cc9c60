"""Repetition: its cases, the bounds of Gopher, and quiet on ordinary data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import fakes
from auditor.checks.repetition import Repetition
from auditor.core.check import Context
from auditor.engines.local import Local


def values(records: Any, folder: Path, **parameters: Any) -> tuple[dict[str, float | None], list[dict[str, Any]]]:
    check = Repetition(**parameters)
    dataset = fakes.dataset(records, folder, shard_rows=4_000)
    (state,) = Local(2).fold(dataset, [check])
    measurement = check.measure(state, {}, Context())
    rows = [row for table in check.locate(dataset, measurement, Context()) for row in table.to_pylist()]
    return {m.name.removeprefix("repetition."): m.value for m in measurement.metrics}, rows


@pytest.mark.parametrize("case", Repetition.spec.fires, ids=lambda case: case.moves)
def test_fires(case: Any, tmp_path: Path) -> None:
    seen, rows = values(case.rows, tmp_path)
    assert seen[case.moves.removeprefix("repetition.")] == 1
    assert case.moves in {row["metric"] for row in rows}
    assert all(row["evidence"] for row in rows)


@pytest.mark.parametrize("case", Repetition.spec.quiet, ids=lambda case: case.moves)
def test_quiet(case: Any, tmp_path: Path) -> None:
    seen, rows = values(case.rows, tmp_path)
    assert seen["rate"] == 0
    assert rows == []


def test_only_the_answer_is_looked_at(tmp_path: Path) -> None:
    looping = "say it again and again, " * 20
    seen, _ = values([{"prompt": looping, "response": "No."}, {"prompt": "Go on.", "response": looping}], tmp_path)
    assert seen["looping"] == 0.5


def test_a_loop_is_seen_where_the_last_turn_is_cut(tmp_path: Path) -> None:
    seen, rows = values(
        [{"text": "It began well. " + "And then it went on the same way. " * 9 + "And then it we"}], tmp_path
    )
    assert seen["looping"] == 1
    assert next(r["evidence"] for r in rows if r["metric"] == "repetition.looping").startswith("9 times")


def test_ngram_shares_on_either_side_of_the_bound(tmp_path: Path) -> None:
    # 200 words of 4 letters, of which k stand in the bigram "abcd efgh": its share is 4 k / (5 * 200 - 1).
    def text(pairs: int) -> str:
        filler = [f"{i:04d}" for i in range(200 - 2 * pairs)]
        step = len(filler) // pairs
        words = [
            w
            for i, f in enumerate(filler)
            for w in ([f, "abcd", "efgh"] if i % step == 0 and i // step < pairs else [f])
        ]
        return " ".join(words)

    for pairs, fires in ((24, False), (26, True)):  # 8 * 24 / 999 = .192, 8 * 26 / 999 = .208; the bound is .20
        body = text(pairs)
        assert len(body.split()) == 200
        assert values([{"text": body}], tmp_path)[0]["top_ngrams"] == fires


def test_evidence_shows_the_run(tmp_path: Path) -> None:
    _, rows = values([{"text": "x" * 300 + " no " + "哈" * 30}], tmp_path)
    assert "xxxx" in rows[0]["evidence"]
    _, rows = values([{"text": "It is so funny " + "哈" * 30}], tmp_path)
    assert "哈哈哈" in rows[0]["evidence"]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "most"),
    [("alpaca/dolly_3k.json", 0.001), ("alpaca/random_9k.json", 0.004), ("gsm8k/train.jsonl", 0.003),
     ("gpteacher/codegen-instruct.json", 0.001)],
)  # fmt: skip
def test_quiet_on_ordinary_data(shared_data: Callable[[str], Path], tmp_path: Path, name: str, most: float) -> None:
    content = shared_data(name).read_text()
    records = json.loads(content) if name.endswith("json") else [json.loads(line) for line in content.splitlines()]
    assert (values(records, tmp_path)[0]["rate"] or 0) <= most
