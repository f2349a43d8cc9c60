"""Cards of another release, whose reader read the same bytes as other rows: DVC's hash says that nothing changed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from auditor import readers
from auditor.auditing import Options, Silent, run
from auditor.gating import gate
from auditor.model.card import Lineage, Source
from auditor.model.errors import ConfigError
from auditor.registration import Request, register
from auditor.registry import Workspace, cards

QUICK = Options(only=("digest-mismatch", "count-mismatch"))
OTHER = "sha256:" + "0" * 64


def write(path: Path, n: int) -> None:
    path.unlink(missing_ok=True)
    path.write_text(
        "".join(json.dumps({"prompt": f"What is {i}?", "response": f"It is {i}."}) + "\n" for i in range(n))
    )


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("registered")
    (root / "auditor.yaml").touch()
    write(root / "seeds.jsonl", 5)
    write(root / "made.jsonl", 30)
    home = Workspace(root)
    register(Request("seeds", str(root / "seeds.jsonl"), Lineage("human", people=("Ada",))), home)
    lineage = Lineage("human", people=("Ada",), seeds=(Source(None, "seeds@1"),))
    done = register(Request("made", str(root / "made.jsonl"), lineage), home)
    assert done.version.reader == readers.VERSION
    return root


@pytest.fixture
def ws(registered: Path, workspace: Path) -> Workspace:
    shutil.copytree(registered, workspace, symlinks=True, dirs_exist_ok=True)
    return Workspace(workspace)


def as_of(reader: int | None, ws: Workspace, name: str = "made") -> None:
    """The card as a release with that reader would have written it, had it read other rows in the same bytes."""
    place = cards.path(name, ws)
    text = re.sub(r"( {2}digest: ).*", rf"\g<1>{OTHER}", place.read_text(), count=1)
    text = re.sub(r"( {2}rows: )30", r"\g<1>29", text)
    place.write_text(re.sub(r" {2}reader: .*\n", f"  reader: {reader}\n" if reader else "", text))


def mismatches(ws: Workspace) -> dict[str, object]:
    report = run("made", QUICK, real=None, workspace=ws, progress=Silent())
    return {name: metric.value for name, metric in report.metrics.items()}


@pytest.mark.parametrize("reader", [None, readers.VERSION - 1, readers.VERSION + 1])
def test_the_same_bytes_read_by_another_reader(reader: int | None, ws: Workspace) -> None:
    as_of(reader, ws)
    found = mismatches(ws)
    assert (found["digest_mismatch.rows"], found["count_mismatch.rows"]) == (0, 0)
    outcome = gate("made", QUICK, ws, Silent())
    assert (outcome.passed, outcome.own_rows) == (True, True)
    assert outcome.version.verdict is not None
    (check,) = [one for one in outcome.report.record.checks if one["name"] == "digest-mismatch"]
    assert "the bytes are those that DVC recorded" in check["notes"][0]
    again = register(Request("made", "made.jsonl"), ws)
    assert (again.created, again.version.digest, again.version.reader) == (False, OTHER, reader)
    with pytest.raises(ConfigError, match="registered as made@1 with another lineage"):
        register(Request("made", "made.jsonl", Lineage("human", people=("Bob",))), ws)


def test_the_same_reader_has_no_excuse(ws: Workspace) -> None:
    as_of(readers.VERSION, ws)
    assert mismatches(ws)["digest_mismatch.rows"] == 1
    assert not gate("made", QUICK, ws, Silent()).passed
    assert register(Request("made", "made.jsonl"), ws).created


@pytest.mark.parametrize("reader", [None, readers.VERSION - 1])
def test_other_bytes_are_other_rows_whatever_the_reader(reader: int | None, ws: Workspace) -> None:
    as_of(reader, ws)
    write(ws.root / "made.jsonl", 31)
    outcome = gate("made", QUICK, ws, Silent())
    assert (outcome.passed, outcome.own_rows) == (False, False)
    assert outcome.report.metrics["digest_mismatch.rows"].value == 1
    assert register(Request("made", "made.jsonl"), ws).created


def test_seeds_of_an_older_card_are_what_they_were(ws: Workspace) -> None:
    as_of(readers.VERSION - 1, ws, "seeds")
    place = cards.path("made", ws)
    place.write_text(re.sub(r"(dataset: seeds@1\n\s+digest: ).*", rf"\g<1>{OTHER}", place.read_text()))
    assert mismatches(ws)["digest_mismatch.sources"] == 0
    as_of(readers.VERSION, ws, "seeds")
    assert mismatches(ws)["digest_mismatch.sources"] == 1


def test_a_report_says_which_rows_it_read(ws: Workspace) -> None:
    """An audit by name reads what was registered, a gate what lies in the place: told at the head of each face."""
    write(ws.root / "made.jsonl", 31)
    audited = run("made", QUICK, real=None, workspace=ws, progress=Silent())
    gated = gate("made", QUICK, ws, Silent()).report
    for form in ("text", "html", "markdown"):
        assert "the rows as registered" in audited.render(form)
        assert "the rows in their place, made.jsonl" in gated.render(form)
    assert (audited.dataset.rows, gated.dataset.rows) == (30, 31)
    alone = run("seeds.jsonl", QUICK, real=None, workspace=ws, progress=Silent())
    assert "the rows" not in alone.render("markdown").split("|")[0]
