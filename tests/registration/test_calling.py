"""`auditor.register`, as a notebook calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import auditor
from auditor.model.card import Generator, Model
from auditor.model.errors import ConfigError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "auditor.yaml").touch()
    rows = [{"prompt": f"What is {n}?", "response": f"It is a number, {n}."} for n in range(9)]
    Path("seeds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    Path("sft.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("sft.txt").write_text("Write about numbers.\n")
    return tmp_path


def test_words_are_those_of_the_command_line(here: Path) -> None:
    seeds = auditor.register("seeds", "seeds.jsonl", technique="human", people=["Ada", "Max"], dvc=False)
    assert (seeds.ref, seeds.created, seeds.card.kind) == ("seeds@1", True, "real")
    done = auditor.register(
        "sft",
        Path("sft.jsonl"),
        generators="gpt-4o@2024-08-06",
        prompts="sft.txt",
        seeds="seeds",
        technique="self-instruct",
        decoding={"temperature": "0.7"},
        licence="CC-BY-4.0",
        expires="90d",
        every="4w",
        dvc=False,
    )
    lineage = done.version.lineage
    assert lineage.generators == (Generator(Model("gpt-4o", "2024-08-06"), decoding={"temperature": 0.7}),)
    assert [source.dataset for source in lineage.seeds] == ["seeds@1"]
    assert lineage.prompts[0].digest.startswith("sha256:")
    assert (done.card.licence, done.card.refresh.every) == ("CC-BY-4.0", 28)
    assert not auditor.register("sft", "sft.jsonl", dvc=False).created


def test_an_unknown_word_is_refused_with_a_suggestion(here: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'generators'"):
        auditor.register("sft", "sft.jsonl", generator="gpt-4o")
    with pytest.raises(ConfigError, match="not a time"):
        auditor.register("sft", "sft.jsonl", generators="gpt-4o", expires="soon")
    assert not (here / "datasets").exists()
