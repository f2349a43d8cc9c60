"""few-patterns: the numbers of the room, against a reference, by group, and on what is hardly data."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.few_patterns import FewPatterns
from auditor.core.check import Context
from auditor.core.lineage.history import History
from auditor.core.measure import missing
from auditor.engines.local import Local
from auditor.model.card import Card
from auditor.model.result import Measurement
from auditor.sketches.sample import drawn
from auditor.statistics import vendi
from tests.planted import templated

NAMES = [f"{first}{last}" for first in ("Ada", "Ben", "Cy", "Dora", "Eli") for last in ("lyn", "rick", "son", "ta", "")]
ASKED = (
    "Explain to {} how rain forms above the mountains of {}",
    "Write a letter in which {} thanks the baker from {}",
    "Which river would {} cross on the way to {} by train?",
    "List five gifts that {} could bring home from {}",
)


def _templates(n: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    return [ASKED[i % 4].format(draw.choice(NAMES), draw.choice(NAMES)) for i in range(n)]


def _diverse(n: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(3, 9))) for _ in range(3000)]
    return [" ".join(draw.choices(words, k=draw.randint(8, 30))) for _ in range(n)]


def _measured(
    texts: Sequence[str] | Sequence[Mapping[str, Any]],
    folder: Path,
    real: Sequence[str] | None = None,
    threads: int = 1,
    shard_rows: int = 1000,
    by: Sequence[str] = (),
    **parameters: Any,
) -> Measurement:
    rows = [{"text": one} if isinstance(one, str) else one for one in texts]
    data = fakes.dataset(rows, folder / "data", shard_rows=shard_rows, by=by)
    beside = {} if real is None else {"real": fakes.dataset([{"text": one} for one in real], folder / "real")}
    context = Context(references=beside, space=fakes.space(folder / "space"), cache=folder)
    return FewPatterns(**parameters).run(data, context, Local(threads))


def _values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.removeprefix("few_patterns."): metric.value for metric in measurement.metrics}


def test_four_templates_are_four_patterns_named_by_their_words(tmp_path: Path) -> None:
    measured = _measured(_templates(400), tmp_path)
    values = _values(measured)
    assert values["effective_patterns"] == pytest.approx(4, rel=0.15)
    assert values["crowded"] > 0.98
    assert values["largest_share"] == pytest.approx(0.25, abs=0.01)
    names = " ".join(str(line[3]) for line in measured.exhibits[0].rows[:4])
    assert {"rain", "baker", "river", "gifts"} & set(names.replace(",", "").split())
    for metric in measured.metrics:
        if metric.low is not None and metric.high is not None and metric.value is not None:
            assert metric.low <= metric.value <= metric.high


@pytest.mark.parametrize("share", [0.95, 0.98, 1.0])
def test_one_template_is_one_pattern_and_no_scaffold(share: float, tmp_path: Path) -> None:
    cities = _diverse(400, 5)
    asked = [f"What is the capital of {city.split()[0].title()}?" for city in cities[: int(400 * share)]]
    measured = _measured(asked + _diverse(400 - len(asked)), tmp_path)
    values = _values(measured)
    assert values["largest_share"] == pytest.approx(share, abs=0.003)
    rest = 400 - len(asked)
    assert values["effective_patterns"] == pytest.approx(400 ** (1 - share) / share**share, rel=0.05)
    assert measured.notes[0] == f"400 rows, {values['effective_patterns']:.3g} effective pattern{'s' if rest else ''}"
    assert {"capital", "what"} <= set(str(measured.exhibits[0].rows[0][3]).split(", "))
    assert any("one template" in note for note in measured.notes)


def test_a_scaffold_around_different_rows_is_no_pattern(tmp_path: Path) -> None:
    scaffold = "You are a helpful assistant. Answer as truthfully as you can, and be brief. ### Instruction: "
    measured = _measured([scaffold + text for text in _diverse(300)], tmp_path)
    assert _values(measured)["patterns_per_row"] > 0.97
    assert not any(note.endswith("one template") and "half" in note for note in measured.notes)


def test_one_pattern_that_may_be_a_scaffold_is_told(tmp_path: Path) -> None:
    """Of nine rows in ten three fifths are the same words: a scaffold, or all of them one pattern."""
    draw = random.Random(3)
    one = _diverse(1, 5)[0].split() * 2
    others = [word for text in _diverse(300, 6) for word in text.split()]
    like = [" ".join(draw.choice(others) if draw.random() < 0.4 else word for word in one) for _ in range(900)]
    told = [any("the whole set is one template" in note for note in _measured(texts, tmp_path / str(i)).notes)
            for i, texts in enumerate((like + _diverse(100, 7), _diverse(1000, 7)))]  # fmt: skip
    assert told == [True, False]


def test_a_templated_task_is_judged_by_the_ratio(tmp_path: Path) -> None:
    """Both sides are four templates: few patterns, and as many as there should be."""
    by_name = {m.name: m for m in _measured(_templates(300, 1), tmp_path, real=_templates(300, 2)).metrics}
    few, ratio = by_name["few_patterns.patterns_per_row"], by_name["few_patterns.ratio_to_real"]
    assert few.value is None
    assert "real rows are templated too" in few.why
    assert ratio.value == pytest.approx(1, rel=0.1)
    diverse = _values(_measured(_templates(300, 1), tmp_path / "2", real=_diverse(300)))
    assert diverse["patterns_per_row"] < 0.02


def test_one_word_in_common_is_no_pattern(tmp_path: Path) -> None:
    draw = random.Random(2)
    letters = "abcdefghijklmnopqrstuvwxyz"
    texts = [f"{text} xylophone {text[::-1]}" for text in _diverse(120, 1)] + _diverse(480, 2)
    texts += [" ".join("".join(draw.choices(letters, k=7)) for _ in range(12)) for _ in range(200)]
    values = _values(_measured(texts, tmp_path))
    assert values["patterns_per_row"] > 0.9
    assert values["largest_share"] < 0.02


def test_diverse_rows_are_their_own_patterns(tmp_path: Path) -> None:
    values = _values(_measured(_diverse(600), tmp_path))
    assert values["patterns_per_row"] > 0.97
    assert values["crowded"] == 0
    assert values["ratio_to_real"] is None


@pytest.mark.parametrize("script", [(0x0E01, 0x0E2E), (0x1000, 0x1021), (0x3042, 0x3093)])
def test_alphabets_without_spaces(script: tuple[int, int], tmp_path: Path) -> None:
    """Thai, Burmese and kana: every text has most of their few letters. 300 different texts, and three with a slot."""
    draw = random.Random(script[0])
    words = ["".join(chr(draw.randint(*script)) for _ in range(draw.randint(3, 6))) for _ in range(2000)]
    different = ["".join(draw.choices(words, k=20)) for _ in range(300)]
    three = ["".join(draw.choices(words, k=20)) for _ in range(3)]
    collapsed = [three[row % 3] + draw.choice(words) for row in range(300)]
    assert _values(_measured(different, tmp_path / "different"))["effective_patterns"] > 285
    assert _values(_measured(collapsed, tmp_path / "collapsed"))["effective_patterns"] == pytest.approx(3, abs=0.1)
    beside = _values(_measured(collapsed, tmp_path / "beside", different))
    assert beside["ratio_to_real"] == pytest.approx(0.01, abs=0.002)


def test_the_ratio_is_of_equal_sizes(tmp_path: Path) -> None:
    measured = _measured(_templates(600), tmp_path, real=_diverse(300))
    by_name = {metric.name: metric for metric in measured.metrics}
    ratio = by_name["few_patterns.ratio_to_real"]
    assert ratio.n == 300
    assert ratio.value == pytest.approx(4 / 300, rel=0.15)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low <= ratio.value <= ratio.high
    assert 0 < by_name["few_patterns.vendi_ratio_to_real"].value < 0.5
    sides = set(measured.tables["sizes"].column("side").to_pylist())
    assert sides == set(measured.tables["map"].column("side").to_pylist()) == {"synthetic", "real"}


def test_itself_as_the_reference_is_one(tmp_path: Path) -> None:
    texts = _diverse(200) + _templates(100)
    values = _values(_measured(texts, tmp_path, real=texts))
    assert values["ratio_to_real"] == 1
    assert values["vendi_ratio_to_real"] == pytest.approx(1)


def test_falls_with_the_share_of_patterns(tmp_path: Path) -> None:
    seen = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        many = int(share * 400)
        values = _values(_measured(_diverse(400)[many:] + _templates(400)[:many], tmp_path / str(many)))
        seen.append(values["effective_patterns"])
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == pytest.approx(4, rel=0.15)


def test_vendi_is_that_of_its_authors_package(tmp_path: Path) -> None:
    oracle = pytest.importorskip("vendi_score.vendi")
    texts = _diverse(150) + _templates(50)
    data = fakes.dataset([{"text": one} for one in texts], tmp_path / "data")
    space = fakes.space(tmp_path / "space")
    values = _values(FewPatterns().run(data, Context(space=space), Local(1)))
    vectors = np.concatenate(list(space.vectors(data, "text"))).astype(np.float64)
    for order, name in ((1, "vendi"), (2, "vendi_2")):
        assert values[name] == pytest.approx(oracle.score_dual(vectors, q=order, normalize=False), abs=1e-6)
    assert vendi.score(vendi.spectrum(vectors.astype(np.float32))) == pytest.approx(values["vendi"])


def test_order_shards_and_threads_change_nothing(tmp_path: Path) -> None:
    texts = _diverse(150) + _templates(150)
    turned = random.Random(3).sample(texts, len(texts))
    one = _values(_measured(texts, tmp_path / "one"))
    other = _values(_measured(turned, tmp_path / "other", threads=3, shard_rows=70))
    assert one == other


def test_what_was_found_is_kept_and_damage_is_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.core.content.grouped.KEPT", 100)
    texts, real = _diverse(100) + _templates(100), _diverse(150, 1) + _templates(50, 1)
    first = _values(_measured(texts, tmp_path, real=real))
    kept = sorted(tmp_path.glob("patterns-*.npy"))
    assert len(kept) == 2  # of the data, and of both sides
    assert _values(_measured(texts, tmp_path, real=real)) == first
    sound = [path.read_bytes() for path in kept]
    for path, other in zip(kept, reversed(sound), strict=True):
        for damaged in (path.read_bytes()[:-9], b"nonsense", other):
            path.write_bytes(damaged)
            assert _values(_measured(texts, tmp_path, real=real)) == first
    assert [path.read_bytes() for path in kept] == sound


def test_halves_of_a_set_of_templates_are_as_diverse(tmp_path: Path) -> None:
    """Of twenty words in all: each half by itself counts 30 to 75 patterns, and their ratios are .67 to 1.2."""
    texts = templated(1200, 7, (6, 12), (1, 1), among=20)
    by_name = {m.name: m for m in _measured(texts[:600], tmp_path, real=texts[600:]).metrics}
    ratio = by_name["few_patterns.ratio_to_real"]
    assert ratio.value == pytest.approx(1, abs=0.12)
    assert ratio.low < 1 < ratio.high
    assert 1.02 < ratio.high / ratio.value < 1.4
    assert ratio.high / ratio.value == pytest.approx(ratio.value / ratio.low)


def test_many_rows_are_compared_by_as_many_of_both(tmp_path: Path) -> None:
    measured = _measured(_diverse(90), tmp_path, real=_diverse(90, 1), whole=100, sample=60)
    by_name = {m.name: m for m in measured.metrics}
    assert by_name["few_patterns.effective_patterns"].n == 90
    assert by_name["few_patterns.ratio_to_real"].n == 30


def test_groups_are_compared_at_one_size(tmp_path: Path) -> None:
    rows = [{"text": text, "generator": "good"} for text in _diverse(200)]
    rows += [{"text": text, "generator": "bad"} for text in _templates(80)]
    measured = _measured(rows, tmp_path, by=("generator",))
    sliced = {one.group: one.metric for one in measured.slices}
    assert sliced["good"].n == sliced["bad"].n == 80
    assert sliced["good"].value > 0.9 > 0.1 > sliced["bad"].value


def test_findings_are_rows_of_crowded_patterns(tmp_path: Path) -> None:
    texts = _diverse(150) + _templates(150)
    data = fakes.dataset([{"text": one} for one in texts], tmp_path / "data")
    room = FewPatterns(crowd=0.05)
    context = Context(space=fakes.space(tmp_path / "space"))
    measured = room.run(data, context, Local(1))
    tables = list(room.locate(data, measured, context))
    found = np.concatenate([table.column("row").to_numpy() for table in tables])
    assert len(found) > 140
    assert found.min() >= 150
    assert found.tolist() == sorted(set(found.tolist()))
    clusters = np.concatenate([table.column("cluster").to_numpy() for table in tables])
    assert len(set(clusters.tolist())) == 4
    assert (clusters <= found).all()


@pytest.mark.parametrize(
    "texts",
    [
        ["all the same"] * 60,
        ["", *["text"] * 30],
        ["猫が好きです。犬も好きです。" + "鳥魚虫花"[i % 4] * (i % 5) for i in range(40)],
        ["word " * 200_000, *_diverse(30)],
        ["a", "b"] * 20,
    ],
)
def test_odd_data_gives_a_number(texts: list[str], tmp_path: Path) -> None:
    values = _values(_measured(texts, tmp_path))
    assert values["effective_patterns"] >= 1
    assert values["vendi"] >= 1 - 1e-9


def test_all_rows_equal_are_one_pattern(tmp_path: Path) -> None:
    values = _values(_measured(["all the same"] * 60, tmp_path, real=_diverse(100)))
    assert values["effective_patterns"] == pytest.approx(1)
    assert values["vendi"] == pytest.approx(1)
    assert values["ratio_to_real"] == pytest.approx(1 / 60, rel=0.1)
    for metric in _measured(["all the same"] * 60, tmp_path / "2").metrics:
        assert metric.value is None or metric.low is None or metric.low <= metric.value <= (metric.high or 0)


def test_too_few_rows_are_told(tmp_path: Path) -> None:
    measured = _measured(_diverse(19), tmp_path)
    assert not measured.metrics
    assert "needs at least 20 rows" in measured.notes[0]
    by_name = {m.name: m for m in _measured(_diverse(40), tmp_path / "other", real=_diverse(10)).metrics}
    assert by_name["few_patterns.ratio_to_real"].value is None
    assert "has 10" in by_name["few_patterns.ratio_to_real"].why


def test_without_an_embedder_it_says_so(tmp_path: Path) -> None:
    data = fakes.dataset([{"text": "one"}], tmp_path)
    assert "embedder" in missing(FewPatterns(), data, Context())


@pytest.mark.parametrize(
    "wrong", [{"scope": "chosen"}, {"sample": 1}, {"crowd": 0.0}, {"vendi_sample": 3}, {"templated": 2.0}]
)
def test_wrong_parameters_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FewPatterns(**wrong)


@pytest.mark.data
def test_stricter_deduplication_leaves_more_patterns_a_row(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    """GPTeacher's Toolformer files: as published, and at four similarity thresholds."""
    names = ("dedupe-only", "similarity-0.9", "similarity-0.8", "similarity-0.7", "similarity-0.6")
    seen = []
    for name in names:
        rows = json.loads(shared_data(f"gpteacher/toolformer-{name}-dataset.json").read_text("utf-8"))
        seen.append(_values(_measured(rows, tmp_path / name))["patterns_per_row"])
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen)


def test_a_registered_version_is_measured_at_smaller_sizes_too(tmp_path: Path) -> None:
    """The steps are what the room says of as many drawn rows."""
    data = fakes.dataset([{"text": one} for one in [*_templates(600), *_diverse(800)]], tmp_path / "data", by=())
    space = fakes.space(tmp_path / "space")
    given = Context(space=space, cache=tmp_path, history=History(Card("d", "synthetic")))
    found = FewPatterns().run(data, given, Local(1))
    drawn_rows = data.select(np.sort(drawn(data, 1000)))
    alone = FewPatterns().run(drawn_rows, replace(given, history=None), Local(1))
    assert alone.ladder == ()
    wanted = {metric.name: metric for metric in alone.metrics}
    assert {metric.name.partition(".")[2] for metric in found.ladder} == {"patterns_per_row", "vendi", "vendi_2"}
    for metric in found.ladder:
        assert metric.n == 1000
        assert metric.value == pytest.approx(wanted[metric.name].value, rel=1e-6)
