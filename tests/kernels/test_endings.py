"""How texts end, by example."""

import pytest

from auditor.kernels import endings
from tests.kernels.in_python import column


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", endings.NOTHING), (" \n", endings.NOTHING), ("Done.", endings.TERMINAL),
        ('He said "no."', endings.TERMINAL),
        ("**Done.**\n", endings.TERMINAL), ("好。", endings.TERMINAL), ("「好。」", endings.TERMINAL),
        ("Why?)", endings.TERMINAL),
        ("the end", endings.LETTER), ("première fois été", endings.LETTER), ("конец", endings.LETTER),
        ("first,", endings.OPEN),
        ("open (", endings.OPEN), ("然后，", endings.OPEN), ("42", endings.OTHER), ("x;", endings.OTHER),
    ],
)  # fmt: skip
def test_endings(text: str, kind: int) -> None:
    assert endings.endings(column([text])).kind[0] == kind


def test_the_last_line_and_its_last_word() -> None:
    seen = endings.endings(
        column([
            "One.\nTwo three four",
            "- an item of a list", "3. third", "b) second", "• bullet", "```\ncode",
            "it was the",
            "It ended. Then it went on and", "It ended. Then it went on", "It ended, it went on",
            "A b. c, d, e, f, g", "THE",
        ])
    )  # fmt: skip
    assert seen.line_words[:2].tolist() == [3, 6]
    assert seen.words[0] == 4
    assert seen.item.tolist() == [False, True, True, True, True] + [False] * 7
    assert seen.fences[5] == 1
    assert seen.dangling.tolist() == [False] * 6 + [True, True, False, False, False, False]
    assert seen.running[5:].tolist() == [False, False, True, True, False, False, False]
