"""semantic-duplicates against all pairs in scikit-learn's TF-IDF and in brute force, and on public data."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from auditor import fakes
from auditor.annotators import embedders, neighbours
from auditor.checks.semantic_duplicates import CHANCE, JUDGES, LENGTHS, OTHER, SemanticDuplicates, _edited, needed
from auditor.core.check import Context, build
from auditor.core.content.space import Embedder, Space
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import FINDING_SCHEMA, Measurement
from auditor.model.rows import Dataset, Strings, strings
from auditor.model.vectors import Floats
from auditor.sketches.sample import drawn
from tests.kernels import oracle


def sentences(seed: int, bases: int) -> list[str]:
    """Texts of 6 to 40 words; half of them reordered, reformatted or edited copies of another, near and less near."""
    rng = random.Random(seed)
    words = ["".join(rng.choice("abcdefghijklmnop") for _ in range(rng.randint(2, 9))) for _ in range(2000)]
    made = []
    for _ in range(bases):
        text = [rng.choice(words) for _ in range(rng.randint(6, 40))]
        made.append(" ".join(text))
        while rng.random() < 0.5:
            other = list(text)
            if rng.random() < 0.5:
                at = rng.randrange(len(other))
                other = other[at:] + other[:at]
            for _ in range(rng.randint(0, 3)):
                other[rng.randrange(len(other))] = rng.choice(words)
            made.append(rng.choice((" ", "\n")).join(other))
    rng.shuffle(made)
    return [*made, *made[:9], "", "", " "]


def measure(folder: Path, records: Sequence[object], by: Sequence[str] = (), **parameters: object) -> Measurement:
    given = [{"text": record} if isinstance(record, str) else record for record in records]
    data = fakes.dataset(given, folder / "rows", shard_rows=300, by=by)  # type: ignore[arg-type]
    context = Context(space=fakes.space(folder / "space"))
    made: Measurement = build("semantic-duplicates", parameters).run(data, context, Local(2))
    return made


def value(measurement: Measurement, name: str) -> float | None:
    return next(m.value for m in measurement.metrics if m.name == f"semantic_duplicates.{name}")


def every_pair(space: Space, data: Dataset, of: Sequence[str]) -> np.ndarray:
    n = len(of)
    left, right = (side.ravel() for side in np.mgrid[0:n, 0:n])
    return space.cosines(data, "text", left, right).reshape(n, n)


@pytest.mark.parametrize("threshold", [0.7, 0.8, 0.9, 0.97, 1.0])
def test_equals_brute_force(threshold: float, tmp_path: Path) -> None:
    of = sentences(3, 130)
    data = fakes.dataset([{"text": text} for text in of], tmp_path / "rows")
    exact = every_pair(fakes.space(tmp_path / "all"), data, of)
    filled = np.array([bool(text.strip()) for text in of])
    alike = (exact >= threshold - 1e-12) & filled[:, None] & filled
    np.fill_diagonal(alike, False)
    edges = [(int(i), int(j)) for i, j in np.argwhere(alike) if i < j]
    roots = np.array(oracle.clusters(edges, len(of)))
    sizes = np.bincount(roots, minlength=len(of))
    seen = measure(tmp_path, of, threshold=threshold)
    partners = seen.tables["partners"].to_pydict()
    assert partners["row"] == np.flatnonzero(sizes[roots] > 1).tolist()
    assert partners["cluster"] == roots[partners["row"]].tolist()
    for row, related, score in zip(partners["row"], partners["related"], partners["score"], strict=True):
        assert alike[row, related]
        assert score == pytest.approx(exact[row][alike[row]].max())
        assert score == pytest.approx(exact[row, related])
    assert value(seen, "rate") == (roots != np.arange(len(of))).mean()
    assert value(seen, "rows") == len(partners["row"])
    assert value(seen, "clusters") == (sizes > 1).sum()
    assert value(seen, "largest_cluster") == sizes.max()
    assert value(seen, "effective_share") == (sizes > 0).sum() / len(of)
    distinct = {of[i] for i in range(len(of))}
    first = [of.index(text) for text in distinct]
    pairs = [(of[i], of[j]) for i in first for j in first if i < j and alike[i, j]]
    other = sum(not oracle.pairs([one, two], 0.8, 5) for one, two in pairs)
    assert value(seen, "beyond_wording") == pytest.approx(other / len(pairs))


def test_scores_are_those_of_scikit_learn(tmp_path: Path) -> None:
    """TF-IDF over the same grams with the shipped frequencies, in scikit-learn's own words."""
    from sklearn.feature_extraction.text import CountVectorizer

    of = ["the quick brown fox jumps over the dog", "over the dog the quick brown fox jumps", "water boils"]
    counts = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4)).fit_transform(of).toarray()
    assert (counts[0] == counts[1]).all(), "word order is what grams within words do not have"
    seen = measure(tmp_path, of)
    assert seen.tables["partners"].to_pydict()["score"] == pytest.approx([1.0, 1.0])
    assert value(seen, "beyond_wording") == 1.0


