"""What is chosen for every face, held against a plain reading of the same tables."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import binomtest

import auditor
from auditor.model.result import Exhibit, Metric, Status, Verdict
from auditor.reports import exhibits, render, shortage, text, wording
from auditor.reports.decisions import Decision
from auditor.reports.examples import relative
from auditor.reports.view import View
from tests.reports import made


def test_failed_checks_come_first(view: View) -> None:
    assert [s.status for s in view.sections] == sorted(
        (s.status for s in view.sections), key=["fail", "error", "warn", "pass", "measured", "skipped"].index
    )
    assert view.sections[0].name == "near-duplicates"
    assert view.counts[Status.FAIL] == 3
    assert view.summary == (
        "3 failed, 1 warned, 3 kept their bounds, 1 measured but not judged, 1 skipped of 9 checks on 600 rows"
    )


def test_the_metric_furthest_past_its_bound_decides(view: View) -> None:
    refusals = next(s for s in view.sections if s.name == "refusals-and-artifacts")
    # 4/600 against 0.001 is 6.7 times the bound, 10/600 against 0.01 only 1.7 times.
    assert refusals.deciding is not None
    assert refusals.deciding.metric.name == "refusals_and_artifacts.template"
    assert refusals.remedy == "Mend the template and regenerate."


def test_culprits_are_groups_whose_interval_clears_the_whole(view: View) -> None:
    near = view.sections[0]
    overall = view.record.metrics["near_duplicates.rate"]
    expected = {
        (s.by, s.group)
        for s in view.record.slices
        if s.metric.name == overall.name and (s.metric.low or 0) > (overall.high or 0)
    }
    assert {(c.slice.by, c.slice.group) for c in near.culprits} == expected == {("generator", "small-model-v2")}
    truncated = next(s for s in view.sections if s.name == "record-integrity")
    assert truncated.culprits == ()


def test_a_lower_bound_names_the_groups_that_fall_short(view: View) -> None:
    record = view.record
    turned = tuple(
        replace(v, status=Status.FAIL, expected=">= 0.5") if v.metric == "near_duplicates.rate" else v
        for v in record.verdicts
    )
    near = replace(view, record=replace(record, verdicts=turned)).sections[0]
    assert [c.slice.group for c in near.culprits] == ["large-model-v1"]


@pytest.mark.parametrize("top", [0, 1, 3, 20, 10_000])
def test_findings_are_cut_at_top_and_counted_in_full(view: View, top: int) -> None:
    for section in replace(view, top=top).sections:
        total = view.findings.filter(pc.equal(view.findings.column("check"), section.name)).num_rows
        assert section.findings == total
        assert sum(section.by_metric.values()) == total
        assert len(section.examples) == min(top, total)


def test_each_cluster_is_shown_before_any_twice_the_largest_first(view: View) -> None:
    table = view.findings.filter(pc.equal(view.findings.column("check"), "near-duplicates")).to_pylist()
    best: dict[int, tuple[int, float]] = {}
    for row in table:
        size, score = best.get(row["cluster"], (0, 0.0))
        best[row["cluster"]] = (size + 1, max(score, row["score"]))
    shown = replace(view, top=len(best)).sections[0].examples
    assert [best[e.cluster or 0][0] for e in shown] == sorted((size for size, _ in best.values()), reverse=True)
    assert [(best[e.cluster or 0][0], e.score) for e in shown] == sorted(best.values(), reverse=True)
    assert {e.cluster for e in shown} == set(best)


def test_every_fault_of_a_check_is_shown(view: View) -> None:
    section = next(s for s in replace(view, top=4).sections if s.name == "refusals-and-artifacts")
    assert {e.label for e in section.examples} == {"template", "refusals"}


def test_a_row_with_several_faults_is_shown_once_before_any_twice(view: View) -> None:
    rows = made.chats()
    metrics = ("record_integrity.truncated", "record_integrity.mojibake")
    found = [made.finding(rows, row, metric, "seen") for metric in metrics for row in (3, 4, 5)]
    table = pa.Table.from_pylist(found, view.findings.schema)
    section = next(s for s in replace(view, findings=table, top=4).sections if s.name == "record-integrity")
    assert [e.row for e in section.examples[:3]] == [3, 4, 5]
    assert len(section.examples) == 4


def test_a_pair_that_begins_alike_is_shown_where_it_parts(view: View) -> None:
    example = view.sections[0].examples[0]
    assert example.shown is not None
    assert example.partner is not None
    head = "the same beginning " * 20
    pair = replace(
        example,
        shown=replace(example.shown, text=head + "one end"),
        partner=replace(example.partner, text=head + "another end"),
    )
    assert pair.seen.startswith("… ")
    assert pair.seen.endswith("the same beginning one end")
    assert pair.seen_of_partner.endswith("the same beginning another end")
    assert len(pair.seen) < 80
    copy = replace(pair, partner=replace(example.partner, text=head + "one end"))
    assert copy.seen == copy.evidence
    assert copy.seen_of_partner == ""


def test_unlike_evidence_is_shown_before_the_same_again(view: View) -> None:
    rows = made.chats()
    metric = "refusals_and_artifacts.refusals"
    found = [made.finding(rows, row, metric, "other" if row == 40 else "same") for row in range(60)]
    table = pa.Table.from_pylist(found, view.findings.schema)
    section = next(s for s in replace(view, findings=table, top=3).sections if s.name == "refusals-and-artifacts")
    assert [e.row for e in section.examples] == [0, 40, 1]


def test_the_rate_of_several_faults_takes_the_remedy_of_the_commonest(view: View) -> None:
    verdicts = tuple(
        replace(v, metric="record_integrity.rate") if v.metric == "record_integrity.truncated" else v
        for v in view.record.verdicts
    )
    section = next(
        s
        for s in replace(view, record=replace(view.record, verdicts=verdicts)).sections
        if s.name == "record-integrity"
    )
    assert section.deciding is not None
    assert section.deciding.label == "rate"
    assert section.remedy == "Raise max_tokens and regenerate."


def test_examples_carry_the_text_of_both_rows(view: View) -> None:
    rows = made.chats()
    example = view.sections[0].examples[0]
    assert example.shown is not None
    assert example.partner is not None
    assert example.related is not None
    assert example.shown.prompt == rows[example.row]["prompt"]
    assert example.partner.response == rows[example.related]["response"]
    assert example.partner.place == f"data.jsonl:{example.related + 1}"
    assert example.by == (("generator", "small-model-v2"),)


def test_cluster_sizes_are_counted_from_the_findings(view: View) -> None:
    table = view.findings.filter(pc.equal(view.findings.column("check"), "near-duplicates"))
    clusters = table.column("cluster").to_pylist()
    expected = sorted((clusters.count(c) for c in set(clusters)), reverse=True)
    assert list(view.sections[0].clusters) == expected


def test_what_the_judge_said_beside_the_bound_is_told(view: View) -> None:
    assert view.sections[0].deciding is not None
    assert (
        view.sections[0].deciding.remarks == "The waiver of near-duplicates by ana (on purpose) expired on 2026-10-31"
    )
    good = next(s.name for s in view.sections if s.status is Status.PASS)
    stale = Verdict(good, None, Status.WARN, None, None, "stale waiver: remove it")
    record = view.record
    checks = tuple({**c, "status": "warn"} if c["name"] == good else c for c in record.checks)
    turned = replace(view, record=replace(record, verdicts=(*record.verdicts, stale), checks=checks))
    section = next(s for s in turned.sections if s.name == good)
    assert (section.reason, section.asides) == ("stale waiver: remove it", ())
    assert "stale waiver: remove it" in text(turned)
    failed = replace(view, record=replace(record, verdicts=(*record.verdicts, replace(stale, check="near-duplicates"))))
    assert failed.sections[0].reason == view.sections[0].reason
    assert failed.sections[0].asides == ("stale waiver: remove it",)
    assert all("stale waiver: remove it" in render(face, failed) for face in ("text", "html", "markdown"))


def test_required_checks_that_did_not_run_are_named_on_the_summary_line(view: View) -> None:
    skipped = next(s.name for s in view.sections if s.status is Status.SKIPPED)
    policy = {**view.record.policy, "required": [skipped, "left-out", "near-duplicates"]}
    named = replace(view, record=replace(view.record, policy=policy))
    assert named.summary == f"{view.summary}; required and not measured: {skipped}, left-out"
    assert f"{skipped}, left-out" in text(named, width=300, quiet=True)


def test_a_pass_on_few_rows_says_that_it_is_of_few_rows(tmp_path: Path) -> None:
    """Whatever runs on 200 rows and not on one has too few; so have rates whose bound one row cannot keep."""
    rows = [{"prompt": f"Say {i} in other words.", "response": f"It is {i * i}, or so I think."} for i in range(200)]
    rates = {"exact-duplicates": 0.005, "language-mix": 0.02, "near-duplicates": 0.02, "repetition": 0.01}
    only = (*rates, "low-lexical-diversity", "off-topic-responses", "templated-text", "lost-tails")
    one, many = (auditor.audit(some, name="few", out=tmp_path / f"{len(some)}", only=only) for some in (rows[:1], rows))
    one, many = (replace(report, view=whole(report.view)) for report in (one, many))
    ran = [{s.name for s in report.view.sections if s.status is not Status.SKIPPED} for report in (one, many)]
    starved = {section.name for section in one.view.sections if section.starved}
    assert starved == (ran[1] - ran[0]) | rates.keys()
    assert "lost-tails" not in starved  # it wants real data, not rows
    assert one.verdict is Status.PASS
    told = f"Nothing found, but 1 row is too few for {len(starved)} of {len(ran[0] | starved)} checks"
    assert one.view.headline == told
    assert f"on 1 row, too few for {len(starved)} of them" in one.view.summary
    for name in ("text", "html", "markdown", "github", "junit"):
        assert told in one.render(name)
    few = {section.name for section in many.view.sections if section.starved and section.status is Status.PASS}
    upper = {name: binomtest(0, 200).proportion_ci(method="wilson").high for name in rates}
    assert few == {name for name, bound in rates.items() if upper[name] > bound} & {
        section.name for section in many.view.sections if section.status is Status.PASS
    }


def test_whose_rows_are_too_few_is_told(tmp_path: Path) -> None:
    """Ten real rows beside 200; 200 rows that are all copies of real ones."""
    rows = [{"prompt": f"Say {i} in other words.", "response": f"It is {i * i}, or I think so."} for i in range(200)]
    only = ("exact-duplicates", "feature-drift", "tells-of-synthesis")
    policy = tmp_path / "policy.yaml"
    policy.write_text('name: p\nmetrics:\n  exact_duplicates.rate: {warn: "> 0.5"}\n')
    told = {
        10: ("10 real rows are too few for 2 of 3 checks", "too few real rows for 2 of them"),
        200: ("too few of the rows can be compared for 1 of 2 checks", "too few left for 1 of them"),
    }
    for real, (headline, summary) in told.items():
        given = {"name": "few", "out": tmp_path / f"{real}", "only": only, "policy": str(policy)}
        report = auditor.audit(rows, real=rows[:real], **given)
        view = whole(report.view)
        assert report.verdict is Status.PASS
        assert view.headline == f"Nothing found, but {headline}"
        assert f"on 200 rows, {summary}" in view.summary


def test_a_pass_says_that_bounds_were_found_otherwise(tmp_path: Path) -> None:
    """Exact duplicates are judged; patterns are not, for their bounds hold for another version of the check. A bound
    that was found at a size allows for its chance: 60 rows are enough for it."""
    rows = [{"text": f"About {i} and {i * i}."} for i in range(60)]
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: p\nsize: 60\nfound_with:\n  versions: {few-patterns: 1}\n"
        'metrics:\n  exact_duplicates.rate: {fail: "> 0.001"}\n  few_patterns.patterns_per_row: {fail: "< 0.001"}\n'
    )
    only = ("exact-duplicates", "few-patterns")
    report = auditor.audit(rows, name="d", out=tmp_path / "out", only=only, policy=str(policy))
    assert report.verdict is Status.PASS
    view = whole(report.view)
    how = "bounds found by another version of the check"
    assert view.headline == f"Nothing found, but 1 of 2 checks is not judged in full: {how}"
    assert f"{how} for 1 of them" in view.summary
    scarce = replace(view, record=replace(view.record, policy={"name": "p", "digest": ""}))
    assert (
        scarce.headline
        == f"Nothing found, but 60 rows are too few for 1 of 2 checks, and 1 is not judged in full: {how}"
    )


def test_a_check_says_which_of_its_numbers_were_not_judged(tmp_path: Path) -> None:
    """Patterns for a row are judged, their number beside the real rows' is not: those rows are other ones."""
    rows = [{"text": f"{word} {i} and {i * i}."} for i in range(60) for word in ("About", "Of")]
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "name: p\nsize: 60\nfound_with:\n"
        f"  real: {{name: r.jsonl, rows: 70, digest: 'sha256:{'0' * 64}'}}\nmetrics:\n"
        '  few_patterns.effective_patterns: {fail: "< 0.001"}\n  few_patterns.ratio_to_real: {fail: "< 0.001"}\n'
    )
    real = [{"text": f"On {i} or {i + 3}."} for i in range(90)]
    report = auditor.audit(rows, real=real, name="d", out=tmp_path / "out", only=("few-patterns",), policy=str(policy))
    (section,) = report.view.sections
    assert section.status is Status.PASS
    told = (
        "; ratio to real not judged, bounds found among other real rows: calibrate again, or audit with --real r.jsonl"
    )
    assert section.reason.endswith(told)
    assert "bounds found among other real rows" in whole(report.view).headline


