"""Words that are none and mojibake, by example."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.kernels import damage
from tests.kernels.in_python import column


@pytest.mark.parametrize(
    "said", ["café", "doesn’t", "“quoted”", "naïve — dash", "÷ and ©", "Straße", "snow ☂", "😀 face"]
)
def test_mojibake_of_any_text_is_seen_and_the_text_is_not(said: str) -> None:
    data = said.encode()
    wrong = "".join(bytes([b]).decode("cp1252") if b not in b"\x81\x8d\x8f\x90\x9d" else chr(b) for b in data)
    seen = damage.mojibake(column([said, wrong, f"before {wrong} after {wrong}"]))
    assert seen[0] == 0
    if said != "naïve — dash" and "☂" not in said:
        assert seen[1] == sum(ord(c) > 127 for c in said)
    assert seen[1] > 0
    assert seen[2] == 2 * seen[1]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("abcé ñüßøåçàâêôÊÂ中文кириллицаالعربية“”‘’–—…€°£")))
def test_ordinary_text_is_no_mojibake(text: str) -> None:
    # An upper-case Â before a Latin-1 sign is what mojibake looks like; people write it with a letter or a blank.
    text = text.replace("Â", "Âb").replace("â", "âb")
    assert damage.mojibake(column([unicodedata.normalize("NFC", text)]))[0] == 0


def test_words_that_are_none() -> None:
    strange, plain = damage.implausible(
        column(
            [
                "The strengths of rhythm and twelfths, said Schwartz.",
                "wkqrt zxcvb plmnkj sdfgh",
                "def fn(x): return np.sqrt(x) + https://xkcd.com",
                "Być może szczęście przyjdzie wkrótce.",
                None,
            ]
        )
    )
    assert strange.tolist() == [0, 4, 0, 0, 0]
    assert plain.tolist()[:2] == [5, 4]


def test_letters_at_random_are_implausible() -> None:
    random = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    text = " ".join("".join(random.choice(letters, size)) for size in random.integers(4, 10, 500))
    strange, plain = damage.implausible(column([text]))
    assert plain[0] == 500
    assert strange[0] > 0.3 * plain[0]
