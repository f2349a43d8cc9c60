"""Word lists as data: whose are read, and what is said of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.core.content import lexicons
from auditor.model.errors import ConfigError

OURS = Path(__file__).parents[3] / "expectations"
CONFIDENCE = ("hedges", "boosters", "admissions", "questions_back", "refusals", "reader")


def written(folder: Path, text: str, name: str = "confidence") -> Path:
    path = folder / "words" / "drift" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_shipped_lists_are_whole() -> None:
    found = lexicons.load("confidence", [OURS], (), CONFIDENCE)
    assert {"perhaps", "it depends", "may"} <= set(found["hedges"])
    assert {"clearly", "of course"} <= set(found["boosters"])
    assert not set(found["hedges"]) & set(found["boosters"])
    assert all(phrases for phrases in found.values())
    for phrases in found.values():
        assert all(phrase == " ".join(phrase.split()).lower() for phrase in phrases)


def test_a_user_s_file_stands_before_ours_and_more_is_added(tmp_path: Path) -> None:
    written(tmp_path / "mine", "- {category: hedges, phrases: [perchance]}\n")
    more = written(tmp_path / "more", "- {category: hedges, phrases: [methinks, perchance]}\n")
    found = lexicons.load("confidence", [tmp_path / "mine", OURS], [str(more)], CONFIDENCE)
    assert found["hedges"] == ("perchance", "methinks")
    assert found["boosters"] == ()
    added = lexicons.load("confidence", [OURS], [str(more)], CONFIDENCE)
    assert added["hedges"][-2:] == ("methinks", "perchance")
    assert lexicons.digest(added) != lexicons.digest(lexicons.load("confidence", [OURS], (), CONFIDENCE))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {category: hedge, phrases: [a]}\n", "hedges"),
        ("- {category: hedges}\n", "phrases"),
        ("- {category: hedges, phrases: [no]}\n", "a text"),
        ("hedges: [a]\n", "a list"),
    ],
)
def test_mistakes_are_told_where_they_stand(text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=said) as caught:
        lexicons.read(path, CONFIDENCE)
    assert caught.value.line == 1


def test_a_list_that_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no word list 'confidence'"):
        lexicons.load("confidence", [tmp_path], (), CONFIDENCE)