@pytest.mark.parametrize(
    ("why", "rows", "real", "whose"),
    [
        ("needs at least 50 rows with a text a side, has 1,500 in the data and 10 in the real data", 1500, 10, "real"),
        ("needs at least 50 rows with a text a side, has 0 and 0, without 99 copies of real rows", 99, 99, "left"),
        ("needs at least 100 rows and as many real ones, has 7 and 2,000", 7, 2000, "data"),
        ("needs at least 1,000 words on both sides, has 900 and 4,000", 150, 2000, "data"),
        ("needs n >= 1,000 (rows a side that bounds were found at), has 3,000 and 500 real ones", 3000, 500, "real"),
        ("needs at least 50 rows with a prompt and an answer, has 3", 1500, 0, "left"),
        ("12 rows are too few to tell: 100 are needed", 12, 0, "data"),
    ],
)
def test_whose_rows_a_check_found_too_few(why: str, rows: int, real: int, whose: str) -> None:
    assert shortage.whose(why, rows, real) == whose


FACES = ("text", "html", "markdown", "github", "junit", "sarif")


def whole(view: View) -> View:
    """As of an audit that left no check out."""
    policy = {name: value for name, value in view.record.policy.items() if name != "left_out"}
    return replace(view, record=replace(view.record, policy=policy))


