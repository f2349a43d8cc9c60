"""From a dataset and a file of judges to who is asked what: pairs or single answers, and no relative of their maker."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from auditor import auditing, concluding, registry
from auditor.checks.self_judged import WORDS, SelfJudged
from auditor.concluding import Options, Progress
from auditor.core.intervals import Z95
from auditor.core.judges.items import named
from auditor.core.judges.juries import Jury
from auditor.judging import judges, prompts
from auditor.judging.judges import Judge
from auditor.judging.questions import Item, Material, Seat
from auditor.model.errors import ConfigError, InputError, suggest
from auditor.model.graph import Edge, Node
from auditor.model.pedigree import Pedigree
from auditor.model.rows import Dataset
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from auditor.sketches.sample import drawn

BATCH = 256
"""Rows that are brought into memory at a time."""

_CANONICAL = ("prompt", "response", "rejected", "text", "source")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `auditor judge run` is asked for. judges: the file. only: one judge of it. a, b, reference: FIELD, or
    FIELD=MAKER. precision: half the width of a win rate's interval, as a share; stop: as soon as it is that narrow."""

    judges: Path
    only: str | None = None
    a: str | None = None
    b: str | None = None
    reference: str | None = None
    mode: str | None = None
    prompt: str | None = None
    repeats: int | None = None
    sample: int | None = None
    precision: float | None = None
    stop: bool = False
    budget: float | None = None
    allow_self: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """Who is asked what. left_out: rows without one of the texts. notes: what the user should know. pedigree: of the
    rows, where they are registered. jury: the panel that the judges are, where they are one. allowed: by what a judge
    is let judge its own words or its relatives', where one does."""

    material: Material
    seats: tuple[Seat, ...]
    left_out: int
    notes: tuple[str, ...]
    rows: Dataset
    pedigree: Pedigree | None
    jury: Jury | None
    allowed: str | None = None


def poll(source: str, wanted: Wanted, options: Options, workspace: Workspace, progress: Progress) -> Poll:
    """Rows, pairs and judges, before anybody is asked.

    Raises ConfigError for what cannot be, and where a judge is the rows' maker or its relative.
    """
    if wanted.stop and not wanted.precision:
        raise ConfigError("--stop needs to know how narrow is enough", wanted="--precision 0.03")
    seats = _seats(wanted)
    kind = seats[0].prompt.kind
    sides = _sides(wanted, kind)
    with workspace.lock(), progress.stage("read") as advance:
        rows = auditing.read(source, options, workspace, advance)
    pedigree = _pedigree(source, rows, workspace)
    who, makers = [seat.judge for seat in seats], [maker for _, maker in sides]
    notes, allowed = _relatives(rows, pedigree, who, makers, wanted, workspace)
    fields = ["prompt", *(name for name, _ in sides), *([wanted.reference] if wanted.reference else [])]
    chosen, left_out = _chosen(rows, fields, wanted, notes)
    items = partial(_items, rows, named(rows), chosen, fields, tuple(makers))
    jury = judges.panels(wanted.judges).get(wanted.only or "")
    if jury and jury.learns:
        notes.append(
            f"panel {jury.name!r} has no weights: they are found, and it decides, once people have judged some of the "
            "pairs (auditor judge accept --panel)"
        )
    material = Material(items, len(chosen), len(sides))
    return Poll(material, seats, left_out, tuple(notes), rows, pedigree, jury, allowed)


def needed(precision: float) -> int:
    """Decided pairs for a 95 % Wilson interval of at most ±precision at the worst rate, one half.

    There the interval's half width is z / (2 sqrt(n + z²)) (Wilson 1927), so n = z² (1 / (4 precision²) - 1).
    """
    if not 0 < precision < 0.5:
        raise ConfigError("the precision is a share", seen=f"{precision:g}", wanted="such as 0.03, for ±3 points")
    return math.ceil(Z95**2 * (1 / (4 * precision**2) - 1))


