"""Rows that are the same row, the same text, or the same question again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.lineage.history import RUNGS
from auditor.core.rowwise import findings, gather_groups, sliced_rates
from auditor.kernels.hashes import first_rows, hash_normalised, hash_texts
from auditor.kernels.texts import spans
from auditor.model.result import EVIDENCE_CHARACTERS, Distribution, Measurement, Metric, Slice
from auditor.model.rows import Dataset, Rows
from auditor.sketches.sample import drawn

EDGES = (2.0, 3.0, 4.0, 5.0, *(float(1 << power) for power in range(3, 31)))
LOCATE = 20_000
_CANNED = "That depends on many things, and there is no single answer to it."
KINDS = (("rate", "text"), ("normalised_rate", "text"), ("prompt_rate", "prompt"), ("response_rate", "response"))

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Hashes = tuple[Any, Any, Mask]


@check
@dataclass(frozen=True)
class ExactDuplicates:
    """Rows that stand in the dataset more than once.

    Four different faults. A copied row (`rate`): all that a model would train on equals an earlier
    row's byte for byte, whatever its id, its generator and its other fields are. A copied text
    (`normalised_rate`): it does after NFC, case folding and collapsing white space; copied rows are
    among these. A prompt answered again (`prompt_rate`): the prompt equals an
    earlier row's after the same normalisation, and the text does not; copies of either kind are not
    counted again.

    A copied row weighs twice in training and can sit on both sides of a random split; it mostly comes
    from a retry or from joining files. A prompt answered twice is not a copy: it is a generator that
    was asked again, and the answers may contradict each other. An answer given again is a template
    or a collapse: the model learns to say it whatever it is asked.

    Example: `{"prompt": "Name a prime.", "response": "7"}` twice is a copied row; with the response
    "7" and then "It is 11." it is a prompt answered again. "The answer depends on many factors, and it is
    best to ask an expert in the field." to ten questions is an answer given again.

    Remedy: drop copies and keep the first; for a prompt answered again choose one answer, or keep
    both where variety is wanted and say so in the card. For an answer given again find the template or
    the prompt at fault and generate those rows anew.

    Limits: rows are compared by 128-bit hashes (folded multiplication of the text, raw
    and normalised): among a billion rows the chance of one false match is
    below 10**-20. Nothing looser than white space and case is forgiven; near-duplicates does that.

    Reference: Unicode Standard Annex 15 (NFC); Unicode Standard, section 3.13 (case folding).
    `min_characters`: 60 is where answers written by people stop coinciding (of 10,078 of that length in
    Dolly, GSM8K and the seeds of self-instruct none does; of Alpaca's one in 3,300; of GPTeacher's
    Toolformer, which a template made, one in 16).
    """

    min_characters: int = 60

    spec: ClassVar[Spec] = Spec(
        "exact-duplicates",
        "Exact duplicates",
        (
            Measure(
                "rate",
                "share",
                "rows whose text copies an earlier row's, byte for byte",
                "drop them and keep the first",
                depends="size",
            ),
            Measure(
                "normalised_rate",
                "share",
                "rows whose text equals an earlier row's but for case, white space and Unicode form",
                "drop them and keep the first",
                depends="size",
            ),
            Measure(
                "prompt_rate",
                "share",
                "rows that answer an earlier row's prompt again, with another text",
                "choose one answer to each prompt, or say in the card that several are wanted",
                depends="size",
            ),
            Measure(
                "response_rate",
                "share",
                "rows whose answer, if not a short one, an earlier row gives to another prompt",
                "find the template or prompt that makes them, and generate them anew",
                depends="size",
            ),
            Measure("rows", "rows", "rows that have an exact copy", depends="size"),
            Measure("clusters", "clusters", "distinct rows that occur twice or more", depends="size"),
            Measure("largest_cluster", "rows", "copies of the most copied row", depends="size"),
        ),
        reads=("text",),
        fires=(
            Case(({"prompt": "Name a prime.", "response": "7"},) * 2, "exact_duplicates.rate"),
            Case(({"text": "Same words"}, {"text": " same  WORDS\n"}), "exact_duplicates.normalised_rate"),
            Case(
                (
                    {"prompt": "Name a prime.", "response": "7"},
                    {"prompt": "name a prime.", "response": "It is 11."},
                ),
                "exact_duplicates.prompt_rate",
            ),
            Case(
                (
                    {"prompt": "What should I eat?", "response": f"{_CANNED} Ask an expert."},
                    {"prompt": "Where should I live?", "response": f"{_CANNED}  ask an expert."},
                ),
                "exact_duplicates.response_rate",
            ),
        ),
        quiet=(
            Case(({"text": "one thing"}, {"text": "another thing"}), "exact_duplicates.rate"),
            Case(({"text": "one thing"}, {"text": "one-thing"}), "exact_duplicates.normalised_rate"),
            Case(({"prompt": "Name a prime.", "response": "7"},) * 2, "exact_duplicates.prompt_rate"),
            Case(({"prompt": "Is it?", "response": f"{_CANNED} Yes."},) * 2, "exact_duplicates.response_rate"),
            Case(
                ({"prompt": "Is 2 prime?", "response": "Yes."}, {"prompt": "Is 3 prime?", "response": "Yes."}),
                "exact_duplicates.response_rate",
            ),
        ),
        version=2,
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        n = rows.rows
        if n == 0:
            return Measurement((), notes=("the dataset has no rows",))
        place = np.arange(n)
        raw = _first(engine.gather(rows, _raw))
        text = _first(engine.gather(rows, lambda shard: _normalised(shard, "text")))
        prompts = engine.gather(rows, lambda shard: _normalised(shard, "prompt"))
        # Of white space alone nothing is left to normalise; a copy of it is a copied row all the same.
        text = np.where(raw != place, np.minimum(raw, text), text)
        fresh = text == place
        asked = np.concatenate([present for _, _, present in prompts])
        prompt = _first(prompts, fresh)
        answers = engine.gather(rows, lambda shard: _long(shard, self.min_characters))
        answered = asked & np.concatenate([present for _, _, present in answers])
        answer = _first(answers, fresh & asked)
        masks = {
            "rate": raw != place,
            "normalised_rate": ~fresh,
            "prompt_rate": asked & fresh & (prompt != place),
            "response_rate": answered & fresh & (answer != place) & (prompt[answer] != prompt),
        }
        among = {"prompt_rate": asked, "response_rate": answered}
        nothing = {
            "prompt_rate": "no row has a prompt",
            "response_rate": f"no row has a prompt and an answer of {self.min_characters} characters",
        }
        groups = gather_groups(rows)
        metrics = []
        for name, mask in masks.items():
            counted = among.get(name, np.ones(n, np.bool_))
            full = self.spec.metric(name)
            metrics.append(
                rate(full, int(np.count_nonzero(mask)), int(np.count_nonzero(counted)))
                if counted.any()
                else Metric(full, None, "share", 0, why=nothing[name])
            )
        slices: list[Slice] = []
        for name, mask in masks.items():
            chosen = among.get(name)
            kept = {by: (labels, codes if chosen is None else codes[chosen]) for by, (labels, codes) in groups.items()}
            slices += sliced_rates(self.spec.metric(name), mask if chosen is None else mask[chosen], kept)
        sizes = np.bincount(raw, minlength=n)
        several = sizes[sizes > 1]
        metrics += [
            Metric(self.spec.metric("rows"), int(several.sum()), "rows", n),
            Metric(self.spec.metric("clusters"), len(several), "clusters", n),
            Metric(self.spec.metric("largest_cluster"), int(several.max(initial=0)), "rows", n),
        ]
        counts = tuple(int(count) for count in np.histogram(several, np.array(EDGES))[0])
        shown = Distribution(self.spec.metric("sizes"), "Copies of a row", "rows", EDGES, counts, "log")
        kind = np.full(n, -1, np.int8)
        related = np.zeros(n, np.int64)
        for code, (mask, first) in reversed(
            list(enumerate(zip(masks.values(), (raw, text, prompt, answer), strict=True)))
        ):
            kind[mask] = code
            related[mask] = first[mask]
        at = np.flatnonzero(kind >= 0)
        copies = pa.table({"row": at, "kind": kind[at], "related": related[at]})
        ladder = tuple(self._ladder(rows, text)) if context.history is not None else ()
        return Measurement(tuple(metrics), tuple(slices), (shown,), (), {"copies": copies}, ladder=ladder)

    def _ladder(self, rows: Dataset, text: Longs) -> Iterator[Metric]:
        """Copied texts among fewer rows. text: the first row with the same text."""
        order = drawn(rows, RUNGS[-1])
        for rung in RUNGS:
            if rung < rows.rows:
                copied = rung - len(np.unique(text[order[:rung]]))
                yield rate(self.spec.metric("normalised_rate"), copied, rung)

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Each row once, under the strictest kind that it is a case of."""
        copies = measurement.tables["copies"]
        for start in range(0, len(copies), LOCATE):
            part = copies.slice(start, LOCATE)
            at, kind = part.column("row").to_numpy(), part.column("kind").to_numpy()
            tables = []
            for code, (measure, column) in enumerate(KINDS):
                mine = np.flatnonzero(kind == code)
                if len(mine):
                    seen = rows.take(at[mine], [column]).column(0)
                    cut = pc.utf8_slice_codeunits(seen, 0, EVIDENCE_CHARACTERS + 1).to_pylist()
                    first = part.column("related").take(mine).combine_chunks()
                    tables.append(
                        findings(
                            at[mine],
                            self.spec.metric(measure),
                            cut,
                            score=np.ones(len(mine)),
                            related=first,
                            cluster=first.to_numpy(),
                        )
                    )
            yield pa.concat_tables(tables).sort_by("row").combine_chunks()


def _raw(shard: Rows) -> Hashes:
    view = shard.strings("text")
    return (*hash_texts(view), np.diff(view.offsets) > 0)


def _normalised(shard: Rows, name: str) -> Hashes:
    view = shard.strings(name)
    texts = spans(view.offsets, view.data, fold=True)
    hashes: Hashes = hash_normalised(texts.starts, texts.lengths)
    return hashes


def _long(shard: Rows, least: int) -> Hashes:
    left, right, present = _normalised(shard, "response")
    characters = pc.fill_null(pc.utf8_length(shard.column("response")), 0).to_numpy(zero_copy_only=False)
    return left, right, present & (characters >= least)


def _first(parts: list[Hashes], among: Mask | None = None) -> Longs:
    left, right, present = (np.concatenate(column) for column in zip(*parts, strict=True))
    first: Longs = first_rows(left, right, present if among is None else present & among)
    return first
