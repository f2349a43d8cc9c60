"""Annotators through the real reader: values, cache, damage, attribution, samples."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import fakes
from auditor.annotators import annotate, attribution
from auditor.annotators import language as languages
from auditor.annotators.language import UNKNOWN, identify
from auditor.annotators.surface import COLUMNS, surface
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.rows import Dataset
from auditor.sketches.sample import bottom_k

ROWS = [
    {"instruction": "Say it in 2 words.", "output": "Hello THERE", "model": "gpt-4", "score": 3, "ok": True},
    {"instruction": "Say no.", "output": "No — никогда!", "model": "gpt-4", "score": "x", "ok": None},
    {"instruction": "Echo", "output": "中文", "model": "claude", "score": 5, "chars": "clash"},
]


def column(dataset: Dataset, name: str) -> list[object]:
    return [value for rows in dataset for value in rows.column(name).to_pylist()]


def annotated(records: list[dict[str, object]], folder: Path, names: tuple[str, ...], shard_rows: int = 2) -> Dataset:
    made = fakes.dataset(records, folder, shard_rows=shard_rows)
    return annotate(made, names, cache=folder, engine=Local(2))


def test_surface_equals_plain_python(tmp_path: Path) -> None:
    dataset = annotated(ROWS, tmp_path, ("surface",))
    texts, prompts, responses = (column(dataset, name) for name in ("text", "prompt", "response"))
    assert column(dataset, "chars") == [len(t) for t in texts]
    assert column(dataset, "words") == [len(t.split()) for t in texts]
    assert column(dataset, "prompt_chars") == [len(t) for t in prompts]
    assert column(dataset, "response_words") == [len(t.split()) for t in responses]
    for name, predicate in {
        "alpha_ratio": str.isalpha, "upper_ratio": str.isupper, "digit_ratio": str.isdigit,
        "whitespace_ratio": str.isspace, "non_ascii_ratio": lambda c: not c.isascii(),
    }.items():  # fmt: skip
        wanted = [sum(map(predicate, t)) / len(t) for t in texts]
        assert column(dataset, name) == pytest.approx(wanted, abs=1e-6), name
    wanted = [sum(map(len, t.split())) / len(t.split()) for t in texts]
    assert column(dataset, "mean_word_length") == pytest.approx(wanted, rel=1e-6)
    for text, tokens in zip(texts, column(dataset, "tokens"), strict=True):
        narrow = sum(c.isascii() for c in text)
        assert tokens == -(-(narrow * 3 + len("".join(c for c in text if not c.isascii()).encode()) * 4) // 12)


def test_what_is_not_defined_is_null() -> None:
    batch = surface(fakes.rows([{"text": ""}, {"text": "word"}]))
    assert batch.schema == pa.schema(list(COLUMNS.items()))
    assert batch.column("alpha_ratio").to_pylist() == [None, 1.0]
    assert batch.column("mean_word_length").to_pylist() == [None, 4.0]
    for name in ("prompt_chars", "response_words", "turns"):
        assert batch.column(name).null_count == 2
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    assert surface(fakes.rows([{"messages": turns}])).column("turns").to_pylist() == [2]


def test_fields_keep_their_type_and_step_aside_for_ours(tmp_path: Path) -> None:
    dataset = annotated(ROWS, tmp_path, ("fields", "surface"))
    assert {"model", "ok", "meta.chars"} <= set(dataset.columns)
    assert column(dataset, "model") == ["gpt-4", "gpt-4", "claude"]
    assert column(dataset, "ok") == [True, None, None]
    assert column(dataset, "meta.chars") == [None, None, "clash"]
    assert column(dataset, "chars")[0] == len(column(dataset, "text")[0])


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "gone"])
def test_a_sound_file_is_kept_and_a_damaged_one_made_again(tmp_path: Path, damage: str) -> None:
    first = annotated(ROWS, tmp_path, ("surface",))
    path = first.shards[0].annotations[0]
    content = path.read_bytes()
    stamp = path.stat().st_mtime_ns
    again = annotated(ROWS, tmp_path, ("surface",))
    assert again.shards[0].annotations == (path,)
    assert path.stat().st_mtime_ns == stamp
    middle = content.index(np.array(column(first, "chars")[:2], np.int32).tobytes())  # a value, not padding
    if damage == "gone":
        path.unlink()
    else:
        broken = {
            "cut": content[:middle], "empty": b"",
            "flipped": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
        }[damage]  # fmt: skip
        path.unlink()
        path.write_bytes(broken)
    annotated(ROWS, tmp_path, ("surface",))
    assert path.read_bytes() == content


def test_an_unknown_annotator_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="surface"):
        annotate(fakes.dataset(ROWS, tmp_path), ("surfaec",), cache=tmp_path, engine=Local(1))


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    made = fakes.dataset(ROWS, tmp_path, shard_rows=1)
    annotate(made, ("surface", "fields"), cache=tmp_path, engine=Local(2), progress=lambda *at: told.append(at))
    assert sorted(told) == [(i, 6) for i in range(1, 7)]


def test_attribution_is_found_and_can_be_asked_for(tmp_path: Path) -> None:
    dataset = annotated(ROWS, tmp_path, ("fields", "surface"))
    assert dict(attribution(dataset, None).by) == {"model": ("gpt-4", "claude")}
    assert dict(attribution(dataset, ("ok",)).by) == {"ok": ("true",)}
    assert dict(attribution(dataset, ()).by) == {}
    with pytest.raises(ConfigError, match="did you mean 'model'"):
        attribution(dataset, ("modle",))
    groups = next(iter(attribution(dataset, None))).groups["model"]
    assert [groups.labels[c] for c in groups.codes] == ["gpt-4", "gpt-4"]


def test_many_labels_are_cut_by_count_then_name(tmp_path: Path) -> None:
    names = [f"m{i % 150:03d}" for i in range(400)]
    dataset = annotated([{"text": f"t{i}", "generator": n} for i, n in enumerate(names)], tmp_path, ("fields",), 64)
    wanted = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))[:100]
    assert attribution(dataset, None).by["generator"] == tuple(name for name, _ in wanted)


def test_one_value_or_one_for_each_row_is_no_attribution(tmp_path: Path) -> None:
    records = [{"text": f"t{i}", "generator": "same", "prompt_id": f"p{i}"} for i in range(1_001)]
    assert dict(attribution(annotated(records, tmp_path, ("fields",)), None).by) == {}


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 20))
def test_the_sample_does_not_depend_on_shards(
    tmp_path_factory: pytest.TempPathFactory, n: int, k: int, cut: int
) -> None:
    records = [{"text": f"text {i % 7}"} for i in range(n)]
    folder = tmp_path_factory.mktemp("sample")
    whole = bottom_k(fakes.dataset(records, folder), k)
    assert len(whole) == min(n, k)
    assert len(set(whole.tolist())) == len(whole)
    np.testing.assert_array_equal(bottom_k(fakes.dataset(records, folder, shard_rows=cut), k), whole)


def test_copies_are_drawn_one_by_one(tmp_path: Path) -> None:
    sample = bottom_k(fakes.dataset([{"text": "the same"}] * 1_000, tmp_path), 500)
    assert len(sample) == 500  # and evenly: the halves of the data differ by less than five sigma
    assert abs(int((sample < 500).sum()) - 250) < 60


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The committee will meet again on Thursday to discuss the new budget for the school.", "en"),
        ("Le comité se réunira de nouveau jeudi pour discuter du nouveau budget de l'école.", "fr"),
        ("Der Ausschuss trifft sich am Donnerstag wieder, um den neuen Haushalt zu besprechen.", "de"),
        ("Комитет снова соберётся в четверг, чтобы обсудить новый бюджет школы.", "ru"),
        ("委员会将于星期四再次开会，讨论学校的新预算。", "zh"),
        ("```python\ndef f(x):\n    return x + 1\n```", UNKNOWN),
        ("https://example.org/une/page/en/francais/bien/longue", UNKNOWN),
        ("42 + 17 = 59", UNKNOWN),
        ("", UNKNOWN),
        ("OK", UNKNOWN),
    ],
)
def test_languages(text: str, code: str) -> None:
    assert identify([text])[0][0] == code


def test_only_the_sample_has_a_language(tmp_path: Path) -> None:
    records = [{"text": f"This is sentence number {i} of a rather dull little story."} for i in range(20)]
    made = fakes.dataset(records, tmp_path, shard_rows=6)
    some = annotate(made, ("language",), cache=tmp_path, engine=Local(2), language_rows=7)
    known = [i for i, code in enumerate(column(some, "language")) if code is not None]
    assert known == bottom_k(made, 7).tolist()
    every = annotate(made, ("language",), cache=tmp_path, engine=Local(2), language_rows=0)
    assert column(every, "language") == ["en"] * 20
    assert every.shards[0].annotations != some.shards[0].annotations


def test_the_unpacked_model_is_the_packages_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    packed = languages._package()
    for damage in (None, b"", b"PK not an archive"):
        if damage is not None:
            next(tmp_path.iterdir()).write_bytes(damage)
        for _ in range(2):  # written, then read
            kept = languages._unpacked(tmp_path)
            assert kept.labels == packed.labels
            for name in ("moves", "row", "feature", "weights", "prior"):
                np.testing.assert_array_equal(getattr(kept, name), getattr(packed, name))
                assert getattr(kept, name).dtype == getattr(packed, name).dtype
