"""Lost subjects: the test against SciPy, counts by hand, no alarm where nothing changed, planted losses named."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.statistics.telling import tokens
from auditor.statistics.vocabularies import COMMON, MOST, lost, tail, vocabulary


def test_tail_is_the_hypergeometric_one() -> None:
    from scipy import stats

    for rows, of, left, among in ((40, 1000, 3, 900), (5, 10, 0, 400), (300, 4000, 120, 4600), (7, 7, 2, 3)):
        wanted = stats.hypergeom.cdf(left, of + among, rows + left, among)
        assert tail(rows, of, left, among) == pytest.approx(wanted, rel=1e-8)


def texts(n: int, seed: int) -> list[str]:
    """Of 40 subjects with 8 words each, and words that all use; no subject is in a third of the texts."""
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        subject = draw.randrange(40)
        mine = draw.choices([f"s{subject}w{i}" for i in range(8)], k=6)
        made.append(" ".join([*mine, *draw.choices([f"all{i}" for i in range(400)], k=10), "the"]))
    return made


def test_counts_are_those_by_hand() -> None:
    read = texts(600, 1)
    counts = Counter(word for text in read for word in set(tokens(text)))
    found = vocabulary(read)
    assert found.rows == 600
    assert found.common == ("the",)
    kept = {word: rows for word, rows in counts.items() if found.floor <= rows <= COMMON * 600}
    assert {word: rows for word, rows, _ in found.words} == kept
    assert [rows for _, rows, _ in found.words] == sorted(kept.values(), reverse=True)
    beside = {word: near for word, _, near in found.words}
    mine = next(word for word in beside if word.startswith("s7w"))
    assert beside[mine][0].startswith("s7w")
    assert vocabulary(reversed(read)) == found


def test_the_commonest_are_kept() -> None:
    read = [f"w{i // 6} v{i // 7}" for i in range(20_000)]
    found = vocabulary(read[:6])
    assert not found.words or found.floor <= 6
    many = vocabulary([" ".join(f"w{i}" for i in range(a, a + 30)) for a in range(0, 2400, 3) for _ in range(2)])
    assert len(many.words) <= MOST
    assert all(rows >= many.floor for _, rows, _ in many.words)


def test_nothing_is_lost_by_chance() -> None:
    assert sum(bool(lost(vocabulary(texts(400, 2 * s)), vocabulary(texts(500, 2 * s + 1)))) for s in range(30)) <= 4


def test_a_subject_that_goes_is_named() -> None:
    before, rest = texts(2000, 1), texts(1800, 2)
    now = [text for text in rest if "s3w" not in text]
    (one,) = lost(vocabulary(before), vocabulary(now))
    assert {word[:3] for word in one.words} == {"s3w"}
    assert one.bound
    assert one.rows == sum(one.words[0] in text.split() for text in before)
    half = [text if i % 2 or "s3w" not in text else text.replace("s3w", "all") for i, text in enumerate(rest)]
    assert all({word[:3] for word in found.words} == {"s3w"} for found in lost(vocabulary(before), vocabulary(half)))


def test_a_subject_of_a_script_without_spaces_is_named_by_more_than_letters() -> None:
    """One text in ten asks of tax returns; each of their letters stands in other texts as often."""
    draw = random.Random(3)
    pairs = [chr(code) + chr(code + 1) for code in range(0x4E00, 0x4E00 + 200, 2)]
    tax, alike = "税法申报", "税务法律申请报告"

    def made(asked: bool) -> list[str]:
        return [
            "".join(draw.sample(pairs, 6)) + ((tax if asked else alike) if row % 10 == 0 else "") for row in range(2000)
        ]

    (one,) = lost(vocabulary(made(True)), vocabulary(made(False)))
    assert set(one.words) == {"税法", "法申", "申报"}
    assert one.rows == 200


def test_words_that_are_asked_for_are_counted_down_to_nought() -> None:
    """15 rows of 3,000 have the subject, then none: judged as 15 against 0, not against the floor."""
    draw = random.Random(4)
    plain = [" ".join(draw.choices([f"all{i}" for i in range(400)], k=10)) for _ in range(3000)]
    before = vocabulary([*(f"{text} sail boat" for text in plain[:15]), *plain[15:]])
    now = vocabulary(plain, also=[word for word, _, _ in before.words])
    assert now.words[: len(vocabulary(plain).words)] == vocabulary(plain).words
    assert {word: rows for word, rows, _ in now.words}["sail"] == 0
    (one,) = lost(before, now)
    assert (set(one.words), one.rows, one.left, one.bound) == ({"sail", "boat"}, 15, 0, False)
    assert lost(before, vocabulary(plain)) == []  # 4 may be left, for all that is known
    assert "all1" in {word for word, _, _ in now.words}
    assert vocabulary(["the"] * 9, also=["the"]).words == ()  # in too many rows to be of a subject
    assert lost(before, now, 10**9) == []


def test_shorter_texts_lose_nothing() -> None:
    read = [text.split() for text in texts(3000, 5)]
    draw = random.Random(0)
    short = [" ".join(draw.sample(words, 5)) for words in read]
    assert not lost(vocabulary(" ".join(words) for words in read), vocabulary(short))
    assert not lost(vocabulary([]), vocabulary(short))
    assert not lost(vocabulary(short), vocabulary([""]))


@pytest.mark.data
def test_real_rows(shared_data: Callable[[str], Path]) -> None:
    """Alpaca's first 4,000 rows and its next: nothing. Without its code (3 % of the rows): this."""
    rows = json.loads(shared_data("alpaca/random_9k.json").read_text())
    read = [f"{row['instruction']}\n{row['output']}"[:2000] for row in rows]
    first, second = read[:4000], read[4000:8000]
    before = vocabulary(first)
    assert lost(before, vocabulary(second)) == []
    code = re.compile(r"\b(def|return|function|print|python|code|algorithm)\b", re.IGNORECASE)
    now = [text for text in second if not code.search(text)]
    assert len(now) > 0.92 * len(second)
    (one,) = lost(before, vocabulary(now))
    assert {"function", "code"} & set(one.words)