def _seats(wanted: Wanted) -> tuple[Seat, ...]:
    found: list[Seat] = []
    for judge in judges.read(wanted.judges, wanted.only):
        name = wanted.prompt or judge.prompt or prompts.DEFAULTS[wanted.mode or "pairwise"]
        prompt = prompts.load(name)
        mode = wanted.mode or (found[0].prompt.kind if found else prompt.kind)
        if prompt.kind != mode:
            raise ConfigError(
                f"prompt {prompt.name!r} of judge {judge.name!r} is {prompt.kind}",
                wanted=f"{mode}, as {'--mode says' if wanted.mode else 'the first judge is asked'}",
                hint=f"--prompt {prompts.DEFAULTS[mode]}, or judge by judge: {wanted.judges}#{judge.name}",
            )
        found.append(Seat(judge, prompt, wanted.repeats or judge.repeats))
    return tuple(found)


def _sides(wanted: Wanted, kind: str) -> list[tuple[str, str]]:
    """(field, maker) of each output."""
    if (kind == "reference") != (wanted.reference is not None):
        needs = "needs" if kind == "reference" else "has no place for"
        raise ConfigError(f"a prompt that is {kind} {needs} a reference", wanted="--mode reference --reference FIELD")
    if wanted.b and not wanted.a:
        raise ConfigError("--b is given without --a", wanted="both, or neither for chosen and rejected")
    if wanted.a is None:
        return [("response", "response")] if kind == "pointwise" else [("response", "chosen"), ("rejected", "rejected")]
    if wanted.b is None and kind != "pointwise":
        raise ConfigError("--a is given without --b", wanted="the two fields to compare")
    sides = []
    for given in filter(None, (wanted.a, wanted.b)):
        name, _, maker = given.partition("=")
        sides.append((name, maker or name))
    if len({name for name, _ in sides}) < len(sides):
        raise ConfigError(f"{sides[0][0]!r} is compared with itself", wanted="two fields")
    return sides


def _relatives(
    rows: Dataset,
    pedigree: Pedigree | None,
    jury: Sequence[Judge],
    makers: Sequence[str],
    wanted: Wanted,
    workspace: Workspace,
) -> tuple[list[str], str | None]:
    """Refuses judges who are what wrote the rows, or its relatives; or says so, and by what that is allowed."""
    tables = pedigree.kinship if pedigree else kinship.load(workspace)
    found: list[str] = []
    for judge in jury:
        found += [
            f"{judge.model} judges what {maker} wrote: {WORDS[relation]}"
            for maker in makers
            if (relation := tables.relation(judge.model, maker))
        ]
        if pedigree:
            found += _self_judged(pedigree, judge)
    if not found:
        return [], None
    allowed, expired = _waived(rows, pedigree, workspace)
    allowed = allowed or ("--allow-self" if wanted.allow_self else None)
    if allowed is None:
        raise ConfigError(
            "a judge prefers its own words and its relatives': such verdicts are no measure",
            seen="; ".join(dict.fromkeys([*found, *expired])),
            hint="judge with a model of another family, waive self-judged in waivers.yaml, or go on with --allow-self",
        )
    return [*dict.fromkeys(found), f"allowed: {allowed}", *expired], allowed


def _waived(rows: Dataset, pedigree: Pedigree | None, workspace: Workspace) -> tuple[str | None, list[str]]:
    """The waiver of `self-judged` that holds for the rows, in words; and those that have expired."""
    today, check = dt.datetime.now(dt.UTC).date(), SelfJudged.spec.name
    names = {rows.name, *([pedigree.card.name] if pedigree else [])}
    expired = []
    for waiver in concluding.waivers(Options(), workspace).entries:
        # One that lists rows forgives those alone; judges are asked about all.
        if waiver.check != check or waiver.rows or not any(waiver.covers(name, rows.digest) for name in names):
            continue
        if today <= waiver.expires:
            return f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}", []
        expired.append(f"{waiver} expired on {waiver.expires}")
    return None, expired


def _self_judged(pedigree: Pedigree, judge: Judge) -> list[str]:
    """What `self-judged` would find, had the judge judged this version already."""
    graph = pedigree.graph
    mine = {node.id for node in graph.nodes.values() if node.kind == "model" and judge.model in (node.name, str(node))}
    nodes = dict(graph.nodes)
    if not mine:
        stranger = Node(f"model:{judge.model}", "model", judge.model)
        nodes[stranger.id] = stranger
        mine = {stranger.id}
    edges = (*graph.edges, *(Edge(node, pedigree.node, "judge") for node in sorted(mine)))
    seen = SelfJudged().look(replace(pedigree, graph=replace(graph, nodes=nodes, edges=edges)))
    return [fault.evidence for fault in seen.faults if fault.node in mine]


