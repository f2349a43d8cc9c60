"""The lineage rooms on data that nobody here wrote: Alpaca's seeds and prompt, GSM8K and a rewrite of its test."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor import readers
from auditor.checks.eval_ancestry import EvalAncestry
from auditor.checks.incomplete_lineage import IncompleteLineage
from auditor.checks.licence_conflict import LicenceConflict
from auditor.checks.synthetic_depth import SyntheticDepth
from auditor.checks.synthetic_eval import SyntheticEval
from auditor.checks.unregistered_source import UnregisteredSource
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Facts, Made, pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests.lineages import looked

pytestmark = pytest.mark.data

Data = Callable[[str], Path]
KINSHIP = kinship.load(Workspace.find())


def read(path: Path, cache: Path) -> tuple[str, int]:
    """(digest, rows) of a file's canonical rows."""
    rows = readers.open(str(path), cache=cache)
    return rows.digest, rows.rows


def alpaca(shared_data: Data, cache: Path, **card: str) -> Pedigree:
    seeds, n = read(shared_data("alpaca/seed_tasks.jsonl"), cache)
    rows, m = read(shared_data("alpaca/random_9k.json"), cache)
    prompt = shared_data("alpaca/prompt.txt").read_text()
    assert (n, m) == (175, 9229)
    versions = {
        "seeds@1": Made(
            kind="real", technique="human", people=("the authors of self-instruct",), rows=n, content=seeds
        ),
        "alpaca@1": Made(
            technique="self-instruct",
            generators=("text-davinci-003@1",),
            prompts=(prompt,),
            seeds=("seeds@1",),
            rows=m,
            content=rows,
        ),
    }
    cards = {"alpaca": Facts(owner="tatsu-lab", **card), "seeds": Facts(licence="apache-2.0")}
    return pedigree("alpaca@1", versions, cards=cards, kinship=KINSHIP)


def test_alpaca_as_published_is_whole(shared_data: Data, tmp_path: Path) -> None:
    given = alpaca(shared_data, tmp_path, purpose="research", licence="cc-by-nc-4.0")
    assert looked(IncompleteLineage(), given)[0] == {"missing": 0, "unpinned": 0, "card": 0}
    assert looked(UnregisteredSource(), given)[0] == {"sources": 0}
    assert looked(SyntheticDepth(), given)[0] == {"generations": 1}
    assert looked(LicenceConflict(), given)[0]["conflicts"] == 0


def test_alpaca_for_a_product_meets_the_clause_that_its_authors_named(shared_data: Data, tmp_path: Path) -> None:
    """Its release says: not for commercial use, as the terms of text-davinci-003 forbid competing models."""
    given = alpaca(shared_data, tmp_path, purpose="commercial-training")
    (fault,) = looked(LicenceConflict(), given)[1]
    assert fault["related_dataset"] == "model:text-davinci-003@1"
    assert "OpenAI Terms of Use" in fault["evidence"]


def test_the_seed_files_of_two_publishers_are_one_dataset(shared_data: Data, tmp_path: Path) -> None:
    first = read(shared_data("alpaca/seed_tasks.jsonl"), tmp_path)
    second = read(shared_data("selfinstruct/seed_tasks.jsonl"), tmp_path)
    assert first == second
    versions = {
        "mine@1": Made(seeds=("stanford@1",)),
        "stanford@1": Made(kind="real", content=first[0]),
        "washington@1": Made(kind="eval", content=second[0]),
    }
    (fault,) = looked(EvalAncestry(), pedigree("mine@1", versions))[1]
    assert fault["related_dataset"] == "dataset:washington@1"


def rewritten(test: Path, target: Path) -> Path:
    """A rewrite of the test set as MetaMath does it: other numbers and words for the same problems."""
    lines = [json.loads(line) for line in test.read_text().splitlines()]
    with target.open("w") as out:
        for item in lines:
            question = re.sub(r"\d+", lambda match: str(int(match[0]) + 3), item["question"])
            out.write(json.dumps({"question": f"Work this out. {question}", "answer": item["answer"]}) + "\n")
    return target


def test_gsm8k_and_a_rewrite_of_its_test_set(shared_data: Data, tmp_path: Path) -> None:
    test = shared_data("gsm8k/test.jsonl")
    contents = {
        "train": read(shared_data("gsm8k/train.jsonl"), tmp_path),
        "test": read(test, tmp_path),
        "rewrite": read(rewritten(test, tmp_path / "rewrite.jsonl"), tmp_path),
    }
    assert [rows for _, rows in contents.values()] == [7473, 1319, 1319]
    assert len({digest for digest, _ in contents.values()}) == 3

    def made(name: str, **how: object) -> Made:
        digest, rows = contents[name]
        return Made(rows=rows, content=digest, **how)  # type: ignore[arg-type]

    human = {"technique": "human", "people": ("the annotators of OpenAI",)}
    versions = {
        "train@1": made("train", kind="real", **human, evals=("test@1",)),
        "test@1": made("test", kind="eval", **human),
        "rewrite@1": made("rewrite", technique="paraphrase", generators=("gpt-4o@1",), parents=("test@1",)),
        "math@1": Made(technique="self-instruct", generators=("gpt-4o@1",), seeds=("train@1",), evals=("test@1",)),
        "math@2": Made(technique="self-instruct", generators=("gpt-4o@1",), seeds=("rewrite@1",), evals=("test@1",)),
    }
    for clean in ("train@1", "math@1"):
        assert looked(EvalAncestry(), pedigree(clean, versions))[0] == {"shared": 0}
    (fault,) = looked(EvalAncestry(), pedigree("math@2", versions))[1]
    assert fault["evidence"] == "it was made from test@1: test@1 -> rewrite@1 -> math@2"
    (seen, other) = looked(EvalAncestry(), pedigree("test@1", versions))[1]
    assert {seen["related_dataset"], other["related_dataset"]} == {"dataset:math@2", "dataset:rewrite@1"}
    assert looked(SyntheticEval(), pedigree("math@1", versions))[0] == {"ancestors": 0, "unnamed": 0}


def test_a_digest_tells_a_prompt_apart_by_one_character(shared_data: Data, tmp_path: Path) -> None:
    prompt = shared_data("alpaca/prompt.txt").read_bytes()
    given = alpaca(shared_data, tmp_path)
    (declared,) = given.version.lineage.prompts
    assert declared.digest == "sha256:" + hashlib.sha256(prompt).hexdigest()
    assert declared.digest != "sha256:" + hashlib.sha256(prompt + b" ").hexdigest()
