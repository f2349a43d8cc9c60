"""Repetition within a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.rowwise import Bins, Flags, Rowwise
from auditor.kernels.repeats import DUPLICATED, TOP, Repeats, repeats
from auditor.model.rows import Rows, strings

# Rae et al. 2021 (arXiv 2112.11446), table A1: a document is dropped where a share is above its bound.
LINES, PARAGRAPHS, LINE_BYTES, PARAGRAPH_BYTES = 0.30, 0.30, 0.20, 0.20
TOP_BOUNDS = np.array([0.20, 0.18, 0.16], np.float32)  # n = 2, 3, 4
DUPLICATED_BOUNDS = np.array([0.15, 0.14, 0.13, 0.12, 0.11, 0.10], np.float32)  # n = 5 … 10

_RULERS = np.frombuffer(b"-=_*#~.+|/\\0", np.uint8)
"""Characters that people draw lines, blanks and leaders with, and zeros of numbers: a run of them is no stutter."""

_CUT = "cut the row at the first repetition, or generate it again with a repetition penalty or a lower max_tokens"


@check
@dataclass(frozen=True)
class Repetition(Rowwise):
    """Text that says the same thing again and again within one row.

    Looked at is what the model would learn to say: the response where the row has one, else the whole text.
    Its lines, paragraphs and n-grams of words are held against the bounds of Gopher's repetition filters,
    and its end against the plainest failure of all: a phrase that loops until the text stops.

    Why it matters: A generator that falls into a loop is the commonest fault of long sampled text, and a
    model trained on loops learns to loop. The filters were made for web documents, where failing them marks
    boilerplate.

    Example: `The answer is 4. The answer is 4. The answer is 4. The answer is 4. The answer is 4.` ends in
    a loop; the same line pasted eight times under a heading has duplicate lines.

    Remedy: cut the row at the first repetition, or generate it again with a repetition penalty, a higher
    temperature or a lower `max_tokens`. Where one generator or prompt holds most rows at fault, mend that.

    Limits: shares are of UTF-8 bytes and words are split at whitespace, so Chinese or Japanese prose has
    few words: there only lines, runs and loops are seen. Gopher's n-gram bounds are for documents and
    misfire on short answers (the top bigram of `one, two, one, two` is half of it), so they are applied
    from `min_words` words on, and a share of lines or paragraphs counts only together with its share of
    bytes, which keeps code (closing brackets) and tables quiet. Songs, lists of test cases and drills
    repeat on purpose.

    Reference: J. W. Rae et al. 2021, "Scaling Language Models: Methods, Analysis & Insights from Training
    Gopher", arXiv 2112.11446, table A1. A. Holtzman et al. 2020, "The Curious Case of Neural Text
    Degeneration", ICLR (loops). Runs and loops have bounds of our own.
    """

    min_words: int = 150
    """Words from which n-gram shares mean something: worked sums of a hundred words repeat their units."""

    min_lines: int = 4
    """Lines (and paragraphs) from which their shares mean something."""

    run_length: int = 20
    """Characters of a run: `!!!!!!!!!!!!!!!!!!!!`. Runs of rulers and blanks to fill in do not count."""

    loop_bytes: int = 60
    """Bytes that a loop at the end covers, in at least four turns."""

    spec: ClassVar[Spec] = Spec(
        name="repetition",
        title="Repetition within a row",
        measures=(
            Measure("rate", "share", "rows with any repetition", _CUT),
            Measure("duplicate_lines", "share", "rows whose lines repeat", _CUT),
            Measure("duplicate_paragraphs", "share", "rows whose paragraphs repeat", _CUT),
            Measure("top_ngrams", "share", "rows in which one phrase of 2 to 4 words takes too much room", _CUT),
            Measure("duplicate_ngrams", "share", "rows in which phrases of 5 to 10 words return too often", _CUT),
            Measure("repeated_characters", "share", "rows with a long run of one character", _CUT),
            Measure("looping", "share", "rows that end in the same phrase again and again", _CUT),
        ),
        reads=("text",),
        fires=(
            Case(
                ({"prompt": "What is 2 + 2?", "response": "I am sure of it: " + "the answer is 4. " * 20},),
                "repetition.looping",
            ),
            Case(({"text": "Yes!" + "!" * 40},), "repetition.repeated_characters"),
            Case(
                (
                    {
                        "prompt": "Name tasks.",
                        "response": "Tasks:\n" + "Write a short story about a cat.\n" * 6 + "End.",
                    },
                ),
                "repetition.duplicate_lines",
            ),
        ),
        quiet=(
            Case(
                (
                    {
                        "prompt": "Write a loop.",
                        "response": "for i in range(3):\n    if i:\n        print(i)\n    else:\n        print(0)\n",
                    },
                    {"prompt": "Draw a table.", "response": "| a | b |\n| --- | --- |\n| 0 | 0 |\n| 0 | 1 |"},
                    {"prompt": "Sign here.", "response": "Name: ______________________________"},
                ),
                "repetition.rate",
            ),
        ),
    )
    bins: ClassVar = {"duplicated": Bins("Bytes in repeated 5-grams", "share", tuple(i / 20 for i in range(21)))}

    def flag(self, rows: Rows) -> Flags:
        seen = repeats(strings(target(rows)))
        long = seen.words >= self.min_words
        run_of_text = ~np.isin(seen.run_byte, _RULERS)
        return Flags(
            {
                "duplicate_lines": self._again(seen.lines, seen.line_share, seen.line_bytes, LINES, LINE_BYTES),
                "duplicate_paragraphs": self._again(
                    seen.paragraphs, seen.paragraph_share, seen.paragraph_bytes, PARAGRAPHS, PARAGRAPH_BYTES
                ),
                "top_ngrams": long & (seen.top > TOP_BOUNDS).any(axis=1),
                "duplicate_ngrams": long & (seen.duplicated > DUPLICATED_BOUNDS).any(axis=1),
                "repeated_characters": (seen.run >= self.run_length) & run_of_text,
                "looping": (seen.loop_bytes >= self.loop_bytes),
            },
            values={"duplicated": seen.duplicated[long, 0].astype(np.float64)},
        )

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        texts = target(rows).take(pa.array(hits))
        seen = repeats(strings(texts))
        return [_describe(measure, seen, i, text or "") for i, text in enumerate(texts.to_pylist())]

    def _again(
        self,
        count: npt.NDArray[np.int64],
        share: npt.NDArray[np.float32],
        size: npt.NDArray[np.float32],
        most: float,
        most_bytes: float,
    ) -> npt.NDArray[np.bool_]:
        return (count >= self.min_lines) & (share > most) & (size > most_bytes)


def target(rows: Rows) -> pa.Array:
    """What a model would learn to say: the response, or the text where there is none."""
    return pc.coalesce(rows.column("response"), rows.column("text"))


def _describe(measure: str, seen: Repeats, i: int, text: str) -> str:
    if measure == "looping":
        unit, covered = int(seen.loop_unit[i]), int(seen.loop_bytes[i])
        phrase = text.rstrip().encode()[-unit:].decode(errors="ignore").strip()
        return f"{covered // unit} times at the end: {phrase}"
    if measure == "repeated_characters":
        return f"a run of {seen.run[i]} characters: {_run(text, int(seen.run[i]))}"
    if measure == "top_ngrams":
        at = int(np.argmax(seen.top[i] / TOP_BOUNDS))
        return f"one {TOP[at]}-gram takes {seen.top[i][at]:.0%} of the text: {text}"
    if measure == "duplicate_ngrams":
        at = int(np.argmax(seen.duplicated[i] / DUPLICATED_BOUNDS))
        return f"{seen.duplicated[i][at]:.0%} of the text is in repeated {DUPLICATED[at]}-grams: {text}"
    share, size = (
        (seen.line_share, seen.line_bytes)
        if measure == "duplicate_lines"
        else (seen.paragraph_share, seen.paragraph_bytes)
    )
    return f"{share[i]:.0%} of them stood before ({size[i]:.0%} of the text): {text}"


def _run(text: str, length: int) -> str:
    at = next((k for k in range(len(text)) if text[k : k + length] == text[k] * length), 0)
    return text[max(0, at - 40) : at + 40]
