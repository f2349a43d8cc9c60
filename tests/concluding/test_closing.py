"""Where the files of an audit go, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

import auditor
from auditor import auditing
from auditor.registry.workspace import Workspace


def written(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    return str(path)


def test_the_audit_of_a_version_is_its_own_wherever_the_files_go(workspace: Path) -> None:
    """And a file that nobody registered leaves nothing beside what was asked for."""
    (workspace / "auditor.yaml").touch()
    for name in ("alp", "other"):
        written(workspace / f"{name}.jsonl", [{"text": f"{name} {i} and {i * i}."} for i in range(40)])
    made = auditor.register("alp", "alp.jsonl", technique="human", people=["Ada"], dvc=False)
    report = auditor.audit("alp", out=workspace / "o3", only="exact-duplicates")
    auditor.audit("other.jsonl", out=workspace / "o4", only="exact-duplicates")
    known = Workspace.find()
    kept = auditing.stored("alp", made.version.digest, None, known)
    assert kept == report.record
    assert {path.name for path in (workspace / "o3").iterdir()} == set(report.places)
    assert report.places["audit.json"] == workspace / "o3" / "audit.json"
    assert [path.name for path in known.audits.iterdir()] == ["alp"]
    (folder,) = (known.audits / "alp").iterdir()
    for name in report.places:
        assert (folder / name).read_bytes() == (workspace / "o3" / name).read_bytes()


@pytest.mark.parametrize("lost", [True, False])
def test_the_file_of_gaps_is_listed_and_an_empty_one_explained(workspace: Path, lost: bool) -> None:
    """320 rows on five subjects; of 314 real rows 14 are on a sixth, so that 14.3 are missing."""
    from auditor.checks.lost_tails import LostTails

    (case, *_) = LostTails.spec.fires
    data = written(workspace / "data.jsonl", [*case.rows, *case.rows[:20]] if lost else [*case.references["real"]])
    real = written(workspace / "real.jsonl", [*case.references["real"]])
    report = auditor.audit(data, real=real, only="lost-tails", gaps=workspace / "out" / "gaps.jsonl")
    shown = report.render("text")
    lines = (workspace / "out" / "gaps.jsonl").read_bytes().splitlines()
    assert "gaps.jsonl        out/gaps.jsonl" in shown
    assert ("gaps.jsonl is empty: the data lacks no topic of the real data" in shown) == (not lines) == (not lost)
    assert [orjson.loads(line)["missing_rows"] for line in lines] == ([14] if lost else [])
