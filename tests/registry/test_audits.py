"""An audit's files appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.model.errors import InputError, StorageError
from auditor.registry import Workspace, folder, latest, load, save


def test_bytes_and_copies(tmp_path: Path) -> None:
    source = tmp_path / "made.parquet"
    source.write_bytes(b"PAR1" * 1000)
    folder = tmp_path / "out" / "deep"
    record = save({"audit.json": b"{}", "report.html": b"<p>", "findings.parquet": source}, folder)
    assert record == folder / "audit.json"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "audit.json": b"{}",
        "report.html": b"<p>",
        "findings.parquet": b"PAR1" * 1000,
    }
    assert source.exists()


def test_a_second_audit_replaces_the_first_and_touches_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the user's")
    save({"audit.json": b"1", "quarantine.jsonl": b"bad"}, tmp_path)
    save({"audit.json": b"2", "report.html": b"new"}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"notes.txt", "audit.json", "report.html"}
    assert load(tmp_path) == load(tmp_path / "audit.json") == b"2"


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError) as caught:
        save({"audit.json": b""}, tmp_path / place)
    assert "free some space" not in str(caught.value)
    assert "choose another place with --out" in str(caught.value)


@pytest.mark.parametrize("name", ["../audit.json", "a/b", "..", ""])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        save({"audit.json": b"", name: b""}, tmp_path)


def test_a_missing_file_leaves_the_old_audit(tmp_path: Path) -> None:
    save({"audit.json": b"old", "report.html": b"old"}, tmp_path)
    with pytest.raises(StorageError):
        save({"report.html": b"new", "findings.parquet": tmp_path / "absent", "audit.json": b"new"}, tmp_path)
    assert (tmp_path / "report.html").read_bytes() == load(tmp_path) == b"old"
    assert not list(tmp_path.glob(".saving-*"))


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(StorageError, match="this is no folder"):
        save({"audit.json": b""}, tmp_path / "out")


KILLED = """
import sys
from pathlib import Path
from auditor.registry import save
round = 0
while True:
    round += 1
    content = str(round).encode()
    save({"report.html": content, "findings.parquet": content, "audit.json": content}, Path(sys.argv[1]))
    print(round, flush=True)
"""


@pytest.mark.parametrize("after", [1, 4, 9, 16])
def test_killed_in_the_middle_a_record_means_a_whole_audit(tmp_path: Path, after: int) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(after):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    if (tmp_path / "audit.json").exists():
        assert len({(tmp_path / n).read_bytes() for n in ("audit.json", "report.html", "findings.parquet")}) == 1
    save({"audit.json": b"next"}, tmp_path)
    assert load(tmp_path) == b"next"


def test_load_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"audit\.json.*No such file"):
        load(tmp_path)


def test_latest_is_by_time(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert latest("my data", workspace) is None
    for second, digest in enumerate(["bbb", "ccc", "aaa"]):
        record = save({"audit.json": digest.encode()}, workspace.audits / "my-data" / digest)
        os.utime(record, (1000 + second, 1000 + second))
    found = latest("my data", workspace)
    assert found is not None
    assert load(found) == b"aaa"


def test_an_audit_asked_for_in_a_way_of_its_own_has_a_folder_of_its_own(tmp_path: Path) -> None:
    workspace, digest = Workspace(tmp_path), "sha256:0123456789abcdef"
    whole = folder("my data", digest, {}, workspace)
    assert whole == tmp_path / ".auditor" / "audits" / "my-data" / "0123456789ab"
    one = folder("my data", digest, {"only": ["a"], "checks": {"a": {"x": 1, "y": 2}}}, workspace)
    assert one.parent == whole.parent
    assert one.name.startswith("0123456789ab-")
    assert len(one.name) == 12 + 1 + 6
    assert one == folder("my data", digest, {"checks": {"a": {"y": 2, "x": 1}}, "only": ["a"]}, workspace)
    assert one != folder("my data", digest, {"only": ["b"]}, workspace)


def test_a_partial_audit_leaves_the_whole_one_standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor import audit

    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"What is {i} and {i}?", "response": f"It is {2 * i}, as anyone can count."} for i in range(30)]
    some = ("exact-duplicates", "repetition")
    (tmp_path / "auditor.yaml").write_text("policy: default\n")
    by_default = audit(rows, name="d")
    kept = {path: path.read_bytes() for path in by_default.places.values()}
    partial = audit(rows, name="d", only=some)
    again = audit(rows, name="d", only=some[::-1])
    assert {path: path.read_bytes() for path in kept} == kept
    assert set(partial.places.values()) == set(again.places.values())
    assert set(partial.places.values()).isdisjoint(kept)
    others = [audit(rows, name="d", only=some, **more) for more in ({"real": rows}, {"policy": "strict"})]
    assert len({report.places["audit.json"] for report in (by_default, partial, *others)}) == 4
