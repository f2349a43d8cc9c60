"""Records that are broken in themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Measure, Spec, check
from auditor.core.content import customs, records
from auditor.core.intervals import rate
from auditor.core.rowwise import Bins, Flags, Mask, Rowwise, Tally, findings
from auditor.kernels import damage, endings, exchanges
from auditor.model.result import Measurement
from auditor.model.rows import Dataset, Rows, strings


@dataclass
class Integrity(Tally):
    """ids: sorted hashes of the ids that users gave, uint64 [k], repeated where an id is."""

    ids: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))


@check
@dataclass(frozen=True)
class RecordIntegrity(Rowwise):
    """Records that are damaged whatever their neighbours say: empty, cut off, garbled, out of order.

    | measure | a row at fault |
    | --- | --- |
    | empty | nothing in its text, prompt or response; or no response where most rows have one |
    | whitespace_only | text, prompt or response holds nothing but whitespace |
    | too_short | fewer than `min_chars` characters in all |
    | too_long | more than `context_tokens` approximate tokens |
    | gibberish | `gibberish_share` of its plain Latin words cannot be words, and at least three |
    | truncated | stops in mid-sentence where most long answers end in punctuation; or in an open code fence |
    | broken_role_order | two questions in a row, an answer before any question, a system message in the middle … |
    | prompt_echo | the response is the prompt or begins with all of it |
    | duplicate_ids | an earlier row has the same id |
    | encoding_damage | U+FFFD, or UTF-8 read as Windows-1252 (`Ã©`, `â€™`) |
    | control_characters | control characters other than tabs and line ends |

    Why it matters: these rows teach nothing, or the fault itself: to stop in mid-sentence, to answer with
    the question, to write `â€™`. They come from token limits, failed calls, wrong joins and wrong decoders,
    so one cause often damages thousands.

    Example: `{"prompt": "Explain tides.", "response": "Tides are caused by the gravity of the Moon and"}`
    was cut off by `max_tokens` in a dataset whose other answers end with a full stop.

    Remedy: each measure names its own; most often: find the generator or prompt that holds most rows at
    fault, mend its call (token limit, decoding, parsing), and generate those rows again.

    Limits: tokens are approximate (see the surface features). Gibberish looks at lower-case ASCII words
    only, so that it is quiet on code, formulas, and other scripts, and does not see fluent nonsense.
    Truncation is judged on answers of `long_answer` words or more whose last line is prose, against the
    dataset's own habit, and misses cuts that fall on a full stop. `rate` counts rows with any fault but
    duplicate ids.

    Reference: Rae et al. 2021 (arXiv 2112.11446) and Raffel et al. 2020 (JMLR 21, C4: keep lines that end
    in a terminal punctuation mark) for the ideas of length bounds and endings; mojibake after R. Speer's
    ftfy (2019). The thresholds are ours, set so that human-written sets (Dolly, GSM8K, HumanEval) stay
    quiet.
    """

    min_chars: int = 10
    """Characters of a row's whole text below which it is too short."""

    context_tokens: int = 8192
    """Approximate tokens of the context window that rows must fit."""

    gibberish_share: float = 0.2
    """Share of plain words that cannot be words. Human sets stay below .1; letters drawn at random give .37."""

    long_answer: int = 20
    """Words from which an answer is expected to end like the others."""

    habit: float = 0.8
    """Share of long answers that must end in punctuation for one that stops at `the` or a comma to be truncated."""

    strict_habit: float = 0.97
    """The same share, from which a last sentence without an end is a fault even where its last word could end one."""

    echo_chars: int = 20
    """Bytes of the shortest prompt whose echo is a fault."""

    spec: ClassVar[Spec] = Spec(
        name="record-integrity",
        title="Integrity of the records",
        measures=(
            Measure("rate", "share", "rows with any fault below but duplicate ids", "see the single faults"),
            Measure("empty", "share", "rows without text, prompt or response", "drop them; look for failed calls"),
            Measure("whitespace_only", "share", "rows with a blank text, prompt or response", "drop them"),
            Measure(
                "too_short",
                "share",
                "rows of fewer characters than `min_chars`",
                "drop them, or join what was cut up",
            ),
            Measure(
                "too_long",
                "share",
                "rows of more tokens than a training window, `context_tokens`",
                "split or drop them, for training would cut them off; or set `context_tokens` to your window",
            ),
            Measure("gibberish", "share", "rows of words that cannot be words", "drop them; lower the temperature"),
            Measure(
                "truncated",
                "share",
                "rows that end in mid-sentence or in an open code fence",
                "generate them again with a higher max_tokens, and keep only answers whose finish reason is `stop`",
            ),
            Measure(
                "broken_role_order",
                "share",
                "conversations whose turns are out of order",
                "mend the join that built the conversations, or drop the turns before the first question",
            ),
            Measure(
                "prompt_echo",
                "share",
                "rows whose response is or begins with the prompt",
                "strip the prompt from the completion (base models return both), or drop the row",
            ),
            Measure(
                "duplicate_ids",
                "share",
                "rows whose id an earlier row has",
                "give each row an id of its own",
                depends="size",
            ),
            Measure(
                "encoding_damage",
                "share",
                "rows with mojibake or U+FFFD",
                "read the source as UTF-8 again; ftfy mends mojibake, nothing mends U+FFFD",
            ),
            Measure(
                "control_characters",
                "share",
                "rows with control characters",
                "remove them; they come from terminals, PDFs and wrong decoders",
            ),
        ),
        reads=("text",),
        annotations=("surface",),
        fires=(
            Case(({"prompt": "Why is the sky blue?", "response": ""},), "record_integrity.empty"),
            Case(({"prompt": "Why is the sky blue?", "response": " \n"},), "record_integrity.whitespace_only"),
            Case(({"text": "ok"},), "record_integrity.too_short"),
            Case(({"text": "word " * 20},), "record_integrity.too_long", {"context_tokens": 10}),
            Case(({"text": "The answer is wkqrt zxcvb plmnkj sdfgh hjklm and qwrtp."},), "record_integrity.gibberish"),
            Case(
                ({"prompt": "Write a loop.", "response": "Here it is:\n```python\nfor i in range(3):\n    print("},),
                "record_integrity.truncated",
            ),
            Case(
                (
                    {
                        "messages": [
                            {"role": "user", "content": "Hello there."},
                            {"role": "user", "content": "Is anybody in?"},
                            {"role": "assistant", "content": "Yes, I am here."},
                        ]
                    },
                ),
                "record_integrity.broken_role_order",
            ),
            Case(
                ({"prompt": "Name three rivers of France.", "response": "Name three rivers of France. The Seine,"},),
                "record_integrity.prompt_echo",
            ),
            Case(
                ({"id": "a", "text": "One row of text."}, {"id": "a", "text": "Another row of text."}),
                "record_integrity.duplicate_ids",
            ),
            Case(({"text": "The cafÃ© doesnâ€™t open today."},), "record_integrity.encoding_damage"),
            Case(({"text": "A red word: \x1b[31mred\x1b[0m."},), "record_integrity.control_characters"),
        ),
        quiet=(
            Case(
                (
                    {
                        "id": "1",
                        "prompt": "Why is the sky blue?",
                        "response": "Air scatters short waves more than long ones.",
                    },
                    {"id": "2", "prompt": "为什么天空是蓝色的？", "response": "因为空气对短波的散射更强。"},
                    {"id": "3", "prompt": "Solve x^2 = 4 for x.", "response": "x = -2 or x = 2"},
                    {"id": "4", "prompt": "Write a loop.", "response": "```\nfor i in range(3):\n    print(i)\n```"},
                ),
                "record_integrity.rate",
            ),
        ),
    )
    bins: ClassVar = {
        "words": Bins("Words of a row", "words", (0.0, *(float(2**i) for i in range(18))), "log"),
        "tokens": Bins("Approximate tokens of a row", "tokens", (0.0, *(float(2**i) for i in range(18))), "log"),
    }

    def empty(self) -> Integrity:
        return Integrity()

    def update(self, state: Tally, rows: Rows) -> Integrity:
        assert isinstance(state, Integrity)
        super().update(state, rows)
        hashes, given = records.given_ids(rows)
        return replace(state, ids=np.sort(np.concatenate([state.ids, hashes[given]]), kind="stable"))

    def merge(self, left: Tally, right: Tally) -> Integrity:
        assert isinstance(left, Integrity)
        assert isinstance(right, Integrity)
        super().merge(left, right)
        return replace(left, ids=np.sort(np.concatenate([left.ids, right.ids]), kind="stable"))

    def flag(self, rows: Rows) -> Flags:
        """Beside the measures: what depends on customs, with the masks of `rate` for each case."""
        sure, among, conditional, counted = self._faults(rows)
        masks = dict(sure)
        for held in customs.HELD:
            faults = customs.joined(sure, conditional, held)
            faults["rate"] = np.logical_or.reduce(list(faults.values()))
            masks |= {
                customs.variant(measure, held): faults[measure] for measure in ("rate", *customs.CUSTOMS.values())
            }
        values = {name: rows.numpy(name).astype(np.float64) for name in self.bins}
        return Flags({**masks, **counted}, among, values)

    def measure(self, state: Tally, references: Mapping[str, Tally], context: Context) -> Measurement:
        assert isinstance(state, Integrity)
        held = customs.held(state, self.habit, self.strict_habit)
        usual = super().measure(customs.under(state, held), references, context)
        repeated = len(state.ids) - len(np.unique(state.ids))
        name = self.spec.metric("duplicate_ids")
        metric = rate(name, repeated, len(state.ids))
        if not len(state.ids):
            metric = replace(metric, why="no row has an id of its own" if state.rows else metric.why)
        metrics = tuple(metric if m.name == name else m for m in usual.metrics)
        notes = (
            "prompts without a response are "
            + ("empty rows: other prompts have one" if "answered" in held else "no fault here: hardly any has one"),
            "answers often end without punctuation here: only open code fences count as truncated"
            if "closed" not in held
            else "long answers that stop where no sentence ends are truncated: most end in punctuation"
            + (", nearly all, so one that ends without it is truncated too" if "strict" in held else ""),
        )
        table = pa.table({"custom": pa.array(held, pa.string())})
        return replace(usual, metrics=metrics, notes=notes, tables={"customs": table})

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        held = measurement.tables["customs"].column("custom").to_pylist()
        for opened in rows:
            sure, _, conditional, _ = self._faults(opened)
            position = opened.numpy("row")
            for measure, mask in customs.joined(sure, conditional, held).items():
                hits = np.flatnonzero(mask)
                if len(hits):
                    yield findings(position[hits], self.spec.metric(measure), self.evidence(opened, measure, hits))
        yield from self._repeated_ids(rows)

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        picked = rows.batch.select(["prompt", "response", "text", "messages", "chars", "tokens"]).take(pa.array(hits))
        return [_seen(measure, row) for row in picked.to_pylist()]

    def _faults(self, rows: Rows) -> tuple[dict[str, Mask], dict[str, Mask], dict[str, Mask], dict[str, Mask]]:
        """(faults of a row by itself, rows they apply to, what is a fault only where a custom holds,
        rows counted to know the customs)."""
        has_prompt, has_response = records.valid(rows, "prompt"), records.valid(rows, "response")
        blank = {
            "": rows.numpy("words") == 0,
            "prompt_": has_prompt & (records.number(rows, "prompt_words") == 0),
            "response_": has_response & (records.number(rows, "response_words") == 0),
        }
        nothing = {part: blank[part] & (records.number(rows, f"{part}chars") == 0) for part in blank}
        empty = np.logical_or.reduce(list(nothing.values()))
        whitespace = np.logical_or.reduce([blank[part] & ~nothing[part] for part in blank])
        said = strings(records.target(rows))
        ends = endings.endings(said)
        strange, plain = damage.implausible(said)
        prose = (ends.words >= self.long_answer) & (ends.line_words >= 8) & ~ends.item & (ends.fences == 0)
        closed = prose & (ends.kind == endings.TERMINAL)
        stops = prose & ((ends.kind == endings.OPEN) | ends.dangling)
        fades = prose & (ends.kind == endings.LETTER) & ends.running & ~stops
        turns = records.valid(rows, "messages")
        damaged = (rows.numpy("replacement_chars") > 0) | (damage.mojibake(rows.strings("text")) > 0)
        sure = {
            "empty": empty,
            "whitespace_only": whitespace,
            "too_short": (rows.numpy("chars") < self.min_chars) & ~blank[""],
            "too_long": rows.numpy("tokens") > self.context_tokens,
            "gibberish": (strange >= 3) & (strange > self.gibberish_share * plain),
            "truncated": ends.fences % 2 == 1,
            "broken_role_order": records.disordered(rows),
            "prompt_echo": exchanges.echoes(rows.strings("prompt"), rows.strings("response"), self.echo_chars),
            "encoding_damage": damaged,
            "control_characters": rows.numpy("control_chars") > 0,
        }
        among = {"broken_role_order": turns, "prompt_echo": has_prompt & has_response}
        counted = dict(zip(customs.COUNTED, (has_prompt, has_prompt & has_response, prose, closed), strict=True))
        return sure, among, {"answered": has_prompt & ~has_response, "closed": stops, "strict": fades}, counted

    def _repeated_ids(self, rows: Dataset) -> Iterator[pa.Table]:
        opened = [records.given_ids(shard) for shard in rows]
        if not opened:
            return
        hashes = np.concatenate([pair[0] for pair in opened])
        at = np.flatnonzero(np.concatenate([pair[1] for pair in opened]))
        position = np.concatenate([shard.numpy("row") for shard in rows])
        _, first, which = np.unique(hashes[at], return_index=True, return_inverse=True)
        later = np.flatnonzero(first[which] != np.arange(len(at)))
        if len(later):
            repeated = position[at[later]]
            shown = [f"id {value}" for value in rows.take(repeated, ["id"]).column("id").to_pylist()]
            related = pa.array(position[at[first[which[later]]]], pa.int64())
            yield findings(repeated, self.spec.metric("duplicate_ids"), shown, related=related)


def _seen(measure: str, row: Mapping[str, object]) -> str:
    text, response = str(row["text"]), row["response"]
    said = text if response is None else str(response)
    if measure in ("empty", "whitespace_only"):
        return f"prompt {row['prompt']!r}, response {response!r}" if row["prompt"] is not None else f"text {text!r}"
    if measure == "too_long":
        return f"about {row['tokens']} tokens: {text}"
    if measure == "too_short":
        return f"{row['chars']} characters: {text}"
    if measure == "truncated":
        return f"… {said.rstrip()[-160:]}"
    if measure == "broken_role_order":
        turns = row["messages"]
        assert isinstance(turns, list)
        return " → ".join(str(turn["role"]) for turn in turns)
    if measure == "control_characters":
        return next((repr(text[max(0, i - 60) : i + 60]) for i, c in enumerate(text) if _control(c)), "")
    if measure == "encoding_damage":
        at = next((i for i, c in enumerate(text) if c in "\ufffdÂÃâð"), 0)
        return text[max(0, at - 60) : at + 120]
    return said


def _control(character: str) -> bool:
    return (character < " " and character not in "\t\n\v\f\r") or "\x7f" <= character < "\xa0"
