"""kindred: rows that share a text, prompt or beginning are one group, by hand and whatever their order."""

from __future__ import annotations

import random
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from auditor.core.content.kindred import OPENING, SHARE, STOCK, Keys, beginnings, groups, keys
from auditor.model.rows import strings


def hashed(numbers: npt.NDArray[np.int64], salt: int) -> Keys:
    """Anything that is equal where the numbers are, and 0 where they are -1."""
    drawn = np.random.default_rng(salt).integers(1, 1 << 63, 10_000).astype(np.uint64)
    return np.where(numbers < 0, np.uint64(0), drawn[numbers])


def both(*shared: Keys) -> Keys:
    return np.column_stack(shared)


def by_hand(columns: list[list[int]], most: list[int]) -> list[frozenset[int]]:
    """The group of each row: pairs that share a value are joined until nothing changes."""
    n = len(columns[0])
    found = [{row} for row in range(n)]
    counts = [{value: column.count(value) for value in column} for column in columns]
    for left, right in combinations(range(n), 2):
        for column, count, limit in zip(columns, counts, most, strict=True):
            if column[left] == column[right] >= 0 and count[column[left]] <= limit:
                joined = found[left] | found[right]
                for row in joined:
                    found[row] = joined
    return [frozenset(one) for one in found]


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_found_by_hand(seed: int) -> None:
    draw = random.Random(seed)
    n = 300
    text = [draw.choice((row, draw.randrange(n))) if draw.random() < 0.1 else row for row in range(n)]
    prompt = [draw.randrange(150) if draw.random() < 0.3 else -1 for _ in range(n)]
    opening = [0 if draw.random() < 0.2 else draw.randrange(1, 900) for _ in range(n)]  # a stock one, and accidents
    made = groups(hashed(np.array(text), 1), both(hashed(np.array(prompt), 2), hashed(np.array(opening), 3)))
    wanted = by_hand([text, prompt, opening], [n, n // SHARE, n // SHARE])
    assert max(map(len, wanted)) <= n // SHARE  # none is taken apart here
    assert len({*wanted}) < n
    same = {frozenset(np.flatnonzero(made == one).tolist()) for one in np.unique(made)}
    assert same == {*wanted}


def test_any_order_gives_the_same_groups() -> None:
    draw = np.random.default_rng(7)
    text, prompt = hashed(draw.integers(0, 900, 1_000), 1), hashed(draw.integers(-1, 400, 1_000), 2)
    order = draw.permutation(1_000)
    assert np.array_equal(groups(text, both(prompt))[order], groups(text[order], both(prompt[order])))


def test_who_shares_nothing_keeps_the_hash_of_its_text() -> None:
    text = hashed(np.arange(400), 1)
    stock = hashed(np.zeros(400, np.int64), 2)
    assert np.array_equal(groups(text, both(stock, np.zeros(400, np.uint64))), text)
    assert np.array_equal(groups(text[:0], both(stock[:0])), text[:0])


def test_a_source_joins_the_row_that_it_is_the_text_or_the_prompt_of() -> None:
    text = hashed(np.arange(100), 1)
    prompt, source = np.zeros(100, np.uint64), np.zeros(100, np.uint64)
    prompt[7], source[[50, 51, 52, 53]] = 99, [text[3], 99, 99, text[53]]
    made = groups(text, both(prompt, source))
    assert made[50] == made[3]
    assert made[51] == made[52] == made[7]
    assert made[53] == text[53]  # its own text: nobody is joined
    assert len(np.unique(made)) == 97


def test_what_many_share_joins_nobody() -> None:
    n = 4_000
    for many, joined in ((STOCK, True), (STOCK + 1, False)):
        opening = np.where(np.arange(n) < many, 0, -1)
        assert (len(np.unique(groups(hashed(np.arange(n), 1), both(hashed(opening, 2))))) < n) == joined


def test_a_chain_through_most_rows_is_taken_apart_and_equal_texts_are_not() -> None:
    """Answers of few words to prompts of both sides: each shares a prompt with one row, and a text with others."""
    draw = np.random.default_rng(3)
    answer, prompt = draw.integers(0, 150, 600), np.arange(600) // 2
    text = hashed(answer, 1)
    assert np.array_equal(groups(text, both(hashed(prompt, 2))), text)


def test_keys_and_beginnings_go_by_words_not_by_space_and_case() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve".split()
    assert len(words) == OPENING
    said = [" ".join(words), "  ".join(words).upper() + " and more.", " ".join(words[:-1]), " \n", ""]
    array = pa.array(said, pa.large_string())
    one, two, *short = beginnings(array).tolist()
    assert one == two != 0
    assert short == [0, 0, 0]
    found = keys(strings(pa.array([" A b\n c", "a B C", "a bc", " ", ""], pa.large_string())))
    assert found[0] == found[1] != found[2]
    assert found[3:].tolist() == [0, 0]
    assert beginnings(pa.array([None, said[0]], pa.large_string())).tolist() == [0, one]
