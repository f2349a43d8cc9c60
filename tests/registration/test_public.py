"""Alpaca as it was published: seeds, prompt, rows; and its seeds under another publisher's name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.model.card import Generator, Lineage, Model, Prompt, Source
from auditor.registration import Request, register
from auditor.registry import Workspace, index


@pytest.mark.data
def test_alpaca(workspace: Path, shared_data: Callable[[str], Path]) -> None:
    for name in ("alpaca/seed_tasks.jsonl", "alpaca/prompt.txt", "alpaca/random_9k.json"):
        shutil.copy(shared_data(name), workspace)
    shutil.copy(workspace / "seed_tasks.jsonl", workspace / "self-instruct.jsonl")
    ws = Workspace(workspace)
    register(Request("seeds", "seed_tasks.jsonl", Lineage("human"), dvc=False), ws)
    theirs = register(Request("theirs", "self-instruct.jsonl", Lineage("human"), dvc=False), ws)
    assert theirs.notes == ("the same rows are registered as seeds@1",)
    lineage = Lineage(
        "self-instruct",
        (Generator(Model("text-davinci-003")),),
        (Prompt("", "", file="prompt.txt"),),
        (Source(None, file="self-instruct.jsonl"),),
    )
    done = register(Request("alpaca", "random_9k.json", lineage, dvc=False), ws)
    assert (done.version.rows, done.version.lineage.columns) == (9229, {})
    assert [(source.dataset, source.rows) for source in done.version.lineage.seeds] == [("theirs@1", 175)]
    assert theirs.version.digest == index.find("seeds", ws)[1].digest
    assert len(index.by_digest(theirs.version.digest, ws)) == 2
