"""`auditor judge audit` and `judge_audit`: from files of verdicts to a record, a report and an exit code."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import auditor
from auditor.cli import group
from auditor.model.errors import ConfigError, TooManyBadRows
from auditor.model.result import Status

FAIR, FIRST = "fair", "first"


def verdicts(judge: str, items: int = 60) -> list[dict[str, Any]]:
    """Both orders of every item: a fair judge is always for `alpha`, one of `FIRST` for what stands first."""
    return [
        {
            "item": f"q{i}",
            "a": "alpha",
            "b": "beta",
            "first": first,
            "verdict": "a" if judge == FAIR else first,
            "judge": judge,
            "prompt": "pair-v1",
            "question": f"Question {i}?",
            "output_a": "a short answer",
            "output_b": "an answer that is a little longer",
            "raw": f"[[{first}]] <script>alert(1)</script>",
        }
        for i in range(items)
        for first in ("a", "b")
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "v.jsonl"
    path.write_text("\n".join(json.dumps(one) for judge in (FAIR, FIRST) for one in verdicts(judge)))
    return path


def cli(*words: str | Path) -> Result:
    done = CliRunner().invoke(group, ["judge", "audit", *map(str, words)], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done


def test_from_python_to_files_on_disk(file: Path) -> None:
    report = auditor.judge_audit(file)
    assert report.metrics["position_inconsistency.consistency"].value == 0.5
    by_judge = {
        one.group: one.metric.value
        for one in report.record.slices
        if one.by == "judge" and one.metric.name == "position_inconsistency.consistency"
    }
    assert by_judge == {FAIR: 1, FIRST: 0}
    assert report.record.dataset["rows"] == 240
    assert report.record.dataset["by"] == ["judge", "judge_prompt"]
    conflicts = report.findings.filter(
        [metric.startswith("position_inconsistency") for metric in report.findings.column("metric").to_pylist()]
    )
    assert set(conflicts.column("by.judge").to_pylist()) == {FIRST}
    for name in ("audit.json", "report.html", "findings.parquet"):
        assert report.places[name].is_file()
    page = report.places["report.html"].read_text()
    assert "Verdicts at fault" in page
    assert "<script>alert(1)" not in page
    assert "240 verdicts" in str(report)


def test_dicts_and_verdicts_are_taken_as_they_are(file: Path) -> None:
    from auditor import fakes

    records = verdicts(FIRST)
    one, other = auditor.judge_audit(records), auditor.judge_audit(fakes.verdicts(records))
    assert one.record.dataset["digest"] == other.record.dataset["digest"]
    assert one.metrics == other.metrics


def test_the_same_verdicts_give_the_same_record(file: Path, tmp_path: Path) -> None:
    lines = file.read_text().splitlines()
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join(lines[::-1]))
    one, two = (auditor.judge_audit(path, name="v") for path in (file, other))
    assert one.metrics == two.metrics
    assert one.record.slices == two.record.slices
    assert one.record.exhibits == two.record.exhibits
    assert one.record.dataset["digest"] == two.record.dataset["digest"]


def test_the_command_says_what_it_read(file: Path) -> None:
    done = cli(file)
    assert done.return_value == 0
    assert "v  240 verdicts, our own format" in done.output
    assert "recognised as our own format: 240 verdicts" in done.output
    assert re.search(r"position-inconsistency +consistency 50%", done.output)
    assert "Look before you trust these judges" in done.output


def test_bounds_of_a_policy_fail_the_gate(file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "strict.yaml"
    policy.write_text("name: strict\nmetrics:\n  position_inconsistency.consistency: {fail: '< 0.9'}\n")
    done = cli(file, "--policy", policy, "--format", "json", "-q", "--only", "position-inconsistency")
    assert done.return_value == 1
    record = json.loads(done.stdout)
    assert record["verdict"] == "fail"
    assert [one["status"] for one in record["checks"]] == ["fail"]
    shown = cli(file, "--policy", policy, "--format", "markdown", "-q")
    assert "Do not trust these judges" in shown.stdout


@pytest.mark.parametrize("name", ["text", "json", "html", "junit", "sarif", "github", "markdown"])
def test_every_format_of_a_report(name: str, file: Path, tmp_path: Path) -> None:
    target = tmp_path / f"out.{name}"
    done = cli(file, "--format", name, "--output", f"{name}={target}", "-q")
    assert done.stdout.strip()
    assert target.read_text().strip()


def test_columns_are_mapped_on_the_command_line(tmp_path: Path) -> None:
    table = tmp_path / "votes.csv"
    table.write_text("id,won,shown\n1,left,ab\n1,right,ba\n2,left,ab\n2,left,ba\n")
    maps = [word for pair in ("item=id", "verdict=won", "first=shown") for word in ("--map", pair)]
    record = json.loads(cli(table, *maps, "--format", "json", "-q").stdout)
    assert record["metrics"]["position_inconsistency.consistency"]["value"] == 0.5
    assert record["dataset"]["fields"] == {"item": "id", "verdict": "won", "first": "shown"}


def test_the_rule_is_a_parameter_of_the_check(file: Path) -> None:
    record = json.loads(cli(file, "--rule", "strict", "--format", "json", "-q").stdout)
    (check,) = (one for one in record["checks"] if one["name"] == "judge-disagreement")
    assert check["parameters"]["rule"] == "strict"


def test_what_is_wrong_is_said(file: Path) -> None:
    with pytest.raises(ConfigError, match="unknown check"):
        auditor.judge_audit(file, only="position-inconsistancy")
    with pytest.raises(ConfigError, match=r"(?s)unknown check 'nosuch'.*known: format-bias, (?!.*near-duplicates)"):
        auditor.judge_audit(file, only="nosuch")
    with pytest.raises(ConfigError, match=r"(?s)near-duplicates: of datasets.*`auditor audit`"):
        auditor.judge_audit(file, only="near-duplicates")
    with pytest.raises(ConfigError, match="'out' is a path"):
        auditor.judge_audit(file, out=3)
    with pytest.raises(ConfigError, match="no option 'polcy'"):
        auditor.judge_audit(file, polcy="x")
    file.write_text(file.read_text() + "\n{broken" * 40)
    with pytest.raises(TooManyBadRows):
        auditor.judge_audit(file)
    report = auditor.judge_audit(file, max_bad_rows="50")
    assert report.record.dataset["quarantine"]["count"] == 40


def test_an_output_never_replaces_the_verdicts(file: Path) -> None:
    before = file.read_bytes()
    done = CliRunner().invoke(group, ["judge", "audit", str(file), "--output", f"json={file}"])
    assert done.exit_code == 2
    assert file.read_bytes() == before


def test_a_check_of_rows_does_not_run_over_verdicts(file: Path) -> None:
    report = auditor.judge_audit(file)
    ran = {one["name"] for one in report.record.checks}
    assert "near-duplicates" not in ran
    assert {"position-inconsistency", "judge-disagreement", "length-bias"} <= ran
    assert report.verdict is Status.WARN, "half of the pairs are judged otherwise in the other order"


def test_verdicts_from_standard_input_and_from_an_address(file: Path) -> None:
    import fsspec

    whole = auditor.judge_audit(file)
    piped = CliRunner().invoke(
        group, ["judge", "audit", "-", "--format", "json", "-q"], input=file.read_bytes(), standalone_mode=False
    )
    record = json.loads(piped.stdout)
    assert record["dataset"]["digest"] == whole.record.dataset["digest"]
    assert (record["dataset"]["name"], record["dataset"]["files"]) == ("stdin", ["-"])
    with fsspec.open("memory://bucket/said.jsonl", "wb") as remote:
        remote.write(file.read_bytes())
    fetched = auditor.judge_audit(["memory://bucket/said.jsonl"])
    assert fetched.record.dataset["digest"] == whole.record.dataset["digest"]
    assert (fetched.record.dataset["name"], fetched.record.dataset["files"]) == ("said", ["said.jsonl"])


def test_what_could_not_be_read_lies_beside_the_record(file: Path, tmp_path: Path) -> None:
    good = len(file.read_text().splitlines())
    file.write_bytes(file.read_bytes() + b"\n{broken\n[1]\n\x1b[31m\xff\n")
    report = auditor.judge_audit(file)
    lines = [json.loads(line) for line in report.places["quarantine.jsonl"].read_text().splitlines()]
    assert [(one["file"], one["line"]) for one in lines] == [(file.name, good + n) for n in (1, 2, 3)]
    assert lines[1]["reason"] == "not an object"
    assert "\x1b" not in lines[2]["seen"]
    with pytest.raises(TooManyBadRows, match=r"quarantine\.jsonl") as refused:
        auditor.judge_audit(file, max_bad_rows="0")
    kept = re.search(r"all are in (.+?)\)", str(refused.value))
    assert kept
    assert len(Path(kept[1]).read_text().splitlines()) == 3
    file.write_bytes(b"\n".join(file.read_bytes().splitlines()[:-3]))
    assert "quarantine.jsonl" not in auditor.judge_audit(file).places


def test_a_table_with_broken_lines_tells_each(tmp_path: Path) -> None:
    table = tmp_path / "votes.csv"
    table.write_text("item,judge,first,verdict\n" + "1,j,a,a\n1,j,b,b\n" * 20 + "2,j,a\n3,j,a,a,a\n")
    report = auditor.judge_audit(table)
    lines = [json.loads(line) for line in report.places["quarantine.jsonl"].read_text().splitlines()]
    assert [(one["line"], one["reason"]) for one in lines] == [
        (42, "3 fields where the head has 4"),
        (43, "5 fields where the head has 4"),
    ]


def lines(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def on(item: int, **said: Any) -> dict[str, Any]:
    return {"item": f"q{item}", "a": "alpha", "b": "beta", "judge": "j", **said}


def test_what_one_order_leaves_open_is_said(tmp_path: Path) -> None:
    one = auditor.judge_audit(lines(tmp_path / "one.jsonl", [on(i, first="a", verdict="ab"[i % 2]) for i in range(9)]))
    assert any(note.startswith("one order only, A first") for note in one.record.dataset["notes"])
    assert one.metrics["position_inconsistency.consistency"].why.startswith("no pair was judged in both orders")
    none = auditor.judge_audit(lines(tmp_path / "none.jsonl", [on(i, verdict="ab"[i % 2]) for i in range(9)]))
    assert none.metrics["position_inconsistency.consistency"].why == "the file does not tell which output stood first"


def test_ties_everywhere_are_said(tmp_path: Path) -> None:
    records = [on(i, first=first, verdict="tie") for i in range(9) for first in "ab"]
    report = auditor.judge_audit(lines(tmp_path / "ties.jsonl", records))
    assert any("18 valid verdicts are ties" in note for note in report.record.dataset["notes"])
    assert report.metrics["position_inconsistency.consistency"].value == 1


def test_scores_alone_are_verdicts_and_nan_is_none(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_text("\n".join(json.dumps(on(i, score_a=float("nan") if i % 2 else 3, score_b=i)) for i in range(10)))
    report = auditor.judge_audit(path)
    assert report.metrics["unparsable_verdicts.rate"].value == 0.5
    assert any("5 values of score_a are not a number" in note for note in report.record.dataset["notes"])


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_third_candidate_is_refused_wherever_it_comes(suffix: str, tmp_path: Path) -> None:
    from auditor.model.errors import InputError

    records = [on(i, first="a", verdict="a") for i in range(40)] + [on(99, first="a", verdict="c", c="gamma")]
    path = tmp_path / f"three{suffix}"
    path.write_text(json.dumps(records) if suffix == ".json" else "\n".join(map(json.dumps, records)))
    with pytest.raises(InputError, match="three candidates"):
        auditor.judge_audit(path)


def test_findings_that_stay_on_the_disk_are_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor.concluding import tables

    held = auditor.judge_audit(file, name="v")
    shown = held.render("json"), held.places["findings.parquet"].read_bytes()
    monkeypatch.setattr(tables, "MAPPED", 0)
    mapped = auditor.judge_audit(file, name="v")
    assert mapped.findings.num_rows > 0
    assert mapped.places["findings.parquet"].read_bytes() == shown[1]
    assert mapped.view.findings.to_pylist() == held.view.findings.to_pylist() == mapped.findings.to_pylist()


def test_paths_may_be_text(file: Path, tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("[]")
    waivers, out = str(tmp_path / "w.yaml"), tmp_path / "out"
    first = auditor.judge_audit(str(file), only="length-bias", out=str(out), waivers=waivers)
    assert first.places["audit.json"] == out / "audit.json"
    again = auditor.judge_audit(file, only="length-bias", out=out, baseline=str(out / "audit.json"))
    rows = [{"text": "one"}, {"text": "two"}]
    assert auditor.audit(rows, only="exact-duplicates", out=str(tmp_path / "rows")).exit_code == 0
    assert (tmp_path / "rows" / "audit.json").is_file()
    assert again.record.baseline is not None


def test_a_number_without_a_bound_is_shown_and_its_check_is_neither_skipped_nor_passed(tmp_path: Path) -> None:
    """GPT-4 on its pupil Vicuna, and an unrelated judge of the same pairs; kappa has a bound, and no person judged."""
    said = {"gpt-4": "a", "claude-2": "b"}
    pairs = [{"item": f"q{i}", "a": "vicuna-13b", "b": "command-r"} for i in range(20)]
    path = tmp_path / "v.jsonl"
    lines = [{**pair, "judge": judge, "verdict": verdict} for pair in pairs for judge, verdict in said.items()]
    path.write_text("\n".join(map(json.dumps, lines)))
    done = cli(path, "--only", "self-preference", "--only", "judge-disagreement")
    told = " ".join(done.output.split())
    assert done.return_value == 0
    assert "WARN self-preference distilled excess 1 point, at most 0.1" in told
    assert "nobody else judged these pairs" not in told
    assert "MEASURED judge-disagreement alpha -0.95, not judged: kappa has no value, no person judged" in told
    assert "SKIPPED" not in told
    alone = cli(path, "--only", "judge-disagreement")
    assert alone.return_value == 3
    assert "Nothing was judged: 1 measured but not judged of 1 check" in " ".join(alone.output.split())
