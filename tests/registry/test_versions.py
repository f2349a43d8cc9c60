"""What a reference means."""

from pathlib import Path

import pytest

from auditor.model.errors import InputError, UnreadableFile
from auditor.registry import Workspace, resolve


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("data.jsonl", "data"),
        ("data.jsonl.gz", "data"),
        ("shards/train-00.parquet", "train-00"),
        ("shards", "shards"),
        ("shards/", "shards"),
        ("shards/*.parquet", "shards"),
        ("shards/train-*.parquet", "train"),
        ("shards/**/*.jsonl", "shards"),
        ("odd[name].csv", "odd-name"),
        ("no suffix", "no-suffix"),
    ],
)
def test_paths_and_globs(tmp_path: Path, ref: str, name: str) -> None:
    (tmp_path / "shards").mkdir()
    for file in (
        "data.jsonl",
        "data.jsonl.gz",
        "shards/train-00.parquet",
        "shards/a.jsonl",
        "no suffix",
        "odd[name].csv",
    ):
        (tmp_path / file).touch()
    version = resolve(ref, Workspace.find())
    assert (version.source, version.card, version.entry) == (ref, None, None)
    assert version.name == name


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("-", "stdin"),
        ("https://example.org/a/b.csv.gz?token=x#y", "b"),
        ("s3://bucket/folder/", "folder"),
        ("hf://datasets/owner/name/train-*.parquet", "train"),
    ],
)
def test_standard_input_and_urls_are_not_looked_at(ref: str, name: str) -> None:
    assert (resolve(ref, Workspace.find()).name, resolve(ref, Workspace.find()).source) == (name, ref)


def test_the_current_folder_has_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path / "corpus")
    assert resolve(".", Workspace.find()).name == "corpus"


@pytest.mark.parametrize(
    ("ref", "kind", "words"),
    [
        ("data.jsnl", InputError, "did you mean 'data.jsonl'"),
        ("sft-v3", InputError, "nothing is called 'sft-v3'"),
        ("datas", InputError, "did you mean 'data.jsonl'"),
        ("folder/trian.csv", UnreadableFile, "did you mean 'folder/train.csv'"),
        ("fodler/train.csv", UnreadableFile, "there is no folder 'fodler'"),
        ("trian.csv", UnreadableFile, "no such file 'trian.csv'"),
        ("*.parquet", UnreadableFile, "no file matches"),
        ("nul\x00.jsonl", UnreadableFile, "no such file"),
        ("x" * 5000, InputError, "nothing is called"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, ref: str, kind: type[InputError], words: str) -> None:
    (tmp_path / "data.jsonl").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "train.csv").touch()
    with pytest.raises(kind) as caught:
        resolve(ref, Workspace.find())
    assert words in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_names_never_leave_their_folder(tmp_path: Path) -> None:
    hostile = tmp_path / "..;rm -rf $HOME;\n\x1b[31m.jsonl"
    hostile.touch()
    name = resolve(str(hostile), Workspace.find()).name
    assert name == "rm--rf-HOME-31m"
