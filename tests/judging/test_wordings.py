"""What a file of verdicts leaves open is told: its words, and who made the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from auditor import fakes, judging
from auditor.model.verdicts import TIE, A, B


def notes(words: Sequence[str | int], about: str) -> list[str]:
    built = fakes.verdicts([{"item": f"q{i}", "a": "m", "b": "n", "verdict": word} for i, word in enumerate(words)])
    return [note for note in built.notes if about in note]


def test_nought_and_one_without_two() -> None:
    (note,) = notes([0, 1, 1, "invalid"], "never 2")
    assert note.startswith("verdicts are 0 (1) and 1 (2) and never 2: 0 is read as a tie, 1 as a;")


@pytest.mark.parametrize("words", [[0, 1, 2], [0, 0], [1, 1], ["a", "b", "0"], ["tie", "1"], []])
def test_these_are_plain(words: list[str | int]) -> None:
    assert notes(words, "never 2") == []


def test_several_ways_of_writing_are_told_and_how_each_was_read() -> None:
    words = ["A", "A", "A", "B", "B", "1", "2", "left", "tie", "m", "[[A]]", "nonsense"]
    (note,) = notes(words, "several ways")
    assert note.startswith(
        "a file writes verdicts in several ways, read as: 'A' (3) a, 'B' (2) b, '1' (1) a, '2' (1) b, '[[A]]' (1) a, "
        "'left' (1) a, 'm' (1) its maker, 'tie' (1) a tie;"
    )


@pytest.mark.parametrize(
    "words", [["A", "b", "[[C]]", "A>>B", "model_a"], ["1", 2, 0, "model_1"], ["m", "n", "tie"], ["left", "right"]]
)
def test_one_way_of_writing(words: list[str | int]) -> None:
    assert notes(words, "several ways") == []


def test_files_may_each_have_their_own(tmp_path: Path) -> None:
    for name, words in (("one", "ab"), ("two", "12"), ("three", "01")):
        (tmp_path / f"{name}.csv").write_text("item,verdict\n" + "".join(f"q{word},{word}\n" for word in words))
    read = judging.open([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert read.verdict.tolist() == [A, B, A, B]
    assert not any("several ways" in note for note in read.notes)
    read = judging.open([tmp_path / "one.csv", tmp_path / "three.csv"])
    assert read.verdict.tolist() == [A, B, TIE, A]
    assert any("never 2" in note for note in read.notes)


def test_verdicts_without_makers_are_counted() -> None:
    made = {"item": "q", "a": "m", "b": "n", "verdict": "a"}
    built = fakes.verdicts([made, {**made, "b": None}, {"item": "q", "verdict": "b"}, {"item": "q", "score_a": 3}])
    assert (
        "2 verdicts do not say who made the outputs (a, b): self-preference and intransitive-verdicts leave them out"
        in built.notes
    )
    assert not any("who made" in note for note in fakes.verdicts([made, {"item": "q", "score_a": 3}]).notes)
