"""register, checkout, trained and withdraw, as a person types them."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from auditor.cli import group
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.registration import words
from auditor.registry import Workspace, cards, index, models


def run(*typed: str) -> Any:
    done = CliRunner().invoke(group, typed, standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def ws(workspace: Path) -> Workspace:
    (workspace / "data").mkdir()
    for name in ("seeds", "sft"):
        lines = [json.dumps({"prompt": f"{name} {i}", "response": "x"}) + "\n" for i in range(4)]
        (workspace / "data" / f"{name}.jsonl").write_text("".join(lines))
    (workspace / "p.txt").write_text("prompt")
    (workspace / "system.txt").write_text("be kind")
    return Workspace(workspace)


def test_every_word_reaches_the_card(ws: Workspace) -> None:
    run("register", "seeds", "data/seeds.jsonl", "--technique", "human", "--person", "Ada", "--no-dvc", "--quiet")
    typed = (
        "register sft data/sft.jsonl --generator gpt-4o@2024-08-06 --provider openai --decoding temperature=0.7"
        " --decoding stop=END --system-prompt system.txt --follows lock:gpt-4o --prompt make@2=p.txt --seeds seeds"
        " --parent seeds@1 --eval data/seeds.jsonl --judge claude-3@x --person Bob --technique self-instruct"
        " --field response=human --fact iteration=2 --kind mixed --owner Ada --purpose research --license MIT"
        " --terms openai --expires 90d --every 4w --stage make --real seeds --policy strict --map prompt=prompt"
        " --no-dvc --format json"
    )
    done = run(*typed.split(), "--description", "two words", "--why", "first try")
    told = json.loads(done.stdout)
    card = cards.load("sft", ws)
    version, lineage = card.versions[0], card.versions[0].lineage
    assert (told["ref"], told["created"], told["kind"], told["why"]) == ("sft@1", True, "mixed", "first try")
    assert (card.owner, card.purpose, card.licence, card.terms) == ("Ada", "research", "MIT", "openai")
    assert (card.stage, card.real, card.policy, card.description) == ("make", "seeds", "strict", "two words")
    assert card.mapping == {"prompt": "prompt"}
    assert card.refresh.every == 28
    assert card.refresh.expires == dt.datetime.now(dt.UTC).date() + dt.timedelta(90)
    (generator,) = lineage.generators
    assert (str(generator.model), generator.provider, generator.follows) == (
        "gpt-4o@2024-08-06",
        "openai",
        "lock:gpt-4o",
    )
    assert generator.decoding == {"temperature": 0.7, "stop": "END"}
    assert generator.system_prompt == "sha256:" + __import__("hashlib").sha256(b"be kind").hexdigest()
    assert [(p.name, p.version, p.file) for p in lineage.prompts] == [("make", "2", "p.txt")]
    assert {str(source) for source in (*lineage.seeds, *lineage.parents, *lineage.evals)} == {"seeds@1"}
    assert ([str(judge) for judge in lineage.judges], lineage.people) == (["claude-3@x"], ("Bob",))
    assert (lineage.fields, lineage.facts) == ({"response": "human"}, {"iteration": 2})
    assert version.dvc is None
    again = run("register", "sft", "data/sft.jsonl", "--no-dvc")
    assert "sft@1 is registered already" in again.stdout


def test_a_card_file_says_it_and_words_stand_before_it(ws: Workspace) -> None:
    (ws.root / "any.yaml").write_text(
        "name: sft\nkind: mixed\nowner: Ada\npath: data/sft.jsonl\nrefresh: {expires: 2099-01-01, every: 7}\n"
        "lineage:\n  technique: paraphrase\n  generators: [a@1]\n  seeds: [data/seeds.jsonl]\n"
    )
    done = run("register", "--card", "any.yaml", "--owner", "Bob", "--generator", "b@2", "--no-dvc")
    assert "registered sft@1: 4 rows, mixed, paraphrase" in done.stdout
    card = cards.load("sft", ws)
    assert (card.owner, card.refresh) == ("Bob", words.Refresh(dt.date(2099, 1, 1), 7))
    assert [str(generator.model) for generator in card.versions[0].lineage.generators] == ["b@2"]
    assert card.versions[0].lineage.seeds[0].file == "data/seeds.jsonl"


def test_what_a_generator_wrote_is_taken_over(ws: Workspace) -> None:
    (ws.root / "README.md").write_text("---\nlicense: apache-2.0\npretty_name: Ours\n---\n# Ours\n")
    run("register", "sft", "data/sft.jsonl", "--from", "README.md", "--generator", "a@1", "--no-dvc", "--quiet")
    assert (cards.load("sft", ws).licence or "").lower() == "apache-2.0"


@pytest.mark.parametrize(
    ("typed", "error", "said"),
    [
        ("register", ConfigError, "NAME is missing"),
        ("register sft", ConfigError, "PATH is missing"),
        ("register ../x data/sft.jsonl --kind real", ConfigError, "not a name for a dataset"),
        ("register sft data/sft.jsonl --provider openai", ConfigError, "of which model"),
        ("register sft data/sft.jsonl --generator m --follows nowhere", ConfigError, "look a revision up"),
        ("register sft data/sft.jsonl --generator m --system-prompt none.txt", InputError, "system prompt"),
        ("register sft data/sft.jsonl --expires soon", ConfigError, "not a time"),
        ("register sft data/sft.jsonl --every 0d", ConfigError, "number of days"),
        ("register sft data/sft.jsonl --card none.yaml", InputError, "no such file"),
        ("checkout none", ConfigError, "no dataset is registered"),
        ("trained m --on none", ConfigError, "no dataset is registered"),
    ],
)
def test_mistakes(ws: Workspace, typed: str, error: type[AuditorError], said: str) -> None:
    with pytest.raises(error, match=said):
        run(*typed.split())
    assert not (ws.root / "datasets").exists()


def test_scalars_and_times() -> None:
    assert [words.scalar(text) for text in ("1", "0.5", "true", "false", "nan", "inf", "1e3", "x", "")] == [
        1, 0.5, True, False, "nan", "inf", 1000.0, "x", "",
    ]  # fmt: skip
    today = dt.date(2026, 1, 1)
    assert words.expiry("2w", today) == dt.date(2026, 1, 15)
    assert words.expiry("2027-01-31", today) == dt.date(2027, 1, 31)
    assert words.every("30d") == 30


def test_a_model_trained_and_withdrawn(ws: Workspace) -> None:
    run("register", "seeds", "data/seeds.jsonl", "--technique", "human", "--no-dvc", "--quiet")
    assert "ours@1 was trained on seeds@1" in run("trained", "ours@1", "--on", "seeds", "--base", "llama@3").stdout
    run("register", "sft", "data/sft.jsonl", "--generator", "ours@1", "--no-dvc", "--quiet")
    told = run("withdraw", "llama@3", "--why", "licence").stdout
    assert "it touched 1 registered version\n" in told
    assert "sft@1" in told
    assert index.graph(ws).nodes["model:llama@3"].withdrawn == "licence"
    assert "no run" in run("trained", "--from-mlflow").stdout
    assert models.load("ours", ws) is not None


def test_what_git_keeps_is_left_to_git(ws: Workspace) -> None:
    for command in (["git", "init", "--quiet"], ["git", "add", "-f", "data/sft.jsonl"]):
        subprocess.run(command, cwd=ws.root, check=True)
    done = run("register", "sft", "data/sft.jsonl", "--kind", "real")
    assert done.return_value == 0
    assert "note: git keeps the bytes, so DVC does not\n" in done.stderr
    assert not (ws.root / "data" / "sft.jsonl.dvc").exists()


def test_what_dvc_and_git_refuse_is_a_note_and_the_card_is_written(ws: Workspace) -> None:
    """In the middle of a merge of git, with a `.dvc` file that the merge left broken."""
    subprocess.run(["git", "init", "--quiet"], cwd=ws.root, check=True)
    (ws.root / ".git" / "MERGE_HEAD").write_text("0" * 40 + "\n")
    pointer = ws.root / "data" / "sft.jsonl.dvc"
    pointer.write_text("<<<<<<< HEAD\nouts: []\n=======\n>>>>>>> theirs\n")
    done = run("register", "sft", "data/sft.jsonl", "--kind", "real", "--push")
    assert done.return_value == 2, "a push was asked for and could not be done"
    assert "registered sft@1" in done.stdout
    assert "DVC does not keep it yet" in done.stderr
    assert "in the middle of a merge" in done.stderr
    assert cards.load("sft", ws).versions[0].dvc is None
    # Settled: the same command completes it.
    pointer.unlink()
    again = run("register", "sft", "data/sft.jsonl")
    assert "registered already" in again.stdout
    tracked = cards.load("sft", ws).versions[0].dvc
    assert tracked is not None
    assert tracked.file == "data/sft.jsonl.dvc"
    (ws.root / "data" / "sft.jsonl").unlink()
    assert run("checkout", "sft").stdout.strip() == str(ws.root / "data" / "sft.jsonl")
    assert (ws.root / "data" / "sft.jsonl").read_text().count("\n") == 4


def test_lineage_like_another_version_s(ws: Workspace) -> None:
    """What is given stands, what is not is taken over only where it is asked for; prompts are as they are now."""
    run("register", "seeds", "data/seeds.jsonl", "--technique", "human", "--person", "Ada", "--no-dvc", "--quiet")
    first = "--generator a@1 --prompt p.txt --seeds seeds --technique self-instruct --fact iteration=2"
    run("register", "sft", "data/sft.jsonl", *first.split(), "--no-dvc", "--quiet")
    old = cards.load("sft", ws).versions[0].lineage
    (ws.root / "p.txt").write_text("another prompt")
    for n, typed in enumerate((["--like", "sft@1"], []), 5):
        lines = [json.dumps({"prompt": f"more {i}", "response": "x"}) + "\n" for i in range(n)]
        (ws.root / "data" / "sft.jsonl").write_text("".join(lines))
        done = run("register", "sft", "data/sft.jsonl", "--generator", "b@2", *typed, "--no-dvc")
        assert ("what was not given is that of sft@1" in done.stderr) is bool(typed)
    like, bare = (version.lineage for version in cards.load("sft", ws).versions[1:])
    assert [str(one.model) for one in like.generators] == ["b@2"]
    assert (like.seeds, like.technique, like.facts) == (old.seeds, "self-instruct", {"iteration": 2})
    assert like.prompts[0].name == "p"
    assert like.prompts[0].digest != old.prompts[0].digest
    assert (bare.seeds, bare.prompts, bare.technique) == ((), (), None)
    (ws.root / "data" / "sft.jsonl").write_text('{"prompt": "last", "response": "x"}\n')
    with pytest.raises(ConfigError, match="no version '9'"):
        run("register", "sft", "data/sft.jsonl", "--like", "sft@9", "--no-dvc")