def unjudged(view: View, *, bounded: bool) -> View:
    """As where one check alone measured, without a bound, or without a value for its bound."""
    check = next(check for check in view.record.checks if check["name"] == "few-patterns")
    metrics = {name: m for name, m in view.record.metrics.items() if name.startswith("few_patterns.")}
    verdicts = tuple(v for v in view.record.verdicts if v.check == "few-patterns")
    if bounded:
        metrics["few_patterns.largest"] = Metric("few_patterns.largest", None, "share", 0, "under 1,000 rows")
        lacking = Verdict("few-patterns", "few_patterns.largest", Status.SKIPPED, None, None, "under 1,000 rows")
        verdicts = (lacking, *verdicts)
    record = replace(view.record, checks=(check,), metrics=metrics, verdicts=verdicts, verdict=Status.MEASURED)
    return replace(view, record=record, findings=view.findings.slice(0, 0))


@pytest.mark.parametrize("bounded", [False, True])
def test_where_nothing_was_judged_no_face_says_pass(view: View, bounded: bool) -> None:
    said = unjudged(view, bounded=bounded)
    assert (said.label, said.headline) == ("MEASURED", "Nothing was judged")
    assert said.summary == "1 measured but not judged of 1 check on 600 rows"
    why = "not judged: largest has no value, under 1,000 rows" if bounded else "no bound in the policy"
    assert said.sections[0].reason == f"patterns 212, {why}"
    assert said.advice.startswith("Give what the bounded numbers lack" if bounded else "Give a policy with bounds")
    for face in FACES:
        seen = " ".join(re.sub(r"(?s)<style>.*?</style>", "", render(face, said)).split())
        assert "Nothing was judged" in seen
        assert said.advice.partition("`")[0] in seen
        assert not re.search(r"\bpass(ed)?\b|✅|Nothing found", seen, re.IGNORECASE)
    assert render("github", said).startswith("::error title=auditor::Nothing was judged")
    assert render("junit", said).count("<skipped") == 1
    assert json.loads(render("sarif", said))["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_where_nothing_was_measured_the_faces_say_what_to_do(view: View) -> None:
    said = replace(view, record=replace(view.record, verdict=Status.SKIPPED))
    assert said.headline == "Nothing was measured"
    assert all("Give what the checks say they need" in " ".join(render(face, said).split()) for face in FACES)


@pytest.mark.parametrize(
    ("verdict", "headline"),
    [
        (Status.PASS, "Nothing found; no verdict on the dataset"),
        (Status.WARN, "Something to look at; no verdict on the dataset"),
        (Status.FAIL, "Faults found; no verdict on the dataset"),
        (Status.MEASURED, "Nothing was judged"),
        (Status.ERROR, "This audit is incomplete"),
    ],
)
def test_an_audit_of_some_checks_is_no_verdict_on_the_dataset(view: View, verdict: Status, headline: str) -> None:
    policy = {**view.record.policy, "left_out": ["expired", "self-judged"]}
    part = replace(view, record=replace(view.record, policy=policy, verdict=verdict))
    label = f"{verdict.value.upper()} (9 of 11 checks)"
    assert (part.label, part.headline) == (label, headline)
    for face in ("text", "html", "markdown", "github"):
        seen = render(face, part)
        assert label in seen
        assert headline in seen
        assert "train on this" not in seen
    assert (part.tone is Status.PASS, "### ✅" in render("markdown", part)) == (False, False)
    assert '<section class="verdict pass"' not in render("html", part)


def test_a_baseline_of_another_dataset_is_told(view: View) -> None:
    why = "the baseline is of another dataset: 'x' (5 rows), and this is 'y'"
    named = replace(view, record=replace(view.record, baseline={"file": "a.json", "dataset": "x", "why": why}))
    assert why in text(named, width=120)
    assert "another dataset" in render("html", named)
    assert "another dataset" in render("markdown", named)


def test_what_it_was_held_against_is_named_once(view: View) -> None:
    assert view.against == "against human (real, 200 rows)"
    real = {"dataset": {"name": "real", "rows": 1}, "metrics": {}}
    assert replace(view, record=replace(view.record, references={"real": real})).against == "against real (1 row)"
    assert replace(view, record=replace(view.record, references={})).against == ""


def test_an_audit_without_findings_or_rows_has_a_view(view: View) -> None:
    empty = replace(view, findings=view.findings.slice(0, 0))
    assert all(section.examples == () and section.findings == 0 for section in empty.sections)


def test_no_absolute_path_gets_into_a_report(tmp_path: Path) -> None:
    assert relative("data/a.jsonl") == "data/a.jsonl"
    assert relative(str(Path.cwd() / "data" / "a.jsonl")) == "data/a.jsonl"
    assert relative("/home/ana/secret project/a.jsonl") == "a.jsonl"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "share", "0%"),
        (0.0, "share", "0%"),
        (0.05, "share", "5%"),
        (0.1234, "share", "12.3%"),
        (0.03333, "share", "3.33%"),
        (0.00001, "share", "<0.01%"),
        (1.0, "share", "100%"),
        (0.99999, "share", ">99.9%"),
        (12_400, "rows", "12,400 rows"),
        (3.14159, "characters", "3.14 characters"),
        (12345.6, "", "12,346"),
        (None, "share", "not measured"),
        (-0.25, "share", "-25%"),
        (0.0, "probability", "<1e-300"),
        (5e-324, "p-value", "<1e-300"),
        (3.21e-45, "probability", "3.21e-45"),
        (0.002, "probability", "0.002"),
    ],
)
def test_numbers_in_words(value: float | None, unit: str, words: str) -> None:
    assert wording.quantity(value, unit) == words


