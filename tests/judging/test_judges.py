"""judges.yaml: what is read, and every mistake by its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from auditor.core.judges.juries import Jury
from auditor.judging import judges, prompts
from auditor.model.errors import ConfigError

FULL = """\
judges:
  gpt:
    endpoint: https://api.example.com/v1/
    model: gpt-4o-2024-11-20
    key: SOME_API_KEY
    temperature: 0.5
    seed: 3
    repeats: 2
    max_tokens: 64
    structured: no
    rpm: 500
    tpm: 30000
    concurrency: 4
    timeout: 12.5
    price_in: 2.5
    price_out: 10
    prompt: ours.yaml
  ours: {callable: ours, model: llama-3-tuned}
  bare: {endpoint: "http://127.0.0.1:8000/v1/chat/completions", model: m, temperature: null, max_completion_tokens: 9}
"""


def read(folder: Path, text: str) -> tuple[judges.Judge, ...]:
    path = folder / "judges.yaml"
    path.write_text(text)
    return judges.read(path)


def test_a_file_in_full(tmp_path: Path) -> None:
    gpt, ours, bare = read(tmp_path, FULL)
    assert gpt == judges.Judge(
        "gpt", "https://api.example.com/v1", "gpt-4o-2024-11-20", "SOME_API_KEY", str(tmp_path / "ours.yaml"),
        0.5, 3, 2, 64, "max_tokens", "no", 500.0, 30000.0, 4, 12.5, 2.5, 10.0,
    )  # fmt: skip
    assert gpt.cost(1_000_000, 100_000) == pytest.approx(3.5)
    assert (ours.entry_point, ours.model, ours.priced) == ("ours", "llama-3-tuned", False)
    assert (bare.endpoint, bare.temperature, bare.limit, bare.max_tokens) == (
        "http://127.0.0.1:8000/v1", None, "max_completion_tokens", 9,
    )  # fmt: skip
    assert [judge.name for judge in judges.read(tmp_path / "judges.yaml", "ours")] == ["ours"]
    with pytest.raises(ConfigError, match="no judge 'our'"):
        judges.read(tmp_path / "judges.yaml", "our")


def test_the_documented_files_are_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "judges.md"
    if not page.exists():
        pytest.skip("not a checkout")
    jury, prompt = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    assert [judge.name for judge in read(tmp_path, jury)] == ["gpt", "local", "ours"]
    (tmp_path / "ours.yaml").write_text(prompt)
    assert prompts.load(str(tmp_path / "ours.yaml")).kind == "pairwise"
    assert set(prompts.names()) <= set(re.findall(r"`([a-z-]+)`", page.read_text()))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("judges: {}", 1, "no judge"),
        ("judge: {}", 1, "did you mean 'judges'"),
        ("judges:\n  a:\n    model: m", 3, "one of 'endpoint' and 'callable'"),
        ("judges:\n  a:\n    endpoint: http://h/v1", 3, "no 'model'"),
        ("judges:\n  a:\n    endpoint: ftp://h\n    model: m", 3, "no address"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    rmp: 3", 5, "did you mean 'rpm'"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    rpm: fast", 5, "must be a number"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    rpm: 0", 5, "from 0.1"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    repeats: 1.5", 5, "whole number"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    price_in: .nan", 5, "must be a number"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    temperature: true", 5, "must be a number"),
        ("judges:\n  a:\n    endpoint: http://h/v1\n    model: m\n    structured: maybe", 5, "unknown name"),
    ],
)
def test_mistakes_are_told_by_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)
    assert f"judges.yaml:{line}:" in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    ["key: sk-hidden-1", "endpoint: https://user:sk-hidden-1@h/v1", "endpoint: https://h/v1?api_key=sk-hidden-1"],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, wrong: str) -> None:
    text = "judges:\n  a:\n    model: m\n    " + ("endpoint: http://h/v1\n    " if "key: sk" in wrong else "") + wrong
    with pytest.raises(ConfigError, match="variable") as caught:
        read(tmp_path, text)
    assert "hidden" not in str(caught.value)


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judges.Judge("a", "http://h/v1", "m", "AUDITOR_TEST_JUDGE_KEY")
    monkeypatch.delenv("AUDITOR_TEST_JUDGE_KEY", raising=False)
    with pytest.raises(ConfigError, match="AUDITOR_TEST_JUDGE_KEY is not set"):
        judges.key_of(judge)
    monkeypatch.setenv("AUDITOR_TEST_JUDGE_KEY", "sk-1\n")
    assert judges.key_of(judge) == "sk-1"
    monkeypatch.setenv("AUDITOR_TEST_JUDGE_KEY", "sk-1\r\nHost: evil")
    with pytest.raises(ConfigError) as caught:
        judges.key_of(judge)
    assert "evil" not in str(caught.value)
    assert judges.key_of(judges.Judge("a", "http://h/v1", "m")) is None


PANEL = """\
judges:
  x: {callable: x}
  y: {callable: y}
  z: {callable: z}
panel:
  jury: {members: [z, x], vote: weighted, weights: {x: 2}, rule: tie}
  all: {members: [x, y, z]}
"""


def test_panels_are_of_judges_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "judges.yaml"
    path.write_text(PANEL)
    assert judges.panels(path) == {
        "jury": Jury("jury", ("z", "x"), "weighted", {"x": 2.0}, "tie"),
        "all": Jury("all", ("x", "y", "z")),
    }
    assert [judge.name for judge in judges.read(path)] == ["x", "y", "z"]
    assert [judge.name for judge in judges.read(path, "jury")] == ["x", "z"]
    assert [judge.name for judge in judges.read(path, "y")] == ["y"]
    assert judges.panel(path, "all").name == "all"
    with pytest.raises(ConfigError, match="2 panels, and none is named"):
        judges.panel(path)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("{members: [x, w]}", "unknown name 'w'"),
        ("{members: [x, x]}", "each once"),
        ("{members: []}", "each once"),
        ("{members: [x], vote: borda}", "unknown name 'borda'"),
        ("{members: [x], weights: {x: 1}}", "no weighted vote"),
        ("{members: [x], vote: weighted, weights: {y: 1}}", "unknown key 'y'"),
        ("{members: [x], vote: weighted, weights: {x: -1}}", "must be a number"),
        ("{members: [x], rule: lenient}", "unknown name 'lenient'"),
        ("{vote: majority}", "has no 'members'"),
    ],
)
def test_what_is_no_panel(wrong: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "judges.yaml"
    path.write_text(f"judges:\n  x: {{callable: x}}\n  y: {{callable: y}}\npanel:\n  jury: {wrong}\n")
    with pytest.raises(ConfigError, match=why) as error:
        judges.read(path)
    assert error.value.line in (5, None) or "line 5" in str(error.value)


def test_a_panel_is_no_judge(tmp_path: Path) -> None:
    path = tmp_path / "judges.yaml"
    path.write_text("judges:\n  x: {callable: x}\npanel:\n  x: {members: [x]}\n")
    with pytest.raises(ConfigError, match="name of a judge"):
        judges.panels(path)
