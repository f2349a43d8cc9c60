"""Phrases of lists, counted, against the same in plain Python."""

from __future__ import annotations

from hypothesis import given

from auditor.kernels import wording
from tests.kernels.in_python import TEXTS, column, sentences

LISTS = {
    "a": ["may", "in general", "I am not", "i’m not sure", "général", "猫"],
    "b": ["i am not sure", "in", "may", "it's"],
    "reader": ["you", "your"],
    "asks": ["do you mean", "which one"],
}


def tallied(text: str) -> tuple[list[int], int]:
    """Longest phrases first, from left to right, sentence by sentence."""
    phrases = {
        tuple(word for words, _ in sentences(phrase) for word in words): [
            name for name in LISTS if phrase in LISTS[name]
        ]
        for phrase in {phrase for listed in LISTS.values() for phrase in listed}
    }
    counts, total = dict.fromkeys(LISTS, 0), 0
    for words, asks in sentences(text):
        total += len(words)
        at, seen = 0, set()
        while at < len(words):
            fitting = [phrase for phrase in phrases if tuple(words[at : at + len(phrase)]) == phrase]
            best = max(fitting, key=len, default=())
            for name in phrases.get(best, ()) if best else ():
                counts[name] += 1
                seen.add(name)
            at += max(1, len(best))
        counts["asks"] += asks and "reader" in seen and "asks" not in seen
    return list(counts.values()), total


@given(TEXTS)
def test_lists_are_counted_as_in_python(texts: list[str]) -> None:
    known = wording.lists(LISTS)
    counts, words = wording.tally(column([*texts, None]), known, reader="reader", question="asks")
    assert counts.tolist() == [*(tallied(text)[0] for text in texts), [0] * len(LISTS)]
    assert words.tolist() == [*(tallied(text)[1] for text in texts), 0]


def test_a_long_text_and_none() -> None:
    known = wording.lists({"a": ["may"]})
    counts, words = wording.tally(column(["may " * 250_000]), known)
    assert (counts.tolist(), words.tolist()) == ([[250_000]], [250_000])
    for text in (column([]), column([None, ""])):
        counts, words = wording.tally(text, known)
        assert not counts.any()
        assert not words.any()
    assert wording.lists({}).categories == ()