@pytest.mark.parametrize(("value", "low", "high", "words"), [
    (1.0, 0.99998, 1.0, ""),  # an AUC: its interval is no rate's
    (0.25, *binomtest(100, 400).proportion_ci(method="wilson"), "100 of 400"),
    (0.25, None, None, "100 of 400"),
    (0.2511, None, None, ""),
])  # fmt: skip
def test_rows_are_told_of_shares_of_rows_alone(value: float, low: float, high: float, words: str) -> None:
    metric = Metric("tells_of_synthesis.auc", value, "share", 400, low=low, high=high)
    assert Decision(metric, None, None, "", "", "").rows_words == words


def test_a_chance_that_is_an_upper_bound_reads_as_one() -> None:
    """1 / (n + 1) of n permutations; an underflow is no 0, in tables neither."""
    bound = Metric("embedding_drift.mmd_p", 0.002, "probability", 400, low=0.0, high=0.002)
    assert wording.measured(bound, bound.unit) == "≤0.002"
    assert wording.measured(replace(bound, low=None, high=None), bound.unit) == "0.002"
    assert wording.interval(bound.low, bound.high, bound.unit) == ""
    assert wording.interval(0.0, 0.002, "share") == "0–0.2%"
    table = Exhibit("a.b", "t", ("feature", "p", "rows"), (("words", 0.0, 0),))
    assert exhibits.table(table)[1] == [("words", "<1e-300", "0")]


