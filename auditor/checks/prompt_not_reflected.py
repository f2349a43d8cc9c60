"""Declared prompts whose demands the rows do not meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.lineage.demands import Demand, read
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.model import tiny
from auditor.model.card import Prompt
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement, Metric, Slice
from auditor.model.rows import Dataset, strings
from auditor.sketches.sample import bottom_k

SAMPLE = 32_768
ECHO = 6
"""Words in a row that are the prompt's own: of Alpaca's prompt and its 9,229 rows 8 rows hold such a run, of
GSM8K, Dolly and three sets by GPT-4 none or one."""

LEAKED, PLAIN, HALF = 0.0003, 0.05, 0.5
"""Shares of the rows by a prompt from which a demand shows. A mark with a symbol or a run of the prompt's own
words stands in no row by chance (Alpaca's `<noinput>`, which its pipeline takes out: 12 of 9,229 rows); labels,
keys and fenced blocks do; bounds and languages are for every row, and met by half of them."""

FEW = 3
"""Rows that show a leaked mark or run, at least."""

SLACK = 1.5
"""Generators count badly: an answer breaks a bound of 100 words beyond 150, of 300 below 200."""

_WORD = re.compile(r"\w+")

State = Literal["shown", "kept", "missing", "broken", "unclear"]


@dataclass(frozen=True, slots=True)
class Held:
    """A demand, or the echo of a prompt's own words, held against the rows. share: of the rows that meet it."""

    what: str
    state: State
    share: float

    def __str__(self) -> str:
        return f"{self.what}: {self.state} ({self.share:.2%} of the rows)"


@dataclass(frozen=True)
class Sampled:
    """Columns of the sampled rows."""

    table: pa.Table

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def texts(self) -> list[str]:
        """Everything that was generated or kept beside it."""
        return [f"{text}\n{meta}" for text, meta in zip(*map(self._column, ("text", "meta")), strict=True)]

    @cached_property
    def languages(self) -> list[str]:
        codes = self.table.column("language").to_pylist() if "language" in self.table.column_names else []
        return [code for code in codes if code not in (None, "und")]

    def words(self, column: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Words of each value that is there."""
        return np.array([len(_WORD.findall(value)) for value in self._column(column) if value is not None], np.int64)

    def share(self, holds: Callable[[str], bool]) -> float:
        return sum(map(holds, self.texts)) / len(self)

    def _column(self, name: str) -> list[str]:
        values: list[str] = self.table.column(name).to_pylist()
        return values


@check
@dataclass(frozen=True)
class PromptNotReflected(Faultfinding):
    """Prompts that the card declares and the rows do not show.

    What: some prompts leave marks that rows can be held to. Looked for are a mark that answers must carry
    ("####", `<answer>`), labels ("Question:"), keys of JSON, a fenced block, bounds on the number of words,
    the language, and runs of 6 words of the prompt's own in the rows, as templates and leaks leave them. A
    prompt counts (`prompts`) where none of these shows, and either a bound or the language is broken by
    most rows (`broken` counts these demands) or what it demands is in no row.

    Why it matters: the prompt is the recipe. Where the declared one is not the one that was run, the rows
    cannot be made again, and whoever reviews the prompt reviews nothing.

    Example: the card declares a prompt that ends "finish with #### and the number"; no row has "####".

    Remedy: declare the prompt that was run, in the version that was run.

    Limits: this sees little, and says what it saw in its notes. Pipelines take labels, tags and keys out
    before they write a row, so that a right prompt can look wrong; where a trace is left, it is enough. A
    bound such as "at most 100 words" that is kept proves nothing, for most data keep it, nor does English. A
    prompt without any such demand is not judged, and where no prompt can be, the check is skipped. Where
    there are several prompts each is expected in its share of the rows. At least 100 rows are needed;
    of larger datasets 32,768 are looked at.

    Reference: Taori et al. 2023, Stanford Alpaca (`prompt.txt`, on which it was tried); Zhou et al. 2023,
    "Instruction-Following Evaluation for Large Language Models" (demands that a program can verify).
    """

    rows: int = 100

    spec: ClassVar[Spec] = Spec(
        "prompt-not-reflected",
        "Prompts without a trace",
        (
            Measure(
                "prompts",
                "prompts",
                "declared prompts whose demands the rows do not meet",
                "declare the prompt that was run, in the version that was run",
            ),
            Measure("broken", "demands", "bounds and languages demanded that most rows break"),
            Measure("shown", "demands", "marks, labels, keys, bounds and own words of the prompts that show"),
        ),
        reads=("text",),
        needs=("lineage",),
        annotations=("language",),
        fires=(
            Case(
                tuple({"prompt": f"What is {i} + {i}?", "response": f"It is {2 * i}."} for i in range(8)),
                "prompt_not_reflected.prompts",
                {"rows": 8},
                pedigree=lambda: _asked('Write a sum and its answer. End the answer with "####" and the number.'),
            ),
            Case(
                tuple({"prompt": f"What is {i} + {i}?", "response": f"It is {2 * i}."} for i in range(8)),
                "prompt_not_reflected.broken",
                {"rows": 8},
                pedigree=lambda: _asked("Write an essay of at least 300 words about a number."),
            ),
        ),
        quiet=(
            Case(
                tuple({"prompt": f"What is {i} + {i}?", "response": f"#### {2 * i}"} for i in range(8)),
                "prompt_not_reflected.prompts",
                {"rows": 8},
                pedigree=lambda: _asked('Write a sum and its answer. End the answer with "####" and the number.'),
            ),
            Case(
                tuple({"prompt": f"What is {i} + {i}?", "response": f"It is {2 * i}."} for i in range(8)),
                "prompt_not_reflected.prompts",
                {"rows": 8},
                pedigree=lambda: _asked("Write diverse sums, at most 100 words each."),
            ),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        pedigree = context.pedigree
        assert pedigree is not None, "checks that need lineage are skipped without one"
        declared = pedigree.version.lineage.prompts
        if not declared:
            return Measurement((), notes=("the lineage declares no prompt",))
        if rows.rows < self.rows:
            return Measurement((), notes=(f"{rows.rows:,} rows are too few to tell: {self.rows:,} are needed",))
        columns = [name for name in ("text", "meta", "prompt", "response", "language") if name in rows.columns]
        sampled = Sampled(rows.take(bottom_k(rows, SAMPLE), columns))
        faults, notes, slices = [], [], []
        told = broken = shown = 0
        for prompt in declared:
            text = pedigree.prompts.get(prompt.digest)
            if text is None:
                notes.append(f"{prompt.name}: its text is not at hand")
                continue
            held = _held(text, sampled, _part(prompt, pedigree))
            why = _verdict(held)
            notes.append(f"{prompt.name}: {why or 'reflected'}; " + ("; ".join(map(str, held)) or "no demand"))
            if why == UNTOLD:
                continue
            told += 1
            broken += sum(one.state == "broken" for one in held)
            traces = sum(one.state == "shown" for one in held)
            shown += traces
            slices.append(Slice("prompt", prompt.name, Metric(self.spec.metric("shown"), traces, "demands", len(held))))
            if why:
                sentence = f"{prompt.name} is not what made these rows: " + "; ".join(map(str, held))
                faults.append(Fault("prompts", _node(prompt, pedigree), sentence))
        if not told:
            return Measurement((), notes=tuple(notes))
        outcome = self.measured(Seen(faults, told, {"broken": broken, "shown": shown}, notes=tuple(notes)))
        return Measurement(outcome.metrics, tuple(slices), (), outcome.notes, outcome.tables)


UNTOLD = "cannot be told from these rows"


def _verdict(held: Sequence[Held]) -> str:
    """Why the prompt is not reflected; empty where it is."""
    states = {one.state for one in held}
    if "shown" in states:
        return ""
    if "broken" in states:
        return "its demands are broken"
    return "nothing that it demands is in the rows" if "missing" in states else UNTOLD


def _held(prompt: str, sampled: Sampled, part: float) -> list[Held]:
    """part: share of the rows that the prompt is to have made."""
    held = [_hold(demand, sampled, part) for demand in read(prompt)]
    echo = _echo(prompt, sampled)
    if _leaked(echo, sampled, part):
        held.append(Held("runs of its own words", "shown", echo))
    return [one for one in held if one.state != "unclear"]


def _hold(demand: Demand, sampled: Sampled, part: float) -> Held:
    if demand.kind == "words":
        return _bound(demand, sampled, part)
    if demand.kind == "language":
        codes = sampled.languages
        share = codes.count(demand.what) / len(codes) if codes else 0.0
        met: State = "kept" if demand.what == "en" else "shown"
        return Held(str(demand), ("broken", met)[share >= HALF * part] if codes else "unclear", share)
    if demand.kind == "mark":
        share = sampled.share(lambda text: demand.what in text)
        return Held(str(demand), "shown" if _leaked(share, sampled, part) else "missing", share)
    pattern = re.compile(
        {
            "label": rf"(?m)^[\s>*#_-]*{re.escape(demand.what)}",
            "key": rf'"{re.escape(demand.what)}\\?"\s*:',
            "fence": r"(?m)^\s*```",
        }[demand.kind]
    )
    share = sampled.share(lambda text: pattern.search(text) is not None)
    return Held(str(demand), "shown" if share >= PLAIN * part else "missing", share)


def _bound(demand: Demand, sampled: Sampled, part: float) -> Held:
    """A bound from below, or from both sides, shows where it is kept; one from above is merely kept."""
    words = sampled.words(demand.column)
    if not len(words):
        return Held(str(demand), "unclear", 0.0)
    most = np.iinfo(np.int64).max if demand.most is None else demand.most
    share = float(np.mean((words >= demand.least) & (words <= most)))
    near = float(np.mean((words >= demand.least / SLACK) & (words / SLACK <= most)))
    met: State = "shown" if demand.least > 1 else "kept"
    return Held(str(demand), met if share >= HALF * part else "broken" if near < HALF * part else "unclear", share)


def _echo(prompt: str, sampled: Sampled) -> float:
    """Share of the rows that hold a run of the prompt's own words."""
    own, texts = (
        shingle_sets(spans(view.offsets, view.data, fold=True), ECHO)
        for view in (strings(pa.array([prompt], pa.large_string())), strings(sampled.table.column("text")))
    )
    if len(_WORD.findall(prompt)) < ECHO:
        return 0.0
    owner = np.repeat(np.arange(len(texts)), np.diff(texts.offsets))
    return len(np.unique(owner[np.isin(texts.values, own.values)])) / len(sampled)


def _leaked(share: float, sampled: Sampled, part: float) -> bool:
    return share >= LEAKED * part and share * len(sampled) >= min(FEW, len(sampled) * part)


def _part(prompt: Prompt, pedigree: Pedigree) -> float:
    """The share of the rows that is by the prompt: as the card counts it, else the same for each."""
    version = pedigree.version
    return min(1.0, prompt.rows / version.rows) if prompt.rows and version.rows else 1 / len(version.lineage.prompts)


def _node(prompt: Prompt, pedigree: Pedigree) -> str:
    """The prompt's id in the graph, or what the card calls it."""
    edges = pedigree.graph.into(pedigree.node, frozenset(("prompt",)))
    found = (edge.source for edge in edges if pedigree.graph.nodes[edge.source].digest == prompt.digest)
    return next(found, f"prompt:{prompt.name}")


def _asked(prompt: str) -> Pedigree:
    """A version made with that prompt, for the cases."""
    pedigree = tiny.pedigree("train@1", {"train@1": tiny.Made(prompts=(prompt,))})
    return replace(pedigree, prompts={tiny.digest(prompt): prompt})
