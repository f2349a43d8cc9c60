"""Judgement: exit codes, waivers, the baseline, and what is said."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from auditor.core.intervals import rate
from auditor.core.policy import Bound, Bounds, Policy
from auditor.core.verdict import Waiver, Waivers, by_check, foreign, judge, load_waivers
from auditor.model.errors import ConfigError
from auditor.model.result import Measured, Measurement, Metric, Record, Status, Verdict

TODAY = dt.date(2026, 11, 21)
POLICY = Policy("p", {"a.rate": Bounds((Bound(">", 0.02),), (Bound(">", 0.1),)), "b.rate": Bounds((Bound("<", 0.5),))})


def measured(value: float | None, check: str = "a", **more: Any) -> Measured:
    metric = Metric(f"{check}.rate", value, "share", 1000, why="" if value is not None else "no rows to measure")
    return Measured(check, 1, {"threshold": 0.8}, Measurement((metric,)), **more)


def skipped(check: str = "a", status: Status = Status.SKIPPED) -> Measured:
    return Measured(check, 1, {}, None, status, "needs 'real'")


def court(*outcomes: Measured, policy: Policy = POLICY, **more: Any) -> tuple[tuple[Verdict, ...], Status, int]:
    return judge(outcomes, policy, today=TODAY, dataset="sft-v3", **more)


def waiver(**more: Any) -> Waivers:
    given: dict[str, Any] = {"check": "a", "reason": "kept on purpose", "owner": "ana", "expires": TODAY}
    return Waivers((Waiver(**{**given, "dataset": "sft-*", **more}),))


def record(value: float | None, parameters: dict[str, Any] | None = None, version: int = 1) -> Record:
    metrics = {"a.rate": Metric("a.rate", value, "share", 1000)}
    check = {"name": "a", "version": version, "parameters": parameters or {"threshold": 0.8}}
    return Record({}, {}, {}, (check,), metrics, (), (), (), Status.PASS)


@pytest.mark.parametrize(
    ("outcomes", "status", "code"),
    [
        ([measured(0.02)], Status.PASS, 0),
        ([measured(0.05)], Status.WARN, 0),
        ([measured(0.2)], Status.FAIL, 1),
        ([measured(0.2), skipped("b", Status.ERROR)], Status.ERROR, 3),  # 3 over 1
        ([measured(0.01), skipped("b")], Status.PASS, 0),
        ([skipped("b")], Status.SKIPPED, 3),  # nothing ran: never green
        ([measured(None)], Status.SKIPPED, 3),
        ([], Status.SKIPPED, 3),
        ([measured(0.4, "b")], Status.WARN, 0),
        ([measured(9.0, "unbounded")], Status.MEASURED, 3),  # no bound was kept: no green light
        ([measured(9.0, "unbounded"), skipped("b")], Status.MEASURED, 3),
        ([measured(9.0, "unbounded"), measured(0.02)], Status.PASS, 0),
        ([measured(9.0, "unbounded"), measured(0.2)], Status.FAIL, 1),
        ([measured(9.0, "unbounded"), skipped("b", Status.ERROR)], Status.ERROR, 3),
        ([measured(None, "unbounded")], Status.SKIPPED, 3),
    ],
)
def test_the_exit_code(outcomes: list[Measured], status: Status, code: int) -> None:
    _, overall, exit_code = court(*outcomes)
    assert (overall, exit_code) == (status, code)


def beside(value: float | None, n: int = 1000, other: float | None = 0.96) -> Measured:
    """The bounded metric, and one that the policy says nothing of."""
    bounded = Metric("a.rate", value, "share", 0, why="nobody else judged")
    return Measured("a", 1, {}, Measurement((bounded, Metric("a.other", other, "share", n))))


def test_a_number_without_a_bound_is_measured_and_not_judged() -> None:
    verdicts, overall, code = court(beside(None))
    assert (overall, code) == (Status.MEASURED, 3)
    assert by_check(verdicts) == {"a": Status.MEASURED}
    assert [(v.metric, v.status, v.why) for v in verdicts] == [
        ("a.rate", Status.SKIPPED, "nobody else judged"),
        (None, Status.MEASURED, "measured, not judged: nothing that the policy 'p' bounds has a value"),
    ]
    assert court(beside(0.5))[1] is Status.FAIL  # a bound that is broken stays so
    for nothing in (beside(None, n=0, other=0.0), beside(None, other=None)):
        assert court(nothing)[1:] == (Status.SKIPPED, 3)


def test_a_check_that_the_policy_requires_is_not_done_by_a_number_without_a_bound() -> None:
    verdicts, overall, code = court(beside(None), policy=replace(POLICY, required=("a",)))
    assert (overall, code, [v.status for v in verdicts]) == (Status.ERROR, 3, [Status.SKIPPED])


def test_what_a_verdict_says() -> None:
    verdicts, _, _ = court(measured(0.2), measured(0.9, "b"), skipped("c"), measured(1.0, "d"))
    assert [(v.check, v.metric, v.status, v.observed, v.expected) for v in verdicts] == [
        ("a", "a.rate", Status.FAIL, 0.2, "<= 0.1"),
        ("b", "b.rate", Status.PASS, 0.9, ">= 0.5"),
        ("c", None, Status.SKIPPED, None, None),
        ("d", None, Status.MEASURED, None, None),
    ]
    assert [v.why for v in verdicts] == [
        "0.2 breaks the bound <= 0.1",
        "0.9 keeps the bound",
        "needs 'real'",
        "measured; the policy 'p' sets no bound",
    ]
    assert by_check(verdicts) == {"a": Status.FAIL, "b": Status.PASS, "c": Status.SKIPPED, "d": Status.MEASURED}


@pytest.mark.parametrize("outcomes", [[measured(0.0), skipped("r")], [measured(0.0)]], ids=["skipped", "left out"])
def test_a_required_check_that_did_not_run(outcomes: list[Measured]) -> None:
    verdicts, overall, code = court(*outcomes, policy=Policy("p", {}, ("r",)))
    assert (overall, code) == (Status.ERROR, 3)
    assert any(v.check == "r" and v.status is Status.SKIPPED and "requires" in v.why for v in verdicts)


def test_a_bound_that_was_not_measured_is_told() -> None:
    policy = Policy("p", {"a.rate": Bounds(fail=(Bound(">", 1),)), "a.other": Bounds(fail=(Bound(">", 1),))})
    verdicts, _, _ = court(measured(0.0), policy=policy)
    assert [(v.metric, v.status) for v in verdicts] == [("a.rate", Status.PASS), ("a.other", Status.SKIPPED)]


def test_an_interval_that_crosses_the_bound_is_told() -> None:
    few = Measured("a", 1, {}, Measurement((rate("a.rate", 3, 20),)))
    many = Measured("a", 1, {}, Measurement((rate("a.rate", 30_000, 200_000),)))
    assert "n = 20 is too few to be sure" in court(few)[0][0].why
    assert "too few" not in court(many)[0][0].why
    sized = Policy("p", {"a.rate": Bounds(fail=(Bound(">", 0.1),), size=20)})
    assert "too few" not in court(few, policy=sized)[0][0].why, "a bound found at a size allows for its chance"


def test_warnings_fail_where_asked_but_excused_ones_never() -> None:
    assert court(measured(0.05), fail_on="warn")[2] == 1
    assert court(measured(0.05), fail_on="warn", waivers=waiver())[2] == 0
    assert court(measured(0.2), fail_on="warn", waivers=waiver())[2] == 0
    assert court(measured(0.05), fail_on="warn", baseline=record(0.05))[2] == 0


@pytest.mark.parametrize(
    ("baseline", "status", "why"),
    [
        (record(0.25), Status.WARN, "no worse than the baseline's 0.25"),
        (record(0.2), Status.WARN, "no worse than the baseline's 0.2"),
        (record(0.199999), Status.FAIL, "worse than the baseline's 0.2"),
        (record(None), Status.FAIL, "it did not measure this"),
        (record(0.3, {"threshold": 0.5}), Status.FAIL, "other parameters (threshold)"),
        (record(0.3, version=2), Status.FAIL, "version 2"),
    ],
)
def test_the_ratchet(baseline: Record, status: Status, why: str) -> None:
    verdicts, overall, _ = court(measured(0.2), baseline=baseline)
    assert overall is status
    assert why in verdicts[0].why


def test_a_waiver_holds_through_its_last_day() -> None:
    verdicts, overall, code = court(measured(0.2), waivers=waiver())
    assert (overall, code) == (Status.WARN, 0)
    assert "waived until 2026-11-21 by ana: kept on purpose" in verdicts[0].why
    verdicts, _, code = court(measured(0.2), waivers=waiver(expires=TODAY - dt.timedelta(1)))
    assert code == 1
    assert "expired on 2026-11-20" in verdicts[0].why


def test_a_waiver_covers_what_it_names() -> None:
    assert court(measured(0.2), waivers=waiver(dataset="other"))[2] == 1
    assert court(measured(0.2), waivers=waiver(metric="a.other"))[2] == 1
    assert court(measured(0.2), waivers=waiver(dataset="sha256:ab"), digest="sha256:ab")[2] == 0
    assert court(skipped("a", Status.ERROR), waivers=waiver())[2] == 3  # an error cannot be waived


@pytest.mark.parametrize(
    ("outcome", "told"),
    [(measured(0.0), True), (measured(0.2), False), (skipped(), False), (measured(0.9, "b"), False)],
)
def test_a_waiver_that_forgives_nothing_is_a_warning_and_fails_no_gate(outcome: Measured, told: bool) -> None:
    verdicts, overall, code = court(outcome, measured(0.9, "b"), waivers=waiver(), fail_on="warn")
    stale = [v for v in verdicts if v.why.startswith("stale waiver: the waiver of a by ana (kept on purpose)")]
    assert [(v.check, v.metric, v.status) for v in stale] == ([("a", None, Status.WARN)] if told else [])
    assert code == 0
    assert (overall is Status.WARN) == (told or (outcome.check == "a" and outcome.measurement is not None))
    other = court(outcome, waivers=waiver(dataset="other"))[0]
    assert not any(v.why.startswith("stale") for v in other)  # it is another dataset's to say


def test_a_stale_waiver_is_no_judgement() -> None:
    verdicts, overall, code = court(measured(9.0, "d"), waivers=waiver(check="d"))
    assert [v.status for v in verdicts] == [Status.MEASURED, Status.WARN]
    assert (overall, code) == (Status.MEASURED, 3)


def test_a_required_check_without_a_bound_has_to_measure() -> None:
    policy = replace(POLICY, required=("d",))
    assert court(measured(0.02), measured(9.0, "d"), policy=policy)[1:] == (Status.PASS, 0)
    assert court(measured(0.02), measured(None, "d"), policy=policy)[1:] == (Status.ERROR, 3)


def test_a_baseline_of_another_dataset_is_told() -> None:
    def of(name: str, digest: str) -> Record:
        return replace(record(0.1), dataset={"name": name, "digest": digest, "rows": 1200})

    assert foreign(of("sft-v3", "sha256:old"), "sft-v3", "sha256:new") == ""
    assert foreign(of("renamed", "sha256:new"), "sft-v3", "sha256:new") == ""
    told = foreign(of("other", "sha256:old"), "sft-v3", "sha256:new")
    assert told == "the baseline is of another dataset: 'other' (1,200 rows), and this is 'sft-v3'"
    verdicts, _, _ = court(measured(0.2), baseline=of("other", "sha256:old"), digest="sha256:new")
    assert verdicts[0].why.endswith("worse than the baseline's (of another dataset) 0.1")


@pytest.mark.parametrize(
    ("rows", "metric", "code"),
    [
        (("x", "y"), "a.rate", 0),
        (("x", "y", "z"), "a.rate", 0),
        (("x",), "a.rate", 1),
        (("x", "y"), "a.part", 0),  # the rate's own findings stand under its parts
        (("y",), "a.part", 1),
    ],
)
def test_a_waiver_of_rows_must_cover_all_found(rows: tuple[str, ...], metric: str, code: int) -> None:
    table = pa.table({"check": ["a", "a", "b"], "metric": [metric, metric, "b.rate"], "id": ["x", "y", "q"]})
    given = waiver(dataset=None, rows=rows)
    assert court(measured(0.2), waivers=given, findings=lambda: table)[2] == code
    assert court(measured(0.2), waivers=given, findings=lambda: table.slice(0, 0))[2] == 1
    assert court(measured(0.2), waivers=given)[2] == 1


def test_waivers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(
        "- check: a\n  metric: a.rate\n  rows: [17, x]\n  reason: why\n  owner: ana\n  expires: 2027-03-31\n"
        "- {check: b, dataset: '*', reason: why, owner: bo, expires: '2027-01-01'}\n"
    )
    waivers = load_waivers(path, ["a", "b"], ["a.rate"])
    assert waivers.entries[0].rows == ("17", "x")
    assert waivers.described()[0]["expires"] == "2027-03-31"
    assert waivers.entries[1].expires == dt.date(2027, 1, 1)


REST = "reason: r, owner: o, expires: 2027-01-01"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"- {{check: aa, dataset: d, {REST}}}", "unknown name 'aa'"),
        (f"- {{check: a, dataset: d, metric: b.rate, {REST}}}", "has no metric 'b.rate'"),
        (f"- {{check: a, dataset: d, metric: a.rat, {REST}}}", "did you mean 'a.rate'"),
        (f"- {{check: a, dataest: d, {REST}}}", "did you mean 'dataset'"),
        (f"- {{check: a, {REST}}}", "what it covers"),
        ("- {check: a, dataset: d, reason: r, owner: o}", "has no 'expires'"),
        ("- {check: a, dataset: d, reason: r, owner: o, expires: soon}", "not a date"),
        ("- {check: a, dataset: d, reason: r, owner: o, expires: 2027-02-30}", "not a"),
        ("- {check: a, dataset: d, reason: r, owner: o, expires: 2027-01-01T00:00:00}", "must be a date"),
        ("- {check: a, dataset: d, reason: '', owner: o, expires: 2027-01-01}", "not empty"),
        ("check: a", "must be a list"),
    ],
)
def test_a_wrong_waiver_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"waivers\.yaml:1") as caught:
        load_waivers(path, ["a", "b"], ["a.rate", "b.rate"])
    assert message in str(caught.value)