def test_candidates_of_the_index_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = sentences(5, 500)
    flat = measure(tmp_path / "flat", of, threshold=0.9)
    monkeypatch.setattr(neighbours, "FLAT", 100)
    indexed = measure(tmp_path / "indexed", of, threshold=0.9)
    assert indexed.tables["partners"].equals(flat.tables["partners"])
    assert "nearest of each text among all others" in flat.notes[0]
    assert "which found 1.0000 of the pairs at 0.9" in indexed.notes[0]


def test_rows_are_named_with_their_match(tmp_path: Path) -> None:
    swapped = "every single morning the quick brown fox jumps over the lazy dog near the old stone bridge"
    of = [
        {
            "text": "the quick brown fox jumps over the lazy dog near the old stone bridge every single morning",
            "g": "a",
        },
        {"text": "Water boils at a hundred degrees.", "g": "a"},
        {"text": swapped, "g": "b"},
        {"text": swapped, "g": "b"},
    ]
    seen = measure(tmp_path, of, by=("g",))
    data = fakes.dataset(of, tmp_path / "rows", shard_rows=300, by=("g",))
    (table,) = SemanticDuplicates().locate(data, seen, Context())
    assert table.schema.equals(FINDING_SCHEMA)
    assert table.column("row").to_pylist() == [0, 2, 3]
    assert table.column("related").to_pylist() == [2, 3, 2]
    assert table.column("cluster").to_pylist() == [0, 0, 0]
    assert table.column("score").to_pylist() == pytest.approx([1, 1, 1])
    assert table.column("evidence").to_pylist()[1] == swapped
    sliced = {s.group: s.metric.value for s in seen.slices}
    assert (sliced["a"], sliced["b"]) == (0.0, 1.0)


class Exact:
    """An embedder whose vectors are what it compares: two directions, and what lies between."""

    name, revision, dimension, threads, blind = "folder", "1", 2, True, "everything but a number"

    def embed(self, texts: Strings) -> Floats:
        turns = [float(texts.data[low:high].tobytes() or b"nan") for low, high in pairwise(texts.offsets)]
        vectors = np.stack([np.cos(turns), np.sin(turns)], axis=1)
        return np.nan_to_num(vectors).astype(np.float32)

    def cosines(self, left: Strings, right: Strings) -> np.ndarray:
        raise AssertionError("its vectors are exact, and embedding again may cost money")


def test_other_embedders_are_not_asked_twice(tmp_path: Path) -> None:
    from auditor.annotators.space import Spaces

    assert OTHER.threshold == 0.9
    data = fakes.dataset([{"text": text} for text in ("0.0", "0.4", "0.8", "1.6")], tmp_path / "rows")
    context = Context(space=Spaces(Exact(), tmp_path / "space", Local(1)))
    seen = SemanticDuplicates().run(data, context, Local(1))
    table = seen.tables["partners"].to_pydict()
    assert table["row"] == [0, 1, 2], "cos .4 is .92, and cos .8 is .70"
    assert table["cluster"] == [0, 0, 0]
    assert table["score"] == pytest.approx([np.cos(0.4)] * 3, abs=1e-6)
    assert "everything but a number" in seen.notes[0]
    assert "calibrate" in seen.notes[1]


@pytest.mark.parametrize("of", [["", "", " "], [""]])
def test_nothing_to_compare_is_skipped(of: list[str], tmp_path: Path) -> None:
    seen = measure(tmp_path, of)
    assert seen.metrics == ()
    assert seen.notes == ("no row has a text to compare",)


@pytest.mark.parametrize(
    ("of", "rate"),
    [
        (["alone"], 0.0),
        (["same"] * 40, 39 / 40),
        (["猫が座る。犬は走る。", "犬は走る。猫が座る。", "今日は天気がいい"], 1 / 3),
        (["x" * 1_000_000 + " y", "x" * 1_000_000 + " z", "q"], 1 / 3),
        ([f"row number {n} of the same form that all of them have" for n in range(60)], 59 / 60),
    ],
)
def test_extremes(of: list[str], rate: float, tmp_path: Path) -> None:
    assert value(measure(tmp_path, of, threshold=0.8), "rate") == pytest.approx(rate)


