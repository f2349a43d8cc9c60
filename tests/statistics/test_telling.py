"""Telling words, held against the formula in plain Python and against groups that we made."""

from __future__ import annotations

import random
import re
from collections import Counter
from math import log, sqrt

import numpy as np
import pytest

from auditor.statistics import telling


def _by_hand(texts: list[str], groups: list[int], prior: float) -> dict[tuple[int, str], float]:
    per = [Counter[str]() for _ in range(max(groups) + 1)]
    for text, group in zip(texts, groups, strict=True):
        per[group].update(set(text.split()))
    overall = sum(per, Counter[str]())
    everything = sum(overall.values())
    found = {}
    for group, counts in enumerate(per):
        n = sum(counts.values())
        for word, y in counts.items():
            a = prior * overall[word] / everything
            other, m = overall[word] - y, everything - n
            odds = log((y + a) / (n + prior - y - a)) - log((other + a) / (m + prior - other - a))
            found[group, word] = odds / sqrt(1 / (y + a) + 1 / (other + a))
    return found


@pytest.mark.parametrize("prior", [1.0, 37.5, 500.0])
def test_scores_are_the_formula(prior: float) -> None:
    draw = random.Random(3)
    words = [f"w{i}" for i in range(60)]
    texts = [" ".join(draw.choices(words, k=draw.randint(1, 30))) for _ in range(200)]
    groups = [draw.randrange(5) for _ in texts]
    counted = telling.count(texts, groups)
    z = telling.z_scores(counted, prior)
    got = {
        (int(g), counted.vocabulary[w]): float(score)
        for g, w, score in zip(counted.group, counted.word, z, strict=True)
    }
    assert got == pytest.approx(_by_hand(texts, groups, prior), rel=1e-12)


def test_planted_words_are_named_first() -> None:
    draw = random.Random(5)
    common = [f"w{i}" for i in range(300)]
    texts, groups = [], []
    for group in range(10):
        for _ in range(40):
            texts.append(" ".join([*draw.choices(common, k=20), f"key{group}", f"lock{group}"]))
            groups.append(group)
    named = telling.names(telling.count(texts, groups), 2)
    assert [set(words) for words in named] == [{f"key{group}", f"lock{group}"} for group in range(10)]


def test_where_there_is_nothing_else_words_are_told_from_general_english() -> None:
    text = "A cat is also an animal that likes to sleep about sixteen hours a day, and it purrs when happy."
    (one,) = telling.names(telling.count([text] * 20, [0] * 20), 5)
    assert {"cat", "purrs", "sixteen"} <= set(one)
    assert not {"a", "about", "also", "an", "and", "is", "it", "that"} & set(one)
    templates = (
        "If he buys {} apples, what is left?",
        "Write a poem about the river {}.",
        "Translate it into {} French.",
    )
    texts = [form.format(n) for n in range(20) for form in templates]
    (one,) = telling.names(telling.count(texts, [0] * 60), 6)
    assert {"poem", "french", "river", "buys"} <= set(one)


def test_words_that_tell_as_much_are_named_by_rarity() -> None:
    texts = ["Write a short poem about the river in spring.", "If he buys 5 apples and cheese, what does he pay?"] * 20
    poem, cheese = telling.names(telling.count(texts, [0, 1] * 20), 4)
    assert "poem" in poem
    assert not {"a", "in", "the"} & set(poem)
    assert {"buys", "cheese"} <= set(cheese)


def test_rarity_is_the_mean_of_the_shipped_idf() -> None:
    """Of grams found one by one: a text of a single gram is a word of two letters with its spaces."""
    from auditor.statistics.general import rarity

    the, word = rarity(["the", "xylophone"])
    assert 1 < the < 2 < 5 < word
    assert rarity(["", "猫"])[0] == 0


def test_one_text_has_one_voice() -> None:
    counted = telling.count(["Cat cat CAT sat", "the cat"], [0, 1])
    met = zip(counted.group.tolist(), counted.word.tolist(), counted.texts.tolist(), strict=True)
    assert sorted((group, counted.vocabulary[word], texts) for group, word, texts in met) == [
        (0, "cat", 1),
        (0, "sat", 1),
        (1, "cat", 1),
        (1, "the", 1),
    ]


def test_words_of_all_scripts() -> None:
    assert telling.tokens("Don’t stop_here, ПРИВЕТ 42! 猫が好き") == [
        "don’t",
        "stop",
        "here",
        "привет",
        "42",
        *"猫が好き",
    ]


@pytest.mark.parametrize("texts", [[], [""], ["a"], ["a", "a"], ["", "!?"]])
def test_next_to_nothing_is_no_error(texts: list[str]) -> None:
    counted = telling.count(texts, list(range(len(texts))))
    assert np.isfinite(telling.z_scores(counted)).all()
    assert len(telling.names(counted, 3)) == len(texts)


@pytest.mark.parametrize(
    ("templates", "slots", "wanted"),
    [
        (
            ("请写一首关于{}的诗。", "把下面的句子翻译成英文：{}", "{}的首都是哪个城市？"),
            ("春天", "月亮", "大海", "山川", "法国", "故乡", "火车", "老师", "冬雪", "朋友"),
            (("写一首", "诗"), ("翻译", "句子"), ("首都", "城市")),
        ),
        (
            ("{}についての短い詩を書いてください。", "次の文を英語に翻訳してください：{}", "{}の首都はどこですか？"),
            ("春", "月", "海", "フランス", "ふるさと", "電車", "先生", "雪", "友達", "山"),
            (("短い詩",), ("翻訳", "英語"), ("首都",)),
        ),
        (
            ("เขียนบทกวีเกี่ยวกับ{}", "แปลประโยคนี้เป็นภาษาอังกฤษ {}", "เมืองหลวงของ{}คือที่ไหน"),
            ("ทะเล", "ดวงจันทร์", "ภูเขา", "ฝรั่งเศส", "บ้าน", "รถไฟ", "ครู", "หิมะ", "เพื่อน", "ฤดูหนาว"),
            (("กวี",), ("แปล", "อังกฤษ"), ("เมือง",)),
        ),
    ],
    ids=["Chinese", "Japanese", "Thai"],
)
def test_names_where_there_are_no_spaces_are_runs(
    templates: tuple[str, ...], slots: tuple[str, ...], wanted: tuple[tuple[str, ...], ...]
) -> None:
    texts = [template.format(slot) for slot in slots for template in templates]
    named = telling.names(telling.count(texts, list(range(3)) * len(slots)), 4)
    for template, names, parts in zip(templates, named, wanted, strict=True):
        assert any(part in name for name in names for part in parts), names
        for name in names:
            assert (
                name.removesuffix("…") in template
            )  # not what fills it, and not put together from parts that stand apart
            assert 2 <= len(re.findall(r"[^\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", name)) <= telling.SHOWN + 1
            assert not re.match(r"[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", name)
        assert len(set(names)) == len(names)


def test_one_letter_names_where_nothing_else_does_and_words_stand_among_runs() -> None:
    single = telling.names(telling.count(["猫？", "犬？"] * 5, [0, 1] * 5), 3)
    assert single == [("猫",), ("犬",)]
    assert telling.names(telling.count(["กี", "ี", "กี ี"] * 4, [0, 0, 1] * 4), 3)  # a mark without a letter
    mixed = telling.names(telling.count(["用 Python 排序", "用 Rust 搜索"] * 5, [0, 1] * 5), 3)
    assert set(mixed[0]) == {"python", "排序"}
    assert set(mixed[1]) == {"rust", "搜索"}