def _pedigree(source: str, rows: Dataset, workspace: Workspace) -> Pedigree | None:
    known = registry.whose(registry.resolve(source, workspace), rows.digest, workspace)
    today = dt.datetime.now(dt.UTC).date()
    return registry.pedigree(*known, workspace, today, lambda ref: None) if known else None


def _chosen(
    rows: Dataset, fields: Sequence[str], wanted: Wanted, notes: list[str]
) -> tuple[npt.NDArray[np.int64], int]:
    """Rows (int64) that have all of `fields`, as many as wanted, in the order in which they are asked about."""
    complete = np.zeros(rows.rows, np.bool_)
    lacking = dict.fromkeys(fields, 0)
    for batch in _batches(rows, np.arange(rows.rows, dtype=np.int64), fields):
        for row, texts in batch:
            complete[row] = all(texts)
            for name, text in zip(fields, texts, strict=True):
                lacking[name] += not text
    for name, count in lacking.items():
        if count == rows.rows:
            raise _nowhere(rows, name)
    left_out = int((~complete).sum())
    if left_out == rows.rows:
        raise InputError(
            "no row has all of the texts",
            seen=", ".join(f"{count:,} rows lack {name}" for name, count in lacking.items()),
        )
    most = wanted.sample or rows.rows
    if wanted.precision and not wanted.stop:
        most = needed(wanted.precision)
        if rows.rows - left_out < most:
            half = Z95 / (2 * math.sqrt(rows.rows - left_out + Z95**2))
            notes.append(f"±{100 * wanted.precision:g} points take {most:,} pairs; these allow ±{100 * half:.1f}")
    if wanted.sample or wanted.precision:
        order = drawn(rows, rows.rows)
        return order[complete[order]][:most], left_out
    return np.flatnonzero(complete).astype(np.int64), left_out


def _nowhere(rows: Dataset, name: str) -> ConfigError:
    own = ("prompt", "response", "rejected", "source")  # "text" is all of them together
    given = [one for one in own if any(part.column(one).null_count < len(part) for part in rows)]
    texts = sorted({*given, *(field for field, kind in rows.fields.items() if kind == "string")})
    if name == "prompt":
        return ConfigError(
            "no row says what was asked", wanted=f"a field: {', '.join(texts)}"[:300], hint="--map prompt=FIELD"
        )
    if name in ("response", "rejected"):  # nobody named them
        hint = "name the fields that hold the answers: --a FIELD --b FIELD (one answer to grade: --a FIELD)"
        return ConfigError(f"no row has a text in {name!r}", hint=f"{hint}, of: {', '.join(texts)}"[:300])
    return ConfigError(f"no row has a text in {name!r}", hint=suggest(name, texts))


def _items(
    rows: Dataset, names: pa.ChunkedArray, chosen: npt.NDArray[np.int64], fields: Sequence[str], makers: tuple[str, ...]
) -> Iterator[Item]:
    for batch in _batches(rows, chosen, fields):
        called = names.take(pa.array([row for row, _ in batch])).to_pylist()
        for name, (_, (question, *outputs)) in zip(called, batch, strict=True):
            reference = outputs.pop() if len(outputs) > len(makers) else None
            yield Item(name, question, tuple(outputs), makers, reference)


def _batches(
    rows: Dataset, chosen: npt.NDArray[np.int64], fields: Sequence[str]
) -> Iterator[list[tuple[int, list[str]]]]:
    """(row, texts of its fields) by the batch; "" where there is none."""
    direct = [name for name in fields if name in ("prompt", "id") or (name in _CANONICAL and name not in rows.fields)]
    columns = [*direct, *(["meta"] if len(direct) < len(fields) else [])]
    for start in range(0, len(chosen), BATCH):
        some = chosen[start : start + BATCH]
        batch = []
        for row, record in zip(some.tolist(), rows.take(some, columns).to_pylist(), strict=True):
            meta: Mapping[str, Any] = orjson.loads(record["meta"]) if "meta" in record else {}
            texts = [record[name] if name in direct else meta.get(name) for name in fields]
            batch.append((row, [text if isinstance(text, str) and text.strip() else "" for text in texts]))
        yield batch
