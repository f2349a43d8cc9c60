"""What every check must obey, as functions that raise AssertionError with the law's name.

For a fold: splitting the rows and merging measures like the whole; merge is associative and
commutative with `empty()` as identity; the second argument is untouched; a state survives storage.
For a program: the same measurement for every sharding and number of threads; for one over verdicts, for every order
of them. For an inspection: the same measurement however the graph is listed, and every fault at a node of it. The
project's tests run them against every registered check with Hypothesis; third-party checks can call them the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from auditor.core.check import Context, Engine
from auditor.core.state import decode, encode
from auditor.model.graph import Graph
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement
from auditor.model.rows import Dataset, Rows
from auditor.model.verdicts import Verdicts


def fold_laws(check: Any, whole: Rows, parts: Sequence[Rows], context: Context) -> None:
    """`parts` are consecutive pieces of `whole`, some possibly empty."""

    def of(rows: Rows) -> Any:
        return check.update(check.empty(), rows)

    def measured(state: Any) -> Measurement:
        measurement: Measurement = check.measure(state, {}, context)
        return measurement

    expected = measured(of(whole))
    left_to_right = check.empty()
    for part in parts:
        left_to_right = check.merge(left_to_right, of(part))
    _same("split: folding parts and merging measures like the whole", measured(left_to_right), expected)

    in_place = check.empty()
    for part in parts:
        in_place = check.update(in_place, part)
    _same("update: folding parts one after another measures like the whole", measured(in_place), expected)

    right_to_left = check.empty()
    for part in reversed(parts):
        right_to_left = check.merge(of(part), right_to_left)
    _same("associative: merging from the right measures the same", measured(right_to_left), expected)

    reversed_order = check.empty()
    for part in reversed(parts):
        reversed_order = check.merge(reversed_order, of(part))
    _same("commutative: merging in another order measures the same", measured(reversed_order), expected)

    _same("identity: empty on the left changes nothing", measured(check.merge(check.empty(), of(whole))), expected)
    _same("identity: empty on the right changes nothing", measured(check.merge(of(whole), check.empty())), expected)

    right = of(whole)
    before = encode(right)
    check.merge(of(parts[0]), right)
    _same("second argument: merge leaves it untouched", encode(right), before)

    stored = decode(before, type(right))
    _same("storage: a state decodes to what was encoded", encode(stored), before)
    _same("storage: a stored state merges like a fresh one", measured(check.merge(check.empty(), stored)), expected)


def empty_law(check: Any, context: Context) -> None:
    """Measuring nothing gives metrics with reasons, or declines; it never divides by zero."""
    measurement = check.measure(check.empty(), {}, context)
    for metric in measurement.metrics:
        assert metric.value is None or metric.value == 0, f"empty: {metric.name} is {metric.value} of no rows"
        assert metric.value is not None or metric.why, f"empty: {metric.name} has no value and no reason"


def program_laws(check: Any, shardings: Sequence[Dataset], engines: Sequence[Engine], context: Context) -> None:
    """`shardings` hold the same rows in the same order, cut into shards differently."""
    expected: Measurement | None = None
    for dataset in shardings:
        for engine in engines:
            measurement = check.run(dataset, context, engine)
            if expected is None:
                expected = measurement
            law = f"sharding: {len(dataset.shards)} shards on {engine.threads} threads measure the same"
            _same(law, _comparable(measurement), _comparable(expected))


def verdict_laws(check: Any, orders: Sequence[Verdicts], engines: Sequence[Engine], context: Context) -> None:
    """`orders` hold the same verdicts, in different orders. Tables for `locate` and columns follow the order."""
    expected: Measurement | None = None
    for verdicts in orders:
        for engine in engines:
            measurement = replace(check.run(verdicts, context, engine), tables={}, columns={})
            if expected is None:
                expected = measurement
            _same("order: verdicts listed otherwise measure the same", _comparable(measurement), _comparable(expected))
    for metric in expected.metrics if expected else ():
        assert metric.value is not None or metric.why, f"unknown: {metric.name} has no value and no reason"


def inspection_laws(check: Any, pedigree: Pedigree, seed: int) -> None:
    """The graph of `pedigree` is listed in another order, drawn from `seed`."""
    graph = pedigree.graph
    mixed = sorted(graph.nodes, key=lambda node: hashlib.sha256(f"{seed}{node}".encode()).digest())
    edges = sorted(graph.edges, key=lambda edge: hashlib.sha256(f"{seed}{edge}".encode()).digest())
    other = Graph({node: graph.nodes[node] for node in mixed}, tuple(edges))
    expected = check.inspect(Context(pedigree=pedigree))
    measurement = check.inspect(Context(pedigree=replace(pedigree, graph=other)))
    _same("order: a graph listed otherwise measures the same", _comparable(measurement), _comparable(expected))
    _same(
        "again: the same pedigree measures the same",
        _comparable(check.inspect(Context(pedigree=pedigree))),
        _comparable(expected),
    )
    for metric in expected.metrics:
        assert metric.value is not None or metric.why, f"unknown: {metric.name} has no value and no reason"
    faults = expected.tables.get("faults")
    for node in faults.column("related_dataset").to_pylist() if faults is not None else ():
        assert node in graph.nodes, f"faults: {node!r} is no node of the graph"


def _comparable(measurement: Measurement) -> tuple[Any, ...]:
    tables = {name: table.to_pydict() for name, table in sorted(measurement.tables.items())}
    columns = {name: column.tobytes() for name, column in sorted(measurement.columns.items())}
    return (
        measurement.metrics,
        measurement.slices,
        measurement.distributions,
        measurement.notes,
        measurement.exhibits,
        tables,
        columns,
        dict(measurement.artifacts),
        measurement.ladder,
        measurement.vocabularies,
    )


def _same(law: str, seen: Any, wanted: Any) -> None:
    assert seen == wanted, f"{law}\n  seen:   {seen!r}\n  wanted: {wanted!r}"