@pytest.mark.parametrize(("value", "limit"), [(0.050001, 0.05), (0.04999, 0.05), (0.9999, 1.0), (100.4, 100)])
def test_a_value_never_reads_like_the_bound_it_breaks(value: float, limit: float) -> None:
    for unit in ("share", "characters"):
        assert wording.quantity(value, unit, beside=limit) != wording.quantity(limit, unit)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ("<= 0.05", "at most 5%"),
        (">= 0.9", "at least 90%"),
        ("< 1e-3", "below 0.1%"),
        (">= 0.1 and <= 0.5", "at least 10% and at most 50%"),
        ("one of en, fr", "one of en, fr"),
        (None, ""),
    ],
)
def test_bounds_in_words(expected: str | None, words: str) -> None:
    assert wording.expected_words(expected, "share") == words


def test_the_exhibit_behind_the_bound_that_is_broken_comes_first(view: View) -> None:
    shown = {"rate": "third", "largest_cluster": "second", "rows": "first"}
    tables = tuple(Exhibit(f"near_duplicates.{name}", name, ("n",), ((1,),)) for name in ("first", "second", "third"))
    spec = view.specs["near-duplicates"]
    told = replace(spec, measures=tuple(replace(m, shown=shown.get(m.name, "")) for m in spec.measures))
    record = replace(view.record, exhibits=tables)

    def order(one: View) -> list[str]:
        (section,) = (s for s in one.sections if s.name == "near-duplicates")
        assert section.deciding is not None
        assert section.deciding.metric.name == "near_duplicates.rate"
        return [e.title for e in section.exhibits]

    assert order(replace(view, record=record)) == ["first", "second", "third"]
    assert order(replace(view, record=record, specs={**view.specs, spec.name: told})) == ["third", "first", "second"]
