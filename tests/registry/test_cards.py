"""Cards: written and read, held to their schema, edited by hand without loss."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from auditor.core import documents
from auditor.model.card import Card, Generator, Lineage, Model, Registered, Source
from auditor.model.errors import ConfigError
from auditor.registry import Workspace, cards, grammar, plain, retouch
from tests.registry.any_cards import CARDS

DIGEST = "sha256:" + "ab" * 32
WHEN = "2026-01-02T03:04:05Z"
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", ValueError)  # which jsonschema knows only with another package
def is_moment(value: object) -> bool:
    return not isinstance(value, str) or dt.datetime.fromisoformat(value).tzinfo is not None


VALIDATOR = jsonschema.Draft202012Validator(grammar.schema("card"), format_checker=FORMATS)


def version(number: int, **more: object) -> Registered:
    status = more.pop("status", "current")
    return replace(
        Registered(number, NOW, "data/a.jsonl", DIGEST, 10, Lineage("human", people=("Ada",))),
        status=status,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(CARDS)
def test_a_card_reads_back_as_it_was_written_and_fits_its_schema(card: Card) -> None:
    text = cards.dump(card)
    assert cards.parse(documents.parse(text, "f"), Path(f"{card.name}.yaml")) == card
    VALIDATOR.validate(yaml.safe_load(text))
    assert plain.card(plain.of_card(card)) == card


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(CARDS, CARDS)
def test_a_card_over_another_keeps_what_is_the_same(old: Card, new: Card) -> None:
    """Whatever was there, the rewritten text says the new card; where they agree, it is the old text."""
    new = replace(new, name=old.name)
    text = "# by hand\n" + cards.dump(old) + "# the end\n"
    made = retouch.retouch(text, plain.of_card(old), plain.of_card(new), "versions")
    assert made is not None
    assert cards.parse(documents.parse(made, "f"), Path(f"{old.name}.yaml")) == new
    assert made.startswith("# by hand\nname:")
    assert retouch.retouch(text, plain.of_card(old), plain.of_card(old), "versions") == text


def test_what_people_wrote_beside_a_card_stays(workspace: Path) -> None:
    place = workspace / "datasets" / "sft.yaml"
    place.parent.mkdir()
    place.write_text(
        "# Ours. Ask Ada.\n"
        "kind: synthetic   # since May\n"
        "name: 'sft'\n"
        "\n"
        "# who to ask\n"
        "owner: Ada\n"
        "versions:\n"
        "  # the first\n"
        f"  - {{version: 1, date: 2026-01-02T03:04:05Z, path: a.jsonl, digest: {DIGEST!r}, rows: 3}}\n"
        "  # the second\n"
        "  - version: 2\n"
        "    status: candidate\n"
        "    date: 2026-01-02T03:04:05Z\n"
        "    path: a.jsonl\n"
        f"    digest: {DIGEST}   # same rows\n"
        "    rows: 3\n"
    )
    ws = Workspace(workspace)
    card = cards.load("sft", ws)
    first, second = card.versions
    cards.save(replace(card, owner="Bob", versions=(replace(first, status="superseded"), second, version(3))), ws)
    text = place.read_text()
    assert text.startswith("# Ours. Ask Ada.\nkind: synthetic   # since May\nname: 'sft'\n\n# who to ask\nowner: Bob\n")
    assert f"    digest: {DIGEST}   # same rows\n    rows: 3\n  - version: 3\n" in text
    assert "  # the first\n  - version: 1\n" in text
    assert "status: superseded" in text
    assert cards.load("sft", ws).versions[2] == version(3)


@pytest.mark.parametrize(
    "text",
    [
        f"{{name: a, kind: real, versions: [{{version: 1, date: '{WHEN}', path: a, digest: '{DIGEST}', rows: 1}}]}}",
        f"---\nname: a\nkind: eval\nversions:\n-\n version: 1\n date: {WHEN}\n path: a\n digest: {DIGEST}\n rows: 1\n",
    ],
)
def test_other_styles_are_written_anew(workspace: Path, text: str) -> None:
    ws = Workspace(workspace)
    (workspace / "datasets").mkdir()
    (workspace / "datasets" / "a.yaml").write_text(text)
    card = cards.load("a", ws)
    changed = replace(
        card, owner="Ada", versions=(*(replace(v, status="superseded") for v in card.versions), version(2))
    )
    cards.save(changed, ws)
    assert cards.load("a", ws) == changed


GOOD = f"""name: sft
kind: synthetic
versions:
- version: 1
  date: 2026-01-02T03:04:05+00:00
  path: data/a.jsonl
  digest: {DIGEST}
  rows: 3
  lineage:
    technique: self-instruct
    generators: [gpt-4o@2024-08-06]
    prompts:
    - {{name: p, digest: {DIGEST}}}
