"""Kernels that look for damage, against plain Python or by example."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.kernels import damage
from auditor.model.rows import Strings, strings


def column(*values: str | None) -> Strings:
    return strings(pa.array(values, pa.large_string()))


@pytest.mark.parametrize(
    "said", ["café", "doesn’t", "“quoted”", "naïve — dash", "÷ and ©", "Straße", "snow ☂", "😀 face"]
)
def test_mojibake_of_any_text_is_seen_and_the_text_is_not(said: str) -> None:
    data = said.encode()
    wrong = "".join(bytes([b]).decode("cp1252") if b not in b"\x81\x8d\x8f\x90\x9d" else chr(b) for b in data)
    seen = damage.mojibake(column(said, wrong, f"before {wrong} after {wrong}"))
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
    assert damage.mojibake(column(unicodedata.normalize("NFC", text)))[0] == 0


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", damage.NOTHING), (" \n", damage.NOTHING), ("Done.", damage.TERMINAL), ('He said "no."', damage.TERMINAL),
        ("**Done.**\n", damage.TERMINAL), ("好。", damage.TERMINAL), ("「好。」", damage.TERMINAL),
        ("Why?)", damage.TERMINAL),
        ("the end", damage.LETTER), ("première fois été", damage.LETTER), ("конец", damage.LETTER),
        ("first,", damage.OPEN),
        ("open (", damage.OPEN), ("然后，", damage.OPEN), ("42", damage.OTHER), ("x;", damage.OTHER),
    ],
)  # fmt: skip
def test_endings(text: str, kind: int) -> None:
    assert damage.endings(column(text)).kind[0] == kind


def test_the_last_line_and_its_last_word() -> None:
    seen = damage.endings(
        column(
            "One.\nTwo three four",
            "- an item of a list", "3. third", "b) second", "• bullet", "```\ncode",
            "it was the",
            "It ended. Then it went on and", "It ended. Then it went on", "It ended, it went on",
            "A b. c, d, e, f, g", "THE",
        )
    )  # fmt: skip
    assert seen.line_words[:2].tolist() == [3, 6]
    assert seen.words[0] == 4
    assert seen.item.tolist() == [False, True, True, True, True] + [False] * 7
    assert seen.fences[5] == 1
    assert seen.dangling.tolist() == [False] * 6 + [True, True, False, False, False, False]
    assert seen.running[5:].tolist() == [False, False, True, True, False, False, False]


def test_words_that_are_none() -> None:
    strange, plain = damage.implausible(
        column(
            "The strengths of rhythm and twelfths, said Schwartz.",
            "wkqrt zxcvb plmnkj sdfgh",
            "def fn(x): return np.sqrt(x) + https://xkcd.com",
            "Być może szczęście przyjdzie wkrótce.",
            None,
        )
    )
    assert strange.tolist() == [0, 4, 0, 0, 0]
    assert plain.tolist()[:2] == [5, 4]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text("ab \n"), st.text("ab \n")), max_size=6), st.integers(0, 4))
def test_echoes_equal_plain_python(pairs: list[tuple[str, str]], least: int) -> None:
    wanted = [len(p.strip()) >= least and r.lstrip().startswith(p.strip()) for p, r in pairs]
    seen = damage.echoes(column(*(p for p, _ in pairs)), column(*(r for _, r in pairs)), least)
    assert seen.tolist() == wanted


def test_ids_of_users_and_ids_of_ours() -> None:
    digests = np.arange(64, dtype=np.uint8).reshape(4, 16)
    ids = [digests[0].tobytes().hex(), "a", "a", digests[0].tobytes().hex()]
    hashes, given_ = damage.given_ids(column(*ids), digests)
    assert given_.tolist() == [False, True, True, True]
    assert hashes[1] == hashes[2]
    assert hashes[1] != hashes[0]


SYSTEM, USER, ASSISTANT, TOOL = range(4)


@pytest.mark.parametrize(
    ("roles", "broken"),
    [
        ([SYSTEM, USER, ASSISTANT], False), ([USER, ASSISTANT, USER, ASSISTANT], False), ([USER], False), ([], False),
        ([USER, ASSISTANT, TOOL, ASSISTANT], False), ([SYSTEM, SYSTEM, USER, ASSISTANT], False),
        ([USER, USER, ASSISTANT], True), ([ASSISTANT, USER], True), ([USER, ASSISTANT, ASSISTANT], True),
        ([USER, SYSTEM, ASSISTANT], True), ([TOOL, USER], True), ([USER, 4, ASSISTANT], False),
    ],
)  # fmt: skip
def test_turns(roles: list[int], broken: bool) -> None:
    offsets = np.array([0, len(roles), len(roles)], np.int64)
    said = np.ones(len(roles), np.bool_)
    assert damage.broken_turns(offsets, np.array(roles, np.int8), said).tolist() == [broken, False]


def test_an_assistant_that_calls_a_tool_first_and_then_speaks() -> None:
    offsets = np.array([0, 3], np.int64)
    assert not damage.broken_turns(offsets, np.array([1, 2, 2], np.int8), np.array([True, False, True]))[0]


def test_letters_at_random_are_implausible() -> None:
    random = np.random.default_rng(7)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    text = " ".join("".join(random.choice(letters, size)) for size in random.integers(4, 10, 500))
    strange, plain = damage.implausible(column(text))
    assert plain[0] == 500
    assert strange[0] > 0.3 * plain[0]
