"""Model cards and the revisions in use."""

from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from auditor.model.card import Model, ModelCard, Revision
from auditor.model.errors import ConfigError
from auditor.registry import Workspace, grammar, models
from tests.registry.any_cards import MODEL_CARDS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=30)
@given(MODEL_CARDS, MODEL_CARDS)
def test_written_and_read(tmp_path: Path, old: ModelCard, new: ModelCard) -> None:
    ws = Workspace(tmp_path)
    new = replace(new, name=old.name)
    try:
        place = models.path(old.name, ws)
    except ConfigError:  # nothing in it that a file could be called by
        return
    place.unlink(missing_ok=True)
    models.save(old, ws)
    assert models.load(old.name, ws) == old
    models.save(new, ws)
    assert models.load(old.name, ws) == new
    jsonschema.Draft202012Validator(grammar.schema("model")).validate(yaml.safe_load(place.read_text()))
    assert place.parent == tmp_path / "models"


def test_names_with_a_slash_and_names_that_collide(workspace: Path) -> None:
    ws = Workspace(workspace)
    models.save(ModelCard("meta-llama/Llama-3"), ws)
    assert (workspace / "models" / "meta-llama--Llama-3.yaml").is_file()
    assert list(models.all(ws)) == ["meta-llama/Llama-3"]
    with pytest.raises(ConfigError, match="not of 'meta-llama:Llama-3'"):
        models.load("meta-llama:Llama-3", ws)
    assert models.load("gpt-4o", ws) is None
    for name in ("", "..", "/", "../.."):
        with pytest.raises(ConfigError, match="not a name for a model"):
            models.path(name, ws)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: m\nrevisions:\n- revision: a\n- revision: a\n", 4, "given twice"),
        ("name: m\nrevisions:\n- base: x\n- {}\n", 4, "every revision"),
        ("name: m\nrevisions:\n- withdrawn: {date: 2999-01-01, why: x}\n", 3, "in the future"),
        ("name: m\nrevisions:\n- withdrawn: {date: 2026-01-01}\n", 3, "no 'why'"),
        ("name: m\nrevisions:\n- trained_on: [sft]\n", 3, "NAME@VERSION"),
        ("name: m\nrevision: x\n", 2, "did you mean 'revisions'"),
    ],
)
def test_mistakes(workspace: Path, text: str, line: int, said: str) -> None:
    (workspace / "models").mkdir()
    (workspace / "models" / "m.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        models.load("m", Workspace(workspace))
    assert said in str(raised.value)
    assert raised.value.line == line


def test_the_lock_file(workspace: Path) -> None:
    ws = Workspace(workspace)
    assert models.locked(ws) == {}
    place = workspace / "models.lock.yaml"
    place.write_text("gpt-4o: 2024-08-06\ngpt-3_5: '0125'\n")
    assert models.locked(ws) == {"gpt-4o": "2024-08-06", "gpt-3_5": "0125"}
    assert [models.key(name) for name in ("gpt-3.5", "org/a b")] == ["gpt-3_5", "org_a_b"]
    for text, said in (("gpt-3.5: x\n", "gpt-3_5"), ("a: 7\n", "put it in quotes"), ("a: [x]\n", "must be a text")):
        place.write_text(text)
        with pytest.raises(ConfigError, match=said):
            models.locked(ws)


def test_models_are_said_at_one_revision() -> None:
    assert Model.parse("a/b@c") == Model("a/b", "c")
    assert Model.parse("gpt-4o-2024-08-06") == Model.parse("gpt-4o@2024-08-06") == Model("gpt-4o", "2024-08-06")
    assert Model.parse("claude-3-5-sonnet-20241022") == Model("claude-3-5-sonnet", "20241022")
    assert Model.parse("gpt-4o-2024-08-06@x") == Model("gpt-4o-2024-08-06", "x")
    for name in ("gpt-4-0613", "Qwen3-4B-2507", "-2024-08-06", "2024-08-06", "gpt-4o-2024-08-06-mini"):
        assert Model.parse(name) == Model(name)
    assert str(Revision("x").revision) == "x"