def test_parameters_are_checked() -> None:
    for wrong in ({"threshold": 0.3}, {"threshold": 1.1}, {"scope": "meta"}):
        with pytest.raises(ConfigError, match="must be"):
            build("semantic-duplicates", wrong)


@pytest.mark.data
def test_fewer_at_each_stricter_threshold_of_its_authors(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    rates = []
    for name in ("dedupe-only", "similarity-0.9", "similarity-0.8", "similarity-0.7", "similarity-0.6"):
        records = json.loads(shared_data(f"gpteacher/toolformer-{name}-dataset.json").read_text())
        rates.append(value(measure(tmp_path / name, records, scope="response"), "rate"))
    assert rates == sorted(rates, reverse=True)  # type: ignore[type-var]
    assert rates[0] == pytest.approx(0.3366, abs=1e-4)
    assert rates[-1] < 0.01  # type: ignore[operator]


@pytest.mark.data
def test_people_seldom_ask_the_same_problem(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    records = [json.loads(line) for line in shared_data("gsm8k/train.jsonl").read_text().splitlines()]
    assert value(measure(tmp_path, records), "rate") == 0
    asked = value(measure(tmp_path, records, scope="prompt"), "rate")
    assert asked is not None
    assert 0 < asked < 0.005


@pytest.mark.data
def test_what_the_default_embedder_does_not_see(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Rephrasings by a model are below its threshold, as its documentation says."""
    pairs = [
        [json.loads(line)["text"] for line in shared_data(f"decontaminator/{name}.jsonl").read_text().splitlines()]
        for name in ("HumanEval", "humaneval_python")
    ]
    data = fakes.dataset([{"text": text} for side in pairs for text in side], tmp_path / "rows")
    space = fakes.space(tmp_path / "space")
    score = space.cosines(data, "text", np.arange(164), np.arange(164, 328))
    assert (score >= JUDGES["hashed"].threshold).sum() == 0
    assert (score >= 0.5).sum() == 15


def test_a_longer_text_needs_more() -> None:
    lengths = np.array([1, 5_000, 16_000, 64_000, 1_024_000, 9_000_000])
    assert needed(0.9, lengths).round(3).tolist() == [0.9, 0.9, 0.9, 0.941, 0.972, 0.972]
    assert (np.diff(needed(0.6, np.geomspace(1e4, 1e6, 50).astype(np.int64))) >= 0).all()
    # What is left between chance and 1 is shared out as the threshold has it, counted from the first length on.
    for length, chance in zip(LENGTHS, CHANCE, strict=True):
        left = (1 - needed(0.8, np.array([length]))[0]) / (1 - 0.8)
        assert left == pytest.approx((1 - chance) / (1 - CHANCE[0]))


@pytest.mark.data
def test_long_texts_are_not_alike_by_their_length(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Half a megabyte of Alpaca beside another half: a cosine of .83, and a threshold of .8 that leaves them apart;
    the first one with its rows in another order is still found."""
    records = json.loads(shared_data("alpaca/random_9k.json").read_text())
    rows = [" ".join(value for value in record.values() if isinstance(value, str)) for record in records]
    random.Random(4).shuffle(rows)
    middle = len(rows) // 3
    of = ["\n".join(part) for part in (rows[:middle], rows[middle : 2 * middle], rows[:middle][::-1])]
    assert min(map(len, of)) > 500_000
    data = fakes.dataset([{"text": text} for text in of], tmp_path / "all")
    exact = every_pair(fakes.space(tmp_path / "exact"), data, of)
    assert exact[0, 1] > 0.8
    seen = measure(tmp_path, of, threshold=0.8)
    assert seen.tables["partners"].column("row").to_pylist() == [0, 2]


@dataclass(frozen=True)
class Moved:
    """Another embedder's vectors, moved to one side: random texts are alike, as with many encoders."""

    of: Embedder
    by: float
    name: str = "moved"

    @property
    def revision(self) -> str:
        return f"{self.of.revision}-{self.by}"

    @property
    def dimension(self) -> int:
        return self.of.dimension

    threads, blind = True, "what the other does not see"

    def embed(self, texts: Strings) -> Floats:
        vectors = self.of.embed(texts)
        there = np.linalg.norm(vectors, axis=1) > 0
        vectors[there, 0] += self.by
        vectors[there] /= np.linalg.norm(vectors[there], axis=1, keepdims=True)
        return vectors

    def cosines(self, left: Strings, right: Strings) -> np.ndarray:
        found: np.ndarray = np.einsum("ij,ij->i", self.embed(left), self.embed(right)).astype(np.float64)
        return found


def moved(folder: Path, of: str, by: float, of_rows: Sequence[str]) -> tuple[Dataset, Context]:
    from auditor.annotators.space import Spaces

    data = fakes.dataset([{"text": text} for text in of_rows], folder / "rows", shard_rows=300)
    embedder = Moved(embedders.load(of, folder), by)
    return data, Context(space=Spaces(embedder, folder / "space", Local(1)))


def edited(text: str) -> str:
    words = text.split()
    del words[9::10]
    return " ".join(words[len(words) // 2 :] + words[: len(words) // 2])


def test_a_threshold_is_found_between_unlike_rows_and_edited_copies(tmp_path: Path) -> None:
    """The oracle has all pairs of distinct rows; what it finds flags edited copies and leaves the others."""
    rng = random.Random(5)
    words = ["".join(rng.choice("abcdefghijklmnop") for _ in range(rng.randint(2, 9))) for _ in range(900)]
    real = [" ".join(rng.choice(words) for _ in range(rng.randint(12, 40))) for _ in range(240)]
    data, context = moved(tmp_path, "hashed", 1.0, [*real, *real[:40]])
    check, how = SemanticDuplicates().tuned(data, context)
    assert context.space is not None
    vectors = context.space.vectors(data, "text").take(np.arange(240)).astype(np.float64)
    cosines = vectors @ vectors.T - 2 * np.eye(240)
    near = np.quantile(cosines.max(1), 0.99)
    first = [int(row) for row in drawn(data, 280)]
    texts = list(dict.fromkeys((*real, *real[:40])[row] for row in first))[:200]
    both = (context.space.embedder.embed(strings(pa.array(side, pa.large_string())))
            for side in (texts, [edited(text) for text in texts]))  # fmt: skip
    kept = np.median(np.einsum("ij,ij->i", *both))
    assert check.threshold == pytest.approx((near + kept) / 2, abs=6e-4)
    assert how == (
        f"semantic-duplicates.threshold by moved: {check.threshold:g}, halfway (99% of real rows have none nearer than "
        f"{near:.3f}, edited copies stay at {kept:.3f}); give it to audits: "
        f"--set semantic-duplicates.threshold={check.threshold:g}, or `checks:` in auditor.yaml"
    )
    copied, context = moved(tmp_path / "copied", "hashed", 1.0, [*real, *map(edited, real[:60])])
    rate = value(check.run(copied, context, Local(1)), "rate")
    assert rate is not None
    assert 0.9 * 60 / 300 <= rate <= 63 / 300


def test_a_threshold_that_is_known_or_cannot_be_found_is_left(tmp_path: Path) -> None:
    texts = [f"row number {i} of {i * i}" for i in range(60)]
    few, context = moved(tmp_path / "few", "hashed", 1.0, texts[:49] * 3)
    told = "semantic-duplicates.threshold by moved: none found, "
    assert SemanticDuplicates().tuned(few, context) == (
        SemanticDuplicates(),
        f"{told}49 distinct texts are too few to tell: 50 are needed",
    )
    asked = SemanticDuplicates(scope="prompt")
    assert asked.tuned(few, context) == (asked, f"{told}0 distinct texts are too few to tell: 50 are needed")
    assert SemanticDuplicates(threshold=0.8).tuned(few, context) == (SemanticDuplicates(threshold=0.8), "")
    many, context = moved(tmp_path / "many", "hashed", 1e6, texts)
    assert "does not tell copies from other rows" in SemanticDuplicates().tuned(many, context)[1]
    known = Context(space=fakes.space(tmp_path / "known"))
    assert SemanticDuplicates().tuned(many, known) == (SemanticDuplicates(), "")
    for text in ("three words only", "没有空格的文字也要改动才行"):
        assert sorted(_edited(text)) == sorted([*text[:9], *text[10:]])


@pytest.mark.data
def test_found_thresholds_are_where_people_put_them(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    """WordLlama's is .9 by STS-B. Moved to one side it calls unlike rows duplicates at .9, and not at what is found."""
    rows = json.loads(shared_data("alpaca/random_9k.json").read_text())[:1500]
    texts = ["\n".join(text for text in row.values() if isinstance(text, str) and text) for row in rows]
    for by, low, high in ((0.0, 0.9, 0.93), (1.5, 0.96, 0.98)):
        data, context = moved(tmp_path / str(by), "wordllama", by, texts)
        check, _ = SemanticDuplicates().tuned(data, context)
        assert low <= check.threshold <= high
        rates = [value(one.run(data, context, Local(2)), "rate") or 0.0 for one in (check, SemanticDuplicates())]
        assert rates[0] < 0.005
        assert (rates[1] > 0.05) == (by > 0)
