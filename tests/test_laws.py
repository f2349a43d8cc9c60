"""Every registered check against every law, on rows drawn from its own cases, and on random ones."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import annotators, fakes
from auditor.core import laws
from auditor.core.check import Context, registered
from auditor.core.measure import missing
from auditor.engines.local import Local
from auditor.model.pedigree import Pedigree
from auditor.model.rows import Dataset
from auditor.model.verdicts import Coded, Verdicts
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests import lineages

CHECKS = registered()
KINSHIP = kinship.load(Workspace.find())
FOLDS = [name for name, cls in CHECKS.items() if hasattr(cls, "merge")]
PROGRAMS = [name for name, cls in CHECKS.items() if hasattr(cls, "run") and cls.spec.over == "rows"]
OVER_VERDICTS = [name for name, cls in CHECKS.items() if cls.spec.over == "verdicts"]
INSPECTIONS = [name for name, cls in CHECKS.items() if hasattr(cls, "inspect")]

WORDS = st.sampled_from(
    ["the", "cat", "sat", "on", "a", "mat", "As an AI language model", "été", "猫", "\n##", "", " "]
)
TEXT = st.lists(WORDS, max_size=30).map(" ".join)
RANDOM = st.fixed_dictionaries(
    {"prompt": TEXT, "response": TEXT, "generator": st.sampled_from(["a", "b", "c"])},
    optional={"id": st.sampled_from(["1", "2", "3"]), "rejected": TEXT},
)


OUTPUT = st.sampled_from(["", "yes", "one two three", "- a list\n- of two", "**bold** words and more of them"])
VERDICT = st.fixed_dictionaries(
    {
        "item": st.sampled_from(["q1", "q2", "q3"]),
        "verdict": st.sampled_from(["a", "b", "tie", "invalid"]),
        "judge": st.sampled_from(["x", "y", "a person"]),
    },
    optional={
        "a": st.sampled_from(["x", "m"]),
        "b": st.sampled_from(["m", "n"]),
        "first": st.sampled_from(["a", "b"]),
        "prompt": st.sampled_from(["p", "q"]),
        "strength": st.floats(-1, 1),
        "score_a": st.integers(1, 10),
        "score_b": st.integers(1, 10),
        "output_a": OUTPUT,
        "output_b": OUTPUT,
    },
).map(lambda record: {**record, "human": record["judge"] == "a person"})


def records(name: str) -> st.SearchStrategy[list[Mapping[str, Any]]]:
    spec = CHECKS[name].spec
    cases = [row for case in (*spec.fires, *spec.quiet) for row in case.rows]
    random = VERDICT if spec.over == "verdicts" else RANDOM
    one = random | st.sampled_from(cases) if cases else random
    return st.lists(one, min_size=1, max_size=24)


def prepared(rows: list[Mapping[str, Any]], folder: Path, name: str, shard_rows: int) -> Dataset:
    dataset = fakes.dataset(rows, folder, name="laws", shard_rows=shard_rows)
    wanted = sorted({"surface", "fields", *CHECKS[name].spec.annotations})
    dataset = annotators.annotate(dataset, wanted, cache=folder, engine=Local(1))
    return annotators.attribution(dataset, ("generator",) if "generator" in dataset.fields else ())


def beside(name: str, case: Any, folder: Path, pedigree: Pedigree | None) -> Context:
    """What a case gives a check to know beside its rows."""
    folder.mkdir(exist_ok=True)
    roles = {} if pedigree else case.references
    return Context(
        references={role: prepared(list(rows), folder / role, name, 1000) for role, rows in roles.items()},
        expectations=Workspace.find().expectations,
        scratch=folder,
        pedigree=pedigree,
        space=fakes.space(folder / "space"),
        history=case.history() if case.history else None,
        measured=case.measured() if case.measured else {},
    )


def known(name: str, case: Any, folder: Path) -> Pedigree | None:
    """The pedigree of a case, with the rows of its sources at hand."""
    if case.pedigree is None:
        return None
    sources = {
        ref: prepared(list(rows), folder / str(index), name, 1000)
        for index, (ref, rows) in enumerate(sorted(case.references.items()))
    }
    return fakes.at_hand(replace(case.pedigree(), kinship=KINSHIP), sources)


LAWS = settings(max_examples=15, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", FOLDS)
@LAWS
@given(data=st.data())
def test_folds_obey_the_laws(name: str, data: st.DataObject) -> None:
    drawn = data.draw(records(name))
    shard_rows = data.draw(st.integers(1, len(drawn)))
    with tempfile.TemporaryDirectory() as folder:
        whole = prepared(drawn, Path(folder) / "whole", name, len(drawn))
        parts = prepared(drawn, Path(folder) / "parts", name, shard_rows)
        check = CHECKS[name]()
        context = Context(expectations=Workspace.find().expectations)
        if missing(check, whole, context):
            return
        laws.fold_laws(check, whole.shard(0), list(parts), context)


@pytest.mark.parametrize("name", FOLDS)
def test_folds_measure_nothing_of_nothing(name: str) -> None:
    laws.empty_law(CHECKS[name](), Context())


@pytest.mark.parametrize("name", PROGRAMS)
@settings(parent=LAWS, max_examples=6)
@given(data=st.data())
def test_programs_obey_the_laws(name: str, data: st.DataObject) -> None:
    drawn = data.draw(records(name))
    with tempfile.TemporaryDirectory() as folder:
        sizes = sorted({1 + len(drawn) // 3, len(drawn)})
        shardings = [prepared(drawn, Path(folder) / str(size), name, size) for size in sizes]
        case = data.draw(st.sampled_from((*CHECKS[name].spec.fires, *CHECKS[name].spec.quiet)))
        pedigree = known(name, case, Path(folder) / "known")
        context = beside(name, case, Path(folder) / "beside", pedigree)
        if missing(CHECKS[name](), shardings[0], context):
            return
        laws.program_laws(CHECKS[name](), shardings, [Local(1), Local(3)], context)


@pytest.mark.parametrize("name", OVER_VERDICTS)
@LAWS
@given(data=st.data())
def test_rooms_over_verdicts_obey_the_laws(name: str, data: st.DataObject) -> None:
    verdicts = fakes.verdicts(data.draw(records(name)))
    order = np.array(data.draw(st.permutations(range(len(verdicts)))))
    with tempfile.TemporaryDirectory() as folder:
        context = Context(expectations=Workspace.find().expectations, scratch=Path(folder))
        laws.verdict_laws(CHECKS[name](), [verdicts, reordered(verdicts, order)], [Local(1), Local(3)], context)


@pytest.mark.parametrize("name", OVER_VERDICTS)
def test_rooms_over_verdicts_measure_nothing_of_nothing(name: str) -> None:
    measurement = CHECKS[name]().run(fakes.verdicts([]), Context(expectations=Workspace.find().expectations), Local(1))
    for metric in measurement.metrics:
        assert not metric.value, f"{metric.name} is {metric.value} of no verdicts"
        assert metric.value is not None or metric.why, f"{metric.name} has no value and no reason"


def reordered(verdicts: Verdicts, order: npt.NDArray[np.int64]) -> Verdicts:
    """The same verdicts, in another order of lines."""
    changed: dict[str, Any] = {}
    for one in fields(verdicts):
        value = getattr(verdicts, one.name)
        if isinstance(value, Coded):
            changed[one.name] = Coded(value.names, value.codes[order])
        elif isinstance(value, np.ndarray) and one.name != "humans":
            changed[one.name] = value[order]
        elif isinstance(value, pa.Table):
            changed[one.name] = value.take(pa.array(order))
    return replace(verdicts, **changed)


@pytest.mark.parametrize("name", INSPECTIONS)
@settings(parent=LAWS, max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_inspections_obey_the_laws(name: str, seed: int) -> None:
    cls = CHECKS[name]
    drawn = [case.pedigree() for case in (*cls.spec.fires, *cls.spec.quiet) if case.pedigree]
    for pedigree in (*drawn, lineages.random_pedigree(seed)):
        laws.inspection_laws(cls(), replace(pedigree, kinship=KINSHIP), seed)


CASES = [
    pytest.param(name, case, fires, id=f"{name}-{'fires' if fires else 'quiet'}-{index}")
    for name, cls in CHECKS.items()
    for fires, cases in ((True, cls.spec.fires), (False, cls.spec.quiet))
    for index, case in enumerate(cases)
]


@pytest.mark.parametrize(("name", "case", "fires"), CASES)
def test_cases_move_their_metric_or_leave_it(name: str, case: Any, fires: bool, tmp_path: Path) -> None:
    from auditor.core.check import build
    from auditor.core.measure import measure

    judged = CHECKS[name].spec.over == "verdicts"
    rows: Any = fakes.verdicts(case.rows) if judged else prepared(list(case.rows), tmp_path, name, 1000)
    pedigree = known(name, case, tmp_path)
    context = beside(name, case, tmp_path / "beside", pedigree)
    (measured,) = measure([build(name, case.parameters)], rows, context, Local(1))
    if measured.measurement is None:
        assert not fires, measured.why
        return
    values = {metric.name: metric.value for metric in measured.measurement.metrics}
    moved = {metric: value for metric, value in values.items() if value}
    if fires:
        assert case.moves in moved, f"{case.moves} should be above zero, moved: {moved}"
    else:
        assert not values.get(case.moves), f"{case.moves} should be zero"


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_is_documented_and_has_cases(name: str) -> None:
    cls = CHECKS[name]
    assert cls.spec.fires, f"{name} has no case that fires"
    assert cls.spec.quiet, f"{name} has no case that is quiet"
    assert len(cls.__doc__ or "") > 300, f"{name}: say what, why it matters, an example, the remedy and the source"
    names = [measure.name for measure in cls.spec.measures]
    assert len(set(names)) == len(names)
    assert any(measure.remedy for measure in cls.spec.measures), f"{name} names no remedy"
    assert not set(itertools.chain(cls.spec.reads)) - {
        "prompt", "response", "rejected", "text", "messages", "source", "meta", "id", "judge_accepted",
    }  # fmt: skip
