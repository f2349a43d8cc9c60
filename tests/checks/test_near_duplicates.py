"""near-duplicates against brute force in plain Python, and against the worst that a file can hold."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor.checks.near_duplicates import NearDuplicates
from auditor.core.check import Context, build
from auditor.core.laws import program_laws
from auditor.model.errors import ConfigError
from auditor.model.result import EVIDENCE_CHARACTERS, FINDING_SCHEMA, Measurement
from tests.kernels import oracle

METHODS = ("sketch", "exact")


def corpus(seed: int, bases: int) -> list[str]:
    """Texts of 1 to 150 words, many of them with a few words of another changed; shuffled."""
    rng = random.Random(seed)
    vocabulary = [f"w{i}" for i in range(3000)] + ["Éa", "ñb", "漢字", "STRASSE", "straße", "ก", "don't"]
    texts = []
    for _ in range(bases):
        text = [rng.choice(vocabulary) for _ in range(rng.choice((1, 3, 6, 20, 60, 150)))]
        texts.append(" ".join(text))
        while rng.random() < 0.45:
            for _ in range(rng.randint(0, 4)):
                text[rng.randrange(len(text))] = rng.choice(vocabulary)
            texts.append(rng.choice((" ", "  ", ", ")).join(text).title())
    rng.shuffle(texts)
    return [*texts, "", "", "...", "...", "!"]


def measure(folder: Path, texts: list[str], **parameters: object) -> Measurement:
    data = oracle.dataset(folder / "rows", [{"text": text} for text in texts])
    return build("near-duplicates", parameters).run(data, Context(), oracle.Threads())


def value(measurement: Measurement, name: str) -> float:
    found = next(m.value for m in measurement.metrics if m.name == f"near_duplicates.{name}")
    assert found is not None
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("threshold", "shingle"), [(0.8, 5), (0.5, 3), (0.9, 1), (1.0, 5)])
def test_equals_brute_force(tmp_path: Path, method: str, threshold: float, shingle: int) -> None:
    texts = corpus(7, 500)
    edges = oracle.pairs(texts, threshold, shingle)
    roots = np.array(oracle.clusters(list(edges), len(texts)))
    sizes = np.bincount(roots, minlength=len(texts))
    seen = measure(tmp_path, texts, method=method, threshold=threshold, shingle=shingle)
    partners = seen.tables["partners"].to_pydict()
    assert partners["row"] == np.flatnonzero(sizes[roots] > 1).tolist()
    assert partners["cluster"] == roots[partners["row"]].tolist()
    for row, related, score in zip(partners["row"], partners["related"], partners["score"], strict=True):
        assert edges[min(row, related), max(row, related)] == score
    assert value(seen, "rate") == np.count_nonzero(roots != np.arange(len(texts))) / len(texts)
    assert value(seen, "rows") == len(partners["row"])
    assert value(seen, "clusters") == np.count_nonzero(sizes > 1)
    assert value(seen, "largest_cluster") == sizes.max()
    assert value(seen, "effective_share") == pytest.approx(sum(1 / sizes[roots]) / len(texts))
    assert sum(seen.distributions[0].counts) == value(seen, "clusters")


@pytest.mark.parametrize("method", METHODS)
def test_any_sharding_and_threads_measure_the_same(tmp_path: Path, method: str) -> None:
    records = [{"text": text, "model": f"m{i % 3}"} for i, text in enumerate(corpus(3, 200))]
    shardings = [oracle.dataset(tmp_path / str(size), records, size, ["model"]) for size in (1000, 64, 7)]
    program_laws(NearDuplicates(method=method), shardings, [oracle.Threads(n) for n in (1, 2, 3)], Context())
    seen = NearDuplicates(method=method).run(shardings[0], Context(), oracle.Threads())
    assert sum(s.metric.n for s in seen.slices) == len(records)


@pytest.mark.parametrize("method", METHODS)
def test_reordering_the_rows_leaves_the_metrics(tmp_path: Path, method: str) -> None:
    texts = corpus(5, 300)
    first = measure(tmp_path / "a", texts, method=method)
    random.Random(1).shuffle(texts)
    again = measure(tmp_path / "b", texts, method=method)
    assert first.metrics == again.metrics
    assert first.distributions == again.distributions


def test_buckets_too_large_to_pair_are_chained_whatever_the_order(tmp_path: Path) -> None:
    rng = random.Random(2)
    stem = [f"s{i}" for i in range(100)]
    texts = [" ".join([*stem, f"end{i}"]) for i in range(3000)]
    first = measure(tmp_path / "a", texts)
    rng.shuffle(texts)
    again = measure(tmp_path / "b", texts)
    assert value(first, "clusters") == 1
    assert value(first, "largest_cluster") == 3000
    assert first.metrics == again.metrics


def test_a_small_budget_spills_and_measures_the_same(tmp_path: Path) -> None:
    data = oracle.dataset(tmp_path / "rows", [{"text": text} for text in corpus(4, 600)])
    spill = tmp_path / "scratch"
    spill.mkdir()
    for method in METHODS:
        check = NearDuplicates(method=method)
        roomy = check.run(data, Context(), oracle.Threads())
        tight = check.run(data, Context(scratch=spill, memory=1 << 12), oracle.Threads())
        assert tight.tables["partners"].equals(roomy.tables["partners"])
        assert tight.metrics == roomy.metrics
    assert list(spill.iterdir())


@pytest.mark.parametrize("target", [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95])
def test_planted_pairs_at_each_similarity(tmp_path: Path, target: float) -> None:
    """Pairs of single-word shingles with an exactly known similarity on either side of it."""
    union = 200
    texts = []
    for pair in range(200):
        names = [f"p{pair}x{i}" for i in range(union)]
        alone = round(union * (1 - target)) // 2
        texts += [" ".join(names[alone:]), " ".join(names[: union - alone])]
    true = (union - 2 * alone) / union
    just = measure(tmp_path / "at", texts, shingle=1, threshold=true)
    assert value(just, "clusters") >= 199  # the sketch may miss one of 200 at the threshold itself
    assert set(just.tables["partners"].column("score").to_pylist()) == {true}
    above = measure(tmp_path / "above", texts, shingle=1, threshold=true + 0.004, method="exact")
    assert value(above, "rows") == 0


def test_scopes(tmp_path: Path) -> None:
    long = " ".join(f"w{i}" for i in range(30))
    records = [{"prompt": long, "response": "a b"}, {"prompt": long, "response": None}, {"response": "a b"}]
    data = oracle.dataset(tmp_path, records)
    rows = {
        scope: value(NearDuplicates(scope=scope).run(data, Context(), oracle.Threads()), "rows")
        for scope in ("text", "prompt", "response")
    }
    assert rows == {"text": 2, "prompt": 2, "response": 2}
    none = oracle.dataset(tmp_path / "none", [{"text": "x"}])
    declined = NearDuplicates(scope="prompt").run(none, Context(), oracle.Threads())
    assert not declined.metrics
    assert declined.notes == ("no row has a prompt to compare",)


@pytest.mark.parametrize("method", METHODS)
def test_the_worst_that_a_file_can_hold(tmp_path: Path, method: str) -> None:
    cases = {
        "nothing": ([""] * 50, None),
        "one": (["a row"], 0),
        "equal": (["all the same words here again"] * 5000, 5000),
        "tiny": ([f"n{i} x" for i in range(20000)], 0),
        "huge": (["word " * 2_500_000 + "a", "word " * 2_500_000 + "b", "x"], 0),
        "huge and alike": ([" ".join(f"{i}" for i in range(400_000)) + end for end in ("", " z")], 2),
        "one shared shingle": ([f"a b c d e n{i} m{i} o{i} p{i} q{i}" for i in range(20000)], 0),
        "not text": (["\x00\x01 \x7f", "\x00\x01\x7f", "\ufffd"], 0),
    }
    begun = time.process_time()
    for name, (texts, wanted) in cases.items():
        seen = measure(tmp_path / name, texts, method=method)
        if wanted is None:
            assert not seen.metrics
            assert "no row has a text" in seen.notes[0]
        elif name == "huge":  # two shingles of three are shared
            assert value(seen, "rows") == 0
        else:
            assert value(seen, "rows") == wanted, name
    assert time.process_time() - begun < 60


def test_findings(tmp_path: Path) -> None:
    long = " ".join(f"w{i}" for i in range(200))
    texts = ["alone", long, "", f"{long} end", "alone ly", long]
    data = oracle.dataset(tmp_path, [{"text": text} for text in texts], 2)
    check = NearDuplicates()
    seen = check.run(data, Context(), oracle.Threads())
    (table,) = check.locate(data, seen, Context())
    assert table.schema == FINDING_SCHEMA
    assert table.column("row").to_pylist() == [1, 3, 5]
    assert table.column("related").to_pylist() == [5, 1, 1]
    assert table.column("score").to_pylist() == [1.0, 196 / 197, 1.0]
    assert table.column("cluster").to_pylist() == [1, 1, 1]
    assert all(len(cut) <= EVIDENCE_CHARACTERS for cut in table.column("evidence").to_pylist())


@pytest.mark.parametrize(
    "wrong", [{"threshold": 0.4}, {"threshold": 1.1}, {"scope": "id"}, {"method": "fast"}, {"shingle": 0}]
)
def test_refuses_parameters_that_mean_nothing(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        build("near-duplicates", wrong)


def test_its_own_cases(tmp_path: Path) -> None:
    for moved, cases in ((True, NearDuplicates.spec.fires), (False, NearDuplicates.spec.quiet)):
        for at, case in enumerate(cases):
            seen = measure(tmp_path / f"{moved}{at}", [row["text"] for row in case.rows])
            assert (value(seen, "rate") > 0) is moved


@pytest.mark.data
def test_stricter_thresholds_find_fewer_in_public_data(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = next(iter(sorted(shared_data("alpaca").glob("*.json*"))))
    content = path.read_text()
    records = json.loads(content) if content.lstrip().startswith("[") else [json.loads(r) for r in content.splitlines()]
    texts = ["\n".join(str(part) for part in record.values()) for record in records][:3000]
    rows = [value(measure(tmp_path / str(t), texts, threshold=t), "rows") for t in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)]
    exact = [value(measure(tmp_path / f"e{t}", texts, threshold=t, method="exact"), "rows") for t in (0.5, 0.8, 1.0)]
    assert rows == sorted(rows, reverse=True)
    assert [rows[0], rows[3], rows[5]] == exact
