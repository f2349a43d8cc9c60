"""Bounds judge what they were found with: by which embedder, and with which parameters of the check."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from auditor import fakes
from auditor.core.check import Context, Measure, Spec
from auditor.core.means import Means, Real, elsewhere, own, unlike, withheld
from auditor.model.result import Measured, Measurement, Metric, Status
from auditor.model.rows import Dataset


@dataclass(frozen=True)
class Embedded:
    scope: str = "text"
    words: tuple[str, ...] = ("a", "b")
    least: int = 3

    spec: ClassVar[Spec] = Spec(
        "embedded", "Embedded", (Measure("x", "share", "x"), Measure("y", "share", "y")), needs=("embeddings",)
    )


@dataclass(frozen=True)
class Worded(Embedded):
    spec: ClassVar[Spec] = Spec(
        "worded", "Worded", (Measure("x", "share", "x"), Measure("y", "ratio", "y", depends="real"))
    )


@dataclass(frozen=True)
class Own:
    threshold: float = field(default=0.0, metadata={"words": {0.0: "the embedder's own"}})

    spec: ClassVar[Spec] = Spec("own", "Own", (Measure("x", "share", "x"),), version=3)


def made(n: int, folder: Path, name: str) -> Dataset:
    return replace(fakes.dataset([{"prompt": f"{i}", "response": "a"} for i in range(n)], folder), name=name)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(space=fakes.space(tmp_path))


def by(context: Context) -> str:
    assert context.space is not None
    return f"{context.space.embedder.name}@{context.space.embedder.revision}"


def test_an_embedder_counts_for_checks_that_need_one(context: Context, tmp_path: Path) -> None:
    name = by(context).partition("@")[0]
    assert unlike(Embedded(), Means(by(context)), context, tmp_path) == ""
    assert unlike(Embedded(), Means(), context, tmp_path) == "", "nothing was said of it"
    revision = by(context).rpartition("@")[2]
    assert unlike(Embedded(), Means(f"../weights@{revision}"), context, tmp_path) == "", "from elsewhere"
    assert unlike(Embedded(), Means(f"https://host/v1#m@{revision}"), context, tmp_path), "there it is no digest"
    other = unlike(Embedded(), Means("m2v/potion@77"), context, tmp_path)
    assert other == (
        f"its bounds were found by the embedder m2v/potion@77, this audit uses {by(context)}: "
        f"calibrate with --embedder {name}, or audit with --embedder m2v/potion"
    )
    again = unlike(Embedded(), Means(f"{name}@older"), context, tmp_path)
    assert again.endswith(f"this audit uses {by(context)}: calibrate again")
    assert unlike(Worded(), Means("m2v/potion@77"), context, tmp_path) == ""
    assert unlike(Embedded(), Means("m2v/potion@77"), Context(), tmp_path) == "", "skipped for want of any"


@pytest.mark.parametrize("check", [Embedded, Worded])
def test_parameters_count_for_every_check(check: Any, context: Context, tmp_path: Path) -> None:
    def why(now: dict[str, Any], then: dict[str, Any]) -> str:
        return unlike(check(**now), Means(by(context), then), context, tmp_path)

    name = check.spec.name
    assert why({}, {}) == why({"scope": "prompt"}, {"scope": "prompt"}) == why({}, {"scope": "text"}) == ""
    assert why({"words": ("c",)}, {"words": ["c"]}) == ""
    assert why({"scope": "prompt"}, {}) == (
        f"its bounds were found with {name}.scope=text, this audit has {name}.scope=prompt: "
        f"audit with --set {name}.scope=text, or calibrate again"
    )
    assert f"found with {name}.least=4, {name}.words=c,d, this audit has {name}.least=3, {name}.words=a,b:" in why(
        {}, {"words": ["c", "d"], "least": 4}
    )
    gone = why({}, {"gone": 1})
    assert gone == f"its bounds were found with {name}.gone=1, this audit has {name}.gone=: calibrate again"


def test_a_value_that_stands_for_another_is_told_by_what_it_stands_for(tmp_path: Path) -> None:
    def why(now: float, then: float) -> str:
        return unlike(Own(now), Means("", {"threshold": then}), Context(), tmp_path)

    assert why(0.9, 0.9) == why(0, 0) == ""
    assert why(0, 0.9) == (
        "its bounds were found with own.threshold=0.9, this audit has own.threshold=0.0 (the embedder's own): "
        "audit with --set own.threshold=0.9, or calibrate again"
    )
    assert why(0.9, 0) == (
        "its bounds were found with own.threshold=0 (the embedder's own), this audit has own.threshold=0.9: "
        "audit with --set own.threshold=0, or calibrate again"
    )


def test_another_version_of_a_check_is_another_number(tmp_path: Path) -> None:
    assert unlike(Own(), Means(), Context(), tmp_path) == unlike(Own(), Means(version=3), Context(), tmp_path) == ""
    told = unlike(Own(), Means(version=2), Context(), tmp_path)
    assert told == "its bounds were found by version 2 of own, this is 3: calibrate again"


def test_other_real_rows_withhold_comparisons_alone(tmp_path: Path) -> None:
    rows, grown = (made(n, tmp_path / str(n), "people") for n in (60, 61))
    means = Means(real=replace(Real.of(rows), name="people@1"))
    assert elsewhere(means, rows) == elsewhere(means, None) == elsewhere(Means(), grown) == ""
    told = elsewhere(means, grown)
    assert told == (
        f"its bounds were found among people@1 (60 rows, {rows.digest[:19]}), this audit compares with "
        f"people (61 rows, {grown.digest[:19]}): calibrate again, or audit with --real people@1"
    )
    again = elsewhere(Means(real=replace(Real.of(rows), digest="sha256:0")), rows)
    assert again.endswith(f"people (60 rows, {rows.digest[:19]}): calibrate again, or read them as then (--map)")
    metrics = (Metric("worded.x", 0.5, "share", 9), Metric("worded.y", 0.5, "ratio", 9))
    outcome = Measured("worded", 1, {}, Measurement(metrics), Status.MEASURED, "", 0.0, 9)
    known = {"worded.x": means, "worded.y": means}
    found = withheld(Worded(), outcome, known, Context({"real": grown}), tmp_path).measurement
    assert found is not None
    assert found.metrics == (metrics[0], replace(metrics[1], value=None, why=told))
    assert withheld(Worded(), outcome, known, Context({"real": rows}), tmp_path) == outcome


@pytest.mark.parametrize(
    ("files", "name", "remedy"),
    [
        (("data/the rows.jsonl",), "the rows", "audit with --real 'data/the rows.jsonl'"),
        (("registered.jsonl",), "people@2", "audit with --real people@2"),
        (("a.jsonl", "b.jsonl"), "both", "audit with the real data of then"),
        (("<memory>",), "data", "audit with the real data of then"),
    ],
)
def test_what_real_rows_are_given_by_can_be_typed(
    files: tuple[str, ...], name: str, remedy: str, tmp_path: Path
) -> None:
    assert Real.of(replace(made(3, tmp_path, name), files=files)).remedy == remedy


def test_paths_of_a_workspace_are_the_same_in_another_checkout(tmp_path: Path) -> None:
    lists = tuple(str(tmp_path / "one" / "words" / name) for name in "ab")
    there = own(Worded(words=(*lists, "/elsewhere/c")), tmp_path / "one")
    assert there == {"words": ["words/a", "words/b", "/elsewhere/c"]}
    moved = tuple(path.replace("/one/", "/two/") for path in lists)
    assert unlike(Worded(words=(*moved, "/elsewhere/c")), Means("", there), Context(), tmp_path / "two") == ""
    assert own(Worded(), tmp_path) == {}


def test_only_what_those_bounds_judge_is_withheld(context: Context, tmp_path: Path) -> None:
    metrics = tuple(Metric(f"embedded.{name}", 0.5, "share", 9, low=0.4, high=0.6) for name in "xy")
    outcome = Measured("embedded", 1, {}, Measurement(metrics, notes=("seen",)), Status.MEASURED, "", 0.0, 9)
    known = {"embedded.x": Means("other@1")}
    found = withheld(Embedded(), outcome, known, context, tmp_path).measurement
    assert found is not None
    why = unlike(Embedded(), known["embedded.x"], context, tmp_path)
    assert found.metrics == (replace(metrics[0], value=None, low=None, high=None, why=why), metrics[1])
    assert found.notes == ("seen",)
    same = {"embedded.x": Means(by(context))}
    assert withheld(Embedded(), outcome, same, context, tmp_path) == outcome
    skipped = replace(outcome, measurement=None)
    assert withheld(Embedded(), skipped, known, context, tmp_path) is skipped
