"""Slips: the edit distance against dynamic programming, and planted slips found again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.model.rows import strings
from auditor.statistics.slips import flagged, is_slip, slips

WORDS = (
    "information government description different separate important beginning environment development experience"
    " university particular understand technology knowledge temperature independent restaurant necessary education"
).split()
OTHERS = "about after again right place house small large world great sound water never under while along might".split()


def distance(left: str, right: str) -> int:
    """Damerau-Levenshtein, optimal string alignment."""
    table = np.zeros((len(left) + 1, len(right) + 1), int)
    table[:, 0], table[0] = np.arange(len(left) + 1), np.arange(len(right) + 1)
    for i, a in enumerate(left, 1):
        for j, b in enumerate(right, 1):
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b))
            if i > 1 and j > 1 and (a, left[i - 2]) == (right[j - 2], b):
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return int(table[-1, -1])


def edited(word: str, kind: str, at: int, letter: str) -> str:
    """The word with one edit at a place."""
    at %= len(word) - (kind == "swap")
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + {"add": letter + word[at], "drop": "", "change": letter}[kind] + word[at + 1 :]


@given(
    st.text("abcde", min_size=1, max_size=14), st.text("abcde", min_size=1, max_size=14), st.sampled_from([False, True])
)
def test_a_slip_is_one_edit_away(word: str, other: str, strange: bool) -> None:
    assert not is_slip(word, other, strange) or distance(word, other) == 1


@given(
    st.text("abcde", min_size=3, max_size=14),
    st.sampled_from(["swap", "add", "drop", "change"]),
    st.integers(0, 13),
    st.sampled_from("abcde"),
)
def test_one_edit_is_a_slip_of_a_strange_word_and_of_a_long_one_within(
    meant: str, kind: str, at: int, letter: str
) -> None:
    word = edited(meant, kind, at, letter)
    if word == meant:
        assert not is_slip(word, meant, True)
        return
    assert is_slip(word, meant, True)
    at = next((i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), min(len(word), len(meant)))
    within = at > 0 and (kind == "swap" or at < min(len(word), len(meant)) - 2)
    assert is_slip(word, meant) <= (len(word) >= 7)
    if len(word) > 12:  # long, whatever its ending
        assert is_slip(word, meant) == within


@pytest.mark.parametrize("strange", [False, True])
@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *[("colour", "color"), ("realise", "realize"), ("travelled", "traveled"), ("centre", "center")],
        *[("unflavoured", "unflavored"), ("institutionalised", "institutionalized"), ("theatre", "theater")],
    ],
)
def test_spellings_are_none(word: str, meant: str, strange: bool) -> None:
    assert not is_slip(word, meant, strange)
    assert not is_slip(meant, word, strange)


def test_inflections_are_none() -> None:
    for word, meant in (("understands", "understand"), ("environments", "environment"), ("connected", "connecter")):
        assert not is_slip(word, meant)
        assert not is_slip(meant, word)


def test_texts_beside_are_words_too() -> None:
    """A word that answers have is no slip of the prompts, and what they write often is known."""
    prompts = strings(pa.array(["Say recieve.", "Say flourishng.", "Say skull."], pa.large_string()))
    answers = strings(pa.array(["They receive it.", "It is flourishing.", "A skill, a skull."] * 12, pa.large_string()))
    assert [mask.tolist() for mask in flagged([prompts])] == [[False, False, False]]
    assert [mask.tolist() for mask in flagged([prompts], [answers])] == [[True, True, False]]


def planted(random: np.random.Generator, rows: int, share: float) -> tuple[list[str], list[str]]:
    """Texts of common words; in a share of them one long word is written wrong. Also the wrong words."""
    texts, wrong = [], []
    for _ in range(rows):
        words = [*random.choice(WORDS, 4), *random.choice(OTHERS, 8)]
        if random.random() < share:
            word = str(words[0])
            at = int(random.integers(2, len(word) - 3))
            edits = (word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:], word[:at] + "q" + word[at + 1 :])
            words[0] = str(random.choice(edits))
            wrong.append(str(words[0]))
        random.shuffle(words)
        texts.append(" ".join(words))
    return texts, wrong


def test_planted_slips_are_found_again_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    texts, wrong = planted(random, 1000, 0.03)
    clean, _ = planted(random, 1000, 0)
    columns = [strings(pa.array(side, pa.large_string())) for side in (texts, clean)]
    masks = flagged(columns)
    real = {word for word in wrong if word not in WORDS}
    truth = [bool(real & set(text.split())) for text in texts]
    assert masks[0].tolist() == truth
    assert sum(truth) > 15
    assert not masks[1].any()


def people(path: Path) -> tuple[list[str], list[str]]:
    """Prompts and answers."""
    rows = orjson.loads(path.read_bytes())
    return [f"{row['instruction']}\n{row.get('input', '')}".strip() for row in rows], [row["output"] for row in rows]


@pytest.mark.data
def test_slips_planted_in_people_s_prompts(shared_data: Callable[[str], Path]) -> None:
    """Three in ten of one edit anywhere in a word of four letters or more are found, and hardly any without them."""
    prompts, answers = people(shared_data("alpaca/dolly_3k.json"))
    columns = [strings(pa.array(side, pa.large_string())) for side in (prompts, answers)]
    assert flagged(columns[:1], columns[1:])[0].sum() <= 10
    random = np.random.default_rng(0)
    rows = []
    for row in range(0, len(prompts), 6):
        words = [*re.finditer(r"(?<!\S)[a-z]{4,20}(?=[,.?!;]?(?:\s|$))", prompts[row])]
        if words:
            chosen = words[random.integers(len(words))]
            kind = ("swap", "add", "drop", "change")[random.integers(4)]
            wrong = edited(chosen.group(), kind, int(random.integers(20)), chr(97 + random.integers(26)))
            if wrong != chosen.group():
                rows.append(row)
                prompts[row] = prompts[row][: chosen.start()] + wrong + prompts[row][chosen.end() :]
    mask = flagged([strings(pa.array(prompts, pa.large_string()))], columns[1:])[0]
    assert 0.2 < mask[rows].mean() < 0.4


def test_short_words_need_letters_that_no_word_has() -> None:
    texts = dict.fromkeys(["change", "stream", "channel", "hand", "stand", "screen", "scram"], 50)
    assert slips({**texts, "chnage": 1}) == {"chnage": "change"}
    assert slips({**texts, "scream": 1}) == {}
    assert slips({**texts, "chnage": 3}) == {}, "what more than two texts have is a spelling"
    assert slips({}) == {}


def test_no_texts_have_no_slips() -> None:
    nothing = strings(pa.array([], pa.large_string()))
    assert [mask.tolist() for mask in flagged([nothing, strings(pa.array(["", None], pa.large_string()))])] == [
        [],
        [False, False],
    ]
