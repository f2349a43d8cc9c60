"""The demo's data has the faults it says, and no others: counted by brute force on what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "examples" / "make_data.py"


def make(folder: Path, *arguments: str) -> Path:
    subprocess.run([sys.executable, SCRIPT, folder, *arguments], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def planted(made: Path) -> dict[str, Any]:
    return dict(json.loads((made / "planted.json").read_text()))


@pytest.fixture(scope="module")
def rows(made: Path) -> list[dict[str, Any]]:
    """Rows of the synthetic side as any strict reader finds them."""
    return [row for _, row in numbered(made)]


def numbered(made: Path) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate((made / "synthetic.jsonl").read_bytes().split(b"\n")[:-1], 1):
        try:
            row = json.loads(line.decode("utf-8", "strict"))
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append((number, row))
    return found


def shingles(row: dict[str, Any]) -> frozenset[tuple[str, ...]]:
    words = f"{row['instruction']} {row['response']}".casefold().split()
    return frozenset(tuple(words[i : i + 5]) for i in range(len(words) - 4))


def similar(rows: list[dict[str, Any]], least: float) -> dict[tuple[int, int], float]:
    """Every pair of rows at or over `least`: all pairs that share a shingle, in plain Python."""
    sets = [shingles(row) for row in rows]
    homes: dict[tuple[str, ...], list[int]] = {}
    for row, found in enumerate(sets):
        for shingle in found:
            homes.setdefault(shingle, []).append(row)
    shared = Counter(pair for home in homes.values() for pair in combinations(home, 2))
    alike = {(a, b): n / (len(sets[a]) + len(sets[b]) - n) for (a, b), n in shared.items()}
    return {pair: jaccard for pair, jaccard in alike.items() if jaccard >= least}


def test_counts(rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    assert len(rows) == planted["about"]["rows"] == 2000
    counts = {"exact_copies": 60, "collapsed": 160, "refusals": 40, "debris": 40, "broken_lines": 8}
    assert {fault: len(planted[fault]) for fault in counts} == counts
    assert {step: len(pairs) for step, pairs in planted["near_copies"].items()} == dict.fromkeys(
        ("0.95", "0.9", "0.85", "0.8", "0.7", "0.6", "0.5"), 6
    )
    assert len({row["id"] for row in rows}) == 2000


def test_places(made: Path, rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    lines = {row["id"]: number for number, row in numbered(made)}
    for fault in ("exact_copies", "collapsed", "refusals", "debris"):
        for place in planted[fault]:
            assert rows[place["row"]]["id"] == place["id"]
            assert lines[place["id"]] == place["line"]
            assert rows[place["row"]]["generator"] == planted["about"]["culprit"]
    everything = (made / "synthetic.jsonl").read_bytes().split(b"\n")[:-1]
    assert set(planted["broken_lines"]) == set(range(1, len(everything) + 1)) - set(lines.values())


def test_copies_are_all_there_are(rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    content = [(row["instruction"], row["response"]) for row in rows]
    assert {(p["row"], p["of"]) for p in planted["exact_copies"]} == {
        (p["row"], p["of"]) for p in planted["exact_copies"] if content[p["row"]] == content[p["of"]]
    }
    assert len(content) - len(set(content)) == 60


def test_near_copies_have_exactly_the_jaccard_they_say(rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    for step, pairs in planted["near_copies"].items():
        for left, right in pairs:
            a, b = shingles(rows[left]), shingles(rows[right])
            assert len(a & b) / len(a | b) == float(step)


def test_no_pair_is_similar_that_was_not_planted(rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    block = [place["row"] for place in planted["collapsed"]]
    assert block == list(range(block[0], block[0] + 160))
    wanted = set(combinations(block, 2)) | {
        (min(p["row"], p["of"]), max(p["row"], p["of"])) for p in planted["exact_copies"]
    }
    for pairs in planted["near_copies"].values():
        wanted |= {(min(pair), max(pair)) for pair in pairs}
    assert set(similar(rows, 0.5)) == wanted


def test_refusals_and_debris_read_as_such(rows: list[dict[str, Any]], planted: dict[str, Any]) -> None:
    for place in planted["refusals"]:
        assert any(w in rows[place["row"]]["response"] for w in ("I'm sorry", "AI language model", "I am unable to"))
    marks = ("Here is a rephrased version", "{instruction}", "### Response:", "[INSERT")
    wanted = {place["row"] for place in planted["debris"]}
    assert {i for i, row in enumerate(rows) if any(mark in row["response"] for mark in marks)} == wanted


def test_the_real_side_is_human_text_once_each(made: Path) -> None:
    real = [json.loads(line) for line in (made / "real.jsonl").read_text().splitlines()]
    assert len(real) == 2000
    assert len({" ".join(row["response"].lower().split()) for row in real}) == 2000
    assert min(len(row["response"]) for row in real) > 40


def test_the_same_seed_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = make(tmp_path / "again", "--rows", "400")
    once_more = make(tmp_path / "more", "--rows", "400")
    other = make(tmp_path / "other", "--rows", "400", "--seed", "8")
    for name in ("real.jsonl", "synthetic.jsonl", "planted.json"):
        assert (again / name).read_bytes() == (once_more / name).read_bytes()
        assert (again / name).read_bytes() != (other / name).read_bytes()


def test_it_needs_only_the_standard_library() -> None:
    # -S: no site-packages at all.
    subprocess.run([sys.executable, "-I", "-S", "-c", f"import runpy; runpy.run_path({str(SCRIPT)!r})"], check=True)


def test_the_corpus_for_benchmarks(tmp_path: Path) -> None:
    import numpy as np

    script = ROOT / "benchmarks" / "make_corpus.py"
    subprocess.run(
        [sys.executable, script, "--out", tmp_path / "a.jsonl", "--rows", "3000"], check=True, capture_output=True
    )
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(rows) == 3000
    assert 900 < (tmp_path / "a.jsonl").stat().st_size / 3000 < 1100
    origin = np.load(tmp_path / "a.jsonl.planted.npy")[:, 0]
    # Whatever is alike goes back, by planting, to one first row.
    first = list(range(3000))
    for row in range(3000):
        if origin[row] >= 0:
            first[row] = first[origin[row]]
    assert 100 < int((origin >= 0).sum()) < 350
    rare = [row | {"instruction": ""} for row in rows]
    assert all(first[a] == first[b] for a, b in similar(rare[:1000], 0.5))