"""


def wrong(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


# (text, line, words of the message, whether the schema finds it too)
SINS = [
    (wrong("kind: synthetic", "kind: synthtic"), 2, "did you mean 'synthetic'", True),
    (wrong("kind: synthetic", "kind: synthetic\nowner_: me"), 3, "did you mean 'owner'", True),
    (wrong("kind: synthetic", "kind: synthetic\nowner: [me]"), 3, "'owner' must be a text", True),
    (wrong("kind: synthetic", "kind: synthetic\nowner: 7"), 3, "put it in quotes", True),
    (wrong("kind: synthetic", "kind: synthetic\nowner: ' '"), 3, "not empty", True),
    (wrong("kind: synthetic", "kind: synthetic\nrefresh: {every: 0}"), 3, "whole number", True),
    (wrong("kind: synthetic", "kind: synthetic\nrefresh: {expires: soon}"), 3, "not a date", True),
    (wrong("name: sft", "name: ../sft"), 1, "not of the form", True),
    (wrong("name: sft", "name: other"), 1, "not the file's", False),
    (wrong("kind: synthetic\n", ""), 1, "no 'kind'", True),
    (wrong("versions:\n", "versions: []\nx:\n"), 5, "unknown key 'x'", True),
    (wrong("rows: 3", "rows: -3"), 8, "whole number", True),
    (wrong("rows: 3", "rows: many"), 8, "whole number", True),
    (wrong("rows: 3", "rows: true"), 8, "whole number", True),
    (wrong("  rows: 3\n", ""), 4, "no 'rows'", True),
    (wrong("version: 1", "version: 0"), 4, "whole number", True),
    (wrong(DIGEST, "sha256:ab"), 7, "not of the form", True),
    (wrong("2026-01-02T03:04:05+00:00", "2026-01-02"), 5, "not a moment", True),
    (wrong("2026-01-02T03:04:05+00:00", "yesterday"), 5, "not a moment", True),
    (wrong("2026-01-02T03:04:05+00:00", "2999-01-02T03:04:05+00:00"), 5, "in the future", False),
    (wrong("self-instruct", "self-instuct"), 10, "did you mean 'self-instruct'", False),
    (wrong("[gpt-4o@2024-08-06]", "[{provider: x}]"), 11, "no 'model'", True),
    (wrong("[gpt-4o@2024-08-06]", "[{model: m, follows: nowhere}]"), 11, "looked up", True),
    (wrong("[gpt-4o@2024-08-06]", "gpt-4o"), 11, "must be a list", True),
    (wrong("[gpt-4o@2024-08-06]", "[{model: m, decoding: {t: [1]}}]"), 11, "one value", True),
    (wrong("[gpt-4o@2024-08-06]", "[{model: m, decoding: {t: .nan}}]"), 11, "can be kept", False),
    (wrong("[gpt-4o@2024-08-06]", f"[{{model: m, decoding: {{seed: {2**80}}}}}]"), 11, "can be kept", False),
    (wrong("rows: 3", f"rows: {2**70}"), 8, "whole number", False),
    (wrong("2026-01-02T03:04:05+00:00", "0001-01-01T00:00:00+14:00"), 5, "not a moment", False),
    (wrong("prompts:", "seeds:\n    - {}\n    prompts:"), 13, "is empty", True),
    (wrong("prompts:", "seeds:\n    - {dataset: x}\n    prompts:"), 13, "NAME@VERSION", True),
    (wrong("  lineage:", "  dvc: {md5: xyz, size: 1, file: a.dvc}\n  lineage:"), 9, "DVC's own hash", True),
    (GOOD + GOOD[GOOD.index("- version") :], 14, "versions must rise", False),
    (GOOD + GOOD[GOOD.index("- version") :].replace("version: 1", "version: 2"), 14, "two versions are current", False),
    (wrong("rows: 3", "rows: 3\n  supersedes: 1"), 9, "an earlier one", False),
    (wrong("  rows: 3", "\trows: 3"), 8, "not plain YAML", False),
    (wrong("name: sft", "name: &a sft"), 1, "anchors", False),
    ("- a\n- b\n", 1, "must be a mapping", True),
    ("true\n", 1, "must be a mapping", True),
]


@pytest.mark.parametrize(("text", "line", "said", "schema"), SINS)
def test_every_mistake_is_told_with_file_and_line(
    workspace: Path, text: str, line: int, said: str, schema: bool
) -> None:
    (workspace / "datasets").mkdir()
    place = workspace / "datasets" / "sft.yaml"
    place.write_text(text)
    with pytest.raises(ConfigError) as raised:
        cards.load("sft", Workspace(workspace))
    assert said in str(raised.value)
    assert (raised.value.file, raised.value.line) == (str(place), line)
    if schema:
        value = yaml.safe_load(text)
        assert list(VALIDATOR.iter_errors(as_json(value))), "the reader refuses what the schema allows"


def as_json(value: object) -> object:
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [as_json(one) for one in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def test_the_good_one_is_good(workspace: Path) -> None:
    (workspace / "datasets").mkdir()
    (workspace / "datasets" / "sft.yaml").write_text(GOOD)
    card = cards.load("sft", Workspace(workspace))
    assert card.versions[0].lineage.generators == (Generator(Model("gpt-4o", "2024-08-06")),)
    VALIDATOR.validate(as_json(yaml.safe_load(GOOD)))


def test_a_broken_card_is_not_written_over(workspace: Path) -> None:
    place = workspace / "datasets" / "sft.yaml"
    place.parent.mkdir()
    place.write_text("name: sft\nkind: synthetic\nnonsense: [\n")
    with pytest.raises(ConfigError):
        cards.save(Card("sft", "real"), Workspace(workspace))
    assert "nonsense" in place.read_text()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a@1", "a b", "x" * 81, "a\x00b", "é", "a."]
)
def test_names_that_could_be_paths_are_refused(workspace: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="not a name for a dataset"):
        cards.path(name, Workspace(workspace))


@pytest.mark.parametrize("name", ["CON", "nul", "aux.txt", "com1.v2", "LPT9"])
def test_names_that_windows_cannot_check_out_are_refused(workspace: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="Windows"):
        cards.path(name, Workspace(workspace))


def test_names_that_differ_in_case_alone_are_one(workspace: Path) -> None:
    ws = Workspace(workspace)
    cards.save(Card("sft", "real"), ws)
    with pytest.raises(ConfigError, match="where case does not count"):
        cards.save(Card("SFT", "real"), ws)
    cards.save(Card("sft", "eval"), ws)
    assert cards.names(ws) == ["sft"]


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (Card("sft", "real", owner=" "), "'owner' is not of the form"),
        (Card("sft", "real", owner="caf\udce9"), "not UTF-8"),
        (Card("sft", "real", (version(1, lineage=Lineage(facts={"seed": 2**80})),)), "can be kept"),
        (Card("sft", "real", (version(1, lineage=Lineage(generators=(Generator(Model(" ")),))),)), "'model'"),
        (Card("sft", "real", owner="x" * (17 << 20)), "too large"),
    ],
)
def test_a_card_that_would_not_read_back_is_not_written(workspace: Path, card: Card, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        cards.save(card, Workspace(workspace))
    assert not (workspace / "datasets" / "sft.yaml").exists()


def test_names_are_those_of_cards(workspace: Path) -> None:
    ws = Workspace(workspace)
    assert cards.names(ws) == []
    for name in ("b", "a"):
        cards.save(Card(name, "real"), ws)
    (workspace / "datasets" / ".b.yaml.x.tmp").touch()
    (workspace / "datasets" / "c.yaml").mkdir()
    assert cards.names(ws) == ["a", "b"]
    with pytest.raises(ConfigError, match="did you mean 'a'"):
        cards.load("aa", ws)


def test_a_declaration_has_the_facts_and_what_to_register(tmp_path: Path) -> None:
    place = tmp_path / "any.yaml"
    place.write_text(
        "name: sft\nkind: synthetic\npath: data/a.jsonl\nwhy: better\nmap: {prompt: q}\n"
        "lineage:\n  technique: paraphrase\n  parents: [seeds@1, ../raw.jsonl]\n  prompts: [p.txt]\n"
    )
    told = cards.declared(place)
    assert (told.path, told.why) == ("data/a.jsonl", "better")
    assert told.facts == {"name": "sft", "kind": "synthetic", "map": {"prompt": "q"}}
    assert told.lineage is not None
    assert told.lineage.parents == (Source(None, dataset="seeds@1"), Source(None, file="../raw.jsonl"))
    place.write_text("name: sft\nversions: []\n")
    with pytest.raises(ConfigError, match="unknown key 'versions'"):
        cards.declared(place)
    place.write_text("lineage: {technique: paraphrasing}\n")
    with pytest.raises(ConfigError, match="did you mean 'paraphrase'"):
        cards.declared(place)
