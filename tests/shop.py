"""A small workspace for looking at: seeds, two versions of instructions, dialogues from them, a student model."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auditor import auditing
from auditor.model.card import (
    Card,
    Generator,
    Lineage,
    Model,
    ModelCard,
    Prompt,
    Registered,
    Revision,
    Source,
    Standing,
    Tracked,
    Withdrawal,
)
from auditor.registry import cards, models
from auditor.registry.workspace import Workspace

GPT, MISTRAL, STUDENT = Model("gpt-4o", "2024-08-06"), Model("mistral-large", "2407"), Model("student", "3")
POLICY = """
name: shop
metrics:
  exact_duplicates.rate: {warn: "> 0", fail: "> 0.5"}
  record_integrity.empty: {fail: "> 0"}
  record_integrity.truncated: {warn: "> 0.9"}
"""

PROMPT = "Write an instruction and its answer.\n"


def rows(count: int, start: int = 0, word: str = "answer") -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{n}",
            "prompt": f"What is the number {n} called in words?",
            "response": f"The {word} to {n} is {n * 7}.",
        }
        for n in range(start, start + count)
    ]


def put(root: Path, place: str, content: Sequence[dict[str, Any]]) -> Tracked:
    """Write rows, and say what DVC would say of them."""
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return Tracked(hashlib.md5(path.read_bytes()).hexdigest(), path.stat().st_size, f"{place}.dvc")


def version(
    workspace: Workspace, number: int, place: str, lineage: Lineage, status: Standing = "current", **more: Any
) -> Registered:
    read = auditing.read(str(workspace.root / place), auditing.Options(), workspace)
    content = (workspace.root / place).read_bytes()
    tracked = Tracked(hashlib.md5(content).hexdigest(), len(content), f"{place}.dvc")
    date = dt.datetime(2026, 11, number, 12, tzinfo=dt.UTC)
    return Registered(number, date, place, read.digest, read.rows, lineage, dvc=tracked, status=status, **more)


def build(root: Path) -> Workspace:
    """The workspace, with its cards and files."""
    (root / "auditor.yaml").write_text("policy: shop\n")
    policies = root / "expectations" / "policies"
    policies.mkdir(parents=True)
    (policies / "shop.yaml").write_text(POLICY)
    (root / "prompts").mkdir()
    (root / "prompts" / "make.txt").write_text(PROMPT, encoding="utf-8")
    workspace = Workspace(root)
    prompt = Prompt("make", "sha256:" + hashlib.sha256(PROMPT.encode()).hexdigest(), file="prompts/make.txt")

    put(root, "data/seeds.jsonl", rows(20))
    seeds = version(workspace, 1, "data/seeds.jsonl", Lineage(technique="human", people=("Ada",)))
    cards.save(Card("seeds", "real", (seeds,), owner="Ada", licence="CC-BY-4.0"), workspace)

    first, second = rows(60, 100), rows(60, 100)
    for row in second[:10]:
        row["response"] += " Truly."
    second = second[5:] + rows(15, 900)
    put(root, "data/instructions-1.jsonl", first)
    put(root, "data/instructions.jsonl", second)
    seed = (Source(seeds.digest, "seeds@1", rows=20),)
    one = version(
        workspace,
        1,
        "data/instructions-1.jsonl",
        Lineage("self-instruct", (Generator(GPT, "openai", {"temperature": 0.7}),), (prompt,), seed),
        "superseded",
    )
    two = version(
        workspace,
        2,
        "data/instructions.jsonl",
        Lineage(
            "self-instruct",
            (Generator(GPT, "openai", {"temperature": 1.0}, rows=40), Generator(MISTRAL, rows=30)),
            (prompt,),
            seed,
        ),
        supersedes=1,
    )
    cards.save(
        Card(
            "instructions", "synthetic", (one, two), owner="data@example.org", purpose="research", licence="Apache-2.0"
        ),
        workspace,
    )

    put(root, "data/dialogues.jsonl", rows(30, 2000))
    dialogues = version(
        workspace,
        1,
        "data/dialogues.jsonl",
        Lineage("simulation", (Generator(STUDENT),), seeds=(Source(two.digest, "instructions@2"),), judges=(GPT,)),
    )
    cards.save(Card("dialogues", "synthetic", (dialogues,)), workspace)
    models.save(ModelCard("student", revisions=(Revision("3", trained_on=("instructions@2",)),)), workspace)
    withdrawn = Withdrawal(dt.date(2026, 11, 20), "its terms forbid it")
    models.save(ModelCard("mistral-large", revisions=(Revision("2407", withdrawn=withdrawn),)), workspace)
    return workspace
